"""What DINA costs as recordings grow: ``python benchmarks/decoding/costs.py``, or ``make bench-costs``.

Neurons from 1,000 to 100,000 at 2,800 images, and images from 2,800 to 65,000 at 2,000 neurons, each shown twice: time
of the start, all epochs of its learned core included, and of an epoch of contrastive training, and peak memory, each
size in a process of its own. Images and responses are noise, on which nothing but what is learned depends. Writes
``benchmarks/results/costs.csv``, one row per size and device, and a figure beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parents[1] / "results"
NEURONS = (1000, 2000, 5000, 10_000, 30_000, 100_000)
IMAGES = (2800, 7000, 20_000, 65_000)
USUAL_NEURONS, USUAL_IMAGES = 2000, 2800
N_HELD_OUT, REPEATS, SIZE_PX = 300, 2, 64
EPOCHS = 3
MEGABYTE = 1024  # ru_maxrss is in kB
READ_INS = ("low_rank", "retinotopic")


def main() -> None:
    """Measure every size and draw the table."""
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", nargs="+", type=int, default=list(NEURONS))
    parser.add_argument("--images", nargs="+", type=int, default=list(IMAGES))
    parser.add_argument("--read-ins", nargs="+", default=list(READ_INS), choices=READ_INS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--table", type=Path, default=RESULTS / "costs.csv")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        n_neurons, n_images, read_in = asked.one
        print(json.dumps(measure(int(n_neurons), int(n_images), read_in, asked.device, asked.threads)))
        return
    sizes = dict.fromkeys([(n, USUAL_IMAGES) for n in asked.neurons] + [(USUAL_NEURONS, n) for n in asked.images])
    table = pd.read_csv(asked.table).to_dict("records") if asked.table.is_file() else []
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    for n_neurons, n_images in sizes:
        for read_in in asked.read_ins if n_images == USUAL_IMAGES else asked.read_ins[:1]:
            command = [sys.executable, __file__, "--device", asked.device, "--threads", str(asked.threads)]
            command += ["--one", str(n_neurons), str(n_images), read_in]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            table.append(json.loads(done.stdout.splitlines()[-1]))
            print(table[-1], flush=True)
            pd.DataFrame(table).to_csv(asked.table, index=False, float_format="%.5g")
    draw(pd.DataFrame(table), asked.table.with_suffix(".png"))


def measure(n_neurons: int, n_images: int, read_in: str, device_name: str, threads: int) -> dict:
    """Times and peak memory of one size; the contrastive part runs a fixed number of epochs."""
    import torch

    from dina.device import resolve_device
    from dina.settings import CoreReadoutSettings, DinaModelSettings, DinaSettings, DinaTrainingSettings, GaborSettings
    from dina.training import train as training

    torch.set_num_threads(threads)
    device = resolve_device(device_name)
    trials = noise(n_neurons, n_images)
    core = CoreReadoutSettings(patience=CoreReadoutSettings().epochs)  # as long as data worth learning from would
    model = DinaModelSettings(read_in={"kind": read_in}, core=core)
    settings = DinaSettings(model=model, training=DinaTrainingSettings(epochs=EPOCHS, patience=EPOCHS))
    spent = {}
    for name in ("start_in_closed_form", "train"):
        setattr(training, name, timed(getattr(training, name), spent, device))
    training.fit_dina(trials, settings, GaborSettings(), seed=0, device=device)
    start_s, epoch_s = spent["start_in_closed_form"], spent["train"] / EPOCHS
    row = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"{threads} CPU threads",
        "read_in": read_in,
        "n_neurons": n_neurons,
        "n_images": n_images,
        "start_s": start_s,
        "epoch_s": epoch_s,
        "ms_per_trial": 1000 * epoch_s / (n_images * REPEATS),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE,
    }
    if device.type == "cuda":
        row["peak_device_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return row


def timed(function, spent: dict[str, float], device):
    """The function, which notes the seconds it took by its name; a GPU has then done its work."""
    import torch

    def called(*arguments, **options):
        started = time.perf_counter()
        result = function(*arguments, **options)
        if device.type == "cuda":
            torch.cuda.synchronize()
        spent[function.__name__] = time.perf_counter() - started
        return result

    return called


def noise(n_neurons: int, n_images: int):
    """Random images and responses: ``n_images`` to train and 300 to validate and to test each, shown twice."""
    from dina.recordings.trials import TrialResponses

    rng = np.random.default_rng(0)
    split_of_image = np.repeat([0, 1, 2], [n_images, N_HELD_OUT, N_HELD_OUT]).astype(np.uint8)
    n_all = len(split_of_image)
    shown = np.tile(np.arange(n_all, dtype=np.int32), REPEATS)
    return TrialResponses(
        responses=rng.standard_exponential((len(shown), n_neurons), np.float32),
        image_index=shown,
        repeat=np.repeat(np.arange(REPEATS, dtype=np.int16), n_all),
        onset_s=np.arange(len(shown), dtype=np.float64),
        split=split_of_image[shown],
        images=rng.random((n_all, SIZE_PX, SIZE_PX), np.float32),
        category=np.full(n_all, -1, np.int16),
        category_names=(),
        degrees_per_pixel=None,
        reliability=np.ones(n_neurons, np.float32),
        reliability_source="none",
        event_size=np.ones(n_neurons, np.float32),
        mean=np.zeros(n_neurons, np.float32),
        sd=np.ones(n_neurons, np.float32),
    )


def draw(table, path: Path) -> None:
    """Time and memory against neurons and against images."""
    import matplotlib.pyplot as plt

    from dina.figures.style import house_style

    looks = {"start_s": ("start, core included", "C0"), "epoch_s": ("one epoch", "C1")}
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.09, 4.6), layout="constrained", sharex="col")
        for column, (varied, fixed, at) in enumerate(
            (("n_neurons", "n_images", USUAL_IMAGES), ("n_images", "n_neurons", USUAL_NEURONS))
        ):
            here = table[table[fixed] == at]
            for (device, read_in), of in here.sort_values(varied).groupby(["device", "read_in"]):
                style = {"low_rank": "-", "retinotopic": ":"}[read_in]
                marker = "s" if "CPU" in device else "o"
                about = f"{read_in.replace('_', ' ')}, {device}"
                for name, (label, colour) in looks.items():
                    axes[0, column].plot(
                        of[varied], of[name], style, marker=marker, color=colour, label=f"{label}, {about}"
                    )
                axes[1, column].plot(
                    of[varied], of["peak_memory_mb"] / 1024, style, marker=marker, color="0.4", label=about
                )
                if "peak_device_memory_mb" in of and of["peak_device_memory_mb"].notna().any():
                    axes[1, column].plot(
                        of[varied], of["peak_device_memory_mb"] / 1024, style, marker=marker, color="C2",
                        label=f"{about}, the GPU's",
                    )  # fmt: skip
            axes[0, column].set(xscale="log", yscale="log", ylabel="time (s)")
            axes[1, column].set(xscale="log", ylim=(0, None), ylabel="peak memory (GB)", xlabel=varied[2:])
            sizes = sorted(here[varied].unique())
            axes[1, column].set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes[1, column].minorticks_off()
            axes[0, column].set_title(
                f"{at:,} {fixed[2:]}, each image shown twice" if column == 0 else f"{at:,} {fixed[2:]}"
            )
        for axis in axes[:, 0]:
            axis.legend(fontsize=6)
        figure.savefig(path, dpi=200)
        plt.close(figure)


if __name__ == "__main__":
    main()
