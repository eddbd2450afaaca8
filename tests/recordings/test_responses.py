import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.errors import InputError, ShapeError
from dina.recordings.responses import (
    measure_responses,
    valid_frames,
    window_means,
    window_sums,
    write_temporal_read_in,
)
from dina.recordings.stabilising import stabilise
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


def write_session(path, times, lag_s=0.0, volume_time_s=None, **arrays):
    """One neuron a plane."""
    with stores.new_store(path) as store:
        for name, values in arrays.items():
            stores.write_array(store, name, values)
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_array(store, "volume_time_s", times[0] if volume_time_s is None else volume_time_s, unit="s")
        stores.write_table(store, "neurons", pd.DataFrame({"neuron": [0, 1], "plane": [0, 3]}))
        stores.write_attributes(store, {"planes": [0, 3], "lag_s": lag_s})


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
    write_session(tmp_path / "session", times, deconvolved=activity)
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (120, 32, 32), dtype=np.uint8))
    log = pd.DataFrame({"onset_s": onsets, "image": image})
    log.to_csv(tmp_path / "log.csv", index=False)
    return tmp_path, log


SMALL = StimuliSettings(image_size_px=32)


def measure(folder, clock_events=None, stimuli=SMALL, **settings):
    settings = ResponsesSettings(**{"window_s": (-0.2, 0.6), "lag_s": 0.0} | settings)
    shown = (folder / "log.csv", folder / "images.npy", folder / "stimuli")
    prepare_stimuli(*shown, stimuli, image_width_deg=16.0, clock_events=clock_events)
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
    taken = stabilise(trials.responses[train], trials.event_size)
    np.testing.assert_allclose(trials.mean, taken.mean(0), rtol=1e-5)
    assert np.bincount(trials.repeat).tolist() == [120, 120]


def test_lag_moves_the_window(session):
    early, late = (measure(session[0], window_s=(0.0, 0.4), lag_s=lag).responses for lag in (0.0, 0.3))
    assert late.sum() < 0.5 * early.sum()


def test_the_lag_is_the_sessions_unless_set(session):
    folder, _ = session
    expected = measure(folder, window_s=(0.0, 0.4), lag_s=0.3).responses
    times, activity = (stores.read_array(folder / "session", name) for name in ("frame_time_s", "deconvolved"))
    write_session(folder / "session", times, lag_s=0.3, deconvolved=activity)
    np.testing.assert_array_equal(measure(folder, window_s=(0.0, 0.4), lag_s=None).responses, expected)
    assert stores.read_attributes(folder / "responses")["lag_s"] == 0.3
    unlagged = measure(folder, window_s=(0.0, 0.4), lag_s=0.0)
    assert unlagged.responses.sum() > 2 * expected.sum()


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


@pytest.mark.parametrize(
    ("shift_s", "settings", "gone"),
    [
        (9.7, {"window_s": (0.0, 2.0)}, [-2, -1]),
        (9.7, {"window_s": (0.0, 0.5), "lag_s": 1.4}, [-1]),
        (-2.0, {"window_s": (0.0, 0.5), "baseline_s": (-0.2, 0.0)}, [0]),
    ],
)
def test_trials_with_windows_beyond_the_movie_are_left_out(session, shift_s, settings, gone):
    folder, log = session
    log = log.assign(onset_s=log["onset_s"] + shift_s)
    log.to_csv(folder / "log.csv", index=False)
    with pytest.warns(UserWarning, match=f"{len(gone)} of 240 trials have windows that reach beyond the movie"):
        trials = measure(folder, **settings)
    np.testing.assert_allclose(trials.onset_s, np.delete(log["onset_s"].to_numpy(), gone))
    assert np.isfinite(trials.responses).all()
    attributes = stores.read_attributes(folder / "responses")
    assert (attributes["n_outside_trials"], attributes["n_masked_trials"]) == (len(gone), 0)


@pytest.mark.parametrize(("window_s", "share"), [((0.0, 0.95), 0.0), ((-0.5, 0.44), 0.0), ((0.0, 0.96), 1.0)])
def test_response_windows_that_overlap_are_counted(session, window_s, share):
    folder, _ = session
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        measure(folder, window_s=window_s)
    assert any("overlap a neighbour's" in str(warning.message) for warning in caught) == bool(share)
    assert stores.read_attributes(folder / "responses")["overlapping_share"] == share


def test_onset_frames_count_volumes_though_plane_0_is_left_out(session):
    """Also the volumes of clock events."""
    folder, log = session
    times, activity = (stores.read_array(folder / "session", name) for name in ("frame_time_s", "deconvolved"))
    volume_time_s = times[0] - 0.13
    write_session(folder / "session", times, volume_time_s=volume_time_s, deconvolved=activity)
    frame = 10 + 4 * np.arange(N_TRIALS)
    log.drop(columns="onset_s").assign(onset_frame=frame).to_csv(folder / "frames.csv", index=False)
    log.assign(onset_s=100 + frame / RATE_HZ).to_csv(folder / "log.csv", index=False)
    pd.DataFrame({"log_s": [102.0, 300.0], "movie_frame": [10, 1000]}).to_csv(folder / "events.csv", index=False)
    np.testing.assert_allclose(measure(folder, folder / "events.csv").onset_s, volume_time_s[frame])
    (folder / "frames.csv").rename(folder / "log.csv")
    np.testing.assert_allclose(measure(folder).onset_s, volume_time_s[frame])


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


def test_a_given_split_with_one_test_image_is_refused_before_imaging(session):
    folder, log = session
    side = np.where(log["image"] == 0, "test", np.where(log["image"] < 10, "validation", "train"))
    log.assign(split=side).to_csv(folder / "log.csv", index=False)
    with pytest.raises(InputError, match="log.csv: found 1 test image; expected at least 2"):
        measure(folder)
    assert not (folder / "stimuli").exists()


def test_near_duplicates_across_a_given_split_fail_unless_allowed(session):
    folder, log = session
    images = np.load(folder / "images.npy")
    images[119] = np.clip(images[0].astype(int) + 3, 0, 255)
    np.save(folder / "images.npy", images)
    side = np.array(["train", "validation", "test"])[np.clip(log["image"].to_numpy() // 40, 0, 2)]
    log.assign(split=side).to_csv(folder / "log.csv", index=False)
    with pytest.raises(InputError, match=r"log.csv, row \d+: .* in 'train', is nearly that of row \d+, in 'test'"):
        measure(folder)
    with pytest.warns(UserWarning, match="2 images have a near-duplicate on another side"):
        measure(folder, stimuli=StimuliSettings(image_size_px=32, allow_near_duplicates=True))


def test_overlapping_crops_across_a_given_split_fail_unless_allowed(session):
    folder, log = session
    picture = np.random.default_rng(1).integers(0, 256, (48, 48), dtype=np.uint8)
    images = np.load(folder / "images.npy")
    images[0], images[119] = picture[:32, :32], picture[6:38, 4:36][:, ::-1]
    np.save(folder / "images.npy", images)
    side = np.array(["train", "validation", "test"])[np.clip(log["image"].to_numpy() // 40, 0, 2)]
    log.assign(split=side).to_csv(folder / "log.csv", index=False)
    with pytest.raises(
        InputError, match=r"log.csv, row \d+: .* in 'train', overlaps that of row \d+, in 'test' \(2 im"
    ):
        measure(folder)
    with pytest.warns(UserWarning, match="2 images have an overlapping crop on another side"):
        measure(folder, stimuli=StimuliSettings(image_size_px=32, allow_near_duplicates=True))
    attributes = stores.read_attributes(folder / "stimuli")
    assert attributes["n_overlapping_across_splits"] == 2 and attributes["n_near_duplicates_across_splits"] == 0


def test_a_split_of_our_own_keeps_overlapping_crops_on_one_side(session):
    folder, log = session
    picture = np.random.default_rng(1).integers(0, 256, (60, 60), dtype=np.uint8)
    images = np.load(folder / "images.npy")
    for k in range(12):
        images[10 * k] = picture[2 * k : 2 * k + 32, k : k + 32]
    np.save(folder / "images.npy", images)
    trials = measure(folder)
    shown = log["image"].to_numpy() % 10 == 0
    assert len(np.unique(trials.split[shown])) == 1


def test_blocks_of_time_end_in_responses_without_what_is_left_out(session):
    folder, log = session
    log["image"] = np.arange(len(log)) % 120
    log.iloc[120:].assign(onset_s=log["onset_s"].iloc[:120].to_numpy()).to_csv(folder / "log.csv", index=False)
    trials = measure(folder, stimuli=StimuliSettings(image_size_px=32, split_by="time_blocks", test_share=0.2))
    first, last = (trials.onset_s[trials.split == side] for side in (0, 2))
    assert len(last) == 24 and last.min() - first.max() > 0.95 * 12
    left_out = stores.read_attributes(folder / "responses")["n_left_out_trials"]
    assert left_out == 6 and len(trials.split) == 114
    assert stores.read_attributes(folder / "responses")["n_outside_trials"] == 0


def test_window_means_follow_the_lines_between_samples():
    times = np.array([0.0, 0.1, 0.4, 0.5])
    trace = np.array([[0.0, 1.0, 4.0, 4.0]])
    start, stop = np.array([0.0, 0.1, 0.2, 0.35, 0.4]), np.array([0.5, 0.4, 0.3, 0.45, 0.5])
    area = 0.1 * 0.5 + 0.3 * 2.5 + 0.1 * 4
    expected = [area / 0.5, 2.5, 2.5, (0.05 * 3.75 + 0.05 * 4) / 0.1, 4]
    np.testing.assert_allclose(window_means(trace, times, start, stop)[:, 0], expected, rtol=1e-6)


def test_irregular_frame_times_of_each_plane_to_the_millisecond(session):
    """Spikes at a rate that changes with every frame: sums and means are known at any time."""
    folder, log = session
    rng = np.random.default_rng(5)
    onset, window = log["onset_s"].to_numpy(), (0.05, 0.55)
    times = np.cumsum(rng.uniform(0.15, 0.25, (2, N_FRAMES)), axis=1)
    rate_hz = rng.uniform(5, 50, (2, N_FRAMES))
    count = np.concatenate([np.zeros((2, 1)), rate_hz[:, 1:] * np.diff(times)], axis=1)
    write_session(folder / "session", times, deconvolved=count.astype(np.float32), dff=times - 100)
    trials = measure(folder, window_s=window, measure="both")

    def spikes(plane, shift_s):
        until = [np.interp(onset + edge + shift_s, times[plane], np.cumsum(count[plane])) for edge in window]
        return until[1] - until[0]

    dff = stores.read_array(folder / "responses", "responses_dff")
    for plane in range(2):
        for shift_s in (-1e-3, 1e-3):  # a millisecond beside the truth is further from it than what is found
            off = np.abs(spikes(plane, shift_s) - spikes(plane, 0)).mean()
            assert np.abs(trials.responses[:, plane] - spikes(plane, 0)).mean() < 0.05 * off
        # a ramp of 1 per second tells the window's middle
        np.testing.assert_allclose(dff[:, plane] + 100, onset + np.mean(window), atol=1e-3)


@pytest.fixture
def ramp(session):
    """The session with a dF/F that rises by 1 per second, as seen at each plane's times."""
    folder, _ = session
    times = stores.read_array(folder / "session", "frame_time_s")
    activity = stores.read_array(folder / "session", "deconvolved")
    write_session(folder / "session", times, deconvolved=activity, dff=times)
    return session


def test_dff_takes_the_place_of_deconvolved_activity_or_stands_beside(ramp):
    folder, log = ramp
    plain = measure(folder, window_s=(0.0, 0.4)).responses
    assert not stores.holds(folder / "responses", "responses_dff")
    both = measure(folder, window_s=(0.0, 0.4), measure="both").responses
    beside = stores.read_array(folder / "responses", "responses_dff")
    dff = measure(folder, window_s=(0.0, 0.4), measure="dff").responses
    np.testing.assert_array_equal(both, plain)
    np.testing.assert_array_equal(dff, beside)
    np.testing.assert_allclose(dff[:, 1], log["onset_s"] + 0.2, atol=1e-4)
    assert stores.open_array(folder / "responses", "responses").attrs["unit"] == "dF/F"
    less = measure(folder, window_s=(0.0, 0.4), baseline_s=(-0.3, 0.0), measure="dff").responses
    np.testing.assert_allclose(less, 0.35, atol=1e-4)  # between the middles of both windows, at 1 per second


def masked_trials(folder, frames, **settings):
    """The trials that stay when plane 1 has these frames masked."""
    times = stores.read_array(folder / "session", "frame_time_s")
    held = {name: stores.read_array(folder / "session", name) for name in ("deconvolved", "dff")}
    valid = np.ones(times.shape, bool)
    valid[1, frames] = False
    write_session(folder / "session", times, valid_frames=valid, **held)
    np.testing.assert_array_equal(valid_frames(folder / "session"), valid)
    with pytest.warns(UserWarning, match="trials overlap masked frames"):
        return measure(folder, **settings)


def test_trials_on_masked_frames_are_left_out(ramp):
    folder, log = ramp
    assert valid_frames(folder / "session").all()
    log.assign(running_cm_s=np.arange(N_TRIALS)).to_csv(folder / "log.csv", index=False)
    before = measure(folder, window_s=(0.0, 0.4))
    times = stores.read_array(folder / "session", "frame_time_s")[1]
    gone = 30  # a first showing: what was its repeat becomes the first
    inside = np.flatnonzero((times > log["onset_s"][gone]) & (times < log["onset_s"][gone] + 0.4))
    trials = masked_trials(folder, inside, window_s=(0.0, 0.4))
    kept = np.flatnonzero(np.arange(N_TRIALS) != gone)
    for name in ("responses", "image_index", "onset_s", "split"):
        np.testing.assert_array_equal(getattr(trials, name), getattr(before, name)[kept])
    same_image = np.flatnonzero(trials.image_index == before.image_index[gone])
    assert before.repeat[gone] == 0 and trials.repeat[same_image].tolist() == [0]
    assert np.bincount(trials.repeat).tolist() == [120, 119]
    attributes = stores.read_attributes(folder / "responses")
    assert attributes["n_masked_trials"] == 1 and attributes["n_repeated_images"] == 119
    assert stores.read_table(folder / "responses", "behaviour")["running_cm_s"].tolist() == kept.tolist()


@pytest.mark.parametrize(
    ("offset", "settings", "left_out"),
    [
        (0, {}, True),  # the frame that covers the onset
        (-1, {}, False),  # it ends before the onset
        (-1, {"measure": "dff"}, True),  # the line to the first sample after the onset starts there
        (-2, {"measure": "dff"}, False),
        (2, {}, True),  # it covers the window's end
        (3, {}, False),
        (3, {"measure": "both"}, False),
        (-2, {"baseline_s": (-0.3, 0.0)}, True),
        (-3, {"baseline_s": (-0.3, 0.0)}, False),
        (3, {"lag_s": 0.2}, True),
    ],
)
def test_which_frames_a_window_overlaps(ramp, offset, settings, left_out):
    folder, log = ramp
    times = stores.read_array(folder / "session", "frame_time_s")[1]
    trial = 50  # at 49.53 s; plane 1 is sampled at 49.5, 49.7, 49.9, 50.1 s
    covering = np.searchsorted(times, log["onset_s"][trial])
    elsewhere = np.searchsorted(times, log["onset_s"][100] + 0.2)
    trials = masked_trials(folder, [covering + offset, elsewhere], **{"window_s": (0.0, 0.4)} | settings)
    assert (log["onset_s"][trial] not in trials.onset_s) == left_out


@pytest.mark.parametrize("measure_by", ["deconvolved", "dff", "both"])
def test_trials_in_a_gap_of_one_plane_are_left_out(ramp, measure_by):
    folder, log = ramp
    times, activity = (stores.read_array(folder / "session", name) for name in ("frame_time_s", "deconvolved"))
    times[1, 500:] += 20.0  # between 99.9 and 120.1 s of plane 1
    times[0] = np.linspace(0, times[1, -1], N_FRAMES)
    write_session(folder / "session", times, deconvolved=activity, dff=times)
    with pytest.warns(UserWarning, match="of 240 trials overlap masked frames or gaps"):
        trials = measure(folder, window_s=(0.0, 0.4), measure=measure_by)
    onset_s = log["onset_s"].to_numpy()
    touching = (onset_s < times[1, 500]) & (onset_s + 0.4 > times[1, 499])
    np.testing.assert_allclose(trials.onset_s, onset_s[~touching])
    assert stores.read_attributes(folder / "responses")["n_masked_trials"] == touching.sum() == 22


def test_an_interval_of_usual_length_is_no_gap(ramp):
    folder, _ = ramp
    times, activity = (stores.read_array(folder / "session", name) for name in ("frame_time_s", "deconvolved"))
    times[:, 500:] += 0.49 / RATE_HZ
    write_session(folder / "session", times, deconvolved=activity, dff=times)
    assert len(measure(folder).onset_s) == N_TRIALS


def test_a_split_that_masking_empties_is_refused(ramp):
    with pytest.raises(
        InputError,
        match=r"log.csv, \d+ trials inside .* and outside masked frames and gaps: found . \w+ images; expected at le",
    ):
        masked_trials(ramp[0], np.arange(6, N_FRAMES))


def test_a_log_on_another_clock_gives_the_same_responses(session):
    folder, log = session
    here = measure(folder)
    there = log.assign(onset_s=(log["onset_s"] - 7.5) / 1.0002)
    there.to_csv(folder / "log.csv", index=False)
    movie_s = np.linspace(5, 220, 30)
    pd.DataFrame({"log_s": (movie_s - 7.5) / 1.0002, "movie_s": movie_s}).to_csv(folder / "events.csv", index=False)
    trials = measure(folder, folder / "events.csv")
    np.testing.assert_allclose(trials.onset_s, here.onset_s, atol=1e-6)
    np.testing.assert_allclose(trials.responses, here.responses, rtol=1e-3, atol=1e-2)
    clock = stores.read_attributes(folder / "responses")["clock"]
    assert clock["rate_error_ppm"] == pytest.approx(200, abs=0.1) and clock["offset_s"] == pytest.approx(7.5, abs=1e-5)
    assert clock["beyond_s"] == pytest.approx(log["onset_s"].iloc[-1] - 220, abs=1e-3)


def test_clock_events_in_frames_wait_for_frame_times(session):
    folder, log = session
    log.assign(onset_s=log["onset_s"] - 1.0).to_csv(folder / "log.csv", index=False)
    frame = np.arange(10, 1200, 100)
    pd.DataFrame({"log_s": frame / RATE_HZ - 1.0, "movie_frame": frame}).to_csv(folder / "events.csv", index=False)
    np.testing.assert_allclose(measure(folder, folder / "events.csv").onset_s, log["onset_s"], atol=1e-6)


def test_a_bad_clock_event_is_told_before_any_imaging(session):
    folder, _ = session
    movie_s = np.arange(10.0)
    movie_s[4] += 0.3
    pd.DataFrame({"log_s": np.arange(10.0), "movie_s": movie_s}).to_csv(folder / "events.csv", index=False)
    shutil.rmtree(folder / "session")
    with pytest.raises(InputError, match=r"events.csv, row 6: found an event 0.300 s off"):
        measure(folder, folder / "events.csv")


def test_onsets_in_frames_need_no_other_clock(session):
    folder, log = session
    log.rename(columns={"onset_s": "onset_frame"}).assign(onset_frame=range(N_TRIALS)).to_csv(folder / "log.csv")
    pd.DataFrame({"log_s": [0, 1], "movie_s": [0, 1]}).to_csv(folder / "events.csv", index=False)
    with pytest.raises(InputError, match="log.csv: found onset_frame, on the movie's clock"):
        measure(folder, folder / "events.csv")


def test_neurons_table_and_drift_are_for_reporting(session):
    folder, _ = session
    trials = measure(folder)
    neurons = stores.read_table(folder / "responses", "neurons")
    assert (neurons["explainable_variance"] > 0.99).all() and (neurons["snr"] > 100).all()
    quarter = trials.responses[: N_TRIALS // 4].mean(0)
    np.testing.assert_allclose(neurons["first_quarter"], quarter, rtol=1e-5)
    assert stores.holds(folder / "responses", "drift") and "drift" in stores.read_attributes(folder / "responses")


@pytest.mark.parametrize("clock", [False, True])
def test_a_log_longer_than_the_movie_is_told_before_any_imaging(session, clock):
    folder, log = session
    with stores.new_store(folder / "movie") as store:
        stores.write_array(store, "volume_time_s", np.arange(600) / RATE_HZ, unit="s")
    events = None
    if clock:
        events = folder / "events.csv"
        pd.DataFrame({"log_s": [0.0, 100.0], "movie_s": [50.0, 150.0]}).to_csv(events, index=False)
    row = int(np.argmax(log["onset_s"] + 50 * clock > 599 / RATE_HZ)) + 2
    with pytest.raises(InputError, match=rf"log\.csv, row {row} .*expected onsets within the recording, 0.000 to 119"):
        prepare_stimuli(
            folder / "log.csv",
            folder / "images.npy",
            folder / "stimuli",
            StimuliSettings(),
            clock_events=events,
            movie=folder / "movie",
        )
    assert not (folder / "stimuli").exists()


def test_neurons_without_dff_are_named_where_dff_is_asked_for(session):
    folder, _ = session
    dff = np.ones((2, N_FRAMES), np.float32)
    dff[1] = np.nan
    stores.write_array(folder / "session", "dff", dff)
    with pytest.raises(InputError, match=r"1 neurons without dF/F, the first is 1; .*require_dff"):
        measure(folder, measure="dff")
    assert measure(folder).responses.shape == (N_TRIALS, 2)
    assert np.isfinite(measure(folder, measure="both").responses).all()
    beside = np.isnan(stores.read_array(folder / "responses", "responses_dff"))
    assert beside[:, 1].all() and not beside[:, 0].any()


@pytest.mark.parametrize("baseline_s", [None, (-0.4, -0.2)])
@pytest.mark.parametrize("by", ["deconvolved", "dff"])
def test_bins_make_up_the_window(session, by, baseline_s):
    """Activity comes from 0 to 0.4 s: the middle two of four bins."""
    folder, _ = session
    stores.write_array(folder / "session", "dff", stores.read_array(folder / "session", "deconvolved"))
    whole = measure(folder, measure=by, baseline_s=baseline_s)
    trials = measure(folder, measure=by, baseline_s=baseline_s, n_bins=4)
    binned = stores.read_array(folder / "responses", "binned")
    weights = stores.read_array(folder / "responses", "temporal_weights")
    assert binned.shape == (N_TRIALS, 4, 2) and binned.dtype == np.float32
    expected = binned.sum(1) if by == "deconvolved" else binned.mean(1)
    np.testing.assert_allclose(expected, whole.responses, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(trials.responses, np.einsum("tbn,bn->tn", binned, weights), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(weights.sum(0), 4 if by == "deconvolved" else 1, rtol=1e-5)
    if by == "deconvolved" and baseline_s is None:
        assert binned[:, 1:3].sum() > 0.75 * binned.sum()  # frames of 0.2 s reach beyond
    np.testing.assert_allclose(stores.read_attributes(folder / "responses")["bin_edges_s"], [-0.2, 0, 0.2, 0.4, 0.6])


def test_weights_of_bins_are_fitted_to_training_trials_alone(session):
    folder, _ = session
    times, activity = (stores.read_array(folder / "session", name) for name in ("frame_time_s", "deconvolved"))
    noisy = activity + np.random.default_rng(0).gamma(1, 5, activity.shape)
    write_session(folder / "session", times, deconvolved=noisy)
    trials = measure(folder, n_bins=4)
    expected = stores.read_array(folder / "responses", "temporal_weights")
    for onset in trials.onset_s[trials.split == TEST]:
        noisy[:, (times[0] > onset) & (times[0] < onset + 0.4)] = 0
    write_session(folder / "session", times, deconvolved=noisy)
    assert not np.array_equal(measure(folder, n_bins=4).responses, trials.responses)
    np.testing.assert_array_equal(stores.read_array(folder / "responses", "temporal_weights"), expected)


def test_one_bin_is_no_bin(session):
    folder, _ = session
    measure(folder)
    plain = stores.manifest_path(folder / "responses").read_text()
    measure(folder, n_bins=1)
    assert stores.manifest_path(folder / "responses").read_text() == plain
    assert not stores.holds(folder / "responses", "binned") and "bin_edges_s" not in plain


def test_bins_are_chunked_by_trials_and_bins(session, monkeypatch):
    folder, _ = session
    monkeypatch.setattr(stores, "CHUNK_BYTES", 256)
    measure(folder, n_bins=4)
    chunks = stores.open_array(folder / "responses", "binned").chunks
    assert chunks[:2] == (30, 1)
    small = stores.read_array(folder / "responses", "binned")
    monkeypatch.undo()
    measure(folder, n_bins=4)
    np.testing.assert_array_equal(stores.read_array(folder / "responses", "binned"), small)


def test_bins_shorter_than_a_frame_are_refused(session):
    with pytest.raises(InputError, match=r"session, responses.n_bins: found 5 bins of 0.16 s; .* 0.2 s at 5 Hz"):
        measure(session[0], n_bins=5)


@pytest.mark.parametrize(
    ("shape", "edges_s"),
    [((40, 3), (0, 1, 2, 3)), ((40, 3, 5), (0, 1, 2)), ((40, 2, 5), (0, 2, 1)), ((39, 2, 5), range(3))],
)
def test_imported_bins_that_fit_nothing_are_refused(tmp_path, shape, edges_s):
    with pytest.raises(ShapeError, match="binned: found"), stores.new_store(tmp_path / "responses") as store:
        stores.write_array(store, "binned", np.zeros(shape, np.float32))
        write_temporal_read_in(store, np.arange(40), np.arange(30), np.array(edges_s))
