"""Attribution to pixels by name: integrated gradients, occlusion, smoothed gradients; beside them an edge detector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dina.models.gradients import BATCH_INPUTS, Readout, integrated_gradients, smoothed_gradients

METHODS = ("integrated_gradients", "occlusion", "smoothed_gradients")
EDGES, RANDOM = "edges", "random"  # what a method must beat
NOISE_SHARE = 0.15  # of an image's range of grey levels: within the 10 to 20 % of Smilkov et al. 2017
PATCH_SHARE = 1 / 8  # of the image's side that is occluded at a time

Method = Callable[..., torch.Tensor]


def pixel_maps(
    method: str, readout: Readout, images: torch.Tensor, n_steps: int, *, own: bool = False, seed: int = 0
) -> torch.Tensor:
    """How much every pixel, as it differs from the image's mean grey, adds to each unit.

    Parameters
    ----------
    method : one of ``METHODS``, or ``EDGES``, which knows of no model
    images : (n, height, width)
    n_steps : of integrated gradients, and noisy copies of smoothed ones
    own : explain for each image only the unit of the same index
    seed : of the noise

    Returns
    -------
    (units, n, height, width), or (n, height, width) if ``own``; in the unit's own scale

    References
    ----------
    Sundararajan et al. 2017, ICML; Zeiler & Fergus 2014, ECCV (occlusion); Smilkov et al. 2017, arXiv 1706.03825, times
    the pixels' distance from grey.
    """
    grey = images.mean((1, 2), keepdim=True).expand_as(images)
    match method:
        case "integrated_gradients":
            return integrated_gradients(readout, images, grey, n_steps, own=own)
        case "occlusion":
            return occlusion(readout, images, grey, own=own)
        case "smoothed_gradients":
            spread = float((images.amax((1, 2)) - images.amin((1, 2))).mean())
            noise = torch.Generator().manual_seed(seed)
            return (images - grey) * smoothed_gradients(readout, images, NOISE_SHARE * spread, n_steps, noise, own=own)
        case "edges":
            edges = edge_magnitude(images)
            return edges if own else edges.expand(len(readout.weights), *edges.shape)


def occlusion(readout: Readout, images: torch.Tensor, blank: torch.Tensor, *, own: bool) -> torch.Tensor:
    """By how much a unit falls when a square patch is blanked, spread evenly over the patch.

    One forward pass for each image and patch, shared by all units; the patches tile the image.

    Returns
    -------
    As :func:`pixel_maps`.
    """
    height, width = images.shape[1:]
    side_y, side_x = (max(1, round(PATCH_SHARE * size)) for size in (height, width))
    corners = [(y, x) for y in range(0, height, side_y) for x in range(0, width, side_x)]
    whole = scores(readout, images)
    maps = images.new_zeros((len(readout.weights), *images.shape))
    for y, x in corners:
        patch = (..., slice(y, y + side_y), slice(x, x + side_x))
        shown = images.clone()
        shown[patch] = blank[patch]
        fall = (whole - scores(readout, shown)).T
        maps[patch] = fall[..., None, None] / images[patch][0].numel()
    return maps.diagonal().permute(2, 0, 1) if own else maps


def scores(readout: Readout, inputs: torch.Tensor) -> torch.Tensor:
    """(n, units) without gradient, ``BATCH_INPUTS`` inputs at a time."""
    with torch.no_grad():
        return torch.cat([readout(some) for some in inputs.split(BATCH_INPUTS)])


def own_scores(readout: Readout, inputs: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
    """(n,) for each input the unit that ``owners`` names, without gradient."""
    with torch.no_grad():
        parts = zip(inputs.split(BATCH_INPUTS), owners.split(BATCH_INPUTS), strict=True)
        return torch.cat([(readout.tower(some).flatten(1) * readout.weights[of]).sum(1) for some, of in parts])


def edge_magnitude(images: torch.Tensor) -> torch.Tensor:
    """(n, height, width) magnitude of the Sobel gradient: where edges are, whatever any model makes of them."""
    from scipy.ndimage import sobel

    shown = images.cpu().numpy()
    return torch.from_numpy(np.hypot(sobel(shown, 1), sobel(shown, 2)).astype(np.float32)).to(images)
