"""Trained DINA as a folder that others can open: weights, what responses are brought onto, and a model card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from dina import stores
from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.errors import InputError, problem
from dina.exports.model_card import model_card
from dina.manifest import file_digest
from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses, read_trials
from dina.training.checkpoints import DESCRIPTION, TENSORS

FORMAT, FORMAT_VERSION = "dina-bundle", 1
ABOUT, SCALES, CARD, NEURONS = "about.json", "standardisation.safetensors", "README.md", "neurons.csv"
MEASURED = ("measure", "window_s", "baseline_s", "lag_s", "bin_edges_s")  # how responses came about
SPLIT_CODES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
IDENTITY = ("plane", "roi")  # of a neuron, in its recording


def write_bundle(
    responses: Path, models: list[Path], identification: Path, output: Path, recording: str, *, simulated: bool
) -> None:
    """Write the ``bundle`` store: what :func:`dina.load_model` opens.

    It holds ``seed-{s}/model.safetensors`` and ``model.json`` of every seed; ``standardisation.safetensors``, what is
    fitted to each neuron's training trials (:class:`~dina.exports.model.Standardisation`); ``neurons.csv``, which ROI
    of which plane each neuron is; ``about.json``: sizes, how responses were measured, digests of what was trained on
    and of the bundle's files; and a model card, ``README.md``. No response, image or picture of the tissue is in it.

    Parameters
    ----------
    responses : store
    models : stores of DINA's seeds
    identification : store of the probe, for the card
    output : store to write, as large as the models
    recording : its name
    simulated : whether it comes from the virtual microscope

    Raises
    ------
    InputError
        If a store holds another decoder than DINA.
    """
    from safetensors.numpy import save

    trials = read_trials(responses)
    decoders = [load_decoder(path) for path in models]
    for path, decoder in zip(models, decoders, strict=True):
        if not isinstance(decoder, DinaDecoder):
            raise InputError(problem(path, f"decoder {decoder.name!r}", "dina", "Give the stores of DINA's seeds."))
    about = _about(responses, trials, models, decoders, recording, simulated)
    scores = stores.read_table(identification, "scores")
    with stores.new_store(output) as store:
        for path in models:
            (store / path.name).mkdir()
            for name in (TENSORS, DESCRIPTION):
                shutil.copyfile(path / name, store / path.name / name)
        scales = {name: getattr(trials, name) for name in ("event_size", "mean", "sd", "weights")}
        (store / SCALES).write_bytes(save(scales))
        if stores.holds(responses, "neurons"):
            neurons = stores.read_table(responses, "neurons")
            neurons[[name for name in IDENTITY if name in neurons]].to_csv(store / NEURONS, index_label="neuron")
        files = sorted(path for path in store.rglob("*") if path.is_file())
        about["files"] = {path.relative_to(store).as_posix(): file_digest(path) for path in files}
        (store / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
        (store / CARD).write_text(model_card(about, scores))


def _about(
    responses: Path,
    trials: TrialResponses,
    models: list[Path],
    decoders: list[DinaDecoder],
    recording: str,
    simulated: bool,
) -> dict[str, Any]:
    from dina import __version__

    known = stores.read_attributes(responses)
    manifest = json.loads(stores.manifest_path(responses).read_text())
    trained_on = ("responses", "images", "image_index", "split")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dina": __version__,
        "licence": "GPL-3.0-or-later",
        "recording": recording,
        "simulated": simulated,
        "seeds": [path.name for path in models],
        "n_neurons": trials.n_neurons,
        "image_shape": list(trials.images.shape[1:]),
        "degrees_per_pixel": trials.degrees_per_pixel,
        "closed_set": trials.is_closed_set,
        "response_unit": stores.open_array(responses, "responses").attrs["unit"],
        "measured": {name: known[name] for name in MEASURED if name in known},
        "reliability_source": trials.reliability_source,
        "n_trials": {name: len(trials.trials(code)) for name, code in SPLIT_CODES.items()},
        "n_images": {name: len(trials.image_ids(code)) for name, code in SPLIT_CODES.items()},
        "trained_on": {name: manifest["arrays"][name]["sha256"] for name in trained_on},
        "settings": {"model": decoders[0].about["model"], "gabor": decoders[0].about["gabor"]},
        "training": _training(models[0]),
    }


def _training(model: Path) -> dict[str, Any]:
    """The stage's settings, where it left a record."""
    record = model / "provenance.json"
    return json.loads(record.read_text())["params"].get("settings", {}) if record.is_file() else {}
