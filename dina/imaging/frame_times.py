"""When each plane's frames were scanned: from a table, from the files' headers, or from the rate."""

from __future__ import annotations

import warnings

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.acquisition import check_rate, refuse_odd_rate
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo
from dina.tables import numbers_in, read_table

SAME_RATE = 1e-9  # beyond the rounding of times made from the rate
GAP_INTERVALS = 1.5  # an interval beyond this many usual ones holds a frame that was lost


def frame_times_s(movie: Movie, plane: int) -> tuple[np.ndarray, float]:
    """Times of a plane's frames, and the volume rate.

    A table (``time_s``, one row a volume or one row a frame of any plane) goes before the files' headers, and
    these before the rate. Where times are known, so is the rate, from their mean interval, gaps apart; a stated one is
    only held against it. Where only the time of a volume is known, plane p of P is scanned p / (P · rate) later.

    Parameters
    ----------
    movie : Movie, that holds the plane
    plane : int

    Returns
    -------
    (frames,) float64 seconds, increasing, and volumes a second.

    Raises
    ------
    InputError
        If neither says, if times do not increase or their number is wrong, or if they contradict the stated rate.
    """
    acquisition = movie.acquisition
    where = _source(movie, plane)
    time_s = _times_s(movie, plane)
    _refuse_disorder(time_s, f"{where}, frame times of plane {plane}")
    gaps = in_gaps(time_s)
    interval_s = float(np.diff(time_s)[~gaps].mean())  # the median would keep the rounding of tables
    refuse_odd_rate(1 / interval_s, where)
    check_rate(acquisition.volume_rate_hz, 1 / interval_s, where)
    n_gaps = int(np.sum(gaps))
    if n_gaps:
        warnings.warn(f"{where}: {n_gaps} gaps between frames of plane {plane}: frames were lost.", stacklevel=2)
    stated_hz = acquisition.volume_rate_hz
    regular = stated_hz is not None and np.isclose(interval_s * stated_hz, 1, rtol=SAME_RATE, atol=0)
    return time_s, stated_hz if regular else 1 / interval_s


def in_gaps(time_s: np.ndarray) -> np.ndarray:
    """(frames - 1,) bool: whether frames were lost between each frame and the next, at one plane's times."""
    interval_s = np.diff(time_s)
    return interval_s > GAP_INTERVALS * np.median(interval_s)


def volume_times_s(movie: Movie, plane: int, time_s: np.ndarray) -> np.ndarray:
    """(frames,) start of each volume: the time of plane 0, whether it is analysed or not.

    Where planes have files of their own, that of plane 0 may be absent: its time is then that of another, less the
    delay in a volume of the median length.

    Parameters
    ----------
    movie : Movie, that holds the plane
    plane : int
    time_s : (frames,) the plane's times, of :func:`frame_times_s`
    """
    if plane == 0:
        return time_s
    if movie.acquisition.separate_files:
        return time_s - _delay(plane, movie.acquisition) * np.median(np.diff(time_s))
    return _times_s(movie, 0)


def _source(movie: Movie, plane: int) -> str:
    """The file that tells the times, for errors."""
    table = movie.acquisition.frame_times
    return table.replace("{plane}", str(plane)) if table else str(movie.path)


def _times_s(movie: Movie, plane: int) -> np.ndarray:
    acquisition = movie.acquisition
    if acquisition.frame_times:
        return _tabulated(_source(movie, plane), movie, plane).astype(np.float64)
    stated = movie.page_times_s(plane) if acquisition.header == "use" else None
    return (stated if stated is not None else _regular(movie, plane)).astype(np.float64)


def _regular(movie: Movie, plane: int) -> np.ndarray:
    """From the rate alone: plane p of P is sampled p / (P · rate) after the volume begins."""
    acquisition = movie.acquisition
    if acquisition.volume_rate_hz is None:
        remedy = "Write volume_rate_hz, or frame_times, into the recording sheet."
        raise InputError(problem(f"{movie.path}, volume rate", "none in its header", "a rate", remedy))
    return (np.arange(movie.n_frames) + _delay(plane, acquisition)) / acquisition.volume_rate_hz


def _delay(plane: int, acquisition: AcquisitionInfo) -> float:
    """When in a volume a plane is scanned, share of the volume's time."""
    return plane / (acquisition.n_planes + acquisition.n_flyback)


def _tabulated(path: str, movie: Movie, plane: int) -> np.ndarray:
    """A plane's times from the user's table: a row for each of its volumes, or for each frame of any plane."""
    acquisition = movie.acquisition
    (time_s,) = numbers_in(read_table(path, "a table of frame times"), path, "time_s")
    per_volume = 1 if acquisition.separate_files else acquisition.n_planes + acquisition.n_flyback
    n_all = movie.n_frames * per_volume + movie.n_dropped_pages // acquisition.n_channels
    if movie.n_frames <= len(time_s) <= movie.n_frames + (movie.n_dropped_pages > 0):
        own = "{plane}" in (acquisition.frame_times or "")
        return time_s[: movie.n_frames] + (0 if own else _delay(plane, acquisition) * np.median(np.diff(time_s)))
    if len(time_s) in (n_all, n_all - acquisition.n_flyback):  # the last volume may lack its flyback
        return time_s[plane::per_volume][: movie.n_frames]
    expected = f"{movie.n_frames}, one a volume" + (f", or {n_all}, one a frame" if per_volume > 1 else "")
    remedy = "Is this the movie's table? It needs a row for every frame, also for those that are masked."
    raise InputError(problem(path, f"{len(time_s)} rows", expected, remedy))


def _refuse_disorder(time_s: np.ndarray, where: str) -> None:
    wrong = np.flatnonzero(~(np.diff(time_s) > 0))
    if len(wrong):
        frame = int(wrong[0]) + 1
        found, expected = f"{time_s[frame]:g} s", f"more than {time_s[frame - 1]:g} s, the one before"
        remedy = "Times restart where files of several acquisitions are joined: give a table of frame_times."
        raise InputError(problem(f"{where}, frame {frame}", found, expected, remedy))
