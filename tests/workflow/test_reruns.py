"""What reruns when data, settings or code change: shown with real runs of the tiny road."""

import os
import re
import shutil


def test_the_road_ends_in_report_and_scoreboard(finished):
    assert "<img" in (finished.results / "report.html").read_text()
    assert "## Decoders" in (finished.results / "tiny/methods.md").read_text()
    assert "## Decoders" not in (finished.results / "mouse/methods.md").read_text()
    scoreboard = (finished.results / "tables/scoreboard.csv").read_text()
    for decoder in ("dina", "ridge", "gabor_ridge", "cca", "convolutional", "encoding", "template", "ideal_observer"):
        assert f",{decoder}," in scoreboard


def test_nothing_to_do_when_nothing_changed(finished):
    assert "Nothing to be done" in finished.snakemake("all", "-n").stdout


def test_a_recording_without_stimuli_ends_at_the_session(finished):
    assert (finished.results / "mouse/session.json").is_file()
    assert (finished.results / "mouse/figures/mean-image.png").is_file()
    assert not (finished.results / "mouse/responses.json").exists()


def test_files_give_what_the_simulated_recording_gives(finished):
    digests = finished.digests()
    for store in ("plane-0/rois", "plane-1/activity"):
        assert digests[f"mouse/{store}.json"] == digests[f"tiny/{store}.json"]


def test_a_new_tau_reruns_deconvolution_and_what_follows(road):
    before = road.stamps()
    road.configure(deconvolution={"tau_s": 0.5})
    road.snakemake("results/tiny/responses.json")
    assert road.written_since(before) == {
        "tiny/plane-0/activity",
        "tiny/plane-1/activity",
        "tiny/session",
        "tiny/responses",
    }


def test_one_planes_new_file_reruns_that_plane_alone(road):
    before = road.stamps()
    movies = road.folder / "movies"
    shutil.copy(movies / "plane-1_00001.tif", movies / "plane-0_00001.tif")
    road.snakemake("results/mouse/session.json")
    plane = {f"mouse/plane-0/{store}" for store in ("registered", "rois", "traces", "activity")}
    assert road.written_since(before) == plane | {"mouse/movie", "mouse/session"}


def test_a_look_at_the_files_alone_registers_nothing_anew(road):
    planned = road.snakemake(
        "results/mouse/session.json", "-n", "--quiet", "rules", "--forcerun", "inspect_movie"
    ).stdout
    assert re.search(r"inspect_movie +1", planned) and "register_plane" not in planned


def test_an_older_file_of_the_same_size_is_seen(road):
    movies = road.folder / "movies"
    shutil.copyfile(movies / "plane-1_00001.tif", movies / "plane-0_00001.tif")
    os.utime(movies / "plane-0_00001.tif", (1e9, 1e9))
    planned = road.snakemake("results/mouse/session.json", "-n", "--quiet", "rules").stdout
    assert re.search(r"register_plane +1", planned)


def test_an_image_overwritten_in_its_folder_is_seen(road):
    shown = road.folder / "shown"
    shown.mkdir()
    for name in "ab":
        (shown / f"{name}.png").write_bytes(b"first")
    (road.folder / "log.csv").write_text("onset_s,image\n1,a.png\n")
    sheet = "recording\tsource\tmovie\tstimulus_log\timages\tpixel_size_um\tcell_diameter_um\n"
    sheet += "m\tmovie\t../movies/plane-0*.tif\t../log.csv\t../shown\t2\t14\n"
    (road.folder / "config/recordings.tsv").write_text(sheet)
    asked = ("results/m/stimuli.json", "-n", "--quiet", "rules")
    road.snakemake("results/m/stimuli.json", "--touch", "--force", check=False)
    store = road.results / "m/stimuli"
    store.mkdir(parents=True, exist_ok=True)
    store.with_name("stimuli.json").write_text("{}")
    road.snakemake("results/m/stimuli.json", "--touch")
    assert "prepare_stimuli" not in road.snakemake(*asked).stdout
    (shown / "a.png").write_bytes(b"other")
    assert "prepare_stimuli" in road.snakemake(*asked).stdout


def test_a_stage_rerun_with_the_same_content_wakes_nothing(road):
    before = road.stamps()
    road.snakemake("--forcerun", "deconvolve_traces", "--until", "deconvolve_traces", "--", "results/tiny/session.json")
    assert road.written_since(before) == {"tiny/plane-0/activity", "tiny/plane-1/activity"}
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout


def test_editing_attribution_reruns_attribution_and_what_reads_it(road):
    before, digests = road.stamps(), road.digests()
    with open(road.folder / "dina/attribution/pixels.py", "a") as module:
        module.write("\n\ndef added():\n    return 1\n")
    page = (road.results / "report.html").stat().st_mtime_ns
    road.snakemake("all")
    assert road.written_since(before) == {"tiny/attributions/pixels"}
    assert road.digests() == digests
    assert (road.results / "report.html").stat().st_mtime_ns != page


def test_what_one_stage_alone_uses_wakes_that_stage_alone(road):
    road.configure(attribution={"interactions": {"n_neurons": 3}}, ablation={"textures": {"seed": 3}})
    planned = road.snakemake("all", "-n", "--quiet", "rules").stdout
    woken = {name for name in re.findall(r"(\w+) +1", planned) if name.startswith(("attribute_", "ablate_", "synth"))}
    assert woken == {"attribute_neurons", "synthesise_textures", "ablate_images"}  # the last reads the textures


def test_a_sweep_tabulates_what_its_combinations_reach(road):
    grid = [{"setting": "dina.training.epochs", "values": [1, 2]}]
    road.configure(sweep={"grid": grid})
    before = road.stamps()
    road.snakemake("sweep")
    names = {name for name in road.written_since(before) if "sweep" in name}
    assert names == {f"tiny/sweep/dina__training__epochs~{epochs}" for epochs in (1, 2)}
    header, *rows = (road.results / "tables/sweep.csv").read_text().splitlines()
    assert header.startswith("recording,chosen,dina.training.epochs,") and len(rows) == 2
    road.configure(sweep={"grid": [*grid, {"setting": "gabor.grid", "values": [8]}]})
    assert "train_dina" not in road.snakemake("all", "-n", "--quiet", "rules").stdout
