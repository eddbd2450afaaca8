"""How fast attribution is beside a plain loop over captum: ``python benchmarks/attribution/speed.py``.

Integrated gradients of every latent for every image, to pixels and to neurons, of towers of the usual size with random
weights (the learned core and the neural tower's convolutions included, on whose values nothing of the cost depends):
once by ``dina.attribution``, once by one call of captum's ``IntegratedGradients`` for each pair of latent and image. Of
the loop only ``--pairs`` pairs, evenly spread, are run and their time is scaled to all; on these the most they differ,
as a share of a map's maximum, is taken. Seconds are of the processor, which a busy machine does not lengthen much: they
add up over threads, so compare with one. Writes ``benchmarks/results/attribution_speed.csv``, one row per size.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from captum.attr import IntegratedGradients

from dina.models.dual_tower import DualTower, build_dual_tower, initialise
from dina.models.gradients import Readout, integrated_gradients
from dina.settings import DinaModelSettings, GaborSettings

RESULTS = Path(__file__).resolve().parents[1] / "results"
SIZE_PX, N_COMPONENTS = 64, 400  # the embedded default's images, and DINA's rank
NEURONS = (2000, 10_000)
CORE_SHARE = 0.5


def main() -> None:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", nargs="*", type=int, default=list(NEURONS))
    parser.add_argument("--latents", type=int, default=32)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=48, help="pairs of latent and image that the loop is timed on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", type=Path, default=RESULTS / "attribution_speed.csv")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    sizes = {"n_latents": asked.latents, "n_images": asked.images, "n_steps": asked.steps, "n_pairs": asked.pairs}
    rows = speed_rows(tuple(asked.neurons), **sizes)
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(asked.table, index=False, float_format="%.4g")
    print(pd.DataFrame(rows).to_string(index=False))


def speed_rows(neurons: tuple[int, ...], **sizes: int) -> list[dict]:
    """One row for pixels, with the core and without, and one for each number of neurons; see :func:`compared`."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(sizes["n_images"], SIZE_PX, SIZE_PX, generator=generator)
    grey = images.mean((1, 2), keepdim=True).expand_as(images)
    rows = []
    for name, share in (("pixels", CORE_SHARE), ("pixels, no learned core", 0.0)):
        tower = random_towers(100, share, generator).image_tower
        rows.append({"inputs": name, "n_inputs": SIZE_PX**2} | compared(tower, images, grey, generator, **sizes))
    for n_neurons in neurons:
        tower = random_towers(n_neurons, 0.0, generator).neural_tower
        z = torch.randn(sizes["n_images"], n_neurons, generator=generator)
        found = compared(tower, z, torch.zeros_like(z), generator, **sizes)
        rows.append({"inputs": "neurons", "n_inputs": n_neurons} | found)
    return rows


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
    tower: torch.nn.Module,
    inputs: torch.Tensor,
    baselines: torch.Tensor,
    generator: torch.Generator,
    *,
    n_latents: int,
    n_images: int,
    n_steps: int,
    n_pairs: int,
) -> dict:
    """Seconds of both ways for all pairs, their ratio, and by how much they differ.

    Returns
    -------
    latents, images, steps; seconds; loop_seconds, scaled from ``n_pairs`` pairs; ratio; difference, the largest over
    pairs of max |a − b| / max |b|.
    """
    units = torch.randperm(64 * 8 * 8, generator=generator)[:n_latents]
    readout = Readout(tower, torch.nn.functional.one_hot(units, 64 * 8 * 8).float())
    integrated_gradients(readout, inputs[:1], baselines[:1], 2)  # plans of transforms, memory
    started = time.process_time()
    found = integrated_gradients(readout, inputs, baselines, n_steps)
    seconds = time.process_time() - started
    method = IntegratedGradients(readout)
    pairs = torch.linspace(0, n_latents * n_images - 1, min(n_pairs, n_latents * n_images)).long()
    difference, looped = 0.0, 0.0
    for pair in pairs.tolist():
        unit, image = divmod(pair, n_images)
        some = slice(image, image + 1)
        started = time.process_time()
        expected = method.attribute(inputs[some], baselines=baselines[some], target=unit, n_steps=n_steps)
        looped += time.process_time() - started
        gap = (found[unit, some] - expected).abs().max() / expected.abs().max()
        difference = max(difference, float(gap))
    loop_seconds = looped * n_latents * n_images / len(pairs)
    sizes = {"latents": n_latents, "images": n_images, "steps": n_steps, "threads": torch.get_num_threads()}
    times = {"seconds": seconds, "loop_seconds": loop_seconds, "ratio": loop_seconds / seconds}
    return sizes | times | {"difference": difference}


if __name__ == "__main__":
    main()
