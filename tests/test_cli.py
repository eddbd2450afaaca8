"""What `dina verify` finds."""

import shutil

import numpy as np
import pytest

from dina import stores
from dina.cli import main


@pytest.fixture
def results(tmp_path):
    for name in ("mouse/session", "mouse/plane-0/rois"):
        with stores.new_store(tmp_path / name) as store:
            stores.write_array(store, "values", np.arange(5000.0))
            (store / "movie.tif").write_bytes(b"frames")
    return tmp_path


def flip_a_byte(folder):
    chunk = next(path for path in (folder / "arrays.zarr/values/c").rglob("*") if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(bytes(content))


DAMAGE = {
    "a flipped byte": flip_a_byte,
    "an edited file": lambda folder: (folder / "movie.tif").write_bytes(b"framed"),
    "a manifest that is gone": lambda folder: stores.manifest_path(folder).unlink(),
    "a store that is gone": shutil.rmtree,
    "a manifest cut off": lambda folder: stores.manifest_path(folder).write_text('{"arrays": {'),
}


def test_whole_stores_pass(results, capsys):
    (results / "mouse/session/.DS_Store").touch()  # what a file browser leaves is no damage
    assert main(["verify", str(results)]) == 0
    assert capsys.readouterr().out == "2 stores, 0 damaged\n"


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_by_name(results, capsys, damage):
    DAMAGE[damage](results / "mouse/session")
    assert main(["verify", str(results)]) == 1
    told = capsys.readouterr()
    assert told.out == "2 stores, 1 damaged\n" and "mouse/session" in told.err and "rois" not in told.err


def test_no_results_is_an_error(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "found no store" in capsys.readouterr().err
