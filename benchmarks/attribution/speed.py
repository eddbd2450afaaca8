"""How fast attribution is beside a plain loop over captum.

Integrated gradients of every latent for every image, to pixels and to neurons, of towers of the usual size with random
weights (the learned core and the neural tower's convolutions included, on whose values nothing of the cost depends):
once by ``dina.attribution``, once by one call of captum's ``IntegratedGradients`` for each pair of latent and image. Of
the loop only ``N_PAIRS`` pairs, evenly spread, are run and their time is scaled to all; on these the most they differ,
as a share of a map's maximum, is taken. Seconds are of one thread of the processor, which a busy machine does not
lengthen much.
"""

from __future__ import annotations

import time

import torch
from captum.attr import IntegratedGradients

from dina.models.dual_tower import DualTower, build_dual_tower, initialise
from dina.models.gradients import Readout, integrated_gradients
from dina.settings import DinaModelSettings, GaborSettings

SIZE_PX, N_COMPONENTS = 64, 400  # the embedded default's images, and DINA's rank
NEURONS = (2000, 10_000)
CORE_SHARE = 0.5
N_LATENTS, N_IMAGES, N_STEPS, N_PAIRS = 32, 24, 16, 48


def speed_rows() -> list[dict]:
    """Name, value, goal and unit of the ratio and of the difference: pixels, with the core and without, and neurons."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(N_IMAGES, SIZE_PX, SIZE_PX, generator=generator)
    grey = images.mean((1, 2), keepdim=True).expand_as(images)
    rows = []
    for name, share in (("pixels", CORE_SHARE), ("pixels, no learned core", 0.0)):
        tower = random_towers(100, share, generator).image_tower
        rows += _rows(name, *compared(tower, images, grey, generator))
    for n_neurons in NEURONS:
        tower = random_towers(n_neurons, 0.0, generator).neural_tower
        z = torch.randn(N_IMAGES, n_neurons, generator=generator)
        rows += _rows(f"{n_neurons} neurons", *compared(tower, z, torch.zeros_like(z), generator))
    return rows


def _rows(name: str, ratio: float, difference: float) -> list[dict]:
    return [
        {"name": f"{name}: speed", "value": ratio, "goal": ">= 10", "unit": "loop's time / ours"},
        {"name": f"{name}: difference", "value": difference, "goal": "<= 0.0001", "unit": "share of a map's maximum"},
    ]


def random_towers(n_neurons: int, share: float, generator: torch.Generator) -> DualTower:
    """Towers of the usual size, every weight drawn; ``share`` > 0 switches the learned core on."""
    model = build_dual_tower(
        DinaModelSettings(),
        GaborSettings(),
        image_shape=(SIZE_PX, SIZE_PX),
        n_neurons=n_neurons,
        n_components=N_COMPONENTS,
        has_core=True,
    )
    initialise(model, generator)
    tower = model.image_tower
    tower.mixing.copy_(torch.randn(tower.mixing.shape, generator=generator) / len(tower.mixing) ** 0.5)
    tower.loadings.copy_(torch.linalg.qr(torch.randn(tower.loadings.T.shape, generator=generator))[0].T)
    learned = tower.learned
    learned.weight.copy_(torch.randn(learned.weight.shape, generator=generator) / learned.weight.shape[1])
    learned.share.fill_(share)
    return model.eval().requires_grad_(False)


def compared(
    tower: torch.nn.Module, inputs: torch.Tensor, baselines: torch.Tensor, generator: torch.Generator
) -> tuple[float, float]:
    """The loop's time, scaled to all pairs, over ours; and the largest over pairs of max |a − b| / max |b|."""
    units = torch.randperm(64 * 8 * 8, generator=generator)[:N_LATENTS]
    readout = Readout(tower, torch.nn.functional.one_hot(units, 64 * 8 * 8).float())
    integrated_gradients(readout, inputs[:1], baselines[:1], 2)  # plans of transforms, memory
    started = time.process_time()
    found = integrated_gradients(readout, inputs, baselines, N_STEPS)
    seconds = time.process_time() - started
    method = IntegratedGradients(readout)
    pairs = torch.linspace(0, N_LATENTS * N_IMAGES - 1, N_PAIRS).long()
    difference, looped = 0.0, 0.0
    for pair in pairs.tolist():
        unit, image = divmod(pair, N_IMAGES)
        some = slice(image, image + 1)
        started = time.process_time()
        expected = method.attribute(inputs[some], baselines=baselines[some], target=unit, n_steps=N_STEPS)
        looped += time.process_time() - started
        gap = (found[unit, some] - expected).abs().max() / expected.abs().max()
        difference = max(difference, float(gap))
    return looped * N_LATENTS * N_IMAGES / len(pairs) / seconds, difference
