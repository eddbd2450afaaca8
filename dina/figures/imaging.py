"""The figures of imaging: how good it was, what was found, how the brain moved, and what the neurons did."""

from __future__ import annotations

from pathlib import Path

from dina import stores
from dina.figures.mean_image import draw_mean_images
from dina.figures.motion import draw_motion
from dina.figures.quality import draw_quality
from dina.figures.rois import draw_rois
from dina.figures.style import house_style, save
from dina.figures.traces import draw_traces
from dina.probing.known import known_plane


def plot_imaging(
    session: Path,
    quality: Path,
    registered: list[Path],
    rois: list[Path],
    folder: Path,
    *,
    truth: Path | None = None,
) -> None:
    """Draw ``quality``, ``mean-image``, ``rois``, ``motion`` and ``traces``, each as SVG and PNG.

    Parameters
    ----------
    session : the accepted ROIs of all planes, with their activity
    quality : the measures of every plane
    registered, rois : one store a plane, in the session's order
    folder : where the files go
    truth : the simulation's truth, None for a real recording
    """
    planes = stores.read_attributes(session)["planes"]
    known = {
        plane: known_plane(session, store, truth, plane)
        for plane, store in zip(planes, registered, strict=True)
        if truth is not None
    }
    with house_style():
        save(draw_quality(session, quality), folder, "quality")
        save(draw_mean_images(session, registered, known), folder, "mean-image")
        save(draw_rois(session, rois, registered), folder, "rois")
        save(draw_motion(session, quality, registered, known), folder, "motion")
        save(draw_traces(session, known, truth), folder, "traces")
