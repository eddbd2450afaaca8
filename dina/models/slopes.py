"""Gradients averaged over many points, for many units at once, through what is linear in a tower only once.

A gradient averaged over a path's steps, or over noisy copies, differs from one gradient only where the tower bends.
Rectification, modulus and GELU act on every value by itself, so their slopes are averaged over points first, whatever
the unit; the road from there to the inputs (filters and their transforms, the read-in) is linear and walked once for
each pair of unit and input. A plain loop walks all of it for each unit, input and point.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from dina.models.gabor import CHANNELS_PER_FILTER, MIN_ENERGY, GaborBank
from dina.models.image_tower import CoreComponents, GaborImageTower
from dina.models.neural_tower import NeuralTower

WORKING_BYTES = 64 * 2**20  # of intermediate values at a time: larger ones leave a core's cache without being faster
BYTES = 4  # of a single-precision number
COPIES = 6  # of an intermediate value that exist at once, about: it, its gradient, products
BATCH_INPUTS = 32  # images or responses whose slopes are computed at once
FIRST_BLOCK, BLOCK_LAYERS, POOL = 4, 3, 2  # of a core: where its second convolution is, layers to the next, pooling


def averaged_gradient(
    tower: nn.Module, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Gradients of weighted sums of a tower's maps, averaged over points around each input.

    ``g_ui = Σ_k w_k ∂⟨c_ui, tower(x_ki)⟩/∂x``. With F the cost of one forward pass, Gabor and neural towers cost
    (points · inputs + units · inputs) · F, their learned core and any other tower points · inputs · units times a
    backward pass through the bend. Memory is that of the result and ``WORKING_BYTES``, or one unit of one input.

    Parameters
    ----------
    tower : maps (n, …) inputs to (n, channels, grid, grid)
    cotangents : (units, n, map values), or (units, 1, map values) where units are the same for all inputs
    points : (points, n, …)
    weights : (points,)

    Returns
    -------
    (units, n, …) without gradient
    """
    if isinstance(tower, GaborImageTower) and tower.bank.turns is None and tower.bank.around is None:
        return _through_gabor_tower(tower, cotangents, points, weights)
    if isinstance(tower, NeuralTower):
        return _through_neural_tower(tower, cotangents, points, weights)
    return _through(tower, cotangents, points, weights)


def _through(module: nn.Module, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """By automatic differentiation: one forward pass a point, shared by all units."""
    total = points.new_zeros((len(cotangents), *points.shape[1:]))
    for inputs, own in _batches(points.shape[1], cotangents.shape[1]):
        for weight, point in zip(weights, points, strict=True):
            at = point[inputs].detach().requires_grad_()
            with torch.enable_grad():
                maps = module(at).flatten(1)
            units = max(1, WORKING_BYTES // (BYTES * COPIES * (at.numel() + maps.numel())))
            for start in range(0, len(cotangents), units):
                some = slice(start, start + units)
                along = cotangents[some, own].expand(-1, *maps.shape)
                (gradient,) = torch.autograd.grad(maps, at, along, retain_graph=True, is_grads_batched=True)
                total[some, inputs] += weight * gradient
    return total


def _through_gabor_tower(
    tower: GaborImageTower, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The bank's maps lead to the tower's by one matrix; so do the core's."""
    components = (cotangents @ tower.loadings.T) * tower.log_gain.exp()
    maps = ((components * tower.strength) @ tower.loadings).unflatten(-1, tower.layout)
    of_bank = torch.einsum("dc,undyx->uncyx", tower.mixing, maps) / tower.sd
    total = _through_bank(tower.bank, of_bank, points, weights)
    if tower.learned is not None and tower.learned.share > 0:
        total += _through_core(tower.learned, components, points, weights)
    return total


def _through_bank(
    bank: GaborBank, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """(units, n, height, width) of (units, n or 1, channels, grid, grid) weights of the bank's maps."""
    n_frequencies = len(bank.settings.frequencies_cpi)
    parts = cotangents.unflatten(2, (n_frequencies, CHANNELS_PER_FILTER, -1))
    total = points.new_empty((len(cotangents), *points.shape[1:]))
    sizes = [getattr(bank, f"filters_{index}").numel() for index in range(n_frequencies)]
    units = max(1, WORKING_BYTES // (2 * BYTES * COPIES * max(sizes)))
    for inputs, own in _batches(points.shape[1], cotangents.shape[1]):
        slopes = mean_slopes(bank, points[:, inputs], weights)
        for image in range(inputs.start, inputs.stop):
            of_image = [slope[image - inputs.start] for slope in slopes]
            for start in range(0, len(parts), units):
                some = slice(start, start + units)
                bent = parts[some, image if own == inputs else 0]
                total[some, image] = _to_pixels(
                    bank, (_at_responses(bank, k, bent[:, k], of_image[k]) for k in range(n_frequencies))
                )
    return total


def mean_slopes(bank: GaborBank, points: torch.Tensor, weights: torch.Tensor) -> list[torch.Tensor]:
    """By how much each part of a filter's output follows its response, averaged over points.

    Returns
    -------
    Of each frequency (n, 6, orientations, rows, columns): the shares of points at which the even response is positive,
    negative, the odd one positive, negative; then the energy's slope with the even and with the odd response.
    """
    totals: list[torch.Tensor] = []
    with torch.no_grad():
        for k, (weight, point) in enumerate(zip(weights, points, strict=True)):
            for index, response in enumerate(bank.filtered(point)):
                even, odd = response.real, response.imag
                energy = (even.square() + odd.square() + MIN_ENERGY**2).sqrt_()
                if not k:
                    totals.append(even.new_zeros((len(point), 6, *even.shape[1:])))
                of = totals[index]
                for part, values in enumerate((even > 0, even < 0, odd > 0, odd < 0)):
                    of[:, part].add_(values, alpha=float(weight))
                of[:, 4].addcdiv_(even, energy, value=float(weight))
                of[:, 5].addcdiv_(odd, energy, value=float(weight))
    return totals


def _at_responses(bank: GaborBank, index: int, parts: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """(units, orientations, rows, columns) complex gradients of (units, 5, orientations, grid, grid) weights."""
    rows, columns = (getattr(bank, f"{name}_{index}") for name in ("pool_rows", "pool_columns"))
    spread = rows.T @ parts @ columns
    even = spread[:, 4] * slopes[4]
    even.addcmul_(spread[:, 0], slopes[0]).addcmul_(spread[:, 1], slopes[1], value=-1)
    odd = spread[:, 4] * slopes[5]
    odd.addcmul_(spread[:, 2], slopes[2]).addcmul_(spread[:, 3], slopes[3], value=-1)
    return torch.complex(even, odd)


def _to_pixels(bank: GaborBank, gradients: Iterator[torch.Tensor]) -> torch.Tensor:
    """The adjoint of :meth:`GaborBank.filtered`: (units, height, width) of each frequency's complex gradients."""
    spectrum = None
    for index, gradient in enumerate(gradients):
        filters = getattr(bank, f"filters_{index}")
        shape = filters.shape[-2:]
        band = (torch.fft.fft2(gradient) * filters).sum(1) / (shape[0] * shape[1])
        if spectrum is None:
            spectrum = band.new_zeros((len(band), *bank.padded_shape))
        rows, columns = (
            torch.cat([torch.arange(size - size // 2), torch.arange(full - size // 2, full)]).to(band.device)
            for size, full in zip(shape, bank.padded_shape, strict=True)
        )
        spectrum[:, rows[:, None], columns] += band
    padded = torch.fft.ifft2(spectrum, norm="forward").real
    (top, left), (height, width) = bank.margins, bank.frame_shape
    pixels = padded[:, top : top + height, left : left + width]
    return pixels - pixels.mean((-2, -1), keepdim=True)  # the grey around the image is its mean


def _through_core(
    learned: CoreComponents, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """(units, n, height, width) of (units, n or 1, components) weights: averaged behind the first convolution.

    Written out, not differentiated: with channels last, the machine's convolutions are twice as fast.
    """
    core = learned.core
    first, first_norm, _, pool, *_ = core.layers
    blocks = [(core.layers[at], core.layers[at + 1]) for at in range(FIRST_BLOCK, len(core.layers), BLOCK_LAYERS)]
    at_maps = (cotangents @ learned.weight).unflatten(-1, core.layout)
    channels, *places = core.layout
    rows, columns = (POOL * size for size in places)
    inner = points.new_zeros((len(cotangents), points.shape[1], rows, columns, channels))  # channels last
    units = max(1, WORKING_BYTES // (BYTES * COPIES * inner[0, :BATCH_INPUTS].numel()))

    def shrunk(images: torch.Tensor) -> torch.Tensor:
        return (core.shrink(images[:, None]) - core.mean) / core.sd

    with torch.no_grad():
        for inputs, own in _batches(points.shape[1], cotangents.shape[1]):
            for weight, point in zip(weights, points[:, inputs], strict=True):
                maps, slopes = first(shrunk(point).contiguous(memory_format=torch.channels_last)), []
                for convolution, norm in [(None, first_norm), *blocks]:
                    normed = norm(maps if convolution is None else convolution(maps))
                    slopes.append(normed.clamp(max=0).exp_().mul_(_scale(norm)))  # ELU's slope, and the norm's
                    maps = nn.functional.elu(normed)
                    maps = pool(maps) if convolution is None else maps
                bent = slopes[0].permute(0, 2, 3, 1).unflatten(2, (-1, POOL)).unflatten(1, (-1, POOL))
                for start in range(0, len(cotangents), units):
                    some = slice(start, start + units)
                    along = at_maps[some, own].contiguous()
                    for (convolution, _), slope in zip(reversed(blocks), reversed(slopes), strict=False):
                        along = _unconvolved(convolution, along * slope)
                    spread = along.permute(0, 1, 3, 4, 2)[:, :, :, None, :, None]
                    into = inner[some, inputs].unflatten(3, (-1, POOL)).unflatten(2, (-1, POOL))
                    into.addcmul_(spread, bent, value=float(weight) / POOL**2)
        pictures = torch.cat([_unconvolved(first, unit.permute(0, 3, 1, 2)[None]) for unit in inner])
    nothing = points.new_zeros((1, *points.shape[2:]))
    return _transposed(shrunk, nothing, pictures.flatten(0, 1)).unflatten(0, inner.shape[:2])


def _scale(norm: nn.BatchNorm2d) -> torch.Tensor:
    """(channels, 1, 1) of a norm in evaluation."""
    return (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None]


def _unconvolved(convolution: nn.Conv2d, gradients: torch.Tensor) -> torch.Tensor:
    """The transpose of a convolution that keeps size, of (units, n, channels, rows, columns) gradients."""
    flipped = convolution.weight.flip(-2, -1).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    rows = gradients.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    found = nn.functional.conv2d(rows, flipped, padding=convolution.padding)
    return found.unflatten(0, gradients.shape[:2])


def _through_neural_tower(
    tower: NeuralTower, cotangents: torch.Tensor, points: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """GELU's slopes are averaged over points; then one way through the read-in."""
    gain = tower.weight * tower.gate
    first, bend, second = tower.residual
    maps = cotangents.unflatten(-1, tower.layout)
    if second.weight.any():
        into, out = first.weight[..., 0, 0], second.weight[..., 0, 0]
        slopes = []
        for responses in points.split(BATCH_INPUTS, 1):
            total = 0
            for weight, point in zip(weights, responses, strict=True):
                with torch.no_grad():
                    at = first(tower.read_in(point, gain).unflatten(1, tower.layout))
                at.requires_grad_()
                with torch.enable_grad():
                    (slope,) = torch.autograd.grad(bend(at).sum(), at)
                total = total + weight * slope
            slopes.append(total)
        inner = torch.einsum("ed,uneyx->undyx", out, maps) * torch.cat(slopes)
        maps = weights.sum() * maps + torch.einsum("dc,undyx->uncyx", into, inner)
    else:  # as it starts: linear, the same gradient everywhere
        maps = weights.sum() * maps
    rows = maps.flatten(2)
    nothing = points.new_zeros((1, points.shape[2]))
    found = _transposed(lambda z: tower.read_in(z, gain), nothing, rows.flatten(0, 1))
    return found.unflatten(0, rows.shape[:2]).expand(-1, points.shape[1], -1)


def _transposed(linear, nothing: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
    """(rows, …) gradients at one input of a function that is affine in it, along (rows, …) outputs."""
    at = nothing.requires_grad_()
    with torch.enable_grad():
        out = linear(at)
    rows = max(1, WORKING_BYTES // (BYTES * COPIES * (out.numel() + at.numel())))
    parts = [
        torch.autograd.grad(out, at, some[:, None], retain_graph=True, is_grads_batched=True)[0][:, 0]
        for some in along.split(rows)
    ]
    return torch.cat(parts)


def _batches(n: int, n_own: int) -> Iterator[tuple[slice, slice]]:
    """Slices of ``BATCH_INPUTS`` inputs, and of the cotangents that belong to them: all of one that is shared."""
    for start in range(0, n, BATCH_INPUTS):
        inputs = slice(start, min(start + BATCH_INPUTS, n))
        yield inputs, slice(0, 1) if n_own == 1 else inputs
