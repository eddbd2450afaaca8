import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dina import stores
from dina.recordings.importers.simulated import import_simulated_responses
from dina.recordings.reliability import repeat_pairs, signal_variance
from dina.recordings.trials import read_trials
from dina.settings import SimulationSettings


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    import_simulated_responses(SimulationSettings(seed=4), folder / "responses", truth=folder / "truth")
    return read_trials(stores.checked(folder / "responses")), stores.checked(folder / "truth")


def variance(trials, responses):
    first, second = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
    return np.nan_to_num(signal_variance(responses[first], responses[second]))


def test_signal_variance_is_distributed_as_in_a_good_recording(simulated):
    """Mean about 0.17 and a long tail (Stringer et al. 2019: 0.165); imaging will take a little away."""
    trials, _ = simulated
    found = variance(trials, trials.responses)
    assert 0.14 < found.mean() < 0.24
    assert np.median(found) < 0.12
    assert np.mean(found > 0.4) >= 0.1


def test_rates_are_those_of_cortex(simulated):
    trials, truth = simulated
    rate_hz = trials.responses.mean(0) / stores.read_attributes(truth)["duration_s"]
    assert np.median(rate_hz) < 0.5
    assert rate_hz.mean() < 2
    assert rate_hz.max() < 40


def test_responses_are_whole_spikes_around_the_expected_counts(simulated):
    trials, truth = simulated
    expected = stores.read_array(truth, "expected_count")[trials.image_index]
    mean = expected.mean(0) + stores.read_array(truth, "spontaneous_count")
    assert np.array_equal(trials.responses, np.rint(trials.responses))
    strong = mean > 0.5
    assert trials.responses.mean(0)[strong] == pytest.approx(mean[strong], rel=0.15)
    silent = stores.read_array(truth, "responsive") == 0
    assert 0.3 < silent.mean() < 0.55
    assert np.abs(variance(trials, trials.responses)[silent]).max() < 0.3


def test_trials_agree_with_the_truth(simulated):
    trials, truth = simulated
    assert trials.responses.shape == (1740, 400)
    assert np.array_equal(trials.image_index, stores.read_array(truth, "trial_image"))
    assert np.array_equal(trials.onset_s, stores.read_array(truth, "trial_onset_s"))
    assert trials.images.min() >= 0
    assert trials.images.max() <= 1
    assert trials.degrees_per_pixel == 0.625
    assert "training repeats" in trials.reliability_source


def test_size_is_free_and_seeded(tmp_path):
    settings = SimulationSettings(
        scenes={"n_train": 60, "n_validation": 6, "n_test": 6, "size_px": 16}, protocol={"share_train_repeated": 0.5}
    )
    for name in ("first", "again"):
        import_simulated_responses(settings, tmp_path / name, n_neurons=700)
    import_simulated_responses(settings.model_copy(update={"seed": 9}), tmp_path / "other", n_neurons=700)
    first, again, other = ((tmp_path / f"{name}.json").read_text() for name in ("first", "again", "other"))
    assert read_trials(tmp_path / "first").responses.shape == (60 + 30 + 6 + 12, 700)
    assert first == again
    assert first != other


def test_threads_change_no_byte(simulated, tmp_path):
    trials, _ = simulated
    with threadpool_limits(1):
        import_simulated_responses(SimulationSettings(seed=4), tmp_path / "one")
    assert np.array_equal(read_trials(tmp_path / "one").responses, trials.responses)
