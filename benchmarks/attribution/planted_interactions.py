"""Planted answers for interactions: a target made of known neurons and known pairs, and how well both are found.

``planted_rows`` is called by ``make bench-attribution``; the tests use the same simulations, smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.attribution.interactions import Found, pair_interactions

FALSE_DISCOVERY_RATE = 0.05
NOISE_SHARE = 0.3  # s.d. of the target's noise, of its signal's
SHARED = 0.3  # of each response's variance, common to all: neurons correlate, as in a recording


@dataclass(frozen=True)
class Planted:
    """Responses and a target ``y = Σ aᵢ rᵢ + Σ bᵢⱼ rᵢ rⱼ + noise`` over a few members.

    Attributes
    ----------
    responses : (images, neurons), unit variance, correlated by a shared factor
    target : (images,)
    members : (m,) neurons that enter
    pairs : (p, 2) members whose product enters; empty where the target is additive
    """

    responses: np.ndarray
    target: np.ndarray
    members: np.ndarray
    pairs: np.ndarray


def plant(n_images: int, n_neurons: int, n_members: int, n_pairs: int, seed: int) -> Planted:
    """Draw responses, members, pairs among them, and signs; sizes of effects are between 0.5 and 1.

    Additive targets (``n_pairs`` 0) also hold the members' squares: main effects that bend are no interaction.
    """
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n_images, 1))
    responses = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * rng.normal(size=(n_images, n_neurons))
    members = np.sort(rng.choice(n_neurons, n_members, replace=False))
    possible = np.stack(np.triu_indices(n_members, 1), 1)
    pairs = members[possible[np.sort(rng.choice(len(possible), n_pairs, replace=False))]]

    def effects(n: int) -> np.ndarray:
        return rng.uniform(0.5, 1, n) * rng.choice([-1, 1], n)

    signal = responses[:, members] @ effects(n_members)
    signal += (responses[:, pairs[:, 0]] * responses[:, pairs[:, 1]]) @ effects(n_pairs)
    if not n_pairs:
        signal += responses[:, members] ** 2 @ (0.5 * effects(n_members))
    target = signal + NOISE_SHARE * signal.std() * rng.normal(size=n_images)
    return Planted(responses, target, members, pairs)


def found(planted: Planted, n_chosen: int, n_surrogates: int, seed: int) -> Found:
    """:func:`~dina.attribution.interactions.pair_interactions` on four fifths of the images, the rest validates."""
    n_train = len(planted.target) * 4 // 5
    target = planted.target[:, None]
    parts = [(planted.responses[some], target[some]) for some in (slice(n_train), slice(n_train, None))]
    return pair_interactions(*parts, n_chosen, n_surrogates, seed)[0]


def area_under_curve(scores: np.ndarray, true: np.ndarray) -> float:
    """Probability that a true one scores above a false one; ties count half."""
    from scipy.stats import rankdata

    n_true = int(true.sum())
    ranks = rankdata(scores)
    return float((ranks[true].sum() - n_true * (n_true + 1) / 2) / (n_true * (len(true) - n_true)))


def is_pair(planted: Planted, of: Found) -> np.ndarray:
    """(pairs,) whether each of the tested pairs was planted."""
    n = planted.responses.shape[1]
    return np.isin(of.first * n + of.second, planted.pairs[:, 0] * n + planted.pairs[:, 1])


def planted_rows(n_seeds: int = 10, n_images: int = 1200, n_neurons: int = 80, n_surrogates: int = 20) -> list[dict]:
    """Rows of name, value, goal, unit: members and pairs that are found, and what is found where there is nothing.

    All pairs of all neurons are tested; means over ``n_seeds`` plantings of eight members and six pairs.
    """
    members, pairs, power, wrong, null = [], [], [], [], []
    for seed in range(n_seeds):
        planted = plant(n_images, n_neurons, 8, 6, seed)
        of = found(planted, n_neurons, n_surrogates, seed)
        true, called = is_pair(planted, of), of.q < FALSE_DISCOVERY_RATE
        members.append(area_under_curve(of.importance, np.isin(np.arange(n_neurons), planted.members)))
        pairs.append(area_under_curve(np.abs(of.strength), true))
        power.append(called[true].mean())
        wrong.append(called[~true].sum() / max(1, called.sum()))
        additive = found(plant(n_images, n_neurons, 8, 0, seed), n_neurons, n_surrogates, seed)
        null.append(np.mean(additive.q < FALSE_DISCOVERY_RATE))
    measured = {
        "members found": (members, ">= 0.95", "area under ROC"),
        "pairs found": (pairs, ">= 0.90", "area under ROC"),
        "pairs called interacting": (power, ">= 0.8", "share of planted pairs"),
        "falsely called": (wrong, "<= 0.05", "share of called pairs"),
        "called on additive data": (null, "<= 0.05", "share of all pairs"),
    }
    return [
        {"name": name, "value": float(np.mean(values)), "goal": goal, "unit": unit}
        for name, (values, goal, unit) in measured.items()
    ]


if __name__ == "__main__":
    for row in planted_rows():
        print("{name}: {value:.3f} ({unit}; goal {goal})".format(**row))
