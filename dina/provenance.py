"""How a store came about: settings, inputs, seed, versions, time, memory and the kind of machine; nobody's name."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dina.damage import writer_of
from dina.manifest import PROVENANCE, file_digest, sealed
from dina.stores import manifest_path, own_sibling

PACKAGES = (
    "dina-v1",
    "captum",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "plenoptic",
    "pyarrow",
    "safetensors",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "snakemake",
    "suite2p",
    "tifffile",
    "torch",
    "zarr",
)
DIGESTED_BYTES = 64 << 20  # a table, images, a short movie; digesting a movie of 100 GB would take minutes
MB = 1 << 20
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit in which the system counts peak memory
SEEDS = ("seed", "seeds", "split_seed")


def write_provenance(store: Path, snakemake: Any, stores: list[Path], seconds: float) -> None:
    """Write a store's ``provenance.json``.

    Parameters
    ----------
    store : what the job wrote
    snakemake : the job as its script sees it: rule, wildcards, params, input, threads
    stores : those among its inputs; their manifests are kept whole, of other files size and, up to 64 MB, digest
    seconds : how long the job took
    """
    params = json.loads(json.dumps(dict(snakemake.params.items()), default=str))
    wildcards = dict(snakemake.wildcards.items())
    record = {
        "rule": snakemake.rule,
        "wildcards": wildcards,
        "params": params,
        "seeds": dict(_seeds(wildcards)) | dict(_seeds(params)),
        "inputs": {str(of): _store(of) for of in stores},
        "files": {str(path): _file(path) for path in _files(snakemake.input, stores)},
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": machine(),
        "threads": snakemake.threads,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
    }
    partial = own_sibling(store, "provenance")
    partial.write_text(sealed(nameless(record)), encoding="utf-8")
    with contextlib.suppress(FileNotFoundError):  # another writer's store takes its place, with its own
        partial.replace(store / PROVENANCE)


def machine() -> dict[str, Any]:
    """The kind of machine: system, processor, cores, memory in MB, and GPU where torch has used one; not its name."""
    about = {
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "architecture": platform.machine(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MB,
    }
    torch = sys.modules.get("torch")  # a stage without torch does not load it for this
    if torch is not None and torch.cuda.is_initialized():
        about["gpu"] = torch.cuda.get_device_name()
    return about


def peak_memory_mb() -> float:
    """The most memory that this process, or the largest of its children, has held so far."""
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage) * MAXRSS_BYTES / MB


def nameless(value: Any) -> Any:
    """A record with paths relative to the working folder, or to ``~``, since those above may name a person."""
    if isinstance(value, Mapping):
        return {nameless(key): nameless(of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [nameless(of) for of in value]
    if not isinstance(value, str):
        return value
    for folder, short in ((Path.cwd(), "."), (Path("~").expanduser(), "~")):
        if folder == Path(folder.anchor):
            continue
        if value == str(folder):
            return short
        value = value.replace(f"{folder}/", "" if short == "." else "~/")
    return value


def _seeds(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every seed among settings."""
    for key, value in values.items():
        if key in SEEDS:
            yield before + key, value
        elif isinstance(value, Mapping):
            yield from _seeds(value, f"{before}{key}.")


def _store(store: Path) -> dict[str, Any]:
    return {"written_by": writer_of(store)} | json.loads(manifest_path(store).read_text(encoding="utf-8"))


def _files(inputs: Any, stores: list[Path]) -> list[Path]:
    """Inputs that are neither stores nor manifests."""
    known = set(stores) | {manifest_path(store) for store in stores}
    return [path for path in map(Path, inputs) if path not in known and path.is_file()]


def _file(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    return {"bytes": size} | ({"sha256": file_digest(path)} if size <= DIGESTED_BYTES else {})


def _cpu() -> str:
    """The processor's model, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # other systems have no such file, and ARM's names no model
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # what is not installed has no version to record
        return None
