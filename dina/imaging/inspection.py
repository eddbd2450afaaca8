"""A recording's movie looked over before any work on it: all files whole and alike, and when each frame was scanned."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.imaging.frame_times import frame_times_s, in_gaps, volume_times_s
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo


def inspect_movie(files: dict[int, list[Path]], output: Path, acquisition: AcquisitionInfo) -> None:
    """Check a recording's files without reading a frame, and write the ``movie`` store.

    The store holds ``frame_time_s`` (planes, frames), float64, of the planes that are analysed; ``volume_time_s``
    (frames,), float64, when each volume began, by which frame numbers are meant; and the attributes ``planes`` (their
    numbers), ``n_frames``, ``height_px``, ``width_px``, ``volume_rate_hz``, ``n_dropped_pages``, ``n_channels``, and
    ``n_gaps`` and ``longest_gap_s`` (0 without one), of the intervals between frames in which some were lost, in the
    plane that has most.

    Parameters
    ----------
    files : plane to files in order of acquisition; a single entry unless planes have files of their own
    output : Path
    acquisition : AcquisitionInfo

    Raises
    ------
    InputError
        If the files cannot be used: see :class:`~dina.imaging.movies.Movie` and
        :func:`~dina.imaging.frame_times.frame_times_s`.
    """
    movies = {plane: Movie(paths, acquisition) for plane, paths in files.items()}
    first = next(iter(movies.values()))
    known = first.acquisition
    _check_alike(list(movies.values()))
    times, rates = [], []
    for plane in known.planes:
        movie = movies[plane] if known.separate_files else first
        movie.plane(plane)
        time_s, rate_hz = frame_times_s(movie, plane)
        times.append(time_s)
        rates.append(rate_hz)
    n_frames = _common_length(times, first)
    plane = known.planes[0]
    volume_time_s = volume_times_s(movies[plane] if known.separate_files else first, plane, times[0])
    gaps_s = [np.diff(time_s)[in_gaps(time_s)] for time_s in times]
    with stores.new_store(output) as store:
        stores.write_array(store, "frame_time_s", np.stack([time_s[:n_frames] for time_s in times]), unit="s")
        stores.write_array(store, "volume_time_s", volume_time_s[:n_frames], unit="s")
        stores.write_attributes(
            store,
            {
                "planes": known.planes,
                "n_frames": n_frames,
                "height_px": first.height,
                "width_px": first.width,
                "volume_rate_hz": rates[0],
                "n_dropped_pages": max(movie.n_dropped_pages for movie in movies.values()),
                "n_channels": known.n_channels,
                "n_gaps": max(map(len, gaps_s)),
                "longest_gap_s": max(float(gap_s.max(initial=0.0)) for gap_s in gaps_s),
            },
        )


def _check_alike(movies: list[Movie]) -> None:
    """Raise if planes with files of their own differ in frame size or type."""
    first, *others = [((movie.height, movie.width, str(movie.dtype)), movie.path) for movie in movies]
    for frames, path in others:
        if frames != first[0]:
            found, expected = (f"frames of {height} × {width} px, {kind}" for height, width, kind in (frames, first[0]))
            remedy = "All planes of a recording must be alike: leave the odd one out (skip_planes), or convert it."
            raise InputError(problem(path, found, f"{expected}, as in {first[1].name}", remedy))


def _common_length(times: list[np.ndarray], first: Movie) -> int:
    """Frames that all planes have: where each has files of its own, the last volume may be incomplete."""
    lengths = [len(time_s) for time_s in times]
    if max(lengths) - min(lengths) > 1:
        found = f"planes of {' and '.join(map(str, sorted(set(lengths))))} frames"
        remedy = "Are all files of every plane there? See {plane} in the sheet's movie."
        raise InputError(problem(first.path, found, "planes of one length", remedy))
    return min(lengths)
