"""A real SLURM of two nodes on loopback, with a pretended GPU on the second; needs root, and no systemd."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE_S = 60
NODES = ("node1", "node2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
# What the nodes pretend to have: as many jobs as a recording has at once must fit, whatever this machine has.
CPUS, MEMORY_MB = 8, 32000
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
MinJobAge=3600
ReturnToService=2
AccountingStorageType=accounting_storage/none
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory={memory}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    """Why no cluster can be started here, or nothing."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_search()) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: slurm-wlm and munge)"
    if os.geteuid() != 0:
        return "a cluster of one's own is started by root"
    address = socket.gethostbyname(socket.gethostname())
    if not address.startswith("127."):  # the daemons would listen to others
        return f"this host's name stands for {address}; add it to 127.0.0.1 in /etc/hosts"
    return ""


class Cluster:
    """Its daemons, their files in one folder, and ``environment`` for those who use it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        clients = self.folder / "bin"
        clients.mkdir(parents=True)
        (self.folder / "state").mkdir()
        # The plugin's inner srun sees no SLURM_CONF: clients on the search path bring it along.
        for name in ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare"):
            client = clients / name
            client.write_text(
                f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which(name, path=_search())} "$@"\n'
            )
            client.chmod(0o755)
        self.environment = os.environ | {"PATH": f"{clients}:{_search()}"}

    def start(self):
        """Start the daemons and wait for both nodes."""
        configuration = CONFIGURATION.format(
            host=socket.gethostname(), folder=self.folder, ports=free_ports(3), cpus=CPUS, memory=MEMORY_MB
        )
        (self.folder / "slurm.conf").write_text(configuration)
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        gpu = self.folder / "gpu"  # slurmd wants a character device: this is another /dev/null
        os.mknod(gpu, 0o20666, os.makedev(1, 3))
        (self.folder / "gres.conf").write_text(f"NodeName=node2 Name=gpu File={gpu}\n")
        (self.folder / "key").write_bytes(os.urandom(128))
        (self.folder / "key").chmod(0o400)
        files = {"socket": "munge.socket", "key-file": "key", "pid-file": "munged.pid", "log-file": "munged.log"}
        files["seed-file"] = "seed"
        self._run("munged", "--force", *(f"--{option}={self.folder / name}" for option, name in files.items()))
        self._run("slurmctld", "-f", self.folder / "slurm.conf")
        for node in NODES:
            self.start_node(node)
        wait_for(lambda: self.tell("sinfo", "-hN", "-o%T").split() == ["idle", "idle"], f"nodes; see {self.folder}")

    def start_node(self, node):
        """Start a node's daemon; jobs that it had go on under it."""
        self._run("slurmd", "-N", node, "-f", self.folder / "slurm.conf")

    def kill_node(self, node):
        """Kill a node's daemon, as its machine's memory running out would; its jobs are processes of their own."""
        pid = int((self.folder / f"{node}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not _lives(pid), f"the end of {node}")

    def stop(self):
        """Cancel what runs and end the daemons."""
        self.tell("scancel", "--user=root")
        wait_for(lambda: not self.tell("squeue", "-h"), "the end of all jobs")
        for name in (*NODES, "slurmctld", "munged"):
            pid = int((self.folder / f"{name}.pid").read_text())
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda pid=pid: not _lives(pid), f"the end of {name}")

    def tell(self, *command):
        """What a client prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def jobs_of(self, folder):
        """All jobs submitted from a folder: number, node, how they ended, and what the profile says they are."""
        lines = self.tell("scontrol", "--oneliner", "show", "jobs").splitlines()
        jobs = [dict(part.partition("=")[::2] for part in line.split()) for line in lines]
        return [
            {"id": of["JobId"], "node": of["NodeList"], "state": of["JobState"], "about": of.get("Comment", "")}
            for of in jobs
            if of.get("WorkDir") == str(folder)
        ]

    def _run(self, program, *arguments):
        """Start a daemon, which goes into the background by itself."""
        subprocess.run(
            [shutil.which(program, path=_search()), *map(str, arguments)],
            env=self.environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def wait_for(condition, what, patience_s=PATIENCE_S):
    """Until a condition holds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.2)


def _search():
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _lives(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_ports(n):
    """Ports that nobody listens at."""
    probes = [socket.socket() for _ in range(n)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
