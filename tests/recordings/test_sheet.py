import re

import numpy as np
import pytest
import tifffile
import yaml

from dina.errors import SettingsError
from dina.recordings.movie_files import movie_files
from dina.recordings.sheet import (
    changed_settings,
    check_inputs,
    load_settings,
    load_sheet,
    overridden_settings,
)


@pytest.fixture
def sheet(tmp_path):
    def write(*rows, header="recording\tsource\tmovie\tstimulus_log\timages\tvolume_rate_hz", name="recordings.tsv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def test_paths_are_relative_to_the_sheet(sheet, tmp_path):
    recording = load_sheet(sheet("m1\tmovie\tmovies/*.tif\tlog.csv\timages\t7.5"))["m1"]
    assert recording.movie == str(tmp_path / "movies/*.tif") and recording.volume_rate_hz == 7.5
    assert recording.n_planes is None and recording.has_stimuli


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m 1\tmovie\ta.tif", r"row 2: recording: found 'm 1'; expected letters, digits, _ and - alone"),
        ("m1\tmovei\ta.tif", r"row 2: source: found 'movei'.*'simulated', 'movie'"),
        ("m1\tmovie\t", r"row 2, movie: found nothing"),
        ("tables\tmovie\ta.tif", r"row 2, recording: found 'tables'"),
        ("m1\tmovie\ta.tif\t\t\tfast", r"row 2: volume_rate_hz: found 'fast'"),
        ("m1\tmovie\ta.tif\tlog.csv", r"row 2: found one of stimulus_log and images"),
        ("m1\tsimulated\ta.tif", r"row 2: found files for a simulated recording"),
        ("m1\tmovie\ta\tb\tc\t1\textra", r"row 2: found 7 cells"),
    ],
)
def test_mistakes_name_the_row(sheet, row, message):
    with pytest.raises(SettingsError, match=message):
        load_sheet(sheet(row))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m1\ttable\tr.npy\tlog.csv\t", r"row 2, images: found nothing; expected what source table needs"),
        ("m1\ttable\tr.npy\tlog.csv\ta\tmovie.tif", r"row 2, movie: found .*movie.tif'; expected an empty cell, since"),
        ("m1\tsuite2p\ts\tlog.csv", r"row 2: found one of stimulus_log and images"),
        ("m1\tsimulated\tr.npy", r"row 2: found files for a simulated recording"),
    ],
)
def test_each_source_has_columns_of_its_own(sheet, row, message):
    with pytest.raises(SettingsError, match=message):
        load_sheet(sheet(row, header="recording\tsource\tdata\tstimulus_log\timages\tmovie"))


def test_imported_responses_have_no_bins(sheet, tmp_path):
    for name in ("r.npy", "log.csv", "images"):
        (tmp_path / name).touch()
    path = sheet("m1\ttable\tr.npy\tlog.csv\timages", header="recording\tsource\tdata\tstimulus_log\timages")
    check_inputs(load_settings({"recordings": str(path)}), path)
    with pytest.raises(SettingsError, match="'m1', responses.n_bins: found 2; expected 1"):
        check_inputs(load_settings({"recordings": str(path), "responses": {"n_bins": 2}}), path)


def test_all_mistakes_are_told_at_once(sheet):
    with pytest.raises(SettingsError) as error:
        load_sheet(sheet("m1\tmovie\t", "m2\tmovei\ta.tif", "m3\tmovie\ta.tif", "m3\tmovie\ta.tif"))
    assert re.search("row 2.*row 3.*row 5.*second recording 'm3'", str(error.value), re.DOTALL)


def test_unknown_column_names_the_nearest(sheet):
    with pytest.raises(SettingsError, match="unknown column 'moive'. Did you mean 'movie'"):
        load_sheet(sheet("m1\tmovie", header="recording\tsource\tmoive"))


def test_settings_are_plain_sorted_and_filled(sheet, tmp_path):
    path = sheet("m1\tmovie\ta.tif", "m2\tmovie\ta.tif", "s\tsimulated")
    settings = load_settings({"recordings": str(path), "detection": {"n_bins": 500.0}})
    assert settings["m1"] == settings["m1"] | {"detection": settings["m2"]["detection"]}
    assert settings["m1"]["detection"]["n_bins"] == 500 and settings["m1"]["deconvolution"]["tau_s"] is None
    assert settings["s"]["acquisition"]["n_planes"] == settings["s"]["simulation"]["acquisition"]["n_planes"]
    assert yaml.safe_load(yaml.safe_dump(settings)) == settings


def test_writing_out_a_default_changes_nothing(sheet):
    path = str(sheet("m1\tmovie\ta.tif"))
    assert load_settings({"recordings": path}) == load_settings(
        {"recordings": path, "deconvolution": {"baseline_window_s": 60}}
    )


def test_overrides_hold_for_one_recording(sheet, tmp_path):
    path = sheet("m1\tmovie\ta.tif", "m2\tmovie\ta.tif")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/m1.yaml").write_text("deconvolution:\n  tau_s: 1.25\n")
    settings = load_settings({"recordings": str(path)})
    assert settings["m1"]["deconvolution"]["tau_s"] == 1.25 and settings["m2"]["deconvolution"]["tau_s"] is None
    (tmp_path / "recordings/m1.yaml").write_text("deconvolution:\n  tua_s: 1.25\n")
    with pytest.raises(SettingsError, match=r"m1.yaml: unknown setting 'deconvolution.tua_s'. Did you mean 'tau_s'"):
        load_settings({"recordings": str(path)})


def test_a_simulated_recording_may_not_contradict_its_simulation(sheet):
    path = sheet("s\tsimulated\t\t\t\t99")
    with pytest.raises(SettingsError, match="volume_rate_hz: found 99.0"):
        load_settings({"recordings": str(path)})


def test_another_separator_is_suspected(sheet):
    with pytest.raises(
        SettingsError, match="found one column, 'recording;source'; expected several, separated by tabs"
    ):
        load_sheet(sheet("m1;movie", header="recording;source"))


def test_all_that_is_not_there_is_told_at_once(sheet, tmp_path):
    header = "recording\tsource\tmovie\tstimulus_log\timages\tn_planes"
    path = sheet("m1\tmovie\tp{plane}.tif\tlog.csv\timages\t2", "m2\tmovie\tb.tif", "s\tsimulated", header=header)
    tifffile.imwrite(tmp_path / "p0.tif", np.zeros((2, 40, 40), np.uint16))
    settings = load_settings({"recordings": str(path)})
    with pytest.raises(SettingsError) as error:
        check_inputs(settings, path)
    told = [line.split(": found")[0].split("recording ")[1] for line in str(error.value).splitlines()]
    columns = ("movie", "stimulus_log", "images", "pixel_size_um", "cell_diameter_um")
    assert told == [f"'m1', {name}" for name in columns] + [f"'m2', {columns[k]}" for k in (0, 4)]
    assert "p1.tif" in str(error.value) and "{plane} counts from 0" in str(error.value)
    for name in ("p1.tif", "b.tif", "log.csv", "images"):
        (tmp_path / name).touch()
    for name in ("m1", "m2"):
        settings[name]["detection"]["soma_diameter_px"] = 9
    check_inputs(settings, path)


def test_movie_files_come_in_natural_order(tmp_path):
    for name in ("movie_10.tif", "movie_2.tif", "other.txt"):
        (tmp_path / name).touch()
    assert [p.name.rsplit("_")[-1] for p in movie_files(str(tmp_path), 0)] == ["2.tif", "10.tif"]
    assert movie_files(str(tmp_path / "movie_{plane}.tif"), 2) == [tmp_path / "movie_2.tif"]
    with pytest.raises(SettingsError, match="nothing at"):
        movie_files(str(tmp_path / "no*.tif"), 0)
    with pytest.raises(SettingsError, match=r"'.*\*\*\.tif'; expected a pattern|nothing at"):  # newer Pythons match it
        movie_files(str(tmp_path / "no**.tif"), 0)


def test_a_stray_quote_is_a_character(sheet):
    header = "recording\tsubject\tsource"
    loaded = load_sheet(sheet('m1\t"mouse 1\tsimulated', "m2\tx\tsimulated", "m3\ty\tsimulated", header=header))
    assert list(loaded) == ["m1", "m2", "m3"] and loaded["m1"].subject == '"mouse 1'


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["m1\tmovie\tp{plane}.tif"], "row 2, n_planes: found nothing"),
        (["m1\tsimulated", "M1\tsimulated"], "row 3: found a second recording 'M1'"),
        (["Tables\tsimulated"], "row 2, recording: found 'Tables'"),
    ],
)
def test_corners_of_the_sheet(sheet, rows, message):
    with pytest.raises(SettingsError, match=message):
        load_sheet(sheet(*rows))


def test_other_encodings_are_refused_by_name(tmp_path):
    (tmp_path / "recordings.tsv").write_bytes("recording\tsubject\nm1\tMäuschen\n".encode("latin-1"))
    with pytest.raises(SettingsError, match="recordings.tsv: found bytes that are no UTF-8"):
        load_sheet(tmp_path / "recordings.tsv")


@pytest.mark.parametrize(("name", "text"), [("m2.yaml", "{}"), ("m1.yml", "{}"), ("m1.yaml", "a: [")])
def test_overrides_of_no_recording_are_told(sheet, tmp_path, name, text):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / name).write_text(text)
    with pytest.raises(SettingsError, match=name):
        load_settings({"recordings": str(sheet("m1\tsimulated"))})


def test_plane_1_is_not_plane_10(tmp_path):
    for name in ("plane_1_a.tif", "plane_10_a.tif", "plane_1_b.tif", "._plane_1_c.tif"):
        (tmp_path / name).touch()
    found = movie_files(str(tmp_path / "*ane_{plane}*.tif"), 1)
    assert [path.name for path in found] == ["plane_1_a.tif", "plane_1_b.tif"]


FULL = "recording\tsource\tmovie\tstimulus_log\timages\tstimulus_table\timage_column\tclock_events"


def test_what_belongs_to_the_log(sheet, tmp_path):
    recording = load_sheet(sheet("m1\tmovie\ta.tif\ts.nwb\timages\ttrials\tpicture\tevents.csv", header=FULL))["m1"]
    assert recording.clock_events == str(tmp_path / "events.csv")
    assert (recording.stimulus_table, recording.image_column) == ("trials", "picture")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m1\tmovie\ta.tif\t\t\t\t\tevents.csv", "row 2, clock_events: found no stimulus_log"),
        (
            "m1\tmovie\ta.tif\tlog.csv\timages\ttrials",
            r"row 2, stimulus_table: found the log 'log.csv'; .* one in .nwb",
        ),
        ("m1\tsimulated\t\t\t\t\t\tevents.csv", "row 2: found files for a simulated recording"),
    ],
)
def test_what_belongs_to_no_log_is_refused(sheet, row, message):
    with pytest.raises(SettingsError, match=message):
        load_sheet(sheet(row, header=FULL))


def test_missing_clock_events_are_told(sheet, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 40, 40), np.uint16))
    for name in ("log.csv", "images"):
        (tmp_path / name).touch()
    path = sheet("m1\tmovie\ta.tif\tlog.csv\timages\t\t\tevents.csv", header=FULL)
    with pytest.raises(SettingsError, match=r"recording 'm1', clock_events: found nothing at '.*events.csv'"):
        check_inputs(load_settings({"recordings": str(path)}), path)


def test_planes_that_are_left_out_may_be_separated_by_commas(sheet):
    header = "recording\tsource\tmovie\tn_planes\tskip_planes"
    path = sheet("m1\tmovie\ta.tif\t4\t0, 2", "m2\tmovie\ta.tif\t4\t0,1", "m3\tmovie\ta.tif\t4\t3", header=header)
    settings = load_settings({"recordings": str(path)})
    assert [of["acquisition"]["skip_planes"] for of in settings.values()] == [[0, 2], [0, 1], [3]]
    with pytest.raises(
        SettingsError, match="skip_planes: found '0-2'; expected numbers of planes, from 0, separated by"
    ):
        load_sheet(sheet("m1\tmovie\ta.tif\t4\t0-2", header=header))


@pytest.mark.parametrize(("pixel_um", "fits"), [("0.1", False), ("0.5", True), ("3", True), ("12", False)])
def test_somata_of_no_size_that_can_be_found_are_refused(sheet, tmp_path, pixel_um, fits):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 40, 40), np.uint16))
    header = "recording\tsource\tmovie\tpixel_size_um\tcell_diameter_um"
    path = sheet(f"m1\tmovie\ta.tif\t{pixel_um}\t12", header=header)
    settings = load_settings({"recordings": str(path)})
    if fits:
        return check_inputs(settings, path)
    with pytest.raises(
        SettingsError, match="cell_diameter_um and pixel_size_um: found somata of .* px .*expected 3 to 80"
    ):
        check_inputs(settings, path)
    settings["m1"]["detection"]["soma_diameter_px"] = 9
    check_inputs(settings, path)


def test_folders_with_brackets_are_taken_as_they_are(tmp_path):
    folder = tmp_path / "copy [1]"
    folder.mkdir()
    for name in ("plane_1_a.tif", "plane_10_a.tif"):
        (folder / name).touch()
    assert movie_files(f"{folder}/plane_{{plane}}*.tif", 1) == [folder / "plane_1_a.tif"]
    assert len(movie_files(f"{folder}/*.tif", 0)) == 2


def test_a_folder_that_matches_is_no_movie(tmp_path):
    (tmp_path / "a_1.tif").touch()
    (tmp_path / "a_2.tif").mkdir()
    for movie in (f"{tmp_path}/a_*.tif", str(tmp_path)):
        with pytest.raises(SettingsError, match="found 'a_2.tif'; expected files ending in"):
            movie_files(movie, 0)


def test_braces_are_refused_since_snakemake_reads_them(sheet, tmp_path):
    for row in ("m1\tmovie\ta{b}.tif", "m1\tmovie\ta.tif\tlog{plane}.csv\timages"):
        with pytest.raises(SettingsError, match="row 2, .* expected no braces"):
            load_sheet(sheet(row))
    (tmp_path / "x{b}.tif").touch()
    with pytest.raises(SettingsError, match="expected no braces"):
        movie_files(f"{tmp_path}/x*.tif", 0)


def test_headers_that_cannot_be_worked_on_name_recording_and_file(sheet, tmp_path):
    metadata = {"axes": "TZYX"}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 70, 40, 40), np.uint16), imagej=True, metadata=metadata)
    with pytest.raises(SettingsError, match=r"recording 'm1' \(a\.tif\), from sheet and header: n_planes: found 70"):
        load_settings({"recordings": str(sheet("m1\tmovie\ta.tif"))})
    header = "recording\tsource\tmovie\tstructural_channel"
    with pytest.raises(SettingsError, match=r"recording 'm1': structural_channel 0 is the functional one\."):
        load_settings({"recordings": str(sheet("m1\tmovie\tb.tif\t0", header=header))})


def test_what_differs_from_the_defaults_and_who_says_so(sheet, tmp_path):
    path = sheet("m1\tmovie\ta.tif", "sim\tsimulated\t")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/m1.yaml").write_text("responses: {window_s: [0, 1], measure: deconvolved}\n")
    config = {"recordings": str(path), "simulation": {"seed": 7}, "registration": {"non_rigid": True}}
    settings = load_settings(config)
    assert changed_settings(settings["m1"]) == {"responses.window_s": [[0.0, 1.0], [0.0, 0.5]]}
    assert overridden_settings(path, "m1") == ["responses.measure", "responses.window_s"]
    assert changed_settings(settings["sim"]) == {"simulation.seed": [7, 1]}
    assert overridden_settings(path, "sim") == []
