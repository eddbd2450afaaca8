import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dina.documentation import generated_files
from dina.errors import SettingsError
from dina.settings import Section, Settings, parse

ROOT = Path(__file__).parent.parent


def test_generated_files_are_in_step():
    for path, text in generated_files().items():
        assert (ROOT / path).read_text() == text, f"{path}: run `dina settings`"


def test_documentation_tells_what_values_may_be():
    rows = dict(line.split(" | ", 1) for line in generated_files()["config/README.md"].splitlines() if " | " in line)
    assert "(≥ 64)" in rows["| `longest_side_px`"]
    assert "(> 0, ≤ 1)" in rows["| `retrained_shares`"]  # null, or a list of shares
    assert "≥" not in rows["| `detail`"]


def test_default_configuration_is_the_default_settings():
    assert parse(Settings, yaml.safe_load((ROOT / "config/config.yaml").read_text()), "config") == Settings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"deconvolution": {"tau": 1}}, r"config: unknown setting 'deconvolution.tau'. Did you mean 'tau_s'\?"),
        ({"deconvolutoin": {}}, r"Did you mean 'deconvolution'\?"),
        ({"deconvolution": {"tau_s": -1}}, r"deconvolution.tau_s: found -1"),
        ({"device": "tpu"}, r"device: found 'tpu'"),
        ({"dina": {"seeds": []}}, r"dina.seeds: found \[\]"),
        ({"dina": {"seeds": [1, 1]}}, r"dina.seeds: .*each value once"),
        ({"decoders": {"ridge": {"penalties": []}}}, r"penalties: found \[\]"),
        ({"responses": {"window_s": [0.5, 0.1]}}, r"window_s: .*the first value, 0.5, below the second, 0.1"),
        ({"responses": {"baseline_s": [0, 0]}}, r"baseline_s: .*below the second"),
        (
            {"gabor": {"grid": 6}, "dina": {"model": {"alignment": {"scales": [1, 4]}}}},
            r"\[4\] do not divide .*6",
        ),
        ({"dina": {"model": {"alignment": {"scales": [2, 2]}}}}, r"a scale twice in \[2, 2\]"),
        ({"simulation": {"optics": {"width_px": 2}}}, r"simulation.optics.width_px: found 2"),
    ],
)
def test_mistakes_are_told_by_name(values, message):
    with pytest.raises(SettingsError, match=message):
        parse(Settings, values, "config")


def sections(section=Settings):
    yield section
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from sections(field.annotation)


def test_every_setting_is_described():
    for section in sections():
        for name, field in section.model_fields.items():
            if not (isinstance(field.annotation, type) and issubclass(field.annotation, Section)):
                assert field.description and re.search(r"[.;:]$", field.description), f"{section.__name__}.{name}"


def test_importing_the_package_and_the_settings_is_light():
    code = (
        "import sys, dina, dina.settings, dina.code, dina.recordings.sheet;"
        "heavy = {'torch', 'suite2p', 'sklearn', 'matplotlib', 'zarr', 'pandas', 'scipy', 'xarray'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
