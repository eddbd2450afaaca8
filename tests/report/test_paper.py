"""The methods for a paper say what the stores record, and nothing that was not done."""

import json
import re

import pandas as pd
import pytest

from dina import stores
from dina.errors import StoreError
from dina.report.methods import StatedSettings
from dina.report.paper import methods_text
from dina.report.references import WORKS
from dina.settings import DinaSettings, Settings
from tests.report.conftest import SETTINGS, write_quality, write_stores

MACHINE = {"cpu": "Fast 9000", "cores": 8, "memory_mb": 32768, "system": "Linux 6.1", "architecture": "x86_64"}
PACKAGES = ("dina-v1", "snakemake", "numpy", "scipy", "zarr", "suite2p", "torch", "numba", "scikit-learn", "captum")
DEFAULTS = Settings().model_dump()


def record(store, settings, versions=None, **machine):
    packages = dict.fromkeys((*PACKAGES, "plenoptic"), "1.0") | (versions or {})
    about = {"params": {"settings": settings}, "files": {}, "packages": packages, "python": "3.12.1"}
    (store / "provenance.json").write_text(json.dumps(about | {"machine": MACHINE | machine}))


def write(folder, name, settings, attributes, **tables):
    with stores.new_store(folder / name) as store:
        stores.write_attributes(store, attributes)
        for table, values in tables.items():
            stores.write_table(store, table, pd.DataFrame(values))
    record(folder / name, settings)


def write_imaging(folder, *, n_test=0, **deconvolution):
    write_stores(folder, n_planes=1, length_s=800, n_test=n_test)
    write_quality(folder, {0: {}})
    write(folder, "plane-0/rois", DEFAULTS["detection"], {"diameter_px": 8.0})
    write(folder, "movie", {}, {})
    record(folder / "quality", {})
    record(folder / "plane-0/registered", DEFAULTS["registration"] | {"reference_frames": 77})
    record(folder / "plane-0/activity", DEFAULTS["deconvolution"] | deconvolution)
    record(folder / "session", DEFAULTS["session"])


def write_decoding(folder, *, loss="info_nce", rivals=("ridge",)):
    write_imaging(folder, n_test=60)
    for name in ("stimuli", "responses"):
        record(folder / name, DEFAULTS[name])
    dina = DinaSettings(training={"loss": loss, "learning_rate": 0.004}, seeds=[0, 1]).model_dump()
    for seed in dina["seeds"]:
        with stores.new_store(folder / f"models/dina/seed-{seed}") as store:
            (store / "model.json").write_text(json.dumps({"core_share": 0.0, "model": {"image_tower": "gabor"}}))
            stores.write_table(store, "training", pd.DataFrame({"epoch": [0, 3], "is_best": [True, True]}))
        record(folder / f"models/dina/seed-{seed}", dina)
    for name in ("ridge", "cebra"):
        write(folder, f"decoders/{name}/seed-0", {}, {})
    scores = {"decoder": ["dina", *rivals]}
    write(folder, "probes/identification", {"n_bootstrap": 2500}, {"n_images": 60}, scores=scores)


def write_ablations(folder, frozen, retrained, *, reason=""):
    conditions = ["frozen"] * len(frozen) + ["retrained"] * len(retrained)
    attributes = {"cutoff_unit": "cycles/deg", "textures": {"n_test_images": 12}}
    scores = {"ablation": [*frozen, *retrained], "condition": conditions}
    write(folder, "ablations/images", {}, attributes, scores=scores)
    orders = {"orders": ["reliability", "mean_response"], "n_random_orders": 3, "no_noise_correlations": reason}
    write(folder, "ablations/neurons", {}, orders)


def text_of(folder, name="movie", **changes):
    return methods_text(folder, StatedSettings(**SETTINGS[name] | changes))


def test_settings_are_those_that_were_recorded(tmp_path):
    write_imaging(tmp_path, neuropil_coefficient=0.55, baseline_window_s=33.0)
    text = text_of(tmp_path)
    assert "0.55 of the fluctuation of the neuropil" in text and "in windows of 33 s" in text
    assert "a reference image from 77 frames" in text and "(rigid)" in text and "OASIS with a tau of 1 s" in text
    assert "Fast 9000, 8 cores, 32 GB, Linux 6.1." in text and "suite2p 1.0" in text and "Python 3.12.1" in text


def test_a_recording_without_stimuli_has_no_decoding(tmp_path):
    write_imaging(tmp_path)
    text = text_of(tmp_path)
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "Recording",
        "From movie to activity",
        "Software and machine",
        "References",
    ]
    assert not re.search("DINA|captum|plenoptic|simulated|by hand|scikit-learn", text)


@pytest.mark.parametrize(("method", "cited"), [("network", "Rupprecht"), ("average", "Friedrich")])
def test_the_deconvolution_that_was_used_is_named_and_cited(tmp_path, method, cited):
    write_imaging(tmp_path)
    stores.write_attributes(tmp_path / "plane-0/activity", {"deconvolution": method})
    text = text_of(tmp_path)
    assert "a convolutional network" in text and cited in text
    assert ("OASIS" in text) == ("Friedrich" in text) == (method == "average")


@pytest.mark.parametrize(("loss", "work"), [("info_nce", "infonce"), ("sigmoid", "sigmoid")])
def test_decoding_is_told_as_it_was_done(tmp_path, loss, work):
    write_decoding(tmp_path, loss=loss, rivals=("ridge", "ideal_observer"))
    text = text_of(tmp_path)
    assert "a learning rate of 0.004" in text and "(seeds 0, 1)" in text and "2,500 bootstrap samples" in text
    assert WORKS[work] in text and WORKS[{"infonce": "sigmoid", "sigmoid": "infonce"}[work]] not in text
    assert "rivals were fitted: ridge to pixels." in text  # not cebra, left of earlier settings
    assert "The ideal observer knows" in text and "cohort" not in text and "pretrained" not in text


def test_ablations_that_were_left_out_are_not_told(tmp_path):
    write_decoding(tmp_path)
    write_ablations(tmp_path, ["low_pass", "line_drawing"], ["low_pass"], reason="too few repeats")
    text = text_of(tmp_path)
    assert "low-pass filters, line drawings; cut-offs" in text and "fitted anew to low-pass filters." in text
    assert not re.search("texture|scrambled|Noise correlations|Averbeck|Attribution", text)
    write_ablations(tmp_path, ["texture"], [])
    text = text_of(tmp_path)
    assert "12 test images had a texture" in text and "fitted anew" not in text and "Averbeck" in text


def test_references_are_numbered_as_they_are_cited(tmp_path):
    write_decoding(tmp_path)
    write_ablations(tmp_path, ["phase_scrambled", "texture"], [])
    text, _, listed = text_of(tmp_path).partition("## References")
    cited = [int(n) for of in re.findall(r"\[(\d+(?:, \d+)*)\]", text) for n in of.split(", ")]
    numbers = [int(line.split(".")[0]) for line in listed.split("\n") if line]
    assert numbers == list(range(1, len(numbers) + 1)) == list(dict.fromkeys(cited))


def test_settings_that_are_not_the_defaults_and_two_versions(tmp_path):
    write_imaging(tmp_path)
    record(tmp_path / "plane-0/rois", DEFAULTS["detection"], {"suite2p": "1.1"}, gpu="Big GPU")
    text = text_of(tmp_path, changed={"responses.measure": ["dff", "deconvolved"]})
    assert '`responses.measure` "dff" (default "deconvolved")' in text
    assert "suite2p 1.0 and 1.1" in text and "Big GPU" in text


def test_a_store_that_does_not_say_how_it_came_about_is_refused(tmp_path):
    write_imaging(tmp_path)
    (tmp_path / "session/provenance.json").unlink()
    with pytest.raises(StoreError, match=r"session/provenance.json: found no record"):
        text_of(tmp_path)
