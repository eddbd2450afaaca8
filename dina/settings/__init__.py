"""Every setting of the workflow: its meaning, unit, bounds and default.

This package is the one source of truth. ``config/config.yaml``, ``config/README.md`` and the JSON
schemas under ``workflow/schemas/`` are generated from it by ``dina settings`` and a test keeps them
in step. A unit stands in each name (``tau_s``, ``soma_diameter_um``); unknown keys are errors that
name the nearest known key.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from dina.settings.analysis import (
    Ablated,
    AblationSettings,
    AttributionSettings,
    ImageAblationSettings,
    InteractionSettings,
    LatentMapSettings,
    NeuronAblationSettings,
    ProbingSettings,
    ReceptiveFieldSettings,
    TextureSettings,
)
from dina.settings.decoding import (
    AlignmentSettings,
    CcaSettings,
    CebraSettings,
    ConvolutionalSettings,
    CoreReadoutSettings,
    DecodersSettings,
    DinaModelSettings,
    DinaSettings,
    DinaTrainingSettings,
    GaborSettings,
    LearningSettings,
    PretrainingSettings,
    ReadInSettings,
    RidgeSettings,
)
from dina.settings.exports import NwbSettings
from dina.settings.imaging import (
    AcquisitionInfo,
    DeconvolutionSettings,
    DetectionSettings,
    ExtractionSettings,
    QualitySettings,
    RegistrationSettings,
    SessionSettings,
)
from dina.settings.recordings import ResponsesSettings, StimuliSettings
from dina.settings.section import Count, Detail, Device, Indicator, Positive, Section, nearest, parse, read_values
from dina.settings.simulation import (
    AcquisitionSettings,
    CalciumSettings,
    OpticsSettings,
    PopulationSettings,
    ProtocolSettings,
    ScenesSettings,
    SimulationSettings,
)
from dina.settings.sweep import SweepSettings

__all__ = [
    "Ablated",
    "AblationSettings",
    "AcquisitionInfo",
    "AcquisitionSettings",
    "AlignmentSettings",
    "AttributionSettings",
    "CalciumSettings",
    "CcaSettings",
    "CebraSettings",
    "ConvolutionalSettings",
    "CoreReadoutSettings",
    "Count",
    "DecodersSettings",
    "DeconvolutionSettings",
    "Detail",
    "DetectionSettings",
    "DinaModelSettings",
    "DinaSettings",
    "DinaTrainingSettings",
    "ExtractionSettings",
    "GaborSettings",
    "ImageAblationSettings",
    "Indicator",
    "InteractionSettings",
    "LatentMapSettings",
    "LearningSettings",
    "NeuronAblationSettings",
    "NwbSettings",
    "OpticsSettings",
    "PopulationSettings",
    "Positive",
    "PretrainingSettings",
    "ProbingSettings",
    "ProtocolSettings",
    "QualitySettings",
    "ReadInSettings",
    "ReceptiveFieldSettings",
    "RegistrationSettings",
    "ResponsesSettings",
    "RidgeSettings",
    "ScenesSettings",
    "Section",
    "SessionSettings",
    "Settings",
    "SimulationSettings",
    "StimuliSettings",
    "SweepSettings",
    "TextureSettings",
    "nearest",
    "parse",
    "read_values",
]


class Settings(Section):
    """Everything in ``config/config.yaml``."""

    results: str = Field("results", min_length=1, description="Folder for everything that the workflow writes.")
    recordings: str = Field("config/recordings.tsv", description="The recording sheet, one row a recording.")
    container: str = Field(
        "envs/dina.sif",
        min_length=1,
        description="Image for `snakemake --software-deployment-method apptainer`: a file that you build from "
        "`envs/dina.def`, relative to where Snakemake is started. See `docs/environments.md`.",
    )
    device: Device = Field(
        "auto",
        description="Where torch computes: auto takes a GPU if there is one. With cuda, training and attribution ask a "
        "cluster for a GPU, and stop without one; the rest takes one if there is one.",
    )
    detail: Detail = Field(
        "quick",
        description="How far ablation and attribution go: quick retrains DINA's closed form, on few synthesised "
        "textures, with few surrogates; full retrains all of DINA, on all textures, with many. Settings that are null "
        "follow this one.",
    )
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
    nwb: NwbSettings = NwbSettings()
    sweep: SweepSettings = SweepSettings()

    @model_validator(mode="after")
    def _scales_divide_the_grid(self) -> Self:
        odd = [scale for scale in self.dina.model.alignment.scales if self.gabor.grid % scale]
        if odd:
            found = f"dina.model.alignment.scales: {odd} do not divide gabor.grid, {self.gabor.grid}"
            raise ValueError(f"{found}; expected divisors: name other scales, or another grid")
        return self
