import numpy as np
import pytest

from dina.simulate.population import envelope_cycles, receptive_fields

from .cells import SIZE, WIDTH_DEG, draw, grating


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
