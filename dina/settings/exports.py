"""What goes into exported files and the recordings' own files do not say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from dina.settings.section import Positive, Section

AGE = r"^P(\d+[YMWD])+(/(P(\d+[YMWD])+)?)?$"  # ISO 8601, and ranges as NWB writes them


class NwbSettings(Section):
    """Metadata of the file that ``snakemake nwb`` writes; no stage of the road reads them."""

    session_start_time: AwareDatetime | None = Field(
        None,
        description='When the recording started, with time zone, as in "2026-05-04T10:30:00+02:00"; a setting of one '
        "recording. null writes 1970-01-01, and says that it is unknown.",
    )
    session_description: str | None = Field(None, description="The session in a sentence; null names the recording.")
    experiment_description: str | None = Field(None, description="The experiment in a sentence.")
    experimenter: tuple[str, ...] = Field((), description="Experimenters, as Last, First.")
    institution: str | None = Field(None, description="Institution.")
    lab: str | None = Field(None, description="Laboratory.")
    keywords: tuple[str, ...] = Field((), description="Keywords.")
    related_publications: tuple[str, ...] = Field((), description="Publications, by DOI.")
    subject_age: Annotated[str, Field(pattern=AGE)] | None = Field(
        None,
        description="Age of the animal, ISO 8601: P90D is 90 days, P60D/P90D between two ages; null writes P0D/, "
        "which is unknown. The animal's name is the sheet's subject.",
    )
    subject_sex: Literal["F", "M", "U", "O"] = Field("U", description="Sex: female, male, unknown, other.")
    subject_genotype: str | None = Field(None, description="Genotype.")
    subject_strain: str | None = Field(None, description="Strain.")
    subject_description: str | None = Field(None, description="The animal in a sentence.")
    species: Annotated[str, Field(pattern=r"^[A-Z][a-z]+ [a-z]+$")] = Field(
        "Mus musculus", description="Species, by its Latin name."
    )
    location: Annotated[str, Field(min_length=1)] = Field(
        "VISp", description="Area imaged, in the terms of the Allen Mouse Brain atlas: VISp is V1."
    )
    microscope: Annotated[str, Field(min_length=1)] = Field(
        "two-photon microscope", description="The microscope in a sentence."
    )
    excitation_nm: Positive = Field(920.0, description="Wavelength of excitation, nm; 920 is usual for GCaMP.")
    emission_nm: Positive = Field(510.0, description="Wavelength of emission, nm; 510 is GFP's.")
