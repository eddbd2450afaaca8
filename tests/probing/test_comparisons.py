import numpy as np
import pandas as pd
import pytest

from dina.probing.comparisons import compare, holm, sign_flip_p
from dina.probing.statistics import paired_difference


def test_p_of_few_pairs_is_that_of_all_flips():
    """Of the 16 flips of four equal differences two are as far out."""
    assert sign_flip_p(np.full(4, 0.5)) == pytest.approx(2 / 16, abs=0.01)


def test_p_is_even_where_decoders_are_alike():
    rng = np.random.default_rng(0)
    p = np.array([sign_flip_p(rng.standard_normal(60)) for _ in range(150)])
    assert 0.02 <= np.mean(p <= 0.1) <= 0.2 and 0.4 <= np.median(p) <= 0.6


def test_no_difference_is_no_evidence():
    assert sign_flip_p(np.zeros(30)) == 1


def test_holm_by_hand():
    found = holm(pd.Series([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(pd.Series([0.6, 0.9])), [1, 1])


def test_difference_is_paired():
    rng = np.random.default_rng(1)
    theirs = rng.random(300)
    difference, low, high = paired_difference(theirs + 0.1, theirs, 400)
    assert difference == pytest.approx(0.1) and low == pytest.approx(0.1) and high == pytest.approx(0.1)


def test_rivals_of_one_mode_are_corrected_together():
    rng = np.random.default_rng(2)
    mine = (rng.random(200) < 0.9).astype(float)
    per_image = {
        ("dina", "single"): mine,
        ("weak", "single"): (rng.random(200) < 0.3).astype(float),
        ("alike", "single"): rng.permuted(mine),
        ("control", "single"): np.zeros(200),
        ("weak", "averaged"): mine,
    }
    table = compare("dina", per_image, ("control",), 200).set_index("over")
    assert list(table.index) == ["weak", "alike"]
    assert table.loc["weak", "p"] < 0.001 and table.loc["alike", "p"] > 0.05
    assert table.loc["weak", "p_holm"] == pytest.approx(2 * table.loc["weak", "p"])
    assert table.loc["weak", "difference_low"] > 0.4
    assert compare("dina", {("dina", "single"): mine}, (), 200).empty
