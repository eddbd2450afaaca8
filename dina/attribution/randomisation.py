"""Does a map depend on what was learned? Towers whose layers are drawn anew, from the output downwards."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from dina.models.image_tower import GaborImageTower

SSIM_SMALLEST = 3  # pixels of the window of structural similarity
SSIM_USUAL = 7


def weight_layers(tower: nn.Module) -> list[tuple[str, list[torch.Tensor]]]:
    """What training or the closed form set in an image tower, from the output to the input, by name."""
    if not isinstance(tower, GaborImageTower):
        kernels = [(name, values) for name, values in tower.named_parameters() if values.dim() > 1]
        return [(name.removesuffix(".weight"), [values]) for name, values in reversed(kernels)]
    layers = [("components", [tower.log_gain, tower.strength, tower.loadings])]
    if tower.learned is not None and tower.learned.share > 0:
        kernels = [layer.weight for layer in tower.learned.core.layers if isinstance(layer, nn.Conv2d)]
        layers.append(("core readout", [tower.learned.weight]))
        layers += [(f"core {at + 1}", [kernels[at]]) for at in reversed(range(len(kernels)))]
    return [*layers, ("mixing", [tower.mixing])]


def cascade(tower: nn.Module, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """The tower with its uppermost layer drawn anew, then its two uppermost, and so on to the input.

    Values are drawn from a normal distribution with the layer's own mean and s.d., so that scales stay. The copy that
    is yielded is the same each time.

    References
    ----------
    Adebayo et al. 2018, NeurIPS.
    """
    drawn = copy.deepcopy(tower)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, layer in weight_layers(drawn):
            for values in layer:
                noise = torch.randn(values.shape, generator=generator).to(values)
                values.copy_(values.mean() + values.std(correction=0) * noise)
            yield name, drawn


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) Spearman correlations of the magnitudes of (n, height, width) maps; 0 where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.abs(maps).reshape(len(maps), -1), axis=1) for maps in (first, second)]
    one, two = (values - values.mean(1, keepdims=True) for values in ranks)
    scale = np.sqrt((one**2).sum(1) * (two**2).sum(1))
    return np.divide((one * two).sum(1), scale, out=np.zeros(len(one)), where=scale > 0)


def similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) structural similarities of the magnitudes of (n, height, width) maps, each scaled to its maximum.

    References
    ----------
    Wang et al. 2004, IEEE Trans. Image Process. 13:600, as in scikit-image.
    """
    from skimage.metrics import structural_similarity

    window = SSIM_USUAL if min(first.shape[1:]) >= SSIM_USUAL else SSIM_SMALLEST
    pairs = zip(_unit(first), _unit(second), strict=True)
    return np.array([structural_similarity(a, b, win_size=window, data_range=1.0) for a, b in pairs])


def fallen(
    maps: Callable[[nn.Module], np.ndarray], tower: nn.Module, seed: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Layer by layer of :func:`cascade`: its name, rank correlation and similarity with the tower's own maps.

    Parameters
    ----------
    maps : of a tower, (n, height, width)
    """
    own = maps(tower)
    for name, drawn in cascade(tower, seed):
        found = maps(drawn)
        yield name, rank_correlation(own, found), similarity(own, found)


def _unit(maps: np.ndarray) -> np.ndarray:
    size = np.abs(maps)
    peak = size.max((1, 2), keepdims=True)
    return np.divide(size, peak, out=np.zeros_like(size), where=peak > 0)
