from dataclasses import replace

import numpy as np
import pytest
import torch

from dina.errors import TrainingError
from dina.models.features import fit_feature_space
from dina.models.whitening import Whitening
from dina.recordings.trials import TEST, TRAIN, VALIDATION
from dina.settings import CoreReadoutSettings, DinaModelSettings, DinaSettings
from dina.training import closed_form, mixture
from dina.training.closed_form import start_in_closed_form
from dina.training.core import fit_core_readout
from dina.training.local_encoding import fit_local_encoding
from dina.training.mixture import LearnedPart, fit_learned_part
from dina.training.train import describe_dina

CPU = torch.device("cpu")
CORE = CoreReadoutSettings(channels=6, size_px=16, epochs=4, batch_trials=16)
SETTINGS = DinaModelSettings(n_image_components=80, channels=40, n_components=60, core=CORE)


class Known:
    """In place of a trained network: predictions that are given."""

    def __init__(self, responses):
        self.responses = responses

    def predict(self, images):
        return self.responses


@pytest.fixture
def plain(gabor_trials):
    """A whitening that changes nothing, and validation images' mean responses beside noise."""
    n = gabor_trials.n_neurons
    whitening = Whitening(torch.ones(n), torch.zeros(n, 1), torch.zeros(1), torch.ones(n))
    truth = torch.from_numpy(gabor_trials.averaged(VALIDATION, weighted=False)[0])
    return whitening, truth, torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("is_core_right", [True, False])
def test_the_better_predictions_take_the_share(gabor_trials, small_gabor, plain, monkeypatch, is_core_right):
    whitening, truth, noise = plain
    core, closed = (truth, noise) if is_core_right else (noise, truth)
    monkeypatch.setattr(mixture, "fit_core_readout", lambda *_, **__: Known(core))
    learned = fit_learned_part(gabor_trials, closed, whitening, SETTINGS, small_gabor, seed=0)
    assert (learned.share > 0) == is_core_right


def test_only_the_most_reliable_neurons_have_a_core(gabor_trials, small_gabor, plain, monkeypatch):
    whitening, truth, noise = plain
    monkeypatch.setattr(mixture, "MOST_NEURONS", 20)
    seen = []

    def fit(trials, *_, **__):
        seen.append(trials)
        return Known(truth[:, np.sort(np.argsort(-gabor_trials.reliability)[:20])])

    monkeypatch.setattr(mixture, "fit_core_readout", fit)
    learned = fit_learned_part(gabor_trials, noise, whitening, SETTINGS, small_gabor, seed=0)
    others = np.setdiff1d(np.arange(60), learned.neurons.numpy())
    assert seen[0].n_neurons == 20 and gabor_trials.reliability[others].max() <= seen[0].reliability.min()
    mixed = learned.mixed(noise, gabor_trials.images[:30])
    assert torch.equal(mixed[:, others], noise[:, others])
    expected = (1 - learned.share) * noise + learned.share * truth
    torch.testing.assert_close(mixed[:, learned.neurons], expected[:, learned.neurons])
    assert learned.kept(60)[others].eq(1).all() and learned.kept(60)[learned.neurons].eq(1 - learned.share).all()


def test_a_core_that_diverges_is_told(gabor_trials, small_gabor):
    settings = CORE.model_copy(update={"learning_rate": 1000.0})
    with pytest.raises(TrainingError, match="Lower learning_rate"):
        fit_core_readout(gabor_trials, settings, small_gabor, seed=0, device=CPU)


def test_towers_with_a_core_reproduce_the_mixtures_cosine(gabor_trials, small_gabor, monkeypatch):
    """The core's share is set, and 10 of 60 neurons have none, so that both parts are there to be told apart."""
    neurons = np.arange(10, 60)
    network = fit_core_readout(gabor_trials.of_neurons(neurons), CORE, small_gabor, seed=3, device=CPU)
    learned = LearnedPart(network, torch.from_numpy(neurons), 0.6)
    pictures = gabor_trials.images[gabor_trials.image_ids(TRAIN)]
    assert network.core.mean.item() == pytest.approx(pictures.mean(), abs=1e-5)
    monkeypatch.setattr(closed_form, "fit_learned_part", lambda *_, **__: learned)
    model, held_out = start_in_closed_form(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)
    torch.nn.init.zeros_(model.neural_tower.residual[-1].weight)
    torch.nn.init.zeros_(model.neural_tower.residual[-1].bias)
    images = gabor_trials.images[:15]
    z = gabor_trials.standardised(gabor_trials.trials(TRAIN)[:20])
    with torch.no_grad():
        found = model(torch.from_numpy(z), torch.from_numpy(images))
    space, scores = fit_feature_space(small_gabor, gabor_trials.images[gabor_trials.image_ids(TRAIN)], 80, CPU)
    encoding = fit_local_encoding(gabor_trials, space, scores, SETTINGS)
    fitted = closed_form.FittedEncoding(gabor_trials.image_ids(TRAIN), space, scores, encoding)
    whitening = closed_form._whitening(fitted, gabor_trials)
    predicted = whitening.apply(learned.mixed(torch.from_numpy(scores[:15]) @ encoding.weights, images))
    unweighted = np.divide(z, gabor_trials.weights, out=np.zeros_like(z), where=gabor_trials.weights > 0)
    observed = whitening.apply(torch.from_numpy(unweighted))
    expected = torch.nn.functional.cosine_similarity(observed[:, None], predicted[None], dim=2)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert describe_dina(model, gabor_trials, DinaSettings(), small_gabor, 0)["core_share"] == 0.6
    # Contrastive training sees the images by the closed form's held-out predictions, with the core's beside them.
    of_held_out = whitening.apply(learned.mixed(encoding.held_out, gabor_trials.images[gabor_trials.image_ids(TRAIN)]))
    torch.testing.assert_close(held_out @ held_out.T, of_held_out @ of_held_out.T, rtol=1e-3, atol=1e-2)


def test_few_components_hold_what_the_core_explains(gabor_trials, small_gabor, monkeypatch):
    """Where the core alone predicts 50 of 60 neurons, the towers' axes must be those of its predictions."""
    neurons = np.arange(10, 60)
    network = fit_core_readout(gabor_trials.of_neurons(neurons), CORE, small_gabor, seed=3, device=CPU)
    learned = LearnedPart(network, torch.from_numpy(neurons), 1.0)
    monkeypatch.setattr(closed_form, "fit_learned_part", lambda *_, **__: learned)
    settings = SETTINGS.model_copy(update={"n_components": 25})
    model, _ = start_in_closed_form(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    images = torch.from_numpy(gabor_trials.images[gabor_trials.image_ids(TRAIN)])
    with torch.no_grad():
        kept = model.image_tower.learned(images).square().sum()
    space, scores = fit_feature_space(small_gabor, images.numpy(), 80, CPU)
    encoding = fit_local_encoding(gabor_trials, space, scores, SETTINGS)
    fitted = closed_form.FittedEncoding(gabor_trials.image_ids(TRAIN), space, scores, encoding)
    whitening = closed_form._whitening(fitted, gabor_trials)
    whole = whitening.apply(learned.mixed(torch.zeros(len(images), 60), images.numpy())).square().sum()
    assert kept / whole > 0.95


def test_contrastive_training_leaves_the_core_alone(gabor_trials, small_gabor):
    model, _ = start_in_closed_form(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)
    learned = model.image_tower.learned
    model.train()
    before = {name: value.clone() for name, value in learned.state_dict().items()}
    images = torch.from_numpy(gabor_trials.images[:8])
    shown = model.image_tower(images)
    assert not any(parameter.requires_grad for parameter in learned.parameters())
    assert all(torch.equal(before[name], value) for name, value in learned.state_dict().items())
    assert torch.equal(shown, model.eval().image_tower(images))


def test_clips_and_closed_sets_have_no_core(gabor_trials, small_gabor):
    assert not SETTINGS.has_learned_core((2, 32, 32)) and SETTINGS.has_learned_core((32, 32))
    assert not SETTINGS.model_copy(update={"image_tower": "learned"}).has_learned_core((32, 32))
    again = np.where((gabor_trials.split == TRAIN) & (gabor_trials.repeat == 1), TEST, gabor_trials.split)
    closed_set = replace(gabor_trials, split=again.astype(np.uint8))
    model, _ = start_in_closed_form(closed_set, SETTINGS, small_gabor, seed=0, device=CPU)
    assert closed_set.is_closed_set and model.image_tower.learned is None
