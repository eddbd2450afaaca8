"""Identification over time since onset: from each bin of the response window alone, and from the bins so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from dina import stores
from dina.decoders.base import load_decoder
from dina.decoders.template import template_scores
from dina.device import resolve_device
from dina.probing.identification import AVERAGED, SINGLE
from dina.probing.queries import averaged_trials, single_trials, top1_by_image
from dina.probing.statistics import COLUMNS, MEAN_OVER_SEEDS, row
from dina.recordings.temporal import running_responses
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import ProbingSettings

ALONE, SO_FAR = "alone", "so_far"
OF_PART = ("bins", "bin", "start_s", "stop_s")
TEMPLATE = "template"


def probe_time_course(
    responses: Path, decoders: list[Path], output: Path, settings: ProbingSettings, *, device: str = "auto"
) -> None:
    """Identify test images from parts of the response window, by every decoder as it is, and write the store.

    A part is one bin ``alone``, or the bins ``so_far`` summed under the temporal weights: at the last bin, the response
    that decoders were fitted to. Each part is standardised by its own training trials, and nothing else is fitted to
    it: a decoder of the whole window gives a lower limit on what a part tells. The repeat template compares showings
    by the same part, so that no other time has shaped it.

    The store holds the table ``time_course``: :data:`~dina.probing.statistics.COLUMNS`, of means over seeds, with
    ``bins`` (``alone`` or ``so_far``), ``bin`` from 0, and the part's ``start_s`` and ``stop_s`` after onset. Memory is
    that of three times the responses, and of the test trials' in every part.

    Parameters
    ----------
    responses : store with bins
    decoders : stores of all decoders and seeds
    """
    trials = read_trials(responses)
    edges_s = stores.read_attributes(responses)["bin_edges_s"]
    parts, queries = [], []
    hits = defaultdict(lambda: defaultdict(list))  # (decoder, trial mode) → store → (images,) hits, part by part
    for about, part in _parts(trials, responses, edges_s):
        parts.append(about)
        queries.append({SINGLE: single_trials(part), AVERAGED: averaged_trials(part)})
        scores, image = template_scores(part)
        if len(image):
            hits[TEMPLATE, SINGLE][TEMPLATE].append(top1_by_image(scores, np.arange(len(scores)) % len(image)))
    gallery, on = trials.images[trials.image_ids(TEST)], resolve_device(device)
    for store in decoders:
        decoder = load_decoder(store, on)
        represented = decoder.represent(gallery)
        for asked in queries:
            for mode, of in asked.items():
                scores = decoder.compare(of.z, represented)
                hits[decoder.name, mode][store].append(top1_by_image(scores, of.true))
    rows = []
    for (decoder, mode), per_store in hits.items():
        about = {"decoder": decoder, "seed": MEAN_OVER_SEEDS, "split": "test", "trial_mode": mode, "metric": "top1"}
        for part, values in zip(parts, np.mean(list(per_store.values()), axis=0), strict=True):
            pool = {"pool_size": len(values), "chance": 1 / len(values)}
            rows.append(row(values, settings.n_bootstrap, about=about | pool | part))
    with stores.new_store(output) as store:
        stores.write_table(store, "time_course", pd.DataFrame(rows)[[*COLUMNS, *OF_PART]])


def _parts(trials: TrialResponses, responses: Path, edges_s: list[float]) -> Iterator[tuple[dict, TrialResponses]]:
    """Every part of the window, by its columns in the table, with the trials' responses in it."""
    binned, weights = stores.open_array(responses, "binned"), stores.read_array(responses, "temporal_weights")
    for number, so_far in enumerate(running_responses(binned, weights)):
        until = {"bin": number, "stop_s": edges_s[number + 1]}
        yield until | {"bins": ALONE, "start_s": edges_s[number]}, trials.with_responses(binned[:, number])
        yield until | {"bins": SO_FAR, "start_s": edges_s[0]}, trials.with_responses(so_far)
