"""Can a method of attribution be trusted? Checks of its maps against chance, edges and models that know nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from captum.metrics import infidelity, sensitivity_max

from dina.ablation.retraining import retrain
from dina.attribution.deletion import SHARES, area, curve, order_of, random_orders
from dina.attribution.methods import EDGES, METHODS, PATCH_SHARE, RANDOM, own_scores, pixel_maps
from dina.attribution.randomisation import fallen, rank_correlation
from dina.attribution.towers import evenly
from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout
from dina.probing.statistics import bounds, paired_difference, resampled
from dina.recordings.trials import LEFT_OUT, TRAIN, VALIDATION, TrialResponses
from dina.settings import AttributionSettings, DinaSettings, GaborSettings

N_BOOTSTRAP = 1000
N_RANDOM_ORDERS = 2  # enough for a mean over images; its interval is that of the images
N_MASKS = 8  # random halves of the image's patches behind an infidelity
N_NEARBY, NEARBY_GREY = 1, 0.02  # images so close that no one would see the difference: captum's usual radius
STEADY_EVERY = 2  # of the images is tried for sensitivity, which is far from its limit unless a method is broken
MOST_SHUFFLED = 200  # training images of the model that is to learn nothing
MOST_ALIKE = 0.5  # correlation with maps of a model that knows nothing; an edge detector's is 1
STEADY = 1.0  # sensitivity at which a map changes as much as it is large
COLUMNS = ("method", "check", "value", "reference", "ci_low", "ci_high", "n", "passed")
CURVE_COLUMNS = ("method", "kind", "share", "value", "ci_low", "ci_high", "n")
CASCADE_COLUMNS = ("method", "layer", "measure", "value", "ci_low", "ci_high", "n")


def check_methods(
    readout: Readout,
    shuffled: Readout,
    images: torch.Tensor,
    settings: AttributionSettings,
    methods: Sequence[str] = (*METHODS, EDGES),
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Every check of every method, on the maps of each image's own score.

    A map is to lower the score faster, when its first pixels turn grey, and to raise it faster, when they alone are
    shown, than random orders and than an edge detector (deletion, insertion); to say better than edges how much random
    halves of the image are worth (infidelity); to stay where the image hardly changes (sensitivity); and to change
    where the weights are drawn anew (randomised) or were fitted to shuffled responses (shuffled labels). Cost: for each
    method and image about 40 forward passes and 10 maps.

    Parameters
    ----------
    readout : of an image tower, one unit for each image
    shuffled : the same of a model that was fitted to shuffled responses
    images : (n, height, width)

    Returns
    -------
    faithfulness : method, check, value, reference, ci_low, ci_high (of value − reference, over images), n, passed
    curves : method (``random`` too), kind (deletion, insertion), share of pixels, value (score), ci_low, ci_high, n
    cascade : method, layer (the lowest drawn anew), measure (rank, structure), value, ci_low, ci_high, n

    References
    ----------
    Petsiuk et al. 2018, BMVC; Adebayo et al. 2018, NeurIPS; Yeh et al. 2019, NeurIPS (infidelity and sensitivity).
    """
    maps = {name: _maps(name, readout, images, settings) for name in dict.fromkeys((*methods, EDGES))}
    curves = _curves(maps, readout, images, settings.seed)
    cascades = {name: _cascade(name, readout, images, settings) for name in methods}
    unfaithful = {name: _infidelity(found, readout, images, settings.seed) for name, found in maps.items()}
    rows = []
    for name in methods:
        rows += deletion_rows(name, curves, (RANDOM, EDGES))
        _, rank, structure = cascades[name][-1]
        alike = rank_correlation(maps[name], _maps(name, shuffled, images, settings))
        some = slice(None, None, STEADY_EVERY)
        steady = _sensitivity(name, Readout(readout.tower, readout.weights[some]), images[some], settings)
        rows += [
            check(name, "randomised", rank, MOST_ALIKE),
            check(name, "randomised, structure", structure, MOST_ALIKE),
            check(name, "shuffled labels", alike, MOST_ALIKE),
            check(name, "infidelity", unfaithful[name], unfaithful[EDGES]),
            check(name, "sensitivity", steady, STEADY),
        ]
    fall = [
        {"method": name, "layer": layer, "measure": measure} | summary(values)
        for name, layers in cascades.items()
        for layer, rank, structure in layers
        for measure, values in (("rank", rank), ("structure", structure))
    ]
    return pd.DataFrame(rows, columns=COLUMNS), curve_table(curves), pd.DataFrame(fall, columns=CASCADE_COLUMNS)


def verdicts(checks: pd.DataFrame) -> pd.DataFrame:
    """One row a method: passed, and failed, the checks that it failed, separated by semicolons."""
    groups = checks.groupby("method", sort=False)
    rows = [(name, bool(of["passed"].all()), "; ".join(of["check"][~of["passed"]])) for name, of in groups]
    return pd.DataFrame(rows, columns=["method", "passed", "failed"])


def check(
    method: str, name: str, values: np.ndarray, reference: np.ndarray | float, *, higher: bool = False
) -> dict[str, Any]:
    """A row: the mean of (n,) values, of the reference, the paired interval of their difference, and whether it passes.

    It passes if the whole interval is on the better side of 0: above if ``higher``, else below.
    """
    others = np.broadcast_to(np.asarray(reference, float), np.shape(values))
    _, low, high = paired_difference(values, others, N_BOOTSTRAP)
    about = {"method": method, "check": name, "value": float(np.mean(values)), "reference": float(others.mean())}
    return about | {"ci_low": low, "ci_high": high, "n": len(values), "passed": low > 0 if higher else high < 0}


def deletion_rows(method: str, curves: dict[tuple[str, str], np.ndarray], rivals: Iterable[str]) -> list[dict]:
    """Checks of a method's areas under (n, shares) curves, named by method and kind, against those of rivals."""
    rows = []
    for kind in ("deletion", "insertion"):
        areas = {name: area(curves[name, kind]) for name in (method, *rivals)}
        rows += [
            check(method, f"{kind}, {rival}", areas[method], areas[rival], higher=kind == "insertion")
            for rival in rivals
        ]
    return rows


def curve_table(curves: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """The mean over inputs of every (n, shares) curve, with its interval, in long form."""
    rows = [
        {"method": method, "kind": kind, "share": share} | summary(values[:, at])
        for (method, kind), values in curves.items()
        for at, share in enumerate(SHARES)
    ]
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def summary(values: np.ndarray) -> dict[str, Any]:
    """Mean of (n,) values and its interval."""
    low, high = bounds(np.asarray(values)[resampled(len(values), N_BOOTSTRAP)].mean(1))
    return {"value": float(np.mean(values)), "ci_low": low, "ci_high": high, "n": len(values)}


def shuffled_model(
    trials: TrialResponses, dina: DinaSettings, gabor: GaborSettings, seed: int, device: torch.device
) -> DualTower:
    """DINA's closed form on responses dealt out among trials, of at most ``MOST_SHUFFLED`` training images."""
    kept = evenly(trials.image_ids(TRAIN), MOST_SHUFFLED)
    left_out = (trials.split == TRAIN) & ~np.isin(trials.image_index, kept)
    split = np.where(left_out, LEFT_OUT, trials.split).astype(trials.split.dtype)
    fitted = np.flatnonzero((split == TRAIN) | (split == VALIDATION))
    responses = trials.responses.copy()
    responses[fitted] = responses[np.random.default_rng(seed).permutation(fitted)]
    dealt = replace(trials, responses=responses, split=split)
    return retrain(dealt, dina, gabor, detail="quick", seed=seed, device=device).model.requires_grad_(False)


def _maps(name: str, readout: Readout, images: torch.Tensor, settings: AttributionSettings) -> np.ndarray:
    return pixel_maps(name, readout, images, settings.n_steps, own=True, seed=settings.seed).cpu().numpy()


def _curves(
    maps: dict[str, np.ndarray], readout: Readout, images: torch.Tensor, seed: int
) -> dict[tuple[str, str], np.ndarray]:
    """(n, shares) curves by method and kind; what is deleted last is, backwards, what is inserted first."""
    grey = images.mean((1, 2), keepdim=True).expand_as(images)

    def score(shown: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
        return own_scores(readout, shown, owners)

    orders = random_orders(len(images), images[0].numel(), N_RANDOM_ORDERS, seed)
    curves = {}
    for kind in ("deletion", "insertion"):
        insert = kind == "insertion"
        for name, found in maps.items():
            curves[name, kind] = curve(score, images, grey, order_of(found), insert=insert)
        curves[RANDOM, kind] = np.mean([curve(score, images, grey, order, insert=insert) for order in orders], axis=0)
    return curves


def _cascade(
    name: str, readout: Readout, images: torch.Tensor, settings: AttributionSettings
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    def maps(tower: torch.nn.Module) -> np.ndarray:
        return _maps(name, Readout(tower, readout.weights), images, settings)

    return list(fallen(maps, readout.tower, settings.seed))


def _infidelity(maps: np.ndarray, readout: Readout, images: torch.Tensor, seed: int) -> np.ndarray:
    """(n,) mean squared error of the fall that a map, scaled at best, tells of random halves of the patches."""
    generator = torch.Generator().manual_seed(seed)
    n_patches = round(1 / PATCH_SHARE)

    def perturb(shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        coarse = (torch.rand(len(shown), 1, n_patches, n_patches, generator=generator) < 0.5).float()
        mask = torch.nn.functional.interpolate(coarse, shown.shape[1:])[:, 0].to(shown)
        grey = shown.mean((1, 2), keepdim=True)
        return mask, torch.where(mask > 0, grey, shown)

    found = infidelity(
        _forward(readout, len(images)),
        perturb,
        images,
        torch.from_numpy(maps).to(images),
        n_perturb_samples=N_MASKS,
        normalize=True,
    )
    return found.cpu().numpy()


def _sensitivity(name: str, readout: Readout, images: torch.Tensor, settings: AttributionSettings) -> np.ndarray:
    """(n,) largest change of a map, in units of its size, among images that differ by almost nothing."""
    generator = torch.Generator().manual_seed(settings.seed)

    def nearby(shown: torch.Tensor, radius: float) -> torch.Tensor:
        return shown + radius * (2 * torch.rand(shown.shape, generator=generator).to(shown) - 1)

    def explain(inputs: torch.Tensor | tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        shown = inputs[0] if isinstance(inputs, tuple) else inputs  # captum gives either
        weights = readout.weights.repeat_interleave(len(shown) // len(images), 0)
        found = _maps(name, Readout(readout.tower, weights), shown.detach(), settings)
        return (torch.from_numpy(np.ascontiguousarray(found)),)

    found = sensitivity_max(explain, images, nearby, perturb_radius=NEARBY_GREY, n_perturb_samples=N_NEARBY)
    return found.cpu().numpy()


def _forward(readout: Readout, n: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Each image's own score, also where captum repeats every image some times."""

    def forward(shown: torch.Tensor) -> torch.Tensor:
        owners = torch.arange(n, device=shown.device).repeat_interleave(len(shown) // n)
        return own_scores(readout, shown, owners)

    return forward
