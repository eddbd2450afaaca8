"""What identification loses with frequencies, shape, texture or a place of the candidates: stage ``ablate_images``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.ablation.conditions import NONE, TEXTURE, Ablation, ablations, retrained
from dina.ablation.filters import unit_of, usable_cutoffs
from dina.ablation.occlusion import OcclusionMap, occlusion_map, steps_of
from dina.ablation.scoring import Scored, Textures, first_in_pool, frozen, queries_of, refitted
from dina.ablation.textures import read_textures
from dina.ablation.verdicts import Verdict, coarse_or_fine, shape_or_texture, structure_or_category
from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.device import resolve_device
from dina.probing.distractors import among_categories
from dina.probing.queries import averaged_trials
from dina.probing.statistics import row
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AblationSettings, Detail, DinaSettings, GaborSettings
from dina.threads import apply_threads

N_EXAMPLES = 3
MARKED_SHARE = 0.05  # of images whose contrast could not be matched, before a condition is marked
CATEGORY_COLUMNS = [
    "candidates", "condition", "trial_mode", "metric", "pool_size", "chance", "value", "ci_low", "ci_high", "n",
]  # fmt: skip
WHOLE, TEXTURED = "test", "textured"  # pools: all test images, and those that have a texture
BESIDE_TEXTURES = ("none", "phase_scrambled", "line_drawing", "patch_shuffled")  # also scored in the latter


def ablate_images(
    responses: Path,
    decoders: list[Path],
    textures: Path,
    output: Path,
    settings: AblationSettings,
    dina: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
    device: str = "auto",
) -> None:
    """Change the images that candidates are, responses as recorded, and write ``ablations/images``.

    Condition ``frozen`` leaves the towers as trained and changes the gallery, so a drop mixes what the decoder relied
    on with its surprise at such pictures; condition ``retrained`` is DINA fitted anew to changed training, validation
    and test images, and its baseline ``none`` is fitted in the same way.

    The store holds

    * the table ``scores``, one row an ablation, condition, pool and trial mode: ``ablation``, ``cutoff``, ``upper``,
      ``grid`` (:class:`~dina.ablation.conditions.Ablation`), ``cutoff_unit``, ``gain`` (median over images),
      ``share_beyond`` and ``marked`` (the contrast of more than a twentieth of images could not be matched),
      ``condition``, ``pool`` ("test", or "textured": the test images that have a texture, in all that is held against
      textures), ``trial_mode``, ``metric``, ``pool_size``, ``chance``, ``value``, ``ci_low``, ``ci_high``, ``n``;
    * the table ``verdicts`` (:class:`~dina.ablation.verdicts.Verdict`), one row a question, condition and trial mode;
    * the table ``categories``: top-1 among ``same`` and ``other`` category candidates, by condition and trial mode;
    * ``occlusion`` and ``occlusion_similarity`` (steps, steps): what repeats averaged lose by the place hidden;
    * ``examples`` (ablations, images, height, width) in the order of the attribute ``conditions``, of images that have
      a texture; and as attribute ``dropped_cutoffs`` those that the images are too coarse for.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds; scores are their mean.
    textures : store of :func:`dina.ablation.textures.synthesise_textures`

    Raises
    ------
    SettingsError
        If no cut-off can be used.
    """
    apply_threads()
    trials = read_trials(responses)
    asked = settings.images.cutoffs_cpi if trials.degrees_per_pixel is None else settings.images.cutoffs_cpd
    cutoffs, dropped = usable_cutoffs(asked, trials.images.shape[2], trials.degrees_per_pixel)
    if dropped:
        print(f"cut-offs above what {trials.images.shape[2]} px can show, left out: {dropped}")
    place = resolve_device(device)
    seeds = [load_decoder(store, place) for store in decoders]
    found = measure(
        trials,
        seeds,
        Textures(*read_textures(textures, trials.images)),
        cutoffs,
        settings,
        dina,
        gabor,
        detail=detail,
    )
    with stores.new_store(output) as store:
        for name, table in (("scores", found.scores), ("verdicts", found.verdicts), ("categories", found.categories)):
            stores.write_table(store, name, table)
        stores.write_array(store, "examples", found.examples, unit="0 black to 1 white, not clipped")
        stores.write_array(store, "occlusion", found.occlusion.top1, unit="top-1 lost")
        stores.write_array(store, "occlusion_similarity", found.occlusion.similarity, unit="similarity lost")
        stores.write_attributes(
            store,
            {
                "conditions": [ablation.describe() for ablation in found.ablations],
                "cutoff_unit": unit_of(trials.degrees_per_pixel),
                "dropped_cutoffs": dropped,
                "n_seeds": len(seeds),
                "detail": detail,
                "occlusion_window": settings.images.occlusion_window,
                "textures": stores.read_attributes(textures) | {"n_test_images": found.n_textured},
                "retrained": [ablation.describe() for ablation in found.retrained],
            },
        )


@dataclass(frozen=True)
class Found:
    """What the stage found; see :func:`ablate_images`.

    Attributes
    ----------
    ablations : those of ``examples`` (ablations, images, height, width)
    retrained : those to which DINA was fitted anew
    n_textured : test images that have a texture
    """

    scores: pd.DataFrame
    verdicts: pd.DataFrame
    categories: pd.DataFrame
    occlusion: OcclusionMap
    ablations: list[Ablation]
    examples: np.ndarray
    retrained: list[Ablation]
    n_textured: int


def measure(
    trials: TrialResponses,
    seeds: Sequence[DinaDecoder],
    textures: Textures,
    cutoffs: tuple[float, ...],
    settings: AblationSettings,
    dina: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
) -> Found:
    """Score every ablation with decoders as they are and fitted anew, hide places, and decide.

    Cost is that of :func:`~dina.ablation.scoring.frozen`, :func:`~dina.ablation.scoring.refitted` and
    :func:`~dina.ablation.occlusion.occlusion_map`; memory grows with seeds × test trials × test images.
    """
    known = ablations(cutoffs, settings.images.patch_grids, trials.images.shape[1:])
    anew = retrained(known, settings.images.retrain, detail, textures.covers(trials))
    if settings.images.retrain and TEXTURE.kind in settings.images.retrain and TEXTURE not in anew:
        print("not fitted anew to textures: training and validation images have none (detail: full makes them)")
    textured = textures.of_test(trials)
    rows = textured[:N_EXAMPLES] if len(textured) else np.arange(N_EXAMPLES)
    tally, shown, examples = _Tally(trials, textured, settings.n_bootstrap), [], []
    for scored in frozen(seeds, trials, known, textures, settings.seed):
        tally.add(scored)
        shown.append(scored.ablation)
        examples.append(scored.gallery.images[rows])
    device = next(seeds[0].model.parameters()).device
    for scored in refitted(trials, anew, textures, settings.seed, dina, gabor, detail=detail, device=device):
        tally.add(scored)
    gallery = trials.images[trials.image_ids(TEST)]
    window, steps = settings.images.occlusion_window, steps_of(settings.images.occlusion_steps, detail)
    hidden = occlusion_map(seeds, gallery, averaged_trials(trials), window=window, steps=steps)
    scores, categories = pd.DataFrame(tally.rows), pd.DataFrame(tally.categories, columns=CATEGORY_COLUMNS)
    verdicts = pd.DataFrame(tally.verdicts())
    return Found(scores, verdicts, categories, hidden, shown, np.stack(examples), anew, len(textured))


class _Tally:
    """Rows of the tables, and what verdicts need of every image.

    Attributes
    ----------
    first : (condition, trial mode, pool) → ablation → (images,) top-1 by image
    kept : (condition, trial mode) → (3, images) same category, other categories, chance
    """

    def __init__(self, trials: TrialResponses, textured: np.ndarray, n_bootstrap: int):
        self.queries = queries_of(trials)
        self.category = trials.category[trials.image_ids(TEST)]
        self.unit = unit_of(trials.degrees_per_pixel)
        self.textured, self.n_bootstrap = textured, n_bootstrap
        self.rows: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = []
        self.first: dict[tuple[str, str, str], dict[Ablation, np.ndarray]] = defaultdict(dict)
        self.kept: dict[tuple[str, str], np.ndarray] = {}

    def add(self, scored: Scored) -> None:
        """Take in an ablation, in all trial modes and pools that it has."""
        for mode, scores in scored.scores.items():
            true = self.queries[mode].true
            for pool, rows in self._pools(scored):
                first = first_in_pool(scores, true, rows)
                self.first[scored.condition, mode, pool][scored.ablation] = first
                self.rows.append(row(first, self.n_bootstrap, about=self._about(scored, mode, pool, rows)))
            if scored.ablation == NONE:
                self._add_categories(scored, mode, scores, true)

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """One row a question, condition and trial mode that can be asked."""
        for (condition, mode, pool), first in self.first.items():
            n = len(first[NONE])
            about = {"condition": condition, "trial_mode": mode, "pool_size": n, "chance": 1 / n}
            if pool == WHOLE:
                found = _coarse_or_fine(first, 1 / n, self.n_bootstrap)
            else:
                found = _shape_or_texture(first, 1 / n, self.n_bootstrap)
            for verdict in found:
                yield verdict.columns() | about | {"cutoff_unit": self.unit}
        for (condition, mode), (same, other, chance) in self.kept.items():
            verdict = structure_or_category(same, other, chance, self.n_bootstrap)
            about = {"condition": condition, "trial_mode": mode, "pool_size": float(np.mean(1 / chance))}
            yield verdict.columns() | about | {"chance": float(chance.mean()), "cutoff_unit": self.unit}

    def _pools(self, scored: Scored) -> Iterator[tuple[str, np.ndarray]]:
        n_images = len(scored.gallery.images)
        if len(scored.rows) == n_images:
            yield WHOLE, scored.rows
        if scored.ablation.kind in (*BESIDE_TEXTURES, TEXTURE.kind) and len(self.textured):
            yield TEXTURED, self.textured

    def _about(self, scored: Scored, mode: str, pool: str, rows: np.ndarray) -> dict[str, Any]:
        beyond = float(np.mean(scored.gallery.beyond[rows]))
        return scored.ablation.columns() | {
            "cutoff_unit": self.unit,
            "gain": float(np.median(scored.gallery.gain[rows])),
            "share_beyond": beyond,
            "marked": beyond > MARKED_SHARE,
            "condition": scored.condition,
            "pool": pool,
            "trial_mode": mode,
            "metric": "top1",
            "pool_size": len(rows),
            "chance": 1 / len(rows),
        }

    def _add_categories(self, scored: Scored, mode: str, scores: np.ndarray, true: np.ndarray) -> None:
        of_seeds = np.mean([among_categories(of_seed, true, self.category) for of_seed in scores], axis=0)
        counts = np.bincount(true, minlength=len(self.category))
        by_image = np.stack([np.bincount(true, of, len(self.category)) / counts for of in of_seeds])
        kept = by_image[:, np.isfinite(by_image[0])]
        if not kept.size:
            return
        self.kept[scored.condition, mode] = kept
        for name, values in zip(("same", "other"), kept, strict=False):
            about = {"candidates": name, "condition": scored.condition, "trial_mode": mode, "metric": "top1"}
            about |= {"pool_size": float(np.mean(1 / kept[2])), "chance": float(kept[2].mean())}
            self.categories.append(row(values, self.n_bootstrap, about=about))


def _coarse_or_fine(first: dict[Ablation, np.ndarray], chance: float, n_bootstrap: int) -> list[Verdict]:
    """The verdict over those cut-offs of which both sides were scored."""
    low, high = (
        {of.cutoff: values for of, values in first.items() if of.kind == kind} for kind in ("low_pass", "high_pass")
    )
    cutoffs = sorted(set(low) & set(high))
    if not cutoffs:
        return []
    sides = [np.stack([side[cutoff] for cutoff in cutoffs]) for side in (low, high)]
    return [coarse_or_fine(first[NONE], *sides, np.array(cutoffs), chance, n_bootstrap)]


def _shape_or_texture(first: dict[Ablation, np.ndarray], chance: float, n_bootstrap: int) -> list[Verdict]:
    lines = Ablation("line_drawing")
    if not {lines, TEXTURE} <= set(first):
        return []
    return [shape_or_texture(first[NONE], first[lines], first[TEXTURE], chance, n_bootstrap)]
