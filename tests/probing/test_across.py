"""Statistics across recordings, on hierarchical data whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.figures.across import plot_across_recordings
from dina.probing.across import hierarchical_bootstrap, over_mice, tabulate_across_recordings
from dina.probing.statistics import bounds


def simulate(rng, n_mice, n_images=100, level=0.5, between=0.12, lead=0.1):
    """Hits of two decoders, the first better by ``lead`` in every mouse; mice differ more than images explain."""
    share = np.clip(rng.normal(level, between, n_mice), 0, 0.9)
    return [[(rng.random((n_images, 1)) < [[p + lead, p]]).astype(float)] for p in share]


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held, pooled_held, difference_held = [], [], []
    for _ in range(60):
        values = simulate(rng, n_mice=12)
        samples = hierarchical_bootstrap(values, 200)
        low, high = bounds(samples[:, 1])
        held.append(low <= 0.5 <= high)
        low, high = bounds(samples[:, 0] - samples[:, 1])
        difference_held.append(low <= 0.1 <= high)
        pooled = np.concatenate([mouse[0] for mouse in values])[:, 1]
        low, high = bounds(pooled[rng.integers(len(pooled), size=(200, len(pooled)))].mean(1))
        pooled_held.append(low <= 0.5 <= high)
    assert np.mean(held) > 0.85 and np.mean(difference_held) > 0.85
    assert np.mean(pooled_held) < 0.75  # images of all mice in one pot


def test_one_mouse_counts_once_however_often_it_was_recorded():
    one, other = np.zeros((10, 1)), np.ones((10, 1))
    assert over_mice([[one], [other, other, other]])[0] == 0.5
    assert over_mice([[one], [other], [other], [other]])[0] == 0.75


def write_ranks(folder, hits, n_images):
    """Ranks of single trials: ``hits`` maps decoders to the share of images that come first, others are second."""
    with stores.new_store(folder / "probes/identification") as store:
        ahead = {name: (np.arange(n_images) >= share * n_images).astype(float) for name, share in hits.items()}
        about = {"trial_mode": "single", "seed": 0, "image": np.arange(n_images), "repeat": 0, "n_candidates": n_images}
        tables = [pd.DataFrame(about | {"decoder": name, "rivals_ahead": values}) for name, values in ahead.items()]
        stores.write_table(store, "ranks", pd.concat(tables, ignore_index=True))
    return folder


@pytest.fixture
def table(tmp_path):
    hits = {
        "a1": {"dina": 0.8, "ridge": 0.5, "cca": 0.1, "template": 0.2},
        "a2": {"dina": 0.6, "ridge": 0.5, "template": 0.2},
        "b": {"dina": 0.5, "ridge": 0.3, "template": 0.2},
    }
    folders = {name: write_ranks(tmp_path / name, of, 20) for name, of in hits.items()}
    path = tmp_path / "across.csv"
    tabulate_across_recordings(folders, {"a1": "a", "a2": "a", "b": "b"}, 200, path, tmp_path / "across.parquet")
    return path


def test_a_point_a_mouse_and_paired_differences(table):
    values = pd.read_csv(table).fillna({"over": "", "mouse": ""}).set_index(["level", "mouse", "decoder", "over"])
    assert values.loc[("mouse", "a", "dina", ""), "value"] == pytest.approx(0.7)
    assert values.loc[("all", "", "dina", ""), "value"] == pytest.approx(0.6)
    lead = values.loc[("all", "", "dina", "ridge")]
    assert lead["value"] == pytest.approx(0.2) and lead["ci_low"] < 0.2 < lead["ci_high"]
    assert values.loc[("mouse", "b", "dina", "ridge"), "value"] == pytest.approx(0.2)
    assert (lead["n_mice"], lead["n_recordings"], lead["n_images"]) == (2, 3, 60) and lead["p"] < 0.05
    assert not {"cca", "template"} & set(values.index.get_level_values("decoder"))


def test_recordings_are_compared_in_the_largest_pool_that_all_have(tmp_path):
    folders = {name: write_ranks(tmp_path / name, {"dina": 0.0}, n) for name, n in (("a", 21), ("b", 11))}
    tabulate_across_recordings(folders, {"a": "a", "b": "b"}, 100, tmp_path / "t.csv", tmp_path / "t.parquet")
    values = pd.read_csv(tmp_path / "t.csv").query("level == 'mouse'").set_index("mouse")["value"]
    assert set(pd.read_csv(tmp_path / "t.csv")["pool_size"]) == {11}
    assert values["b"] == 0 and values["a"] == pytest.approx(0.5)  # one of 20 rivals ahead, 10 of them in the pool


def test_the_figure_names_mice_and_decoders(table, tmp_path):
    plot_across_recordings(table, tmp_path / "figures")
    svg = (tmp_path / "figures/across-recordings.svg").read_text()
    assert "n = 2 mice, 3 recordings" in svg and "top-1 of 20" in svg
    assert ">DINA<" in svg and ">pixel ridge<" in svg and ">CCA<" not in svg
