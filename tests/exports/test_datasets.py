import numpy as np
import pytest

import dina
from dina import stores
from dina.errors import StoreError
from dina.exports import datasets
from dina.recordings.trials import TEST
from tests.exports.conftest import RATE_HZ


def test_a_session_by_name(recording):
    data = dina.open_session(recording.session)
    expected = stores.read_array(recording.session, "dff")
    np.testing.assert_array_equal(data["dff"].values, expected)
    second = data["deconvolved"].isel(neuron=data["neuron_plane"] == 1, frame=slice(3, 9, 2))
    deconvolved = stores.read_array(recording.session, "deconvolved")
    np.testing.assert_array_equal(second.values, deconvolved[3:, 3:9:2])
    assert data["neuron_roi"].values.tolist() == [0, 1, 2, 0, 1] and data["deconvolved"].units == "stored value"
    np.testing.assert_allclose(data["frame_time_s"].sel(plane=1)[:3], 0.1 + np.arange(3) / RATE_HZ)
    assert data.attrs["deconvolution"] == "oasis"


def test_responses_by_name(recording, gabor_trials):
    data = dina.open_responses(recording.responses)
    unseen = data["responses"].sel(trial=data["split"] == "test")
    np.testing.assert_array_equal(unseen.values, gabor_trials.responses[gabor_trials.trials(TEST)])
    shown = data["images"].isel(image=data["image_index"][4])
    np.testing.assert_array_equal(shown.values, gabor_trials.images[gabor_trials.image_index[4]])
    assert data["category"].values[:4].tolist() == ["a", "b", "c", "a"] and data["onset_s"].units == "s"
    means = data["responses"].groupby("split").mean("trial")
    assert means.sizes == {"split": 3, "neuron": gabor_trials.n_neurons}


def test_arrays_are_read_when_and_as_far_as_they_are_used(recording, monkeypatch):
    read = []
    opened = stores.open_array

    class Watched:
        def __init__(self, store, name):
            self._array, self._name = opened(store, name), name
            self.shape, self.dtype, self.attrs = self._array.shape, self._array.dtype, self._array.attrs

        @property
        def oindex(self):
            outer = self

            class Reader:
                def __getitem__(self, key):
                    values = outer._array.oindex[key]
                    read.append((outer._name, values.shape))
                    return values

            return Reader()

    monkeypatch.setattr(datasets.stores, "open_array", Watched)
    data = datasets._dataset(recording.session, datasets.SESSION, {}, {})
    assert not read
    assert data["dff"].isel(neuron=[0, 2], frame=slice(5)).values.shape == (2, 5)
    assert read == [("dff", (2, 5))]


def test_what_is_no_such_store_is_refused(recording, tmp_path):
    with pytest.raises(StoreError, match="found no array 'dff'; expected a store of a session"):
        dina.open_session(recording.responses)
    with pytest.raises(StoreError, match="found no such folder"):
        dina.open_responses(tmp_path / "nothing")
