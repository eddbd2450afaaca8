"""Pickles inside NumPy files: those of suite2p are read, and nothing that they could call is run."""

import codecs
import datetime
import os
import pathlib
import pickle
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from numpy.lib import format as npy

from dina.errors import InputError
from dina.recordings.importers.unpickling import load_dict, load_objects


def save(path, value, protocol, spelling=b"numpy._core"):
    """As ``numpy.save`` would with another protocol, and with the names of another NumPy."""
    array = np.empty((), object)
    array[()] = value
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(pickle.dumps(array, protocol=protocol).replace(b"numpy._core", spelling))
    return path


@pytest.mark.parametrize(
    ("protocol", "spelling"), [(2, b"numpy.core"), (3, b"numpy.core"), (3, b"numpy._core"), (4, b"numpy._core")]
)
def test_settings_of_every_age_are_read(tmp_path, protocol, spelling):
    ops = {
        "fs": np.float64(7.5),
        "meanImg": np.eye(3, dtype=np.float32),
        "date_proc": datetime.datetime.now().astimezone(),
        "save_path": Path("/data/mouse"),
        "raw": b"\xff\x00",
        "nested": {"names": ["a", 1, None, True]},
        "ragged": np.array([np.arange(2), np.arange(3)], dtype=object),
    }
    found = load_dict(save(tmp_path / "ops.npy", ops, protocol, spelling))
    assert found["save_path"] == PurePosixPath("/data/mouse") and type(found["save_path"]) is PurePosixPath
    assert np.array_equal(found["meanImg"], ops["meanImg"]) and found["ragged"][1].tolist() == [0, 1, 2]
    assert all(found[key] == ops[key] for key in ("fs", "date_proc", "raw", "nested"))


class Calls:
    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {}",), "posix.system"),
        (eval, ("open('{}', 'w')",), "builtin.*eval"),
        (np.save, ("{}.npy", 1), "numpy.save"),
        (pathlib.Path.touch, (Path("{}"),), "builtin.*getattr|pathlib.*Path.touch"),
        (codecs.encode, ("{}", "rot13"), "'rot13'"),
        (getattr, ({}, "update"), "builtin.*getattr"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_that_a_pickle_calls_is_run(tmp_path, function, arguments, name, protocol):
    trace = tmp_path / "run"
    filled = [a.format(trace) if isinstance(a, str) else Path(trace) if isinstance(a, Path) else a for a in arguments]
    path = save(tmp_path / "stat.npy", {"fs": Calls(function, *filled)}, protocol)
    with pytest.raises(InputError, match=f"stat.npy: found .*({name}).*Nothing of it was run"):
        load_objects(path)
    assert [p.name for p in tmp_path.iterdir()] == ["stat.npy"]


def test_numbers_need_no_pickle_and_damage_is_told(tmp_path):
    np.save(tmp_path / "F.npy", np.arange(6.0).reshape(2, 3))
    assert load_objects(tmp_path / "F.npy").shape == (2, 3)
    whole = save(tmp_path / "ops.npy", {"fs": 1.0}, 4).read_bytes()
    (tmp_path / "ops.npy").write_bytes(whole[:-12])
    with pytest.raises(InputError, match=r"ops.npy: found"):
        load_objects(tmp_path / "ops.npy")
    with pytest.raises(InputError, match="expected a dictionary"):
        load_dict(tmp_path / "F.npy")
    with pytest.raises(InputError, match="found no such file"):
        load_objects(tmp_path / "nothing.npy")
