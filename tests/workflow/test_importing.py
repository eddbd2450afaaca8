"""Recordings that start later on the road than a movie: which rules run, and the road to its end."""

import pytest
import yaml

from tests.recordings.importers.public import write_sensorium2022
from tests.recordings.importers.test_suite2p import write_suite2p
from tests.recordings.importers.test_table import write_table_recording
from tests.workflow.conftest import TINY, Road

COLUMNS = ("recording", "source", "data", "stimulus_log", "images", "neurons")
FILES = {"table": "t/counts.npy", "suite2p": "s/suite2p", "nwb": "n.nwb"}


def write_sheet(folder, *rows):
    (folder / "config").mkdir()
    cells = ["\t".join(row) for row in (COLUMNS, *rows)]
    (folder / "config/recordings.tsv").write_text("\n".join(cells) + "\n")
    (folder / "config/config.yaml").write_text("{}\n")
    return Road(folder)


def planned(done):
    lines = (line.split() for line in done.stdout.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def test_each_source_runs_its_own_rules_and_no_others(tmp_path):
    """A table and data sets to the end, a suite2p folder with a log, an NWB file without one, a simulated recording."""
    shown = ["log.csv", "images.npy"]
    rows = [
        ("sim", "simulated"),
        ("tab", "table", FILES["table"], *shown, "neurons.csv"),
        ("s2p", "suite2p", FILES["suite2p"], *shown),
        ("nwb", "nwb", FILES["nwb"]),
        ("str", "stringer2019", "s.mat", "", "images.mat"),
        ("sen", "sensorium2022", "static.zip"),
    ]
    road = write_sheet(tmp_path, *rows)
    (tmp_path / "config/s/suite2p").mkdir(parents=True)
    (tmp_path / "config/t").mkdir()
    for name in (FILES["table"], FILES["nwb"], "neurons.csv", "s.mat", "images.mat", "static.zip", *shown):
        (tmp_path / "config" / name).touch()
    jobs = planned(road.snakemake("all", "-n", "--quiet", "rules"))
    assert jobs["import_session"] == 2 and jobs["import_stimuli"] == jobs["import_responses"] == 3
    assert jobs["prepare_stimuli"] == jobs["measure_responses"] == 2  # sim, s2p
    assert jobs["assemble_session"] == jobs["plot_imaging"] == jobs["assess_quality"] == 1
    assert jobs["explore"] == 5 and jobs["register_plane"] == 2
    (tmp_path / "config" / FILES["table"]).unlink()
    missing = road.snakemake("all", "-n", check=False)
    assert "recording 'tab', data: found nothing at" in missing.stdout + missing.stderr


@pytest.mark.slow
def test_the_road_from_a_public_data_set(tmp_path):
    """Sensorium's zip, whose splits are its own and which has neither a log nor a file of images."""
    written = write_sensorium2022(tmp_path, zipped=True)
    road = write_sheet(tmp_path, ("sen", "sensorium2022", f"../{written.cells['data'].name}"))
    tiny = {section: values for section, values in TINY.items() if section not in ("simulation", "registration")}
    tiny["stimuli"] = tiny["stimuli"] | {"allow_near_duplicates": True}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(tiny))
    road.snakemake("all")
    assert "Responses imported: deconvolved activity, one number a trial" in (road.results / "report.html").read_text()
    assert (road.results / "tables/scoreboard.csv").is_file()
    stamps = road.stamps()
    road.snakemake("all")
    assert not road.written_since(stamps)


@pytest.mark.slow
def test_the_road_from_a_table_and_from_a_suite2p_folder(tmp_path):
    rows = [
        ("tab", "table", FILES["table"], "t/trials.csv", "t/images.npy", "t/neurons.tsv"),
        ("s2p", "suite2p", FILES["suite2p"]),
    ]
    road = write_sheet(tmp_path, *rows)
    write_table_recording(tmp_path / "config/t", n_images=100)
    write_suite2p(tmp_path / "config/s/suite2p")
    unused = ("simulation", "registration")
    tiny = {section: values for section, values in TINY.items() if section not in unused}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(tiny))
    road.snakemake("all")
    page = (road.results / "report.html").read_text()
    assert "Responses imported: whole numbers such as spike counts; 30 neurons" in page
    assert "traces from suite2p 1.x, cells as in its iscell.npy" in page and 'id="quality"' not in page
    assert (road.results / "tab/explorer.html").is_file() and not (road.results / "s2p/explorer.html").exists()
    stamps = road.stamps()
    road.snakemake("all")
    assert not road.written_since(stamps)
