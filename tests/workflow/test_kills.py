"""A killed stage leaves nothing that could be taken for a result, and running again gives the same digests."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dina.cli import main
from tests.workflow.conftest import ROOT

UNWRITABLE = "/dev/null/home"  # nobody can make a folder there, not even root
CACHES = ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TORCH_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
N_KILLS = 50
WAITS_S = (1.0, 15.0)  # before a kill: the longest job, with its imports, comes to its end now and then
PATIENCE_S = 120


def without_home():
    """This process's environment, with a home folder that cannot be written."""
    return {key: value for key, value in os.environ.items() if key not in CACHES} | {"HOME": UNWRITABLE}


@pytest.fixture(scope="module")
def killed(finished, tmp_path_factory):
    """The finished road's copy in which every rule's job was killed once and then finished, without a home folder."""
    folder = tmp_path_factory.mktemp("killed") / "road"
    shutil.copytree(finished.folder, folder, symlinks=True)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killing.py")],
        cwd=folder,
        env=without_home() | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_job_of_every_rule_was_killed(killed):
    _, rules = killed
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    rare = {"fit_cohort", "pretrain_tower", "try_settings", "tabulate_sweep", "probe_time_course", "plot_time_course"}
    rare |= {"tabulate_across_recordings", "plot_across_recordings"}
    rare |= {"import_session", "import_stimuli", "import_responses", "export_nwb", "export_suite2p", "export_bundle"}
    assert {of["rule"] for of in rules} == scripts - rare
    assert [of["rule"] for of in rules if not of["killed"]] == []


def test_what_a_killed_job_leaves_is_not_taken_for_a_result(killed):
    _, rules = killed
    assert {of["rule"]: of["taken_for_results"] for of in rules if of["taken_for_results"]} == {}


def test_a_killed_job_run_again_gives_the_same_bytes_without_a_home_folder(killed, finished):
    folder, rules = killed
    assert [of["rule"] for of in rules if not of["finished"]] == []
    assert {of["rule"]: of["differs"] for of in rules if of["differs"]} == {}
    assert main(["verify", str(folder / "results")]) == 0  # nothing half-written is left either
    assert main(["compare", str(finished.results), str(folder / "results")]) == 0


def test_snakemake_killed_with_its_job_says_what_to_do_and_resumes(road):
    digests = road.digests()
    tiny = road.results / "tiny"
    shutil.rmtree(tiny / "responses")
    (tiny / "responses.json").unlink()
    log = tiny / "logs/measure_responses.log"
    log.unlink()
    process = start(road, "results/tiny/responses.json")
    deadline = time.monotonic() + PATIENCE_S
    while not log.is_file():  # the stage has begun
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGSTOP)  # lest it end before the second has begun
    second = road.snakemake("results/tiny/responses.json", check=False)
    assert second.returncode == 1 and "no other Snakemake process" in second.stdout + second.stderr
    kill(process)
    assert not (tiny / "responses.json").exists()
    locked = road.snakemake("results/tiny/responses.json", check=False)
    assert locked.returncode == 1 and "--unlock" in locked.stdout + locked.stderr
    road.snakemake("--unlock")
    road.snakemake("results/tiny/responses.json")
    assert road.digests() == digests
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout
    assert not list(tiny.rglob("*.partial-*"))


def test_a_job_that_was_killed_is_told_by_its_log(road):
    log = road.results / "tiny/logs/measure_responses.log"
    log.unlink()
    process = start(road, "--forcerun", "measure_responses", "--until", "measure_responses", stderr=subprocess.PIPE)
    job = wait_for_jobs(process)[0]
    job.kill()
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "measure_responses.log: found the log of a job that was killed" in told and "memory" in told


@pytest.mark.slow
def test_fifty_kills_on_the_road_change_nothing(finished, tmp_path):
    """Jobs, and Snakemake itself with all its children, in turn; each road that comes to its end is compared."""
    chance = random.Random(0)
    fresh = copy_without_results(finished, tmp_path / "road")
    n_kills, n_ends = 0, 0
    while n_kills < N_KILLS or not n_ends:
        process = start(fresh, "all")
        try:
            process.wait(chance.uniform(*WAITS_S) if n_kills < N_KILLS else None)
        except subprocess.TimeoutExpired:
            n_kills += kill(process) if n_kills % 2 else kill_job(process)
            fresh.snakemake("--unlock")
            continue
        assert process.returncode == 0
        n_ends += 1
        assert fresh.digests() == finished.digests()
        assert main(["verify", str(fresh.results)]) == 0
        if n_kills < N_KILLS:
            shutil.rmtree(fresh.results)


def start(road, *arguments, stderr=subprocess.DEVNULL):
    return subprocess.Popen(
        [*road.command, *arguments],
        cwd=road.folder,
        env=road.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )


def kill(process):
    """Kill Snakemake with all its children; returns 1, for one kill."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return 1


def kill_job(process):
    """Kill one job, if any runs, and wait until Snakemake has ended; returns the number of kills."""
    killed = jobs(process)[:1]
    for job in killed:
        job.kill()
    process.wait()
    return len(killed)


def wait_for_jobs(process):
    """The processes that run a Snakemake's scripts, once there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := jobs(process)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return found


def jobs(process):
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            is_python = Path(child.exe()).name.startswith("python")
            if is_python and any(".snakemake/scripts" in of for of in child.cmdline()):
                found.append(child)
        except psutil.Error:  # it has just ended
            continue
    return found


def copy_without_results(road, folder):
    shutil.copytree(road.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("results", ".snakemake"))
    return type(road)(folder)
