"""Configurations of any content: settings in full, or errors by file and key."""

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dina.errors import DinaError
from dina.settings import Settings, parse, read_values
from tests.doors.guards import guarded, is_clear

KEYS = sorted({key for section in Settings().model_dump().values() if isinstance(section, dict) for key in section})
DEFAULTS = Settings().model_dump(mode="json")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 10**400, 1e308, 0.5, math.nan, math.inf, -math.inf]),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["auto", "cpu", "{plane}", "../..", "/", "1e3", "gabor", "0.1", "\0", "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8), st.integers()), inner, max_size=4),
    ),
    max_leaves=8,
)


@st.composite
def changed_settings(draw):
    """The defaults with a few values, at any depth, replaced by anything, and now and then a key of its own."""
    values = json.loads(json.dumps(DEFAULTS))
    for _ in range(draw(st.integers(1, 4))):
        within, depth = values, draw(st.integers(0, 4))
        for _ in range(depth):
            sections = sorted(str(key) for key, value in within.items() if isinstance(value, dict) and value)
            if not sections:
                break
            within = within[draw(st.sampled_from(sections))]
        known = sorted(map(str, within)) or ["key"]
        within[draw(st.one_of(st.sampled_from(known), st.text(max_size=6)))] = draw(VALUES)
    return values


def test_settings_of_any_content(many):
    accepted = 0

    @many
    @given(st.one_of(changed_settings(), st.dictionaries(st.sampled_from(sorted(DEFAULTS)), VALUES, max_size=5)))
    def tried(values):
        nonlocal accepted
        try:
            with guarded():
                settings = parse(Settings, values, "my.yaml")
                plain = settings.model_dump(mode="json")
        except DinaError as error:
            assert all(is_clear(line, "my.yaml") for line in str(error).splitlines()), error
            return
        accepted += 1
        assert parse(Settings, json.loads(json.dumps(plain, allow_nan=False)), "again") == settings

    tried()
    assert accepted


YAML_TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="abz:-[]{}&*!|>%@`'\"#?, \n\t0123456789._<", max_size=60),
    st.binary(max_size=60),
    VALUES.map(lambda values: yaml.safe_dump(values, allow_unicode=True)),
)


def test_yaml_of_any_content(tmp_path, many):
    path = tmp_path / "my.yaml"

    @many
    @given(YAML_TEXTS)
    def tried(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
        try:
            with guarded():
                values = read_values(path)
                parse(Settings, values, str(path))
        except DinaError as error:
            assert is_clear(error, str(path)), error

    tried()


OBJECTS = [
    "!!python/object/apply:os.system ['touch {marker}']",
    "!!python/object/new:os.system ['touch {marker}']",
    "detail: !!python/object/apply:subprocess.check_output [['touch', '{marker}']]",
    "!!python/name:os.system",
]


@pytest.mark.parametrize("text", OBJECTS)
def test_yaml_that_names_python_objects_is_refused(tmp_path, text):
    path, marker = tmp_path / "my.yaml", tmp_path / "executed"
    path.write_text(text.format(marker=marker))
    with pytest.raises(DinaError, match=r"(?s)my\.yaml: found no YAML .*python/.*; expected keys and values"):
        read_values(path)
    assert not marker.exists()


def test_a_bomb_of_aliases_is_refused(tmp_path):
    """Ten lists of ten times the one before: 10 GB if it were unfolded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10)]
    path = tmp_path / "my.yaml"
    path.write_text("\n".join(lines))
    with guarded(), pytest.raises(DinaError, match="unknown setting"):
        parse(Settings, read_values(path), str(path))
