"""Directions of drifting gratings from real cortex: ``python benchmarks/decoding/gratings.py FOLDER``.

The folder, or ``make bench-gratings DATA=FOLDER``, or the environment variable ``DINA_GRATINGS``, holds sessions of
two-photon responses of mouse visual cortex as ``*.mat`` (surlab/Park_et_al: ``D.neuronK``, trials of samples, and
``TE.direction``); without it, nothing is done. A closed set: every cycle of the eight directions is told once by
decoders that were fitted without it. Writes ``benchmarks/results/gratings.csv`` and a figure beside it.

DINA sees a direction as a clip. What the files leave open is assumed: a full-field sinusoid of full contrast, three
cycles across the picture (0.04 cycles per degree over 75 degrees), drifting at 2 Hz, in two frames a quarter of a
temporal cycle (0.125 s) apart. In any one frame, opposite directions are one picture.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
from decoding.gratings_figure import draw

RESULTS = Path(__file__).resolve().parents[1] / "results"
N_DIRECTIONS = 8
CYCLES_PER_IMAGE, N_FRAMES, SIZE_PX = 3.0, 2, 32
WINDOWS_S = {"response": (0.25, 2.0), "before onset": (-1.0, 0.0)}  # fluorescence rises within 0.25 s
N_MODELS = 3  # of DINA for each left-out cycle; each validates on its third of the others
ALPHAS = np.logspace(0, 4, 9)
TARGETS = {"direction": N_DIRECTIONS, "orientation": N_DIRECTIONS // 2}  # kinds of each
N_BOOTSTRAP = 1000
Told = dict[str, dict[str, np.ndarray]]  # decoder, target → (trials,)


@dataclass(frozen=True)
class Session:
    """Trials in order of time.

    Attributes
    ----------
    name : str
    traces : (trials, neurons, samples)
    time_s : (samples,) from onset
    direction : (trials,) 0 to 7, in steps of 45 degrees
    cycle : (trials,) which showing of its direction
    """

    name: str
    traces: np.ndarray
    time_s: np.ndarray
    direction: np.ndarray
    cycle: np.ndarray


def main() -> None:
    """Fill the table, session by session, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("DINA_GRATINGS", ""), help="with *.mat sessions")
    parser.add_argument("--permutations", type=int, default=99, help="of labels within cycles; each refits all")
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


def read_session(path: Path) -> Session:
    """Read a ``.mat`` of numbers; nothing in it is run."""
    from scipy.io import loadmat

    from dina.recordings.stimuli import count_repeats

    held = loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=["D", "TE", "t"])
    numbers = [int(name.removeprefix("neuron")) for name in held["D"]._fieldnames if name.startswith("neuron")]
    traces = np.stack([np.stack(getattr(held["D"], f"neuron{k}")) for k in sorted(numbers)], axis=1)
    direction = np.round(np.asarray(held["TE"].direction) / (360 / N_DIRECTIONS)).astype(np.int32)
    return Session(path.stem, traces.astype(np.float32), held["t"], direction, count_repeats(direction))


def draw_clip(degrees: float, n_frames: int = N_FRAMES) -> np.ndarray:
    """(frames, height, width) of a grating that drifts this way, 0 black to 1 white."""
    from dina.models.gabor import FRAME_STEP

    axis = (np.arange(SIZE_PX) + 0.5) / SIZE_PX - 0.5
    along = axis * np.cos(np.deg2rad(degrees)) + axis[:, None] * np.sin(np.deg2rad(degrees))
    turns = CYCLES_PER_IMAGE * along - FRAME_STEP * np.arange(n_frames)[:, None, None]
    return (0.5 + 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)


def all_clips(n_frames: int = N_FRAMES) -> np.ndarray:
    """(directions, frames, height, width)."""
    return np.stack([draw_clip(degrees, n_frames) for degrees in np.arange(N_DIRECTIONS) * 360 / N_DIRECTIONS])


def compare(session: Session, n_permutations: int) -> list[dict]:
    """Rows of one session: every decoder in every window, its interval over cycles and its p value."""
    rng = np.random.default_rng(0)
    rows = []
    for window, (start_s, stop_s) in WINDOWS_S.items():
        inside = (session.time_s >= start_s) & (session.time_s < stop_s)
        responses = session.traces[:, :, inside].mean(2)
        found = score(responses, session.direction, session.cycle)
        null = [
            score(responses, permuted_within(session.direction, session.cycle, rng), session.cycle)
            for _ in range(n_permutations)
        ]
        about = {"session": session.name, "n_neurons": responses.shape[1], "window": window}
        rows += [about | row for row in _rows(found, null)]
    return rows


def permuted_within(direction: np.ndarray, cycle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The directions of every cycle in an order of its own."""
    permuted = np.empty_like(direction)
    for number in np.unique(cycle):
        here = np.flatnonzero(cycle == number)
        permuted[here] = direction[rng.permutation(here)]
    return permuted


def score(responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """(decoder, target) → (cycles,) share of each left-out cycle's trials that are told right."""
    told = leave_cycles_out(tell_by_dina, responses, direction, cycle)
    told |= leave_cycles_out(tell_by_ridge, responses, direction, cycle)
    shares = {}
    for target, kinds in TARGETS.items():
        for decoder, by_target in told.items():
            right = by_target[target] == direction % kinds
            shares[decoder, target] = np.bincount(cycle, right) / np.bincount(cycle)
    return shares


def leave_cycles_out(
    tell: Callable[..., Told], responses: np.ndarray, direction: np.ndarray, cycle: np.ndarray
) -> Told:
    """What is told of each cycle by decoders fitted without it."""
    told: Told = {}
    for left_out in np.unique(cycle):
        test = np.flatnonzero(cycle == left_out)
        for decoder, by_target in tell(responses, direction, cycle, left_out).items():
            for target, values in by_target.items():
                told.setdefault(decoder, {}).setdefault(target, np.full(len(cycle), -1))[test] = values
    return told


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
