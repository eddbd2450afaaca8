import numpy as np
import pytest

from dina.settings import PopulationSettings
from dina.simulate import population as population_module
from dina.simulate.population import draw_population, envelope_cycles, evoked_counts, receptive_fields

SIZE, WIDTH_DEG = 48, 40.0


def draw(n=60, seed=1, field_px=(192, 192), pixel_size_um=1.5, **settings):
    center = np.random.default_rng(seed).uniform(0, field_px, (n, 2))
    return draw_population(
        PopulationSettings(**settings),
        center,
        np.zeros(n),
        field_px=field_px,
        pixel_size_um=pixel_size_um,
        image_width_deg=WIDTH_DEG,
        seed=seed,
    )


def grating(frequency_cpd, orientation_rad, phase_rad, contrast=1.0):
    """Bars at an anticlockwise angle from horizontal, as uint8."""
    axis = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * WIDTH_DEG
    x, y = axis[None], -axis[:, None]  # y up
    across = x * np.sin(orientation_rad) - y * np.cos(orientation_rad)
    wave = np.cos(2 * np.pi * frequency_cpd * across + phase_rad)
    return np.rint(127.5 * (1 + contrast * wave)).astype(np.uint8)


def test_fields_are_centred_where_stated():
    cells = draw(spatial_frequency_cpd=(0.08, 0.3))
    both = [receptive_fields(cells, slice(None), SIZE, WIDTH_DEG, quadrature=q) for q in (False, True)]
    energy = both[0] ** 2 + both[1] ** 2
    axis = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * WIDTH_DEG
    total = energy.sum((1, 2))
    recovered = np.stack([(energy * axis).sum((1, 2)) / total, (energy * axis[:, None]).sum((1, 2)) / total], 1)
    assert np.abs(recovered - cells.center_deg).max() < 0.5


def test_fields_ignore_uniform_grey_and_answer_1_to_their_own_grating():
    cells = draw(40, spatial_frequency_cpd=(0.12, 0.2), scatter_deg=0)
    filters = receptive_fields(cells, slice(None), SIZE, WIDTH_DEG)
    assert np.abs(filters.sum((1, 2))).max() < 1e-5
    answers = []
    for k in range(len(cells)):
        phases = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        waves = [grating(cells.frequency_cpd[k], cells.orientation_rad[k], p) / 127.5 - 1 for p in phases]
        answers.append(max(float((filters[k] * wave).sum()) for wave in waves))
    assert np.median(answers) == pytest.approx(1, abs=0.03)


def test_the_bandwidth_is_as_set():
    """Half-height frequencies of the envelope's Gaussian transfer function lie the stated octaves apart."""
    for octaves in (1.0, 1.5, 2.0):
        sigma = envelope_cycles(octaves)
        half = np.sqrt(2 * np.log(2)) / (2 * np.pi * sigma)
        assert np.log2((1 + half) / (1 - half)) == pytest.approx(octaves)


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
    monkeypatch.setattr(population_module, "BATCH_NEURONS", 7)
    assert counts(cells, images) == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_retinotopy_follows_the_cortex():
    cells = draw(500, scatter_deg=1)
    assert np.corrcoef(cells.center_px[:, 1], cells.center_deg[:, 0])[0, 1] > 0.95
    assert np.corrcoef(cells.center_px[:, 0], cells.center_deg[:, 1])[0, 1] > 0.95
    slope = np.polyfit(cells.center_px[:, 1] * 1.5, cells.center_deg[:, 0], 1)[0]
    assert slope == pytest.approx(0.06, rel=0.05)


@pytest.mark.parametrize("scatter_deg", [5.0, 50.0])
def test_centres_lie_well_inside_the_image_whatever_the_field_of_view(scatter_deg):
    cells = draw(500, field_px=(1000, 800), pixel_size_um=2, scatter_deg=scatter_deg)
    assert np.abs(cells.center_deg).max() <= 0.35 * WIDTH_DEG + 1e-4
    assert np.mean(np.abs(cells.center_deg) > 0.349 * WIDTH_DEG) < 0.02  # they are not heaped on the margin
