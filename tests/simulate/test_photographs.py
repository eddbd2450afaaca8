import numpy as np
import pytest
import tifffile
from PIL import Image

from dina.errors import InputError
from dina.simulate.photographs import INSTALLED, installed_photographs, load_photographs


def save(path, pixels):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def test_installed_photographs_are_there_and_distinct():
    paths = installed_photographs()
    assert len(paths) == sum(map(len, INSTALLED.values())) >= 18
    assert len({path.stem for path in paths}) == len(paths)


def test_installed_photographs_are_found_without_importing_their_packages():
    import subprocess
    import sys

    code = (
        "import sys; from dina.simulate.photographs import installed_photographs; installed_photographs();"
        "assert not {'skimage', 'sklearn', 'plenoptic', 'matplotlib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_large_photographs_are_reduced_and_keep_their_shape(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.png", np.full((200, 400), 90))
    for photograph in load_photographs(str(tmp_path), smallest_px=40, longest_px=100):
        assert photograph.grey.shape == (50, 100)
        assert photograph.grey == pytest.approx(np.full((50, 100), 90 / 255), abs=1e-5)


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda folder: (folder / "b.png").write_bytes(b"not a picture"), ["b.png", "unreadable"]),
        (lambda folder: (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:60]), ["b.png", "unreadable"]),
        (lambda folder: save(folder / "b.png", np.zeros((30, 90))), ["b.png", "30 × 90", "at least 60"]),
        (lambda folder: tifffile.imwrite(folder / "b.tif", np.zeros((90, 90), np.int32)), ["b.tif", "int32"]),
        (lambda folder: None, ["1 photographs", "at least 2"]),
    ],
)
def test_unusable_photographs_are_named(tmp_path, spoil, names):
    save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (90, 90)))
    spoil(tmp_path)
    with pytest.raises(InputError) as error:
        load_photographs(str(tmp_path), smallest_px=60, longest_px=800)
    assert all(name in str(error.value) for name in names), error.value


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.*no such folder"):
        load_photographs(str(tmp_path / "nowhere"), smallest_px=60, longest_px=800)
