"""Verdicts: words, boundaries and intervals from known hits."""

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.ablation.verdicts import coarse_or_fine, crossing, shape_or_texture, structure_or_category, tabulate_verdicts

N = 60
CUTOFFS = np.array([1.0, 2.0, 4.0])
CHANCE = 1 / N


def hits(share, seed=0):
    return (np.random.default_rng(seed).random(N) < share).astype(float)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        ((0.6, 0.9, 1.0), (0.3, 0.1, 0.0), "coarse"),
        ((0.0, 0.1, 0.3), (1.0, 0.9, 0.6), "fine"),
        ((0.3, 0.5, 0.7), (0.7, 0.5, 0.3), "undecided"),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "neither"),
    ],
)
def test_coarse_or_fine(low, high, verdict):
    sides = [np.stack([hits(share, seed) for seed, share in enumerate(of)]) for of in (low, high)]
    found = coarse_or_fine(hits(1.0), *sides, CUTOFFS, CHANCE, 500)
    assert found.verdict == verdict and found.n == N
    assert found.effect == pytest.approx((sides[0] - sides[1]).mean() / (1 - CHANCE))
    assert found.ci_low <= found.effect <= found.ci_high
    assert (found.p < 0.01) == (verdict in ("coarse", "fine"))


def test_nothing_is_told_of_a_decoder_at_chance():
    low, high = np.ones((3, N)), np.zeros((3, N))
    assert coarse_or_fine(np.zeros(N), low, high, CUTOFFS, CHANCE, 200).verdict == "neither"
    assert shape_or_texture(np.zeros(N), np.ones(N), np.zeros(N), CHANCE, 200).verdict == "neither"
    chance = np.full(N, 0.2)
    assert structure_or_category(chance, hits(0.2), chance, 200).verdict == "neither"


def test_curves_cross_between_cutoffs_on_an_octave_scale():
    differences = np.array([[-1, 1, 1], [-1, -0.5, 0.5], [0.2, 0.3, 0.4], [-0.3, -0.2, -0.1], [0, 1, 1]])
    np.testing.assert_allclose(crossing(differences, CUTOFFS), [2**0.5, 2**1.5, 1, 4, 1])


@pytest.mark.parametrize(
    ("lines", "textures", "verdict"),
    [(0.8, 0.1, "shape"), (0.1, 0.8, "texture"), (0.5, 0.5, "undecided"), (0, 0, "neither")],
)
def test_shape_or_texture(lines, textures, verdict):
    assert shape_or_texture(hits(1.0), hits(lines, 1), hits(textures, 2), CHANCE, 500).verdict == verdict


@pytest.mark.parametrize(("kept", "verdict"), [(0.95, "structure"), (0.1, "category"), (0.5, "undecided")])
def test_structure_or_category(kept, verdict):
    chance, other = np.full(N, 0.1), np.full(N, 0.9)
    same = 0.1 + 0.8 * np.clip(kept + np.random.default_rng(0).normal(0, 0.1, N) - 0.0, -1, 1.2)
    found = structure_or_category(same, other, chance, 500)
    assert found.verdict == verdict and found.effect == pytest.approx(kept, abs=0.05) and found.boundary == 0.5


def test_one_table_over_recordings(tmp_path):
    for name in ("a", "b"):
        with stores.new_store(tmp_path / name / "ablations/images") as store:
            row = shape_or_texture(hits(1.0), hits(0.8), hits(0.1), CHANCE, 200).columns()
            stores.write_table(store, "verdicts", pd.DataFrame([row]))
    tabulate_verdicts({name: tmp_path / name for name in ("a", "b")}, tmp_path / "verdicts.csv")
    table = pd.read_csv(tmp_path / "verdicts.csv")
    assert table["recording"].tolist() == ["a", "b"] and set(table["verdict"]) == {"shape"}


def test_a_decoder_exactly_at_chance_has_no_effect_of_rounding():
    original = np.zeros(30)
    original[4] = 1  # 1 / 30, less 1 / 30 by rounding
    found = coarse_or_fine(original, np.zeros((2, 30)), np.ones((2, 30)), np.array([0.1, 0.2]), 1 / 30, 200)
    assert found.verdict == "neither" and np.isnan(found.effect)
    assert np.isnan(found.ci_low) or abs(found.ci_low) < 1e3


def test_few_images_decide_nothing():
    """All of four images say one thing: the interval is a point, and chance does as much in one case of eight."""
    found = shape_or_texture(np.ones(4), np.ones(4), np.zeros(4), 0.25, 200)
    assert found.ci_low > 0 and found.p > 0.05 and found.verdict == "undecided"
