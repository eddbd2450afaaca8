"""Recording sheets of any content: settings of every recording, or errors by file, row and column."""

import json

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from dina.errors import DinaError
from dina.recordings.sheet import PATHS, Recording, check_inputs, load_settings
from tests.doors.guards import guarded, is_clear
from tests.doors.movies import FRAMES

COLUMNS = list(Recording.model_fields)
HANDY = {  # cells that get far, by column
    **{name: ["", "", "", "", "", "log.csv", "{plane}"] for name in PATHS},
    "header": ["", "use", "ignore"],
    "axes": ["", "txy"],
    "indicator": ["", "GCaMP6f"],
    "recording": ["m1", "m2", "m3", "m4", "m5", "m6", "M1", "tables", "a/b", "../m", "", "é", "m1;ls", "CON", "-"],
    "source": ["movie", "movie", "movie", "simulated", "suite2p"],
    "movie": [
        "movie.tif",
        "m*.tif",
        "[",
        "**",
        "../*",
        "/",
        ".",
        "movie_{plane}.tif",
        "{",
        "absent.tif",
        "~",
        "**/m*",
        "[",
    ],
    "stimulus_log": ["log.csv", "absent.csv", "log.nwb"],
    "images": ["images", "images.npy", "."],
    "skip_planes": ["0", "0 1", "1,", " ", "99999999999999999999"],
    "n_planes": ["1", "2", "64", "65", "1.0", "1e1", "٣"],
}
USUAL = ["", "", "", "1", "5", "12"]  # cells of other columns
CELLS = st.one_of(
    st.sampled_from(
        ["", "", "0", "1", "2", "-1", "0.5", "1e400", "nan", "inf", "True", "7.5", "12", "é", "a b", "\u2028"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=8),
    st.sampled_from(["./x", "/etc/passwd", "$(touch x)", "`ls`", "'", '"', '"a', "a\tb", "a,b", "#", "{plane}", "\0"]),
)


@pytest.fixture
def folder(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES[:2])
    (tmp_path / "images").mkdir()
    (tmp_path / "log.csv").write_text("onset_s,image\n1,0\n")
    return tmp_path


@st.composite
def sheets(draw):
    """A header of known columns, now and then an odd one, and rows of handy and odd cells."""
    names = ["recording", "source", *draw(st.lists(st.sampled_from(COLUMNS), max_size=3, unique=True))]
    if draw(st.integers(0, 3)):
        names = list(dict.fromkeys([*names, "movie", "pixel_size_um", "cell_diameter_um", "volume_rate_hz"]))
    if draw(st.integers(0, 9)) == 0:
        names.append(draw(st.text(max_size=6)))
    rows = []
    for _ in range(draw(st.integers(1, 3))):
        handy = [
            draw(st.sampled_from(HANDY.get(name, USUAL))) if draw(st.integers(0, 9)) else draw(CELLS) for name in names
        ]
        rows.append(handy[: draw(st.integers(1, len(names))) if draw(st.integers(0, 9)) == 0 else len(names)])
    return "\n".join("\t".join(row) for row in [names, *rows]) + "\n"


TEXTS = st.one_of(sheets(), sheets(), sheets(), sheets(), st.text(max_size=80), st.binary(max_size=80))


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_sheets_of_any_content(folder, many, suffix):
    path = folder / f"sheet{suffix}"
    accepted = 0

    @many
    @given(TEXTS)
    def tried(text):
        nonlocal accepted
        content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
        path.write_bytes(content.replace(b"\t", b",") if suffix == ".csv" else content)
        try:
            with guarded():
                settings = load_settings({"recordings": str(path)})
                check_inputs(settings, path)
        except DinaError as error:
            assert all(is_clear(line, str(folder)) for line in str(error).splitlines()), error
            return
        accepted += 1
        assert settings and json.loads(json.dumps(settings, allow_nan=False)) == settings
        for name, of in settings.items():
            assert name == of["recording"]["recording"] and not set(name) & set("/\\. ;$`")
            assert 1 <= of["acquisition"]["n_planes"] <= 64

    tried()
    assert accepted
