"""One imaging plane in an NWB file: its ROIs, and their traces on its own times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.data_utils import GenericDataChunkIterator

from dina import stores
from dina.imaging.rois import Footprints
from dina.settings import NwbSettings

if TYPE_CHECKING:
    import pandas as pd
    import zarr
    from pynwb import NWBFile, ProcessingModule
    from pynwb.device import Device
    from pynwb.ophys import ImagingPlane, PlaneSegmentation

UM = 1e-6  # metres
SAME_TIME_S = 1e-6  # by which frames may lie off an even pace that stands for them: a line's scan takes longer
COMPRESSION = {"compression": "gzip", "compression_opts": 1}
MEASURES = {
    "skewness": "third standardised moment of the neuropil-corrected fluorescence",
    "cell_probability": "probability of being a cell by suite2p's built-in classifier",
    "compactness": "mean distance of pixels from the centre, 1 for a disc",
    "aspect_ratio": "ratio of the axes of the fitted ellipse",
    "contrast": "brightness relative to the surround, less one",
    "noise_level": "% per square root of Hz; NaN where dF/F has no meaning",
    "red_probability": "brightness in the structural channel, as a share of itself and the surround's",
}


@dataclass(frozen=True)
class PlaneStores:
    """The stores of one plane.

    Attributes
    ----------
    number : int
    registered, rois, traces, activity : Path
    """

    number: int
    registered: Path
    rois: Path
    traces: Path
    activity: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, in the order of the road."""
        return self.registered, self.rois, self.traces, self.activity


class TimeByRoi(GenericDataChunkIterator):
    """A stored (rois, frames) array as (frames, rois), chunk by chunk; memory is one chunk.

    Parameters
    ----------
    array : (rois, frames)
    n_frames : how many of the frames
    """

    def __init__(self, array: zarr.Array, n_frames: int):
        self._array, self._shape = array, (n_frames, array.shape[0])
        chunk = tuple(min(size, of) for size, of in zip(reversed(array.chunks), self._shape, strict=True))
        super().__init__(chunk_shape=chunk, buffer_shape=chunk)

    def _get_data(self, selection: tuple[slice, ...]) -> np.ndarray:
        frames, rois = selection
        return self._array[rois, frames].T

    def _get_maxshape(self) -> tuple[int, ...]:
        return self._shape

    def _get_dtype(self) -> np.dtype:
        return self._array.dtype


class ImageMasks(GenericDataChunkIterator):
    """Footprints as (rois, width, height) float32 images, one at a time: NWB's axes are x, then y."""

    def __init__(self, footprints: Footprints, height: int, width: int):
        self._footprints, self._shape = footprints, (len(footprints), width, height)
        super().__init__(chunk_shape=(1, width, height), buffer_shape=(1, width, height))

    def _get_data(self, selection: tuple[slice, ...]) -> np.ndarray:
        rois, columns, rows = selection
        images = np.zeros((rois.stop - rois.start, self._shape[2] * self._shape[1]), np.float32)
        for image, roi in zip(images, range(rois.start, rois.stop), strict=True):
            entries = self._footprints.roi(roi)
            image[self._footprints.pixel[entries]] = self._footprints.weight[entries]
        return images.reshape(len(images), self._shape[2], self._shape[1]).transpose(0, 2, 1)[:, columns, rows]

    def _get_maxshape(self) -> tuple[int, ...]:
        return self._shape

    def _get_dtype(self) -> np.dtype:
        return np.dtype(np.float32)


def add_plane(
    file: NWBFile,
    ophys: ProcessingModule,
    device: Device,
    session: Path,
    plane: PlaneStores,
    time_s: np.ndarray,
    settings: NwbSettings,
    indicator: str | None,
    is_first: bool,
) -> None:
    """Add a plane's imaging plane, segmentation, mean image, traces and masked frames to an open file.

    Parameters
    ----------
    ophys : the module that holds them
    time_s : (frames,) when the plane was sampled; traces are cut to that length
    is_first : whether its containers bear the plain names
    """
    suffix = "" if is_first else f"Plane{plane.number}"
    imaging_plane = _imaging_plane(file, device, plane, settings, indicator, f"ImagingPlane{suffix}")
    segmentation = _segmentation(session, plane, imaging_plane, f"PlaneSegmentation{suffix}")
    _container(ophys, "ImageSegmentation").add_plane_segmentation(segmentation)
    _add_mean_image(ophys, plane, f"mean{suffix}")
    _add_traces(ophys, plane, segmentation, time_s, suffix)
    _add_masked_frames(file, plane, time_s)


def _imaging_plane(
    file: NWBFile, device: Device, plane: PlaneStores, settings: NwbSettings, indicator: str | None, name: str
) -> ImagingPlane:
    from pynwb.ophys import OpticalChannel

    about = stores.read_attributes(plane.rois)
    pixel_size_um = about["pixel_size_um"]
    grid = {} if pixel_size_um is None else {"grid_spacing": [pixel_size_um * UM] * 2, "grid_spacing_unit": "meters"}
    return file.create_imaging_plane(
        name=name,
        optical_channel=OpticalChannel(
            name="OpticalChannel", description="calcium indicator", emission_lambda=float(settings.emission_nm)
        ),
        description=f"plane {plane.number}, {about['height_px']} rows of {about['width_px']} pixels",
        device=device,
        excitation_lambda=float(settings.excitation_nm),
        indicator=indicator or "unknown",
        location=settings.location,
        imaging_rate=float(about["volume_rate_hz"]),
        **grid,
    )


def _segmentation(session: Path, plane: PlaneStores, imaging_plane: ImagingPlane, name: str) -> PlaneSegmentation:
    from hdmf.common import VectorData, VectorIndex
    from pynwb.ophys import PlaneSegmentation

    about = stores.read_attributes(plane.rois)
    footprints = Footprints.read(plane.rois)
    table = _rois_of(session, plane.number)
    y, x = np.divmod(footprints.pixel, about["width_px"])
    pixels = VectorData(
        name="pixel_mask",
        description="x (the column), y (the row), both from 0, and weight",
        data=list(zip(x.tolist(), y.tolist(), footprints.weight.tolist(), strict=True)),
    )
    masks = ImageMasks(footprints, about["height_px"], about["width_px"])
    accepted = (table["rejected"] == "").to_numpy()
    columns = {
        "image_mask": ("weights, (x, y)", H5DataIO(masks, **COMPRESSION)),
        "ROICentroids": ("weighted centre, x and y, pixels", table[["x_px", "y_px"]].to_numpy(np.float32)),
        "Accepted": ("accepted as a neuron of the session", accepted.astype(np.uint8)),
        "Rejected": ("left out of the session", (~accepted).astype(np.uint8)),
        "reason": ("why it was left out, else accepted", [reason or "accepted" for reason in table["rejected"]]),
        "has_dff": ("whether dF/F has a meaning: baseline above 0 throughout", table["has_dff"].to_numpy(bool)),
    }
    measured = [measure for measure in MEASURES if measure in table]
    columns |= {measure: (MEASURES[measure], table[measure].to_numpy(np.float32)) for measure in measured}
    return PlaneSegmentation(
        name=name,
        description="ROIs in the order in which they were detected",
        imaging_plane=imaging_plane,
        id=table["roi"].tolist(),
        columns=[
            VectorIndex(name="pixel_mask_index", data=footprints.indptr[1:].astype(np.uint64), target=pixels),
            pixels,
            *(VectorData(name=of, description=about, data=values) for of, (about, values) in columns.items()),
        ],
    )


def _rois_of(session: Path, plane: int) -> pd.DataFrame:
    """The session's table of a plane's ROIs, in the order of its stores."""
    rois = stores.read_table(session, "rois")
    return rois[rois["plane"] == plane]


def _add_mean_image(ophys: ProcessingModule, plane: PlaneStores, name: str) -> None:
    from pynwb.image import GrayscaleImage

    mean = stores.read_array(plane.rois, "mean_image").T
    about = f"mean of plane {plane.number} after motion correction, (x, y)"
    _container(ophys, "SegmentationImages").add_image(GrayscaleImage(name=name, data=mean, description=about))


def _add_traces(
    ophys: ProcessingModule, plane: PlaneStores, segmentation: PlaneSegmentation, time_s: np.ndarray, suffix: str
) -> None:
    from pynwb.ophys import RoiResponseSeries

    method = stores.read_attributes(plane.activity)["deconvolution"]
    for container, name, store, array, about in (
        ("Fluorescence", "RoiResponseSeries", plane.traces, "fluorescence", "mean over the ROI, not corrected"),
        ("Fluorescence", "Neuropil", plane.traces, "neuropil", "mean over the ring around the ROI"),
        ("Fluorescence", "Deconvolved", plane.activity, "deconvolved", f"deconvolved activity by {method}"),
        ("DfOverF", "RoiResponseSeries", plane.activity, "dff", "neuropil-corrected, 1 is 100 %; 0 without a baseline"),
    ):
        values = stores.open_array(store, array)
        every = segmentation.create_roi_table_region(
            description=f"all ROIs of plane {plane.number}", region=list(range(values.shape[0]))
        )
        _container(ophys, container).add_roi_response_series(
            RoiResponseSeries(
                name=f"{name}{suffix}",
                description=f"{about}; plane {plane.number}",
                data=H5DataIO(TimeByRoi(values, len(time_s)), **COMPRESSION),
                rois=every,
                unit={"1": "n.a.", "": "n.a."}.get(values.attrs["unit"], values.attrs["unit"]),
                **sampling(time_s),
            )
        )


def sampling(time_s: np.ndarray) -> dict[str, Any]:
    """Start and rate of evenly spaced (samples,) seconds, else the times themselves."""
    n_steps = len(time_s) - 1
    if n_steps > 0 and time_s[-1] > time_s[0]:
        rate_hz = n_steps / (time_s[-1] - time_s[0])
        if np.abs(time_s[0] + np.arange(n_steps + 1) / rate_hz - time_s).max() < SAME_TIME_S:
            return {"starting_time": float(time_s[0]), "rate": float(rate_hz)}
    return {"timestamps": np.asarray(time_s, np.float64)}


def _add_masked_frames(file: NWBFile, plane: PlaneStores, time_s: np.ndarray) -> None:
    """One interval for each run of frames in which the plane was not measured."""
    masked = ~stores.read_array(plane.activity, "valid_frames")[: len(time_s)]
    edges = np.flatnonzero(np.diff(np.r_[False, masked, False].astype(np.int8)))
    after = np.r_[time_s, time_s[-1] + np.median(np.diff(time_s))]  # a frame stands until the next one
    for first, stop in edges.reshape(-1, 2):
        tags = ["masked frames", f"plane {plane.number}"]
        file.add_invalid_time_interval(start_time=float(after[first]), stop_time=float(after[stop]), tags=tags)


def _container(ophys: ProcessingModule, name: str) -> Any:
    """The module's container of that name, made when first asked for."""
    if name in ophys.data_interfaces:
        return ophys[name]
    from pynwb.base import Images
    from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation

    kinds = {"ImageSegmentation": ImageSegmentation, "Fluorescence": Fluorescence, "DfOverF": DfOverF}
    made = kinds[name](name=name) if name in kinds else Images(name=name, description="images of the planes")
    ophys.add(made)
    return made
