"""What `dina verify` and `dina compare` find."""

import shutil

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.cli import main
from dina.manifest import sealed

STORES = ("mouse/session", "mouse/plane-0/rois")


@pytest.fixture
def results(tmp_path):
    write_results(tmp_path / "results")
    return tmp_path / "results"


def write_results(folder):
    for name in STORES:
        with stores.new_store(folder / name) as store:
            stores.write_array(store, "values", np.arange(300_000.0))
            stores.write_table(store, "neurons", pd.DataFrame({"x": [1.0, 2.0], "name": ["a", "b"]}))
            stores.write_attributes(store, {"rate_hz": 5.0})
            (store / "movie.tif").write_bytes(b"frames")
        source = {"written_by": "detect_rois (plane 0)"}
        record = {"rule": "assemble", "wildcards": {}, "inputs": {"x/results/mouse/plane-0/rois": source}}
        (folder / name / "provenance.json").write_text(sealed(record))
    (folder / "tables").mkdir()
    (folder / "tables/scores.csv").write_text("1\n")


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


FILES = (
    "arrays.zarr/zarr.json",
    "arrays.zarr/values/zarr.json",
    "arrays.zarr/values/c/1",
    "neurons.parquet",
    "movie.tif",
    "SHA256SUMS",
    "provenance.json",
)
FILE_DAMAGE = {
    "a flipped byte": flip_a_byte,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "deleted": lambda path: path.unlink(),
}


def test_whole_stores_pass(results, capsys):
    (results / "mouse/session/.DS_Store").touch()  # what a file browser leaves is no damage
    assert main(["verify", str(results)]) == 0
    assert capsys.readouterr().out == "2 stores, 0 damaged\n"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_every_damaged_file_is_named_with_the_rule_that_wrote_it(results, capsys, file, damage):
    if (file, damage) == ("provenance.json", "deleted"):
        pytest.skip("what was written outside of the workflow has no provenance")
    FILE_DAMAGE[damage](results / "mouse/session" / file)
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr()
    assert told.out == "2 stores, 1 damaged\n"
    assert f"{results / 'mouse/session' / file}: found" in told.err and told.err.count(": found") == 1
    assert "mouse/session is written by " in told.err and "rois" not in told.err
    assert "by assemble" in told.err or file == "provenance.json"


def test_every_flipped_byte_of_small_files_is_found(results):
    """Also those that change no value, as in a table's footer."""
    for file in ("neurons.parquet", "arrays.zarr/values/zarr.json", "provenance.json"):
        path = results / "mouse/session" / file
        whole = path.read_bytes()
        for position in range(0, len(whole), 101):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
            assert main(["verify", str(results / "mouse")]) == 1, position
        path.write_bytes(whole)


def test_all_damage_of_a_store_is_named(results, capsys):
    store = results / "mouse/session"
    for file in FILES[2:4]:
        flip_a_byte(store / file)
    (store / "movie.tif").unlink()
    (store / "extra.npy").touch()
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr().err
    assert all(f"{store / file}: found" in told for file in (*FILES[2:5], "extra.npy"))


NO_MANIFESTS = ('{"arrays": {', "{}", '{"arrays": 1, "attributes": 1, "tables": 1, "files": 1}', None)


@pytest.mark.parametrize("text", NO_MANIFESTS)
def test_a_manifest_that_is_damaged_or_gone_is_named(results, capsys, text):
    manifest = stores.manifest_path(results / "mouse/session")
    if text is None:
        manifest.unlink()
    else:
        manifest.write_text(text)
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr()
    assert told.out == "2 stores, 1 damaged\n" and f"{manifest}: found" in told.err and "assemble" in told.err


def test_damage_beside_a_manifest_that_is_gone_is_named_as_well(results, capsys):
    stores.manifest_path(results / "mouse/session").unlink()
    flip_a_byte(results / "mouse/session/movie.tif")
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr().err
    assert "session.json: found no manifest" in told and "session/movie.tif: found bytes" in told


def test_an_edited_manifest_is_named(results, capsys):
    manifest = stores.manifest_path(results / "mouse/session")
    manifest.write_text(manifest.read_text().replace('"rate_hz": 5.0', '"rate_hz": 6.0'))
    assert main(["verify", str(results)]) == 1
    assert "attribute 'rate_hz' as 5.0; expected 6.0, says session.json" in capsys.readouterr().err


def test_the_rule_of_a_store_that_is_gone_is_known_from_the_stages_behind_it(results, capsys):
    shutil.rmtree(results / "mouse/plane-0/rois")
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr().err
    assert "plane-0/rois: found no such folder" in told and "written by detect_rois (plane 0)" in told


LEFT = (".rois.partial-77", ".rois.replaced-77", "..rois.partial-77.json", ".mean.partial.png")


@pytest.mark.parametrize("name", LEFT)
def test_what_a_killed_job_left_is_named(results, capsys, name):
    (results / "mouse/plane-0" / name / "arrays.zarr").mkdir(parents=True)
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr()
    assert told.out == "2 stores, 0 damaged, 1 left unfinished\n" and f"{name}: found an unfinished result" in told.err


def test_no_results_is_an_error(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "found no store" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1


def compare(capsys, first, second):
    status = main(["compare", str(first), str(second)])
    told = capsys.readouterr()
    return status, told.out, told.err.splitlines()


def test_equal_results_are_equal_whatever_they_took(results, tmp_path, capsys):
    write_results(tmp_path / "again")
    for folder, seconds in ((results, "1\n"), (tmp_path / "again", "2\n")):
        (folder / "tables/benchmarks.csv").write_text(seconds)
    assert compare(capsys, results, tmp_path / "again") == (0, "3 stores, figures and tables, 0 differ\n", [])


def test_what_differs_is_named_with_its_rule(results, tmp_path, capsys):
    again = tmp_path / "again"
    write_results(again)
    provenance = (again / "mouse/session/provenance.json").read_text()
    with stores.new_store(again / "mouse/session") as store:
        stores.write_array(store, "values", np.arange(300_000.0)[::-1])
        stores.write_table(store, "neurons", pd.DataFrame({"x": [1.0], "name": ["a"]}))
        stores.write_attributes(store, {"rate_hz": 6.0})
        (store / "other.tif").write_bytes(b"frames")
        (store / "provenance.json").write_text(provenance)
    shutil.rmtree(again / "mouse/plane-0")
    (again / "tables/scores.csv").write_text("2\n")
    status, out, told = compare(capsys, results, again)
    assert (status, out) == (1, "3 stores, figures and tables, 3 differ\n")
    by = " (written by assemble)"
    assert f"mouse/session: array 'values': other values{by}" in told
    assert f"mouse/session: attribute 'rate_hz': 5.0 in the first, 6.0 in the second{by}" in told
    assert f"mouse/session: file 'movie.tif': in the first alone{by}" in told
    assert f"mouse/session: file 'other.tif': in the second alone{by}" in told
    assert any(line.startswith("mouse/session: table 'neurons.parquet': {") and '"rows": 1' in line for line in told)
    assert f"mouse/plane-0/rois: in {results / 'mouse/plane-0'} alone{by}" in told
    assert "tables/scores.csv: other bytes" in told and len(told) == 7
