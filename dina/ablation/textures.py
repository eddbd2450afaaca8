"""Texture without shape: images made to have each image's texture statistics; the stage ``synthesise_textures``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dina import stores
from dina.ablation.filters import Filtered, match_contrast
from dina.ablation.structure import scramble_phases
from dina.device import resolve_device
from dina.recordings.trials import TEST, read_trials
from dina.settings import Detail, TextureSettings
from dina.threads import apply_threads

if TYPE_CHECKING:
    from plenoptic.models import PortillaSimoncelli

MOST_SCALES = 4  # Portilla and Simoncelli's own number
LEAST_BAND_PX = 8  # side of the coarsest band: below it there are fewer pixels than statistics
CORRELATED_PX = 7  # side of the window of spatial correlations, theirs; it must fit into the coarsest band
ORIENTATIONS = 4
EXTREMES = slice(4, 6)  # smallest and largest pixel among the statistics: they pull at single pixels
HIGH_PASS_WEIGHT = 100.0  # as in plenoptic's own loss: that variance is small beside correlations
LEARNING_RATE = 0.02  # of Adam, grey levels a step
AT_ONCE = 64  # images in a batch: 0.4 GB at 64 × 64 pixels
QUICK_IMAGES, QUICK_PX, QUICK_STEPS = 32, 32, 40
FULL_STEPS = 200


def synthesise_textures(
    responses: Path, output: Path, settings: TextureSettings, *, detail: Detail, device: str = "auto"
) -> None:
    """Synthesise a texture for test images, with ``full`` for all images, and write ``ablations/textures``.

    The store holds ``textures`` (images, height, width), ``image`` (images,) the rows of the recording's images that
    they belong to, ``error`` (images,) the share of the statistics' squares that is not matched, and as attributes
    ``size_px``, the side at which they were made, ``n_scales`` and ``n_steps``. Contrast is not matched yet.

    Parameters
    ----------
    settings : what is None follows ``detail``: quick takes 32 test images, evenly spread, at 32 pixels and 40 steps,
        full all images at their own size and 200 steps
    """
    apply_threads()
    trials = read_trials(responses)
    test, shape = trials.image_ids(TEST), trials.images.shape[1:]
    if settings.n_images is None and detail == "full":
        ids = np.arange(len(trials.images))
    else:
        n = min(settings.n_images or QUICK_IMAGES, len(test))
        ids = test[np.linspace(0, len(test) - 1, n).round().astype(int)]
    size = settings.size_px or (QUICK_PX if detail == "quick" else min(shape))
    n_steps = settings.n_steps or (QUICK_STEPS if detail == "quick" else FULL_STEPS)
    sides = workable_size(size, shape)
    made, error = textures_of(
        resized(trials.images[ids], sides), ids, n_steps=n_steps, seed=settings.seed, device=resolve_device(device)
    )
    with stores.new_store(output) as store:
        stores.write_array(store, "textures", resized(made, shape), unit="0 black to 1 white, not clipped")
        stores.write_array(store, "image", ids.astype(np.int32))
        stores.write_array(store, "error", error)
        stores.write_attributes(store, {"size_px": list(sides), "n_scales": n_scales_of(sides), "n_steps": n_steps})


def textures_of(
    images: np.ndarray, ids: np.ndarray, *, n_steps: int, seed: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Images of noise, moved by gradient descent until their texture statistics are those of ``images``.

    The statistics are Portilla & Simoncelli's, by plenoptic, without smallest and largest pixel; as many scales as
    the size allows. Each starts as noise of its image's spectrum, which most statistics of
    second order share already. Images of a batch do not influence
    each other: the loss is a sum over them, and Adam scales every pixel by itself. Time: a step of 16 images takes
    0.1 s at 64 × 64 pixels and 0.04 s at 32 × 32, on one core; memory grows with ``AT_ONCE`` × pixels × bands.

    Parameters
    ----------
    images : (images, height, width), sides multiples of 2 to the number of scales: :func:`workable_size`
    ids : (images,) numbers of the images, from which each draws its own noise
    n_steps : int
    seed : int

    Returns
    -------
    textures : (images, height, width) float32
    error : (images,) float32, squared distance of the statistics over the squares of the target's

    References
    ----------
    Portilla & Simoncelli 2000, Int. J. Comput. Vis. 40:49; Duong et al. 2023, J. Vision 23(5):1 (plenoptic).
    """
    model = _statistics(images.shape[1:], device)
    textures, errors = [], []
    for start in range(0, len(images), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        target = _measured(model, _batch(images[some], device)).detach()
        asked = target.isfinite()  # a band without variance has neither skewness nor kurtosis
        made = _batch(scramble_phases(images[some], ids[some], seed).images, device).requires_grad_()
        optimiser = torch.optim.Adam([made], lr=LEARNING_RATE, amsgrad=True)
        for _ in range(n_steps):
            optimiser.zero_grad()
            _distance(_measured(model, made), target, asked).sum().backward()
            made.grad.nan_to_num_(0, 0, 0)  # of such a band in the image that is made
            optimiser.step()
        with torch.no_grad():
            missed = _distance(_measured(model, made), target, asked)
            missed /= _distance(torch.zeros_like(target), target, asked).clamp(min=torch.finfo(target.dtype).tiny)
        textures.append(made.detach()[:, 0].cpu().numpy())
        errors.append(missed.cpu().numpy())
    return np.concatenate(textures), np.concatenate(errors)


def workable_size(size_px: int, shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width, near ``size_px`` on the shorter side, of which every scale halves evenly.

    The aspect ratio of ``shape`` is kept as far as that allows.
    """
    n_scales = n_scales_of((size_px, size_px))
    step, scale = 2**n_scales, size_px / min(shape)
    height, width = (max(1, round(side * scale / step)) * step for side in shape)
    return height, width


def n_scales_of(shape: tuple[int, int]) -> int:
    """Scales of the pyramid: as many as leave ``LEAST_BAND_PX`` in the coarsest band, at most 4 and at least 1."""
    return int(np.clip(np.log2(min(shape) / LEAST_BAND_PX), 1, MOST_SCALES))


def resized(images: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(images, height, width) in another size, smooth and without aliasing; as they are where the size is theirs."""
    from skimage.transform import resize

    if images.shape[1:] == tuple(shape):
        return images
    smaller = shape[0] < images.shape[1]
    return np.stack([resize(image, shape, order=3, mode="reflect", anti_aliasing=smaller) for image in images]).astype(
        np.float32
    )


def read_textures(store: Path, images: np.ndarray) -> tuple[Filtered, np.ndarray]:
    """Textures with the contrast of their images, and (textures,) the rows of ``images`` that they belong to."""
    rows = stores.read_array(store, "image")
    return match_contrast(stores.read_array(store, "textures"), images[rows]), rows


def _statistics(shape: tuple[int, int], device: torch.device) -> PortillaSimoncelli:
    from plenoptic.models import PortillaSimoncelli

    n_scales = n_scales_of(shape)
    coarsest = min(shape) // 2**n_scales
    width = min(CORRELATED_PX, coarsest - 1 + coarsest % 2)  # odd
    return PortillaSimoncelli(shape, n_scales, ORIENTATIONS, width).to(device)


def _measured(model: PortillaSimoncelli, images: torch.Tensor) -> torch.Tensor:
    """(images, statistics) without extreme pixels, the last one, the finest detail's variance, scaled up."""
    statistics = model(images)[:, 0]
    return torch.cat(
        [statistics[:, : EXTREMES.start], statistics[:, EXTREMES.stop : -1], HIGH_PASS_WEIGHT * statistics[:, -1:]], 1
    )


def _distance(statistics: torch.Tensor, target: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """(images,) squared distance, over those statistics that both have."""
    return torch.where(asked & statistics.isfinite(), statistics - target, 0).square().sum(1)


def _batch(images: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images[:, None], np.float32)).to(device)
