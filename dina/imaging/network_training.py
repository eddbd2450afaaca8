"""Training of the network of :mod:`dina.imaging.network`, on simulated traces alone.

``python -m dina.imaging.network_training`` simulates 6,000 traces and writes ``network.safetensors`` in about three
minutes on two cores. Seeds are fixed: one machine gives the same bytes each time, others give rounding of their own.
Put the digest that it prints into :data:`dina.imaging.network.WEIGHTS_SHA256`. Priors are wide, so as to hold any
indicator and cell, and are not to be fitted to the recordings of ``benchmarks/deconvolution_truth.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.imaging.deconvolution import maximin_baseline, noise_level
from dina.imaging.network import (
    BASELINE_SIGMA_S,
    BASELINE_WINDOW_S,
    GAUSSIAN_MEDIAN_STEP,
    GRID_HZ,
    HIDDEN,
    RATE,
    WEIGHTS,
    events_rate,
    trace_features,
)

if TYPE_CHECKING:
    import torch

FINE_HZ = 120.0  # at which spikes and calcium are simulated
CHANNELS = 12
WIDTHS = {"onset": 17, "rise": 9, "decay": 9}  # of kernels, steps of the grid
N_WORKERS = 2


@dataclass(frozen=True)
class Training:
    """How the network is trained; the fields are kept beside the weights.

    Attributes
    ----------
    n_traces, seconds, n_steps : how many traces, their length, and how much of each is kept on the grid
    n_held_out : the first of them, never trained on
    target_sigma_s : smoothing of the true spikes
    n_epochs, batch, crop_steps : passes of four crops a trace; crops a batch, and their length
    margin_steps : at either end of a crop, left out of the loss, since the trace is cut there
    fewest_spikes : crops with fewer do not count
    peak_learning_rate, weight_decay, seed
    """

    n_traces: int = 6000
    seconds: float = 200.0
    n_steps: int = 2900
    n_held_out: int = 600
    target_sigma_s: float = 0.15
    n_epochs: int = 12
    batch: int = 48
    crop_steps: int = 720
    margin_steps: int = 30
    fewest_spikes: int = 2
    peak_learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    seed: int = 0


@dataclass(frozen=True)
class Trace:
    """A simulated trace: ``dff`` (frames,), means over frames of ``rate_hz`` from 0 s on; ``spike_s`` (spikes,)."""

    dff: np.ndarray
    rate_hz: float
    spike_s: np.ndarray


def main() -> None:
    """Simulate, train, and write the weights beside the network."""
    import torch

    torch.set_num_threads(1)
    training = Training()
    features, target, counts = simulate_examples(training)
    weights = train(training, features, target, counts, report=print)
    content = packed(weights, training)
    Path(__file__).with_name(WEIGHTS).write_bytes(content)
    print(f"WEIGHTS_SHA256 = {hashlib.sha256(content).hexdigest()!r}")


def packed(weights: Mapping[str, torch.Tensor], training: Training) -> bytes:
    """Weights as safetensors, with the training's settings in its header."""
    from safetensors.torch import save

    plain = {name: value.detach().contiguous() for name, value in sorted(weights.items())}
    return save(plain, {"training": json.dumps(asdict(training), sort_keys=True)})


# --- simulated traces -------------------------------------------------------------------------


def simulate_trace(seed: int, seconds: float = Training.seconds) -> Trace:
    """One trace with priors wide enough for any indicator, neuron and microscope of usual kind.

    Spikes are bursts at a rate whose logarithm is an Ornstein-Uhlenbeck process; calcium rises and decays
    exponentially; fluorescence follows it in proportion or by a Hill function; drift of the baseline, a rest of
    neuropil and noise, in half the traces shot noise, are added.
    """
    rng = np.random.default_rng(seed)
    n_fine = int(seconds * FINE_HZ)
    spikes = _spikes(rng, n_fine)
    dff = _fluorescence(rng, spikes)
    rate_hz, noise_percent = _log_uniform(rng, 5, 30), _log_uniform(rng, 1, 10)
    dff = _frame_means(dff, rate_hz, int(seconds * rate_hz))
    drift = rng.uniform(0, 0.3) * _wander(rng, len(dff), _log_uniform(rng, 20, 200), rate_hz)
    neuropil = rng.uniform(0, 0.06) * _wander(rng, len(dff), _log_uniform(rng, 0.4, 4), rate_hz)
    sd = noise_percent * np.sqrt(rate_hz) / 100 / GAUSSIAN_MEDIAN_STEP
    shot = np.sqrt(np.maximum(1 + dff, 0.2)) if rng.random() < 0.5 else 1.0
    noise = sd * shot * rng.standard_normal(len(dff))
    spike_s = np.repeat(np.arange(n_fine) + 0.5, spikes) / FINE_HZ
    return Trace(dff + drift + neuropil + noise, rate_hz, spike_s)


def _spikes(rng: np.random.Generator, n_fine: int) -> np.ndarray:
    """(fine steps,) int spikes: 0.02 to 8 a second, single or in bursts of 1 to 4 on average."""
    mean_hz, spread, tau_s = _log_uniform(rng, 0.02, 8), rng.uniform(0, 2.2), _log_uniform(rng, 0.1, 10)
    rate_hz = mean_hz * np.exp(spread * _wander(rng, n_fine, tau_s, FINE_HZ) - spread**2 / 2)
    bursting = rng.random() < 0.5
    size = rng.uniform(1, 4) if bursting else 1.0
    spikes = np.zeros(n_fine, int)
    for start in np.flatnonzero(rng.random(n_fine) < np.minimum(rate_hz, 150) / FINE_HZ / size):
        at = start
        for _ in range(rng.geometric(1 / size) if bursting else 1):
            if at < n_fine:
                spikes[at] += 1
            at += 1 + int(rng.random() < 0.4)
    return spikes


def _fluorescence(rng: np.random.Generator, spikes: np.ndarray) -> np.ndarray:
    """(fine steps,) dF/F: time constants of 5 to 150 ms and 0.25 to 2 s; a single spike gives 0.03 to 0.6."""
    from scipy.signal import lfilter

    rise_s, decay_s = _log_uniform(rng, 0.005, 0.15), _log_uniform(rng, 0.25, 2.0)
    rise, decay = np.exp(-1 / (rise_s * FINE_HZ)), np.exp(-1 / (decay_s * FINE_HZ))

    def exponentials(impulses: np.ndarray) -> np.ndarray:
        return lfilter([1], [1, -decay], impulses) - lfilter([1], [1, -rise], impulses)

    peak = exponentials(np.r_[1.0, np.zeros(len(spikes) // 10)]).max()
    calcium = np.maximum(exponentials(spikes.astype(float)) / peak, 0)
    amplitude = _log_uniform(rng, 0.03, 0.6)
    if rng.random() < 0.6:  # more than in proportion at first, then saturating
        exponent, half = rng.uniform(1, 2.5), _log_uniform(rng, 5, 60)
        hill = calcium**exponent / (calcium**exponent + half**exponent) * (1 + half**exponent)
        calcium = np.minimum(hill, 50 * np.maximum(calcium, 1))
    dff = amplitude * calcium
    return dff * min(1.0, _log_uniform(rng, 2, 12) / max(dff.max(), 1e-9))


def _frame_means(values: np.ndarray, rate_hz: float, n_frames: int) -> np.ndarray:
    edges = np.minimum(np.round(np.arange(n_frames + 1) / rate_hz * FINE_HZ).astype(int), len(values))
    return np.diff(np.r_[0, np.cumsum(values)][edges]) / np.maximum(np.diff(edges), 1)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _wander(rng: np.random.Generator, n: int, tau_s: float, rate_hz: float) -> np.ndarray:
    """(n,) an Ornstein-Uhlenbeck process of variance 1."""
    from scipy.signal import lfilter

    keep = np.exp(-1 / (tau_s * rate_hz))
    return lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.standard_normal(n))


# --- training ---------------------------------------------------------------------------------


def simulate_examples(training: Training) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(traces, 2, steps) features, (traces, steps) smoothed spikes and (traces, steps) spikes."""
    import torch

    context = get_context("spawn")  # torch does not survive a fork
    with ProcessPoolExecutor(N_WORKERS, context) as pool:
        examples = list(pool.map(partial(_example, training), range(training.n_traces), chunksize=20))
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*examples, strict=True))


def train(
    training: Training,
    features: torch.Tensor,
    target: torch.Tensor,
    counts: torch.Tensor,
    report: Callable[[str], Any],
) -> dict[str, torch.Tensor]:
    """Weights that let the inferred rate correlate best with the smoothed spikes, crop by crop.

    Tells ``report`` the correlation in held-out traces ten times on the way.
    """
    import torch

    of, to = slice(training.n_held_out), slice(training.n_held_out, None)
    held_out = counts[of].sum(1) >= 5
    weights = _initial_weights(training.seed)
    n_steps = training.n_epochs * len(features[to]) * 4 // training.batch
    optimiser = torch.optim.AdamW(weights.values(), weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.peak_learning_rate, total_steps=n_steps)
    generator = torch.Generator().manual_seed(training.seed + 1)
    inner = slice(training.margin_steps, -training.margin_steps)
    for step in range(n_steps):
        x, y, n = _crops(training, (features[to], target[to], counts[to]), generator)
        counted = n.sum(1) >= training.fewest_spikes
        loss = 1 - _correlation(events_rate(weights, x[counted])[:, inner], y[counted][:, inner]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % max(n_steps // 10, 1) == 0 or step == n_steps - 1:
            with torch.no_grad():
                r = _correlation(events_rate(weights, features[of]), target[of])[held_out]
            report(f"step {step} of {n_steps}: held out, mean r {r.mean():.4f}, median {r.median():.4f}")
    return weights


def _example(training: Training, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from scipy.ndimage import gaussian_filter1d

    trace = simulate_trace(seed, training.seconds)
    rate_hz = trace.rate_hz
    dff = trace.dff[None]
    raised = dff - maximin_baseline(dff, BASELINE_WINDOW_S * rate_hz, BASELINE_SIGMA_S * rate_hz)
    features = trace_features(raised[0], float(noise_level(raised, rate_hz)[0]), rate_hz)
    edges = 0.5 / rate_hz + (np.arange(features.shape[1] + 1) - 0.5) / GRID_HZ  # step 0 is at the first frame's middle
    counts = np.histogram(trace.spike_s, edges)[0].astype(np.float32)
    target, kept = gaussian_filter1d(counts, training.target_sigma_s * GRID_HZ), slice(training.n_steps)
    return features[:, kept], target[kept], counts[kept]


def _initial_weights(seed: int) -> dict[str, torch.Tensor]:
    import torch

    torch.manual_seed(seed)
    weights, n_in = {}, 2
    for layer in (*HIDDEN, RATE):
        last = layer == RATE
        convolution = torch.nn.Conv1d(n_in, 1 if last else CHANNELS, 1 if last else WIDTHS[layer])
        weights |= {f"{layer}.weight": convolution.weight, f"{layer}.bias": convolution.bias}
        n_in = CHANNELS
    return weights


def _crops(
    training: Training, arrays: tuple[torch.Tensor, ...], generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    import torch

    row = torch.randint(len(arrays[0]), (training.batch,), generator=generator)
    start = torch.randint(arrays[0].shape[-1] - training.crop_steps, (training.batch,), generator=generator)
    places = list(zip(row.tolist(), start.tolist(), strict=True))
    return tuple(torch.stack([a[i, ..., at : at + training.crop_steps] for i, at in places]) for a in arrays)


def _correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(rows,) Pearson's r."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-6)


if __name__ == "__main__":
    main()
