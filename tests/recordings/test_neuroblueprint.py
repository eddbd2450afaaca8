"""What is proposed for a project folder in the NeuroBlueprint layout."""

import numpy as np
import pytest
import tifffile
import yaml

from dina.cli import main
from dina.recordings.sheet import load_settings


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two animals: a series of TIFFs, a suite2p folder beside the raw data, a session that was not imaged."""
    monkeypatch.chdir(tmp_path)
    raw = tmp_path / "v1/rawdata"
    movies = raw / "sub-001_sex-F/ses-01_date-20250101/funcimg/scan"
    movies.mkdir(parents=True)
    for k in range(3):
        tifffile.imwrite(movies / f"scan_{k}.tif", np.zeros((4, 40, 40), np.uint16), photometric="minisblack")
    behaviour = movies.parents[1] / "behav"
    behaviour.mkdir()
    (behaviour / "sub-001_ses-01_stim.csv").write_text("onset_s,image\n")
    (raw / "sub-001_sex-F/ses-02/behav").mkdir(parents=True)
    (raw / "sub-002/ses-01/f2pe").mkdir(parents=True)
    (tmp_path / "v1/derivatives/sub-002/ses-01/f2pe/suite2p/plane0").mkdir(parents=True)
    (raw / "notes").mkdir()
    return tmp_path / "v1"


def test_a_sheet_is_proposed_that_loads(project, capsys):
    assert main(["init", str(project)]) == 0
    told = capsys.readouterr().out
    for text in (
        "2 recordings proposed",
        "sub-001_ses-01: movie rawdata/sub-001_sex-F/ses-01_date-20250101/funcimg/scan/*.tif (3 files)",
        "left to fill in: volume_rate_hz, pixel_size_um, cell_diameter_um, indicator; for decoding, stimulus_log and",
        "behav/sub-001_ses-01_stim.csv",
        "sub-002_ses-01: suite2p's derivatives/sub-002/ses-01/f2pe/suite2p",
        "left out: sub-001_ses-02: no folder funcimg or f2pe",
        "left out: notes: no name such as sub-001",
    ):
        assert text in told, text
    settings = load_settings(yaml.safe_load((project.parent / "config/v1.yaml").read_text()))
    assert {name: of["recording"]["source"] for name, of in settings.items()} == {
        "sub-001_ses-01": "movie",
        "sub-002_ses-01": "suite2p",
    }
    assert settings["sub-001_ses-01"]["recording"]["subject"] == "sub-001"


def test_nothing_is_overwritten(project, capsys):
    (project.parent / "config").mkdir()
    for name in ("v1.yaml", "v1.tsv"):
        path = project.parent / "config" / name
        path.write_text("mine")
        assert main(["init", str(project)]) == 1 and "nothing is overwritten" in capsys.readouterr().err
        assert [of.read_text() for of in path.parent.iterdir()] == ["mine"]
        path.unlink()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("rawdata/sub-1_id-7/ses-01/funcimg", "found a second sub-001; expected only sub-1_id-7"),
        ("rawdata/sub-002/ses-1/funcimg", "found a second ses-01; expected only ses-1"),
    ],
)
def test_two_folders_of_one_name_are_refused(project, capsys, make, message):
    (project / make).mkdir(parents=True)
    assert main(["init", str(project)]) == 1
    assert message in capsys.readouterr().err


def test_other_folders_are_refused(tmp_path, capsys):
    assert main(["init", str(tmp_path), "--sheet", str(tmp_path / "a.tsv")]) == 1
    assert "found no folder rawdata" in capsys.readouterr().err
    (tmp_path / "rawdata/sub-1/ses-1/funcimg").mkdir(parents=True)
    assert main(["init", str(tmp_path), "--sheet", str(tmp_path / "a.tsv")]) == 1
    assert "no session with movies" in capsys.readouterr().err and not (tmp_path / "a.tsv").exists()
