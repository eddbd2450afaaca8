"""Stimulus logs and other tables of any content: trials in order, or errors by file and row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dina.errors import DinaError
from dina.imaging.masking import read_bad_frames
from dina.recordings.clock import fit_clock, read_clock_events
from dina.recordings.stimulus_log import onsets_s, read_stimulus_log
from dina.tables import numbers_in, read_table
from tests.doors.damage import damage
from tests.doors.guards import guarded, is_clear

VOLUMES_S = np.arange(400) / 7.5
COLUMNS = [
    "onset_s",
    "onset_frame",
    "image",
    "category",
    "split",
    "repeat",
    "speed",
    "time_s",
    "first",
    "last",
    "log_s",
]
COLUMNS += ["movie_s", "movie_frame", "Image", "", "Unnamed: 0"]
CELLS = st.one_of(
    st.integers(-2, 300).map(str),
    st.floats(-1, 60).map("{:.3f}".format),
    st.sampled_from(
        ["", "nan", "inf", "-inf", "1e400", "train", "validation", "test", "a.png", "../a.png", "007", " 1 "]
    ),
    st.sampled_from(["1,5", '"1', "1\t2", "True", "1_000", "٣", "\0", "9" * 400, "0x10", "1e5"]),
    st.text(max_size=6),
)


@st.composite
def tables(draw):
    """A header, and rows of which most have an onset after the one before."""
    names = draw(st.lists(st.sampled_from(COLUMNS), max_size=4))
    names = list(dict.fromkeys(["onset_s", "image", "log_s", "movie_s", "first", "last", "time_s", *names]))[
        : draw(st.integers(1, 12))
    ]
    rows = []
    for k in range(draw(st.integers(0, 6))):
        usual = {"image": f"{k}.png", "split": ("train", "validation", "test")[k % 3]}
        rows.append([usual.get(name, str(5 * k)) if draw(st.integers(0, 9)) else draw(CELLS) for name in names])
    return "\n".join(",".join(row) for row in [names, *rows])


TEXTS = st.one_of(tables(), tables(), tables(), st.text(max_size=60), st.binary(max_size=60))


def read_log(path):
    log = read_stimulus_log(path)
    onset = onsets_s(log.onset, log.unit, VOLUMES_S, path)
    assert (
        np.isfinite(onset).all() and (np.diff(onset) > 0).all() and len(onset) == len(log.image) == len(log.behaviour)
    )
    assert all(isinstance(name, str) and name for name in log.image)


def read_events(path):
    clock = fit_clock(read_clock_events(path), VOLUMES_S)
    assert np.isfinite([clock.rate, clock.offset_s, clock.worst_residual_s]).all()


def read_mask(path):
    assert read_bad_frames(path, 400).shape == (400,)


def read_times(path):
    (time_s,) = numbers_in(read_table(path, "a table of frame times"), path, "time_s")
    assert np.isfinite(time_s).all()


DOORS = {read.__name__: read for read in (read_log, read_events, read_mask, read_times)}


def tell(read, path):
    """Whether a table was read; a refusal must name it."""
    try:
        with guarded():
            read(path)
    except DinaError as error:
        assert is_clear(error, path.name), error
        return False
    return True


@pytest.mark.parametrize("read", DOORS.values(), ids=DOORS)
def test_tables_of_any_content(tmp_path, many, read):
    accepted = 0

    @many
    @given(TEXTS, st.sampled_from([".csv", ".tsv", ".CSV", ".txt"]))
    def tried(text, suffix):
        nonlocal accepted
        path = tmp_path / f"log{suffix}"
        content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
        path.write_bytes(content.replace(b",", b"\t") if suffix == ".tsv" else content)
        accepted += tell(read, path)

    tried()
    assert accepted


def test_damaged_parquet(tmp_path, n_cases):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"onset_s": np.arange(20.0), "image": [f"{k}.png" for k in range(20)]}).to_parquet(path)
    content = path.read_bytes()
    assert tell(read_log, path)
    refused = 0
    for seed in range(n_cases):
        path.write_bytes(damage(content, seed))
        refused += not tell(read_log, path)
    assert refused > n_cases / 10
