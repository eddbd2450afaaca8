"""Latent maps with planted answers: values that are sums of named neurons, towers that agree in known places.

``python benchmarks/attribution/planted_latents.py`` prints whether the analysis finds what was put in; the tests plant
the same in smaller numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dina.attribution.alignment import Alignment, align
from dina.attribution.pairs import pairwise_gain
from dina.attribution.rebuilding import Rebuilt, rebuild
from dina.attribution.regions import ALIGNED, count_table, distance_table, places_by_rule, region_table, shuffled_places
from dina.probing.statistics import adjusted
from dina.threads import limit_threads

SHARED_FEATURES = 12  # of the images, which correlate neurons with each other
MEMBERS = (3, 11, 19, 28, 41, 50)
PAIRS = ((3, 11), (19, 28), (41, 50))
LEVEL = 0.05
AT_CHANCE = "<= 0.12"  # the level and two standard errors of 40 values
GRID, CHANNELS, PLACE_PX = 8, 6, 8
PATCHES = ((slice(1, 3), slice(1, 3)), (slice(5, 7), slice(5, 7)))  # rows and columns
PATCH_DISTANCE_PX = 4 * PLACE_PX * 2**0.5


def planted_population(n_images: int, n_neurons: int, rng: np.random.Generator) -> np.ndarray:
    """(images, neurons) skewed responses to shared features of the images with noise of their own, standardised."""
    features = rng.standard_normal((n_images, SHARED_FEATURES))
    loadings = rng.standard_normal((SHARED_FEATURES, n_neurons)) / SHARED_FEATURES**0.5
    drive = features @ loadings + rng.standard_normal((n_images, n_neurons))
    responses = np.maximum(drive, -0.5)  # most responses are weak, few are strong
    return (responses - responses.mean(0)) / responses.std(0)


def additive_target(x: np.ndarray, noise_sd: float, rng: np.random.Generator) -> np.ndarray:
    """(images,) sum of the named neurons of (images, neurons), with noise; signs alternate."""
    signs = np.resize([1.0, -1.0], len(MEMBERS))
    return x[:, MEMBERS] @ signs + noise_sd * rng.standard_normal(len(x))


def curved_target(x: np.ndarray, noise_sd: float, rng: np.random.Generator) -> np.ndarray:
    """(images,) the same with a squared neuron: additive, though not linear."""
    return additive_target(x, noise_sd, rng) + 0.3 * x[:, MEMBERS[0]] ** 2


def pairwise_target(x: np.ndarray, noise_sd: float, rng: np.random.Generator) -> np.ndarray:
    """(images,) the sum with the products of named pairs."""
    first, second = np.array(PAIRS).T
    return additive_target(x, noise_sd, rng) + 0.5 * (x[:, first] * x[:, second]).sum(1)


def rebuilt(x: np.ndarray, y: np.ndarray, seed: int = 0) -> Rebuilt:
    """The stage's way to rebuild (images, targets), by at most 20 neurons."""
    return rebuild(x, y, most_neurons=20, share=0.9, n_folds=5, rng=np.random.default_rng(seed))


def gain_p(x: np.ndarray, y: np.ndarray, n_surrogates: int, seed: int = 0) -> tuple[float, float]:
    """Gain from pairs among the named neurons, and its p."""
    found = pairwise_gain(
        x[:, MEMBERS],
        y,
        n_paired=10,
        n_folds=5,
        n_surrogates=n_surrogates,
        n_bootstrap=200,
        rng=np.random.default_rng(seed),
    )
    return found.gain, found.p


def patchy_maps(
    n_images: int, patches: tuple, rng: np.random.Generator, noise_sd: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Image and neural maps (images, channels, grid, grid), unrelated but for the patches: there they agree.

    Values of a channel are shared by neighbouring places, as those of real maps are.
    """
    shape = (n_images, CHANNELS, GRID, GRID)
    images, neural = (_smooth(rng.standard_normal(shape)) for _ in range(2))
    for rows, columns in patches:
        here = (..., rows, columns)
        neural[here] = images[here] + noise_sd * rng.standard_normal(neural[here].shape)
    return images, neural


def aligned_regions(pairs: list[tuple[np.ndarray, np.ndarray]], n_shuffles: int, seed: int = 0) -> AlignedRegions:
    """The stage's way from maps of several seeds to regions."""
    images, neural = zip(*pairs, strict=True)
    found = align(images, neural, n_shuffles=n_shuffles, n_bootstrap=200, rng=np.random.default_rng(seed))
    taken = places_by_rule(found, LEVEL)
    regions = region_table(found, taken, (GRID * PLACE_PX, GRID * PLACE_PX), 0.5)
    return AlignedRegions(
        found, taken, regions, distance_table(regions), count_table(taken, shuffled_places(found, LEVEL))
    )


@dataclass(frozen=True)
class AlignedRegions:
    """Agreement, which places each rule takes, and the tables of regions."""

    alignment: Alignment
    taken: dict[str, np.ndarray]
    regions: pd.DataFrame
    distances: pd.DataFrame
    counts: pd.DataFrame


def rows(n_images: int = 800, n_neurons: int = 100, n_targets: int = 40) -> list[dict]:
    """Name, value, goal and unit of every planted answer; seconds on one core."""
    rng = np.random.default_rng(0)
    x = planted_population(n_images, n_neurons, rng)
    kinds = {"additive": additive_target, "pairwise": pairwise_target}
    found = []
    for name, plant in kinds.items():
        y = np.stack([plant(x, 0.5, rng) for _ in range(n_targets)], 1)
        of = rebuilt(x, y)
        exact = [set(of.chosen[: len(MEMBERS), k]) == set(MEMBERS) for k in range(n_targets)]
        found.append(_row(f"{name}: planted members found", np.mean(exact), "== 1", "share of values"))
        found.append(
            _row(f"{name}: median size of a set of {len(MEMBERS)}", np.median(of.size), f"<= {len(MEMBERS)}", "neurons")
        )
    for name, plant, goal, corrected in (
        ("additive", additive_target, AT_CHANCE, "<= 0.05"),
        ("additive with a square", curved_target, AT_CHANCE, "<= 0.05"),
        ("pairwise", pairwise_target, "== 1", "== 1"),
    ):
        p = np.array([gain_p(x, plant(x, 1.5, rng), 99, seed)[1] for seed in range(n_targets)])
        found.append(_row(f"{name}: gains from pairs with p ≤ 0.05", np.mean(p <= LEVEL), goal, "share of values"))
        passed = np.mean(adjusted(p) <= LEVEL)
        found.append(_row(f"{name}: after Benjamini–Hochberg", passed, corrected, "share of values"))
    for name, patches, goal in (("two patches", PATCHES, "== 2"), ("unrelated towers", (), "== 0")):
        regions = aligned_regions([patchy_maps(120, patches, rng) for _ in range(2)], 499)
        n = regions.counts.set_index("rule").loc[ALIGNED, "n_regions"]
        found.append(_row(f"{name}: separate aligned regions", n, goal, "regions"))
        if patches:
            apart = regions.distances[regions.distances["rule"] == ALIGNED]["distance_px"].min()
            found.append(_row(f"{name}: error of their distance", abs(apart - PATCH_DISTANCE_PX), "<= 1", "px"))
    return found


def _row(name: str, value: float, goal: str, unit: str) -> dict:
    return {"name": name, "value": round(float(value), 3), "goal": goal, "unit": unit}


def _smooth(maps: np.ndarray) -> np.ndarray:
    """Each place with half of its right and lower neighbours, around the edges."""
    return maps + 0.5 * np.roll(maps, 1, -1) + 0.5 * np.roll(maps, 1, -2)


if __name__ == "__main__":
    limit_threads(1)
    print(pd.DataFrame(rows()).to_string(index=False))
