"""What is planted is found: the verdicts of recordings whose answer is known."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from attribution import planted_images


@pytest.mark.parametrize(("what", "wanted"), planted_images.WANTED.items())
def test_the_verdict_is_what_was_planted(what, wanted):
    is_band = what in planted_images.BANDS_CPD
    verdicts = planted_images.verdicts_of(planted_images.planted(what), with_textures=not is_band)
    question = "coarse or fine" if is_band else "shape or texture"
    asked = verdicts[verdicts["question"] == question]
    assert asked["condition"].tolist() == ["frozen", "retrained"][: 2 if is_band else 1]
    assert set(asked["verdict"]) == {wanted}
