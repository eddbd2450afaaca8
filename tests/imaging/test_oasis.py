"""OASIS against suite2p's, against the constrained least squares that it solves, and on noiseless spikes."""

import numpy as np
import pytest

from dina.imaging import suite2p
from dina.imaging.oasis import oasis

RATE_HZ = 10.0
TAU_S = 0.7
DECAY = np.exp(-1 / (TAU_S * RATE_HZ))


def calcium(spikes):
    """The exponential transients that spikes give."""
    trace = np.zeros(spikes.shape)
    for t in range(spikes.shape[-1]):
        trace[..., t] = spikes[..., t] + (DECAY * trace[..., t - 1] if t else 0)
    return trace


@pytest.mark.parametrize("level", [0.0, -2.0, 100.0])
def test_equals_suite2ps(level):
    suite2p.load()
    from suite2p.extraction.dcnv import oasis as suite2ps

    rng = np.random.default_rng(0)
    traces = 20 * calcium(rng.poisson(0.03, (5, 1500))) + rng.normal(level, 4, (5, 1500))
    expected = suite2ps(traces.astype(np.float32), batch_size=5, tau=TAU_S, fs=RATE_HZ)
    np.testing.assert_allclose(oasis(traces, TAU_S, RATE_HZ), expected, atol=1e-4)


def test_noiseless_spikes_are_found_exactly():
    spikes = np.zeros((1, 300))
    spikes[0, [20, 21, 40, 200]] = 3, 1, 2, 5
    np.testing.assert_allclose(oasis(calcium(spikes), TAU_S, RATE_HZ), spikes, atol=1e-5)


def test_solves_the_constrained_least_squares():
    from scipy.optimize import nnls

    rng = np.random.default_rng(1)
    trace = calcium(rng.poisson(0.1, 80)) + rng.normal(0, 0.4, 80)
    transients = DECAY ** np.abs(np.subtract.outer(np.arange(80), np.arange(80))) * np.tri(80)
    free_start = np.column_stack([transients, -transients[:, 0]])  # what came before may have any sign
    solution = nnls(free_start, trace)[0]
    np.testing.assert_allclose(oasis(trace[None], TAU_S, RATE_HZ)[0, 1:], solution[1:80], atol=1e-4)


def test_no_event_is_negative_and_rows_do_not_touch():
    traces = np.random.default_rng(2).normal(size=(4, 500))
    events = oasis(traces, TAU_S, RATE_HZ)
    assert (events >= 0).all()
    np.testing.assert_array_equal(events[2], oasis(traces[2:3], TAU_S, RATE_HZ)[0])
