"""Public data sets, in the layouts that their authors' code reads: every response with its image, turned no way."""

import os
import pickle
import shutil

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from dina import stores
from dina.errors import InputError, SettingsError, ShapeError
from dina.recordings.importers import allen, minimodel, sensorium2022, sensorium2023, stringer2019
from dina.recordings.importers.responses import import_responses, import_stimuli
from dina.recordings.importers.trial_files import TrialFiles
from dina.recordings.sheet import Recording, load_sheet
from dina.recordings.trials import SPLITS, read_trials
from dina.settings import StimuliSettings
from tests.recordings.importers import public

SIZE_PX = 64
FIXTURES = {
    "stringer2019": public.write_stringer,
    "minimodel": public.write_minimodel,
    "minimodel, another mouse, unequal repeats": lambda folder: public.write_minimodel(
        folder, compressed=True, ragged=True, fx20=False
    ),
    "minimodel textures": lambda folder: public.write_textures(folder, as_described=True),
    "sensorium2022": lambda folder: public.write_sensorium2022(folder, zipped=True),
    "sensorium2023": public.write_sensorium2023,
    "allen NWB 1": public.write_allen,
    "allen NWB 2": lambda folder: public.write_allen(folder, nwb=2),
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few natural images, and no search for overlapping crops, which has tests of its own and takes long."""
    monkeypatch.setattr("dina.recordings.leaks.overlapping_crops", lambda *_, **__: np.empty((0, 2), np.int64))
    monkeypatch.setattr(minimodel, "N_NATURAL", 40)
    monkeypatch.setattr(minimodel, "BLOCK_BYTES", 10 * 4 * public.N_NEURONS)  # seams between blocks


def row_of(written, **cells):
    plain = {"spontaneous_components", "image_width_deg"}
    values = {name: value if name in plain else str(value) for name, value in (written.cells | cells).items()}
    return Recording(recording="m", **values)


def imported(folder, written, **cells):
    row = row_of(written, **cells)
    settings = StimuliSettings(image_size_px=SIZE_PX, allow_near_duplicates=True)
    import_stimuli(row, folder / "stimuli", settings)
    import_responses(row, folder / "stimuli", folder / "responses")
    return folder / "responses"


def in_square(written):
    """(neurons, 2) where each neuron's place lies in the square image."""
    rows, columns = written.window
    height, width = rows.stop - rows.start, columns.stop - columns.start
    scale = SIZE_PX / max(height, width)
    pad = [(SIZE_PX - round(n * scale)) // 2 for n in (height, width)]
    return ((written.places - [rows.start, columns.start] + 0.5) * scale + pad).astype(int)


@pytest.mark.parametrize("name", FIXTURES)
@pytest.mark.filterwarnings("ignore:.*near-duplicate:UserWarning")
def test_every_response_arrives_with_its_image(name, tmp_path):
    written = FIXTURES[name](tmp_path)
    trials = read_trials(stores.checked(imported(tmp_path, written), verify=True))
    assert np.allclose(trials.responses, written.responses, rtol=1e-4, atol=1e-5)
    same = trials.image_index[:, None] == trials.image_index
    assert np.array_equal(same, written.image[:, None] == written.image)
    if written.split is not None:
        assert [SPLITS[code] for code in trials.split] == written.split.tolist()
    y, x = in_square(written).T
    looked_at = trials.images[trials.image_index][:, y, x]
    for neuron in range(public.N_NEURONS):
        assert np.corrcoef(looked_at[:, neuron], trials.responses[:, neuron])[0, 1] > 0.9, neuron


def read_all(population):
    return np.concatenate([np.asarray(block) for block in population.blocks()])


def test_stringer_windows_and_classes(tmp_path):
    written = public.write_stringer(tmp_path)
    shown = stringer2019.read_shown(row_of(written, categories=tmp_path / "stimuli_class_assignment.mat"), SIZE_PX)
    assert shown.log.category.tolist() == [("", "birds", "cats")[k % 3] for k in written.image]
    assert np.isclose(shown.degrees_per_pixel, 40 / SIZE_PX)  # 40 columns are 40 degrees
    own = stringer2019.read_shown(row_of(written, image_window="0:68,0:270"), SIZE_PX)
    assert np.isclose(own.degrees_per_pixel, 270 / SIZE_PX)
    with pytest.raises(InputError, match="window 0:69,0:270; expected a part of 68 rows and 270 columns"):
        stringer2019.read_shown(row_of(written, image_window="0:69,0:270"), SIZE_PX)
    unknown = tmp_path / "natimg32_M150824_MP019_2016-03-23.mat"
    shutil.copy(written.cells["data"], unknown)
    with pytest.warns(UserWarning, match="no window is published"):
        assert (
            stringer2019.read_shown(row_of(written, data=unknown), SIZE_PX).degrees_per_pixel == own.degrees_per_pixel
        )


@pytest.mark.parametrize(
    ("columns", "cells", "message"),
    [
        ("image_window", "45:10,90:130", r"image_window: found '45:10,90:130'; expected .*such as 10:45,90:130"),
        ("red_cells", "maybe", "red_cells: found 'maybe'"),
        ("events", "e.npz", "events: found 'e.npz'; expected an empty cell, since source stringer2019 does not read"),
    ],
)
def test_cells_that_a_source_cannot_use_are_refused(tmp_path, columns, cells, message):
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(f"recording\tsource\tdata\timages\t{columns}\nm\tstringer2019\ta.mat\tb.mat\t{cells}\n")
    with pytest.raises(SettingsError, match=message):
        load_sheet(sheet)


def test_red_cells_are_removed(tmp_path):
    written = public.write_stringer(tmp_path)
    population = stringer2019.read_population(row_of(written, red_cells="remove"))
    kept = np.flatnonzero(np.arange(public.N_NEURONS) % 4)
    assert population.neurons["roi"].tolist() == kept.tolist()
    assert population.neurons["plane"].tolist() == (kept // 8).tolist()
    assert np.array_equal(read_all(population), written.responses[:, kept])
    without = public.write_stringer(tmp_path, red=False)
    with pytest.raises(InputError, match="found 0 cells with stat.redcell.* set red_cells to keep"):
        stringer2019.read_population(row_of(without, red_cells="remove"))


@pytest.mark.filterwarnings("ignore:mean signal variance:UserWarning")
def test_spontaneous_components_are_projected_out_and_figures_held_against_the_published(tmp_path, monkeypatch):
    """By the formulas of the data set's own analysis, over the covariance of neurons."""
    monkeypatch.setattr(stringer2019, "AUTHORS_COMPONENTS", 3)
    rng = np.random.default_rng(9)
    noise = rng.normal(0, 0.4, (82, public.N_NEURONS)).astype(np.float32)
    written = public.write_stringer(tmp_path)
    session = stringer2019.load_mat(written.cells["data"], "stim")["stim"]
    written = public.write_stringer(tmp_path, resp=session["resp"] + noise)
    with pytest.warns(UserWarning, match="powerlaws.ipynb has 0.412"):
        store = imported(tmp_path, written, spontaneous_components=3)
    spont = session["spont"].astype(float)
    mean, sd = spont.mean(0), spont.std(0) + 1e-6
    z, s = (written.responses - mean) / sd, (spont - mean) / sd
    u = np.linalg.eigh(s.T @ s)[1][:, -3:]
    z -= z @ u @ u.T
    trials = read_trials(store)
    assert np.allclose(trials.responses, z, atol=1e-3)
    z -= z.mean(0)
    halves = np.array([[z[np.flatnonzero(written.image == k)[r]] for k in range(40)] for r in range(2)])
    nearest = np.mean((halves[0] @ halves[1].T).argmax(1) == np.arange(40))
    found = {entry["figure"]: entry["found"] for entry in stores.read_attributes(store)["acceptance"]}
    assert 0.1 < nearest < 1 and found["nearest neighbour identification"] == pytest.approx(nearest)
    variance = np.mean([np.corrcoef(halves[0, :, n], halves[1, :, n])[0, 1] for n in range(public.N_NEURONS)])
    assert found["mean signal variance"] == pytest.approx(variance, abs=0.02)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"istim": np.full((82, 1), 42)}, "images 42 to 42; expected 1 to 40, and 41 for the grey screen"),
        ({"istim": np.ones((81, 1))}, "82 responses and 81 images"),
        ({"spont": np.empty((0, 0))}, "stim.spont: found float64 of shape .*Set spontaneous_components to 0"),
        ({"resp": np.ones((82, 3))}, r"expected \(3, 3\), x, y and z of each neuron"),
    ],
)
def test_sessions_that_do_not_fit_are_refused(tmp_path, changed, message):
    written = public.write_stringer(tmp_path, **changed)
    with pytest.raises((InputError, ShapeError), match=message):
        stringer2019.read_population(row_of(written, spontaneous_components=2))


def test_undefined_responses_are_0_as_in_the_authors_code(tmp_path):
    resp = np.ones((82, public.N_NEURONS))
    resp[3, 2] = np.nan
    with pytest.warns(UserWarning, match="1 responses are NaN and taken as 0"):
        assert read_all(stringer2019.read_population(row_of(public.write_stringer(tmp_path, resp=resp)))).min() == 0


def test_files_of_another_kind_are_refused(tmp_path):
    written = public.write_stringer(tmp_path)
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["stim"] = 0
    savemat(tmp_path / "turned.mat", {"imgs": np.zeros((5, 68, 270), np.uint8)})
    for cells, message in (
        ({"data": tmp_path / "new.mat"}, "MATLAB 7.3"),
        ({"images": tmp_path / "turned.mat"}, r"imgs of shape \(5, 68, 270\); expected imgs of 68 rows"),
        ({"images": written.cells["data"]}, "found no imgs"),
    ):
        with pytest.raises(InputError, match=message):
            stringer2019.read_shown(row_of(written, **cells), SIZE_PX)


def test_mirrored_test_images_train_nowhere_and_pairs_stay_together(tmp_path):
    shown = minimodel.read_shown(row_of(public.write_minimodel(tmp_path)), SIZE_PX)
    image, split = shown.log.image.astype(int), shown.log.split
    assert set(image[split == "test"]) == set(range(6)) and not np.isin(image, np.arange(40, 46)).any()
    sides = {side: set(image[split == side] % 40) for side in SPLITS}
    assert not sides["train"] & sides["validation"] and len(sides["validation"]) == 3


def test_textures_by_the_names_of_the_code(tmp_path):
    written = public.write_textures(tmp_path, as_described=False)
    shown = minimodel.read_shown(row_of(written, image_width_deg=264), SIZE_PX)
    image = shown.log.image.astype(int)
    assert np.array_equal(image, written.image) and np.isclose(shown.degrees_per_pixel, 130 / SIZE_PX)
    expected = np.where(image < 128, (image - 80) // 3, image - 128)
    assert shown.log.category.tolist() == [f"texture {label}" for label in expected]


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_pickle_that_calls_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = public.write_minimodel(tmp_path)
    arrays = dict(np.load(written.cells["data"])) | {"ss_all": np.array([Bomb()], object)}
    np.savez(written.cells["data"], **arrays)
    assert b"mkdir" in pickle.dumps(Bomb())
    with pytest.raises(InputError, match=r"ss_all: found a call of posix.mkdir"):
        minimodel.read_shown(row_of(written), SIZE_PX)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("module", "write", "tier"),
    [
        (sensorium2022, public.write_sensorium2022, "test"),
        (sensorium2023, public.write_sensorium2023, "live_test_main"),
    ],
)
def test_withheld_responses_are_refused(tmp_path, module, write, tier):
    row = row_of(write(tmp_path, withheld=[tier]))
    with pytest.raises(InputError, match=f"a trial of tier '{tier}' that is 0 in all neurons; expected responses"):
        module.read_shown(row, SIZE_PX)


def test_sensorium_tells_behaviour_and_places(tmp_path):
    written = public.write_sensorium2022(tmp_path)
    shown, population = (
        read(row_of(written), *size)
        for read, size in ((sensorium2022.read_shown, [SIZE_PX]), (sensorium2022.read_population, []))
    )
    order = np.load(written.cells["data"] / "meta/trials/trial_idx.npy")
    assert shown.log.behaviour["running_speed"].tolist() == np.argsort(order).tolist()
    assert set(shown.log.behaviour) == {"pupil_size", "pupil_change", "running_speed", "pupil_x", "pupil_y"}
    assert {"x_um", "y_um", "z_um", "unit_id"} <= set(population.neurons)
    (written.cells["data"] / "data/responses/5.npy").unlink()
    with pytest.raises(ShapeError, match="57 of responses; expected 58, as of images"):
        sensorium2022.read_shown(row_of(written), SIZE_PX)


def test_allen_without_events_deconvolves_and_leaves_gaps_out(tmp_path):
    written = public.write_allen(tmp_path, events=False)
    with h5py.File(written.cells["data"], "a") as file:
        file["processing/brain_observatory_pipeline/DfOverF/imaging_plane_1/data"][3, 50] = np.nan
    with pytest.warns(UserWarning, match="1 of 24 neurons have gaps"):
        population = allen.read_population(row_of(written))
    responses = read_all(population)
    others = np.delete(np.arange(public.N_NEURONS), 3)
    assert population.neurons["cell_specimen_id"].tolist() == (500 + others).tolist()
    assert "OASIS" in population.responses_are
    for neuron, response in zip(others, responses.T, strict=True):
        assert np.corrcoef(response, written.responses[:, neuron])[0, 1] > 0.8
    shown = allen.read_shown(row_of(written), SIZE_PX)
    assert (shown.log.behaviour["running_cm_s"] == 1).all() and np.all(np.diff(shown.log.onset) > 0.2)


def test_allen_scenes_in_a_series_of_images(tmp_path):
    written = public.write_allen(tmp_path, nwb=2)
    usual = allen.read_shown(row_of(written), SIZE_PX)
    with h5py.File(written.cells["data"], "a") as file:
        images, shown = file["stimulus/templates"], file["stimulus/presentation/natural_scenes_stimulus"]
        pictures = [images[f"natural_scenes_template/NaturalScene{k}"][...] for k in range(12)]
        del images["natural_scenes_template"], shown["indexed_images"]
        images["natural_scenes_template/data"] = np.stack(pictures)
        shown["indexed_timeseries"] = h5py.SoftLink("/stimulus/templates/natural_scenes_template")
    series = allen.read_shown(row_of(written), SIZE_PX)
    assert np.array_equal(series.images, usual.images) and np.array_equal(series.image_index, usual.image_index)


def test_an_allen_session_without_scenes_is_refused(tmp_path):
    written = public.write_allen(tmp_path)
    with h5py.File(written.cells["data"], "a") as file:
        file.move("stimulus/presentation/natural_scenes_stimulus", "stimulus/presentation/spontaneous_stimulus")
    with pytest.raises(InputError, match="with spontaneous_stimulus; expected natural scenes. .*three_session_B"):
        allen.read_shown(row_of(written), SIZE_PX)
    with pytest.raises(ShapeError, match="1_events.npz, ev: found"):
        np.savez(tmp_path / "1_events.npz", ev=np.ones((2, 3)))
        allen._events(tmp_path / "1_events.npz", (24, 100))


@pytest.mark.parametrize("content", [b"\x93NUMPY\x01\x00\x06\x00{'a(\n\n", b"\x93NUMPY\x01\x00", b""])
def test_a_damaged_trial_is_refused_by_its_name(tmp_path, content):
    folder = tmp_path / "meta/trials"
    folder.mkdir(parents=True)
    (tmp_path / "data/images").mkdir(parents=True)
    np.save(tmp_path / "data/images/0.npy", np.zeros((1, 4, 4)))
    (folder / "tiers.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"tiers\.npy: found an unreadable file .*; expected a NumPy file"):
        TrialFiles(tmp_path, "images")
