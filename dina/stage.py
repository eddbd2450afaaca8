"""What every workflow script needs around its one call: log, threads, checks and provenance."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dina.errors import DinaError
from dina.mishaps import plainly
from dina.provenance import peak_memory_mb, write_provenance
from dina.stores import checked, manifest_path
from dina.threads import limit_threads

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

    def outputs(self, name: str) -> list[Path]:
        """Output paths under one name, in order."""
        value = self._snakemake.output[name]
        return [Path(value)] if isinstance(value, str) else [Path(path) for path in value]

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

    Everything printed goes to the rule's log, which ends with ``done in`` or ``failed after``: without either, the
    process was killed. A dina error, memory that ran out and a full disk are told in one paragraph on the terminal as
    well; any other error with its traceback.
    """
    job = Job(snakemake)
    terminal = _redirect_to(job.log)
    started = time.monotonic()
    limit_threads(snakemake.threads)
    _keep_freed_memory()
    try:
        yield job
        for store in job.stores("output"):
            write_provenance(store, snakemake, job.stores("input"), time.monotonic() - started)
    except Exception as error:
        traceback.print_exc()
        _tell(terminal, f"\n{_in_words(error, snakemake)}\n(log: {job.log})\n")
        print(f"{snakemake.rule}: failed after {time.monotonic() - started:.1f} s", flush=True)
        sys.exit(1)
    print(
        f"{snakemake.rule}: done in {time.monotonic() - started:.1f} s, at most {peak_memory_mb():.0f} MB", flush=True
    )


def _in_words(error: Exception, snakemake: Any) -> str:
    """An error as a user should read it."""
    folder = Path(str(snakemake.output[0])).parent
    plain = plainly(error, folder=folder, mem_mb=snakemake.resources.get("mem_mb"))
    if plain or isinstance(error, DinaError):
        return f"{snakemake.rule}: {plain or error}"
    return "".join(traceback.format_exception(error))


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
