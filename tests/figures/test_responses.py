import numpy as np
import pytest

from dina.figures.responses import plot_responses, signed, signed_root
from tests.figures.conftest import write_responses


@pytest.mark.parametrize("repeats", [1, 2])
def test_same_bytes_with_and_without_repeats(tmp_path, repeats):
    store = write_responses(tmp_path / "responses", repeats=repeats)
    files = []
    for name in ("one", "two"):
        plot_responses(store, tmp_path / name)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert set(files[0]) == {"responses.svg", "responses.png"} and files[0] == files[1]
    text = files[0]["responses.svg"].decode()
    assert f"train: 40 images, {40 * repeats} trials" in text
    assert ("no image was shown twice" in text) == (repeats == 1)
    assert ("60 pairs of 60 images" in text) == (repeats == 2)
    assert ("too few images were shown twice" in text) == (repeats == 1)


def test_signed_root():
    assert signed_root(np.array([-4.0, 0, 9])).tolist() == [-2, 0, 3]


def test_signed():
    assert [signed(value) for value in (-0.126, 0.5, -0.001)] == ["−0.13", "+0.50", "0.00"]
