"""Which few neurons rebuild the latents, and where the two towers agree: the stage ``attribute_latents``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dina import stores
from dina.attribution.alignment import Alignment, align
from dina.attribution.effort import resolved
from dina.attribution.many_targets import Design
from dina.attribution.pairs import held_out_gain, pairwise_gain
from dina.attribution.rebuilding import Rebuilt, r_squared, rebuild, set_r_squared
from dina.attribution.regions import (
    count_table,
    distance_table,
    in_image,
    places_by_rule,
    region_table,
    regions_of,
    shuffled_places,
)
from dina.attribution.towers import load_towers, strongest_latents, tower_values
from dina.device import resolve_device
from dina.models.dual_tower import DualTower
from dina.models.gradients import tower_maps
from dina.probing.statistics import adjusted, row
from dina.recordings.reliability import is_measurable, repeating_variance
from dina.recordings.trials import TEST, TRAIN, TrialResponses, read_trials
from dina.settings import AttributionSettings, Detail, LatentMapSettings
from dina.threads import apply_threads

NEURAL, IMAGE = "neural", "image"  # what is rebuilt: the value of the neural, or of the image tower
TARGETS = (NEURAL, IMAGE)
CLAIMED_NEURONS = 10  # most neurons that, by arXiv 2605.04309, rebuild most predictive latents
PAIRS = (
    "r2_additive", "r2_pairwise", "gain", "gain_low", "gain_high", "gain_chance", "p", "n_pairs", "gain_test",
)  # fmt: skip


def attribute_latents(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: AttributionSettings,
    *,
    detail: Detail,
    device: str = "auto",
) -> None:
    """Write the ``attributions/latents`` store.

    What is rebuilt, of the latents of the first seed on which its towers agree best: ``neural``, the value that the
    neural tower computes from the response, and ``image``, the value that the image tower gives to the image shown,
    which only cortex can tell. Responses are means over an image's repeats: an image is one sample, in the fits, folds,
    intervals and surrogates alike. Neurons, sizes and weights come from training images; R² on test images is only
    reported.

    Arrays: ``shuffled_r`` (shuffles, grid, grid), agreement of shuffled pairs; ``example_image`` (height, width).
    Tables: ``latents``, one row a target and latent; ``paths``, R² against the number of neurons; ``members`` of the
    sets; ``reliability`` of all neurons; ``summary``; ``alignment``, one row a place of the grid; ``regions``,
    ``distances`` and ``region_counts``.

    Cost is that of :func:`~dina.attribution.rebuilding.rebuild` with 2 × latents targets, of
    :func:`~dina.attribution.pairs.pairwise_gain` for each, and of :func:`~dina.attribution.alignment.align`.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds. Latents are those of the first; agreement is the mean over seeds.
    detail : how many surrogates and shuffles, where the settings leave that open
    """
    apply_threads()
    trials = read_trials(responses)
    place = resolve_device(device)
    models = load_towers(decoders, place)
    maps = resolved(settings, detail).latent_maps
    latents = strongest_latents(models[0], trials, settings.n_latents, place)
    rng = np.random.default_rng(settings.seed)
    tables = rebuild_latents(models[0], trials, latents, maps, rng, place)
    alignment = align_towers(models, trials, maps, rng, place)
    _, test_ids = trials.averaged(TEST)
    with stores.new_store(output) as store:
        for name, table in (tables | alignment_tables(alignment, trials, maps.false_discovery_rate)).items():
            stores.write_table(store, name, table)
        stores.write_array(store, "shuffled_r", alignment.shuffled)
        stores.write_array(store, "example_image", trials.images[test_ids[0]], unit="0 black to 1 white")
        stores.write_attributes(store, _attributes(trials, maps, len(models)))


def rebuild_latents(
    model: DualTower,
    trials: TrialResponses,
    latents: pd.DataFrame,
    settings: LatentMapSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> dict[str, pd.DataFrame]:
    """Tables ``latents``, ``paths``, ``members``, ``reliability`` and ``summary`` of a decoder.

    Parameters
    ----------
    latents : of :func:`~dina.attribution.towers.strongest_latents`
    settings : without open choices
    """
    units = latents["unit"].to_numpy()
    (x, y), (x_test, y_test) = (_values(model, trials, units, split, device) for split in (TRAIN, TEST))
    mean, sd = y.mean(0), np.maximum(y.std(0), np.finfo(np.float32).tiny)
    y, y_test = (y - mean) / sd, (y_test - mean) / sd
    rebuilt = rebuild(
        x, y, most_neurons=settings.most_neurons, share=settings.share_of_all, n_folds=settings.n_folds, rng=rng
    )
    spread = x.std(0)
    centre, spread = x.mean(0), np.where(spread > 0, spread, 1)
    x_in_sd, x_test_in_sd = (x - centre) / spread, (x_test - centre) / spread
    train, test = (x_in_sd, y), (x_test_in_sd, y_test)
    table = pd.concat([latents.assign(target=target) for target in TARGETS], ignore_index=True)
    table.insert(0, "target", table.pop("target"))
    around = ((y_test - y.mean(0)) ** 2).sum(0)
    missed = ((y_test - Design.of(x).fit(y).predict(x_test)) ** 2).sum(0)
    table = table.assign(
        r2_all=rebuilt.r2_all,
        r2_test_all=r_squared(missed, around),
        n_members=rebuilt.size,
        reached=rebuilt.reached,
        r2_set=_at_size(rebuilt),
        r2_random=rebuilt.r2_random,
        r2_test_set=set_r_squared(train, test, rebuilt.chosen, rebuilt.size),
    )
    table = table.join(_pairs(train, test, rebuilt, settings, rng))
    table = _judged(table, settings.false_discovery_rate)
    reliability = _reliability(trials)
    members = _members(table, rebuilt, train).merge(reliability, on="neuron", how="left")
    return {
        "latents": table,
        "paths": _paths(table, rebuilt),
        "members": members,
        "reliability": reliability,
        "summary": summarise(table, settings),
    }


def summarise(latents: pd.DataFrame, settings: LatentMapSettings) -> pd.DataFrame:
    """What the claim of few neurons and their pairs comes to, with bootstrap intervals over latents.

    Latents of one decoder share its neurons and neighbouring ones overlap, so the intervals tell how much latents
    differ, not what another recording would give.

    Returns
    -------
    Table with columns target, quantity, value, ci_low, ci_high, n, chance: ``share_within_10``, latents rebuilt by at
    most ten neurons (by chance: those that random sets of their size rebuild as well); ``median_size``, where a latent
    that the whole path does not rebuild counts as one neuron more than that; ``share_pairwise``, latents with a
    significant gain from pairs (by chance at most the false discovery rate); ``median_gain`` in R² (by chance: of
    additive surrogates).
    """
    rows = []
    for target in TARGETS:
        of = latents[latents["target"] == target]
        if of.empty:
            continue
        size = np.where(of["reached"], of["n_members"], settings.most_neurons + 1)
        as_good = of["reached"] & (of["r2_random"] >= settings.share_of_all * of["r2_all"])
        tested = of.dropna(subset=["gain"])
        quantities = [
            (f"share_within_{CLAIMED_NEURONS}", (size <= CLAIMED_NEURONS).astype(float), np.mean, as_good.mean()),
            ("median_size", size.astype(float), np.median, np.nan),
            ("share_pairwise", of["pairwise"].to_numpy(float), np.mean, settings.false_discovery_rate),
            ("median_gain", tested["gain"].to_numpy(), np.median, tested["gain_chance"].median()),
        ]
        for quantity, values, statistic, chance in quantities:
            if len(values):
                about = {"target": target, "quantity": quantity}
                rows.append(row(values, settings.n_bootstrap, statistic=statistic, about=about) | {"chance": chance})
    return pd.DataFrame(rows, columns=["target", "quantity", "value", "ci_low", "ci_high", "n", "chance"])


def align_towers(
    models: list[DualTower],
    trials: TrialResponses,
    settings: LatentMapSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> Alignment:
    """How well the towers' maps of test images agree, place by place, mean over seeds; repeats averaged."""
    z, ids = trials.averaged(TEST)
    layout = models[0].neural_tower.layout
    images = [tower_maps(model.image_tower, trials.images[ids], device).cpu().numpy() for model in models]
    neural = [tower_maps(model.neural_tower, z, device).cpu().numpy() for model in models]
    as_maps = ([maps.reshape(-1, *layout) for maps in of] for of in (images, neural))
    return align(*as_maps, n_shuffles=settings.n_shuffles, n_bootstrap=settings.n_bootstrap, rng=rng)


def alignment_tables(alignment: Alignment, trials: TrialResponses, level: float) -> dict[str, pd.DataFrame]:
    """Tables ``alignment``, ``regions``, ``distances`` and ``region_counts``."""
    taken = places_by_rule(alignment, level)
    image_shape = trials.images.shape[-2:]
    regions = region_table(alignment, taken, image_shape, trials.degrees_per_pixel)
    grid = alignment.r.shape
    places = np.stack(np.indices(grid), -1).reshape(-1, 2)
    x, y = in_image(places.astype(float), grid, image_shape).T
    deg = np.nan if trials.degrees_per_pixel is None else trials.degrees_per_pixel
    where = {"row": places[:, 0], "column": places[:, 1], "x_px": x, "y_px": y, "x_deg": x * deg, "y_deg": y * deg}
    found = {
        "r": alignment.r,
        "ci_low": alignment.low,
        "ci_high": alignment.high,
        "chance": alignment.shuffled.mean(0),
        "match": alignment.match,
        "p": alignment.p,
        "q": alignment.q,
    }
    found |= {rule: regions_of(of)[0] for rule, of in taken.items()}
    table = pd.DataFrame(where | {name: of.ravel() for name, of in found.items()})
    return {
        "alignment": table.assign(n=len(trials.image_ids(TEST)), pool_size=len(table)),
        "regions": regions,
        "distances": distance_table(regions),
        "region_counts": count_table(taken, shuffled_places(alignment, level)),
    }


def _values(
    model: DualTower, trials: TrialResponses, units: np.ndarray, split: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """(images, neurons) mean responses to a split's images, and (images, targets · latents) values of the towers."""
    z, ids = trials.averaged(split)
    of_neurons = tower_values(model.neural_tower, z, units, device)
    of_images = tower_values(model.image_tower, trials.images[ids], units, device)
    return z.astype(np.float64), np.concatenate([of_neurons, of_images], 1).astype(np.float64)


def _at_size(rebuilt: Rebuilt) -> np.ndarray:
    """(targets,) cross-validated R² of each set; NaN without one."""
    targets = np.arange(len(rebuilt.size))
    if not len(rebuilt.r2_path):
        return np.full(len(targets), np.nan)
    return np.where(rebuilt.size > 0, rebuilt.r2_path[np.maximum(rebuilt.size, 1) - 1, targets], np.nan)


def _pairs(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    rebuilt: Rebuilt,
    settings: LatentMapSettings,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """One row a target: what pairs add to its set; NaN for a set of fewer than two neurons."""
    (x, y), (x_test, y_test) = train, test
    rows = []
    for target, size in enumerate(rebuilt.size):
        if size < 2:
            rows.append({})
            continue
        members = rebuilt.chosen[:size, target]
        found = pairwise_gain(
            x[:, members],
            y[:, target],
            n_paired=settings.n_paired,
            n_folds=settings.n_folds,
            n_surrogates=settings.n_surrogates,
            n_bootstrap=settings.n_bootstrap,
            rng=rng,
        )
        rows.append(
            {
                "r2_additive": found.r2_additive,
                "r2_pairwise": found.r2_pairwise,
                "gain": found.gain,
                "gain_low": found.low,
                "gain_high": found.high,
                "gain_chance": found.chance,
                "p": found.p,
                "n_pairs": found.n_pairs,
                "gain_test": held_out_gain(
                    (x[:, members], y[:, target]), (x_test[:, members], y_test[:, target]), settings.n_paired
                ),
            }
        )
    return pd.DataFrame(rows, columns=list(PAIRS), dtype=float)


def _judged(latents: pd.DataFrame, level: float) -> pd.DataFrame:
    """With ``q``, p adjusted over the tested latents of a target, and ``pairwise``, whether a gain is significant."""
    q = pd.Series(np.nan, latents.index)
    for _, of in latents[latents["p"].notna()].groupby("target"):
        q[of.index] = adjusted(of["p"].to_numpy())
    return latents.assign(q=q, pairwise=(q <= level) & (latents["gain"] > 0))


def _paths(latents: pd.DataFrame, rebuilt: Rebuilt) -> pd.DataFrame:
    """One row a target, latent and number of neurons: cross-validated R²."""
    n_steps, n_targets = rebuilt.r2_path.shape
    about = latents.loc[np.repeat(np.arange(n_targets), n_steps), ["target", "unit"]].reset_index(drop=True)
    r2 = rebuilt.r2_path.T.ravel()
    return about.assign(n_neurons=np.tile(np.arange(1, n_steps + 1), n_targets), r2=r2)


def _members(latents: pd.DataFrame, rebuilt: Rebuilt, train: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """One row a target, latent and member, first taken first; weights by least squares, value and neuron in s.d."""
    x, y = train
    tables = [pd.DataFrame({name: [] for name in ("target", "unit", "order", "neuron", "weight")})]
    for target, size in enumerate(rebuilt.size):
        members = rebuilt.chosen[:size, target]
        weight = np.linalg.lstsq(x[:, members], y[:, target])[0]
        about = latents.loc[target, ["target", "unit"]].to_dict()
        tables.append(pd.DataFrame(about | {"order": np.arange(size), "neuron": members, "weight": weight}))
    kinds = {"target": str, "unit": int, "order": int, "neuron": int, "weight": float}
    return pd.concat([table.astype(kinds) for table in tables], ignore_index=True)


def _reliability(trials: TrialResponses) -> pd.DataFrame:
    """One row a neuron: its reliability weight and signal variance, both from training trials."""
    train = trials.trials(TRAIN)
    variance = np.full(trials.n_neurons, np.nan, np.float32)
    if is_measurable(trials.image_index[train]):
        z = trials.standardised(train, weighted=False)
        variance = repeating_variance(z, trials.image_index[train], trials.repeat[train])
    neurons = np.arange(trials.n_neurons)
    return pd.DataFrame({"neuron": neurons, "reliability": trials.reliability, "signal_variance": variance})


def _attributes(trials: TrialResponses, settings: LatentMapSettings, n_seeds: int) -> dict:
    return {
        "degrees_per_pixel": trials.degrees_per_pixel,
        "n_seeds": n_seeds,
        "n_neurons": trials.n_neurons,
        "n_training_images": len(trials.image_ids(TRAIN)),
        "n_test_images": len(trials.image_ids(TEST)),
        "share_of_all": settings.share_of_all,
        "most_neurons": settings.most_neurons,
        "claimed_neurons": CLAIMED_NEURONS,
        "n_paired": settings.n_paired,
        "n_surrogates": settings.n_surrogates,
        "n_shuffles": settings.n_shuffles,
        "false_discovery_rate": settings.false_discovery_rate,
    }
