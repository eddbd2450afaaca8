"""A cluster of two nodes, and the tiny road as far as its responses, of which each test gets a copy."""

import os
import shutil
import signal
import subprocess

import pytest
import yaml

from tests.slurm.cluster import Cluster, wait_for, why_not
from tests.workflow.conftest import ROOT, TINY, Road

# SLURM is asked every few seconds, since jobs here are short, and without accounting; nothing else differs from the
# profile but a plane's threads, which are more than the machine has.
OPTIONS = {
    "slurm": [
        "--slurm-init-seconds-before-status-checks=2",
        "--slurm-status-command=squeue",
        "--set-threads=register_plane=1",
        "--latency-wait=10",
    ],
    "cluster": ["--set-threads=register_plane=1", "--latency-wait=10"],
}
PATIENCE_S = 600


class ClusterRoad(Road):
    """A road whose jobs are submitted."""

    def __init__(self, folder, cluster):
        super().__init__(folder)
        self.cluster = cluster
        self.environment = cluster.environment | {"PYTHONPATH": str(folder)}

    def submit(self, *targets, profile="slurm", options=()):
        """Start Snakemake with a profile, in a group of processes of its own."""
        command = [argument for argument in self.command if argument not in ("--cores", "2")]
        command += [*targets, "--workflow-profile", f"workflow/profiles/{profile}", *OPTIONS[profile], *options]
        with open(self.folder / "told.txt", "a") as told:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=told, stderr=told, start_new_session=True
            )

    def told(self):
        """What Snakemake said, all runs together."""
        return (self.folder / "told.txt").read_text()

    def kill(self, process):
        """Kill Snakemake at once, if it still runs; its jobs go on."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def finish(self, process, status=0):
        """Wait for Snakemake, and see that it ends as expected."""
        process.wait(timeout=PATIENCE_S)
        assert process.returncode == status, self.told()

    def forget(self, *stores):
        """Remove stores with their manifests."""
        for store in stores:
            shutil.rmtree(self.results / "tiny" / store)
            (self.results / "tiny" / f"{store}.json").unlink()

    def begin(self, rule, *lines):
        """Put lines before a rule's script; each job that begins leaves its number in a file under ``begun``."""
        script = self.folder / "workflow/scripts" / f"{rule}.py"
        head = ["import os, time", "from pathlib import Path", "Path('begun').mkdir(exist_ok=True)"]
        head += [f"first = not any(Path('begun').glob(str(snakemake.wildcards.get('plane', '-')) + ' {rule} *'))"]
        head += [
            f"name = str(snakemake.wildcards.get('plane', '-')) + ' {rule} ' + os.environ['SLURM_JOB_ID']",
            "Path('begun', name).write_text(os.environ['SLURMD_NODENAME'])",
        ]
        script.write_text("\n".join([*head, *lines, script.read_text()]))

    def begun(self, rule, plane="-"):
        """Jobs of a rule that have begun: node by number."""
        files = (self.folder / "begun").glob(f"{plane} {rule} *")
        return {path.name.split()[-1]: path.read_text() for path in files}

    def wait_until_begun(self, process, n_jobs, *of):
        """Until so many jobs of a rule, and plane, have begun; their numbers and nodes."""

        def have_begun():
            assert process.poll() is None, self.told()
            return len(self.begun(*of)) >= n_jobs and all(self.begun(*of).values())

        wait_for(have_begun, f"the job of {of}", PATIENCE_S)
        return self.begun(*of)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    started = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def imaged(cluster, tmp_path_factory):
    """The road as far as its responses, on this machine."""
    folder = tmp_path_factory.mktemp("imaged")
    (folder / "config").mkdir()
    values = TINY | {"device": "cpu", "dina": TINY["dina"] | {"seeds": [0]}}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(values))
    (folder / "config/recordings.tsv").write_text("recording\tsource\ntiny\tsimulated\n")
    for part in ("dina", "workflow", "envs"):  # a checkout of its own: its code can be edited
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder)
    profile = folder / "workflow/profiles/slurm/config.yaml"  # edited as a user does; there are no accounts
    edited = profile.read_text().replace('slurm_partition: ""', "slurm_partition: main")
    assert edited != profile.read_text()
    profile.write_text(edited)
    Road(folder).snakemake("sessions", "results/tiny/responses.json")
    return folder


@pytest.fixture
def road(imaged, cluster, tmp_path):
    """A copy of it, for the cluster."""
    shutil.copytree(imaged, tmp_path / "road", symlinks=True)
    return ClusterRoad(tmp_path / "road", cluster)
