"""Regions of interest of one plane, found by suite2p's functional segmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import InputError, SettingsError, problem
from dina.imaging.frames import open_frames
from dina.imaging.indicators import tau_s
from dina.settings import DetectionSettings

FINEST_SCALE_PX = 3.0  # suite2p's spatial scale k stands for ROIs of 3 · 2**k pixels, k from 1 to 4
SCALES = (1.55, 4.0)  # below the first, about 9 px, noise and not the soma's size decides what can be found
ROI_SOMA_AREAS = 1.4  # median size of a matched ROI in simulations, somata of 10 to 15 µm: blur widens them
GAP_PX = 1  # between an ROI and the ring it is compared with: its edge is blurred
BYTES_PER_BINNED_PIXEL = 22  # at suite2p's peak: five and a half copies of the binned movie, measured
FRAMES_PER_READ = 500  # of suite2p's binning, hence the longest bin
CARRIED = ("n_frames", "height_px", "width_px", "volume_rate_hz", "pixel_size_um", "plane", "pixel_scale")


@dataclass(frozen=True)
class Footprints:
    """Pixels and weights of ROIs in compressed rows: ROI k owns ``indptr[k]`` to ``indptr[k + 1]``.

    Attributes
    ----------
    indptr : (rois + 1,) int64
    pixel : (entries,) int32, y · width + x
    weight : (entries,) float32, positive
    """

    indptr: np.ndarray
    pixel: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def roi(self, k: int) -> slice:
        """The entries of one ROI."""
        return slice(int(self.indptr[k]), int(self.indptr[k + 1]))

    def subset(self, rois: np.ndarray) -> Footprints:
        """The footprints of some ROIs, in the order given."""
        entries = [self.roi(k) for k in rois]
        return Footprints(
            np.cumsum([0] + [e.stop - e.start for e in entries]).astype(np.int64),
            np.concatenate([self.pixel[e] for e in entries]) if entries else self.pixel[:0],
            np.concatenate([self.weight[e] for e in entries]) if entries else self.weight[:0],
        )

    @classmethod
    def join(cls, parts: list[Footprints]) -> Footprints:
        """Footprints one after another."""
        lengths = np.concatenate([[0], *(np.diff(part.indptr) for part in parts)])
        return cls(
            np.cumsum(lengths).astype(np.int64),
            np.concatenate([part.pixel for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )

    def write(self, store: Path) -> None:
        """Write ``indptr``, ``pixel`` and ``weight`` into an open store."""
        stores.write_array(store, "indptr", self.indptr)
        stores.write_array(store, "pixel", self.pixel, unit="y * width_px + x")
        stores.write_array(store, "weight", self.weight)

    @classmethod
    def read(cls, store: str | Path) -> Footprints:
        """Read them from a store."""
        return cls(*(stores.read_array(store, name) for name in ("indptr", "pixel", "weight")))


def detect_rois(
    registered: Path,
    output: Path,
    settings: DetectionSettings,
    cell_diameter_um: float | None = None,
    indicator: str | None = None,
) -> None:
    """Find ROIs in a registered plane and write the ``rois`` store.

    The store holds footprints (see :class:`Footprints`) and, per ROI, ``centroid_px`` (rois, 2) y and x,
    weighted; ``n_pixels``; ``n_soma_pixels`` without dendrites; ``radius_px`` of the fitted ellipse's longer axis;
    ``aspect_ratio``; ``compactness`` (1 is a disc); ``relative_size``, 1 for the ROI that a soma usually gives;
    ``contrast`` with its surround in the mean image; with a structural channel ``red_probability`` and ``red``.
    Besides, ``mean_image`` and ``max_projection`` (height, width) of the temporally filtered movie, 0 outside the
    visible range, and the registration's attributes with ``diameter_px``.

    Parameters
    ----------
    registered, output : Path
    settings : DetectionSettings
    cell_diameter_um : float, optional
        Diameter of a soma; sets what size of structure is sought.
    indicator : str, optional
        Sets the duration over which frames are averaged before detection.

    Raises
    ------
    InputError
        If no ROI is found.
    SettingsError
        If the size of a soma in pixels is unknown.
    """
    attributes = stores.read_attributes(registered)
    diameter_px = soma_diameter_px(settings, cell_diameter_um, attributes["pixel_size_um"])
    stats, max_projection = _detect(registered, attributes, settings, diameter_px, indicator)
    width = attributes["width_px"]
    footprints = _footprints(stats, width)
    measures = {
        "centroid_px": centroids_px(footprints, width),
        "n_pixels": np.diff(footprints.indptr).astype(np.int32),
        "n_soma_pixels": np.array([stat["npix_soma"] for stat in stats], np.int32),
        "radius_px": np.array([stat["radius"] for stat in stats], np.float32),
        "aspect_ratio": np.array([stat["aspect_ratio"] for stat in stats], np.float32),
        "compactness": np.array([stat["compact"] for stat in stats], np.float32),
    }
    mean_image = stores.read_array(registered, "mean_image")
    measures["contrast"] = surround_contrast(footprints, mean_image, diameter_px)
    if stores.holds(registered, "mean_image_structural"):
        structural = stores.read_array(registered, "mean_image_structural")
        measures["red_probability"] = red_probability(stats, mean_image, structural)
        measures["red"] = measures["red_probability"] > settings.red_threshold
    # suite2p divides by the median ROI, so that somata among many specks of dendrite pass for giants
    usual_px = ROI_SOMA_AREAS * soma_area_px(diameter_px)
    measures["relative_size"] = (measures["n_soma_pixels"] / usual_px).astype(np.float32)
    with stores.new_store(output) as store:
        footprints.write(store)
        for name, values in measures.items():
            stores.write_array(store, name, values, unit="px" if name.endswith("_px") else "")
        stores.write_array(store, "mean_image", mean_image, unit="stored value")
        stores.write_array(store, "max_projection", max_projection, unit="stored value")
        stores.write_attributes(store, {key: attributes[key] for key in CARRIED} | {"diameter_px": diameter_px})


def soma_diameter_px(settings: DetectionSettings, cell_diameter_um: float | None, pixel_size_um: float | None) -> float:
    """The soma's diameter in pixels, as set, or from the recording sheet."""
    if settings.soma_diameter_px is not None:
        return settings.soma_diameter_px
    if cell_diameter_um is None or pixel_size_um is None:
        found = f"cell_diameter_um {cell_diameter_um}, pixel_size_um {pixel_size_um}"
        remedy = "Fill in the recording sheet, or set detection.soma_diameter_px."
        raise SettingsError(problem("size of a soma in pixels", found, "both", remedy))
    return cell_diameter_um / pixel_size_um


def soma_area_px(diameter_px: float) -> float:
    """Area of a disc of the soma's diameter, pixels."""
    return math.pi / 4 * diameter_px**2


def spatial_scale(diameter_px: float) -> float:
    """suite2p's spatial scale for somata of a diameter, as a continuous number.

    All that the scale does in suite2p 1.1 is to multiply the detection threshold: ROIs of every size are sought
    at once. Rounded to a whole number it would double the threshold between somata of 8 and of 9 pixels, and
    suite2p's own guess follows the neuropil in dense tissue.
    """
    return float(np.clip(math.log2(diameter_px / FINEST_SCALE_PX), *SCALES))


def frames_per_bin(attributes: dict, settings: DetectionSettings, indicator: str | None) -> int:
    """Frames that are averaged before detection.

    A bin about as long as a transient shows it best: suite2p's own choice, the whole decay, hides some of the
    neurons that fire rarely. Memory grows with bins × pixels, which bounds the number of bins.
    """
    bin_s = settings.bin_s or tau_s(indicator) / 2
    pixel_mb = BYTES_PER_BINNED_PIXEL * attributes["height_px"] * attributes["width_px"] / 1e6
    n_bins = max(1, min(settings.n_bins, int(settings.max_memory_mb / pixel_mb)))
    bin_frames = max(1, round(bin_s * attributes["volume_rate_hz"]), -(-attributes["n_frames"] // n_bins))
    # suite2p bins each read apart and drops what is left over: as long a bin as leaves the number of bins
    return FRAMES_PER_READ // max(1, FRAMES_PER_READ // bin_frames)


def centroids_px(footprints: Footprints, width: int) -> np.ndarray:
    """(rois, 2) float32 weighted centre of each ROI, y and x."""
    owner = np.repeat(np.arange(len(footprints)), np.diff(footprints.indptr))
    total = np.bincount(owner, footprints.weight, len(footprints))
    y, x = np.divmod(footprints.pixel, width)
    sums = [np.bincount(owner, footprints.weight * axis, len(footprints)) for axis in (y, x)]
    return (np.stack(sums, axis=1) / total[:, None]).astype(np.float32)


def surround_contrast(footprints: Footprints, mean_image: np.ndarray, diameter_px: float) -> np.ndarray:
    """How much brighter each ROI is in the mean image than a ring around it, relative to the ring.

    The ring begins one pixel from the ROI and is a quarter of a soma wide, at least two pixels.

    Parameters
    ----------
    footprints : Footprints
    mean_image : (height, width)
    diameter_px : float
        Of a soma.

    Returns
    -------
    (rois,) float32; 0 where there is no ring.
    """
    from scipy.ndimage import binary_dilation

    outer = GAP_PX + max(2, round(diameter_px / 4))
    contrast = np.zeros(len(footprints), np.float32)
    for k in range(len(footprints)):
        y, x = np.divmod(footprints.pixel[footprints.roi(k)], mean_image.shape[1])
        near = tuple(slice(max(0, axis.min() - outer), axis.max() + outer + 1) for axis in (y, x))
        image = mean_image[near]
        inside = np.zeros(image.shape, bool)
        inside[y - near[0].start, x - near[1].start] = True
        ring = binary_dilation(inside, iterations=outer) & ~binary_dilation(inside, iterations=GAP_PX)
        surround = image[ring].mean() if ring.any() else 0
        if surround > 0:
            contrast[k] = image[inside].mean() / surround - 1
    return contrast


def red_probability(stats: list[dict], mean_image: np.ndarray, structural: np.ndarray) -> np.ndarray:
    """How bright each ROI is in the structural channel, as a share of itself and its surround: 0.5 is no label.

    The functional channel's light that bleeds into the structural one is taken away first, by a line fitted to the
    pixels outside all ROIs, so that no label is taken for it. (suite2p's own correction fits without an intercept, and
    to labelled cells as well: it takes away the background, and dim labels with it.)

    Parameters
    ----------
    stats : suite2p's ROIs
    mean_image, structural : (height, width)

    Returns
    -------
    (rois,) float32 from 0 to 1.
    """
    from suite2p.detection.chan2detect import intensity_ratio

    outside = np.ones(structural.shape, bool)
    for stat in stats:
        outside[stat["ypix"], stat["xpix"]] = False
    functional = mean_image - np.median(mean_image)
    slope = max(0.0, float(np.polyfit(functional[outside], structural[outside], 1)[0])) if outside.any() else 0.0
    clean = np.maximum(structural - slope * functional, 0)
    return intensity_ratio(clean.astype(np.float32), stats)[:, 1].astype(np.float32)


def _detect(
    registered: Path, attributes: dict, settings: DetectionSettings, diameter_px: float, indicator: str | None
) -> tuple[list[dict], np.ndarray]:
    """suite2p's ROIs, and its maximum projection in the frame of the whole field of view."""
    from dina.imaging import suite2p

    wrapper = suite2p.load().detection_wrapper
    import torch
    from suite2p.classification import builtin_classfile

    bin_frames = frames_per_bin(attributes, settings, indicator)
    options = suite2p.settings_for("detection") | {
        "algorithm": "sparsery",  # never cellpose, which downloads weights
        "bin_size": bin_frames,
        "threshold_scaling": settings.threshold_scaling * spatial_scale(diameter_px),
        "max_overlap": settings.max_overlap,
        "denoise": settings.denoise,
        "soma_crop": settings.crop_dendrites,
        "nbins": attributes["n_frames"],  # all of the recording, whatever the bins: suite2p leaves out what is beyond
        "highpass_time": settings.highpass_bins,
    }
    options["sparsery_settings"] |= {
        "spatial_scale": 1,
        "max_ROIs": settings.max_rois,
        "highpass_neuropil": max(3, round(settings.neuropil_diameters * diameter_px)),  # suite2p's own is 25 px
    }
    rows, columns = attributes["visible_rows"], attributes["visible_columns"]
    try:
        found, stats, _ = wrapper(
            open_frames(registered),
            diameter=[diameter_px, diameter_px],
            tau=tau_s(indicator),
            fs=attributes["volume_rate_hz"],
            yrange=rows,
            xrange=columns,
            badframes=~stores.read_array(registered, "valid_frames"),
            preclassify=settings.preclassify,
            classifier_path=builtin_classfile,
            settings=options,
            device=torch.device("cpu"),
        )
    except ValueError as error:
        if "no ROIs" not in str(error):
            raise
        remedy = (
            "Look at the registered mean image; lower detection.threshold_scaling, correct cell_diameter_um, or leave "
            "the plane out by the sheet's skip_planes."
        )
        raise InputError(problem(registered, "no ROI", "at least one", remedy)) from error
    projection = np.zeros((attributes["height_px"], attributes["width_px"]), np.float32)
    projection[slice(*rows), slice(*columns)] = found["max_proj"]
    return list(stats), projection


def _footprints(stats: list[dict], width: int) -> Footprints:
    return Footprints(
        np.cumsum([0] + [len(stat["ypix"]) for stat in stats]).astype(np.int64),
        np.concatenate([stat["ypix"] * width + stat["xpix"] for stat in stats]).astype(np.int32),
        np.concatenate([stat["lam"] for stat in stats]).astype(np.float32),
    )
