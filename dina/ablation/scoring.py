"""Scores of every ablation: by decoders as they were trained, and by DINA fitted anew to the ablated images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dina.ablation.conditions import TEXTURE, Ablation, ablate
from dina.ablation.filters import Filtered
from dina.ablation.retraining import retrain
from dina.decoders.dina import DinaDecoder, represent_together
from dina.probing.queries import Queries, averaged_trials, single_trials, top1_by_image
from dina.recordings.trials import TEST, TrialResponses
from dina.settings import Detail, DinaSettings, GaborSettings

FROZEN, RETRAINED = CONDITIONS = ("frozen", "retrained")
QUICK_PX_PER_CYCLE = 3.2  # of the bank's finest filter, in images that a quick refit sees: 32 pixels for 10 cycles
QUICK_COMPONENTS = 200  # of the images, in a quick refit: identification as with 600, in a third of the time


@dataclass(frozen=True)
class Scored:
    """One ablation under one condition.

    Attributes
    ----------
    ablation : which
    condition : "frozen" or "retrained"
    gallery : all test images, ablated
    rows : (images,) rows of the gallery to which the ablation applies; others are as they were
    scores : trial mode → (seeds, queries, test images)
    """

    ablation: Ablation
    condition: str
    gallery: Filtered
    rows: np.ndarray
    scores: dict[str, np.ndarray]


@dataclass(frozen=True)
class Textures:
    """Images of a recording that have a texture.

    Attributes
    ----------
    filtered : (textures, height, width), contrast matched
    rows : (textures,) of the recording's images
    """

    filtered: Filtered
    rows: np.ndarray

    def of_test(self, trials: TrialResponses) -> np.ndarray:
        """Rows of the gallery that have one, ascending."""
        return np.flatnonzero(np.isin(trials.image_ids(TEST), self.rows))

    def covers(self, trials: TrialResponses) -> bool:
        """Whether every image has one."""
        return len(np.unique(self.rows)) == len(trials.images)

    def placed(self, images: np.ndarray, ids: np.ndarray) -> Filtered:
        """Images, those that have a texture replaced by it; ``ids`` are their numbers in the recording."""
        made = Filtered(images.copy(), np.ones(len(ids), np.float32), np.zeros(len(ids), bool))
        place = {int(row): k for k, row in enumerate(self.rows)}
        has = np.flatnonzero(np.isin(ids, self.rows))
        of = [place[int(row)] for row in ids[has]]
        for name in ("images", "gain", "beyond"):
            getattr(made, name)[has] = getattr(self.filtered, name)[of]
        return made


def queries_of(trials: TrialResponses) -> dict[str, Queries]:
    """Test responses by trial mode, as recorded."""
    return {"single": single_trials(trials), "averaged": averaged_trials(trials)}


def frozen(
    seeds: Sequence[DinaDecoder], trials: TrialResponses, ablations: Sequence[Ablation], textures: Textures, seed: int
) -> Iterator[Scored]:
    """Every ablation, textures last, of the gallery alone: the towers stay as they are.

    The image tower sees ablations × test images.
    """
    ids = trials.image_ids(TEST)
    embedded = _embedded(seeds, queries_of(trials))
    for ablation in (*ablations, TEXTURE):
        gallery = _ablated(ablation, trials, ids, textures, seed)
        rows = textures.of_test(trials) if ablation == TEXTURE else np.arange(len(ids))
        if len(rows):
            yield Scored(ablation, FROZEN, gallery, rows, _scores(seeds, embedded, gallery.images))


def refitted(
    trials: TrialResponses,
    ablations: Sequence[Ablation],
    textures: Textures,
    seed: int,
    dina: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
    device: torch.device,
) -> Iterator[Scored]:
    """Every ablation of training, validation and test images alike, DINA fitted anew to each.

    With ``quick``, by closed form on :func:`reduced` images, once, since it does not depend on the seed: 2 s an
    ablation of 1,000 training images. With ``full`` by all of training, every seed, at the cost of that.
    """
    test, ids = trials.image_ids(TEST), np.arange(len(trials.images))
    for ablation in ablations:
        every = _ablated(ablation, trials, ids, textures, seed)
        gallery = Filtered(every.images[test], every.gain[test], every.beyond[test])
        changed, settings, seeds = replace(trials, images=every.images), dina, dina.seeds
        if detail == "quick":
            changed, settings, seeds = (
                reduced(changed, max(gabor.frequencies_cpi)),
                _with_fewer_components(dina),
                dina.seeds[:1],
            )
        models = [retrain(changed, settings, gabor, detail=detail, seed=one, device=device) for one in seeds]
        scores = _scores(models, _embedded(models, queries_of(changed)), changed.images[test])
        yield Scored(ablation, RETRAINED, gallery, np.arange(len(test)), scores)


def reduced(trials: TrialResponses, finest_cpi: float) -> TrialResponses:
    """Trials with images averaged over blocks to ``QUICK_PX_PER_CYCLE`` or more; as they are where blocks do not fit.

    Parameters
    ----------
    finest_cpi : the finest frequency that the decoder has filters for, cycles per image
    """
    n, height, width = trials.images.shape
    block = int(min(height, width) / (QUICK_PX_PER_CYCLE * finest_cpi) + 1e-9)
    if block < 2 or height % block or width % block:
        return trials
    blocks = trials.images.reshape(n, height // block, block, width // block, block)
    per_pixel = trials.degrees_per_pixel
    return replace(
        trials,
        images=blocks.mean((2, 4), dtype=np.float32),
        degrees_per_pixel=None if per_pixel is None else per_pixel * block,
    )


def first_in_pool(scores: np.ndarray, true: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(images,) share of queries whose image comes first among some of the gallery, mean over seeds.

    Parameters
    ----------
    scores : (seeds, queries, test images)
    true : (queries,) row of the gallery
    rows : (images,) of the gallery, ascending: the pool, and the images that are asked for
    """
    asked = np.isin(true, rows)
    among = scores[:, asked][:, :, rows]
    return np.mean([top1_by_image(of_seed, np.searchsorted(rows, true[asked])) for of_seed in among], axis=0)


def _ablated(ablation: Ablation, trials: TrialResponses, ids: np.ndarray, textures: Textures, seed: int) -> Filtered:
    images = trials.images[ids]
    if ablation == TEXTURE:
        return textures.placed(images, ids)
    return ablate(ablation, images, ids, degrees_per_pixel=trials.degrees_per_pixel, seed=seed)


def _embedded(seeds: Sequence[DinaDecoder], queries: dict[str, Queries]) -> dict[str, list[np.ndarray]]:
    """Trial mode → one (queries, d) a seed: the responses' side, which no ablation of the gallery changes."""
    return {mode: [seed.embed(asked.z) for seed in seeds] for mode, asked in queries.items()}


def _scores(
    seeds: Sequence[DinaDecoder], embedded: dict[str, list[np.ndarray]], gallery: np.ndarray
) -> dict[str, np.ndarray]:
    """Trial mode → (seeds, queries, images)."""
    represented = represent_together(seeds, gallery)
    return {
        mode: np.stack([z @ images.T for z, images in zip(of_seeds, represented, strict=True)])
        for mode, of_seeds in embedded.items()
    }


def _with_fewer_components(dina: DinaSettings) -> DinaSettings:
    n = min(dina.model.n_image_components, QUICK_COMPONENTS)
    return dina.model_copy(update={"model": dina.model.model_copy(update={"n_image_components": n})})
