import numpy as np
import pytest

from dina.errors import InputError
from dina.settings import ScenesSettings
from dina.simulate import scenes as scenes_module
from dina.simulate.crops import SPLITS, TEST, TRAIN, VALIDATION, place_crops
from dina.simulate.photographs import Photograph, load_photographs
from dina.simulate.scenes import make_scenes, render


@pytest.fixture(scope="module")
def default():
    return make_scenes(ScenesSettings(), seed=3)


def shared_share(boxes):
    """(n, n) area that pairs of boxes share, of the smaller one; 0 on the diagonal."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    area = np.prod(boxes[:, 2:] - boxes[:, :2], -1)
    share = np.prod(np.clip(high - low, 0, None), -1) / np.minimum(area[:, None], area[None])
    return share * (1 - np.eye(len(boxes)))


def test_sizes_and_order(default):
    settings = ScenesSettings()
    assert np.bincount(default.split).tolist() == [settings.n_train, settings.n_validation, settings.n_test]
    assert np.all(np.diff(default.split.astype(int)) >= 0)
    assert default.images.shape == (1220, 64, 64)
    assert default.images.dtype == np.uint8
    assert default.degrees_per_pixel == 40 / 64
    assert SPLITS == ("train", "validation", "test")


def test_held_out_crops_share_at_most_a_tenth_with_all_others_together(default):
    """Paints every other crop on the photograph and counts covered pixels: no rectangle arithmetic."""
    photographs = load_photographs(None, smallest_px=48, longest_px=800)
    for source, photograph in enumerate(photographs):
        members = np.flatnonzero(default.category == source)
        cover = np.zeros(photograph.grey.shape, int)
        for top, left, bottom, right in default.boxes[members]:
            cover[top:bottom, left:right] += 1
        for image in members[default.split[members] != TRAIN]:
            top, left, bottom, right = default.boxes[image]
            assert np.mean(cover[top:bottom, left:right] > 1) <= ScenesSettings().max_overlap


def test_no_small_crop_hides_in_a_large_one(default):
    """The shared area is also at most a tenth of the smaller of two crops, if one of them is held out."""
    for source in range(len(default.names)):
        members = np.flatnonzero(default.category == source)
        split = default.split[members]
        held_out = (split[:, None] != TRAIN) | (split[None] != TRAIN)
        assert np.all(shared_share(default.boxes[members])[held_out] <= 0.1)


def test_small_held_out_crops_are_safe_beside_large_ones():
    """The rim of a large crop is wide for a small one; neither may give way to the other."""
    rng = np.random.default_rng(0)
    photographs = [Photograph(name, rng.random((600, 600), np.float32)) for name in "ab"]
    settings = ScenesSettings(n_train=2, n_validation=2, n_test=400, crop_px=(8, 200))
    split, source, boxes = place_crops(photographs, settings, rng)
    for k in range(2):
        assert shared_share(boxes[(source == k) & (split != TRAIN)]).max() <= settings.max_overlap


def test_categories_are_balanced_across_splits(default):
    shares = [
        np.bincount(default.category[default.split == code], minlength=len(default.names))
        for code in (TRAIN, VALIDATION, TEST)
    ]
    assert all(share.min() >= 1 for share in shares)
    train, validation, test = (share / share.sum() for share in shares)
    assert np.abs(train - test).max() < 0.02
    assert np.abs(train - validation).max() < 0.02


def test_contrast_is_the_same_everywhere(default):
    contrast = default.images / 127.5 - 1
    assert np.abs(contrast.mean((1, 2))).max() < 0.05
    assert np.median(contrast.std((1, 2))) == pytest.approx(0.35, abs=0.01)
    assert contrast.std((1, 2)).max() < 0.36


def test_images_show_scenes_and_not_noise(default):
    """Natural pictures: neighbouring pixels are alike, and no two test images are."""
    contrast = default.images[default.split == TEST] / 127.5 - 1
    neighbours = np.mean(contrast[..., 1:] * contrast[..., :-1]) / np.mean(contrast**2)
    assert neighbours > 0.7
    between = np.corrcoef(contrast.reshape(len(contrast), -1)) - np.eye(len(contrast))
    assert between.max() < 0.95


def test_an_image_depends_on_nothing_outside_its_box():
    rng = np.random.default_rng(0)
    settings = ScenesSettings(size_px=24)
    box = np.array([30, 40, 90, 100])
    first = rng.random((150, 160), dtype=np.float32)
    second = rng.random((150, 160), dtype=np.float32)
    second[30:90, 40:100] = first[30:90, 40:100]
    images = [render(grey, box, settings, np.random.default_rng(1)) for grey in (first, second)]
    assert np.array_equal(*images)


def test_warps_stay_inside_the_box():
    settings = ScenesSettings(max_rotation_deg=20, max_stretch=0.4)
    corners = np.array([[-1, -1, 1, 1], [-1, 1, -1, 1]])
    rng = np.random.default_rng(0)
    warps = [scenes_module._random_warp(settings, rng) for _ in range(200)]
    assert max(np.abs(warp @ corners).max() for warp in warps) <= 1 + 1e-9
    assert min(np.abs(warp @ corners).max() for warp in warps) > 0.99  # and use all of it
    assert 60 < sum(np.linalg.det(warp) < 0 for warp in warps) < 140  # half of them flipped


def test_reduction_does_not_alias():
    """Stripes finer than the image can show vanish, and do not come back as coarse ones."""
    settings = ScenesSettings(size_px=32, max_rotation_deg=0, max_stretch=0)
    x = np.arange(128)
    coarse = np.tile(np.sin(2 * np.pi * x / 64), (128, 1))
    fine = np.tile(np.sin(2 * np.pi * x / 4.5), (128, 1))
    box = np.array([0, 0, 128, 128])
    with_fine, without = (
        render(grey.astype(np.float32), box, settings, np.random.default_rng(0)).astype(float).ravel()
        for grey in (coarse + fine, coarse)
    )
    assert np.corrcoef(with_fine, without)[0, 1] > 0.98


def test_same_seed_same_images(photographs):
    settings = ScenesSettings(photographs=str(photographs), n_train=8, n_validation=2, n_test=2, crop_px=(24, 40))
    first, again, other = (make_scenes(settings, seed) for seed in (4, 4, 5))
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)


def test_too_few_photographs_for_so_many_test_images(photographs):
    settings = ScenesSettings(photographs=str(photographs), n_train=4, n_validation=2, n_test=400, crop_px=(48, 64))
    with pytest.raises(InputError, match="no room for another test crop.*400 test.*folder with more photographs"):
        make_scenes(settings, seed=0)


def test_blank_photographs_hold_no_crops(tmp_path):
    from PIL import Image

    for name in "ab":
        Image.fromarray(np.full((200, 200), 128, np.uint8)).save(tmp_path / f"{name}.png")
    settings = ScenesSettings(photographs=str(tmp_path), n_train=4, n_validation=2, n_test=2)
    with pytest.raises(InputError, match="blank"):
        make_scenes(settings, seed=0)
