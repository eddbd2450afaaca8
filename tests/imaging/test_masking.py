"""Frames that a user wants masked."""

import numpy as np
import pytest

from dina.errors import InputError
from dina.imaging.masking import read_bad_frames


@pytest.mark.parametrize(("name", "separator"), [("bad.csv", ","), ("bad.tsv", "\t"), ("BAD.TSV", "\t")])
def test_ranges_are_masked_with_both_ends(tmp_path, name, separator):
    (tmp_path / name).write_text(f"first{separator}last\n3{separator}5\n9{separator}9\n")
    assert np.flatnonzero(read_bad_frames(tmp_path / name, 42)).tolist() == [3, 4, 5, 9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first,last\n3,5\n7,42\n", "row 3: found 'frames 7 to 42'; expected whole numbers from 0 to 41, in order"),
        ("first,last\n5,3\n", "row 2: found 'frames 5 to 3'"),
        ("first,last\n1.5,3\n", "row 2: found 'frames 1.5 to 3'"),
        ("first,last\n0,41\n", "found 0 of 42 frames left; expected at least 30"),
        ("first,last\n0,9\n20,22\n", r"bad\.csv: found 29 of 42 frames left"),
        ("first,last\n3,5,40\n", "row 2: found 3 cells; expected 2, as in the header"),
        ("first;last\n3;5\n", "found columns 'first;last'; .*separated by ','"),
        ("first\n0\n", "expected also last"),
        ("first,last\n", "found no row"),
        ("first,last\n0,\n", "row 2: found .*; expected a number in last"),
    ],
)
def test_rows_that_are_no_ranges_are_refused(tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_bad_frames(tmp_path / "bad.csv", 42)
