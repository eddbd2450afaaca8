"""What rules ask of a scheduler, and what the profiles say of them, as written."""

import re

import pytest
import yaml

from tests.workflow.conftest import ROOT

RULES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), re.MULTILINE)
    if "script:" in body
}
TRAINED_OR_ATTRIBUTED = {"fit_cohort", "pretrain_tower", "train_dina", "fit_decoder", "try_settings"}
TRAINED_OR_ATTRIBUTED |= {name for name in RULES if name.startswith("attribute_")}


@pytest.mark.parametrize("stated", ["threads: ", "mem_mb=", "runtime="])
def test_every_rule_states_what_it_needs(stated):
    assert len(RULES) > 30 and [name for name, body in RULES.items() if stated not in body] == []


def test_training_and_attribution_alone_ask_for_gpus():
    assert {name for name, body in RULES.items() if "gpu=" in body} == TRAINED_OR_ATTRIBUTED


@pytest.mark.parametrize("profile", ["slurm", "cluster"])
def test_profiles_group_rules_that_there_are(profile):
    values = yaml.safe_load((ROOT / f"workflow/profiles/{profile}/config.yaml").read_text())
    assert set(values["groups"]) | set(values["set-threads"]) <= set(RULES)
    assert not set(values["groups"]) & TRAINED_OR_ATTRIBUTED  # a group holds its GPU throughout
