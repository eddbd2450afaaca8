"""What every workflow script needs around its one call: log, threads, checks and provenance."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dina.errors import DinaError
from dina.stores import checked, manifest_path, own_sibling
from dina.threads import limit_threads

RECORDED_PACKAGES = ("dina-v1", "numpy", "scipy", "torch", "suite2p", "zarr", "scikit-learn", "snakemake")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGEST_REUSED_BYTES = 1 << 30


class Job:
    """A Snakemake job as a stage sees it: checked inputs, outputs, params."""

    def __init__(self, snakemake: Any):
        self._snakemake = snakemake
        self.params = snakemake.params
        self.wildcards = snakemake.wildcards
        self.log = snakemake.log[0]

    @property
    def device(self) -> str:
        """Where torch computes, for :func:`dina.device.resolve_device`.

        A job that was given a GPU takes it or stops, unless the settings name another device. One that was given none
        takes what it finds where the settings name CUDA: they mean the rules that ask for a GPU.
        """
        asked, holds_gpu = self.params.device, bool(self._snakemake.resources.get("gpu", 0))
        if asked not in ("auto", "cuda"):
            return asked
        return "cuda" if holds_gpu else "auto"

    def input(self, name: str) -> Path:
        """An input; a store is checked against its manifest first."""
        return self._checked(Path(str(self._snakemake.input[name])))

    def inputs(self, name: str) -> list[Path]:
        """Inputs under one name, in order, stores checked."""
        value = self._snakemake.input.get(name, [])
        return [self._checked(Path(p)) for p in ([value] if isinstance(value, str) else value)]

    def output(self, name: str) -> Path:
        """An output path."""
        return Path(str(self._snakemake.output[name]))

    def folder(self, name: str) -> Path:
        """The folder that holds all files of one output."""
        return Path(str(self._snakemake.output[name][0])).parent

    @staticmethod
    def _checked(path: Path) -> Path:
        return checked(path) if manifest_path(path).is_file() else path

    def stores(self, kind: str) -> list[Path]:
        """The store folders among the inputs or outputs."""
        paths = (Path(p) for p in getattr(self._snakemake, kind))
        return [p for p in paths if p.is_dir() and manifest_path(p).is_file()]


@contextlib.contextmanager
def stage(snakemake: Any) -> Iterator[Job]:
    """Run a stage's body with its log, its thread count, and provenance beside its results.

    Everything printed goes to the rule's log. A dina error is told in one paragraph on the
    terminal as well; any other with its traceback.
    """
    job = Job(snakemake)
    terminal = _redirect_to(job.log)
    started = time.monotonic()
    limit_threads(snakemake.threads)
    _keep_freed_memory()
    try:
        yield job
        for store in job.stores("output"):
            _write_provenance(store, snakemake, job, time.monotonic() - started)
    except DinaError as error:
        _tell(terminal, f"\n{snakemake.rule}: {error}\n(log: {job.log})\n")
        sys.exit(1)
    except Exception:
        _tell(terminal, f"\n{traceback.format_exc()}(log: {job.log})\n")
        sys.exit(1)


def _redirect_to(log: str) -> int:
    """Send this process's stdout and stderr, C libraries' too, to the log; returns the old stderr."""
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.dup(2)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.close(stream)
    return terminal


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks instead of returning each to the system.

    suite2p and torch allocate megabytes per batch; handing them back and forth costs a fifth of registration in
    page faults. Other C libraries have no such switch and are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_REUSED_BYTES)
        mallopt(M_TRIM_THRESHOLD, LARGEST_REUSED_BYTES)


def _tell(terminal: int, text: str) -> None:
    print(text, file=sys.stderr, flush=True)
    os.write(terminal, text.encode())


def _write_provenance(store: Path, snakemake: Any, job: Job, seconds: float) -> None:
    """Say how a store came about: settings, inputs, code, packages, time and memory."""
    record = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "params": json.loads(json.dumps(dict(snakemake.params.items()), default=str)),
        "inputs": {str(s): json.loads(manifest_path(s).read_text()) for s in job.stores("input")},
        "packages": {name: _version(name) for name in RECORDED_PACKAGES},
        "python": sys.version.split()[0],
        "threads": snakemake.threads,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    partial = own_sibling(store, "provenance")
    partial.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    with contextlib.suppress(FileNotFoundError):  # another writer's store takes its place, with its own
        partial.replace(store / "provenance.json")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # what is not installed has no version to record
        return None
