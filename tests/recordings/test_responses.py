import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.errors import InputError
from dina.recordings.responses import measure_responses, window_sums
from dina.recordings.stimuli import prepare_stimuli
from dina.recordings.trials import TEST, TRAIN, VALIDATION, read_trials
from dina.settings import ResponsesSettings, StimuliSettings

RATE_HZ, N_FRAMES, N_TRIALS = 5.0, 1200, 240


def test_window_sums_count_frames_by_the_share_inside():
    times = np.arange(10) / 10
    activity = np.zeros((1, 10))
    activity[0, 5] = 1  # stands for 0.4 to 0.5 s
    start, stop = np.array([0.4, 0.45, 0.3, 0.5]), np.array([0.5, 0.6, 0.425, 0.9])
    np.testing.assert_allclose(window_sums(activity, times, start, stop)[:, 0], [1, 0.5, 0.25, 0], atol=1e-6)


@pytest.fixture
def session(tmp_path):
    """Two planes; each neuron is active in the frames of a trial in proportion to its image's number."""
    rng = np.random.default_rng(0)
    times = np.arange(N_FRAMES) / RATE_HZ + np.array([[0.0], [0.1]])
    onsets = 2.03 + 0.95 * np.arange(N_TRIALS)
    image = np.tile(rng.permutation(120), 2)
    activity = np.zeros((2, N_FRAMES), np.float32)
    for plane in range(2):
        for onset, number in zip(onsets, image, strict=True):
            covered = (np.minimum(times[plane], onset + 0.4) - np.maximum(times[plane] - 1 / RATE_HZ, onset)) * RATE_HZ
            activity[plane] += np.clip(covered, 0, 1) * number
    with stores.new_store(tmp_path / "session") as store:
        stores.write_array(store, "deconvolved", activity)
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_table(store, "neurons", pd.DataFrame({"neuron": [0, 1], "plane": [0, 1]}))
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (120, 32, 32), dtype=np.uint8))
    log = pd.DataFrame({"onset_s": onsets, "image": image})
    log.to_csv(tmp_path / "log.csv", index=False)
    return tmp_path, log


def measure(folder, **settings):
    settings = ResponsesSettings(**{"window_s": (-0.2, 0.6), "lag_s": 0.0} | settings)
    shown = (folder / "log.csv", folder / "images.npy", folder / "stimuli")
    prepare_stimuli(*shown, StimuliSettings(image_size_px=32), image_width_deg=16.0)
    measure_responses(folder / "session", folder / "stimuli", folder / "responses", settings)
    return read_trials(folder / "responses")


def test_each_plane_keeps_its_own_times(session):
    folder, log = session
    trials = measure(folder)
    shown = log["image"].to_numpy()
    for neuron in range(2):
        np.testing.assert_allclose(trials.responses[:, neuron], shown * 0.4 * RATE_HZ, rtol=0.02, atol=0.05)
    assert trials.degrees_per_pixel == 0.5


def test_split_is_by_image_and_statistics_are_from_training_alone(session):
    trials = measure(session[0])
    for side in (TRAIN, VALIDATION, TEST):
        others = trials.image_index[trials.split != side]
        assert not set(trials.image_ids(side)) & set(others)
    train = trials.trials(TRAIN)
    np.testing.assert_allclose(trials.mean, trials.responses[train].mean(0), rtol=1e-5)
    assert np.bincount(trials.repeat).tolist() == [120, 120]


def test_lag_moves_the_window(session):
    early, late = (measure(session[0], window_s=(0.0, 0.4), lag_s=lag).responses for lag in (0.0, 0.3))
    assert late.sum() < 0.5 * early.sum()


def test_baseline_is_subtracted(session):
    plain = measure(session[0], window_s=(0.0, 0.4))
    subtracted = measure(session[0], window_s=(0.0, 0.4), baseline_s=(0.0, 0.2))
    assert np.abs(subtracted.responses).sum() < 0.3 * np.abs(plain.responses).sum()


def test_log_split_is_kept(session):
    folder, log = session
    side = np.array(["train", "validation", "test"])[np.clip(log["image"].to_numpy() // 40, 0, 2)]
    log.assign(split=side).to_csv(folder / "log.csv", index=False)
    trials = measure(folder)
    assert [("train", "validation", "test")[s] for s in trials.split] == side.tolist()


def test_window_past_the_end_names_the_row(session):
    folder, log = session
    log.assign(onset_s=log["onset_s"] + 9.7).to_csv(folder / "log.csv", index=False)
    with pytest.raises(InputError, match=r"log.csv, row 240: found a response window"):
        measure(folder, window_s=(0.0, 2.0))


def test_one_picture_on_two_sides_of_a_given_split_is_refused(session):
    folder, log = session
    images = np.load(folder / "images.npy")
    images[119] = images[0]
    np.save(folder / "images.npy", images)
    side = np.array(["train", "validation", "test"])[np.clip(log["image"].to_numpy() // 40, 0, 2)]
    log.assign(split=side).to_csv(folder / "log.csv", index=False)
    with pytest.raises(
        InputError, match=r"log.csv, row \d+: found the same picture in 'train' and 'test', .*see row \d+"
    ):
        measure(folder)
