"""What identification loses when frequencies are taken from the candidates: the stage ``ablate_images``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.ablation.filters import Filtered, filter_images, unit_of, usable_cutoffs
from dina.decoders.base import Decoder, load_decoder
from dina.device import resolve_device
from dina.probing.queries import averaged_trials, single_trials, top1_by_image
from dina.probing.statistics import row
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AblationSettings
from dina.threads import apply_threads

FROZEN = "frozen"
N_EXAMPLES = 3
MARKED_SHARE = 0.05  # of images whose contrast could not be matched, before a condition is marked


@dataclass(frozen=True)
class Ablation:
    """One condition: which filter, its cut-off (None for the original images), and the filtered gallery."""

    kind: str
    cutoff: float | None
    gallery: Filtered


def ablate_images(
    responses: Path, decoders: list[Path], output: Path, settings: AblationSettings, *, device: str = "auto"
) -> None:
    """Filter the test gallery before DINA's image tower, responses as recorded, and write ``ablations/images``.

    Towers stay as trained (condition ``frozen``), so a drop mixes what the decoder relied on with its surprise at
    filtered images. The store holds the table ``scores``, with one row per filter, cut-off and trial mode (``gain``
    is the median over images, ``marked`` says that the contrast of more than a twentieth of them could not be
    matched), ``examples`` (conditions, images, height, width) in the order of attribute ``conditions``, and as
    attribute ``dropped_cutoffs`` those that the images are too coarse for.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds; scores are their mean.

    Raises
    ------
    SettingsError
        If no cut-off can be used.
    """
    apply_threads()
    trials = read_trials(responses)
    gallery = trials.images[trials.image_ids(TEST)]
    asked = settings.cutoffs_cpi if trials.degrees_per_pixel is None else settings.cutoffs_cpd
    cutoffs, dropped = usable_cutoffs(asked, gallery.shape[2], trials.degrees_per_pixel)
    if dropped:
        print(f"cut-offs above what {gallery.shape[2]} px can show, left out: {dropped}")
    place = resolve_device(device)
    seeds = [load_decoder(store, place) for store in decoders]
    conditions = list(ablations(gallery, cutoffs, trials.degrees_per_pixel))
    rows = [line for condition in conditions for line in _rows(condition, seeds, trials, settings)]
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", pd.DataFrame(rows))
        examples = np.stack([condition.gallery.images[:N_EXAMPLES] for condition in conditions])
        stores.write_array(store, "examples", examples, unit="0 black to 1 white, not clipped")
        stores.write_attributes(
            store,
            {
                "conditions": [{"ablation": c.kind, "cutoff": c.cutoff} for c in conditions],
                "cutoff_unit": unit_of(trials.degrees_per_pixel),
                "dropped_cutoffs": dropped,
                "n_seeds": len(seeds),
            },
        )


def ablations(gallery: np.ndarray, cutoffs: tuple[float, ...], degrees_per_pixel: float | None) -> Iterator[Ablation]:
    """The original images, then low-passed and high-passed ones at each cut-off."""
    n_images = len(gallery)
    yield Ablation("none", None, Filtered(gallery, np.ones(n_images, np.float32), np.zeros(n_images, bool)))
    for kind in ("low_pass", "high_pass"):
        for cutoff in cutoffs:
            yield Ablation(kind, cutoff, filter_images(gallery, kind, cutoff, degrees_per_pixel))


def _rows(
    condition: Ablation, seeds: list[Decoder], trials: TrialResponses, settings: AblationSettings
) -> Iterator[dict[str, Any]]:
    """One row of the table for each trial mode."""
    gallery = condition.gallery.images
    modes = {"single": single_trials(trials), "averaged": averaged_trials(trials)}
    every = np.concatenate([queries.z for queries in modes.values()])
    scores = np.stack([seed.scores(every, gallery) for seed in seeds])  # both modes at once: one pass of the gallery
    ends = np.cumsum([len(queries.z) for queries in modes.values()])
    for (mode, queries), of_mode in zip(modes.items(), np.split(scores, ends[:-1], axis=1), strict=True):
        first = np.mean([top1_by_image(of_seed, queries.true) for of_seed in of_mode], axis=0)
        beyond = float(np.mean(condition.gallery.beyond))
        about = {
            "ablation": condition.kind,
            "cutoff": np.nan if condition.cutoff is None else condition.cutoff,
            "cutoff_unit": unit_of(trials.degrees_per_pixel),
            "gain": float(np.median(condition.gallery.gain)),
            "share_beyond": beyond,
            "marked": beyond > MARKED_SHARE,
            "condition": FROZEN,
            "trial_mode": mode,
            "metric": "top1",
            "pool_size": len(gallery),
            "chance": 1 / len(gallery),
        }
        yield row(first, settings.n_bootstrap, about=about)
