"""The virtual microscope."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dina.settings.section import (
    Count,
    Fraction,
    Indicator,
    NonNegative,
    Positive,
    Section,
)


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

    cells: Literal["gabor", "network"] = Field(
        "gabor",
        description="Cells: gabor has simple and complex cells; network has units of a random convolutional network.",
    )
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
    surround_strength: NonNegative = Field(
        0.0, description="Weight of a cell's surround in its divisive normalisation: cells nearby of like orientation."
    )
    surround_deg: Positive = Field(
        10.0, description="Spread of the surround, degrees (standard deviation between field centres)."
    )
    mean_evoked_spikes: Positive = Field(
        0.15, description="Spikes that an image evokes in a cell of median gain, mean over images."
    )
    mean_signal_variance: Annotated[float, Field(gt=0, lt=0.6)] | None = Field(
        None,
        description="Mean signal variance of the population to which rates are scaled; null takes mean_evoked_spikes.",
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
