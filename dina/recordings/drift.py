"""Whether the population's answer to the same image changes in the course of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dina.recordings.reliability import FEWEST_PAIRS
from dina.recordings.trials import TrialResponses

if TYPE_CHECKING:
    import pandas as pd

MOST_BINS = 6  # of the time between showings
N_BOOTSTRAP, SEED = 1000, 0
INTERVAL_PERCENT = (2.5, 97.5)
HOUR_S = 3600.0
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
    (Pearson, over neurons) for all pairs of showings of an image. Intervals are percentiles of a bootstrap over
    images, since the pairs of one image are not independent. Unmeasured with fewer than ``FEWEST_PAIRS`` repeated
    images, or if all lie equally far apart. Time and memory are linear in the pairs.
    """
    import pandas as pd

    quarter = max(1, len(trials.responses) // 4)
    first, last = (part.mean(0, dtype=np.float64) for part in (trials.responses[:quarter], trials.responses[-quarter:]))
    image, between_s, correlation = showing_pairs(trials)
    owner = np.unique(image, return_inverse=True)[1]
    n_images = len(np.unique(owner))
    bins, line = pd.DataFrame(columns=list(BIN_COLUMNS), dtype=float), None
    if n_images >= FEWEST_PAIRS and np.ptp(between_s) > 0:
        rng = np.random.default_rng(SEED)
        draws = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=N_BOOTSTRAP)
        bins = _bins(owner, between_s, correlation, draws)
        line = _line(owner, between_s, correlation, draws)
    level_change_sd = float(np.median((last - first) / trials.sd))
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
    for number, showings in zip(image, np.split(order, starts[1:]), strict=True):
        if len(showings) < 2:
            continue
        z = trials.standardised(showings, weighted=False).astype(np.float64)
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


def _bins(owner: np.ndarray, between_s: np.ndarray, correlation: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """Bins of about equally many pairs, each with its mean correlation."""
    import pandas as pd

    n_bins = int(np.clip(len(between_s) // FEWEST_PAIRS, 1, MOST_BINS))
    edges = np.unique(np.quantile(between_s, np.arange(1, n_bins) / n_bins))
    member = np.searchsorted(edges, between_s, side="left")
    rows = []
    for number in np.unique(member):
        inside = member == number
        count, total = (np.bincount(owner[inside], weights, draws.shape[1]) for weights in (None, correlation[inside]))
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw may hold no image of the bin
            means = (draws @ total) / (draws @ count)
        low, high = np.nanpercentile(means, INTERVAL_PERCENT)
        time = between_s[inside]
        row = (
            time.mean(),
            time.min(),
            time.max(),
            correlation[inside].mean(),
            low,
            high,
            inside.sum(),
            np.sum(count > 0),
        )
        rows.append(dict(zip(BIN_COLUMNS, row, strict=True)))
    return pd.DataFrame(rows)


def _line(owner: np.ndarray, between_s: np.ndarray, correlation: np.ndarray, draws: np.ndarray) -> dict[str, float]:
    """Least squares over pairs; the slope's interval from sums of each image, drawn with replacement."""
    hours = between_s / HOUR_S
    terms = (np.ones_like(hours), hours, correlation, hours**2, hours * correlation)
    sums = np.stack([np.bincount(owner, term, draws.shape[1]) for term in terms], axis=1)

    def slope(n: np.ndarray, t: np.ndarray, c: np.ndarray, tt: np.ndarray, tc: np.ndarray) -> np.ndarray:
        return (n * tc - t * c) / (n * tt - t**2)

    fitted = float(slope(*sums.sum(0)))
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw may hold one time alone
        low, high = np.nanpercentile(slope(*(draws @ sums).T), INTERVAL_PERCENT)
    return {
        "at_once": float(correlation.mean() - fitted * hours.mean()),
        "slope_per_hour": fitted,
        "slope_low": float(low),
        "slope_high": float(high),
        "longest_s": float(between_s.max()),
        "n_pairs": len(hours),
        "n_images": draws.shape[1],
    }
