"""A recording as one NWB 2 file: planes, ROIs, traces, trials, images, and how all of it came about."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from dina import stores
from dina.errors import ShapeError, problem
from dina.exports.nwb_planes import PlaneStores, add_plane
from dina.exports.nwb_provenance import add_provenance
from dina.exports.nwb_stimuli import add_stimuli
from dina.settings import NwbSettings

if TYPE_CHECKING:
    from pynwb import NWBFile

UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)  # so early that readers, and nwbinspector, see that it is none
UNKNOWN_AGE = "P0D/"  # of age zero or older: ISO 8601 as NWB extends it
NOT_SAID = "The session's true date was not given; times count from the start of the movie."


def export_nwb(
    session: Path,
    planes: list[PlaneStores],
    output: Path,
    settings: NwbSettings,
    recording: Mapping[str, Any],
    responses: Path | None = None,
) -> None:
    """Write a recording as an NWB 2 file (HDF5), atomically.

    Per plane, in the module ``ophys``: footprints of all ROIs as pixel masks and image masks, with the session's
    choice (``Accepted``, ``Rejected``); fluorescence, neuropil, dF/F and deconvolved activity, on the plane's own
    times. The first plane's containers have the names that roiextractors' ``NwbSegmentationExtractor`` asks for;
    those of plane p > first end in ``Plane{p}``. With ``responses``, the trials and the images that they show.
    Settings and versions of every stage stand in ``analysis/provenance``; masked frames in ``invalid_times``.

    Traces and masks are copied chunk by chunk, so that memory does not grow with the recording's length: 1,000 ROIs of
    512 × 512 px and 20,000 frames take 0.3 GB and, at some 30 MB a second, 12 s. The same stores give the same
    identifier.

    Parameters
    ----------
    session : store
    planes : stores of every plane of the session, in its order
    output : file
    settings : NwbSettings
        What the stores do not know: subject, microscope, institution.
    recording : the recording's row of the sheet
        Of which ``recording`` names it; ``subject``, ``session``, ``source``, ``indicator`` and ``image_duration_s``
        may be None.
    responses : store, optional

    Raises
    ------
    ShapeError
        If the planes are not those of the session.
    """
    from pynwb import NWBHDF5IO

    known = stores.read_attributes(session)
    found = [plane.number for plane in planes]
    if found != known["planes"]:
        expected = f"{known['planes']} as in {session}"
        raise ShapeError(problem("planes", found, expected, "Give the stores of every plane, in order."))
    behind = [session, *(path for plane in planes for path in plane.paths)]
    behind += [] if responses is None else [responses]
    file = _new_file(behind, settings, recording)
    device = file.create_device("Microscope", description=settings.microscope)
    ophys = file.create_processing_module("ophys", "two-photon imaging, from motion correction to activity")
    for plane, time_s in zip(planes, stores.read_array(session, "frame_time_s"), strict=True):
        add_plane(file, ophys, device, session, plane, time_s, settings, recording["indicator"], plane is planes[0])
    if responses is not None:
        add_stimuli(file, responses, recording["image_duration_s"])
    add_provenance(file, behind)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.stem}.partial-{os.getpid()}.nwb")
    try:
        with NWBHDF5IO(partial, "w") as stream:
            stream.write(file)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _new_file(behind: list[Path], settings: NwbSettings, recording: Mapping[str, Any]) -> NWBFile:
    from pynwb import NWBFile

    name = recording["recording"]
    described = settings.session_description or f"Two-photon imaging of visual cortex, recording {name}."
    if settings.session_start_time is None:
        described = f"{described} {NOT_SAID}"
    return NWBFile(
        session_description=described,
        identifier=_identifier(behind),
        session_start_time=settings.session_start_time or UNKNOWN_START,
        session_id=recording["session"] or name,
        experimenter=list(settings.experimenter) or None,
        institution=settings.institution,
        lab=settings.lab,
        experiment_description=settings.experiment_description,
        keywords=list(settings.keywords) or None,
        related_publications=list(settings.related_publications) or None,
        subject=_subject(settings, recording),
        was_generated_by=[["dina", version("dina-v1")]],
    )


def _subject(settings: NwbSettings, recording: Mapping[str, Any]) -> Any:
    from pynwb.file import Subject

    about = settings.subject_description
    if recording["source"] == "simulated":
        about = "Simulated by dina's virtual microscope: no animal."
    return Subject(
        subject_id=recording["subject"] or recording["recording"],
        description=about,
        species=settings.species,
        age=settings.subject_age or UNKNOWN_AGE,
        sex=settings.subject_sex,
        genotype=settings.subject_genotype,
        strain=settings.subject_strain,
    )


def _identifier(paths: list[Path]) -> str:
    """A UUID of the manifests: the same content has the same identifier."""
    digest = hashlib.sha256(b"".join(stores.manifest_path(path).read_bytes() for path in paths))
    return str(uuid5(NAMESPACE_OID, digest.hexdigest()))
