"""Doors out of the road, asked for by name; which jobs they need is in test_graph.py."""

import json
import shutil

import numpy as np
import pytest
from pynwb import NWBHDF5IO

import dina
from tests.workflow.test_graph import planned


@pytest.mark.slow
def test_cells_curated_in_suite2ps_folder_rerun_what_follows_and_nothing_before(road):
    road.snakemake("nwb", "suite2p", "bundle")
    results = road.results / "tiny"
    model = dina.load_model(results / "bundle")
    data = dina.open_responses(results / "responses")
    assert model.n_neurons == data.sizes["neuron"]
    with NWBHDF5IO(road.results / "mouse/mouse.nwb", "r") as stream:  # whose road ends at the session
        assert stream.read().trials is None
    folder = results / "suite2p/plane0"
    chosen = np.load(folder / "iscell.npy")
    rule = chosen[:, 0].copy()
    chosen[:, 0] = 1 - rule
    np.save(folder / "iscell.npy", chosen)
    refused = road.snakemake("suite2p", "--forcerun", "export_suite2p", check=False)
    assert refused.returncode and "a choice of ROIs that was made since" in refused.stderr
    assert (folder / "stat.npy").is_file() and np.array_equal(np.load(folder / "iscell.npy"), chosen)
    place = road.folder / "config/curation/tiny/plane-0"
    place.mkdir(parents=True)
    for name in ("iscell.npy", "rois.json"):
        shutil.copy2(folder / name, place)
    stamps = road.stamps()
    road.snakemake("nwb", "suite2p")
    written = road.written_since(stamps)
    assert "tiny/session" in written and not any("plane-" in store or "mouse" in store for store in written)
    neurons = dina.open_session(results / "session")
    np.testing.assert_array_equal(
        neurons["neuron_roi"][neurons["neuron_plane"] == 0], np.flatnonzero(chosen[:, 0] == 1)
    )
    np.testing.assert_array_equal(np.load(folder / "iscell.npy"), chosen)
    with NWBHDF5IO(results / "tiny.nwb", "r") as stream:
        table = stream.read().processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
        np.testing.assert_array_equal(table["Accepted"][:], chosen[:, 0])
    assert json.loads((place / "rois.json").read_text()) == json.loads((results / "plane-0/rois.json").read_text())


@pytest.mark.slow
def test_metadata_rewrite_the_nwb_file_and_rerun_nothing(road):
    road.snakemake("nwb")
    stamps = road.stamps()
    road.configure(nwb={"institution": "an institute", "session_start_time": "2026-05-04T10:30:00+02:00"})
    jobs = planned(road.snakemake("nwb", "all", "-n", "--quiet", "rules"))
    assert jobs["export_nwb"] == 2 and set(jobs) <= {"all", "export_nwb", "nwb", "total"}
    road.snakemake("nwb")
    assert not road.written_since(stamps)
    with NWBHDF5IO(road.results / "tiny/tiny.nwb", "r") as stream:
        assert stream.read().institution == "an institute"
