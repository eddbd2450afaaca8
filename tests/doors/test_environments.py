"""Every rule that runs a script names its environments, and these hold one set of exact versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"([A-Za-z0-9_.-]+)==([^\s;]+)(?:; sys_platform == \"linux\")?")
RULE = re.compile(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def pins(lines):
    found = [PIN.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {match[1]: match[2] for match in found}


@pytest.fixture(scope="module")
def constraints():
    lines = (ROOT / "envs/constraints.txt").read_text().splitlines()
    return pins([line for line in lines if line and not line.startswith("#")])


def test_the_conda_environment_has_exactly_the_constraints(constraints):
    *conda, pip = yaml.safe_load((ROOT / "envs/dina.yaml").read_text())["dependencies"]
    assert pins(pip["pip"]) == constraints
    assert all(re.fullmatch(r"\w+ =[\d.]+", name) for name in conda), conda


def test_the_image_installs_exactly_the_constraints():
    text = (ROOT / "envs/dina.def").read_text()
    python = re.search(r"From: python:([\d.]+)-", text)[1]
    assert f"python ={python}" in yaml.safe_load((ROOT / "envs/dina.yaml").read_text())["dependencies"]
    assert "envs/constraints.txt /opt/dina/constraints.txt" in text and "constraints.txt > " in text
    assert re.findall(r"pip install (.*)", text) == ["--no-cache-dir --requirement /opt/dina/requirements.txt"]


def test_what_the_package_needs_is_pinned(constraints):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    known = {name.lower().replace("_", "-") for name in constraints}
    assert {re.match(r"[\w-]+", name)[0].lower() for name in needed} <= known


def test_rules_that_run_a_script_name_both_environments():
    rules = dict(RULE.findall("\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))))
    scripts = {name: body for name, body in rules.items() if "    script:\n" in body}
    assert len(scripts) > 30
    for name, body in scripts.items():
        assert "    conda:\n        ENVIRONMENT\n    container:\n        CONTAINER\n" in body, name
    assert not re.search(r"^    (run|shell):", "".join(rules.values()), re.MULTILINE)
