"""Whether the population's answer to the same image changes in the course of a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dina.recordings.reliability import FEWEST_PAIRS
from dina.recordings.trials import TRAIN, TrialResponses, by_neurons, spread

if TYPE_CHECKING:
    import pandas as pd

MOST_BINS = 6  # of the time between showings
COVERAGE = 0.95
HOUR_S = 3600.0
LEAST_SPREAD_S = 1.0  # s.d. of the times between showings; less is the jitter of a trial's pace, not a change of time
LEAST_SPREAD = 0.05  # of their mean: with less, the line's value at once lies 20 s.d. from all that was seen
READ_AT_ONCE = 4096  # trials: of 10,000 neurons, 160 MB
BIN_COLUMNS = ("between_s", "shortest_s", "longest_s", "correlation", "ci_low", "ci_high", "n_pairs", "n_images")


@dataclass(frozen=True)
class Drift:
    """What changes between the beginning of a recording and its end.

    Attributes
    ----------
    first_quarter, last_quarter : (neurons,) float32, mean response in that quarter of the trials
    level_change_sd : float, median over neurons of last less first, in the neuron's s.d. over training trials
    bins : table, one row a bin of the time between two showings of an image: its mean, shortest and longest time,
        the mean correlation of the two population responses, its interval, pairs and images; empty if unmeasured
    line : the straight line of correlation on time: ``at_once`` (its value at 0 s), ``slope_per_hour`` with
        ``slope_low`` and ``slope_high``, ``longest_s``, ``n_pairs``, ``n_images``; None if unmeasured
    """

    first_quarter: np.ndarray
    last_quarter: np.ndarray
    level_change_sd: float
    bins: pd.DataFrame
    line: dict[str, float] | None


def measure_drift(trials: TrialResponses) -> Drift:
    """Compare the recording's first and last quarter, and showings of an image by the time between them.

    Population responses are z-scored neuron by neuron, so that strong neurons do not stand for all, and correlated
    (Pearson, over neurons) for all pairs of showings of an image. Intervals (95 %) are Student's, their standard
    errors from leaving out one image at a time, since the pairs of one image are not independent; percentiles of a
    bootstrap over a dozen images would be too narrow. They take images as independent: a gain of all neurons that
    wanders slowly makes them too narrow. Unmeasured with fewer than ``FEWEST_PAIRS`` repeated images, or if all, or
    all but those of one image, lie about equally far apart (``LEAST_SPREAD_S``, ``LEAST_SPREAD``), as in a sequence
    shown twice, or if times are unknown. Time and memory are linear in the pairs; responses may be a Zarr array, which
    is read in parts.
    """
    import pandas as pd

    quarter, train = max(1, trials.responses.shape[0] // 4), trials.trials(TRAIN)
    first, last, sd = by_neurons(
        lambda block: (
            block[:quarter].mean(0, dtype=np.float64),
            block[-quarter:].mean(0, dtype=np.float64),
            spread(block[train]),
        ),
        trials.responses,
    )
    image, between_s, correlation = showing_pairs(trials)
    owner = np.unique(image, return_inverse=True)[1]
    n_images = len(np.unique(owner))
    bins, line = pd.DataFrame(columns=list(BIN_COLUMNS), dtype=float), None
    if n_images >= FEWEST_PAIRS and _least_spread_s(owner, between_s) >= max(
        LEAST_SPREAD_S, LEAST_SPREAD * between_s.mean()
    ):
        bins = _bins(owner, between_s, correlation)
        line = _line(owner, between_s, correlation)
    level_change_sd = float(np.median((last - first) / sd))
    return Drift(first.astype(np.float32), last.astype(np.float32), level_change_sd, bins, line)


def showing_pairs(trials: TrialResponses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of showings of an image.

    Returns
    -------
    image : (pairs,) int
    between_s : (pairs,) float64, time between the two
    correlation : (pairs,) float64, of the z-scored population responses; pairs with a response that is the same
        in all neurons are left out
    """
    order = np.argsort(trials.image_index, kind="stable")
    image, starts = np.unique(trials.image_index[order], return_index=True)
    found: list[tuple[np.ndarray, ...]] = [(np.empty(0, int), np.empty(0), np.empty(0))]
    for number, showings, z in _repeated(trials, image, np.split(order, starts[1:])):
        z -= z.mean(1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            z /= np.linalg.norm(z, axis=1, keepdims=True)
        one, other = np.triu_indices(len(showings), 1)
        correlation = (z @ z.T)[one, other]
        known = np.isfinite(correlation)
        onset_s = trials.onset_s[showings]
        between_s = np.abs(onset_s[other] - onset_s[one])
        found.append((np.full(known.sum(), number), between_s[known], correlation[known]))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _repeated(
    trials: TrialResponses, image: np.ndarray, showings: list[np.ndarray]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each repeated image, its showings and their z-scored responses, read for many images at a time."""
    repeated = [k for k, of in enumerate(showings) if len(of) > 1]
    before = np.cumsum([0] + [len(showings[k]) for k in repeated])
    for group in np.split(repeated, np.flatnonzero(np.diff(before[:-1] // READ_AT_ONCE)) + 1) if repeated else ():
        read = trials.standardised(np.concatenate([showings[k] for k in group]), weighted=False)
        ends = np.cumsum([len(showings[k]) for k in group])
        for k, z in zip(group, np.split(read, ends[:-1]), strict=True):
            yield image[k], showings[k], z.astype(np.float64)


def _bins(owner: np.ndarray, between_s: np.ndarray, correlation: np.ndarray) -> pd.DataFrame:
    """Bins of about equally many pairs, each with its mean correlation."""
    import pandas as pd

    n_bins = int(np.clip(len(between_s) // FEWEST_PAIRS, 1, MOST_BINS))
    edges = np.unique(np.quantile(between_s, np.arange(1, n_bins) / n_bins))
    member = np.searchsorted(edges, between_s, side="left")
    rows = []
    for number in np.unique(member):
        time, found = between_s[member == number], correlation[member == number]
        sums = _image_sums(owner[member == number], np.ones_like(found), found)
        mean, low, high = _leaving_out(sums, _mean)
        row = (time.mean(), time.min(), time.max(), mean, low, high, len(time), len(sums))
        rows.append(dict(zip(BIN_COLUMNS, row, strict=True)))
    return pd.DataFrame(rows)


def _line(owner: np.ndarray, between_s: np.ndarray, correlation: np.ndarray) -> dict[str, float]:
    """Least squares over pairs."""
    hours = between_s / HOUR_S
    # centred, so that sums of nearly equal times lose no digits
    since, above = hours - hours.mean(), correlation - correlation.mean()
    sums = _image_sums(owner, np.ones_like(hours), since, above, since**2, since * above)
    slope, low, high = _leaving_out(sums, _slope)
    return {
        "at_once": float(correlation.mean() - slope * hours.mean()),
        "slope_per_hour": slope,
        "slope_low": low,
        "slope_high": high,
        "longest_s": float(between_s.max()),
        "n_pairs": len(hours),
        "n_images": len(sums),
    }


def _least_spread_s(owner: np.ndarray, between_s: np.ndarray) -> float:
    """S.d. of the times between showings, without the image on which it rests most."""
    since_s = between_s - between_s.mean()
    sums = _image_sums(owner, np.ones_like(since_s), since_s, since_s**2)
    n, t, tt = (sums.sum(0) - sums).T
    return float(np.sqrt(max(0.0, (tt / n - (t / n) ** 2).min())))


def _mean(n: np.ndarray, c: np.ndarray) -> np.ndarray:
    return c / n


def _slope(n: np.ndarray, t: np.ndarray, c: np.ndarray, tt: np.ndarray, tc: np.ndarray) -> np.ndarray:
    return (n * tc - t * c) / (n * tt - t**2)


def _image_sums(owner: np.ndarray, *terms: np.ndarray) -> np.ndarray:
    """(images, terms) sums over the pairs of each image that has any."""
    group = np.unique(owner, return_inverse=True)[1]
    return np.stack([np.bincount(group, term) for term in terms], axis=1)


def _leaving_out(sums: np.ndarray, estimate: Callable[..., np.ndarray]) -> tuple[float, float, float]:
    """An estimate from sums over images, and its interval by the jackknife; NaN bounds from one image.

    References
    ----------
    Tukey 1958, Ann. Math. Stat. 29:614: Student's interval from n leave-one-out estimates, n - 1 degrees of freedom.
    """
    from scipy import stats

    n, total = len(sums), sums.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):  # the images that are left may have one time alone
        without = estimate(*(total - sums).T)
        error = np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
        best = float(estimate(*total))
    half = float(error * stats.t.ppf((1 + COVERAGE) / 2, n - 1)) if n > 1 else np.nan
    return best, best - half, best + half
