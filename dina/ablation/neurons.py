"""How many neurons a decoder needs, and which: the stage ``ablate_neurons``."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dina import stores
from dina.ablation.curves import keep_counts
from dina.ablation.needed import MEAN, REFERENCE, RETRAINED, Curve, comparison_rows, curve_rows, needed_rows
from dina.ablation.noise_correlations import CHECKS, COLUMNS, noise_rows, repeated_alone, shuffle_and_refit, why_not
from dina.ablation.orders import ATTRIBUTION, MATCHED, RANDOM, STRONGEST, draw_orders, fixed_orders
from dina.ablation.refits import Refits
from dina.decoders.base import Decoder, load_decoder
from dina.decoders.dina import DinaDecoder
from dina.device import resolve_device
from dina.errors import InputError, problem
from dina.probing.queries import Queries, single_trials, top1_by_image
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AblationSettings, Detail, DinaSettings, GaborSettings
from dina.threads import apply_threads
from dina.training.closed_form import fit_encoding

OF_ALL = (STRONGEST, RANDOM)  # orders that every decoder is asked in; DINA in all
FINE = (STRONGEST, ATTRIBUTION, MATCHED)  # asked at every share, since shares needed are compared
COARSE_STEP = 2  # the others are smooth enough at every second share
REFITTED = (STRONGEST, ATTRIBUTION, MATCHED)
BATCH_QUERIES = 512  # masked responses scored at once: their maps stay near the processor, which halves the time
RESPONSIVE = 0.1  # reliability above which a neuron counts as driven by images
RETRAINED_SHARES = {"quick": (0.05, 0.1, 0.2, 0.35, 0.5), "full": (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)}
N_SHUFFLES = {"quick": 5, "full": 20}

Orders = dict[str, list[np.ndarray]]  # order → its permutations of the neurons: one, or one a draw


def ablate_neurons(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: AblationSettings,
    dina: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
    device: str = "auto",
) -> None:
    """Leave only some neurons on, destroy what they share, and write ``ablations/neurons``.

    Orders are those of :mod:`dina.ablation.orders`, fixed without test trials. In ``strongest`` (absent where
    reliability is unknown) and ``random`` order every decoder is asked, DINA in all. ``removal`` is ``mean`` where
    neurons are set to their training mean and decoders stay as trained (scores are means over seeds; the draws of an
    order are dealt out among them), ``retrained`` where DINA is fitted to the neurons that are left, as ``detail``
    says, and to all neurons likewise. Queries are single trials.

    Tables: ``curves``, one row a decoder, order, removal and share; ``needed``, shares of neurons:
    ``neurons_for_50pct`` and ``neurons_for_90pct`` of the way from chance to the curve's own best score,
    ``neurons_for_equal_score`` for 90 % of the way to the convolutional decoder's best. NaN means never, in a value or
    in a bound; a decoder at chance has no such shares. ``comparisons`` of DINA's orders. ``noise_correlations`` and
    ``noise_checks`` are empty where too few images repeat, and the attribute ``no_noise_correlations`` says why. Array:
    ``orders`` (orders, neurons), named by the attribute ``orders``. Intervals are a bootstrap over images, the same for
    every decoder.

    Cost grows with decoders × shares × queries, with one encoding model of all neurons and, in full detail, with a
    training for every retrained share of every draw, and one a shuffle.

    Parameters
    ----------
    decoders : list of Path
        Every decoder and seed, DINA among them.
    dina, gabor : how DINA is fitted anew, by its first seed

    Raises
    ------
    InputError
        If DINA is not among the decoders.
    """
    apply_threads()
    trials, place = read_trials(responses), resolve_device(device)
    named = _by_name(decoders, place)
    fitted = fit_encoding(trials, dina.model, gabor, device=place)
    fixed = fixed_orders(trials, [seed.model.requires_grad_(False) for seed in named[DinaDecoder.name]], fitted, place)
    orders = {order: [one] for order, one in fixed.items()} | draw_orders(
        fixed, trials.reliability, settings.neurons.n_random_orders, np.random.default_rng(settings.seed)
    )
    repeated = repeated_alone(trials)
    refits = Refits.of(trials, fitted, dina, gabor, detail=detail, seed=dina.seeds[0], device=place)
    curves = _frozen_curves(named, trials, orders, settings)
    curves += _retrained_curves(refits, trials, orders, settings.neurons.retrained_shares or RETRAINED_SHARES[detail])
    reason, noise, checks = why_not(repeated), [], []
    if not reason:
        n_shuffles = settings.neurons.n_shuffles or N_SHUFFLES[detail]
        shuffles = shuffle_and_refit(repeated, refits.in_closed_form(repeated), n_shuffles, settings.seed)
        noise, checks = list(noise_rows(shuffles, settings.n_bootstrap)), shuffles.checks
    n_responsive = int(np.sum(trials.reliability > RESPONSIVE)) if STRONGEST in fixed else None
    needed = needed_rows(curves, settings.n_bootstrap, trials.n_neurons, n_responsive)
    compared = comparison_rows(curves, DinaDecoder.name, settings.n_bootstrap)
    with stores.new_store(output) as store:
        stores.write_table(store, "curves", pd.DataFrame(list(curve_rows(curves, settings.n_bootstrap))))
        stores.write_table(store, "needed", pd.DataFrame(list(needed)))
        stores.write_table(store, "comparisons", pd.DataFrame(list(compared)))
        stores.write_table(store, "noise_correlations", pd.DataFrame(noise, columns=list(COLUMNS)))
        stores.write_table(store, "noise_checks", pd.DataFrame(checks, columns=list(CHECKS)))
        stores.write_array(store, "orders", np.stack(list(fixed.values())).astype(np.int32))
        stores.write_attributes(
            store,
            {
                "n_neurons": trials.n_neurons,
                "n_responsive": n_responsive,
                "n_random_orders": settings.neurons.n_random_orders,
                "ranked_by": trials.reliability_source,
                "reference": REFERENCE,
                "orders": list(fixed),
                "detail": detail,
                "no_noise_correlations": reason,
            },
        )


def top1_curve(
    decoder: Decoder, queries: Queries, represented: np.ndarray, ranking: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Top-1 with only the first neurons of a ranking left on, the others at 0, their training mean.

    Parameters
    ----------
    represented : (images, d), the gallery as the decoder represents it
    ranking : (neurons,) permutation, the neurons that stay on longest first
    counts : (points,) neurons left on

    Returns
    -------
    (points, images)
    """
    rank = np.empty(len(ranking), int)
    rank[ranking] = np.arange(len(ranking))
    curve = []
    at_once = max(1, BATCH_QUERIES // len(queries.z))
    for start in range(0, len(counts), at_once):
        on = rank < counts[start : start + at_once, None]
        masked = (queries.z * on[:, None]).reshape(-1, len(ranking))
        scores = decoder.compare(masked, represented).reshape(len(on), len(queries.z), -1)
        curve += [top1_by_image(score, queries.true) for score in scores]
    return np.stack(curve)


def _by_name(decoders: list[Path], device: torch.device) -> dict[str, list[Decoder]]:
    """The decoders by name, each with its seeds."""
    seeds: dict[str, list[Decoder]] = defaultdict(list)
    for path in decoders:
        decoder = load_decoder(path, device)
        seeds[decoder.name].append(decoder)
    if DinaDecoder.name not in seeds:
        raise InputError(
            problem("ablate_neurons", sorted(seeds), "DINA among the decoders", "Give its stores as well.")
        )
    return dict(seeds)


def _frozen_curves(
    decoders: dict[str, list[Decoder]], trials: TrialResponses, orders: Orders, settings: AblationSettings
) -> list[Curve]:
    """Every decoder's curves with neurons at their training mean."""
    counts = keep_counts(settings.neurons.shares, trials.n_neurons)
    queries, gallery = single_trials(trials), trials.images[trials.image_ids(TEST)]
    curves = []
    for name, seeds in decoders.items():
        known = [seed.represent(gallery) for seed in seeds]
        for order, draws in orders.items():
            if name != DinaDecoder.name and order not in OF_ALL:
                continue
            points = counts if order in FINE else _coarse(counts)
            # One order is asked of every seed; several are dealt out among them.
            dealt = enumerate(draws if len(draws) > 1 else draws * len(seeds))
            dealt = [(k % len(seeds), one) for k, one in dealt]
            top1 = [top1_curve(seeds[k], queries, known[k], one, points) for k, one in dealt]
            curves.append(Curve(name, order, MEAN, points / trials.n_neurons, np.mean(top1, axis=0)))
    return curves


def _retrained_curves(refits: Refits, trials: TrialResponses, orders: Orders, shares: tuple[float, ...]) -> list[Curve]:
    """DINA's curves where it is fitted to the neurons that are left; all neurons are one fit for every order."""
    counts = keep_counts(shares, trials.n_neurons)
    queries = single_trials(trials)
    whole = refits.top1(trials, queries)
    curves = []
    for order in (order for order in REFITTED if order in orders):
        top1 = [
            np.mean([refits.top1(trials, queries, np.sort(one[:count])) for one in orders[order]], axis=0)
            for count in counts[:-1]
        ]
        curves.append(Curve(DinaDecoder.name, order, RETRAINED, counts / trials.n_neurons, np.stack([*top1, whole])))
    return curves


def _coarse(counts: np.ndarray) -> np.ndarray:
    """Every second point, counted from the last, which has all neurons on."""
    return counts[::-COARSE_STEP][::-1]
