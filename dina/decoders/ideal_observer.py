"""The ideal observer of a simulation: who knows every cell's rates and spikes can do no better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from dina import stores
from dina.errors import StoreError, problem
from dina.recordings.trials import TEST, TrialResponses

SHARED_NODES = 61  # the population pins the shared gain to a tenth of its spread; coarser nodes step over it
PRIVATE_NODES = 9
BATCH_NEURONS = 64  # some 300 distinct counts; 40 MB for 300 images
SAME_TIME_S = 1e-3  # to which the log's times are written, and far below any trial's length


def ideal_observer_scores(trials: TrialResponses, truth: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood of each test trial's true spike counts under every test image.

    ``log ∫ N(z) Π_i ∫ N(y) Poisson(n_i; e^{σ_s z − σ_s²/2} e^{σ_p y − σ_p²/2} λ_i + b_i) dy dz`` with the gain shared
    by all cells outside and each cell's private one inside the product, both by Gauss–Hermite quadrature. All
    simulated cells count, found in the movie or not.

    Parameters
    ----------
    trials : of the simulated recording; some of the stimulus log's may be left out
    truth : the recording's truth store; without spikes (responses-only simulations) the responses are the counts

    Returns
    -------
    scores : (test trials, test images); the averaged mode adds the rows of an image's repeats
    trial : (test trials,) indices of trials
    image : (test images,) ids, ascending

    Raises
    ------
    StoreError
        If the truth belongs to another recording.
    """
    onset_s, shown = stores.read_array(truth, "trial_onset_s"), stores.read_array(truth, "trial_image")
    of_log = np.clip(np.searchsorted(onset_s, trials.onset_s - SAME_TIME_S), 0, len(onset_s) - 1)
    if not np.allclose(onset_s[of_log], trials.onset_s, rtol=0, atol=SAME_TIME_S):
        found = f"{len(onset_s)} trials at other times"
        raise StoreError(problem(truth, found, f"the {len(trials.onset_s)} of the responses", "Simulate again."))
    trial = trials.trials(TEST)
    image, first = np.unique(trials.image_index, return_index=True)
    candidates = trials.image_ids(TEST)
    expected = stores.read_array(truth, "expected_count")[shown[of_log[first[np.searchsorted(image, candidates)]]]]
    attributes = stores.read_attributes(truth)
    scores = log_likelihood(
        true_spike_counts(trials, truth)[trial],
        expected,
        stores.read_array(truth, "spontaneous_count"),
        attributes["shared_gain_log_sd"],
        attributes["private_gain_log_sd"],
    )
    return scores, trial, candidates


def log_likelihood(
    counts: np.ndarray, expected: np.ndarray, spontaneous: np.ndarray, shared_log_sd: float, private_log_sd: float
) -> np.ndarray:
    """(trials, images) log-likelihood of counts; see :func:`ideal_observer_scores`.

    Silence of all cells is the same for every trial; each cell that fired adds the ratio of its count's probability
    to that of silence. Time grows with images · nodes · (neurons + spikes), memory with (trials + a batch's distinct
    counts) · images · shared nodes.

    Parameters
    ----------
    counts : (trials, neurons) integers
    expected : (images, neurons) stimulus-driven counts at gain 1
    spontaneous : (neurons,)
    """
    from scipy.sparse import csr_array

    shared, shared_weight = _gains(shared_log_sd, SHARED_NODES)
    private, private_weight = _gains(private_log_sd, PRIVATE_NODES)
    silent = np.zeros(len(expected) * len(shared))
    total = np.zeros((len(counts), len(silent)))
    for start in range(0, counts.shape[1], BATCH_NEURONS):
        ratios, trial, row = [], [], []
        for neuron in range(start, min(start + BATCH_NEURONS, counts.shape[1])):
            fired = np.flatnonzero(counts[:, neuron])
            values, which = np.unique(counts[fired, neuron], return_inverse=True)
            rate = expected[:, neuron, None, None].astype(np.float64) * shared[:, None] * private + spontaneous[neuron]
            none, some = _count_probabilities(rate, values, private_weight)
            silent += none
            trial.append(fired)
            row.append(which + sum(map(len, ratios)))
            ratios.append(some)
        trial, row = np.concatenate(trial), np.concatenate(row)
        n_rows = sum(map(len, ratios))
        if n_rows:
            chosen = csr_array((np.ones(len(row)), (trial, row)), shape=(len(counts), n_rows))
            total += chosen @ np.concatenate(ratios)
    total = (total + silent).reshape(len(counts), len(expected), len(shared))
    return logsumexp(total, axis=-1, b=shared_weight)


def _count_probabilities(
    rate: np.ndarray, values: np.ndarray, private_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-probability of silence (images · shared,) and its log-ratios for counts (values, images · shared)."""
    poisson = np.exp(-rate)  # of n spikes, from that of n − 1 by one product
    silence = np.log(poisson @ private_weight).ravel()
    ratios = np.empty((len(values), len(silence)))
    n = 0
    with np.errstate(divide="ignore"):  # a silent cell never fires
        for index, value in enumerate(values):
            while n < value:
                n += 1
                poisson = poisson * (rate / n)
            ratios[index] = np.log(poisson @ private_weight).ravel() - silence
    return silence, ratios


def _gains(log_sd: float, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Quadrature nodes and weights of a log-normal gain with mean 1."""
    node, weight = np.polynomial.hermite_e.hermegauss(n_nodes if log_sd > 0 else 1)
    return np.exp(log_sd * node - log_sd**2 / 2), weight / weight.sum()


def true_spike_counts(trials: TrialResponses, truth: Path) -> np.ndarray:
    """(trials, cells) true spikes in each trial's response window, of all simulated cells."""
    if not (truth / stores.ARRAYS / "spike_time_s").is_dir():
        return trials.responses.astype(np.int64)
    time_s, neuron = stores.read_array(truth, "spike_time_s"), stores.read_array(truth, "spike_neuron")
    n_neurons = stores.open_array(truth, "spontaneous_count").shape[0]
    attributes = stores.read_attributes(truth)
    start = trials.onset_s + attributes["latency_s"]
    begin, end = np.searchsorted(time_s, start), np.searchsorted(time_s, start + attributes["duration_s"])
    return np.stack([np.bincount(neuron[b:e], minlength=n_neurons) for b, e in zip(begin, end, strict=True)])
