"""Traces against the registered frames and the true spikes."""

import numpy as np
from scipy.stats import skew

from dina import stores
from dina.imaging.frames import open_frames
from dina.imaging.rois import Footprints
from dina.imaging.traces import trace_skewness


def test_fluorescence_is_the_weighted_mean_of_unshared_pixels(plane):
    frames = open_frames(plane / "registered")[:].reshape(400, -1).astype(float)
    footprints = Footprints.read(plane / "rois")
    fluorescence = stores.read_array(plane / "traces", "fluorescence")
    shared = np.bincount(footprints.pixel, minlength=frames.shape[1]) > 1
    for k in range(len(footprints)):
        pixel, weight = footprints.pixel[footprints.roi(k)], footprints.weight[footprints.roi(k)]
        own = ~shared[pixel]
        expected = frames[:, pixel[own]] @ weight[own] / weight[own].sum()
        np.testing.assert_allclose(fluorescence[k], expected, rtol=1e-4)


def centres(plane, tiny_movie):
    """Where the cells stand in the registered frames."""
    rigid = stores.read_array(plane / "registered", "rigid_offsets_px")
    return tiny_movie.centres - np.median(rigid - tiny_movie.motion_px, axis=0)


def test_traces_follow_the_cells(plane, tiny_movie):
    store = stores.checked(plane / "traces", verify=True)
    centroid = stores.read_array(plane / "rois", "centroid_px")
    fluorescence, neuropil = (stores.read_array(store, name) for name in ("fluorescence", "neuropil"))
    assert fluorescence.shape == neuropil.shape == (len(centroid), 400)
    decay = np.exp(-1 / 7)
    for cell, spikes in enumerate(tiny_movie.spikes):
        k = np.argmin(np.linalg.norm(centroid - centres(plane, tiny_movie)[cell], axis=1))
        calcium = np.convolve(spikes, decay ** np.arange(40))[:400]
        assert np.corrcoef(fluorescence[k], calcium)[0, 1] > 0.95
        assert np.corrcoef(neuropil[k], calcium)[0, 1] < 0.5


def test_skewness_is_the_third_standardised_moment():
    traces = np.random.default_rng(0).gamma(2, size=(5, 300)).astype(np.float32)
    np.testing.assert_allclose(trace_skewness(traces, rate_hz=0.5), skew(traces, axis=1), rtol=0.01)
    assert trace_skewness(np.ones((1, 50), np.float32), 10) == 0


def test_skewness_sees_transients_in_noise_at_any_rate():
    for rate_hz in (5, 30):
        n_frames = int(600 * rate_hz)
        rng = np.random.default_rng(1)
        events = (rng.random(n_frames) < 0.05 / rate_hz).astype(float)
        calcium = np.convolve(events, np.exp(-np.arange(5 * rate_hz) / (0.7 * rate_hz)))[:n_frames]
        noise = rng.normal(0, 0.1 * np.sqrt(rate_hz), (2, n_frames))
        with_transients, without = trace_skewness(noise + np.stack([calcium, 0 * calcium]), rate_hz)
        assert with_transients > 0.3 > 0.15 > abs(without)


def test_cells_are_told_from_the_rest(plane, tiny_movie):
    centroid = stores.read_array(plane / "rois", "centroid_px")
    distance = np.linalg.norm(centroid[:, None] - centres(plane, tiny_movie), axis=2).min(1)
    skewness = stores.read_array(plane / "traces", "skewness")
    probability = stores.read_array(plane / "traces", "cell_probability")
    assert ((probability >= 0) & (probability <= 1)).all()
    assert skewness[distance < 2].min() > 0.7
