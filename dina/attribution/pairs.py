"""Do the neurons of a set act one by one, or in pairs: additive against pairwise regression."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dina.attribution.many_targets import Design
from dina.attribution.rebuilding import folds, r_squared
from dina.probing.statistics import bounds, resampled


@dataclass(frozen=True)
class PairwiseGain:
    """What products of pairs add to the cross-validated R² of one value.

    Attributes
    ----------
    r2_additive, r2_pairwise : of images left out of the fit
    low, high : bootstrap interval over images of their difference
    chance : mean gain of additive surrogates, below 0: products that say nothing cost a little
    p : share of additive surrogates that gain as much, the value itself counted
    n_pairs : products offered
    """

    r2_additive: float
    r2_pairwise: float
    low: float
    high: float
    chance: float
    p: float
    n_pairs: int

    @property
    def gain(self) -> float:
        """Difference of the two R²."""
        return self.r2_pairwise - self.r2_additive


def additive_terms(x: np.ndarray) -> np.ndarray:
    """(samples, 2 · neurons): each neuron, and its square, so that a curved tuning is not taken for an interaction."""
    return np.concatenate([x, x**2], 1)


def pairwise_terms(x: np.ndarray, n_paired: int) -> np.ndarray:
    """(samples, pairs): products of the first ``n_paired`` neurons of (samples, neurons)."""
    pairs = list(combinations(range(min(n_paired, x.shape[1])), 2))
    first, second = np.array(pairs, int).reshape(-1, 2).T
    return x[:, first] * x[:, second]


def pairwise_gain(
    x: np.ndarray,
    y: np.ndarray,
    *,
    n_paired: int,
    n_folds: int,
    n_surrogates: int,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> PairwiseGain:
    """Cross-validate ridge on a set's neurons with and without the products of its pairs.

    Surrogates are what the additive fit predicts plus its residuals, permuted over images: additive by construction,
    with the same neurons and noise. Each is fitted anew with both designs, penalties chosen anew. The neurons are
    given: where the same images chose them, both models profit alike.

    A gain says that products predict, not that the neurons interact: they can stand in for neurons outside of the set
    that see the same image. Of a value that is linear in all neurons (R² of ridge on all is 1), every gain is of that
    kind.

    Cost is folds × (samples × terms² + samples × terms × surrogates), with at most 2 · neurons + pairs terms.

    Parameters
    ----------
    x : (samples, neurons) of the set, standardised
    y : (samples,)
    n_paired : neurons, from the first on, whose products are offered
    """
    additive = additive_terms(x)
    pairs = pairwise_terms(x, n_paired)
    both = np.concatenate([additive, pairs], 1)
    expected = Design.of(additive).fit(y[:, None]).fitted[:, 0]
    shuffles = rng.permuted(np.tile(y - expected, (n_surrogates, 1)), axis=1)
    targets = np.column_stack([y, (expected + shuffles).T])
    fold = folds(len(y), n_folds, rng)
    missed, missed_pairwise, around = (np.empty_like(targets) for _ in range(3))
    for held_out in range(n_folds):
        inside, outside = fold != held_out, fold == held_out
        true = targets[outside]
        around[outside] = (true - targets[inside].mean(0)) ** 2
        for squares, terms in ((missed, additive), (missed_pairwise, both)):
            fit = Design.of(terms[inside]).fit(targets[inside])
            squares[outside] = (true - fit.predict(terms[outside])) ** 2
    total = around.sum(0)
    gains = (missed.sum(0) - missed_pairwise.sum(0)) / total
    draws = resampled(len(y), n_bootstrap)
    samples = (missed[:, 0] - missed_pairwise[:, 0])[draws].sum(1) / around[:, 0][draws].sum(1)
    low, high = bounds(samples)
    r2_additive, r2_pairwise = (
        float(r_squared(squares[:, 0].sum(), total[0])) for squares in (missed, missed_pairwise)
    )
    p = (1 + np.sum(gains[1:] >= gains[0])) / (1 + n_surrogates)
    return PairwiseGain(r2_additive, r2_pairwise, low, high, float(gains[1:].mean()), float(p), pairs.shape[1])


def held_out_gain(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], n_paired: int) -> float:
    """What the products add to R² on test samples, both models fitted to the training samples.

    Parameters
    ----------
    train, test : (samples, neurons) of the set and (samples,)
    """
    (x, y), (x_test, y_test) = train, test
    around = ((y_test - y.mean()) ** 2).sum()
    missed = []
    for n in (0, n_paired):
        terms, terms_test = (np.concatenate([additive_terms(of), pairwise_terms(of, n)], 1) for of in (x, x_test))
        predicted = Design.of(terms).fit(y[:, None]).predict(terms_test)[:, 0]
        missed.append(((y_test - predicted) ** 2).sum())
    return float((missed[0] - missed[1]) / around)
