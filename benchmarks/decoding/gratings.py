"""Directions of drifting gratings from real cortex: ``python benchmarks/decoding/gratings.py FOLDER``.

The folder, or ``make bench-gratings DATA=FOLDER``, or the environment variable ``DINA_GRATINGS``, holds the sessions of
``gratings_data.py``; without it, nothing is done. A closed set: every cycle of the eight directions is told once by
decoders that were fitted without it. The directions come in one fixed order, so what a grating leaves behind tells the
next one: activity before onset is the control, and responses are told again less what it predicts of them. Writes
``benchmarks/results/gratings.csv`` and a figure beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from decoding.gratings_data import N_DIRECTIONS, Session, all_clips, read_session
from decoding.gratings_figure import draw

RESULTS = Path(__file__).resolve().parents[1] / "results"
RESPONSE_S, BEFORE_S = (0.25, 2.0), (-1.0, 0.0)  # fluorescence rises within 0.25 s
N_MODELS = 3  # of DINA for each left-out cycle; each validates on its third of the others
ALPHAS = np.logspace(0, 4, 9)
TARGETS = {"direction": N_DIRECTIONS, "orientation": N_DIRECTIONS // 2}  # kinds of each
N_BOOTSTRAP = 1000
Told = dict[str, dict[str, np.ndarray]]  # decoder, target → (trials,)


def main() -> None:
    """Fill the table, session by session, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("DINA_GRATINGS", ""), help="with *.mat sessions")
    parser.add_argument("--permutations", type=int, default=49, help="of labels within cycles; each refits all")
    parser.add_argument("--table", type=Path, default=RESULTS / "gratings.csv")
    asked = parser.parse_args()
    files = sorted(Path(asked.folder).glob("*.mat")) if asked.folder else []
    if not files:
        print(f"skipped: no *.mat sessions in {asked.folder or 'no folder'}; name one, or set DINA_GRATINGS")
        return
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for file in files:
        rows += compare(read_session(file), asked.permutations)
        table = pd.DataFrame(rows)
        table.to_csv(asked.table, index=False, float_format="%.5g")
        print(table[table["session"] == rows[-1]["session"]].to_string(index=False), flush=True)
    draw(table, asked.table.with_suffix(".png"))


def compare(session: Session, n_permutations: int) -> list[dict]:
    """Rows of one session: every decoder on every activity, its interval over cycles and its p value.

    Responses less history, which only qualify the others, are not permuted.
    """
    rng = np.random.default_rng(0)
    response, before = session.mean(RESPONSE_S), session.mean(BEFORE_S)
    told_from = {
        "response": (response, None),
        "before onset": (before, None),
        "response less history": (response, before),
    }
    rows = []
    for activity, (responses, history) in told_from.items():
        found = score(responses, session.direction, session.cycle, history)
        null = [
            score(responses, permuted_within(session.direction, session.cycle, rng), session.cycle)
            for _ in range(n_permutations if history is None else 0)
        ]
        about = {"session": session.name, "n_neurons": responses.shape[1], "activity": activity}
        rows += [about | row for row in _rows(found, null)]
    return rows


def permuted_within(direction: np.ndarray, cycle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The directions of every cycle in an order of its own."""
    permuted = np.empty_like(direction)
    for number in np.unique(cycle):
        here = np.flatnonzero(cycle == number)
        permuted[here] = direction[rng.permutation(here)]
    return permuted


def score(
    responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray, history: np.ndarray | None = None
) -> dict[tuple[str, str], np.ndarray]:
    """(decoder, target) → (cycles,) share of each left-out cycle's trials that are told right.

    With ``history`` (trials, neurons), from responses less what it predicts of them.
    """
    told: Told = {}
    for left_out in np.unique(cycle):
        test = np.flatnonzero(cycle == left_out)
        left = responses if history is None else less_predicted(responses, history, cycle != left_out)
        for tell in (tell_by_dina, tell_by_ridge):
            for decoder, by_target in tell(left, direction, cycle, left_out).items():
                for target, values in by_target.items():
                    told.setdefault(decoder, {}).setdefault(target, np.full(len(cycle), -1))[test] = values
    shares = {}
    for target, kinds in TARGETS.items():
        for decoder, by_target in told.items():
            right = by_target[target] == direction % kinds
            shares[decoder, target] = np.bincount(cycle, right) / np.bincount(cycle)
    return shares


def less_predicted(responses: np.ndarray, history: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Responses less their ridge prediction from history, fitted on some (trials,)."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ridge = make_pipeline(StandardScaler(), RidgeCV(ALPHAS)).fit(history[fitted], responses[fitted])
    return (responses - ridge.predict(history)).astype(np.float32)


def tell_by_dina(responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray, left_out: int) -> Told:
    """The clip of the greatest similarity, summed over models, before and after contrastive training.

    Its orientation is the orientation that is told.
    """
    import torch

    from dina.decoders.dina import DinaDecoder
    from dina.recordings.trials import TEST
    from dina.settings import DinaModelSettings, DinaSettings, DinaTrainingSettings, GaborSettings
    from dina.training.train import fit_dina

    # a grating fills the screen: no place is tried, and few are needed
    settings = DinaSettings(
        model=DinaModelSettings(field_widths=(), channels=16), training=DinaTrainingSettings(patience=5)
    )
    gabor = GaborSettings(frequencies_cpi=(1.5, 3.0, 6.0), grid=2)
    similarity = {"dina": 0, "dina_start": 0}
    for part in range(N_MODELS):
        trials = as_trials(responses, direction, cycle, left_out, part)
        with contextlib.redirect_stderr(io.StringIO()):
            model, _ = fit_dina(trials, settings, gabor, seed=part, device=torch.device("cpu"))
        trained, z = DinaDecoder(model, {}), trials.standardised(trials.trials(TEST))
        for name, decoder in (("dina", trained), ("dina_start", trained.before_training())):
            similarity[name] = similarity[name] + decoder.scores(z, trials.images)
    best = {name: of.argmax(1) for name, of in similarity.items()}
    return {name: {target: told % kinds for target, kinds in TARGETS.items()} for name, told in best.items()}


def tell_by_ridge(responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray, left_out: int) -> Told:
    """Ridge on each target's kinds; the other cycles choose the penalty."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = cycle != left_out, cycle == left_out
    told = {}
    for target, kinds in TARGETS.items():
        ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS)).fit(
            responses[train], direction[train] % kinds
        )
        told[target] = ridge.predict(responses[test])
    return {"ridge": told}


def as_trials(responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray, left_out: int, part: int):
    """A closed set whose test is one cycle; validation is the n-th part of the cycles after it, in a ring."""
    from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses, describe_neurons

    after = (cycle - left_out) % (cycle.max() + 1)
    validates = (after - 1) * N_MODELS // cycle.max() == part
    split = np.select([after == 0, validates], [TEST, VALIDATION], TRAIN).astype(np.uint8)
    repeat = cycle.astype(np.int16)
    return TrialResponses(
        responses=responses,
        image_index=direction,
        repeat=repeat,
        onset_s=np.arange(len(cycle), dtype=np.float64),
        split=split,
        images=all_clips(),
        category=np.full(N_DIRECTIONS, -1, np.int16),
        category_names=(),
        degrees_per_pixel=None,
        **describe_neurons(responses, direction, repeat, split, stabilised=False),
    )


def _rows(found: dict[tuple[str, str], np.ndarray], null: list[dict[tuple[str, str], np.ndarray]]) -> list[dict]:
    from dina.probing.statistics import interval

    rows = []
    for (decoder, target), shares in found.items():
        low, high = interval(shares, N_BOOTSTRAP)
        reached = sum(one[decoder, target].mean() >= shares.mean() for one in null)
        rows.append(
            {
                "target": target,
                "decoder": decoder,
                "accuracy": shares.mean(),
                "ci_low": low,
                "ci_high": high,
                "chance": 1 / TARGETS[target],
                "p_value": (1 + reached) / (1 + len(null)) if null else np.nan,
                "n_permutations": len(null),
                "n_cycles": len(shares),
            }
        )
    return rows


if __name__ == "__main__":
    main()
