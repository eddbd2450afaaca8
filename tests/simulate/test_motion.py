import numpy as np
import pytest

from dina.settings import AcquisitionSettings, OpticsSettings
from dina.simulate.motion import draw_motion, margin_px

ACQUISITION = AcquisitionSettings(n_planes=2, volume_rate_hz=5)


def draw(n_frames=4000, seed=1, **optics):
    return draw_motion(OpticsSettings(**optics), ACQUISITION, n_frames, seed)


def test_spread_is_as_stated():
    jitter = draw(20_000, drift_um=0, jitter_um=3, non_rigid_um=0)
    assert jitter.rigid_px.std(1) == pytest.approx(2, rel=0.05)
    rows = draw(drift_um=0, jitter_um=0, non_rigid_um=3).rows_px(0, slice(None), 100)
    assert rows.std() == pytest.approx(2, rel=0.05)


def test_stated_displacement_is_the_mean_over_rows():
    motion = draw()
    rows = motion.rows_px(1, slice(10, 40), 64)
    assert rows.shape == (30, 64, 2)
    assert rows.mean(1) == pytest.approx(motion.rigid_px[1, 10:40], abs=1e-4)


def test_drift_is_slow_and_jitter_fast():
    drift, jitter = draw(drift_um=4, jitter_um=0), draw(drift_um=0, jitter_um=4)
    steps = [np.diff(motion.rigid_px[0], axis=0).std() / motion.rigid_px[0].std() for motion in (drift, jitter)]
    assert steps[0] < 0.1
    assert steps[1] > 0.6


def test_planes_share_one_brain():
    rigid = draw(drift_um=4, jitter_um=0.5).rigid_px
    assert np.corrcoef(rigid[0].ravel(), rigid[1].ravel())[0, 1] > 0.95


def test_median_is_zero():
    assert np.median(draw().rigid_px, axis=1) == pytest.approx(np.zeros((2, 2)), abs=1e-5)


@pytest.mark.parametrize("non_rigid_um", [0.0, 5.0])
def test_no_row_leaves_the_margin(non_rigid_um):
    optics = {"drift_um": 3, "jitter_um": 3, "non_rigid_um": non_rigid_um}
    rows = draw(**optics).rows_px(0, slice(None), 64)
    assert np.abs(rows).max() <= margin_px(OpticsSettings(**optics)) - 2


def test_a_still_brain_is_allowed():
    optics = {"drift_um": 0, "jitter_um": 0, "non_rigid_um": 0}
    assert np.all(draw(10, **optics).rows_px(0, slice(None), 64) == 0)
    assert margin_px(OpticsSettings(**optics)) >= 2
