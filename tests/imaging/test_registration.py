"""Registration against known motion."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, map_coordinates, shift

from dina import stores
from dina.errors import InputError
from dina.imaging.frames import open_frames
from dina.imaging.registration import block_size_px, register_plane, visible_range
from dina.settings import AcquisitionInfo, RegistrationSettings

ACQUISITION = AcquisitionInfo(volume_rate_hz=10, pixel_size_um=1.5)


def texture(height, width, seed=0):
    return 1000 + 2000 * gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 1.5)


def register(folder, frames, settings=None, acquisition=ACQUISITION):
    tifffile.imwrite(folder / "movie.tif", frames)
    register_plane([folder / "movie.tif"], folder / "registered", 0, acquisition, settings or RegistrationSettings())
    return stores.checked(folder / "registered", verify=True)


def away_from_constant(difference):
    return np.abs(difference - np.median(difference, axis=0))


def test_offsets_are_the_brains_displacement(plane, tiny_movie):
    rigid = stores.read_array(plane / "registered", "rigid_offsets_px")
    blocks = stores.read_array(plane / "registered", "block_offsets_px")
    total = rigid + blocks.mean(1)
    assert np.median(away_from_constant(rigid - tiny_movie.motion_px)) == 0
    assert np.median(np.linalg.norm(away_from_constant(total - tiny_movie.motion_px), axis=1)) < 0.3
    centres = stores.read_array(plane / "registered", "block_centres_px")
    assert centres.shape == blocks.shape[1:] and np.all(centres > 0) and np.all(centres < 96)


def test_registered_frames_stand_still(plane, tiny_movie):
    attributes = stores.read_attributes(plane / "registered")
    frames = open_frames(plane / "registered")
    assert frames.shape == tiny_movie.frames.shape
    assert attributes["residual_motion_px"] < 0.2
    assert attributes["crispness"] > 1.05 * attributes["crispness_raw"]
    np.testing.assert_allclose(
        stores.read_array(plane / "registered", "mean_image_raw"), tiny_movie.frames.mean(0), rtol=1e-4
    )
    rows, columns = slice(*attributes["visible_rows"]), slice(*attributes["visible_columns"])
    mean = stores.read_array(plane / "registered", "mean_image")
    np.testing.assert_allclose(frames[:].mean(0)[rows, columns], mean[rows, columns], atol=0.1)


def test_says_what_later_stages_need(plane):
    attributes = stores.read_attributes(plane / "registered")
    expected = {"n_frames": 400, "height_px": 96, "width_px": 96, "volume_rate_hz": 10.0, "pixel_size_um": 1.5}
    expected |= {"plane": 0, "pixel_scale": 1.0, "n_dropped_pages": 0}
    assert expected.items() <= attributes.items()


def test_non_rigid_motion_is_recovered_block_by_block(tmp_path):
    height, width, n_frames = 128, 144, 120
    rng = np.random.default_rng(1)
    still = texture(height + 40, width + 40)
    y, x = np.mgrid[:height, :width].astype(float)
    across = np.sin(np.arange(n_frames) / 5)  # the left edge moves up while the right edge moves down
    frames = np.empty((n_frames, height, width), np.uint16)
    for t in range(n_frames):
        dy = 2.0 * across[t] * (x / width - 0.5) * 2
        frames[t] = map_coordinates(still, [y + 20 - dy, x + 20], order=3) + rng.normal(0, 30, (height, width))
    store = register(tmp_path, frames, RegistrationSettings(block_px=64))
    blocks = stores.read_array(store, "block_offsets_px") + stores.read_array(store, "rigid_offsets_px")[:, None]
    centres = stores.read_array(store, "block_centres_px")
    true = 2.0 * across[:, None] * (centres[:, 1] / width - 0.5) * 2
    assert np.median(away_from_constant(blocks[..., 0] - true)) < 0.2
    assert np.median(away_from_constant(blocks[..., 1])) < 0.1
    assert np.ptp(true) > 2


def test_bright_movies_do_not_wrap(tmp_path):
    rng = np.random.default_rng(0)
    frames = np.clip(20 * texture(64, 64) + rng.normal(0, 900, (60, 64, 64)), 0, 65535).astype(np.uint16)
    store = register(tmp_path, frames)
    assert stores.read_attributes(store)["pixel_scale"] == 0.5
    assert open_frames(store)[:].min() >= 0
    np.testing.assert_allclose(stores.read_array(store, "mean_image").mean(), frames.mean() / 2, rtol=0.01)


@pytest.mark.parametrize("side", [(40, 48), (64, 64), (72, 200)])
def test_small_fields_of_view_register(tmp_path, side):
    rng = np.random.default_rng(0)
    motion = rng.integers(-2, 3, (50, 2))
    still = texture(*side)
    frames = np.array([shift(still, m, order=0, mode="grid-wrap") + rng.normal(0, 30, side) for m in motion])
    store = register(tmp_path, frames.astype(np.uint16))
    rigid = stores.read_array(store, "rigid_offsets_px")
    assert np.median(away_from_constant(rigid - motion)) == 0
    n_blocks = stores.read_attributes(store)["n_blocks"]
    assert (n_blocks > 0) == (min(side) >= 64)
    if n_blocks:
        assert stores.read_array(store, "block_offsets_px").shape == (50, n_blocks, 2)


def test_blocks_shrink_to_the_field_of_view():
    settings = RegistrationSettings(block_px=96)
    assert block_size_px(512, 512, settings) == (96, 96)
    assert block_size_px(128, 100, settings) == (96, 72)
    assert block_size_px(63, 512, settings) is None
    assert block_size_px(512, 512, RegistrationSettings(non_rigid=False)) is None


def test_visible_range_leaves_out_what_wrapped_round():
    registered = {
        "yoff": np.array([0, 3, -2, 40]),
        "xoff": np.array([1, 5, 4, -40]),
        "badframes": np.array([False, False, False, True]),
    }
    assert visible_range(registered, (4, 100, 80)) == ([2, 97], [0, 75])
    assert visible_range(registered | {"badframes": np.ones(4, bool)}, (4, 100, 80)) == ([2, 60], [40, 75])


def test_same_movie_same_bytes(plane, tiny_movie, tmp_path):
    store = register(tmp_path, tiny_movie.frames)
    assert stores.manifest_path(store).read_text() == stores.manifest_path(plane / "registered").read_text()


def test_any_number_of_threads_gives_the_same_bytes(plane, tiny_movie, tmp_path, monkeypatch):
    monkeypatch.setattr("dina.imaging.registration.STRETCH_FRAMES", 60)
    manifests = []
    for n_threads in (1, 3):
        output = tmp_path / f"registered-{n_threads}"
        arguments = ([plane / "movie.tif"], output, 0, ACQUISITION, RegistrationSettings())
        register_plane(*arguments, n_threads=n_threads)
        manifests.append(stores.manifest_path(output).read_text())
    assert manifests[0] == manifests[1]
    whole = stores.read_array(plane / "registered", "rigid_offsets_px")
    np.testing.assert_array_equal(stores.read_array(tmp_path / "registered-3", "rigid_offsets_px"), whole)
    np.testing.assert_array_equal(open_frames(tmp_path / "registered-3")[:], open_frames(plane / "registered")[:])


def test_a_movie_that_fails_leaves_nothing(tmp_path):
    frames = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32)
    frames[30] = np.nan
    with pytest.raises(InputError, match="page 30"):
        register(tmp_path, frames)
    assert [path.name for path in tmp_path.iterdir()] == ["movie.tif"]


def test_an_unknown_rate_is_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match="volume rate.*volume_rate_hz"):
        register(tmp_path, texture(64, 64)[None].repeat(40, 0).astype(np.uint16), acquisition=AcquisitionInfo())


def two_channel_movie(n_frames=80, side=96):
    """Pages of two channels that move alike; the second is brighter, with structure where the first has none."""
    rng = np.random.default_rng(3)
    motion = rng.integers(-4, 5, (n_frames, 2))
    dim, bright = texture(side, side, 1) / 20, texture(side, side, 2)
    pages = [
        np.roll(still, m, (0, 1)) + rng.normal(0, noise, (side, side))
        for m in motion
        for still, noise in ((dim, 60), (bright, 30))
    ]
    return (np.array(pages) + 300).clip(0).astype(np.uint16), motion


def test_the_structural_channel_moves_the_functional_one(tmp_path):
    pages, motion = two_channel_movie()
    acquisition = AcquisitionInfo(volume_rate_hz=10, pixel_size_um=1.5, n_channels=2, structural_channel=1)
    settings = RegistrationSettings(align_by="structural", non_rigid=False)
    store = register(tmp_path, pages, settings, acquisition)
    rigid = stores.read_array(store, "rigid_offsets_px")
    assert np.max(away_from_constant(rigid - motion)) == 0
    functional, structural = (stores.read_array(store, f"mean_image{kind}") for kind in ("", "_structural"))
    assert structural.std() > 5 * functional.std()
    frames = open_frames(store)
    assert len(frames) == 80 and not (store / "structural.int16").exists()
    np.testing.assert_allclose(frames[:].mean(0), functional, atol=0.6)
    shift_back = np.roll(pages[0], -rigid[0], (0, 1))
    np.testing.assert_array_equal(frames[0:1][0], shift_back)


def test_masked_frames_are_not_believed(tmp_path, tiny_movie):
    frames = tiny_movie.frames[:120].copy()
    frames[40:45] = 7
    (tmp_path / "bad.csv").write_text("first,last\n40,44\n")
    acquisition = AcquisitionInfo(volume_rate_hz=10, pixel_size_um=1.5, bad_frames=str(tmp_path / "bad.csv"))
    store = register(tmp_path, frames, acquisition=acquisition)
    assert np.flatnonzero(~stores.read_array(store, "valid_frames")).tolist() == [40, 41, 42, 43, 44]


@pytest.mark.parametrize("setting", [3, "auto"])
def test_lines_scanned_backwards_are_shifted(tmp_path, setting):
    rng = np.random.default_rng(0)
    still = texture(96, 96) + 2000
    torn = still + rng.normal(0, 30, (60, 96, 96))
    torn[:, 1::2] = np.roll(torn[:, 1::2], -3, 2)
    settings = RegistrationSettings(bidirectional_shift_px=setting, non_rigid=False)
    store = register(tmp_path, torn.astype(np.uint16), settings)
    assert stores.read_attributes(store)["bidirectional_shift_px"] == 3
    inside = (slice(12, -12), slice(12, -12))
    mean = stores.read_array(store, "mean_image")
    assert np.corrcoef(mean[inside].ravel(), still[inside].ravel())[0, 1] > 0.99
