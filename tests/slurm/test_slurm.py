"""The road on a real SLURM: the same results as on one machine, whatever happens to jobs, nodes and Snakemake."""

import shutil
import subprocess
import time

import pytest

from dina.stores import checked
from tests.slurm.cluster import free_ports, wait_for
from tests.workflow.conftest import Road

pytestmark = pytest.mark.slurm

HOG_MB = 900  # with Snakemake and the stage, more than the rule has, and less than it has on its second attempt
MOST_JOBS = 21  # of 41 stages
UNTIL_TOLD = "while not Path('go').exists(): time.sleep(0.1)"


def is_as_before(road, digests):
    """The same content, whole, and nothing beside it."""
    for name in digests:
        checked((road.results / name).with_suffix(""), verify=True)
    return road.digests() == digests and not list(road.results.rglob("*.partial-*"))


def test_jobs_that_fail_once_outgrow_their_memory_or_are_cancelled_are_run_again(road):
    digests = road.digests()
    road.forget("movie", "plane-0/activity", "plane-1/activity")
    road.begin("inspect_movie", f"hog = bytearray(b'x') * ({HOG_MB} << 20); time.sleep(5)")
    fail, wait = "if name[0] == '0' and first: raise SystemExit(1)", "if name[0] == '1' and first: time.sleep(600)"
    road.begin("deconvolve_traces", fail, wait)
    process = road.submit(
        *(f"results/tiny/{store}.json" for store in ("movie", "plane-0/activity", "plane-1/activity"))
    )
    (job,) = road.wait_until_begun(process, 1, "deconvolve_traces", 1)
    road.cluster.tell("scancel", job)
    road.finish(process)
    for of in (["inspect_movie"], ["deconvolve_traces", 0], ["deconvolve_traces", 1]):
        assert len(road.begun(*of)) == 2
    assert is_as_before(road, digests)


def test_a_job_that_fails_for_good_is_named_and_the_next_run_goes_on(road):
    digests = road.digests()
    road.forget("movie", "plane-0/activity")
    script = road.folder / "workflow/scripts/inspect_movie.py"
    whole = script.read_text()
    road.begin("inspect_movie", "Path(snakemake.log[0]).write_text('the disk is full')", "raise SystemExit(1)")
    targets = [f"results/tiny/{store}.json" for store in ("movie", "plane-0/activity")]
    road.finish(road.submit(*targets, options=["--retries=0"], profile="cluster"), status=1)
    assert "rule inspect_movie:" in road.told() and "the disk is full" in road.told()
    assert (road.results / "tiny/plane-0/activity.json").is_file()  # others are not held up
    script.write_text(whole)
    road.finish(road.submit(*targets, profile="cluster"))
    assert is_as_before(road, digests)


def test_a_node_whose_daemon_is_killed_keeps_its_job(road):
    digests = road.digests()
    road.forget("movie")
    road.begin("inspect_movie", UNTIL_TOLD)
    process = road.submit("results/tiny/movie.json")
    ((job, node),) = road.wait_until_begun(process, 1, "inspect_movie").items()
    road.cluster.kill_node(node)
    time.sleep(5)  # the controller notices
    road.cluster.start_node(node)
    (road.folder / "go").touch()
    road.finish(process)
    assert set(road.begun("inspect_movie")) == {job} and is_as_before(road, digests)


@pytest.mark.parametrize(("profile", "n_jobs"), [("slurm", 2), ("cluster", 1)])
def test_a_killed_snakemake_is_started_again_while_its_job_still_runs(road, profile, n_jobs):
    """One executor runs the job once more, so that two write at once; the other waits for the one that runs."""
    digests = road.digests()
    road.forget("plane-0/activity")
    road.begin("deconvolve_traces", UNTIL_TOLD)
    of = ("deconvolve_traces", 0)
    process = road.submit("results/tiny/plane-0/activity.json", profile=profile)
    road.wait_until_begun(process, 1, *of)
    road.kill(process)
    road.snakemake("--unlock")
    process = road.submit("results/tiny/plane-0/activity.json", profile=profile)
    road.wait_until_begun(process, n_jobs, *of)
    (road.folder / "go").touch()
    road.finish(process)
    wait_for(lambda: not road.cluster.tell("squeue", "-h"), "the end of the first job")
    states = [job["state"] for job in road.cluster.jobs_of(road.folder)]
    assert len(road.begun(*of)) == n_jobs and states == ["COMPLETED"] * n_jobs
    assert is_as_before(road, digests)


def test_training_that_is_to_use_cuda_goes_to_the_node_with_a_gpu_and_stops_if_that_does_not_work(road):
    road.configure(device="cuda")
    model = "results/tiny/models/dina/seed-0.json"
    process = road.submit(model, options=["--rerun-triggers=mtime", "--retries=0"])
    road.finish(process, status=1)
    (job,) = road.cluster.jobs_of(road.folder)
    assert job["node"] == "node2" and "torch does not see" in road.told()
    assert not (road.folder / model).exists()


def test_two_nodes_train_one_model_that_the_workflow_takes(road):
    model = "results/tiny/models/dina/seed-0"
    asked = "sbatch --wait --nodes=2 --gpus-per-node=0 --cpus-per-task=1 --mem=3000 --output=train.log"
    command = "workflow/profiles/slurm/train.sh results/tiny/responses --settings config/config.yaml --seed 0"
    subprocess.run(
        [*asked.split(), *command.split(), model],
        cwd=road.folder,
        env=road.environment | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports(1)[0])},
        check=False,
    )
    (job,) = road.cluster.jobs_of(road.folder)
    assert (job["state"], job["node"]) == ("COMPLETED", "node[1-2]"), (road.folder / "train.log").read_text()
    checked(road.folder / model, verify=True)
    assert "Nothing to be done" in road.snakemake(f"{model}.json", "-n").stdout


def test_the_whole_road_gives_the_same_bytes_here_and_there_by_few_jobs(road, imaged):
    shutil.rmtree(road.results)
    process = road.submit("all", options=["--set-resources=train_dina:gpu=1"])
    try:
        here = Road(imaged)
        here.snakemake("all")
        road.finish(process)
    finally:
        road.kill(process)
    assert road.digests() == here.digests()
    jobs = road.cluster.jobs_of(road.folder)
    assert {job["state"] for job in jobs} == {"COMPLETED"} and len(jobs) <= MOST_JOBS
    assert sum("plane" in job["about"] for job in jobs) == 2  # one job each
    assert [job["node"] for job in jobs if "train_dina" in job["about"]] == ["node2"]
    assert "node1" in {job["node"] for job in jobs}
