"""Planes whose motion, brightness, noise and signal are known, and what is said of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from dina import stores
from dina.recordings.limits import MEASURES, beyond_limits
from dina.recordings.quality import OF_REGISTRATION, assess_quality, brightness_jumps, signal_to_noise
from dina.settings import QualitySettings

N_FRAMES, RATE_HZ, DIAMETER_PX, N_NEURONS = 2000, 10.0, 10.0, 20
NOISE, PEAK = 0.05, 1.0  # dF/F


def clean(n_frames=N_FRAMES):
    """What the stores of a good plane hold; tests change a part of it."""
    rng = np.random.default_rng(0)
    dff = rng.normal(0, NOISE, (N_NEURONS, n_frames))
    dff[:, : max(1, n_frames // 25)] += PEAK
    return {
        "rigid_offsets_px": np.zeros((n_frames, 2), np.int16),
        "frame_mean": 500 + rng.normal(0, 2, n_frames),
        "residual_motion_px": np.full(20, 0.1),
        "crispness_raw": 0.05,
        "crispness": 0.07,
        "clipped_share": 1e-8,
        "repeated_share": 0.0,
        "dark_share": 1e-4,
        "bidirectional_offset_px": 0,
        "persistence": 0.99,
        "neighbour_likeness": 1.02,
        "valid": np.ones(n_frames, bool),
        "dff": dff,
        "noise_level": np.full(N_NEURONS, 2.0),
        "n_rejected": 5,
    }


def assess(folder, planes, settings=None):
    """The ``quality`` store of planes, from their number to what their stores hold."""
    registered = []
    for number, of in planes.items():
        registered.append(folder / f"plane-{number}/registered")
        with stores.new_store(registered[-1]) as store:
            for name in ("rigid_offsets_px", "frame_mean", "residual_motion_px"):
                stores.write_array(store, name, of[name])
            stores.write_attributes(store, {key: of[key] for key in ("crispness_raw", "crispness", *OF_REGISTRATION)})
    rows = [(number, roi, level) for number, of in planes.items() for roi, level in enumerate(of["noise_level"])]
    neurons = pd.DataFrame(rows, columns=["plane", "roi", "noise_level"])
    left_out = [number for number, of in planes.items() for _ in range(of["n_rejected"])]
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "dff", np.concatenate([of["dff"] for of in planes.values()]))
        stores.write_array(store, "valid_frames", np.stack([of["valid"] for of in planes.values()]))
        stores.write_table(store, "neurons", neurons.assign(neuron=np.arange(len(neurons))))
        stores.write_table(store, "rois", pd.DataFrame({"plane": [*neurons["plane"], *left_out]}))
        attributes = {"planes": list(planes), "volume_rate_hz": RATE_HZ, "diameter_px": DIAMETER_PX}
        stores.write_attributes(store, attributes)
    assess_quality(folder / "session", registered, folder / "quality", settings or QualitySettings())
    return stores.checked(folder / "quality", verify=True)


def measured(folder, **changes):
    """The row of one plane that differs from a good one in ``changes``."""
    return stores.read_table(assess(folder, {0: clean() | changes}), "planes").iloc[0]


def flagged(row):
    return {measure.name for measure in MEASURES if f"{measure.label} " in row["flags"]}


def test_nothing_is_flagged_of_a_good_plane(tmp_path):
    row = measured(tmp_path)
    assert row["flags"] == "" and (row["n_rois"], row["n_neurons"]) == (25, 20)
    assert row["masked_share"] == row["jump_share"] == row["displacement_p95_px"] == row["largest_step_px"] == 0
    assert row["crispness_ratio"] == pytest.approx(1.4) and row["noise_level"] == 2
    assert abs(row["intensity_change"]) < 0.001


def test_displacement_is_from_the_usual_place(tmp_path):
    offsets = np.full((N_FRAMES, 2), 40, np.int16)
    offsets[: N_FRAMES // 10] += np.array([12, 16], np.int16)  # for a tenth of the time 20 px away
    row = measured(tmp_path, rigid_offsets_px=offsets)
    assert (row["displacement_median_px"], row["displacement_p95_px"], row["largest_step_px"]) == (0, 20, 20)
    assert flagged(row) == {"displacement_p95_px"}
    assert row["flags"] == "displacement 20.0 px (at most 15 px)"


def test_masked_frames_count_as_masked_alone(tmp_path):
    offsets, mean, valid = np.zeros((N_FRAMES, 2), np.int16), clean()["frame_mean"], np.ones(N_FRAMES, bool)
    bad = slice(500, 800)
    dff = clean()["dff"]
    offsets[bad], mean[bad], valid[bad], dff[:, bad] = 50, 5000, False, 100
    row = measured(tmp_path, rigid_offsets_px=offsets, frame_mean=mean, valid=valid, dff=dff)
    assert row["masked_share"] == pytest.approx(0.15)
    assert flagged(row) == {"masked_share"} and row["flags"] == "masked frames 15.0 % (at most 10 %)"
    assert row["largest_step_px"] == 0 and row["signal_to_noise"] == pytest.approx(PEAK / NOISE, rel=0.15)


@pytest.mark.parametrize("end", [0.6, 0.8, 1.5])
def test_bleaching_from_the_first_to_the_last_tenth(tmp_path, end):
    mean = 500 * np.interp(np.arange(N_FRAMES), [0.2 * N_FRAMES, 0.8 * N_FRAMES], [1, end])
    mean[1810:1930] = 50_000  # a flash in most of the last tenth does not count
    row = measured(tmp_path, frame_mean=mean + np.random.default_rng(1).normal(0, 2, N_FRAMES))
    assert row["intensity_change"] == pytest.approx(end - 1, abs=0.01)
    assert ("intensity_change" in flagged(row)) == (abs(end - 1) > 0.3)


def test_a_level_of_zero_has_no_relative_change(tmp_path):
    store = assess(tmp_path, {0: clean() | {"frame_mean": clean()["frame_mean"] - 600}})
    assert np.isnan(stores.read_table(store, "planes")["intensity_change"][0])
    assert np.isnan(stores.read_array(store, "brightness")).all()
    assert stores.read_table(store, "planes")["flags"][0] == "change of brightness not measured"


def test_flashes_are_found_frame_by_frame(tmp_path):
    mean, lit = clean()["frame_mean"], np.r_[100:140, 900, 1500:1510]
    mean[lit] += 40
    store = assess(tmp_path, {0: clean() | {"frame_mean": mean}})
    np.testing.assert_array_equal(np.flatnonzero(stores.read_array(store, "jumps")[0]), lit)
    row = stores.read_table(store, "planes").iloc[0]
    assert row["jump_share"] == pytest.approx(51 / N_FRAMES) and flagged(row) == {"jump_share"}


def test_slow_changes_are_no_jumps():
    frame = np.arange(N_FRAMES)
    slow = 500 + 200 * np.exp(-frame / 200) + 20 * np.sin(frame / 300)  # bleaching within 20 s, and slow waves
    slow += np.random.default_rng(2).normal(0, 2, N_FRAMES)
    assert not brightness_jumps(slow, np.ones(N_FRAMES, bool), RATE_HZ, QualitySettings()).any()


def test_motion_that_is_left_by_median_and_extremes(tmp_path):
    residual = np.r_[np.full(17, 0.2), np.full(3, 1.5)]
    row = measured(tmp_path / "some", residual_motion_px=residual)
    assert row["residual_motion_px"] == pytest.approx(0.2) and flagged(row) == {"residual_motion_p95_px"}
    row = measured(tmp_path / "all", residual_motion_px=np.full(20, 0.7))
    assert row["residual_motion_px"] == pytest.approx(0.7) and flagged(row) == {"residual_motion_px"}


def test_blurring_registration_and_noisy_or_few_neurons(tmp_path):
    assert flagged(measured(tmp_path / "blurred", crispness=0.049)) == {"crispness_ratio"}
    assert flagged(measured(tmp_path / "noisy", noise_level=np.full(N_NEURONS, 8.5))) == {"noise_level"}
    few = {"noise_level": np.full(9, 2.0), "dff": clean()["dff"][:9]}
    assert flagged(measured(tmp_path / "few", **few)) == {"n_neurons"}


def test_signal_to_noise_of_known_transients_and_of_none(tmp_path):
    quality = assess(tmp_path / "signal", {0: clean()})
    ratio = stores.read_table(quality, "neurons")["signal_to_noise"]
    np.testing.assert_allclose(ratio, PEAK / NOISE, rtol=0.15)
    noise = np.random.default_rng(3).normal(0.2, NOISE, (N_NEURONS, N_FRAMES))
    np.testing.assert_allclose(signal_to_noise(noise), 2.33, rtol=0.15)
    assert flagged(measured(tmp_path / "noise", dff=noise)) == {"signal_to_noise", "continuity"}
    assert np.isnan(signal_to_noise(np.ones((2, 50)))).all() and np.isnan(signal_to_noise(np.ones((2, 1)))).all()


def test_limits_are_settings(tmp_path):
    settings = QualitySettings(min_signal_to_noise=50, max_displacement_somata=2, min_neurons=0)
    quality = assess(tmp_path, {0: clean()}, settings)
    assert stores.read_table(quality, "planes")["flags"][0].endswith("(at least 50)")
    limit = stores.read_table(quality, "thresholds").set_index("measure")["limit"]
    assert limit["displacement_p95_px"] == 2 * DIAMETER_PX and limit["n_neurons"] == 0


def test_planes_keep_their_numbers_and_their_own_neurons(tmp_path):
    none = {"noise_level": np.zeros(0), "dff": np.zeros((0, N_FRAMES)), "n_rejected": 3}
    longer = clean(N_FRAMES + 1)  # as in a file of its own; the session's frames are those of all planes
    longer |= {"dff": longer["dff"][:, :-1], "valid": longer["valid"][:-1], "noise_level": np.full(N_NEURONS, 9.0)}
    quality = assess(tmp_path, {2: clean(), 5: clean() | none, 11: longer})
    table = stores.read_table(quality, "planes").set_index("plane")
    assert table["n_neurons"].to_dict() == {2: 20, 5: 0, 11: 20} and table["n_rois"].to_dict() == {2: 25, 5: 3, 11: 25}
    assert [flagged(row) for _, row in table.iterrows()] == [
        set(),
        {"n_neurons", "noise_level", "signal_to_noise", "continuity"},
        {"noise_level"},
    ]
    assert np.isnan(table.loc[5, "signal_to_noise"]) and (table["n_frames"] == N_FRAMES).all()
    beyond = beyond_limits(table.reset_index(), stores.read_table(quality, "thresholds"))
    assert beyond["noise_level"].tolist() == [False, False, True]


@pytest.mark.parametrize("n_frames", [1, 2, 7])
@pytest.mark.parametrize("valid", [True, False])
@pytest.mark.filterwarnings("error")
def test_a_few_frames_are_measured_as_far_as_they_go(tmp_path, n_frames, valid):
    plane = clean(n_frames) | {"valid": np.full(n_frames, valid), "residual_motion_px": np.full(20, np.nan)}
    row = stores.read_table(assess(tmp_path, {0: plane}), "planes").iloc[0]
    assert row["masked_share"] == (not valid) and np.isnan(row["residual_motion_px"])
    assert np.isfinite(row["intensity_change"]) == valid


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clipped_share", 2e-5),
        ("repeated_share", 0.2),
        ("dark_share", 0.5),
        ("bidirectional_offset_px", -3),
        ("persistence", 0.5),
        ("neighbour_likeness", 0.6),
    ],
)
def test_what_registration_found_is_flagged(tmp_path, name, value):
    assert flagged(measured(tmp_path, **{name: value})) == {name}


def test_frames_out_of_order_are_seen_in_the_traces(tmp_path):
    rng = np.random.default_rng(3)
    spikes = rng.random((N_NEURONS, N_FRAMES)) < 0.02
    dff = lfilter([1], [1, -np.exp(-1 / 7)], spikes, axis=1) + rng.normal(0, NOISE, spikes.shape)
    assert flagged(measured(tmp_path / "ordered", dff=dff)) == set()
    assert measured(tmp_path / "again", dff=dff)["continuity"] == pytest.approx(np.exp(-1 / 7), abs=0.05)
    assert "continuity" in flagged(measured(tmp_path / "shuffled", dff=dff[:, rng.permutation(N_FRAMES)]))
