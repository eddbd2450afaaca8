"""Working checkpoints: a training in progress on disk, from which a killed one goes on bit for bit."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from dina.code import code_version
from dina.stores import manifest_path
from dina.training.progress import say
from dina.training.ranks import ALONE, Ranks
from dina.training.state import TrainingState
from dina.writing import replacing

RECORD = "checkpoint.json"
PACKAGES = ("torch", "numpy")  # other versions may round otherwise


def fingerprint(store: Path, module: str, device: torch.device, about: dict[str, Any]) -> str:
    """Digest of all that decides how a training goes; a checkpoint with another one does not belong to it.

    Parameters
    ----------
    store : what is trained on, by its manifest
    module : the code, by :func:`dina.code.code_version`
    device : rounding and random numbers differ between kinds of device, and with the number of threads
    about : plain values, such as settings and seed
    """
    content = {
        "inputs": json.loads(manifest_path(store).read_text()),
        "code": code_version(module),
        "packages": {name: version(name) for name in PACKAGES},
        "device": device.type,
        "threads": torch.get_num_threads(),
        "about": about,
    }
    return _digest(_as_json(content))


class WorkingCheckpoint:
    """A folder of its own, beside the store that training will write, as ``seed-0.partial/`` beside ``seed-0/``.

    ``checkpoint.json`` holds the history and names the file of tensors that belongs to it; both carry
    checksums. The tensors are written first, under a name made from their content, and the record is
    renamed into place last, so whenever the process dies the record names tensors that are whole.

    Parameters
    ----------
    folder : made when the first checkpoint is due
    fingerprint : of :func:`fingerprint`
    every_s : least time between two checkpoints
    """

    def __init__(self, folder: Path, fingerprint: str, every_s: float):
        self.folder, self.fingerprint, self.every_s = Path(folder), fingerprint, every_s
        self._last = time.monotonic()

    def resume(self, state: TrainingState, ranks: Ranks = ALONE) -> None:
        """Put ``state`` where the checkpoint left off, if there is one that is whole and belongs to this training.

        The first process reads, and tells the others.
        """
        from safetensors.torch import load

        tensors, history = (self._read() if ranks.is_first else None) or (None, None)
        tensors, history = ranks.from_first(tensors), ranks.from_first(history)
        if tensors is not None:
            state.restore(load(tensors), json.loads(history))
            if ranks.is_first:
                say(f"{self.folder}: going on after epoch {state.history[-1]['epoch']}")

    def save_if_due(self, state: TrainingState, ranks: Ranks = ALONE) -> None:
        """Save if the last checkpoint is old enough; the first process alone writes."""
        if ranks.is_first and time.monotonic() - self._last >= self.every_s:
            self.save(state)
            self._last = time.monotonic()

    def save(self, state: TrainingState) -> None:
        """Replace the checkpoint; a disk that is full costs the checkpoint, not the training."""
        from safetensors.torch import save

        # Names may share memory, which safetensors refuses.
        content = save({name: value.detach().cpu().clone() for name, value in state.tensors().items()})
        digest = _digest(content)
        tensors = f"{digest[:16]}.safetensors"
        body = {"fingerprint": self.fingerprint, "tensors": tensors, "sha256": digest, "history": state.history}
        record = {"sha256": _digest(_as_json(body)), "state": body}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, whole in ((tensors, content), (RECORD, _as_json(record))):
                with replacing(self.folder / name) as partial:
                    partial.write_bytes(whole)
            for path in self.folder.iterdir():
                if path.name not in (tensors, RECORD):
                    path.unlink()
        except OSError as error:
            say(f"{self.folder}: no checkpoint could be written ({error}); training goes on")

    def remove(self) -> None:
        """Take the folder away: the result is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> tuple[bytes, bytes] | None:
        """Tensors as safetensors and history as JSON."""
        if not (self.folder / RECORD).is_file():
            return None
        try:
            record = json.loads((self.folder / RECORD).read_bytes())
            body = record["state"]
            _check(_as_json(body), record["sha256"], RECORD)
            if body["fingerprint"] != self.fingerprint:
                say(f"{self.folder}: left by other inputs, settings or code; training starts afresh")
                return None
            content = (self.folder / body["tensors"]).read_bytes()
            _check(content, body["sha256"], body["tensors"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"{self.folder}: the checkpoint is damaged ({error}); training starts afresh")
            return None
        return content, _as_json(body["history"])


def _check(content: bytes, expected: str, name: str) -> None:
    if _digest(content) != expected:
        raise ValueError(f"{name} does not match its checksum")


def _as_json(content: Any) -> bytes:
    """In the order given: a history keeps the order of its columns."""
    return json.dumps(content, allow_nan=False).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
