"""What two mice teach a third: ``python benchmarks/decoding/transfer.py``, or ``make bench-transfer``.

Three mice of 2,000 neurons saw the same images. DINA is fitted to the third with 100, 300 and 1,000 training images,
alone and with what the other two mice's neurons see; both are asked for its 300 unseen images, one trial each. Writes
``benchmarks/results/transfer.csv`` and a figure beside it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from decoding.populations import FAMILIES, SEEDS, load

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"
N_MICE, N_NEURONS = 3, 2000
N_IMAGES = (100, 300, 1000)
N_TEST = 300
N_BOOTSTRAP = 1000


def main() -> None:
    """Fill the table and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), metavar="SEED")
    parser.add_argument("--table", type=Path, default=RESULTS / "transfer.csv")
    parser.add_argument("--cache", type=Path, default=RESULTS / "populations", help="simulated populations")
    asked = parser.parse_args()
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for family in asked.families:
        for seed in asked.seeds:
            rows += compare(family, seed, asked.cache)
            table = pd.DataFrame(rows)
            table.to_csv(asked.table, index=False, float_format="%.5g")
    draw(table, asked.table.with_suffix(".png"))


def compare(family: str, seed: int, cache: Path) -> list[dict]:
    """Rows of one family and seed."""
    import torch

    from dina.settings import DinaSettings, GaborSettings
    from dina.training.cohort import fit_neuron_prior, without_held_out
    from dina.training.train import fit_dina

    device = torch.device("cpu")
    trials, _ = load(f"average-{N_MICE * N_NEURONS}:{family}", seed, cache)
    order = np.random.default_rng(seed).permutation(trials.n_neurons).reshape(N_MICE, N_NEURONS)
    third = mouse(trials, order[-1])
    others = [without_held_out(mouse(trials, neurons), third, "another mouse") for neurons in order[:-1]]
    prior = fit_neuron_prior(others, DinaSettings(), GaborSettings(), device)
    rows = []
    for n_images in N_IMAGES:
        few = mouse(trials, order[-1], n_images, seed)
        for name, shared in (("alone", None), ("cohort", prior)):
            model, _ = fit_dina(few, DinaSettings(), GaborSettings(), seed=seed, device=device, shared=shared)
            about = {"family": family, "seed": seed, "n_images": n_images, "fitted": name}
            rows.append(about | identified(model, few))
            print(rows[-1], flush=True)
    return rows


def mouse(trials, neurons: np.ndarray, n_images: int | None = None, seed: int = 0):
    """Some neurons as a recording of their own, with all training images or some at random."""
    from dina.recordings.trials import TRAIN, describe_neurons

    ids = trials.image_ids(TRAIN)
    if n_images is not None:
        ids = np.random.default_rng(seed).choice(ids, n_images, replace=False)
    kept = (trials.split != TRAIN) | np.isin(trials.image_index, ids)
    of_trials = {name: getattr(trials, name)[kept] for name in ("image_index", "repeat", "onset_s", "split")}
    responses = trials.responses[kept][:, np.sort(neurons)]
    described = describe_neurons(responses, of_trials["image_index"], of_trials["repeat"], of_trials["split"])
    return replace(trials, responses=responses, **of_trials, **described)


def identified(model, trials) -> dict:
    """Top-1 among all test images, one trial each, with its interval over images."""
    from dina.decoders.dina import DinaDecoder
    from dina.probing.queries import single_trials, top1_by_image
    from dina.probing.statistics import interval
    from dina.recordings.trials import TEST

    asked = single_trials(trials)
    found = top1_by_image(DinaDecoder(model, {}).scores(asked.z, trials.images[trials.image_ids(TEST)]), asked.true)
    low, high = interval(found, N_BOOTSTRAP, np.mean)
    return {"top1": float(found.mean()), "ci_low": low, "ci_high": high}


def draw(table: pd.DataFrame, path: Path) -> None:
    """Identification against training images, a panel a family; points are seeds, with 95 % intervals over images."""
    import matplotlib.pyplot as plt

    from dina.figures.style import chance_line, house_style

    families = list(dict.fromkeys(table["family"]))
    with house_style():
        figure, axes = plt.subplots(1, len(families), figsize=(2.6 * len(families), 2.6), sharey=True, squeeze=False)
        for axis, family in zip(axes[0], families, strict=True):
            for name, label, colour in (("alone", "alone", "0.5"), ("cohort", "taught by two mice", "C0")):
                of = table[(table["family"] == family) & (table["fitted"] == name)]
                mean = of.groupby("n_images")["top1"].mean()
                axis.plot(mean.index, mean, color=colour, label=label)
                axis.scatter(of["n_images"], of["top1"], s=10, color=colour)
                axis.vlines(of["n_images"], of["ci_low"], of["ci_high"], color=colour, linewidth=0.8)
            axis.set(xscale="log", xlabel="training images", title=family, ylim=(0, 1))
            axis.set_xticks(N_IMAGES, [f"{n:,}" for n in N_IMAGES])
            axis.minorticks_off()
            chance_line(axis, 1 / N_TEST)
        axes[0, 0].set_ylabel(f"top-1 of {N_TEST}, one trial each")
        axes[0, -1].legend(frameon=False, loc="lower right")
        figure.savefig(path, dpi=200, bbox_inches="tight")
        plt.close(figure)


if __name__ == "__main__":
    main()
