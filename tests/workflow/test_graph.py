"""Branches of the graph, by dry runs, and the doors at its beginning."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
import tifffile
import yaml

from dina.recordings.stimuli import read_stimuli
from tests.imaging.readers.test_ome import write_set
from tests.workflow.conftest import ROOT, Road


@pytest.fixture
def fresh(tmp_path):
    """A folder with a configuration and no results."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("{}\n")
    (tmp_path / "config/recordings.tsv").write_text("recording\tsource\nsimulated\tsimulated\n")
    return Road(tmp_path)


def write_movie(path, **options):
    tifffile.imwrite(path, np.zeros((4, 40, 40), np.uint16), **options)


def planned(done):
    """Jobs by rule in a dry run's table of jobs."""
    lines = (line.split() for line in done.stdout.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def test_the_default_needs_at_most_45_jobs(fresh):
    jobs = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    assert jobs["total"] <= 45
    assert jobs["register_plane"] == 2 and jobs["train_dina"] == 3
    assert jobs["assess_quality"] == jobs["tabulate_quality"] == 1


def test_slow_rivals_are_fitted_where_they_are_asked_for(fresh):
    usual = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))["fit_decoder"]
    fresh.configure(decoders={"also": ["core_readout"]})
    assert planned(fresh.snakemake("all", "-n", "--quiet", "rules"))["fit_decoder"] == usual + 3


def test_time_is_probed_where_bins_are_asked_for(fresh):
    new = {"probe_time_course", "plot_time_course"}
    usual = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    fresh.configure(responses={"n_bins": 2})
    jobs = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    assert not new & set(usual) and all(jobs[rule] == 1 for rule in new)
    assert jobs["total"] == usual["total"] + 2


def test_a_learned_tower_is_pretrained_once_where_photographs_are_named(fresh):
    photographs = fresh.folder / "photographs"
    photographs.mkdir()
    asked = ("results/simulated/models/dina/seed-0.json", "results/simulated/models/dina/seed-1.json")
    learned = {"model": {"image_tower": "learned"}}
    fresh.configure(dina=learned)
    usual = planned(fresh.snakemake(*asked, "-n", "--quiet", "rules"))
    assert "pretrain_tower" not in usual
    fresh.configure(dina=learned | {"pretraining": {"photographs": ["recording", str(photographs)]}})
    jobs = planned(fresh.snakemake(*asked, "-n", "--quiet", "rules"))
    assert jobs == usual | {"pretrain_tower": 1, "total": usual["total"] + 1}
    photographs.rmdir()
    for changes, said in ({}, str(photographs)), ({"model": {"image_tower": "gabor"}}, "beside a Gabor tower"):
        fresh.configure(dina=changes)
        refused = fresh.snakemake(*asked, "-n", check=False)
        assert refused.returncode and said in refused.stdout + refused.stderr


def test_exports_are_made_where_they_are_asked_for(fresh):
    jobs = planned(fresh.snakemake("nwb", "suite2p", "bundle", "-n", "--quiet", "rules"))
    assert (jobs["export_nwb"], jobs["export_suite2p"], jobs["export_bundle"]) == (1, 2, 1)
    assert "probe_identification" in jobs and "report" not in jobs


def test_quality_needs_no_stimuli(fresh):
    jobs = planned(fresh.snakemake("sessions", "-n", "--quiet", "rules"))
    assert jobs["tabulate_quality"] == 1 and "prepare_stimuli" not in jobs and "plot_imaging" not in jobs
    assert "results/tables/quality.csv" in fresh.snakemake("sessions", "-n").stdout


def test_a_replaced_file_that_the_movie_points_at_is_seen(fresh):
    paths, _ = write_set(fresh.folder)
    (fresh.folder / "config/recordings.tsv").write_text(
        "recording\tsource\tmovie\tvolume_rate_hz\tpixel_size_um\tcell_diameter_um\n"
        f"m1\tmovie\t../{paths[0].name}\t5\t1\t12\n"
    )
    asked = ("results/m1/movie.json", "--quiet", "rules")
    fresh.snakemake(*asked)
    assert "inspect_movie" not in planned(fresh.snakemake(*asked, "-n"))
    os.utime(paths[1], (1e9, 1e9))
    assert "inspect_movie" in planned(fresh.snakemake(*asked, "-n"))


def test_the_default_profile_is_loaded(fresh):
    """It restarts what a kill left incomplete; Snakemake looks for it beside the Snakefile."""
    assert "workflow specific profile" in fresh.snakemake("all", "-n").stderr


def test_four_planes_need_at_most_60_jobs(fresh):
    fresh.configure(simulation={"acquisition": {"n_planes": 4}})
    assert planned(fresh.snakemake("all", "-n", "--quiet", "rules"))["total"] <= 60


def test_no_rule_walks_the_settings_of_all_recordings():
    """Snakemake's lookup does, for every job: 100 recordings took minutes."""
    assert not [path.name for path in (ROOT / "workflow").rglob("*.smk") if "lookup(" in path.read_text()]


def test_a_movie_alone_ends_at_the_session(fresh):
    write_movie(fresh.folder / "movie.tif")
    sheet = "recording\tsource\tmovie\tpixel_size_um\tcell_diameter_um\nm1\tmovie\t../movie.tif\t1.2\t12\n"
    (fresh.folder / "config/recordings.tsv").write_text(sheet)
    jobs = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    assert "assemble_session" in jobs and "measure_responses" not in jobs and "simulate_recording" not in jobs


def test_two_recordings_with_stimuli_are_held_against_each_other(fresh):
    alone = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    sheet = fresh.folder / "config/recordings.tsv"
    sheet.write_text("recording\tsubject\tsource\none\tm1\tsimulated\nother\t\tsimulated\n")
    jobs = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    new = {"tabulate_across_recordings", "plot_across_recordings"}
    assert not new & set(alone) and all(jobs[rule] == 1 for rule in new)
    assert "results/tables/across_recordings.csv" in fresh.snakemake("all", "-n").stdout
    (sheet.parent / "recordings").mkdir()
    (sheet.parent / "recordings/other.yaml").write_text("stimuli: {split_by: cycles}")
    assert not new & set(planned(fresh.snakemake("all", "-n", "--quiet", "rules")))


def test_planes_left_out_are_not_imaged(fresh):
    write_movie(fresh.folder / "movie.tif")
    sheet = "recording\tsource\tmovie\tn_planes\tskip_planes\tpixel_size_um\tcell_diameter_um\n"
    sheet += "m1\tmovie\t../movie.tif\t4\t0 2\t1.2\t12\n"
    (fresh.folder / "config/recordings.tsv").write_text(sheet)
    shown = fresh.snakemake("all", "-n", "--printshellcmds", "--verbose").stdout
    assert "m1, plane 1: correcting motion" in shown and "m1, plane 3: correcting motion" in shown
    assert "plane 0" not in shown and "plane 2" not in shown


def test_planes_and_pixel_size_come_from_the_header(fresh):
    hyperstack = np.zeros((5, 3, 40, 40), np.uint16)
    metadata = {"axes": "TZYX", "finterval": 0.2, "unit": "um"}
    tifffile.imwrite(fresh.folder / "movie.tif", hyperstack, imagej=True, metadata=metadata, resolution=(0.8, 0.8))
    sheet = "recording\tsource\tmovie\tcell_diameter_um\tn_planes\nm1\tmovie\t../movie.tif\t12\t"
    (fresh.folder / "config/recordings.tsv").write_text(sheet + "\n")
    assert planned(fresh.snakemake("all", "-n", "--quiet", "rules"))["register_plane"] == 3
    (fresh.folder / "config/recordings.tsv").write_text(sheet + "2\n")
    done = fresh.snakemake("all", "-n", check=False)
    assert "n_planes: found 2 in the sheet; expected 3 as in the header" in done.stderr + done.stdout


def test_a_movie_with_stimuli_runs_the_whole_road(fresh):
    write_movie(fresh.folder / "movie.tif")
    for name in ("log.csv", "images.npy"):
        (fresh.folder / name).touch()
    sheet = "recording\tsource\tmovie\tstimulus_log\timages\tpixel_size_um\tcell_diameter_um\n"
    sheet += "m1\tmovie\t../movie.tif\t../log.csv\t../images.npy\t1.2\t12\n"
    (fresh.folder / "config/recordings.tsv").write_text(sheet)
    jobs = planned(fresh.snakemake("all", "-n", "--quiet", "rules"))
    assert "train_dina" in jobs and "simulate_recording" not in jobs


def test_an_nwb_log_with_a_clock_of_its_own(fresh):
    """From the sheet to the store; the events are an input like the log."""
    from pynwb import NWBHDF5IO, NWBFile

    file = NWBFile("a test", "test", datetime(2024, 1, 1, tzinfo=UTC))
    file.add_trial_column("picture", "index of the image")
    for trial in range(24):
        file.add_trial(start_time=2.0 + trial, stop_time=2.5 + trial, picture=trial)
    with NWBHDF5IO(fresh.folder / "log.nwb", "w") as out:
        out.write(file)
    np.save(fresh.folder / "images.npy", np.random.default_rng(0).integers(0, 256, (24, 32, 32), dtype=np.uint8))
    tifffile.imwrite(fresh.folder / "movie.tif", np.zeros((150, 40, 40), np.uint16), photometric="minisblack")
    (fresh.folder / "events.csv").write_text("log_s,movie_s\n0,4\n30,34\n")
    columns = "recording source movie stimulus_log images stimulus_table image_column clock_events "
    cells = "m1 movie ../movie.tif ../log.nwb ../images.npy trials picture ../events.csv"
    of_movie = "volume_rate_hz pixel_size_um cell_diameter_um"
    sheet = "\n".join("\t".join(line.split()) for line in (columns + of_movie, cells + " 5 1.2 12"))
    (fresh.folder / "config/recordings.tsv").write_text(sheet + "\n")
    fresh.snakemake("results/m1/stimuli.json")
    shown = read_stimuli(fresh.results / "m1/stimuli")
    assert shown.onset.tolist() == (2.0 + np.arange(24)).tolist() and len(shown.images) == 24
    assert shown.clock_events.movie.tolist() == [4, 34]
    asked = ("results/m1/stimuli.json", "-n", "--quiet", "rules")
    assert "prepare_stimuli" not in fresh.snakemake(*asked).stdout
    (fresh.folder / "events.csv").write_text("log_s,movie_s\n0,4\n30,34.1\n")
    assert "prepare_stimuli" in fresh.snakemake(*asked).stdout


@pytest.mark.parametrize(
    ("config", "sheet", "message"),
    [
        ({"deconvolution": {"tau": 1}}, "m\tsimulated", "Did you mean 'tau_s'"),
        ({}, "m m\tsimulated", "recordings.tsv, row 2: recording: found 'm m'"),
        ({}, "m\tmovie\tnothing.tif", "recordings.tsv, recording 'm', movie: found nothing at"),
        ({}, "m\tmovie\trecordings.tsv", "recording 'm', movie: found 'recordings.tsv'; expected files ending in"),
        ({}, "m\tmovie\t*", "cell_diameter_um: found nothing; expected a number"),
        ({"responses": {"n_bins": 3}}, "m\tsimulated", "'m', responses.n_bins: found 3 bins of 0.167 s"),
        ({"responses": 3}, "m\tsimulated", "config.yaml: responses: found 3; expected keys and values"),
        ({"recordings": "config/recordinsg.tsv"}, "m\tsimulated", "recordinsg.tsv: found no such file"),
    ],
)
def test_mistakes_stop_at_once_by_name(fresh, config, sheet, message):
    (fresh.folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    (fresh.folder / "config/recordings.tsv").write_text(f"recording\tsource\tmovie\n{sheet}\n")
    done = fresh.snakemake("all", "-n", check=False)
    assert done.returncode != 0 and message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_reading_the_snakefile_loads_nothing_heavy(fresh):
    code = (
        "import sys; from snakemake.cli import main\n"
        f"try: main(['--snakefile', {str(ROOT / 'Snakefile')!r}, '-n', '--quiet', 'all', 'all'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'suite2p', 'sklearn', 'matplotlib', 'zarr'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=fresh.folder, check=True, capture_output=True)


def test_examples_are_valid():
    from dina.recordings.sheet import load_settings

    for path in sorted((ROOT / "config/examples").glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        values["recordings"] = str(ROOT / values["recordings"])
        assert load_settings(values, str(path))


def test_a_sweep_trains_every_combination_and_no_test_image_is_probed(fresh):
    (fresh.folder / "config/config.yaml").write_text(
        "sweep: {grid: [{setting: dina.training.weight_decay, values: [0.1, 0.2, 0.3]}, "
        "{setting: dina.model.alignment.level, values: [map, location]}]}\n"
    )
    jobs = planned(fresh.snakemake("sweep", "-n", "--quiet", "rules"))
    assert jobs["try_settings"] == 6 and jobs["tabulate_sweep"] == 1
    assert "train_dina" not in jobs and "probe_identification" not in jobs
