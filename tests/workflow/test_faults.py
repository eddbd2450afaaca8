"""A killed stage leaves nothing that could be taken for a result."""

import os
import shutil
import signal
import subprocess
import time

import pytest

STAGES = {"plane-0/activity": "plane-0/logs/deconvolve_traces.log", "responses": "logs/measure_responses.log"}
PATIENCE_S = 120


@pytest.mark.parametrize("store", STAGES)
def test_kill_and_resume_gives_the_same_digests(road, store):
    digests = road.digests()
    tiny = road.results / "tiny"
    shutil.rmtree(tiny / store)
    (tiny / f"{store}.json").unlink()
    log = tiny / STAGES[store]
    log.unlink()
    process = subprocess.Popen(
        [*road.command, f"results/tiny/{store}.json"],
        cwd=road.folder,
        env=road.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not log.is_file():  # the stage has begun
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tiny / f"{store}.json").exists()
    road.snakemake("--unlock")
    road.snakemake(f"results/tiny/{store}.json")
    assert road.digests() == digests
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout
    assert not list(tiny.rglob("*.partial-*"))
