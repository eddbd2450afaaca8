"""Every decoder on every population: ``python benchmarks/decoding/run.py``, or ``make bench-decoding``.

Writes ``benchmarks/results/decoding.csv``, one row per decoder, population, seed and metric. Each decoder is fitted in
a process of its own, one after the other, so that time and memory are its own. ``dina`` gives the rows of
``dina_start`` too, what contrastive training started from, beside the time and memory of the whole. Rows that the table
holds already are not computed again; ``--again`` starts anew.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from decoding.populations import SCENES, SEEDS, load, population_names

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "decoding.csv"
CACHE = HERE.parent / "results" / "populations"
DECODERS = (
    "dina", "encoding", "core_readout", "cca", "cebra", "gabor_ridge", "ridge", "convolutional", "template",
    "ideal_observer",
)  # fmt: skip
COLUMNS = (
    "decoder", "population", "seed", "metric", "value", "ci_low", "ci_high", "seconds", "peak_memory_mb",
)  # fmt: skip
KEYS = ["decoder", "population", "seed"]
N_BOOTSTRAP = 1000
N_TEST = SCENES.n_test
SHARES = (*np.arange(0.005, 0.1, 0.005).round(3), 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0)
AT_SHARE = "top1_at_"
NEEDED = ("neurons_for_90pct", "neurons_for_equal_score")
PICTURE_PX = 32
N_THREADS = 2
MEGABYTE = 1024  # ru_maxrss is in kB


def main() -> None:
    """Fill the table with what it lacks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", nargs="+", default=population_names(), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), metavar="SEED")
    parser.add_argument("--decoders", nargs="+", default=list(DECODERS), choices=DECODERS, metavar="DECODER")
    parser.add_argument("--table", type=Path, default=RESULTS, help="default: benchmarks/results/decoding.csv")
    parser.add_argument("--cache", type=Path, default=CACHE, help="simulated populations")
    parser.add_argument("--again", action="store_true", help="compute rows that the table holds already")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(score(asked.decoders[0], asked.populations[0], asked.seeds[0], asked.cache)))
        return
    table = pd.DataFrame(columns=list(COLUMNS))
    if asked.table.is_file() and not asked.again:
        table = pd.read_csv(asked.table)
    known = set(table[KEYS].itertuples(index=False, name=None))
    if "cebra" in asked.decoders and importlib.util.find_spec("cebra") is None:
        print("cebra is left out, since it is not installed: pip install '.[cebra]'", file=sys.stderr)
        asked.decoders.remove("cebra")
    for population in asked.populations:
        for seed in asked.seeds:
            load(population, seed, asked.cache)
            for decoder in asked.decoders:
                if (decoder, population, seed) in known:
                    continue
                rows = _in_a_process(decoder, population, seed, asked.cache)
                table = pd.DataFrame([*table.to_dict("records"), *rows], columns=list(COLUMNS))
                table = with_neurons_needed(table)
                asked.table.parent.mkdir(parents=True, exist_ok=True)
                table.to_csv(asked.table, index=False, float_format="%.5g")
                print(*(f"{decoder} {population} {seed} {row['metric']} {row['value']:.3f}" for row in rows), sep="\n")


def with_neurons_needed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the shares of neurons that a score needs, from its rows ``top1_at_{share}``.

    ``neurons_for_90pct`` of the way from chance to the decoder's own best; ``neurons_for_equal_score`` for 90 % of the
    way to the convolutional decoder's best. Neurons are left on from the most to the least reliable; decoders stay as
    they were fitted.
    """
    from dina.ablation.curves import goal_of, share_needed

    table = table[~table["metric"].isin(NEEDED)]
    at = table[table["metric"].str.startswith(AT_SHARE)]
    rows = []
    for (population, seed), of in at.groupby(["population", "seed"], sort=False):
        curves = {}
        for decoder, points in of.groupby("decoder", sort=False):
            shares = points["metric"].str.removeprefix(AT_SHARE).astype(float).to_numpy()
            curves[decoder] = shares, points["value"].to_numpy(), points.iloc[0]
        goals = {decoder: goal_of(curve, 1 / N_TEST) for decoder, (_, curve, _) in curves.items()}
        for decoder, (shares, curve, first) in curves.items():
            for metric, goal in zip(NEEDED, (goals[decoder], goals.get("convolutional")), strict=True):
                if goal is not None:
                    about = {"decoder": decoder, "population": population, "seed": seed, "metric": metric}
                    about |= {"seconds": first["seconds"], "peak_memory_mb": first["peak_memory_mb"]}
                    rows.append(about | {"value": float(share_needed(shares, curve, goal))})
    return pd.DataFrame([*table.to_dict("records"), *rows], columns=list(COLUMNS))


def _in_a_process(decoder: str, population: str, seed: int, cache: Path) -> list[dict]:
    command = [sys.executable, __file__, "--one", "--decoders", decoder, "--populations", population]
    command += ["--seeds", str(seed), "--cache", str(cache)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def score(decoder: str, population: str, seed: int, cache: Path) -> list[dict]:
    """Fit a decoder and score it on single test trials: rows of the table.

    ``seconds`` is fitting alone (scoring, for references that are not fitted); ``peak_memory_mb`` that of the process.
    """
    import torch

    torch.set_num_threads(N_THREADS)
    trials, truth = load(population, seed, cache)
    started = time.perf_counter()
    about = {"decoder": decoder, "population": population, "seed": seed}
    if decoder in ("template", "ideal_observer"):
        ahead, image = _of_reference(decoder, trials, truth)
        return _rows(about | {"seconds": time.perf_counter() - started}, ahead, image, None, {})
    fitted = fit(decoder, trials, seed)
    about["seconds"] = time.perf_counter() - started
    rows = _rows(about, *_of_decoder(fitted, trials), _of_fewer_neurons(fitted, trials))
    if decoder == "dina":
        start = fitted.before_training()
        rows += _rows(about | {"decoder": "dina_start"}, *_of_decoder(start, trials), _of_fewer_neurons(start, trials))
    return rows


def _rows(
    about: dict, ahead: np.ndarray, image: np.ndarray, pictures: np.ndarray | None, curve: dict[str, np.ndarray]
) -> list[dict]:
    """A row for every metric, with the interval over images."""
    from dina.probing.statistics import interval

    values = {"top1": np.clip(1 - ahead, 0, 1), "top5": np.clip(5 - ahead, 0, 1), "median_rank": ahead + 1}
    if pictures is not None:
        values["pixel_correlation"] = pictures
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    rows = []
    by_image = {name: np.bincount(image, of_query) / np.bincount(image) for name, of_query in values.items()}
    for metric, per_image in (by_image | curve).items():
        statistic = np.median if metric == "median_rank" else np.mean
        low, high = interval(per_image, N_BOOTSTRAP, statistic)
        row = about | {"metric": metric, "value": float(statistic(per_image)), "ci_low": low, "ci_high": high}
        rows.append(row | {"peak_memory_mb": memory})
    return rows


def fit(decoder: str, trials, seed: int):
    """A fitted decoder, with the workflow's default settings."""
    import torch

    from dina.decoders.dina import DinaDecoder
    from dina.decoders.fitting import fit_rival
    from dina.settings import DecodersSettings, DinaSettings, GaborSettings
    from dina.training.train import fit_dina

    device = torch.device("cpu")
    if decoder == "dina":
        model, _ = fit_dina(trials, DinaSettings(), GaborSettings(), seed=seed, device=device)
        return DinaDecoder(model, {})
    return fit_rival(trials, decoder, DecodersSettings(), GaborSettings(), seed=seed, device=device)


def _of_decoder(fitted, trials) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Rivals ahead and pixel correlation of every single test trial, and the image that it shows."""
    from dina.decoders.pictures import shrink
    from dina.models.ranking import rivals_ahead
    from dina.probing.queries import single_trials
    from dina.probing.reconstruction import pixel_correlation, reconstructor
    from dina.recordings.trials import TEST

    asked, gallery = single_trials(trials), trials.images[trials.image_ids(TEST)]
    ahead = rivals_ahead(fitted.scores(asked.z, gallery), asked.true)
    reconstruct = reconstructor(fitted, trials, PICTURE_PX)
    if reconstruct is None:
        return ahead, asked.true, None
    shown = shrink(gallery, PICTURE_PX).reshape(-1, PICTURE_PX, PICTURE_PX)[asked.true]
    return ahead, asked.true, pixel_correlation(reconstruct(asked.z), shown)


def _of_fewer_neurons(fitted, trials) -> dict[str, np.ndarray]:
    """Top-1 of every test image with only the most reliable neurons left on."""
    from dina.ablation.curves import keep_counts, order_by_reliability
    from dina.ablation.neurons import top1_curve
    from dina.probing.queries import single_trials
    from dina.recordings.trials import TEST

    counts = keep_counts(SHARES, trials.n_neurons)
    represented = fitted.represent(trials.images[trials.image_ids(TEST)])
    curve = top1_curve(fitted, single_trials(trials), represented, order_by_reliability(trials.reliability), counts)
    return {f"{AT_SHARE}{count / trials.n_neurons:g}": top1 for count, top1 in zip(counts, curve, strict=True)}


def _of_reference(decoder: str, trials, truth: Path) -> tuple[np.ndarray, np.ndarray]:
    from dina.decoders.ideal_observer import ideal_observer_scores
    from dina.decoders.template import template_scores
    from dina.models.ranking import rivals_ahead

    if decoder == "template":
        scores, image = template_scores(trials)
        true = np.arange(len(scores)) % len(image)
    else:
        scores, trial, image = ideal_observer_scores(trials, truth)
        true = np.searchsorted(image, trials.image_index[trial])
    return rivals_ahead(scores, true), true


if __name__ == "__main__":
    main()
