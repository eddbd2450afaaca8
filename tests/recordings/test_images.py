import imageio.v3 as iio
import numpy as np
import pytest

from dina.errors import InputError
from dina.recordings.images import read_images


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)


def test_folder_and_array_agree(tmp_path, pictures):
    np.save(tmp_path / "images.npy", pictures)
    (tmp_path / "folder").mkdir()
    for number, picture in enumerate(pictures):
        iio.imwrite(tmp_path / "folder" / f"{number}.png", picture)
    from_array = read_images(tmp_path / "images.npy", np.array(["2", "0", "2"]), "log", 30)
    from_folder = read_images(tmp_path / "folder", np.array(["2.png", "0.png", "2.png"]), "log", 30)
    np.testing.assert_array_equal(from_array[0], from_folder[0])
    assert from_array[1].tolist() == [1, 0, 1]


def test_pictures_keep_their_shape_and_are_padded_to_a_square(tmp_path, pictures):
    np.save(tmp_path / "images.npy", pictures)
    images, _, width_px = read_images(tmp_path / "images.npy", np.array(["0"]), "log", 30)
    np.testing.assert_allclose(images[0, 5:25], pictures[0] / 255, atol=1e-6)
    assert width_px == 30 and np.ptp(images[0, :5]) == 0


def test_reduction_keeps_the_mean(tmp_path):
    picture = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    np.save(tmp_path / "images.npy", picture[None])
    images, _, width_px = read_images(tmp_path / "images.npy", np.array(["0"]), "log", 16)
    assert images.shape == (1, 16, 16) and width_px == 16
    assert abs(images.mean() - picture.mean()) < 0.01


@pytest.mark.parametrize("name", ["3", "-1", "a.png"])
def test_image_outside_the_array_names_the_row(tmp_path, pictures, name):
    np.save(tmp_path / "images.npy", pictures)
    with pytest.raises(InputError, match=f"log.csv, row 3: found image '{name}'; expected an index from 0 to 2"):
        read_images(tmp_path / "images.npy", np.array(["0", name]), "log.csv", 30)


def test_missing_file_names_the_row(tmp_path, pictures):
    iio.imwrite(tmp_path / "a.png", pictures[0])
    with pytest.raises(InputError, match="row 3: found image 'b.png'"):
        read_images(tmp_path, np.array(["a.png", "b.png"]), "log.csv", 30)


def test_unequal_and_unreadable_files_are_named(tmp_path, pictures):
    iio.imwrite(tmp_path / "a.png", pictures[0])
    iio.imwrite(tmp_path / "b.png", pictures[0, :10])
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="b.png"):
        read_images(tmp_path, np.array(["a.png", "b.png"]), "log.csv", 30)
    with pytest.raises(InputError, match="c.png"):
        read_images(tmp_path, np.array(["a.png", "c.png"]), "log.csv", 30)


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="without objects"):
        read_images(tmp_path / "images.npy", np.array(["0"]), "log.csv", 30)


def test_values_outside_zero_to_one_are_refused(tmp_path):
    np.save(tmp_path / "images.npy", np.full((1, 8, 8), 200.0))
    with pytest.raises(InputError, match="from 0 to 1"):
        read_images(tmp_path / "images.npy", np.array(["0"]), "log.csv", 8)


def test_an_image_has_one_name(tmp_path, pictures):
    np.save(tmp_path / "images.npy", pictures)
    images, index, _ = read_images(tmp_path / "images.npy", np.array(["2", "002", "0"]), "log.csv", 30)
    assert len(images) == 2 and index.tolist() == [1, 1, 0]
    iio.imwrite(tmp_path / "a.png", pictures[0])
    assert len(read_images(tmp_path, np.array(["a.png", "./a.png"]), "log.csv", 30)[0]) == 1


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "\u00b2"])
def test_names_that_leave_the_folder_are_refused(tmp_path, pictures, name):
    iio.imwrite(tmp_path / "a.png", pictures[0])
    (tmp_path / "folder").mkdir()
    iio.imwrite(tmp_path / "folder/b.png", pictures[0])
    with pytest.raises(InputError, match="row 3: found image .* a file in .*folder, such as 'b.png'"):
        read_images(tmp_path / "folder", np.array(["b.png", name]), "log.csv", 30)


def test_twelve_bits_in_sixteen_are_suspected(tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 4096, (2, 8, 8), dtype=np.uint16))
    with pytest.raises(InputError, match="images.npy: found no pixel above .* 12 bits"):
        read_images(tmp_path / "images.npy", np.array(["0", "1"]), "log.csv", 8)


def test_a_portrait_is_narrower_than_its_square(tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (1, 40, 20), dtype=np.uint8))
    images, _, width_px = read_images(tmp_path / "images.npy", np.array(["0"]), "log.csv", 30)
    assert images.shape == (1, 30, 30) and width_px == 15
