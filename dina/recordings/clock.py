"""Two clocks, one line: events that both the stimulus log and the movie saw bring onsets onto the movie's time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.tables import column_of_numbers, column_remedy, read_table, refuse, refuse_unsorted, row_of

FEWEST_EVENTS = 2
LARGEST_RESIDUAL_S = 0.05  # three refreshes of a 60-Hz screen: no good trigger errs more; a tenth of a usual window
LARGEST_RATE_ERROR = 1e-3  # ten times what quartz clocks differ by: events are mispaired, or a rate is rounded
UNUSUAL_RATE_ERROR = 2e-4  # two clocks, each within the 100 ppm of a poor quartz


@dataclass(frozen=True)
class ClockEvents:
    """Events on both clocks, in order of time.

    Attributes
    ----------
    log_s : (events,) float64, seconds on the log's clock
    movie : (events,) float64, in ``unit``
    unit : ``"s"`` from the start of the movie, or ``"frame"``, numbers of the movie's volumes, parts of one allowed
    source : the table's file name, for errors
    """

    log_s: np.ndarray
    movie: np.ndarray
    unit: str
    source: str


@dataclass(frozen=True)
class Clock:
    """``movie = offset + rate · log``, seconds.

    Attributes
    ----------
    rate : float, seconds of the movie for each of the log
    offset_s : float, the movie's time at the log's 0
    worst_residual_s : float, largest distance of an event from the line
    n_events : int
    first_s, last_s : float, first and last event on the movie's clock, by the line
    """

    rate: float
    offset_s: float
    worst_residual_s: float
    n_events: int
    first_s: float
    last_s: float

    def movie_s(self, log_s: np.ndarray) -> np.ndarray:
        """Times of the log on the movie's clock, beyond the events as well."""
        return self.offset_s + self.rate * log_s

    def describe(self, onset_s: np.ndarray) -> dict[str, float]:
        """What a reader should know of the fit: its line, how well it holds, how far onsets leave the events.

        ``onset_s`` are on the movie's clock.
        """
        return {
            "rate_error_ppm": 1e6 * (self.rate - 1),
            "offset_s": self.offset_s,
            "worst_residual_s": self.worst_residual_s,
            "n_events": self.n_events,
            "span_s": self.last_s - self.first_s,
            "beyond_s": max(0.0, self.first_s - float(onset_s.min()), float(onset_s.max()) - self.last_s),
        }


def read_clock_events(path: str | Path) -> ClockEvents:
    """Read a table of shared events: ``log_s``, and ``movie_s`` or ``movie_frame``.

    Raises
    ------
    InputError
        Naming file and row: columns missing, fewer than two events, cells that are no numbers, times that do not
        increase.
    """
    path = Path(path)
    table = read_table(path, "a table of clock events", numbers=("log_s", "movie_s", "movie_frame"))
    name = "movie_s" if "movie_s" in table else "movie_frame"
    missing = [column for column in ("log_s", name) if column not in table]
    if missing:
        found = f"columns {', '.join(map(repr, map(str, table)))}"
        raise InputError(
            problem(path, found, "log_s, and movie_s or movie_frame", column_remedy(len(table.columns), path))
        )
    if len(table) < FEWEST_EVENTS:
        found, expected = f"{len(table)} events", f"at least {FEWEST_EVENTS}: a line has a rate and an offset"
        remedy = "Add an event near the recording's end, or empty clock_events and shift the onsets."
        raise InputError(problem(path, found, expected, remedy))
    log_s, movie = (column_of_numbers(table, column, path) for column in ("log_s", name))
    for column, values in (("log_s", log_s), (name, movie)):
        refuse_unsorted(path, values, f"values of {column}", "Sort the events by time, and remove doubled ones.")
    return ClockEvents(log_s, movie, name.removeprefix("movie_"), path.name)


def fit_clock(events: ClockEvents, volume_time_s: np.ndarray | None = None) -> Clock:
    """Least-squares line through events. No event is left out: one that does not fit is refused by its row.

    Parameters
    ----------
    events : ClockEvents
    volume_time_s : (volumes,) when each volume began, seconds; needed where the events' unit is the frame

    Raises
    ------
    InputError
        If an event lies outside the movie's frames or more than ``LARGEST_RESIDUAL_S`` off the line (for frames:
        half a frame more, since a whole number tells no time between), or if the rates differ by more than
        ``LARGEST_RATE_ERROR``.
    """
    movie_s, tolerance_s = events.movie, LARGEST_RESIDUAL_S
    if events.unit == "frame":
        outside = (events.movie < 0) | (events.movie > len(volume_time_s) - 1)
        expected = f"a frame number from 0 to {len(volume_time_s) - 1}"
        refuse(events.source, outside, events.movie, expected, "Frames count volumes of the movie, from 0.")
        movie_s = np.interp(events.movie, np.arange(len(volume_time_s)), volume_time_s)
        tolerance_s += float(np.median(np.diff(volume_time_s))) / 2
    centre_s = events.log_s.mean()
    spread = events.log_s - centre_s
    rate = float(spread @ movie_s / (spread @ spread))
    offset_s = float(movie_s.mean() - rate * centre_s)
    residual_s = movie_s - (offset_s + rate * events.log_s)
    if np.abs(residual_s).max() > tolerance_s:
        leverage = 1 / len(spread) + spread**2 / (spread @ spread)
        off_s = np.abs(residual_s / (1 - leverage))  # from the line through the other events (Cook & Weisberg 1982)
        row = int(np.argmax(off_s))
        raise InputError(
            problem(
                f"{events.source}, {row_of(events.source, row)}",
                f"an event {off_s[row]:.3f} s off the line through the other {len(off_s) - 1}",
                f"all events within {tolerance_s:.3f} s of one line",
                "Correct or remove it. Does each row pair the same event, in seconds?",
            )
        )
    if abs(rate - 1) > LARGEST_RATE_ERROR:
        found = f"{rate:.4f} s of the movie for each second of the log"
        expected = f"1 to within {LARGEST_RATE_ERROR:.1%}"
        remedy = "Are both columns in seconds, volume_rate_hz exact (not rounded), and the events paired?"
        raise InputError(problem(events.source, found, expected, remedy))
    if abs(rate - 1) > UNUSUAL_RATE_ERROR:
        told = f"{events.source}: the clocks differ by {1e6 * (rate - 1):+.0f} ppm, more than quartz clocks do."
        warnings.warn(told, stacklevel=2)
    first_s, last_s = (offset_s + rate * float(events.log_s[k]) for k in (0, -1))
    return Clock(rate, offset_s, float(np.abs(residual_s).max()), len(movie_s), first_s, last_s)
