"""Tables that the user brings."""

import numpy as np
import pandas as pd
import pytest

from dina.errors import InputError
from dina.tables import numbers_in, read_table


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("first,last\n3,5,500\n", 2),  # pandas would take 3 for a row's name
        ("first,last\n3,5\n\n7,9,1\n", 4),
        ('first,last\n"3,0",5,1\n', 2),
    ],
)
def test_cells_beyond_the_header_are_refused(tmp_path, text, row):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(InputError, match=rf"table\.csv, row {row}: found 3 cells; expected 2"):
        read_table(tmp_path / "table.csv", "a table")


@pytest.mark.parametrize(
    "text", ["first,last\n3,5\n", "first,last\n3,5,\n", "\ufefffirst,last\n3,5\n", "first,last\r\n3,5\r\n"]
)
def test_surplus_commas_and_other_line_ends_do_no_harm(tmp_path, text):
    (tmp_path / "table.csv").write_bytes(text.encode())
    first, last = numbers_in(read_table(tmp_path / "table.csv", "a table"), "table.csv", "first", "last")
    assert (first.tolist(), last.tolist()) == ([3], [5])


@pytest.mark.parametrize("ending", ["CSV", "TSV", "PARQUET"])
def test_endings_in_capitals(tmp_path, ending):
    path, table = tmp_path / f"table.{ending}", pd.DataFrame({"time_s": [0.5, 1.5], "plane": [0, 1]})
    if ending == "PARQUET":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if ending == "TSV" else ",", index=False)
    np.testing.assert_array_equal(read_table(path, "a table"), table)


def test_another_separator_is_suspected(tmp_path):
    (tmp_path / "table.csv").write_text("first;last\n3;5\n")
    table = read_table(tmp_path / "table.csv", "a table")
    with pytest.raises(InputError, match=r"found columns 'first;last'; .*separated by ','"):
        numbers_in(table, tmp_path / "table.csv", "first", "last")


def test_another_separator_is_suspected_where_decimals_have_commas(tmp_path):
    (tmp_path / "table.csv").write_text("first;last\n3,0;5,0\n")
    with pytest.raises(InputError, match=r"row 2: found 3 cells; expected 1, .*separated by ','"):
        read_table(tmp_path / "table.csv", "a table")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00a", b'first\n"' + b"x" * 200_000])
def test_what_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(InputError, match="found an unreadable table"):
        read_table(tmp_path / "table.csv", "a table")
