"""From movie files to accepted neurons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from dina.settings.section import (
    Count,
    Fraction,
    NonNegative,
    Positive,
    Section,
    increasing,
)


class RegistrationSettings(Section):
    """Motion correction by suite2p."""

    non_rigid: bool = Field(True, description="Correct deformations within a frame, block by block.")
    block_px: Annotated[int, Field(ge=16)] = Field(
        96, description="Block size of non-rigid registration, pixels; shrinks to fit small fields of view."
    )
    max_shift_share: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.1, description="Largest rigid shift, share of the field of view."
    )
    reference_frames: Count = Field(100, description="Frames from which the reference image is built.")
    smooth_sigma_px: Positive = Field(1.15, description="Spatial smoothing of the phase correlation, pixels.")
    smooth_sigma_frames: NonNegative = Field(
        0, description="Smoothing of the phase correlation over time, frames; above 0 where single frames are dim."
    )
    edge_taper_px: Positive = Field(3.45, description="Width over which the frame's edges are faded out, pixels.")
    max_block_shift_px: Count = Field(5, description="Largest shift of a block beyond the rigid one, pixels.")
    block_snr: Annotated[float, Field(ge=1)] = Field(
        1.2, description="Signal to noise below which a block's correlation is smoothed with its neighbours'."
    )
    subpixel: Count = Field(10, description="Steps of a pixel to which block shifts are found.")
    clip_intensity: bool = Field(
        True, description="Clip frames to the reference image's 1st and 99th percentile while shifts are sought."
    )
    bidirectional_shift_px: int | Literal["auto"] = Field(
        0, description="Columns by which every other line is shifted (bidirectional scanning); auto measures it."
    )
    align_by: Literal["functional", "structural"] = Field(
        "functional", description="Channel in which motion is measured, where the sheet names a structural one."
    )
    bad_frame_threshold: Positive = Field(
        1.0, description="Jump of a frame's shift, over its correlation, beyond which it is masked; lower masks more."
    )
    batch_frames: Count = Field(20, description="Frames registered at once; small batches stay in cache.")


class DetectionSettings(Section):
    """ROI detection by suite2p's functional segmentation."""

    soma_diameter_px: Positive | None = Field(
        None, description="Diameter of a soma, pixels; null takes the sheet's cell_diameter_um over pixel_size_um."
    )
    threshold_scaling: Positive = Field(
        0.62, description="Multiplier of the detection threshold; lower finds more, dimmer ROIs."
    )
    max_overlap: Fraction = Field(0.75, description="ROIs that share more of their pixels than this are dropped.")
    bin_s: Positive | None = Field(
        None, description="Time over which frames are averaged before detection, seconds; null takes half of tau."
    )
    n_bins: Count = Field(2400, description="Most averages used; longer recordings are averaged over longer times.")
    max_memory_mb: Positive = Field(
        12000, description="Memory that detection may take; large fields of view get fewer, longer averages."
    )
    highpass_bins: Count = Field(100, description="Running-mean window of the temporal high-pass, bins.")
    neuropil_diameters: Positive = Field(
        4.0, description="Window of the spatial high-pass that takes neuropil away, diameters of a soma."
    )
    max_rois: Count = Field(5000, description="Most ROIs sought in a plane.")
    denoise: bool = Field(False, description="Denoise the averaged movie by local principal components first.")
    crop_dendrites: bool = Field(True, description="Measure size and compactness of the soma alone.")
    preclassify: Fraction = Field(
        0.0, description="Drop ROIs of lower classifier probability (by size and shape) before overlaps are judged."
    )
    red_threshold: Fraction = Field(
        0.65, description="Brightness in the structural channel, as a share of itself and the surround's, that is red."
    )


class ExtractionSettings(Section):
    """Fluorescence and neuropil of every ROI by suite2p."""

    neuropil_inner_px: Annotated[int, Field(ge=0)] = Field(
        2, description="Gap between an ROI and its neuropil ring, pixels."
    )
    neuropil_min_pixels: Count = Field(150, description="Fewest pixels in a neuropil ring.")
    neuropil_weight_percentile: Annotated[float, Field(ge=0, le=100)] = Field(
        50.0, description="Pixels of an ROI below this percentile of its weights may serve as other ROIs' neuropil."
    )
    circular_neuropil: bool = Field(False, description="Grow neuropil rings round instead of square (slow).")
    allow_overlap: bool = Field(False, description="Use pixels that belong to two ROIs.")


class DeconvolutionSettings(Section):
    """From fluorescence to dF/F and deconvolved activity."""

    method: Literal["oasis", "network", "average"] = Field(
        "oasis",
        description="Deconvolution: oasis fits decaying events to each trace, sharp in time and in the movie's unit; "
        "network is a small convolutional network trained on simulated traces, without lag but smoothed by 0.15 s, "
        "which uses neither the indicator nor the baseline and decay set here; average is the mean of both, z-scored. "
        "Beside true spikes, network was better than oasis with GCaMP6f and slightly worse with GCaMP6s; average lay "
        "between them.",
    )
    neuropil_coefficient: Annotated[float, Field(ge=0, le=1.5)] = Field(
        0.7, description="Share of the neuropil subtracted from each ROI."
    )
    baseline_window_s: Positive = Field(60.0, description="Window of the maximin baseline, seconds.")
    baseline_sigma_frames: Positive = Field(
        10.0,
        description="Smoothing before the maximin baseline, frames (as in suite2p): it is the noise of frames that it "
        "takes away.",
    )
    tau_s: Positive | None = Field(
        None, description="Decay of the indicator, seconds; null takes the indicator's preset."
    )


class SessionSettings(Section):
    """Which ROIs are accepted as neurons."""

    require_dff: bool = Field(
        False,
        description="Leave out ROIs whose baseline is not above 0, as where an offset was subtracted from the movie: "
        "they have no dF/F, but deconvolved activity.",
    )
    min_evidence: NonNegative = Field(
        0.06,
        description="Least product of an ROI's skewness and its classifier probability; lower accepts more.",
    )
    max_compactness: Annotated[float, Field(ge=1)] = Field(
        1.1, description="Largest mean distance of an ROI's pixels from its centre; 1 is a disc of its area."
    )
    max_compactness_bright: Annotated[float, Field(ge=1)] = Field(
        1.15, description="The same, for an ROI that the mean image shows brighter than its surround."
    )
    min_contrast: float = Field(
        -0.15, description="Least brightness of an ROI relative to its surround in the mean image, less one."
    )
    size_soma_areas: Annotated[tuple[NonNegative, Positive], AfterValidator(increasing)] = Field(
        (0.3, 3.5), description="Smallest and largest ROI, in areas of a soma of the sheet's cell diameter."
    )


class QualitySettings(Section):
    """Limits beyond which a plane is flagged, in figures, tables and the report; nothing stops, nothing is left out."""

    max_displacement_somata: Positive = Field(
        1.5,
        description="Rigid displacement, 95th percentile, diameters of a soma: where the brain moves so far sideways, "
        "it also moves through the plane, which nothing corrects.",
    )
    max_masked_share: Fraction = Field(
        0.1, description="Share of masked frames: beyond a tenth, many trials lack their response."
    )
    min_crispness_ratio: NonNegative = Field(
        1.0, description="Crispness after registration over that before: below 1, registration blurs."
    )
    max_residual_motion_px: Positive = Field(
        0.5, description="Motion left after registration, median over the recording, pixels."
    )
    max_residual_p95_px: Positive = Field(
        1.0, description="Motion left after registration, 95th percentile over the recording, pixels."
    )
    max_intensity_change: Positive = Field(
        0.3,
        description="Change of the mean intensity from the first to the last tenth, either way, share: bleaching, "
        "drift out of focus, or drying immersion.",
    )
    jump_sd: Positive = Field(
        8.0,
        description="Deviation of a frame's mean from its running median that is a jump, robust standard deviations; "
        "simulated activity stays below 7.",
    )
    jump_window_s: Positive = Field(
        60.0, description="Window of that running median, seconds; light that lasts for more than half of it is missed."
    )
    max_jump_share: Fraction = Field(0.005, description="Share of unmasked frames whose mean jumps.")
    max_noise_level: Positive = Field(
        8.0,
        description="Median noise level of the neurons, % per square root of Hz: about 1 is excellent, 8 is poor "
        "(Rupprecht et al. 2021).",
    )
    min_signal_to_noise: NonNegative = Field(
        4.0,
        description="Median over neurons of the 99th percentile of dF/F, above its median, in standard deviations of "
        "the noise; noise alone gives 2.3.",
    )
    min_continuity: Fraction = Field(
        0.05,
        description="Median over neurons of the correlation of dF/F with itself one frame later: next to none where "
        "frames are out of order, or nothing but noise was found.",
    )
    max_clipped_share: Fraction = Field(
        1e-5,
        description="Share of pixels at the movie's highest value: one soma clipped in every hundredth frame is about "
        "as much.",
    )
    max_repeated_share: Fraction = Field(0.01, description="Share of frames that equal the one before.")
    max_dark_share: Fraction = Field(
        0.02, description="Share of the field of view at the mean image's lowest value: blanked columns, a shutter."
    )
    max_line_offset_px: Positive = Field(
        0.5,
        description="Offset of every other line that is left, pixels: see registration.bidirectional_shift_px.",
    )
    min_persistence: Fraction = Field(
        0.7,
        description="Likeness of the recording's first and last quarter, relative to that of its halves mixed: less "
        "where the plane was lost; activity alone brings a movie of seconds to 0.8.",
    )
    min_neighbour_likeness: Fraction = Field(
        0.95,
        description="Likeness of neighbouring frames, relative to frames two to four apart: less where planes or "
        "channels are taken for one.",
    )
    min_neurons: Annotated[int, Field(ge=0)] = Field(
        10, description="Neurons accepted in a plane: with fewer, the medians above mean little."
    )


class AcquisitionInfo(Section):
    """How the frames of a recording lie in its files; from the recording sheet, not from the configuration.

    What is null is taken from the file's header, else: one plane, one channel, no flyback.
    """

    n_planes: Annotated[int, Field(ge=1, le=64)] | None = Field(None, description="Planes scanned in turn.")
    n_channels: Annotated[int, Field(ge=1, le=4)] | None = Field(
        None, description="Channels interleaved within each plane."
    )
    n_flyback: Annotated[int, Field(ge=0, le=64)] | None = Field(
        None, description="Frames at the end of each volume that show no plane."
    )
    functional_channel: Annotated[int, Field(ge=0, le=3)] = Field(0, description="Channel with the indicator, from 0.")
    structural_channel: Annotated[int, Field(ge=0, le=3)] | None = Field(
        None, description="Channel with a structural label, from 0; null has none."
    )
    skip_planes: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description="Planes that are left out, from 0.")
    volume_rate_hz: Positive | None = Field(None, description="Volumes per second.")
    pixel_size_um: Positive | None = Field(None, description="Pixel size, micrometres.")
    dataset: str | None = Field(None, description="Data set or series inside the file; null takes the only one.")
    height_px: Count | None = Field(None, description="Height of a frame in a raw file, pixels.")
    width_px: Count | None = Field(None, description="Width of a frame in a raw file, pixels.")
    axes: Literal["txy", "tyx"] = Field("txy", description="Order of an NWB series' axes; txy is the schema's.")
    header: Literal["use", "ignore"] = Field("use", description="Whether the file's header is believed.")
    frame_times: str | None = Field(None, description="Table of frame times; null takes the header's, or the rate.")
    bad_frames: str | None = Field(None, description="Table of frames to be masked.")
    separate_files: bool = Field(False, description="The given files hold one plane alone, not planes interleaved.")

    @model_validator(mode="after")
    def _channels_exist(self) -> AcquisitionInfo:
        for name in ("functional_channel", "structural_channel"):
            channel = getattr(self, name)
            if channel is not None and self.n_channels is not None and channel >= self.n_channels:
                raise ValueError(f"{name} {channel} is not among {self.n_channels} channels")
        if self.structural_channel == self.functional_channel:
            raise ValueError(f"structural_channel {self.structural_channel} is the functional one")
        return self

    @property
    def planes(self) -> list[int]:
        """The planes that are analysed."""
        return [plane for plane in range(self.n_planes or 1) if plane not in self.skip_planes]
