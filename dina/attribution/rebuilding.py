"""How few neurons rebuild a value, cross-validated by image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.attribution.many_targets import Design
from dina.attribution.pursuit import longest_path, pursue

LEAST_R2 = 0.05  # of all neurons together: 0.9 of less is within the noise, and any neuron would reach it
N_RANDOM_SETS = 5  # as large as the found one, which say what so many neurons rebuild by chance


@dataclass(frozen=True)
class Rebuilt:
    """Values rebuilt from few neurons; all R² are of images that the fit, and the choice of neurons, has not seen.

    Attributes
    ----------
    r2_all : (targets,) by ridge on all neurons
    r2_path : (steps, targets) by the pursuit's first 1, 2 … neurons
    size : (targets,) int64, fewest neurons whose ``r2_path`` is a given share of ``r2_all``; the whole path where none
        is enough, 0 where all neurons together do not predict the target
    reached : (targets,) bool, whether that share was
    r2_random : (targets,) by ``size`` neurons drawn at random, mean over draws; NaN without a set
    chosen : (steps, targets) int64, the pursuit over all samples
    """

    r2_all: np.ndarray
    r2_path: np.ndarray
    size: np.ndarray
    reached: np.ndarray
    r2_random: np.ndarray
    chosen: np.ndarray


def rebuild(
    x: np.ndarray, y: np.ndarray, *, most_neurons: int, share: float, n_folds: int, rng: np.random.Generator
) -> Rebuilt:
    """Rebuild every target by orthogonal matching pursuit, and by ridge on all neurons, on the same folds.

    A sample is an image (repeats averaged), so all that was recorded of it is on one side of each fold; neurons are
    chosen anew inside every fold. The size of the set is read off the cross-validated path: of the best of a few sizes
    that is slightly optimistic, and R² on test images is the check on it.

    All targets share each fold's factorisation and each step's pass over the neurons. Cost is folds × (samples ×
    neurons × min(samples, neurons) + ``most_neurons`` × samples × neurons × targets); memory that of ``x`` in double
    precision three times, and targets × (neurons + ``most_neurons`` × samples) × 8 bytes.

    Parameters
    ----------
    x : (samples, neurons) responses, weighted as the decoder reads them: ridge sees the weights, the pursuit does not
    y : (samples, targets)
    most_neurons : longest path
    share : of R² by all neurons that a set must reach
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    fold = folds(len(x), n_folds, rng)
    around = np.zeros(y.shape[1])
    missed_all = np.zeros(y.shape[1])
    missed = 0.0
    # Folds differ by an image, and in which neurons vary: all take as many steps as the shortest allows.
    n_steps = min(longest_path(x[fold != held_out], most_neurons) for held_out in range(n_folds))
    for held_out in range(n_folds):
        inside, outside = fold != held_out, fold == held_out
        true = y[outside]
        around += ((true - y[inside].mean(0)) ** 2).sum(0)
        missed_all += ((true - Design.of(x[inside]).fit(y[inside]).predict(x[outside])) ** 2).sum(0)
        predicted = pursue(x[inside], y[inside], n_steps, x[outside]).predicted
        missed = missed + ((true - predicted) ** 2).sum(1)
    r2_all, r2_path = r_squared(missed_all, around), r_squared(missed, around)
    size, reached = smallest_size(r2_path, r2_all, share)
    r2_random = _random_sets(x, y, size, fold, around, rng)
    return Rebuilt(r2_all, r2_path, size, reached, r2_random, pursue(x, y, len(r2_path)).chosen)


def folds(n_samples: int, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """(n_samples,) fold of each sample: equal parts, at random."""
    return rng.permutation(np.arange(n_samples) % n_folds)


def r_squared(missed: np.ndarray, around: np.ndarray) -> np.ndarray:
    """``1 − missed / around`` of sums of squares; NaN for a target that never varies."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(around > 0, 1 - missed / around, np.nan)


def smallest_size(r2_path: np.ndarray, r2_all: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """First step at which (steps, targets) reach a share of (targets,), and whether one does; see :class:`Rebuilt`."""
    predicted = r2_all >= LEAST_R2
    enough = (r2_path >= share * r2_all) & predicted
    reached = enough.any(0)
    n_too_few = (~np.logical_or.accumulate(enough)).sum(0)
    return np.where(reached, 1 + n_too_few, n_too_few * predicted), reached


def set_r_squared(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], chosen: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """(targets,) R² on test samples of each target's set, fitted to the training samples by least squares.

    Parameters
    ----------
    train, test : (samples, neurons) and (samples, targets)
    chosen : (steps, targets) of :class:`Rebuilt`
    size : (targets,) of the sets; NaN results where that is 0
    """
    (x, y), (x_test, y_test) = train, test
    found = np.full(len(size), np.nan)
    for target in np.flatnonzero(size):
        members = chosen[: size[target], target]
        predicted = least_squares(x[:, members], y[:, [target]], x_test[:, members])
        around = ((y_test[:, target] - y[:, target].mean()) ** 2).sum()
        found[target] = r_squared(((y_test[:, [target]] - predicted) ** 2).sum(), around)
    return found


def least_squares(x: np.ndarray, y: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Predictions for (n, features) ``other`` from the regression of (samples, targets) on (samples, features)."""
    mean_x, mean_y = x.mean(0), y.mean(0)
    return mean_y + (other - mean_x) @ np.linalg.lstsq(x - mean_x, y - mean_y)[0]


def _random_sets(
    x: np.ndarray, y: np.ndarray, size: np.ndarray, fold: np.ndarray, around: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(targets,) cross-validated R² of as many neurons at random; targets of one size share the drawn neurons."""
    varying = np.flatnonzero(x.std(0) > 0)
    found = np.full(len(size), np.nan)
    for n in np.unique(size[size > 0]):
        of = np.flatnonzero(size == n)
        missed = np.zeros(len(of))
        for _ in range(N_RANDOM_SETS):
            drawn = rng.choice(varying, n, replace=False)
            for held_out in range(fold.max() + 1):
                inside, outside = fold != held_out, fold == held_out
                predicted = least_squares(x[np.ix_(inside, drawn)], y[np.ix_(inside, of)], x[np.ix_(outside, drawn)])
                missed += ((y[np.ix_(outside, of)] - predicted) ** 2).sum(0)
        found[of] = r_squared(missed / N_RANDOM_SETS, around[of])
    return found
