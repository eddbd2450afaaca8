"""Mishaps that are nobody's mistake, told plainly: memory that ran out, a full disk, a job killed from outside."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from dina.errors import problem

ENDED = re.compile(r"^\w+: (done in|failed after) [\d.]+ s", re.MULTILINE)  # how a stage's log ends
LOGS = ("logs/*.log", "*/logs/*.log", "*/*/logs/*.log")  # of all recordings, of one, of a part of it
TAIL_BYTES = 1 << 16
FULL = {errno.ENOSPC: "a full disk", errno.EDQUOT: "a full quota", errno.EFBIG: "a limit on the size of files"}
OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory", "alloc_cpu")  # in what torch raises
MORE_ROOM = (
    "Free some, raise the limit, or name another folder as `results`; then run again: no half-written result is left."
)
MORE_MEMORY = (
    "Run fewer jobs at once (snakemake --cores 1, or --resources mem_mb=…), close other programs, raise the limit, or, "
    "on a cluster, ask for more (--set-resources RULE:mem_mb=…); then run again: no half-written result is left."
)


def plainly(error: BaseException, *, folder: Path, mem_mb: int | None) -> str | None:
    """What a user should know of an error that memory or disk caused, or None for any other.

    Parameters
    ----------
    error : with what it was raised from, such as a library's own behind a StoreError
    folder : where the job writes
    mem_mb : the memory that the job asks for, or None where its rule does not say
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in FULL:
            free = f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB free in {folder}" if folder.is_dir() else folder
            return problem(cause.filename or folder, f"{FULL[cause.errno]} ({free})", "room for the result", MORE_ROOM)
        if is_out_of_memory(cause):
            asked = f"the {mem_mb:,} MB that its rule asks for" if mem_mb else "as much as the stage needs"
            return problem("memory", f"too little ({_first_line(cause)})", f"at least {asked}", MORE_MEMORY)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: here, in torch, on a GPU, or in a worker process that the system then killed."""
    if isinstance(error, MemoryError | BrokenProcessPool):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(mark in str(error).lower() for mark in OUT_OF_MEMORY)


def killed_logs(results: Path, since: float) -> list[Path]:
    """Logs written since a time, in seconds from the epoch, that end without a word, as those of killed jobs do."""
    logs = (path for depth in LOGS for path in results.glob(depth))
    return sorted(path for path in logs if path.stat().st_mtime >= since and not _has_ended(path))


def told_killed(logs: list[Path]) -> str:
    """What probably happened to killed jobs, and what to do."""
    named = "\n".join(f"{log}: found the log of a job that was killed before it could say why." for log in logs)
    return (
        f"{named}\nUnless you or a cluster's limit did it, the system did, most often for want of memory or of room on "
        f"the disk. {MORE_MEMORY}"
    )


def _has_ended(log: Path) -> bool:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return ENDED.search(stream.read().decode(errors="replace")) is not None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
