import json
import multiprocessing
import os
import platform
import signal

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.errors import StoreError
from dina.manifest import sealed


def write(path, values, scores=(1.0, 2.0)):
    with stores.new_store(path) as store:
        stores.write_array(store, "activity", values, unit="a.u.")
        stores.write_attributes(store, {"rate_hz": np.float32(5), "shape": (1, 2)})
        stores.write_table(store, "scores", pd.DataFrame({"value": list(scores), "name": ["a", "b"]}))
        (store / "frames.int16").write_bytes(b"\x01\x02")


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(300, 2000)).astype(np.float32)


def test_round_trip(tmp_path, values):
    write(tmp_path / "s", values)
    store = stores.checked(tmp_path / "s", verify=True)
    np.testing.assert_array_equal(stores.read_array(store, "activity"), values)
    assert stores.read_attributes(store) == {"rate_hz": 5.0, "shape": [1, 2]}
    assert stores.read_table(store, "scores")["name"].tolist() == ["a", "b"]


def test_what_a_store_holds(tmp_path, values):
    write(tmp_path / "s", values)
    held = {name: stores.holds(tmp_path / "s", name) for name in ("activity", "scores", "rate_hz", "nothing")}
    assert held == {"activity": True, "scores": True, "rate_hz": False, "nothing": False}


def test_chunks_are_near_one_megabyte(tmp_path, values):
    write(tmp_path / "s", values)
    chunks = stores.open_array(tmp_path / "s", "activity").chunks
    assert 2**18 <= np.prod(chunks) * 4 <= 2**20


def test_manifest_depends_on_content_alone(tmp_path, values):
    manifests = []
    for name in ("a", "b"):
        write(tmp_path / name, values)
        manifests.append(stores.manifest_path(tmp_path / name).read_text())
    assert manifests[0] == manifests[1]
    write(tmp_path / "c", values + 1)
    write(tmp_path / "d", values, scores=(1.0, 3.0))
    assert len({manifests[0], *(stores.manifest_path(tmp_path / n).read_text() for n in "cd")}) == 3


def test_provenance_is_not_content(tmp_path, values):
    write(tmp_path / "s", values)
    (tmp_path / "s" / "provenance.json").write_text(sealed({"rule": "measure"}))
    (tmp_path / "s" / ".snakemake_timestamp").touch()
    stores.checked(tmp_path / "s", verify=True)


def chunk_files(store):
    return sorted(p for p in (store / "arrays.zarr" / "activity" / "c").rglob("*") if p.is_file())


def test_missing_chunk_is_found(tmp_path, values):
    write(tmp_path / "s", values)
    chunk_files(tmp_path / "s")[1].unlink()
    with pytest.raises(StoreError, match="activity/c/0/1: found no such file"):
        stores.checked(tmp_path / "s")


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_damaged_chunk_is_found_and_never_read_as_data(tmp_path, values, damage):
    write(tmp_path / "s", values)
    chunk = chunk_files(tmp_path / "s")[0]
    data = bytearray(chunk.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    chunk.write_bytes(data if damage == "flip" else data[:-9])
    with pytest.raises(StoreError, match="activity"):
        stores.checked(tmp_path / "s", verify=True)
    with pytest.raises(StoreError, match="array 'activity' is damaged"):
        stores.read_array(tmp_path / "s", "activity")


@pytest.mark.parametrize("name", ["scores.parquet", "frames.int16"])
def test_missing_or_changed_file_is_found(tmp_path, values, name):
    write(tmp_path / "s", values)
    (tmp_path / "s" / name).unlink()
    with pytest.raises(StoreError, match=name.split(".")[0]):
        stores.checked(tmp_path / "s")


def test_zero_chunks_are_written(tmp_path):
    write(tmp_path / "s", np.zeros((300, 2000), np.float32))
    assert len(chunk_files(tmp_path / "s")) > 1
    stores.checked(tmp_path / "s")


def test_failure_leaves_nothing_and_keeps_the_old_store(tmp_path, values):
    write(tmp_path / "s", values)
    before = stores.manifest_path(tmp_path / "s").read_text()
    with pytest.raises(RuntimeError), stores.new_store(tmp_path / "s") as store:
        stores.write_array(store, "activity", values * 2)
        raise RuntimeError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "s.json"]
    assert stores.manifest_path(tmp_path / "s").read_text() == before
    stores.checked(tmp_path / "s", verify=True)


def test_death_between_renames_never_leaves_an_old_manifest_beside_new_content(tmp_path, values, monkeypatch):
    write(tmp_path / "s", values)

    replace = type(tmp_path).replace

    def die(path, target):
        if target == stores.manifest_path(tmp_path / "s"):  # the last step: the new manifest takes its place
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(tmp_path), "replace", die)
        write(tmp_path / "s", values + 1)
    with pytest.raises(StoreError, match="no manifest"):
        stores.checked(tmp_path / "s")
    write(tmp_path / "s", values + 1)
    stores.checked(tmp_path / "s", verify=True)


def killed(path):
    with stores.new_store(path) as store:
        stores.write_array(store, "activity", np.ones(10))
        os.kill(os.getpid(), signal.SIGKILL)


def test_kill_leaves_no_result_and_the_next_write_cleans_up(tmp_path, values):
    process = multiprocessing.get_context("fork").Process(target=killed, args=(tmp_path / "s",))
    process.start()
    process.join()
    assert not (tmp_path / "s").exists()
    write(tmp_path / "s", values)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "s.json"]


def write_many(path, barrier, values):
    for round_values in values:
        with stores.new_store(path) as store:
            stores.write_array(store, "activity", round_values)
            barrier.wait(timeout=60)  # both are complete: they are published at one time


@pytest.mark.parametrize("differ", [0, 1], ids=["alike", "different"])
def test_two_writers_at_once_leave_one_whole_store(tmp_path, differ):
    context = multiprocessing.get_context("fork")
    barrier, rounds = context.Barrier(2), np.arange(60.0).reshape(20, 3)
    arguments = [(tmp_path / "s", barrier, rounds + writer * differ) for writer in range(2)]
    writers = [context.Process(target=write_many, args=of) for of in arguments]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "s.json"]
    found = stores.read_array(stores.checked(tmp_path / "s", verify=True), "activity").tolist()
    assert found in ([57, 58, 59], [57 + differ, 58 + differ, 59 + differ])


@pytest.mark.parametrize(("step", "target", "last"), [("rename", "s", 1), ("replace", "s.json", 0)])
def test_another_writer_comes_between_two_renames(tmp_path, monkeypatch, step, target, last):
    """Just before this one's folder, or its manifest, takes its place; folder and manifest agree in the end."""
    move, waiting = getattr(type(tmp_path), step), [True]

    def late(path, to):
        if waiting and to == tmp_path / target:
            waiting.clear()
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", lambda: 1)  # a process that lives
                write(tmp_path / "s", np.zeros((3, 3)))
        return move(path, to)

    monkeypatch.setattr(type(tmp_path), step, late)
    write(tmp_path / "s", np.ones((3, 3)))
    store = stores.checked(tmp_path / "s", verify=True)
    assert (stores.read_array(store, "activity") == last).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "s.json"]


def test_the_same_content_leaves_a_whole_store_in_place_and_replaces_a_damaged_one(tmp_path, values):
    write(tmp_path / "s", values)
    folder = (tmp_path / "s").stat().st_ino
    write(tmp_path / "s", values)
    assert (tmp_path / "s").stat().st_ino == folder
    (tmp_path / "s" / "frames.int16").write_bytes(b"\x01\x03")
    write(tmp_path / "s", values)
    assert (tmp_path / "s").stat().st_ino != folder
    stores.checked(tmp_path / "s", verify=True)


def test_nobody_tears_away_what_another_may_be_writing(tmp_path, values):
    names = [f".s.partial-{platform.node()}-{os.getppid()}", ".s.partial-elsewhere-1", ".s.replaced-elsewhere-2"]
    for name in names:
        (tmp_path / name / "arrays.zarr").mkdir(parents=True)
    os.utime(tmp_path / names[1], (0, 0))  # what a writer does last happens deeper down
    for path in (tmp_path / names[2] / "arrays.zarr", tmp_path / names[2]):
        os.utime(path, (0, 0))
    write(tmp_path / "s", values)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names[:2], "s", "s.json"])


def test_no_such_number_in_json(tmp_path):
    with pytest.raises(StoreError, match="rate_hz"), stores.new_store(tmp_path / "s") as store:
        stores.write_attributes(store, {"rate_hz": float("nan")})


def test_edited_manifest_is_found(tmp_path, values):
    write(tmp_path / "s", values)
    manifest = json.loads((tmp_path / "s.json").read_text())
    manifest["arrays"]["activity"]["sha256"] = "0" * 64
    (tmp_path / "s.json").write_text(json.dumps(manifest))
    stores.checked(tmp_path / "s")
    with pytest.raises(StoreError, match="activity"):
        stores.checked(tmp_path / "s", verify=True)
