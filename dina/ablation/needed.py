"""How many neurons a score needs, and whether one order needs fewer than another: tables from curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dina.ablation.curves import goal_of, share_needed
from dina.ablation.orders import ATTRIBUTION, MATCHED, RANDOM, STRONGEST
from dina.probing.comparisons import sign_flip_p
from dina.probing.statistics import LEVEL, bounds, paired_difference, resampled, row

REFERENCE = "convolutional"  # the decoder whose best score others are asked to reach
OWN_SHARES = {"neurons_for_50pct": 0.5, "neurons_for_90pct": 0.9}  # of the way to a curve's own best score
EQUAL_SCORE = "neurons_for_equal_score"
MEAN, RETRAINED = "mean", "retrained"  # how neurons are taken away: set to their training mean, or DINA fitted without
COMPARED = ((ATTRIBUTION, STRONGEST), (ATTRIBUTION, MATCHED), (ATTRIBUTION, RANDOM), (STRONGEST, RANDOM))


@dataclass(frozen=True)
class Curve:
    """Top-1 of single trials against the share of neurons left on.

    Attributes
    ----------
    decoder, order, removal : str
    shares : (points,) ascending, the last is 1
    top1 : (points, images)
    """

    decoder: str
    order: str
    removal: str
    shares: np.ndarray
    top1: np.ndarray

    @property
    def chance(self) -> float:
        """One of the images."""
        return 1 / self.top1.shape[1]

    def about(self, metric: str) -> dict[str, Any]:
        """What a row of a table says first."""
        about = {"decoder": self.decoder, "order": self.order, "removal": self.removal, "trial_mode": "single"}
        return about | {"metric": metric, "pool_size": self.top1.shape[1], "chance": self.chance}

    def resampled(self, n_bootstrap: int) -> np.ndarray:
        """(1 + n_bootstrap, points): first the curve itself, then its bootstrap over images, the same for every one."""
        n_images = self.top1.shape[1]
        samples = np.vstack([np.arange(n_images), resampled(n_images, n_bootstrap)])
        return self.top1[:, samples].mean(-1).T


def curve_rows(curves: Sequence[Curve], n_bootstrap: int) -> Iterator[dict[str, Any]]:
    """One row a decoder, order, removal and share."""
    for curve in curves:
        for share, top1 in zip(curve.shares, curve.top1, strict=True):
            yield row(top1, n_bootstrap, about=curve.about("top1") | {"share": share})


def needed_rows(
    curves: Sequence[Curve], n_bootstrap: int, n_neurons: int, n_responsive: int | None
) -> Iterator[dict[str, Any]]:
    """The shares needed by every curve, with their intervals: one row a metric.

    ``n_neurons`` is the share as a number, ``of_responsive`` the number as a share of the neurons that images drive:
    above 1 where more are needed than these. NaN means never, in a value or in a bound.

    Parameters
    ----------
    n_responsive : None where it is unknown, and 0, leave ``of_responsive`` NaN
    """
    drawn = [curve.resampled(n_bootstrap) for curve in curves]
    reference = _reference(curves, drawn)
    for curve, samples in zip(curves, drawn, strict=True):
        asked = {metric: goals(samples, curve.chance, share) for metric, share in OWN_SHARES.items()}
        if reference is not None:
            asked[EQUAL_SCORE] = reference
        for metric, goal in asked.items():
            needed = share_needed(curve.shares, samples, goal)
            found = curve.about(metric) | share_interval(needed[0], needed[1:]) | {"n": curve.top1.shape[1]}
            number = round(found["value"] * n_neurons) if np.isfinite(found["value"]) else np.nan
            yield found | {"n_neurons": number, "of_responsive": number / n_responsive if n_responsive else np.nan}


def comparison_rows(curves: Sequence[Curve], decoder: str, n_bootstrap: int) -> Iterator[dict[str, Any]]:
    """Whether one order needs fewer neurons than another, image by image: two rows a pair and removal.

    ``neurons_for_90pct`` is the difference between the shares at which the orders reach 90 % of the way to the score
    with all neurons on, which is one goal for both; below 0, the first needs fewer. ``top1_mean`` is the difference
    between their top-1, averaged over the shares that both have but the whole; above 0, the first is better on the way
    there. Intervals are paired, ``p`` is of random signs of the images' differences (NaN for shares).

    Parameters
    ----------
    decoder : whose orders are compared
    """
    found = {(curve.order, curve.removal): curve for curve in curves if curve.decoder == decoder}
    for removal in (MEAN, RETRAINED):
        for order, over in COMPARED:
            if (order, removal) in found and (over, removal) in found:
                yield from _compare(found[order, removal], found[over, removal], n_bootstrap)


def goals(samples: np.ndarray, chance: float, required: float) -> np.ndarray:
    """(samples,) goals of a curve, (samples, points); none where all neurons together cannot be told from chance.

    The first sample is the curve itself.
    """
    if np.quantile(samples[1:, -1], (1 - LEVEL) / 2) <= chance:
        return np.full(len(samples), np.nan)
    return goal_of(samples, chance, required)


def share_interval(value: float, samples: np.ndarray) -> dict[str, float]:
    """A share and its interval, bounds taken from shares that occur; infinity becomes NaN, never."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="inverted_cdf")
    found = {"value": value, "ci_low": low, "ci_high": high}
    return {name: float(number) if np.isfinite(number) else np.nan for name, number in found.items()}


def _reference(curves: Sequence[Curve], drawn: list[np.ndarray]) -> np.ndarray | None:
    """Goals of the reference decoder's curve, strongest first where neurons have an order."""
    found = {
        curve.order: goals(samples, curve.chance, OWN_SHARES["neurons_for_90pct"])
        for curve, samples in zip(curves, drawn, strict=True)
        if (curve.decoder, curve.removal) == (REFERENCE, MEAN)
    }
    return found.get(STRONGEST, found.get(RANDOM))


def _compare(first: Curve, second: Curve, n_bootstrap: int) -> Iterator[dict[str, Any]]:
    shares = np.intersect1d(first.shares, second.shares)
    ours, theirs = (curve.top1[np.isin(curve.shares, shares)] for curve in (first, second))
    about = {"over": second.order, "n": ours.shape[1]}
    samples = [Curve("", "", "", shares, top1).resampled(n_bootstrap) for top1 in (ours, theirs)]
    goal = goals(samples[0][:, -1:], first.chance, OWN_SHARES["neurons_for_90pct"])
    needed = [share_needed(shares, sample, goal) for sample in samples]
    if np.isfinite(goal).all():
        difference = needed[0] - needed[1]
        low, high = bounds(difference[1:])
        value = {"value": float(difference[0]), "ci_low": low, "ci_high": high, "p": np.nan}
        verdict = _verdict(-high, -low, "fewer", "more")
        yield first.about("neurons_for_90pct") | about | value | {"verdict": verdict}
    ours, theirs = ours[:-1].mean(0), theirs[:-1].mean(0)
    difference, low, high = paired_difference(ours, theirs, n_bootstrap)
    value = {"value": difference, "ci_low": low, "ci_high": high, "p": sign_flip_p(ours - theirs)}
    yield first.about("top1_mean") | about | value | {"verdict": _verdict(low, high, "better", "worse")}


def _verdict(low: float, high: float, above: str, below: str) -> str:
    if low > 0:
        return above
    return below if high < 0 else "no difference found"
