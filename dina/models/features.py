"""The Gabor bank's maps of many images, standardised, and their principal components."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from dina.models.gabor import GaborBank
from dina.settings import GaborSettings

SCORED_AT_ONCE = 2048  # 84 MB of maps at 10,240 values
MOST_DECOMPOSED = 6000  # images; more move hundreds of components little, and cost their square and cube
BATCH_IMAGES = 64  # 10 MB of spectra at 64 × 64 pixels and 8 orientations
SD_FLOOR = 0.3  # of a map's usual s.d. over places; photographs that fill the screen stay above 0.5
VARIANCE_FLOOR = 1e-6  # components below this share of the largest eigenvalue are rounding


@dataclass
class FeatureSpace:
    """Principal components of the standardised maps of the training images.

    Attributes
    ----------
    bank : GaborBank
    mean, sd : (channels, grid, grid), over the training images; sd is at least 0.3 of its map's median over places,
        and 1 where a map never varies
    loadings : (components, channels · grid²) orthonormal rows, in order of falling variance
    deviation : (components,) standard deviation over the training images
    """

    bank: GaborBank
    mean: torch.Tensor
    sd: torch.Tensor
    loadings: torch.Tensor
    deviation: torch.Tensor

    def maps(self, images: np.ndarray) -> torch.Tensor:
        """Standardised maps (n, channels · grid²) of (n, height, width) images or (n, frames, height, width) clips."""
        return ((bank_maps(self.bank, images) - self.mean) / self.sd).flatten(1)

    def components(self, images: np.ndarray) -> np.ndarray:
        """Scores (n, components) of images, whose maps exist for ``SCORED_AT_ONCE`` of them at a time."""
        parts = (images[start : start + SCORED_AT_ONCE] for start in range(0, len(images), SCORED_AT_ONCE))
        return torch.cat([self.maps(part) @ self.loadings.T for part in parts]).cpu().numpy()

    def whitened(self, images: np.ndarray) -> np.ndarray:
        """Scores (n, components) with unit variance over the training images."""
        return self.components(images) / self.deviation.cpu().numpy()

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a checkpoint must hold besides the bank's settings."""
        return {name: getattr(self, name) for name in ("mean", "sd", "loadings", "deviation")}


def bank_maps(bank: GaborBank, images: np.ndarray) -> torch.Tensor:
    """Maps (n, channels, grid, grid) of (n, height, width) images, without gradients."""
    device = bank.pool_rows_0.device
    with torch.no_grad():
        batches = torch.from_numpy(np.ascontiguousarray(images, np.float32)).split(BATCH_IMAGES)
        return torch.cat([bank(batch.to(device)) for batch in batches])


def fit_feature_space(
    settings: GaborSettings, images: np.ndarray, n_components: int, device: torch.device
) -> tuple[FeatureSpace, np.ndarray]:
    """Standardise and find principal components, from training images alone.

    The components come from the Gram matrix of at most ``MOST_DECOMPOSED`` images, evenly spread over all: up to there
    cost grows with images² × features + images³ and memory with images × features, beyond with images × features ×
    components and images × components.

    Parameters
    ----------
    images : (n, height, width) training images
    n_components : at most; never more than n - 1 or than the maps' rank

    Returns
    -------
    space : FeatureSpace
    scores : (n, components) float32, of the training images
    """
    bank = GaborBank(settings, images.shape[1:]).to(device)
    step = max(1, math.ceil(len(images) / MOST_DECOMPOSED))
    maps = bank_maps(bank, images[::step])
    mean, sd = maps.mean(0), maps.std(0, correction=0)
    # Where nothing is shown, as in the grey bars around images that are not square, next to nothing varies; by its own
    # s.d. it would count as much as what is shown.
    usual = sd.flatten(1).median(1).values[:, None, None]
    sd = torch.maximum(sd, SD_FLOOR * usual)
    sd = torch.where(sd > VARIANCE_FLOOR * sd.max(), sd, torch.ones_like(sd))
    flat = ((maps - mean) / sd).flatten(1)
    variance, vectors = np.linalg.eigh((flat @ flat.T).cpu().numpy().astype(np.float64))
    variance, vectors = variance[::-1], vectors[:, ::-1]
    n_components = min(n_components, len(flat) - 1, int(np.sum(variance > VARIANCE_FLOOR * variance[0])))
    root = np.sqrt(variance[:n_components])
    vectors = vectors[:, :n_components] * np.sign(vectors[0, :n_components] + np.finfo(float).tiny)
    as_tensor = {"dtype": flat.dtype, "device": device}
    space = FeatureSpace(
        bank,
        mean,
        sd,
        loadings=torch.tensor((vectors / root).T, **as_tensor) @ flat,
        deviation=torch.tensor(root / np.sqrt(len(flat)), **as_tensor),
    )
    return space, (vectors * root).astype(np.float32) if step == 1 else space.components(images)


def restore_feature_space(
    settings: GaborSettings, image_shape: tuple[int, ...], tensors: dict[str, torch.Tensor]
) -> FeatureSpace:
    """A feature space from what :meth:`FeatureSpace.tensors` gave, on the device of these tensors."""
    bank = GaborBank(settings, image_shape).to(tensors["mean"].device)
    return FeatureSpace(bank, *(tensors[name] for name in ("mean", "sd", "loadings", "deviation")))
