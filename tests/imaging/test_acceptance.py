"""The rule that accepts ROIs, on a whole recording of a seed that it was not fixed on."""

import pytest

from benchmarks.imaging_truth import measure, simulation_settings


@pytest.mark.slow
def test_accepted_rois_are_neurons_and_neurons_are_accepted(tmp_path):
    planes = measure(tmp_path, simulation_settings("14:12", None))
    accepted, active = (sum(plane[key] for plane in planes) for key in ("accepted", "active"))
    assert sum(plane["precision"] * plane["accepted"] for plane in planes) / accepted >= 0.95
    assert sum(plane["recall"] * plane["active"] for plane in planes) / active >= 0.95
    assert max(plane["motion_error_px"] for plane in planes) <= 0.3
