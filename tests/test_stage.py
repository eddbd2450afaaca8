"""What a stage says of memory that ran out and of a full disk, what it records, and where it computes."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dina import stores
from dina.errors import StoreError
from dina.mishaps import killed_logs, plainly, told_killed
from dina.provenance import nameless, write_provenance
from dina.stage import Job

# A stage, as a script sees it, that asks for more than there is room for.
STAGE = """
import resource, sys
import numpy as np
from types import SimpleNamespace
from dina import stores
from dina.stage import stage

class Output(list):
    def __getitem__(self, key):
        return super().__getitem__(0 if isinstance(key, str) else key)

folder, limit = sys.argv[1:]
values = np.random.default_rng(0).random(1 << 20)
if limit == "memory":
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
if limit == "files":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
job = SimpleNamespace(rule="measure", input=[], output=Output([f"{folder}/store"]), params={}, wildcards={},
    threads=1, resources={"mem_mb": 1234}, log=[f"{folder}/logs/measure.log"])
with stage(job) as job, stores.new_store(job.output("store")) as store:
    stores.write_array(store, "values", values)
    if limit == "memory":
        np.ones(1 << 33)
"""


def run(folder, limit):
    """What the stage tells on the terminal."""
    command = [sys.executable, "-c", STAGE, str(folder), limit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [path.name for path in folder.iterdir()] == ["logs"]  # nothing half-written
    log = (folder / "logs/measure.log").read_text()
    assert "Traceback" in log and "measure: failed after" in log and "Traceback" not in done.stderr
    return done.stderr


@contextlib.contextmanager
def small_disk(folder):
    """A disk of 2 MB where this process may mount one, else a limit on the size of files."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield "files"
        return
    try:
        yield "disk"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to this limit")
def test_a_memory_limit_is_told_plainly(tmp_path):
    told = run(tmp_path, "memory")
    assert "measure: memory: found too little (Unable to allocate 64.0 GiB" in told
    assert "the 1,234 MB that its rule asks for" in told and "--resources mem_mb" in told


def test_a_full_disk_is_told_plainly_and_leaves_nothing(tmp_path):
    with small_disk(tmp_path / "disk") as limit:
        told = run(tmp_path / "disk", limit)
    found = {"disk": "a full disk (", "files": "a limit on the size of files ("}[limit]
    assert f"found {found}" in told and "Free some" in told


SHORTAGES = {
    "torch": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    "a GPU": RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "a worker": BrokenProcessPool("A process in the process pool was terminated abruptly."),
    "the system": OSError(errno.ENOMEM, "Cannot allocate memory"),
}


@pytest.mark.parametrize("shortage", SHORTAGES)
def test_every_kind_of_shortage_is_known(tmp_path, shortage):
    assert "found too little" in plainly(SHORTAGES[shortage], folder=tmp_path, mem_mb=None)


def test_a_full_disk_is_found_behind_another_error(tmp_path):
    error = StoreError("unreadable")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "file"))
    assert "file: found a full disk" in plainly(error, folder=tmp_path, mem_mb=None)
    assert plainly(RuntimeError("shapes differ"), folder=tmp_path, mem_mb=None) is None


def test_a_log_without_an_end_is_of_a_killed_job(tmp_path):
    logs = tmp_path / "mouse/plane-0/logs"
    logs.mkdir(parents=True)
    (logs / "old.log").write_text("half a line")
    os.utime(logs / "old.log", (0, 0))
    (logs / "done.log").write_text("detect_rois: done in 3.1 s, at most 900 MB\nwarning at the very end\n")
    (logs / "failed.log").write_text("detect_rois: failed after 3.1 s\n")
    (logs / "killed.log").write_text("half a line")
    assert killed_logs(tmp_path, since=1.0) == [logs / "killed.log"]
    assert "killed.log" in told_killed([logs / "killed.log"])


def test_provenance_names_what_a_reader_asks_for_and_nobody(tmp_path, monkeypatch):
    home = tmp_path / "home/somebody"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "work")
    for name in ("movie", "session"):
        with stores.new_store(name) as store:
            stores.write_array(store, "values", np.arange(3))
    (home / "log.csv").write_text("onset_s\n")
    settings = {"images": str(home / "pictures"), "table": str(home / "work/table.csv"), "split_seed": 4}
    job = SimpleNamespace(rule="measure", wildcards={"seed": "2"}, params={"settings": settings}, threads=1)
    job.input = ["movie.json", "movie", str(home / "log.csv")]
    write_provenance(Path("movie"), SimpleNamespace(**vars(job) | {"rule": "look", "input": []}), [], 1.0)
    write_provenance(Path("session"), job, [Path("movie")], 2.0)
    text = Path("session/provenance.json").read_text()
    record = json.loads(text)
    assert "somebody" not in text and os.uname().nodename not in text
    assert record["params"]["settings"]["images"] == "~/pictures"
    assert record["params"]["settings"]["table"] == "table.csv"
    assert record["seeds"] == {"seed": "2", "settings.split_seed": 4}
    assert record["inputs"]["movie"]["written_by"] == "look (seed 2)" and "sha256" in str(record["inputs"]["movie"])
    assert record["files"].keys() == {"~/log.csv"} and record["files"]["~/log.csv"]["bytes"] == 8
    assert record["machine"].keys() == {"system", "architecture", "cpu", "cores", "memory_mb"}
    assert record["seconds"] == 2.0 and record["peak_memory_mb"] > 10 and record["packages"]["numpy"] == np.__version__
    stores.checked("session", verify=True)


def test_a_home_at_the_root_hides_nothing(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    assert nameless({"/data/movie.tif": ["/data"]}) == {"/data/movie.tif": ["/data"]}


def job(device, **resources):
    return Job(SimpleNamespace(params=SimpleNamespace(device=device), wildcards={}, log=["log"], resources=resources))


@pytest.mark.parametrize(
    ("device", "with_gpu", "without"),
    [("auto", "cuda", "auto"), ("cuda", "cuda", "auto"), ("cpu", "cpu", "cpu"), ("mps", "mps", "mps")],
)
def test_a_job_with_a_gpu_takes_no_other_device_and_one_without_asks_for_none(device, with_gpu, without):
    assert job(device, gpu=1).device == with_gpu
    assert job(device, gpu=0).device == job(device).device == without
