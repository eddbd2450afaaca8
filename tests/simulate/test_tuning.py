import numpy as np
import pytest

from dina.settings import PopulationSettings
from dina.simulate import tuning as tuning_module
from dina.simulate.network import network_drive
from dina.simulate.tuning import evoked_counts, expected_signal_variance

from .cells import SIZE, WIDTH_DEG, draw, grating


def counts(cells, images, **settings):
    return evoked_counts(PopulationSettings(**settings), cells, images, width_deg=WIDTH_DEG, duration_s=0.4)


def test_orientation_and_phase_tuning():
    cells = draw(80, share_unresponsive=0, spatial_frequency_cpd=(0.08, 0.12), scatter_deg=2)
    angles, phases = np.linspace(0, np.pi, 8, endpoint=False), np.linspace(0, 2 * np.pi, 8, endpoint=False)
    images = np.stack([grating(0.1, angle, phase) for angle in angles for phase in phases])
    answer = counts(cells, images, gain_log_sd=0, max_rate_hz=1e6).reshape(8, 8, len(cells))
    preferred = angles[answer.mean(1).argmax(0)]
    off = np.abs((preferred - cells.orientation_rad + np.pi / 2) % np.pi - np.pi / 2)
    assert np.median(off) < np.pi / 16
    best = np.take_along_axis(answer, answer.mean(1).argmax(0)[None, None], 0)[0]
    modulation = best.min(0) / best.max(0)
    assert np.median(modulation[cells.is_complex]) > 0.6
    assert np.median(modulation[~cells.is_complex]) < 0.05


def random_images(n=200):
    return np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE), dtype=np.uint8)


def test_means_and_unresponsive_cells():
    cells = draw(120, share_unresponsive=0.5)
    answer = counts(cells, random_images(), mean_evoked_spikes=0.3, max_rate_hz=1e9)
    assert answer.dtype == np.float32
    assert answer.mean(0) == pytest.approx(0.3 * cells.gain, rel=1e-3)
    assert 0.35 < cells.responsive.mean() < 0.65
    assert np.all(answer[:, ~cells.responsive] == 0)


def test_rates_stay_below_the_highest():
    answer = counts(draw(), random_images(), mean_evoked_spikes=50, max_rate_hz=40)
    assert 10 < answer.max() < 40 * 0.4


def test_normalisation_divides_by_what_drives_all():
    """An image of twice the contrast evokes 4 × without normalisation, and much less with it."""
    cells = draw(200, share_unresponsive=0)
    base = random_images(50).astype(float) - 127.5
    images = np.concatenate([np.rint(127.5 + scale * base) for scale in (0.5, 1)]).astype(np.uint8)
    ratio = {}
    for strength in (0.0, 5.0):
        answer = counts(cells, images, gain_log_sd=0, normalisation_strength=strength, max_rate_hz=1e9)
        ratio[strength] = answer[50:].mean() / answer[:50].mean()
    assert ratio[0.0] == pytest.approx(4, rel=0.05)
    assert ratio[5.0] < 2


def test_batches_of_cells_change_nothing(monkeypatch):
    cells, images = draw(50), random_images(20)
    whole = counts(cells, images)
    monkeypatch.setattr(tuning_module, "BATCH_NEURONS", 7)
    assert counts(cells, images) == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_the_signal_variance_is_as_set_and_as_two_showings_have_it():
    """Counts drawn under both gains repeat as the formula says, and their mean is what was asked for."""
    cells, images = draw(150), random_images(400)
    answer = counts(cells, images, mean_signal_variance=0.1)
    spontaneous = cells.spontaneous_rate_hz * np.float32(0.4)
    expected = expected_signal_variance(answer, spontaneous, 0.25, 0.45)
    assert expected.mean() == pytest.approx(0.1, abs=1e-3)
    rng, shared, private = np.random.default_rng(1), 0.25, 0.45
    showings = []
    for _ in range(40):
        gain = np.exp(shared * rng.standard_normal((len(answer), 1)) - shared**2 / 2)
        gain = gain * np.exp(private * rng.standard_normal(answer.shape) - private**2 / 2)
        showings.append(rng.poisson(answer * gain + spontaneous))
    showings = np.array(showings, float)
    noise = showings.var(0, ddof=1).mean(0)
    signal = showings.mean(0).var(0) - noise / len(showings)
    found = signal / np.maximum(signal + noise, 1e-9)
    assert np.abs(found - expected).max() < 0.05
    assert found.mean() == pytest.approx(0.1, abs=0.01)


def test_a_surround_suppresses_and_only_where_it_is_alike():
    """A large grating evokes less than without a surround; one across the preferred orientation leaves the cell be."""
    cells = draw(200, share_unresponsive=0, scatter_deg=2)
    weights = tuning_module._surround_weights(cells, 10.0)
    assert weights.sum(0) == pytest.approx(np.ones(len(cells)), rel=1e-5)
    across = np.abs(np.cos(cells.orientation_rad[:, None] - cells.orientation_rad)) < 0.1
    along = np.abs(np.cos(cells.orientation_rad[:, None] - cells.orientation_rad)) > 0.9
    assert weights[across].mean() < 0.1 * weights[along].mean()
    angles = np.linspace(0, np.pi, 8, endpoint=False)
    images = np.stack([grating(0.1, angle, 0.0) for angle in angles])
    plain, suppressed = (
        counts(cells, images, normalisation_strength=0.0, surround_strength=k, gain_log_sd=0, max_rate_hz=1e9)
        for k in (0.0, 3.0)
    )
    contrast = [answer.max(0) / np.maximum(answer.mean(0), 1e-9) for answer in (plain, suppressed)]
    assert np.median(contrast[1]) < np.median(contrast[0])  # the best orientation is the one that its surround shares


def test_units_of_the_network_see_their_place_alone():
    """Light far from a unit's place changes nothing; light at its place does, and no unit answers to grey."""
    rng = np.random.default_rng(0)
    center = np.tile([[-12.0, 0.0]], (64, 1)).astype(np.float32)
    grey = np.zeros((1, 64, 64), np.float32)
    left, right = grey.copy(), grey.copy()
    left[:, :, :26] = rng.standard_normal((1, 64, 26))
    right[:, :, 40:] = rng.standard_normal((1, 64, 24))
    at_grey, at_left, at_right = (network_drive(image, center, 40.0, 1)[0] for image in (grey, left, right))
    assert not at_grey.any()
    assert np.array_equal(at_right, at_grey)
    assert np.mean(at_left > 0) > 0.3
    assert np.array_equal(network_drive(left, center, 40.0, 1)[0], at_left)
    assert not np.array_equal(network_drive(left, center, 40.0, 2)[0], at_left)
