"""Training samples per second of DINA and of CEBRA: ``python benchmarks/decoding/throughput.py``, or
``make bench-throughput``.

Both are trained in one process on the same responses, in batches of as many trials, for the same number of steps after
a warm-up; repeats alternate, and the medians are told. A sample is a trial that a loss is computed for: CEBRA embeds a
positive and a negative beside it. The share of the machine's rate is each one's floating-point operations, counted by
torch, over those of a square matrix product measured in the same run. Writes ``benchmarks/results/throughput.csv``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from decoding.costs import noise

RESULTS = Path(__file__).resolve().parents[1] / "results"
N_NEURONS, N_IMAGES = 2000, 2800
WARM_UP_STEPS, STEPS, REPEATS = 5, 40, 5
# The encoder that is DINA's rival, and one of the package's own default size, which embeds in eight dimensions.
CEBRA_SIZES = {"cebra": {}, "cebra_small": {"n_hidden": 32, "n_dimensions": 8}}
MATRIX, PRODUCTS = 2048, 20


def main() -> None:
    """Measure and write the table."""
    import pandas as pd
    import torch

    from dina.device import resolve_device
    from dina.errors import InstallationError
    from dina.settings import CebraSettings, DinaTrainingSettings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, default=N_NEURONS)
    parser.add_argument("--images", type=int, default=N_IMAGES, help="training images, each shown twice")
    parser.add_argument("--batch", type=int, default=DinaTrainingSettings().batch_trials)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--table", type=Path, default=RESULTS / "throughput.csv")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    device = resolve_device(asked.device)
    trials = noise(asked.neurons, asked.images)
    trained = {"dina": dina_step(trials, asked.batch, device)}
    try:
        for name, size in CEBRA_SIZES.items():
            trained[name] = cebra_step(trials, CebraSettings(batch_trials=asked.batch, **size), device)
    except InstallationError as error:
        print(f"CEBRA is left out. {error}", file=sys.stderr)
    rate = matrix_rate(device)
    per_second = samples_per_second(trained, asked.batch, asked.steps, device)
    about = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"{asked.threads} CPU threads",
        "n_neurons": asked.neurons,
        "n_trials": 2 * asked.images,
        "batch_trials": asked.batch,
    }
    rows = []
    for name, step in trained.items():
        operations = operations_of(step) / asked.batch
        fast = float(np.median(per_second[name]))
        share = {"operations_per_sample": operations, "matrix_rate": rate, "share_of_rate": fast * operations / rate}
        rows.append(
            about
            | {"model": name, "samples_per_s": fast, "lowest": min(per_second[name]), "highest": max(per_second[name])}
            | share
        )
    table = pd.DataFrame(rows)
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(asked.table, index=False, float_format="%.4g")
    print(table.to_string(index=False))
    for name in CEBRA_SIZES.keys() & per_second:
        ratio = np.median(per_second["dina"]) / np.median(per_second[name])
        print(f"DINA trains {ratio:.2f} times as many samples per second as {name}.")


def dina_step(trials, batch: int, device) -> Callable[[], None]:
    """A training step of DINA with its default settings, its read-in of the kind and size that they give."""
    import torch

    from dina.recordings.trials import TRAIN
    from dina.settings import DinaSettings, GaborSettings
    from dina.training.batches import generator_on
    from dina.training.closed_form import start_in_closed_form
    from dina.training.objective import batch_loss

    settings = DinaSettings()
    generator = torch.Generator().manual_seed(0)
    model, held_out = start_in_closed_form(trials, settings.model, GaborSettings(), seed=0, device=device)
    training = settings.training
    loss_of = batch_loss(model, trials, held_out, training, generator_on(device, generator), device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, training.learning_rate, weight_decay=training.weight_decay)
    n_trials = len(trials.trials(TRAIN))

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            loss = loss_of(torch.randperm(n_trials, generator=generator)[:batch])
        loss.backward()
        optimiser.step()

    return step


def cebra_step(trials, settings, device) -> Callable[[], None]:
    """A training step of CEBRA on the same responses."""
    from dina.decoders.cebra import build_cebra
    from dina.recordings.trials import TRAIN

    train = trials.trials(TRAIN)
    labels = np.random.default_rng(0).standard_normal((len(trials.images), settings.n_labels))
    solver, loader = build_cebra(
        trials.standardised(train), labels[trials.image_index[train]], settings, seed=0, device=device
    )
    solver.model.train()

    def step() -> None:
        solver.step(loader.dataset.load_batch(loader.get_indices(settings.batch_trials)))

    return step


def samples_per_second(trained: dict[str, Callable], batch: int, steps: int, device) -> dict[str, list[float]]:
    """Of each model, once a repeat, in turns."""
    for step in trained.values():
        seconds(step, WARM_UP_STEPS, device)
    found: dict[str, list[float]] = {name: [] for name in trained}
    for _ in range(REPEATS):
        for name, step in trained.items():
            found[name].append(batch * steps / seconds(step, steps, device))
    return found


def seconds(step: Callable[[], None], n: int, device) -> float:
    """How long ``n`` steps take."""
    import torch

    started = time.perf_counter()
    for _ in range(n):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def operations_of(step: Callable[[], None]) -> int:
    """Floating-point operations of a step's matrix products and convolutions, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def matrix_rate(device) -> float:
    """Floating-point operations per second of a square product, bf16 on a GPU and float32 elsewhere."""
    import torch

    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    one, two = (torch.randn(MATRIX, MATRIX, device=device, dtype=kind) for _ in range(2))
    seconds(lambda: one @ two, 2, device)
    return 2 * MATRIX**3 * PRODUCTS / seconds(lambda: one @ two, PRODUCTS, device)


if __name__ == "__main__":
    main()
