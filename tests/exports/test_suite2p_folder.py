"""The folder as suite2p 1.1 reads it; pickles are loaded here since the tests wrote them."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from dina import cli, stores
from dina.errors import InputError
from dina.exports.suite2p_folder import export_suite2p
from dina.imaging.rois import Footprints
from dina.settings import DeconvolutionSettings
from tests.exports.conftest import HEIGHT, N_FRAMES, WIDTH, Recording

# What suite2p/gui, and io.combined, ask of the dictionaries without a default of their own.
ASKED = {"Ly", "Lx", "nframes", "nchannels", "fs", "tau", "diameter", "meanImg", "yrange", "xrange", "reg_file"}
ASKED |= {"save_path", "batch_size", "extraction", "detection"}
ASKED_OF_ROIS = {"ypix", "xpix", "lam", "med", "npix", "radius", "npix_norm", "skew", "compact", "aspect_ratio", "std"}
ASKED_OF_ROIS |= {"overlap", "soma_crop", "footprint"}

LOAD = """
import importlib.machinery, sys, types
from pathlib import Path

from dina.imaging import suite2p
root = Path(suite2p.load().__file__).parent

class Stub(types.ModuleType):  # for Qt, which the interface draws with and loading does not need
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

class Stubs:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("qtpy", "pyqtgraph", "superqt"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return Stub(spec.name)
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Stubs())
gui = types.ModuleType("suite2p.gui")  # without the main window
gui.__path__ = [str(root / "gui")]
sys.modules["suite2p.gui"] = gui
import pyqtgraph.functions, qtpy.QtCore, qtpy.QtGui, qtpy.QtWidgets
from suite2p.gui.io import load_files
from suite2p.gui import utils
from suite2p.io import combined

stat, ops, F, Fneu, spks, iscell, probability, red, *_, has_red = load_files(sys.argv[1] + "/plane0/stat.npy")
assert len(stat) == len(F) == len(Fneu) == len(spks) == len(iscell) == 4 and has_red
assert iscell.tolist() == [True, True, True, False] and red.tolist() == [False, False, True, True]
for roi in stat:
    utils.boundary(roi["ypix"], roi["xpix"])
    utils.circle(roi["med"], roi["radius"])
stat, db, settings, F, Fneu, spks, iscell, *_ = combined(sys.argv[1], save=False)
assert F.shape == (7, 61) and len(stat) == 7 and iscell.sum() == 5
assert db["meanImg"].shape[0] >= 20 and settings["fs"] == 5.0
"""


def load(folder, name):
    return np.load(folder / f"{name}.npy", allow_pickle=True)


@pytest.fixture
def own(recording, tmp_path):
    """A recording that may be changed."""
    return Recording(shutil.copytree(recording.folder, tmp_path / "m1"))


def export(recording, plane=0):
    folder = recording.folder / f"suite2p/plane{plane}"
    export_suite2p(*recording.suite2p(plane), folder, DeconvolutionSettings(), "GCaMP6f")
    return folder


def test_all_that_the_interface_asks_for_is_there(own):
    folder = export(own)
    footprints, stat = Footprints.read(own.store(0, "rois")), load(folder, "stat")
    for k, roi in enumerate(stat):
        assert set(roi) >= ASKED_OF_ROIS
        np.testing.assert_array_equal(roi["ypix"] * WIDTH + roi["xpix"], footprints.pixel[footprints.roi(k)])
        np.testing.assert_array_equal(roi["lam"], footprints.weight[footprints.roi(k)])
    for name, (store, array) in {
        "F": ("traces", "fluorescence"),
        "Fneu": ("traces", "neuropil"),
        "spks": ("activity", "deconvolved"),
    }.items():
        values = np.load(folder / f"{name}.npy", allow_pickle=False)
        np.testing.assert_array_equal(values, stores.read_array(own.store(0, store), array))
    iscell = np.load(folder / "iscell.npy", allow_pickle=False)
    assert iscell[:, 0].tolist() == [1, 1, 1, 0] and iscell[0, 1] == np.float32(0.4)
    ops = load(folder, "ops").item()
    assert set(ops) >= ASKED and (ops["Ly"], ops["Lx"], ops["tau"]) == (HEIGHT, WIDTH, 0.7)
    assert ops["max_proj"].shape == tuple(np.diff(ops[of])[0] for of in ("yrange", "xrange"))
    red = np.load(folder / "redcell.npy", allow_pickle=False)
    np.testing.assert_allclose(red[:, 1], np.linspace(0.5, 0.8, 4))
    np.testing.assert_array_equal(ops["meanImg_chan2"], ops["meanImg"] + 2)
    parts = [load(folder, name).item() for name in ("db", "settings", "reg_outputs", "detect_outputs")]
    assert set().union(*parts) == set(ops)
    assert (folder / "data.bin").stat().st_size == N_FRAMES * HEIGHT * WIDTH * 2


def test_a_choice_made_there_is_taken_over_and_exported_again(own):
    folder = export(own)
    chosen = np.load(folder / "iscell.npy")
    chosen[:, 0] = [0, 1, 0, 1]
    np.save(folder / "iscell.npy", chosen)
    with pytest.raises(InputError, match=r"found a choice of ROIs that was made since.*plane-0/ beside"):
        export(own)
    np.testing.assert_array_equal(np.load(folder / "iscell.npy"), chosen)  # nothing is lost
    (folder / "iscell.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="found a choice of ROIs that was made since"):
        export(own)
    np.save(folder / "iscell.npy", chosen)
    own.assemble(curation={0: folder / "iscell.npy"})  # with rois.json beside it
    neurons = stores.read_table(own.session, "neurons")
    assert neurons.loc[neurons["plane"] == 0, "roi"].tolist() == [1, 3]
    rows = stores.read_array(own.session, "deconvolved")[:2]
    np.testing.assert_array_equal(rows, stores.read_array(own.store(0, "activity"), "deconvolved")[[1, 3]])
    np.testing.assert_array_equal(np.load(export(own) / "iscell.npy"), chosen)
    assert export(own, plane=1).is_dir()


def test_a_choice_for_other_rois_is_refused(own):
    folder = export(own)
    pinned = json.loads((folder / "rois.json").read_text())
    pinned["arrays"]["pixel"]["sha256"] = "0"
    (folder / "rois.json").write_text(json.dumps(pinned))
    with pytest.raises(InputError, match="manifest of other ROIs"):
        own.assemble(curation={0: folder / "iscell.npy"})


def test_the_copied_manifest_is_taken_for_no_store(own, capsys):
    export(own)
    assert cli.main(["verify", str(own.folder)]) == 0, capsys.readouterr().err


@pytest.mark.slow  # importing suite2p
def test_suite2ps_own_functions_load_it(own):
    export(own), export(own, plane=1)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", LOAD, str(own.folder / "suite2p")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
