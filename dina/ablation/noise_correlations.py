"""What noise correlations carry: repeats shuffled within image, neuron by neuron."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dina.ablation.refits import Refits
from dina.probing.comparisons import sign_flip_p
from dina.probing.queries import single_trials
from dina.probing.statistics import LEVEL, bounds, resampled
from dina.recordings.trials import LEFT_OUT, SPLITS, TEST, TRAIN, TrialResponses

SHUFFLED, DIAGONAL = "shuffled", "diagonal"
INTACT = "intact"
FEWEST_REPEATED = 10  # images of a split shown twice or more, below which correlations are not measured
COLUMNS = (
    "test", "decoder", "trial_mode", "metric", "value", "ci_low", "ci_high", "p", "verdict", "top1_intact", "top1",
    "left", "pool_size", "chance", "n", "n_shuffles",
)  # fmt: skip
CHECKS = ("condition", "shuffle", "split", "mean", "rms", "independent_rms")
HELP, HURT, NOTHING = "correlations help", "correlations hurt", "no effect found"


@dataclass(frozen=True)
class Shuffles:
    """DINA fitted to intact and to shuffled trials.

    Attributes
    ----------
    intact : test → (images,) top-1, fitted to intact trials and asked by intact ones
    broken : test → (shuffles, images); ``shuffled`` is fitted to shuffled trials and asked by shuffled ones,
        ``diagonal`` fitted to shuffled trials and asked by intact ones
    left : share of the noise covariance that a shuffle leaves between two neurons of a test trial, 1 / repeats
    checks : mean noise correlations, one row a condition, shuffle and split
    """

    intact: dict[str, np.ndarray]
    broken: dict[str, np.ndarray]
    left: float
    checks: list[dict[str, Any]]


def repeated_alone(trials: TrialResponses) -> TrialResponses:
    """The same trials without those training and test images that their split shows once: these cannot be shuffled."""
    split = trials.split.copy()
    for group in _groups(trials):
        if len(group) < 2 and split[group[0]] in (TRAIN, TEST):
            split[group] = LEFT_OUT
    return replace(trials, split=split)


def why_not(repeated: TrialResponses) -> str:
    """Why noise correlations cannot be tested on what :func:`repeated_alone` left; empty where they can."""
    for split in (TRAIN, TEST):
        if (n := len(repeated.image_ids(split))) < FEWEST_REPEATED:
            shown = f"{n} {SPLITS[split]} images are shown twice or more"
            return f"{shown}, and {FEWEST_REPEATED} are needed to shuffle repeats."
    return ""


def shuffle_repeats(trials: TrialResponses, rng: np.random.Generator) -> TrialResponses:
    """The same trials with every neuron's repeats of each image in an order of its own.

    The mean over repeats, and all that a neuron does by itself, stay; what neurons do together on one showing is lost.
    A split's showings are not mixed with another's. Cost and memory grow with trials × neurons.
    """
    responses = trials.responses.copy()
    for group in _groups(trials):
        if len(group) > 1:
            order = rng.random((len(group), trials.n_neurons)).argsort(0)
            responses[group] = np.take_along_axis(trials.responses[group], order, 0)
    return replace(trials, responses=responses)


def noise_correlation(trials: TrialResponses, split: int) -> dict[str, float]:
    """How neurons' deviations from their mean response to an image correlate over a split's repeats, over all pairs.

    ``mean`` and root mean square (``rms``) of Pearson's r, and the root mean square that independent neurons would
    have, ``independent_rms``: 1/√(trials − images). Neurons that never deviate are left out. Cost grows with trials ×
    neurons × the smaller of both, memory with its square.
    """
    shown = trials.trials(split)
    _, image = np.unique(trials.image_index[shown], return_inverse=True)
    count = np.bincount(image)
    z = trials.standardised(shown, weighted=False).astype(np.float64)
    mean = np.zeros((len(count), z.shape[1]))
    np.add.at(mean, image, z)
    deviation = z - (mean / count[:, None])[image]
    length = np.linalg.norm(deviation, axis=0)
    unit = deviation[:, length > 0] / length[length > 0]
    n = unit.shape[1]
    pairs = max(1, n * (n - 1))
    gram = unit.T @ unit if n <= len(unit) else unit @ unit.T
    return {
        "mean": float((np.sum(unit.sum(1) ** 2) - n) / pairs),
        "rms": float(np.sqrt(max(0.0, np.sum(gram**2) - n) / pairs)),
        "independent_rms": float(1 / np.sqrt(max(1, len(shown) - len(count)))),
    }


def shuffle_and_refit(repeated: TrialResponses, refits: Refits, n_shuffles: int, seed: int) -> Shuffles:
    """Fit and ask DINA with correlations intact and destroyed; two fits a shuffle and two besides.

    Two neurons of a shuffled trial still come from one showing with probability 1 / repeats, so that ``shuffled`` takes
    away half of the correlation where images are shown twice; a decoder fitted to such trials knows of the half
    that is left, since noise is measured around predictions. ``diagonal`` shall know of none, and measures noise
    around images' means (:meth:`~dina.ablation.refits.Refits.by_repeats`). A tower that has no closed form is trained
    on the shuffled trials as they are, and knows of the part that stays.

    Parameters
    ----------
    repeated : of :func:`repeated_alone`
    refits : whose gallery is the test images of these trials
    """
    rng = np.random.default_rng(seed)
    asked = single_trials(repeated)
    ways = {SHUFFLED: refits, DIAGONAL: refits.by_repeats(repeated)}
    intact = {test: way.top1(repeated, asked) for test, way in ways.items()}
    broken = {test: [] for test in ways}
    checks = list(_check_rows(repeated, INTACT, 0))
    for number in range(n_shuffles):
        trials = shuffle_repeats(repeated, rng)
        for test, way in ways.items():
            broken[test].append(way.top1(trials, single_trials(trials) if test == SHUFFLED else asked))
        checks += _check_rows(trials, SHUFFLED, number)
    left = float(np.mean(1 / np.bincount(asked.true)))
    return Shuffles(intact, {test: np.stack(top1) for test, top1 in broken.items()}, left, checks)


def noise_rows(shuffles: Shuffles, n_bootstrap: int) -> Iterator[dict[str, Any]]:
    """What correlations carry, as differences of top-1 from single trials, with intervals: one row a test.

    ``shuffled``: intact less shuffled, ΔI_shuffled, what correlations add to the population or take from it;
    understated, since the share ``left`` of them stays. ``diagonal``: intact less fitted to shuffled but asked by
    intact trials, ΔI_diag, what a decoder loses that does not know of them. The bootstrap resamples images and
    shuffles; ``p`` is of random signs of the images' differences, averaged over shuffles.

    References
    ----------
    Averbeck, Latham & Pouget 2006, Nat. Rev. Neurosci. 7:358.
    """
    for test, broken in shuffles.broken.items():
        intact = shuffles.intact[test]
        differences = intact - broken
        low, high = bounds(_resample_both(differences, n_bootstrap))
        p = sign_flip_p(differences.mean(0))
        yield {
            "test": test,
            "decoder": "dina",
            "trial_mode": "single",
            "metric": "top1_difference",
            "value": float(differences.mean()),
            "ci_low": low,
            "ci_high": high,
            "p": p,
            "verdict": verdict(low, high, p),
            "top1_intact": float(intact.mean()),
            "top1": float(broken.mean()),
            "left": shuffles.left if test == SHUFFLED else 0.0,
            "pool_size": len(intact),
            "chance": 1 / len(intact),
            "n": len(intact),
            "n_shuffles": len(broken),
        }


def verdict(low: float, high: float, p: float) -> str:
    """In words, from the interval of intact less destroyed; p guards against few images."""
    if p > 1 - LEVEL or low <= 0 <= high:
        return NOTHING
    return HELP if low > 0 else HURT


def _resample_both(differences: np.ndarray, n_bootstrap: int) -> np.ndarray:
    """(n_bootstrap,) means of (shuffles, images) with both drawn anew."""
    n_shuffles, n_images = differences.shape
    drawn = np.random.default_rng(0).multinomial(n_shuffles, np.full(n_shuffles, 1 / n_shuffles), n_bootstrap)
    by_image = drawn / n_shuffles @ differences
    return np.take_along_axis(by_image, resampled(n_images, n_bootstrap), 1).mean(1)


def _check_rows(trials: TrialResponses, condition: str, shuffle: int) -> Iterator[dict[str, Any]]:
    for split in (TRAIN, TEST):
        about = {"condition": condition, "shuffle": shuffle, "split": SPLITS[split]}
        yield about | noise_correlation(trials, split)


def _groups(trials: TrialResponses) -> list[np.ndarray]:
    """Indices of the trials of each image in each split, in order of time."""
    order = np.lexsort((trials.image_index, trials.split))
    split, image = trials.split[order], trials.image_index[order]
    starts = np.flatnonzero((np.diff(split.astype(int)) != 0) | (np.diff(image) != 0)) + 1
    return np.split(order, starts)
