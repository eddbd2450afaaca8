"""Run by test_kills.py in a finished road: every rule's job is killed at a random moment, then run to its end.

Jobs are the scripts that Snakemake wrote, run in forks of one process that has loaded the libraries; so a kill costs
what the stage itself computes. Prints one JSON line a rule.
"""

import ast
import contextlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import time
import traceback
from pathlib import Path

from dina.stores import checked, manifest_path

# suite2p is left to the jobs: it launches numba's threads, which forks cannot have
LIBRARIES = ("captum.attr", "matplotlib.figure", "pandas", "plenoptic", "scipy.ndimage", "sklearn")
PREAMBLE_END = "######## snakemake preamble end #########\n"
TRIES, HASTE = 5, 0.8  # each a little sooner, until the job is caught alive
LATEST_S = 2.0  # a kill costs what the job has computed; later ones are among the fifty of the slow test
SEED = 0


def main() -> None:
    random.seed(SEED)
    jobs = one_job_a_rule(sorted(Path(".snakemake/scripts").glob("*.py")))
    for name in (*LIBRARIES, *imported(jobs.values())):
        importlib.import_module(name)
    for rule, script in jobs.items():
        print(json.dumps({"rule": rule} | kill_and_finish(script, job_of(script))), flush=True)


def one_job_a_rule(scripts):
    """Of each rule the first job, by its outputs' names."""
    jobs = {}
    for script in sorted(scripts, key=lambda script: str(job_of(script).output[0])):
        jobs.setdefault(job_of(script).rule, script)
    return jobs


def job_of(script):
    """The job as its script sees it; the preamble was written by the road's own Snakemake."""
    names = {"__file__": str(script)}
    exec(script.read_text().partition(PREAMBLE_END)[0], names)
    return names["snakemake"]


def imported(scripts):
    """The modules of dina that scripts import."""
    for script in scripts:
        for node in ast.walk(ast.parse(script.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("dina"):
                yield node.module


def kill_and_finish(script, job):
    """Kill a job at a random share of the time that it usually takes; one that was faster is tried again."""
    log = Path(job.log[0])
    before, share, was_killed = content(job), random.random(), False
    for _ in range(TRIES):
        killed_after_s = share * min(seconds_of(log), LATEST_S)
        clear(job)
        pid = start(script, log)
        time.sleep(killed_after_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        was_killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        if was_killed:
            break
        share *= HASTE
    told = {"killed": was_killed, "killed_after_s": killed_after_s}
    told["taken_for_results"] = [str(path) for path, found in content(job).items() if found not in (None, before[path])]
    clear(job)
    told["finished"] = os.waitpid(start(script, log), 0)[1] == 0
    told["differs"] = [str(path) for path, found in content(job).items() if found != before[path]]
    return told | {"seconds": seconds_of(log)}


def seconds_of(log):
    """How long a job took, by its log."""
    return float(re.findall(r"done in ([\d.]+) s", log.read_text())[-1])


def start(script, log):
    """Run a script in a fork, in a process group of its own; returns once its log has begun."""
    log.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            exec(compile(script.read_text(), str(script), "exec"), {"__name__": "__main__", "__file__": str(script)})
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    while not log.is_file() and not has_ended(pid):
        time.sleep(0.005)
    return pid


def has_ended(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def clear(job):
    """Take a job's outputs away, as Snakemake does before it runs the job."""
    for path in map(Path, job.output):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def content(job):
    """Output → what can be taken for a result: a store's manifest if every byte agrees, a file's bytes, or nothing."""
    found = {}
    for path in map(Path, job.output):
        if manifest_path(path).is_file():
            found[path] = checked(path, verify=True) and manifest_path(path).read_text()
        elif path.is_dir():
            found[path] = None  # without a manifest it is refused by every reader
        else:
            found[path] = settled(path) if path.is_file() else None
    return found


def settled(path):
    """A file's content; of the report's files, which tell how long jobs took, whether they are whole."""
    content = path.read_bytes()
    if path.name == "report.html":
        return content.rstrip().endswith(b"</html>")
    return content.endswith(b"\n") if path.name == "benchmarks.csv" else content


if __name__ == "__main__":
    main()
