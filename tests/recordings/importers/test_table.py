"""Responses, trials and images from the user's own files."""

import shutil

import numpy as np
import pandas as pd
import pytest
import zarr

from dina import stores
from dina.errors import InputError, ShapeError
from dina.recordings.importers.population import Expected
from dina.recordings.importers.responses import acceptance, import_responses, import_stimuli
from dina.recordings.sheet import Recording
from dina.recordings.trials import LEFT_OUT, describe_neurons, read_trials
from dina.settings import StimuliSettings

N_NEURONS = 30


def write_table_recording(folder, *, n_images=60, n_repeats=2, size_px=32, timed=True):
    """Spike counts of neurons that each look at one place of random images; returns the counts, trials × neurons."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    coarse = rng.integers(0, 256, (n_images, 8, 8), dtype=np.uint8)
    np.save(folder / "images.npy", coarse.repeat(size_px // 8, 1).repeat(size_px // 8, 2))
    shown = np.concatenate([rng.permutation(n_images) for _ in range(n_repeats)])
    places = rng.integers(0, 64, N_NEURONS)
    gain = rng.uniform(0.5, 20, N_NEURONS)
    counts = rng.poisson(gain * coarse.reshape(n_images, 64)[:, places][shown] / 255).astype(np.uint8)
    np.save(folder / "counts.npy", counts)
    log = pd.DataFrame({"image": shown, "category": np.where(shown % 2, "odd", "even"), "running_cm_s": 1.0})
    if timed:
        log.insert(0, "onset_s", 0.8 * np.arange(len(shown)))
    log.to_csv(folder / "trials.csv", index=False)
    places = {"x_um": rng.uniform(0, 600, N_NEURONS), "y_um": rng.uniform(0, 400, N_NEURONS), "plane": 1}
    pd.DataFrame(places | {"depth_um": 250.0}).to_csv(folder / "neurons.tsv", sep="\t", index=False)
    return counts


def row_of(folder, **cells):
    files = {"data": "counts.npy", "stimulus_log": "trials.csv", "images": "images.npy"} | cells
    paths = {name: str(folder / file) for name, file in files.items() if name != "dataset"}
    return Recording(recording="m", source="table", **files | paths)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A recording and its stimuli, which most tests leave as they are."""
    folder = tmp_path_factory.mktemp("table")
    write_table_recording(folder)
    show(folder)
    return folder


@pytest.fixture
def imported(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)

    def run(**cells):
        import_responses(row_of(tmp_path, **cells), tmp_path / "stimuli", tmp_path / "responses")
        return tmp_path / "responses"

    run.counts, run.folder = np.load(tmp_path / "counts.npy"), tmp_path
    return run


def show(folder, settings=None, **cells):
    import_stimuli(row_of(folder, **cells), folder / "stimuli", settings or StimuliSettings(image_size_px=32))


def test_counts_arrive_as_they_were_and_are_described_as_those_of_a_movie(imported, monkeypatch):
    """Blocks of few trials and neurons, so that every seam is crossed."""
    monkeypatch.setattr("dina.recordings.importers.table.BLOCK_BYTES", 7 * N_NEURONS)
    monkeypatch.setattr(stores, "CHUNK_BYTES", 800)
    monkeypatch.setattr("dina.recordings.drift.READ_AT_ONCE", 16)
    store = imported(neurons="neurons.tsv")
    chunks = stores.open_array(store, "responses").chunks
    assert chunks[0] < len(imported.counts) and chunks[1] < N_NEURONS
    trials = read_trials(stores.checked(store, verify=True))
    assert np.array_equal(trials.responses, imported.counts)
    whole = describe_neurons(trials.responses, trials.image_index, trials.repeat, trials.split)
    for name in ("event_size", "mean", "sd", "reliability"):
        assert np.allclose(getattr(trials, name), whole[name], rtol=1e-5), name
    assert trials.reliability_source == whole["reliability_source"] and trials.reliability.max() > 0.5
    neurons = stores.read_table(store, "neurons")
    assert neurons["plane"].tolist() == [1] * N_NEURONS and {"x_um", "depth_um", "snr"} <= set(neurons)
    attributes = stores.read_attributes(store)
    assert attributes["drift"]["line"]["n_images"] == 60 and stores.read_table(store, "behaviour").shape == (120, 1)
    assert attributes["responses_are"] == "whole numbers such as spike counts"


@pytest.mark.parametrize("kind", ["zarr", "parquet"])
def test_other_formats_give_the_same(imported, kind):
    usual = read_trials(imported())
    if kind == "parquet":
        table = pd.DataFrame(imported.counts, columns=[f"n{k}" for k in range(N_NEURONS)])
        table.to_parquet(imported.folder / "counts.parquet")
        cells = {"data": "counts.parquet"}
    else:
        zarr.save_group(imported.folder / "counts.zarr", spikes=imported.counts, other=np.zeros(3))
        zarr.save_array(imported.folder / "images.zarr", np.load(imported.folder / "images.npy"))
        cells = {"data": "counts.zarr", "images": "images.zarr", "dataset": "spikes"}
        show(imported.folder, **cells)
    other = read_trials(imported(**cells))
    for name in ("responses", "images", "image_index", "split", "reliability"):
        assert np.array_equal(getattr(other, name), getattr(usual, name)), name


def test_trials_without_times(imported):
    write_table_recording(imported.folder, timed=False)
    show(imported.folder)
    store = imported()
    assert np.isnan(read_trials(store).onset_s).all()
    assert stores.read_attributes(store)["drift"]["line"] is None


def test_trials_that_no_split_may_use_are_not_imported(imported, monkeypatch):
    monkeypatch.setattr("dina.recordings.importers.table.BLOCK_BYTES", 7 * N_NEURONS)
    monkeypatch.setattr(stores, "CHUNK_BYTES", 800)
    counts = write_table_recording(imported.folder, n_repeats=1)
    show(imported.folder, StimuliSettings(image_size_px=32, split_by="time_blocks"))
    kept = stores.read_array(imported.folder / "stimuli", "split") != LEFT_OUT
    trials = read_trials(imported())
    assert 0 < np.sum(~kept) == stores.read_attributes(imported.folder / "responses")["n_left_out_trials"]
    assert np.array_equal(trials.responses, counts[kept]) and np.array_equal(trials.onset_s, 0.8 * np.flatnonzero(kept))


def test_one_negative_response_leaves_all_as_they_are(imported, monkeypatch):
    """As in memory, also where blocks of neurons hold none."""
    monkeypatch.setattr(stores, "CHUNK_BYTES", 800)
    values = imported.counts.astype(np.float32)
    trial = int(np.flatnonzero(stores.read_array(imported.folder / "stimuli", "split") == 0)[0])
    values[trial, 0] = -1
    np.save(imported.folder / "counts.npy", values)
    assert not read_trials(imported()).event_size.any()


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda v: v.T, ShapeError, r"30 trials × 120 neurons; .* Transpose the responses"),
        (lambda v: v[:-1], ShapeError, r"119 trials × 30 neurons; expected 120 trials, as in the log"),
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 65, np.nan, v), InputError, r"trial 2, neuron 5"),
        (lambda v: v.astype(np.float64) * 1e39, InputError, r"found inf; expected a finite number"),
        (lambda v: v.astype(str), InputError, r"counts.npy: found \(120, 30\) <U"),
        (lambda v: v[:, :, None], InputError, r"expected a matrix of numbers, trials × neurons"),
        (lambda v: v.astype(object), InputError, r"expected a NumPy file without objects"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_responses_that_do_not_fit_are_refused(imported, spoil, error, message):
    np.save(imported.folder / "counts.npy", spoil(imported.counts))
    with pytest.raises(error, match=message):
        imported()
    assert not (imported.folder / "responses").exists()


def test_a_table_of_other_neurons_is_refused(imported):
    pd.DataFrame({"x_um": [1.0, 2.0]}).to_csv(imported.folder / "two.csv", index=False)
    with pytest.raises(ShapeError, match="expected 2 neurons, as in their table"):
        imported(neurons="two.csv")


def test_withheld_responses_are_told(imported):
    values = imported.counts.copy()
    values[100:] = 0
    np.save(imported.folder / "counts.npy", values)
    with pytest.warns(UserWarning, match="20 of 120 trials are 0 in all neurons"):
        assert stores.read_attributes(imported())["n_silent_trials"] == 20


def test_a_figure_that_an_import_should_have():
    known = Expected("mean_signal_variance", 0.165, 0.01, "the paper", "Is it the right session?")
    assert acceptance((known,), {"mean_signal_variance": 0.17})[0]["agrees"]
    for found in (0.2, np.nan):
        with pytest.warns(UserWarning, match="the paper has 0.165. Is it the right session"):
            entry = acceptance((known,), {"mean_signal_variance": found})[0]
        assert not entry["agrees"] and entry["means"] == "Is it the right session?"
