"""Every setting of the workflow: its meaning, unit, bounds and default.

This file is the one source of truth. ``config/config.yaml``, ``config/README.md`` and the JSON
schemas under ``workflow/schemas/`` are generated from it by ``dina settings`` and a test keeps them
in step. A unit stands in each name (``tau_s``, ``soma_diameter_um``); unknown keys are errors that
name the nearest known key.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from dina.errors import SettingsError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def _increasing(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] >= span[1]:
        raise ValueError(f"the first value, {span[0]}, below the second, {span[1]}")
    return span


def _unique(values: tuple) -> tuple:
    if len(set(values)) < len(values):
        raise ValueError("each value once")
    return values


Span = Annotated[tuple[float, float], AfterValidator(_increasing)]
Device = Literal["auto", "cpu", "cuda", "mps"]
Indicator = Literal["GCaMP6f", "GCaMP6s", "GCaMP7f", "GCaMP8f", "GCaMP8m", "GCaMP8s"]


class Section(BaseModel):
    """A part of the settings: immutable, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


# --- the virtual microscope -------------------------------------------------------------------


class ScenesSettings(Section):
    """Which photographs are cropped into stimuli, and how the crops are kept apart."""

    photographs: str | None = Field(
        None,
        description="Folder of own photographs (PNG, JPEG, TIFF); null takes those that come inside "
        "scikit-image, scikit-learn, plenoptic and matplotlib.",
    )
    longest_side_px: Annotated[int, Field(ge=64)] = Field(
        800, description="Larger photographs are reduced to this longer side, pixels."
    )
    n_train: Count = Field(1000, description="Training images.")
    n_validation: Annotated[int, Field(ge=2)] = Field(100, description="Validation images.")
    n_test: Annotated[int, Field(ge=2)] = Field(120, description="Unseen test images.")
    size_px: Annotated[int, Field(ge=16, le=512)] = Field(64, description="Height and width of an image, pixels.")
    width_deg: Positive = Field(40.0, description="Visual angle that an image spans, degrees.")
    crop_px: tuple[Count, Count] = Field(
        (48, 128), description="Smallest and largest crop taken from a photograph, pixels (drawn log-uniformly)."
    )
    max_overlap: Fraction = Field(
        0.1, description="Largest share of a held-out crop that may lie inside the crops of other images."
    )
    max_rotation_deg: Annotated[float, Field(ge=0, le=45)] = Field(
        8.0, description="Largest rotation of an image within its crop, degrees; the image is cut to stay inside."
    )
    max_stretch: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="Largest change of an image's aspect ratio within its crop, share."
    )
    contrast: Positive = Field(0.35, description="Root-mean-square contrast of every image, share of the grey level.")

    @model_validator(mode="after")
    def _crops_ordered(self) -> ScenesSettings:
        if self.crop_px[0] > self.crop_px[1]:
            raise ValueError(f"crop_px: the smallest crop, {self.crop_px[0]}, exceeds the largest, {self.crop_px[1]}")
        return self


class PopulationSettings(Section):
    """Receptive fields, gains and variability of the simulated cells (V1 of mouse)."""

    share_complex: Fraction = Field(0.4, description="Share of complex cells; the others are simple.")
    share_unresponsive: Fraction = Field(0.42, description="Share of cells that no image drives.")
    spatial_frequency_cpd: tuple[Positive, Positive] = Field(
        (0.03, 0.2), description="Range of preferred spatial frequency, cycles per degree (log-uniform)."
    )
    bandwidth_octaves: Positive = Field(1.5, description="Spatial-frequency bandwidth of a Gabor field, octaves.")
    magnification_deg_per_um: Positive = Field(
        0.06, description="Visual angle per cortical distance, degrees per micrometre."
    )
    scatter_deg: NonNegative = Field(
        5.0, description="Scatter of field centres around the retinotopic map, degrees (standard deviation)."
    )
    normalisation_exponent: Positive = Field(2.0, description="Exponent of the rectified drive.")
    normalisation_strength: NonNegative = Field(
        1.0, description="Weight of the population's pooled drive in the divisive normalisation."
    )
    mean_evoked_spikes: Positive = Field(
        0.15, description="Spikes that an image evokes in a cell of median gain, mean over images."
    )
    gain_log_sd: NonNegative = Field(1.8, description="Spread of the cells' gains, natural-log standard deviation.")
    shared_gain_log_sd: NonNegative = Field(
        0.25, description="Spread of the gain that all cells share from trial to trial, log standard deviation."
    )
    shared_gain_time_constant_s: NonNegative = Field(
        4.0, description="Time constant of the shared gain, seconds; 0 makes trials independent."
    )
    private_gain_log_sd: NonNegative = Field(
        0.45, description="Spread of each cell's own gain from trial to trial, log standard deviation."
    )
    max_rate_hz: Positive = Field(
        40.0, description="Highest expected rate during an image, spikes per second; responses saturate towards it."
    )
    spontaneous_rate_hz: Positive = Field(0.05, description="Median spontaneous rate, spikes per second.")
    spontaneous_log_sd: NonNegative = Field(
        0.4, description="Spread of the cells' spontaneous rates, log standard deviation."
    )
    latency_s: NonNegative = Field(0.05, description="Delay from image onset to the response, seconds.")

    @model_validator(mode="after")
    def _frequencies_ordered(self) -> PopulationSettings:
        low, high = self.spatial_frequency_cpd
        if low > high:
            raise ValueError(f"spatial_frequency_cpd: the lowest, {low}, exceeds the highest, {high}")
        return self


class ProtocolSettings(Section):
    """When images are shown."""

    share_train_repeated: Fraction = Field(0.4, description="Share of training images shown twice.")
    share_validation_repeated: Fraction = Field(0.0, description="Share of validation images shown twice.")
    test_repeats: Annotated[int, Field(ge=1, le=20)] = Field(2, description="Showings of each test image.")
    duration_s: Positive = Field(0.4, description="Time that an image is on, seconds.")
    gap_s: NonNegative = Field(0.4, description="Mean grey gap after an image, seconds.")
    gap_jitter_s: NonNegative = Field(0.05, description="Half-width of the gap's uniform jitter, seconds.")
    lead_s: Annotated[float, Field(ge=1)] = Field(
        10.0, description="Grey screen before the first image and after the last, seconds."
    )


class CalciumSettings(Section):
    """How spikes become fluorescence."""

    indicator: Indicator = Field(
        "GCaMP6f", description="Indicator by name; sets amplitude, rise, decay and saturation."
    )
    amplitude_log_sd: NonNegative = Field(
        0.25, description="Spread of the transient's size between cells, log standard deviation."
    )


class OpticsSettings(Section):
    """What the microscope sees: cells, neuropil, vessels, noise and brain motion."""

    height_px: Annotated[int, Field(ge=64)] = Field(192, description="Height of the field of view, pixels.")
    width_px: Annotated[int, Field(ge=64)] = Field(192, description="Width of the field of view, pixels.")
    pixel_size_um: Positive = Field(1.5, description="Pixel size, micrometres.")
    soma_diameter_um: Positive = Field(12.0, description="Mean diameter of a soma, micrometres.")
    soma_diameter_sd_um: NonNegative = Field(1.0, description="Spread of soma diameters, micrometres.")
    brightness_log_sd: NonNegative = Field(
        0.3, description="Spread of the cells' resting brightness, log standard deviation."
    )
    n_neurons_per_plane: Count = Field(200, description="Labelled cells in each plane.")
    photons_per_pixel: Positive = Field(
        100.0, description="Photons per pixel and frame from the cytoplasm of a resting soma of median brightness."
    )
    read_noise_photons: NonNegative = Field(2.0, description="Read-out noise, photons per pixel (standard deviation).")
    neuropil_ratio: NonNegative = Field(0.6, description="Brightness of the neuropil relative to a resting soma.")
    neuropil_extent_um: Positive = Field(
        75.0, description="Distance over which the neuropil fluctuates as one, micrometres."
    )
    neuropil_fluctuation: NonNegative = Field(
        0.05, description="The neuropil's own fluctuation, dF/F (standard deviation); nearby cells add theirs."
    )
    n_vessels: Annotated[int, Field(ge=0)] = Field(3, description="Blood vessels that cross a plane.")
    drift_um: NonNegative = Field(
        4.0, description="Slow drift of the brain over the recording, micrometres (standard deviation)."
    )
    jitter_um: NonNegative = Field(1.0, description="Fast brain motion, micrometres (standard deviation).")
    non_rigid_um: NonNegative = Field(0.4, description="Deformation within a frame, micrometres (standard deviation).")


class AcquisitionSettings(Section):
    """How the movie is scanned and written."""

    n_planes: Annotated[int, Field(ge=1, le=32)] = Field(2, description="Planes scanned in turn.")
    volume_rate_hz: Positive = Field(5.0, description="Volumes per second; each plane is sampled once a volume.")
    separate_files: bool = Field(
        False, description="Write each plane into its own files instead of interleaving planes."
    )
    frames_per_file: Count = Field(4000, description="Frames in one TIFF file.")


class SimulationSettings(Section):
    """A recording with everything that a real one has, and the truth."""

    seed: Annotated[int, Field(ge=0)] = Field(1, description="Seed of all random numbers: same seed, same bytes.")
    scenes: ScenesSettings = ScenesSettings()
    population: PopulationSettings = PopulationSettings()
    protocol: ProtocolSettings = ProtocolSettings()
    calcium: CalciumSettings = CalciumSettings()
    optics: OpticsSettings = OpticsSettings()
    acquisition: AcquisitionSettings = AcquisitionSettings()


# --- imaging ----------------------------------------------------------------------------------


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
    size_soma_areas: Annotated[tuple[NonNegative, Positive], AfterValidator(_increasing)] = Field(
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


class StimuliSettings(Section):
    """What was shown, and which images train, validate and test."""

    image_size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        64, description="Images are reduced to this height and width for analysis, pixels."
    )
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.1, description="Share of images for validation, where the log has no split."
    )
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.1,
        description="Share of images for the test, where the log has no split; images shown several times are "
        "preferred, but a third of those shown twice stay in training.",
    )
    split_seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the split, where the log has none.")


class ResponsesSettings(Section):
    """From activity to one number per trial and neuron."""

    measure: Literal["deconvolved", "dff", "both"] = Field(
        "deconvolved",
        description="Response: the sum of deconvolved activity in the window, or the mean dF/F there (decays are slow: "
        "set baseline_s). With both, decoders use deconvolved activity and dF/F stands beside it as `responses_dff`.",
    )
    window_s: Span = Field((0.0, 0.5), description="Response window relative to image onset, seconds.")
    baseline_s: Span | None = Field(
        None,
        description="Baseline window subtracted from the response, relative to onset, seconds; null subtracts none.",
    )
    lag_s: float | None = Field(
        None,
        description="Delay of activity behind the spikes, seconds: it moves both windows; null takes that of the "
        "deconvolution, which is the indicator's preset for oasis and 0 for network and average.",
    )


# --- decoding ---------------------------------------------------------------------------------


class GaborSettings(Section):
    """The fixed bank of Gabor filters that DINA and its rivals share."""

    frequencies_cpi: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (1.5, 3.0, 6.0, 10.0), description="Spatial frequencies, cycles per image."
    )
    n_orientations: Annotated[int, Field(ge=2, le=32)] = Field(
        8, description="Orientations, evenly spaced over 180 degrees."
    )
    bandwidth_octaves: Positive = Field(1.5, description="Spatial-frequency bandwidth, octaves.")
    grid: Annotated[int, Field(ge=2, le=64)] = Field(
        8, description="Positions a side to which the filter maps are pooled."
    )


class DinaModelSettings(Section):
    """The dual tower."""

    image_tower: Literal["gabor", "learned"] = Field(
        "gabor",
        description="Image tower: Gabor bank with learned mixing, or a convolutional network learned from scratch.",
    )
    channels: Count = Field(32, description="Channels of the latent maps.")
    n_components: Count = Field(200, description="Rank of the read-in and of the metric of the image maps.")
    scales: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (1,), description="Scales at which maps are compared: pooling factors of the grid; 1 is the whole grid."
    )
    n_image_components: Count = Field(
        600, description="Principal components of the Gabor maps in which the closed-form start is fitted."
    )
    field_widths: tuple[Positive, ...] = Field(
        (0.125, 0.2),
        description="Widths of the Gaussian prior around each neuron's receptive field, share of the image's width; "
        "leave-one-out error chooses per neuron, and may choose no such prior.",
    )
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (3.0, 12.0, 50.0),
        description="Penalties of the closed-form start among which leave-one-out error chooses per neuron, "
        "in units of the prior's mean image variance.",
    )


class DinaTrainingSettings(Section):
    """How the towers are trained."""

    epochs: Count = Field(30, description="Most passes over the training trials; the learning rate falls to 0 by then.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(
        256, description="Trials in a batch; the others are each trial's negatives."
    )
    learning_rate: Positive = Field(2e-2, description="Learning rate of AdamW at the start.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    neuron_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.3, description="Share of neurons silenced in each batch."
    )
    patience: Count = Field(10, description="Epochs without a better validation score before training stops.")


class DinaSettings(Section):
    """DINA: images and responses aligned at the level of feature maps."""

    model: DinaModelSettings = DinaModelSettings()
    training: DinaTrainingSettings = DinaTrainingSettings()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_unique)] = Field(
        (0, 1, 2), description="Seeds; each is a job, and scores are their mean."
    )


class ConvolutionalSettings(Section):
    """The prior art that DINA is compared with: responses to pixels by a convolutional network."""

    channels: Count = Field(32, description="Channels of the widest layer.")
    size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        32, description="Height and width of the pictures that it predicts, pixels."
    )
    epochs: Count = Field(60, description="Most passes over the training trials.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(128, description="Trials in a batch.")
    learning_rate: Positive = Field(1e-3, description="Learning rate of AdamW.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    neuron_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.3, description="Share of neurons silenced in each batch."
    )
    patience: Count = Field(5, description="Epochs without a better validation score before training stops.")


class RidgeSettings(Section):
    """Closed-form rivals."""

    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
        description="Penalties among which the validation images choose, in units of the inputs' mean sum of squares.",
    )
    n_components: Count = Field(200, description="Principal components of the Gabor features, ridge to features.")
    n_encoding_components: Count = Field(400, description="Principal components of the Gabor features, encoding model.")
    size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        32, description="Height and width of the pictures that ridge predicts, pixels."
    )


class DecodersSettings(Section):
    """The rivals, on the same split and the same trials."""

    ridge: RidgeSettings = RidgeSettings()
    convolutional: ConvolutionalSettings = ConvolutionalSettings()


class ProbingSettings(Section):
    """What is asked of the trained decoders."""

    pool_sizes: tuple[Count, ...] = Field(
        (2, 5, 10, 20, 50, 100), description="Candidate pools, besides all test images."
    )
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")
    reconstruction_size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        32, description="Height and width of reconstructed images, pixels."
    )


class AblationSettings(Section):
    """What is taken away from images and neurons."""

    cutoffs_cpd: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.04, 0.08, 0.16, 0.32, 0.6),
        description="Cut-offs of the low-pass and high-pass filters, cycles per degree.",
    )
    cutoffs_cpi: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (1.5, 3.0, 6.0, 12.0, 24.0),
        description="Cut-offs where the images' width in degrees is unknown, cycles per image.",
    )
    neuron_shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = Field(
        (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        description="Shares of neurons left on.",
    )
    n_random_orders: Count = Field(3, description="Random orders of neurons, dealt out among a decoder's seeds.")
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the random orders.")


class AttributionSettings(Section):
    """Where in the image, and by which neurons."""

    n_images: Count = Field(24, description="Images over which gradients are averaged.")
    n_steps: Annotated[int, Field(ge=2)] = Field(16, description="Steps of integrated gradients.")
    n_latents: Count = Field(32, description="Latent values that are attributed, those on which the towers agree best.")
    n_probes: Count = Field(
        18, description="Photographs shown at each place when receptive fields are mapped, over all seeds."
    )
    n_examples: Count = Field(6, description="Images and neurons that are shown as examples.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the photographs shown in mapping.")


class Settings(Section):
    """Everything in ``config/config.yaml``."""

    results: str = Field("results", min_length=1, description="Folder for everything that the workflow writes.")
    recordings: str = Field("config/recordings.tsv", description="The recording sheet, one row a recording.")
    device: Device = Field("auto", description="Where torch computes: auto takes a GPU if there is one.")
    simulation: SimulationSettings = SimulationSettings()
    registration: RegistrationSettings = RegistrationSettings()
    detection: DetectionSettings = DetectionSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    deconvolution: DeconvolutionSettings = DeconvolutionSettings()
    session: SessionSettings = SessionSettings()
    quality: QualitySettings = QualitySettings()
    stimuli: StimuliSettings = StimuliSettings()
    responses: ResponsesSettings = ResponsesSettings()
    gabor: GaborSettings = GaborSettings()
    dina: DinaSettings = DinaSettings()
    decoders: DecodersSettings = DecodersSettings()
    probing: ProbingSettings = ProbingSettings()
    ablation: AblationSettings = AblationSettings()
    attribution: AttributionSettings = AttributionSettings()


def nearest(name: str, known: list[str]) -> str:
    """A hint that names the known key closest to ``name``."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known keys: {', '.join(sorted(known))}."


def _known_keys(model: type[BaseModel], path: tuple) -> list[str]:
    for key in path:
        field = model.model_fields.get(str(key))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            break
        model = field.annotation
    return list(model.model_fields)


def _expected(item: dict) -> str:
    """What pydantic expected, in words that need no knowledge of pydantic."""
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "keys and values"
    if item["type"] == "string_pattern_mismatch":
        return "letters, digits, _ and - alone"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return message[0].lower() + message[1:]


def parse(model: type[Section], values: dict, where: str) -> Section:
    """Validate plain values against a section, telling errors as a user can mend them.

    Raises
    ------
    SettingsError
        Naming file, key, what was found and what was expected, one line per mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                hint = nearest(str(item["loc"][-1]), _known_keys(model, item["loc"][:-1]))
                lines.append(f"{where}: unknown setting {key!r}. {hint}")
            elif item["type"] == "value_error" and isinstance(item.get("input"), dict):  # values that do not agree
                lines.append(": ".join(part for part in (where, key, f"{_expected(item)}.") if part))
            else:
                lines.append(f"{where}: {key}: found {item.get('input')!r}; expected {_expected(item)}.")
        raise SettingsError("\n".join(lines)) from None
