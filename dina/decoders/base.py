"""What every decoder offers, and how a fitted one is kept and found again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from dina.errors import StoreError, problem
from dina.models.ranking import mean_reciprocal_rank
from dina.recordings.trials import VALIDATION, TrialResponses
from dina.training.checkpoints import load_description, load_tensors, save_checkpoint


class Decoder(ABC):
    """A fitted decoder.

    Responses ``z`` (n, neurons) are standardised and weighted: :meth:`TrialResponses.standardised`.
    """

    name: ClassVar[str]

    def scores(self, z: np.ndarray, images: np.ndarray) -> np.ndarray:
        """(n, m) scores of (m, height, width) candidate images for (n, neurons) responses; higher is better."""
        return self.compare(z, self.represent(images))

    @abstractmethod
    def represent(self, images: np.ndarray) -> np.ndarray:
        """(m, d) what the decoder compares of (m, height, width) images."""

    @abstractmethod
    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """(n, m) scores of (m, d) represented images for (n, neurons) responses."""

    def reconstruct(self, z: np.ndarray) -> np.ndarray | None:
        """(n, size, size) pictures, 0 black to 1 white; None where the decoder yields no pixels."""
        return None

    def features(self, z: np.ndarray) -> np.ndarray | None:
        """(n, d) features for linear probes; None where the decoder yields none."""
        return None

    def predict(self, images: np.ndarray) -> np.ndarray | None:
        """(m, neurons) responses that images should evoke, as ``z``; None where the decoder predicts none."""
        return None

    @abstractmethod
    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything fitted."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Plain JSON that rebuilds the decoder around its tensors."""

    @classmethod
    @abstractmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """The decoder that gave this description and these tensors, on the tensors' device."""

    def save(self, store: Path) -> None:
        """Write into an open store."""
        save_checkpoint(store, self.tensors(), {"decoder": self.name} | self.description())

    @classmethod
    def load(cls, store: Path, device: torch.device | str = "cpu") -> Self:
        """Read from a store."""
        return cls.restore(load_description(store), load_tensors(store, device))


def load_decoder(store: Path, device: torch.device | str = "cpu") -> Decoder:
    """The decoder in a store, of the kind that its description names.

    Raises
    ------
    StoreError
        If the store holds no decoder, or one of an unknown name.
    """
    from dina.decoders.known import DECODERS

    name = load_description(store).get("decoder")
    if name not in DECODERS:
        raise StoreError(
            problem(store, f"decoder {name!r}", f"one of {sorted(DECODERS)}", "Rerun the stage that writes this store.")
        )
    return DECODERS[name].load(store, device)


def best_on_validation(trials: TrialResponses, candidates: Iterable[Decoder]) -> Decoder:
    """The candidate that best identifies validation images from single trials, by mean reciprocal rank; first wins.

    All candidates must represent images alike, which is done once. Only the best so far is kept in memory, so
    candidates may come from a generator.
    """
    chosen, ids = trials.trials(VALIDATION), trials.image_ids(VALIDATION)
    z, true = trials.standardised(chosen), np.searchsorted(ids, trials.image_index[chosen])
    represented = None
    best, best_quality = None, -np.inf
    for candidate in candidates:
        if represented is None:
            represented = candidate.represent(trials.images[ids])
        quality = mean_reciprocal_rank(candidate.compare(z, represented), true)
        if quality > best_quality:
            best, best_quality = candidate, quality
    return best
