"""What the report says of recordings that were not imaged here."""

import json

import pytest

from dina import stores
from dina.recordings.importers.responses import import_responses, import_stimuli
from dina.recordings.importers.session import import_session
from dina.report.facts import recording_facts
from dina.report.methods import StatedSettings, methods_cautions, methods_line
from dina.report.paper import methods_text
from dina.settings import DeconvolutionSettings, StimuliSettings
from tests.recordings.importers import test_suite2p, test_table
from tests.report.conftest import SETTINGS
from tests.report.test_paper import MACHINE, PACKAGES

RECORD = {"files": {}, "packages": dict.fromkeys(PACKAGES, "1.0"), "python": "3.12.1", "machine": MACHINE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording's results, of responses and of a session: the two entrances."""
    folder = tmp_path_factory.mktemp("imported")
    test_table.write_table_recording(folder, n_images=40)
    row = test_table.row_of(folder)
    import_stimuli(row, folder / "stimuli", StimuliSettings(image_size_px=32))
    import_responses(row, folder / "stimuli", folder / "responses")
    test_suite2p.write_suite2p(folder / "suite2p")
    import_session(test_suite2p.row_of(folder), folder / "traced/session", DeconvolutionSettings())
    settings = {"settings": DeconvolutionSettings().model_dump()}
    for name, params in (("stimuli", {}), ("responses", {"stabilised": True}), ("traced/session", settings)):
        (folder / name / "provenance.json").write_text(json.dumps(RECORD | {"params": params}))
    return folder


def stated(source, **changes):
    return StatedSettings(**SETTINGS["mouse"] | {"source": source} | changes)


def test_responses(folder):
    facts = recording_facts(folder, "responses")
    assert facts.line.startswith("30 neurons, imported; 80 trials of 40 images (")
    said = methods_line(folder, stated("table", seeds=[0]))
    assert said == "Responses imported: whole numbers such as spike counts; 30 neurons."
    assert not methods_cautions(stated("table", indicator=None))
    told = methods_text(folder, stated("table", seeds=[0]))
    assert "## Import\n\nTrial responses were imported: whole numbers such as spike counts." in told
    assert "square root of responses" in told and "Indicator" not in told and "Activity was" not in told


def test_figures_that_a_data_set_should_have(folder):
    known = {"figure": "mean signal variance", "expected": 0.165, "tolerance": 0.01, "source": "the paper"}
    entries = [known | {"found": 0.16, "agrees": True, "means": ""}]
    entries += [known | {"found": found, "agrees": False, "means": "Is it?"} for found in (0.5, None)]
    stores.write_attributes(folder / "responses", {"acceptance": entries, "n_silent_trials": 3})
    facts = recording_facts(folder, "responses")
    assert facts.line.endswith("as the data set is known to have: mean signal variance 0.16.")
    assert "Mean signal variance is 0.500, where the paper has 0.165. Is it?" in facts.cautions
    assert "Mean signal variance is unmeasured, where the paper has 0.165. Is it?" in facts.cautions
    assert "3 trials hold 0 for every neuron: were they withheld, or not recorded?" in facts.cautions


def test_a_session(folder):
    facts = recording_facts(folder / "traced", "session")
    assert facts.line.startswith("3 planes of 40 × 48 px, 5 Hz, 3.0 min; 12 of 15 ROIs accepted as neurons")
    assert "(left out: 3 no cell in iscell.npy)" in facts.line
    said = methods_line(folder / "traced", stated("suite2p", seeds=[0]))
    assert "traces from suite2p 1.x" in said and "neuropil subtracted" in said and "registration" not in said
    assert said.endswith("tau of 0.7 s; 12 neurons.")
    told = methods_text(folder / "traced", stated("suite2p", seeds=[0]))
    assert "Traces were imported from suite2p 1.x" in told and "Motion" not in told and "Activity was decon" in told
