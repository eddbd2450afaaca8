import numpy as np
import pytest

from dina.decoders.prediction import N_FACTORS, noise_and_scores, response_scores
from dina.models.noise import Noise

N_NEURONS = 8


@pytest.fixture
def noise():
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((N_NEURONS, 2)))[0].astype(np.float32)
    return Noise(np.linspace(0.5, 2, N_NEURONS).astype(np.float32), axes, np.array([0.6, 0.3], np.float32))


@pytest.fixture
def responses():
    return np.random.default_rng(1).standard_normal((2, 5, N_NEURONS)).astype(np.float32)


def test_the_likelihood_is_the_gaussian_one_with_shared_noise(noise, responses):
    variance = (1 - noise.shrink) ** -2.0
    correlated = np.eye(N_NEURONS) + noise.axes * (variance - 1) @ noise.axes.T
    precision = np.linalg.inv(correlated * np.outer(noise.sd, noise.sd))
    z, predicted = responses
    difference = z[:, None] - predicted[None]
    expected = -0.5 * np.einsum("qmi,ij,qmj->qm", difference, precision, difference)
    found = response_scores(z, predicted, noise, "likelihood")
    # What is left out is the same for all candidates of a query.
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("score", "moves"), [("cosine", False), ("correlation", False), ("likelihood", True)])
def test_a_gain_common_to_all_neurons_moves_the_likelihood_alone(noise, responses, score, moves):
    z, predicted = responses
    found, doubled = (response_scores(gain * z, predicted, noise, score) for gain in (1, 2))
    assert np.allclose(found, doubled, atol=1e-5) != moves


def test_every_number_of_factors_is_tried_with_every_score(responses):
    tried = list(noise_and_scores(np.concatenate(responses)))
    assert [(noise.axes.shape[1], score) for noise, score in tried] == [
        (n, score) for n in N_FACTORS for score in ("cosine", "correlation", "likelihood")
    ]
