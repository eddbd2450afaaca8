import pandas as pd

from dina.report.quality import quality_cautions, tabulate_quality
from tests.report.conftest import write_quality


def test_one_row_a_recording_and_plane(results):
    csv, parquet = results / "tables/quality.csv", results / "tables/quality.parquet"
    tabulate_quality({name: results / name for name in ("mouse", "movie")}, csv, parquet)
    table = pd.read_csv(csv)
    assert table[["recording", "plane"]].to_numpy().tolist() == [["mouse", 0], ["mouse", 1], ["movie", 0], ["movie", 3]]
    assert table["intensity_change"].tolist() == [-0.05, -0.05, -0.4, -0.55]
    assert pd.read_parquet(parquet).shape == table.shape and "flags" in table


def test_the_worst_is_the_one_farthest_on_the_wrong_side(tmp_path):
    write_quality(tmp_path, {1: {"signal_to_noise": 3.5}, 2: {"signal_to_noise": 2.5}, 4: {}})
    assert quality_cautions(tmp_path / "quality") == [
        "Signal to noise in planes 1, 2: 2.5 at worst, should be at least 4."
    ]
    write_quality(tmp_path, {0: {"intensity_change": 0.5}, 1: {"intensity_change": -0.4}})
    assert "50.0 % at worst" in quality_cautions(tmp_path / "quality")[0]
