import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dina.errors import InputError
from dina.recordings.splits import near_duplicates, split_categories, split_images, split_time_blocks
from dina.recordings.trials import TEST, TRAIN, VALIDATION


@pytest.fixture
def pictures():
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(40, 64, 64)), (0, 4, 4))
    low, high = noise.min((1, 2), keepdims=True), noise.max((1, 2), keepdims=True)
    return ((noise - low) / (high - low)).astype(np.float32)


def test_near_duplicates_are_grouped_and_others_are_not(pictures):
    copies = np.clip(pictures[:5] * 0.9 + 0.02, 0, 1)
    group = near_duplicates(np.concatenate([pictures, copies]))
    np.testing.assert_array_equal(group[40:], group[:5])
    assert len(np.unique(group)) == 40


def test_groups_stay_together_and_shares_are_kept():
    group = np.repeat(np.arange(200), 2)
    side = split_images(np.ones(400, int), group, 0.1, 0.2, 3)
    np.testing.assert_array_equal(side[::2], side[1::2])
    assert np.mean(side == TEST) == pytest.approx(0.2, abs=0.01)
    assert np.mean(side == VALIDATION) == pytest.approx(0.1, abs=0.01)


def test_repeated_images_are_preferred_for_the_test_but_a_third_stays_in_training():
    showings = np.r_[np.full(60, 2), np.ones(240, int)]
    side = split_images(showings, np.arange(300), 0.1, 0.1, 0)
    assert np.all(showings[side == TEST] == 2)
    side = split_images(showings, np.arange(300), 0.1, 0.3, 0)
    assert np.sum((showings == 2) & (side == TRAIN)) >= 20


def test_many_repeats_may_all_go_to_the_test():
    showings = np.r_[np.full(30, 10), np.ones(270, int)]
    side = split_images(showings, np.arange(300), 0.1, 0.1, 0)
    assert np.sum((showings == 10) & (side == TEST)) == 30


def test_same_seed_same_split():
    arguments = (np.ones(50, int), np.arange(50), 0.2, 0.2)
    np.testing.assert_array_equal(split_images(*arguments, 1), split_images(*arguments, 1))
    assert np.any(split_images(*arguments, 1) != split_images(*arguments, 2))


def test_too_few_images():
    with pytest.raises(InputError, match="found 1 that are"):
        split_images(np.ones(20, int), np.zeros(20, int), 0.1, 0.1, 0)


def test_the_fewest_images_leave_two_to_test():
    side = split_images(np.ones(10, int), np.arange(10), 0.1, 0.1, seed=0)
    assert np.bincount(side).tolist() == [6, 2, 2]


def test_a_group_larger_than_its_side_stays_in_training():
    group = np.r_[np.zeros(28, int), np.arange(1, 13)]
    for seed in range(5):
        side = split_images(np.ones(40, int), group, 0.1, 0.1, seed)
        assert (side[:28] == TRAIN).all() and np.bincount(side).min() >= 2


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(InputError, match="images: found .* train, .* expected at least 5 train"):
        split_images(np.ones(20, int), np.arange(20), 0.45, 0.49, seed=0)


def test_whole_categories_are_held_out():
    category = np.repeat(np.arange(10), 20).astype(np.int16)
    category[:3] = -1
    side = split_categories(category, 0.1, 0.2, 0)
    for name in range(10):
        assert len(np.unique(side[category == name])) == 1
    assert np.mean(side == TEST) == pytest.approx(0.2, abs=0.02)
    assert np.mean(side == VALIDATION) == pytest.approx(0.1, abs=0.02)
    assert (side[:3] == TRAIN).all()
    assert set(split_categories(np.arange(3), 0.1, 0.1, 1)) == {TRAIN, VALIDATION, TEST}


def test_two_categories_cannot_be_held_out():
    with pytest.raises(InputError, match="2 categories; expected at least 3"):
        split_categories(np.arange(20) % 2, 0.1, 0.1, 0)


def test_blocks_of_time_share_no_image_and_do_not_touch():
    rng = np.random.default_rng(0)
    image_index = rng.integers(0, 600, 1000)
    group = np.arange(600)
    group[1] = 0  # near-duplicates
    split = split_time_blocks(image_index, group, 0.1, 0.2)
    blocks = [np.flatnonzero(split == code) for code in (TRAIN, VALIDATION, TEST)]
    assert blocks[1].min() - blocks[0].max() > 20 and blocks[2].min() - blocks[1].max() > 20
    groups = [set(group[image_index[block]]) for block in blocks]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert len(blocks[2]) == 200 and blocks[2].max() == 999


def test_images_shown_throughout_cannot_be_parted_by_time():
    with pytest.raises(InputError, match="0 train.*shown throughout.*split_by: images"):
        split_time_blocks(np.tile(np.arange(50), 20), np.arange(50), 0.1, 0.1)
