import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import dina
from dina import stores
from dina.decoders.dina import DinaDecoder
from dina.decoders.ridge import RidgeDecoder
from dina.errors import InputError, ShapeError, StoreError
from dina.exports.bundle import write_bundle
from dina.exports.model_card import model_card
from dina.manifest import SUMS
from dina.models.ranking import z_scored
from dina.probing.statistics import COLUMNS
from dina.recordings.trials import TEST, write_trials
from dina.settings import DinaModelSettings, DinaSettings, DinaTrainingSettings
from dina.training.train import describe_dina, fit_dina

SETTINGS = DinaSettings(
    model=DinaModelSettings(n_image_components=40, channels=8, n_components=20, learned_core=False),
    training=DinaTrainingSettings(epochs=1, batch_trials=64),
)
SCORES = [
    ("dina", -1, "test", "single", 2, "top1", 0.9, 0.8, 0.95, 30, 0.5),
    ("dina", -1, "test", "single", 30, "top1", 0.55, 0.4, 0.7, 30, 1 / 30),
    ("dina", 0, "test", "single", 30, "top1", 0.11, 0.1, 0.2, 30, 1 / 30),
    ("dina_ensemble", -1, "test", "averaged", 30, "top1", 0.66, 0.5, 0.8, 30, 1 / 30),
    ("ridge", -1, "test", "single", 30, "top1", 0.22, 0.1, 0.3, 30, 1 / 30),
]


@pytest.fixture(scope="module")
def fitted(gabor_trials, small_gabor):
    """Two decoders in the place of seeds; the second has a random neural tower, which needs no training."""
    model, _ = fit_dina(gabor_trials, SETTINGS, small_gabor, seed=0, device=torch.device("cpu"))
    first = DinaDecoder(model, describe_dina(model, gabor_trials, SETTINGS, small_gabor, 0))
    return [first, first.untrained(1)]


@pytest.fixture(scope="module")
def inputs(gabor_trials, fitted, tmp_path_factory):
    """The stores of responses, of two seeds, and of the probe."""
    folder = tmp_path_factory.mktemp("bundled")
    with stores.new_store(folder / "responses") as store:
        write_trials(store, gabor_trials)
        rois = pd.DataFrame({"plane": 0, "roi": np.arange(gabor_trials.n_neurons) + 5, "snr": 1.0})
        stores.write_table(store, "neurons", rois)
    for seed, decoder in enumerate(fitted):
        with stores.new_store(folder / f"seed-{seed}") as store:
            decoder.save(store)
    with stores.new_store(folder / "identification") as store:
        stores.write_table(store, "scores", pd.DataFrame(SCORES, columns=COLUMNS))
    return folder / "responses", [folder / "seed-0", folder / "seed-1"], folder / "identification"


@pytest.fixture(scope="module")
def bundle(inputs, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "bundle"
    write_bundle(*inputs, path, "m1", simulated=False)
    return stores.checked(path, verify=True)


@pytest.fixture(scope="module")
def model(bundle):
    return dina.load_model(bundle, device="cpu")


def test_it_decodes_as_the_ensemble_of_the_probe(gabor_trials, fitted, model):
    chosen, gallery = gabor_trials.trials(TEST), gabor_trials.images[gabor_trials.image_ids(TEST)]
    z = gabor_trials.standardised(chosen)
    expected = np.mean([z_scored(decoder.scores(z, gallery)) for decoder in fitted], axis=0)
    raw = gabor_trials.responses[chosen]
    np.testing.assert_allclose(model.scores(raw, gallery), expected, atol=1e-5)
    np.testing.assert_array_equal(model.identify(raw, gallery), expected.argmax(1))


def test_products_of_what_is_encoded_are_the_mean_similarity(gabor_trials, fitted, model):
    raw, images = gabor_trials.responses[:5], gabor_trials.images[:7]
    z = gabor_trials.standardised(np.arange(5))
    expected = np.mean([decoder.scores(z, images) for decoder in fitted], axis=0)
    encoded = model.encode_responses(raw), model.encode_images(images)
    np.testing.assert_allclose(encoded[0] @ encoded[1].T, expected, atol=1e-5)
    lengths = [np.linalg.norm(vectors, axis=1) for vectors in encoded]
    assert (lengths[0] < 1 + 1e-4).all()  # what no image can look like is left out
    np.testing.assert_allclose(lengths[1], 1, atol=1e-4)


def test_wrong_shapes_and_values_are_refused_by_name(gabor_trials, model):
    raw, images = gabor_trials.responses, gabor_trials.images
    with pytest.raises(ShapeError, match=r"responses: found shape \(3, 59\); expected \(trials, 60\)\. .* of 'm1'"):
        model.identify(raw[:3, 1:], images)
    with pytest.raises(ShapeError, match=r"images: found shape \(5, 16, 32\); expected \(images, 32, 32\)"):
        model.encode_images(images[:5, :16])
    with pytest.raises(InputError, match=r"images: found values from .* expected 0 black to 1 white"):
        model.encode_images(images * 255)
    with pytest.raises(InputError, match="responses: found numbers that are not finite"):
        model.encode_responses(np.where(np.arange(60) == 3, np.nan, raw[:2]))


def test_it_holds_the_card_and_no_data(gabor_trials, bundle):
    card = (bundle / "README.md").read_text()
    assert "| one seed, mean over seeds | one trial | 0.550 | 0.400 to 0.700 | 0.0333 |" in card
    assert "| all seeds together, as `identify` does | mean of an image's trials | 0.660 |" in card
    assert "0.110" not in card and "0.220" not in card and "simulated" not in card
    about = json.loads((bundle / "about.json").read_text())
    assert all(digest in card for digest in about["trained_on"].values())
    assert "no others" in card and about["licence"] in card
    neurons = pd.read_csv(bundle / "neurons.csv")
    assert list(neurons) == ["neuron", "plane", "roi"] and neurons["roi"][3] == 8
    kinds = {path.suffix for path in bundle.rglob("*") if path.is_file() and path.name != SUMS}
    assert kinds == {".safetensors", ".json", ".csv", ".md"}
    held = b"".join(path.read_bytes() for path in bundle.rglob("*") if path.is_file())
    for neuron in range(gabor_trials.n_neurons):
        assert gabor_trials.responses[:10, neuron].tobytes() not in held
    assert gabor_trials.images[0].tobytes() not in held


def test_a_card_says_what_was_simulated_or_closed(bundle):
    about = json.loads((bundle / "about.json").read_text()) | {"simulated": True, "closed_set": True}
    card = model_card(about, pd.DataFrame(SCORES, columns=COLUMNS))
    assert "say nothing of real cortex" in card and "known images" in card


def test_damaged_or_foreign_folders_are_refused(bundle, tmp_path):
    with pytest.raises(StoreError, match=r"found no about\.json; expected a bundle"):
        dina.load_model(tmp_path)
    own = shutil.copytree(bundle, tmp_path / "own")
    weights = own / "seed-1/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match=r"seed-1/model\.safetensors: found another content"):
        dina.load_model(own)
    about = json.loads((own / "about.json").read_text())
    (own / "about.json").write_text(json.dumps(about | {"format_version": 2}))
    with pytest.raises(StoreError, match="Take a newer dina"):
        dina.load_model(own)
    (own / "about.json").write_text("[]")
    with pytest.raises(StoreError, match="found no description"):
        dina.load_model(own)


def test_only_dina_is_bundled(gabor_trials, inputs, tmp_path, monkeypatch):
    responses, models, identification = inputs
    ridge = object.__new__(RidgeDecoder)
    monkeypatch.setattr("dina.exports.bundle.load_decoder", lambda _: ridge)
    with pytest.raises(InputError, match="found decoder 'ridge'; expected 'dina'|found decoder 'ridge'; expected dina"):
        write_bundle(responses, models, identification, tmp_path / "bundle", "m1", simulated=False)
    assert not list(tmp_path.iterdir())
