"""Baseline, dF/F and deconvolved activity against suite2p's own, formulas and known spikes."""

import numpy as np
import pytest

from dina import stores
from dina.errors import StoreError
from dina.imaging import suite2p
from dina.imaging.deconvolution import deconvolve_traces, maximin_baseline, neuropil_corrected, noise_level
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


def write_traces(path, fluorescence, neuropil):
    with stores.new_store(path) as store:
        stores.write_array(store, "fluorescence", fluorescence)
        stores.write_array(store, "neuropil", neuropil)
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
    settings = DeconvolutionSettings(neuropil_coefficient=0.6, baseline_window_s=30, baseline_sigma_s=1.5, tau_s=0.5)
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


def test_traces_that_are_not_finite_are_refused(tmp_path):
    _, fluorescence, neuropil = simulate()
    fluorescence[3, 70] = np.nan
    with pytest.raises(StoreError, match="ROI 3: found NaN"):
        deconvolve_traces(
            write_traces(tmp_path / "traces", fluorescence, neuropil), tmp_path / "activity", DeconvolutionSettings()
        )
