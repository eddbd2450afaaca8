"""Overlapping crops: pairs of images that show the same part of one photograph, shifted, mirrored or not."""

from __future__ import annotations

from math import pi

import numpy as np
import torch
from torch.nn import functional

SIZE_PX = 64  # to which images are brought
FINE_PX, COARSE_PX = 1.0, 2.5  # s.d. of the Gaussians between which structure is kept
LEAST_CONTRAST = 0.03  # of the image's own, below which structure is not raised further
LARGEST = 0.7  # of structure, in local s.d., beyond which it is cut off, lest a single edge rule
N_PLACES = 24
REACH_PX, POOLED_PX, PEAK_PX = 10, 3, 5  # a patch is its centre and so many pixels to each side
ALIKE = 0.93  # correlation of two patches that makes a pair worth laying over each other
SPREAD = 0.2  # (mean square)² over the mean fourth power; below, as of a spot on grey, any two images fit
SHARED = 0.47  # of the images' area, below which nothing is said: a half, less what rounding takes
LEAST_ENERGY = 0.2  # of what the shared area would hold on average, lest blank parts fit anything
FIT = 0.83  # correlation over the shared area
RING_PX, N_AROUND = 4, 16
SHARP = 0.28  # misfit there over the least misfit a few pixels around; near 1 along straight lines, which tell no place
PATCHES_A_CELL, N_CELLS = 500, 2
ROWS_AT_ONCE, IMAGES_AT_ONCE, FITS_AT_ONCE = 1024, 512, 128


def overlapping_crops(images: np.ndarray, side: np.ndarray | None = None, device: str = "cpu") -> np.ndarray:
    """Pairs of images that share half of their area or more at one scale, one of them mirrored left to right or not.

    Images are brought to ``SIZE_PX``, less their local mean and contrast. A pair with two patches alike, of the
    ``N_PLACES`` around each image's strongest extrema, is laid over each other at all shifts (normalised
    cross-correlation by FFT). It overlaps if what is shared correlates by ``FIT`` or more at the best shift, and
    clearly worse ``RING_PX`` around it. Crops of different scale or turned against each other are not found.

    Of crops of 19 photographs, 64 to 130 px wide, those that share 50 % of their area are found in 9 of 10 pairs, 75 %
    in 97 of 100, 35 % in fewer than 1 of 100; of 26 million pairs from different photographs none is. Parts of one
    texture that only look alike are rarely taken for overlapping; grass.png of scikit-image does repeat itself.

    Patches are sought in cells of about ``PATCHES_A_CELL``, so that this grows little faster than the number of images;
    one pair in 1,300 is laid over each other, in 0.6 ms. Five seconds for 1,220 images, and by these figures half an
    hour for all pairs of 65,000 images, on one core; of different sides, where a fifth is held out, a third of that.
    Memory is 26 kB an image and 0.3 GB.

    Parameters
    ----------
    images : (images, height, width) float, 0 black to 1 white
    side : (images,) int, or None
        Only pairs of different sides are sought; None seeks all.
    device : as torch names it

    Returns
    -------
    (pairs, 2) int64, the first index the smaller, in order.

    References
    ----------
    Lewis 1995, Vision Interface 95:120 (normalised cross-correlation); Padfield 2012, IEEE Trans. Image Process.
    21:2706 (over the shared area alone); Lowe 2004, Int. J. Comput. Vis. 60:91 (places).
    """
    order = np.arange(len(images)) if side is None else np.argsort(side, kind="stable")
    structure = _structure(images[order], device)
    patches = torch.cat([_patches(part) for part in structure.split(IMAGES_AT_ONCE)])
    next_side = np.arange(len(images)) + 1 if side is None else np.searchsorted(side[order], side[order], side="right")
    found = [np.empty((0, 2), np.int64)]
    for mirrored in (False, True):
        others = patches.flip(-1) if mirrored else patches
        pairs = _alike(patches, others, torch.from_numpy(next_side).to(structure.device))
        for start in range(0, len(pairs), FITS_AT_ONCE):
            some = pairs[start : start + FITS_AT_ONCE]
            one, other = structure[some[:, 0]], structure[some[:, 1]]
            found.append(some[fits(one, other.flip(-1) if mirrored else other)].cpu().numpy())
    return np.unique(np.sort(order[np.concatenate(found)], axis=1), axis=0)


def fits(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(pairs,) bool: whether two pictures without local mean match at one shift, and at no shift close by.

    Parameters
    ----------
    one, other : (pairs, side, side)
    """
    fit = shifted_correlation(one, other)
    period = fit.shape[-1]
    peak, at = fit.flatten(1).max(1)
    angle = torch.arange(N_AROUND, device=fit.device) * (2 * pi / N_AROUND)
    y = (at[:, None] // period + torch.round(RING_PX * torch.sin(angle)).long()) % period
    x = (at[:, None] % period + torch.round(RING_PX * torch.cos(angle)).long()) % period
    around = fit[torch.arange(len(fit), device=fit.device)[:, None], y, x].amax(1)
    return (peak >= FIT) & (1 - peak <= SHARP * (1 - around))


def shifted_correlation(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(pairs, 2 · side, 2 · side) correlation over the shared area at every shift, -1 where that is below ``SHARED``.

    Entry (y, x) is for the second picture moved down by y and right by x, modulo 2 · side.
    """
    side = one.shape[-1]
    padded = (2 * side, 2 * side)

    def spectrum(x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft2(x, padded)

    def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(a * b.conj(), padded)

    whole = spectrum(torch.ones_like(one[:1]))
    shared = product(whole, whole).clamp(min=1)
    least_one, least_other = (LEAST_ENERGY * shared * (x**2).mean((1, 2), keepdim=True) for x in (one, other))
    energy = torch.maximum(product(spectrum(one**2), whole), least_one)
    energy = energy * torch.maximum(product(whole, spectrum(other**2)), least_other)
    fit = product(spectrum(one), spectrum(other)) / energy.clamp(min=1e-6).sqrt()
    return torch.where(shared >= SHARED * side**2, fit, -1.0)


def _structure(images: np.ndarray, device: str) -> torch.Tensor:
    """(images, SIZE_PX, SIZE_PX) without local mean and contrast."""
    parts = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        x = torch.from_numpy(np.ascontiguousarray(images[start : start + IMAGES_AT_ONCE], np.float32))[:, None]
        x = functional.interpolate(
            x.to(device), (SIZE_PX, SIZE_PX), mode="bilinear", antialias=True, align_corners=False
        )
        x = _blurred(x, FINE_PX)
        x = x - _blurred(x, COARSE_PX)
        contrast = _blurred(x**2, COARSE_PX).clamp(min=0).sqrt()
        floor = LEAST_CONTRAST * x.std((2, 3), keepdim=True)
        parts.append((x / (contrast + floor).clamp(min=1e-6))[:, 0].clamp(-LARGEST, LARGEST))
    return torch.cat(parts)


def _blurred(x: torch.Tensor, sd_px: float) -> torch.Tensor:
    reach = round(3 * sd_px)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0, device=x.device) ** 2) / (2 * sd_px**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    x = functional.pad(x, (reach,) * 4, mode="reflect")
    return functional.conv2d(functional.conv2d(x, kernel), kernel.transpose(2, 3))


def _patches(structure: torch.Tensor) -> torch.Tensor:
    """(images, places, side, side) patches around the strongest extrema, less their mean, of length 1."""
    strength = _blurred(structure[:, None], FINE_PX).abs()
    peak = strength * (functional.max_pool2d(strength, PEAK_PX, 1, PEAK_PX // 2) == strength)
    inside = slice(REACH_PX, SIZE_PX - REACH_PX)
    kept = torch.zeros_like(peak)
    kept[..., inside, inside] = peak[..., inside, inside]
    value, at = kept.flatten(1).topk(N_PLACES, 1)
    y, x = (place.clamp(REACH_PX, SIZE_PX - 1 - REACH_PX) for place in (at // SIZE_PX, at % SIZE_PX))
    offset = torch.arange(-REACH_PX, REACH_PX + 1, device=structure.device)
    image = torch.arange(len(structure), device=structure.device)[:, None, None, None]
    patch = structure[image, y[..., None, None] + offset[:, None], x[..., None, None] + offset]
    patch = functional.avg_pool2d(patch, POOLED_PX)
    patch = patch - patch.mean((2, 3), keepdim=True)
    patch = patch / patch.norm(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    spread = (structure**2).mean((1, 2)) ** 2 / (structure**4).mean((1, 2)).clamp(min=1e-12)
    told = (value > 0) & (spread >= SPREAD)[:, None]  # other places resemble none
    return patch * told[..., None, None]


def _alike(patches: torch.Tensor, others: torch.Tensor, next_side: torch.Tensor) -> torch.Tensor:
    """(pairs, 2) images of which any two patches correlate by ``ALIKE``, the second from ``next_side`` of the first.

    Patches are compared within cells, around patches drawn evenly from all, each in the ``N_CELLS`` that it resembles
    most, so that cost does not grow with the square of the number of patches until cells are many.
    """
    flat, flat_others = patches.flatten(0, 1).flatten(1), others.flatten(0, 1).flatten(1)
    n_cells = max(1, len(flat) // PATCHES_A_CELL)
    centres = flat[torch.arange(n_cells, device=flat.device) * (len(flat) // n_cells)]
    rows, columns = (_members(of, centres) for of in (flat, flat_others))
    found = [torch.empty((0, 2), dtype=torch.long, device=flat.device)]
    for in_rows, in_columns in zip(rows, columns, strict=True):
        for some in in_rows.split(ROWS_AT_ONCE):
            i, j = torch.nonzero(flat[some] @ flat_others[in_columns].T >= ALIKE, as_tuple=True)
            pairs = torch.stack([some[i], in_columns[j]], 1) // N_PLACES
            pairs = pairs[pairs[:, 1] >= next_side[pairs[:, 0]]]
            found.append(torch.unique(pairs, dim=0))
    return torch.unique(torch.cat(found), dim=0)


def _members(flat: torch.Tensor, centres: torch.Tensor) -> list[torch.Tensor]:
    """The patches in each centre's cell, by index."""
    n = min(N_CELLS, len(centres))
    cell = torch.cat([(part @ centres.T).topk(n, 1).indices for part in flat.split(IMAGES_AT_ONCE)]).flatten()
    order = torch.argsort(cell, stable=True)
    return list((order // n).split(torch.bincount(cell, minlength=len(centres)).tolist()))
