"""Baseline, dF/F and deconvolved activity against suite2p's own, formulas and known spikes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dina import stores
from dina.errors import StoreError
from dina.imaging import suite2p
from dina.imaging.deconvolution import (
    average,
    deconvolve_traces,
    earlier,
    interpolated,
    maximin_baseline,
    network_events,
    neuropil_corrected,
    noise_level,
)
from dina.settings import DeconvolutionSettings

RATE_HZ = 10.0
ATTRIBUTES = {
    "n_frames": 2000,
    "height_px": 8,
    "width_px": 8,
    "volume_rate_hz": RATE_HZ,
    "pixel_size_um": None,
    "n_planes": 1,
    "plane": 0,
    "pixel_scale": 1.0,
    "diameter_px": 8.0,
}


def simulate(n_rois=6, n_frames=2000, seed=0):
    """Spikes and the fluorescence and neuropil that they give."""
    rng = np.random.default_rng(seed)
    spikes = rng.poisson(0.03, (n_rois, n_frames))
    calcium = np.array([np.convolve(s, np.exp(-np.arange(60) / (0.7 * RATE_HZ)))[:n_frames] for s in spikes])
    neuropil = 100 + 10 * np.sin(np.arange(n_frames) / 50) + rng.normal(0, 1, (n_rois, n_frames))
    fluorescence = 200 + 60 * calcium + 0.7 * (neuropil - 100) + rng.normal(0, 4, (n_rois, n_frames))
    return spikes, fluorescence.astype(np.float32), neuropil.astype(np.float32)


def write_traces(path, fluorescence, neuropil, valid_frames=None):
    with stores.new_store(path) as store:
        stores.write_array(store, "fluorescence", fluorescence)
        stores.write_array(store, "neuropil", neuropil)
        valid = np.ones(fluorescence.shape[1], bool) if valid_frames is None else valid_frames
        stores.write_array(store, "valid_frames", valid)
        stores.write_attributes(store, ATTRIBUTES)
    return path


@pytest.mark.parametrize(("window_s", "sigma_frames"), [(60.0, 10.0), (6.0, 3.3), (30.05, 20.0)])
def test_baseline_equals_suite2ps(window_s, sigma_frames):
    suite2p.load()
    import torch
    from suite2p.extraction import preprocess

    _, traces, _ = simulate()
    raised = preprocess(traces, "maximin", window_s, sigma_frames, RATE_HZ, device=torch.device("cpu"))
    baseline = maximin_baseline(traces, window_s * RATE_HZ, sigma_frames)
    np.testing.assert_allclose(baseline, traces - raised, atol=1e-3)


def test_activity_follows_its_formulas(tmp_path):
    _, fluorescence, neuropil = simulate()
    settings = DeconvolutionSettings(
        neuropil_coefficient=0.6, baseline_window_s=30, baseline_sigma_frames=15, tau_s=0.5
    )
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    deconvolve_traces(traces, tmp_path / "activity", settings, "GCaMP6s")
    store = stores.checked(tmp_path / "activity", verify=True)
    corrected = fluorescence - 0.6 * (neuropil - np.median(neuropil, axis=1, keepdims=True))
    np.testing.assert_allclose(neuropil_corrected(fluorescence, neuropil, 0.6), corrected, rtol=1e-6)
    baseline = maximin_baseline(corrected, 300, 15)
    np.testing.assert_allclose(stores.read_array(store, "dff"), (corrected - baseline) / baseline, rtol=1e-4, atol=1e-6)
    from suite2p.extraction.dcnv import oasis

    expected = oasis((corrected - baseline).astype(np.float32), batch_size=500, tau=0.5, fs=RATE_HZ)
    np.testing.assert_allclose(stores.read_array(store, "deconvolved"), expected, rtol=1e-3, atol=1e-3)
    assert stores.read_array(store, "usable").all()
    assert stores.read_attributes(store)["tau_s"] == 0.5


def test_deconvolved_activity_follows_the_spikes(tmp_path):
    spikes, fluorescence, neuropil = simulate()
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings(), "GCaMP6f")
    deconvolved = stores.read_array(tmp_path / "activity", "deconvolved")
    assert (deconvolved >= 0).all()
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(deconvolved, spikes, strict=True)) > 0.8


@pytest.mark.parametrize(("method", "lag_s", "unit"), [("network", 0.0, "relative"), ("average", 0.0, "stored value")])
def test_other_methods_follow_the_spikes_without_lag(tmp_path, method, lag_s, unit):
    spikes, fluorescence, neuropil = simulate()
    fluorescence[2] -= 400  # no dF/F there, but activity
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings(method=method), "GCaMP6s")
    attributes = stores.read_attributes(tmp_path / "activity")
    assert (attributes["deconvolution"], attributes["lag_s"]) == (method, lag_s)
    activity = stores.open_array(tmp_path / "activity", "deconvolved")
    assert activity.attrs["unit"] == unit
    activity = activity[...]
    assert np.isfinite(activity).all() and (activity >= 0).all()
    smooth = gaussian_filter1d(spikes.astype(float), 2, axis=1), gaussian_filter1d(activity, 2, axis=1)
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(*smooth, strict=True)) > 0.85


def test_oasis_lags_by_its_preset_and_is_moved_before_the_average(tmp_path):
    _, fluorescence, neuropil = simulate()
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    for method in ("oasis", "average"):
        deconvolve_traces(traces, tmp_path / method, DeconvolutionSettings(method=method), "GCaMP6s")
    assert stores.read_attributes(tmp_path / "oasis")["lag_s"] == 0.1
    corrected = neuropil_corrected(fluorescence, neuropil, 0.7)
    inferred = network_events(corrected, np.zeros(corrected.shape, bool), RATE_HZ)
    oasis = stores.read_array(tmp_path / "oasis", "deconvolved")
    moved = np.c_[oasis[:, 1:], oasis[:, -1:]]  # 0.1 s is a frame
    np.testing.assert_allclose(
        stores.read_array(tmp_path / "average", "deconvolved"), average(moved, inferred), atol=1e-3
    )


def test_events_move_between_frames_without_loss():
    events = np.array([[0.0, 0, 4, 0, 2, 0, 0]])
    np.testing.assert_allclose(earlier(events, 1.25), [[1, 3, 0.5, 1.5, 0, 0, 0]])


def test_average_is_that_of_z_scores_in_the_first_ones_unit():
    first, second = np.random.default_rng(0).gamma(0.5, (3.0, 40.0), (50, 2)).T[:, None]
    z = sum((values - values.mean()) / values.std() for values in (first, second)) / 2
    both = average(first, second)
    np.testing.assert_allclose(both - both.mean(), z * first.std(), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(average(5 * first, second), 5 * both)
    for one, other in ((first, 0 * second), (0 * first, second)):
        np.testing.assert_array_equal(average(one, other), one / 2)


def test_indicator_sets_the_decay(tmp_path):
    _, fluorescence, neuropil = simulate()
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    for indicator, tau in (("GCaMP6s", 1.25), (None, 1.0)):
        deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings(), indicator)
        assert stores.read_attributes(tmp_path / "activity")["tau_s"] == tau


def test_a_baseline_below_zero_is_flagged_not_divided_by(tmp_path):
    _, fluorescence, neuropil = simulate()
    fluorescence[2] -= 400
    fluorescence[4] = 0
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings())
    store = tmp_path / "activity"
    np.testing.assert_array_equal(stores.read_array(store, "usable"), [True, True, False, True, False, True])
    dff = stores.read_array(store, "dff")
    assert np.isfinite(dff).all() and not dff[[2, 4]].any()
    assert np.isfinite(stores.read_array(store, "deconvolved")).all()
    assert stores.read_array(store, "noise_level")[2] == 0


def test_noise_level_of_white_noise():
    noise = np.random.default_rng(0).normal(0, 0.05, (3, 20000))
    expected = 100 * 0.05 * np.sqrt(2) * 0.6745 / np.sqrt(30)  # 0.6745: median of |N(0, 1)|
    np.testing.assert_allclose(noise_level(noise, 30), expected, rtol=0.03)


def test_noise_level_leaves_out_missing_frames():
    noise = np.random.default_rng(0).normal(0, 0.05, (2, 20000))
    missing = np.zeros(noise.shape, bool)
    missing[:, 5000:16000] = True
    lines = interpolated(noise, missing)
    expected = noise_level(noise, 30)
    assert (noise_level(lines, 30) < 0.1 * expected).all()
    np.testing.assert_allclose(noise_level(lines, 30, missing), expected, rtol=0.05)


def test_missing_frames_become_straight_lines():
    traces = np.array([[9.0, 2, 3, 9, 9, 6, 9], [1, 2, 3, 4, 5, 6, 7]])
    missing = np.zeros(traces.shape, bool)
    missing[0, [0, 3, 4, 6]] = True
    np.testing.assert_allclose(interpolated(traces, missing), [[2, 2, 3, 4, 5, 6, 6], [1, 2, 3, 4, 5, 6, 7]])


@pytest.mark.parametrize("method", ["oasis", "network", "average"])
@pytest.mark.parametrize("marked_by", ["NaN", "mask"])
def test_frames_that_were_not_measured_are_bridged(tmp_path, marked_by, method):
    _, fluorescence, neuropil = simulate()
    valid = np.ones(2000, bool)
    valid[[0, 400, 401, 402, 1999]] = False
    whole = write_traces(tmp_path / "whole", fluorescence, neuropil)
    fluorescence, neuropil = fluorescence.copy(), neuropil.copy()
    fluorescence[:, ~valid] = np.nan if marked_by == "NaN" else 1e6  # a mask hides whatever stands there
    neuropil[:, ~valid] = np.nan if marked_by == "NaN" else np.inf
    mask = None if marked_by == "NaN" else valid
    holed = write_traces(tmp_path / "holed", fluorescence, neuropil, mask)
    for traces in (whole, holed):
        settings = DeconvolutionSettings(method=method, baseline_window_s=10)  # the baseline's memory is short
        deconvolve_traces(traces, tmp_path / f"{traces.name}-activity", settings)
    whole, holed = tmp_path / "whole-activity", tmp_path / "holed-activity"
    np.testing.assert_array_equal(stores.read_array(holed, "valid_frames"), valid)
    assert stores.read_array(whole, "valid_frames").all()
    dff = stores.read_array(holed, "dff")
    np.testing.assert_allclose(dff[:, 401], (dff[:, 399] + dff[:, 403]) / 2, rtol=0.02, atol=5e-3)
    # far from the gap, it is as if there were none, but for the noise and deviation of the whole trace
    for name, tolerance in (("dff", 0.002), ("deconvolved", 0.002 if method == "oasis" else 0.01)):
        found, expected = (stores.read_array(store, name)[:, 800:1700] for store in (holed, whole))
        np.testing.assert_allclose(found, expected, atol=tolerance * expected.max())


def test_an_roi_that_was_never_measured_is_refused(tmp_path):
    _, fluorescence, neuropil = simulate()
    fluorescence[3] = np.nan
    traces = write_traces(tmp_path / "traces", fluorescence, neuropil)
    with pytest.raises(StoreError, match="ROI 3: found 0 measured frames"):
        deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings())
    traces = write_traces(tmp_path / "none", *simulate()[1:], np.zeros(2000, bool))
    with pytest.raises(StoreError, match="ROI 0: found 0 measured frames"):
        deconvolve_traces(traces, tmp_path / "activity", DeconvolutionSettings())


def test_infinite_traces_are_refused(tmp_path):
    _, fluorescence, neuropil = simulate()
    neuropil[3, 70] = np.inf
    with pytest.raises(StoreError, match="ROI 3: found infinity"):
        deconvolve_traces(
            write_traces(tmp_path / "traces", fluorescence, neuropil), tmp_path / "activity", DeconvolutionSettings()
        )


def test_activity_where_the_baseline_is_below_zero_equals_that_of_a_raised_trace(tmp_path):
    _, fluorescence, neuropil = simulate()
    for name, level in (("raised", 0), ("lowered", -400)):
        traces = write_traces(tmp_path / name, fluorescence + np.float32(level), neuropil)
        deconvolve_traces(traces, tmp_path / f"{name}-activity", DeconvolutionSettings())
    lowered = tmp_path / "lowered-activity"
    assert not stores.read_array(lowered, "usable").any()
    np.testing.assert_allclose(
        stores.read_array(lowered, "deconvolved"),
        stores.read_array(tmp_path / "raised-activity", "deconvolved"),
        atol=0.01,
    )
