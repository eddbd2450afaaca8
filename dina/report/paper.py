"""The methods of one recording, ready for a paper: only what was done, as its stores recorded it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from dina import stores
from dina.errors import StoreError, problem
from dina.figures.looks import LOOKS
from dina.manifest import AGAIN, PROVENANCE
from dina.report.facts import count, recording_facts
from dina.report.methods import StatedSettings, changes, how_deconvolved, how_measured, how_registered, how_trained
from dina.report.references import References
from dina.verifying import find_stores
from dina.writing import replacing

MADE_BY = {  # part of the text → packages that did its work
    "movie": ("dina-v1", "snakemake", "numpy", "scipy", "zarr"),
    "plane": ("suite2p", "torch", "numba"),
    "models/dina": ("torch",),
    "decoders": ("torch", "scikit-learn"),
    "ablations/textures": ("plenoptic",),
    "attributions": ("captum",),
}
LOSSES = {"info_nce": ("a symmetric InfoNCE", "infonce"), "sigmoid": ("a sigmoid", "sigmoid")}  # and whose it is
RIVALS = {"cebra": "cebra", "core_readout": "core"}  # → whose work they are
IMAGE_CHANGES = {  # as conditions name them → as readers know them
    "low_pass": "low-pass filters",
    "high_pass": "high-pass filters",
    "band_pass": "band-pass filters",
    "phase_scrambled": "scrambled phases",
    "line_drawing": "line drawings",
    "patch_shuffled": "patches that change places",
    "texture": "textures",
}


def write_methods(folder: Path, stated: StatedSettings, output: Path) -> None:
    """Write ``methods.md``; see :func:`methods_text`."""
    with replacing(output) as partial:
        partial.write_text(methods_text(folder, stated), encoding="utf-8")


def methods_text(folder: Path, stated: StatedSettings) -> str:
    """Methods in Markdown, from the recording to software and references.

    Settings are those with which each store was written, from its ``provenance.json``; a stage that has not run, or
    what was switched off in one, is not mentioned.

    Parameters
    ----------
    folder : the recording's folder of results
    stated : StatedSettings

    Raises
    ------
    StoreError
        If a store does not say how it came about.
    """
    cite = References()
    parts = {  # all of them lazy: works are numbered in the order of the text
        "Recording": _recording(folder, stated),
        TITLES[stated.enters]: ACTIVITY[stated.enters](folder, stated, cite),
        "Responses": _responses(folder, stated, cite),
        "Decoders": _decoders(folder, stated, cite),
        "Probes": _probes(folder, cite),
        "Ablation": chain(_image_ablation(folder, cite), _neuron_ablation(folder, cite)),
        "Attribution": chain(
            _pixel_attribution(folder, cite), _neuron_attribution(folder, cite), _latents(folder, cite)
        ),
        "Settings that are not the defaults": _changed(stated),
        "Software and machine": _software(folder, cite),
    }
    lines = [f"# Methods: {folder.name}", "", INTRODUCTION]
    for title, sentences in parts.items():
        told = list(sentences)
        if told:
            lines += ["", f"## {title}", "", " ".join(told)]
    return "\n".join([*lines, "", "## References", "", *cite.listed()]) + "\n"


INTRODUCTION = (
    "Written by dina from what every stage recorded of its settings and versions. Add animals, surgery, microscope and "
    "stimulus display; shorten to what your journal wants."
)


def record_of(store: Path) -> dict[str, Any]:
    """How a store came about.

    Raises
    ------
    StoreError
        If it does not say.
    """
    path = store / PROVENANCE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(problem(path, f"no record ({error})", "one, as the workflow writes it", AGAIN)) from error


def _settings(store: Path) -> dict[str, Any]:
    return record_of(store)["params"]["settings"]


def _recording(folder: Path, stated: StatedSettings) -> Iterator[str]:
    if (folder / "truth").is_dir():
        yield f"The recording is simulated (seed {_settings(folder / 'raw')['seed']}), not measured in an animal."
    if stated.enters != "responses":
        yield f"Indicator: {stated.indicator or 'not stated'}."
    yield recording_facts(folder, stated.enters).line


def _imaging(folder: Path, stated: StatedSettings, cite: References) -> Iterator[str]:
    planes = stores.read_attributes(folder / "session")["planes"]
    plane = folder / f"plane-{planes[0]}"
    registered = _settings(plane / "registered")
    n_blocks = stores.read_attributes(plane / "registered")["n_blocks"]
    yield (
        f"Motion was corrected by suite2p {cite('suite2p')} "
        f"({how_registered(n_blocks, registered, stated.structural_channel)}), with a reference image from "
        f"{registered['reference_frames']} frames and rigid shifts of at most {registered['max_shift_share']:.0%} of "
        "the field of view."
    )
    detection = _settings(plane / "rois")
    diameter_px = stores.read_attributes(plane / "rois")["diameter_px"]
    yield (
        f"ROIs were detected by suite2p (somata of {diameter_px:.3g} px, threshold scaling "
        f"{detection['threshold_scaling']:g}, overlaps up to {detection['max_overlap']:g}"
        f"{', on the averaged movie denoised by principal components' if detection['denoise'] else ''})."
    )
    yield _neuropil(_settings(plane / "activity"))
    yield _baseline(_settings(plane / "activity"))
    yield _deconvolution(stores.read_attributes(plane / "activity"), cite)
    session = record_of(folder / "session")
    rule = session["params"]["settings"]
    yield (
        f"ROIs were accepted as neurons where skewness times suite2p's classifier probability was at least "
        f"{rule['min_evidence']:g}, with limits on size ({_range(rule['size_soma_areas'])} areas of a soma), "
        "compactness and contrast."
    )
    if any(Path(name).name == "iscell.npy" for name in session["files"]):
        yield "In planes with a choice by hand, that choice took the place of this rule."


def _neuropil(settings: dict[str, Any]) -> str:
    return (
        f"From each ROI's fluorescence, {settings['neuropil_coefficient']:g} of the fluctuation of the neuropil around "
        "it was subtracted."
    )


def _baseline(settings: dict[str, Any]) -> str:
    return f"dF/F was taken over a maximin baseline in windows of {settings['baseline_window_s']:g} s."


def _deconvolution(about: dict[str, Any], cite: References) -> str:
    """From the attributes of an ``activity`` store, or of a session that was imported."""
    sources = {"oasis": ("oasis",), "network": ("network",), "average": ("oasis", "network")}
    return (
        f"Activity was deconvolved by {how_deconvolved(about)} {cite(*sources[about['deconvolution']])}; deconvolved "
        "activity is not a count of spikes."
    )


def _imported_session(folder: Path, _: StatedSettings, cite: References) -> Iterator[str]:
    about, settings = stores.read_attributes(folder / "session"), _settings(folder / "session")
    yield f"Traces were imported from {about['traces_are']}."
    if about["has_neuropil"]:
        yield _neuropil(settings)
    if not about["is_dff"]:
        yield _baseline(settings)
    yield _deconvolution(about, cite)


def _imported(folder: Path, _: StatedSettings, __: References) -> Iterator[str]:
    yield f"Trial responses were imported: {stores.read_attributes(folder / 'responses')['responses_are']}."


# By the store at which a recording enters the road.
TITLES = {"movie": "From movie to activity", "session": "From traces to activity", "responses": "Import"}
ACTIVITY = {"movie": _imaging, "session": _imported_session, "responses": _imported}


def _responses(folder: Path, stated: StatedSettings, cite: References) -> Iterator[str]:
    responses = folder / "responses"
    if not responses.is_dir():
        return
    attributes, params = stores.read_attributes(responses), record_of(responses)["params"]
    if stated.enters == "responses":
        stabilised = params["stabilised"]
    else:
        said, stabilised = how_measured(responses), params["settings"]["stabilise"]
        yield f"{said[0].upper()}{said[1:]}."
    if stabilised:
        yield (
            "Where no response is negative, decoders read the square root of responses, scaled by each neuron's noise "
            f"{cite('anscombe')}."
        )
    yield f"Neurons' reliability: {attributes['reliability_source']}; signal variance after {cite('variance')}."


def _decoders(folder: Path, stated: StatedSettings, cite: References) -> Iterator[str]:
    models = [folder / f"models/dina/seed-{seed}" for seed in stated.seeds]
    if not all(model.is_dir() for model in models):
        return
    settings = _settings(models[0])
    training, model = settings["training"], settings["model"]
    loss, source = LOSSES[training["loss"]]
    level = {"map": "whole feature maps", "location": "feature maps, place by place", "pooled": "pooled feature maps"}
    yield (
        f"Images and responses were aligned by DINA {cite('dina')}, a dual tower, at the level of "
        f"{level[model['alignment']['level']]}, with {loss} loss {cite(source)} over batches of "
        f"{training['batch_trials']} trials, AdamW {cite('adamw')} with a learning rate of "
        f"{training['learning_rate']:g} and a weight decay of {training['weight_decay']:g}, for at most "
        f"{training['epochs']} epochs, stopped after {training['patience']} without a better validation score."
    )
    yield f"{how_trained(models)} (seeds {', '.join(map(str, stated.seeds))})."
    if settings["cohort"]:
        yield f"Of other recordings ({', '.join(settings['cohort'])}), training images alone were learned from."
    if settings["pretraining"]["photographs"]:
        yield f"The image tower was pretrained on photographs ({', '.join(settings['pretraining']['photographs'])})."
    rivals = [name for name in _identified(folder) if (folder / "decoders" / name).is_dir()]
    if rivals:
        named = ", ".join(f"{LOOKS[name].label}{f' {cite(RIVALS[name])}' if name in RIVALS else ''}" for name in rivals)
        yield f"On the same split and the same trials, rivals were fitted: {named}."


def _identified(folder: Path) -> list[str]:
    """The decoders whose scores stand in the results; a folder may hold others of earlier settings."""
    store = folder / "probes/identification"
    return list(stores.read_table(store, "scores")["decoder"].unique()) if store.is_dir() else []


def _probes(folder: Path, cite: References) -> Iterator[str]:
    identification = folder / "probes/identification"
    if not identification.is_dir():
        return
    n_images = stores.read_attributes(identification)["n_images"]
    n_bootstrap = _settings(identification)["n_bootstrap"]
    yield (
        f"Identification is the share of test responses for which the shown image ranks first among {n_images} test "
        "images (ties count half a rank), from one trial or from the mean over repeats. Intervals are 95 %, from "
        f"{n_bootstrap:,} bootstrap samples of images {cite('bootstrap')}; learned decoders are averaged over seeds."
    )
    if "ideal_observer" in _identified(folder):
        yield "The ideal observer knows the simulation's true rates and spike counts."
    if (folder / "probes/prediction").is_dir():
        yield "Encoding models were held against each neuron's noise ceiling, from test repeats."


def _image_ablation(folder: Path, cite: References) -> Iterator[str]:
    store = folder / "ablations/images"
    if not store.is_dir():
        return
    about = stores.read_attributes(store)
    scores = stores.read_table(store, "scores")
    frozen = [name for name in IMAGE_CHANGES if name in set(scores.loc[scores["condition"] == "frozen", "ablation"])]
    anew = [name for name in IMAGE_CHANGES if name in set(scores.loc[scores["condition"] == "retrained", "ablation"])]
    yield (
        "Responses stayed as recorded while candidate images were changed, mean and contrast matched: "
        f"{', '.join(_change(name, cite) for name in frozen)}; cut-offs in {about['cutoff_unit']}."
    )
    if "texture" in frozen:
        yield f"{count(about['textures']['n_test_images'], 'test image')} had a texture."
    if anew:
        yield f"DINA was also fitted anew to {', '.join(IMAGE_CHANGES[name] for name in anew)}."


def _change(name: str, cite: References) -> str:
    source = {"phase_scrambled": "phases", "texture": "textures"}.get(name)
    return f"{IMAGE_CHANGES[name]} {cite(source)}" if source else IMAGE_CHANGES[name]


def _neuron_ablation(folder: Path, cite: References) -> Iterator[str]:
    store = folder / "ablations/neurons"
    if not store.is_dir():
        return
    about = stores.read_attributes(store)
    yield (
        f"Neurons were left on from the first of an order ({', '.join(map(_plain, about['orders']))}, and "
        f"{count(about['n_random_orders'], 'random order')}), the others set to their mean."
    )
    if not about["no_noise_correlations"]:
        yield f"Noise correlations were destroyed by shuffling each neuron's repeats of an image {cite('noise')}."


def _pixel_attribution(folder: Path, cite: References) -> Iterator[str]:
    store = folder / "attributions/pixels"
    if store.is_dir():
        yield (
            f"Pixels were attributed by integrated gradients {cite('gradients')} in {_settings(store)['n_steps']} "
            f"steps, occlusion {cite('occlusion')} and smoothed gradients {cite('smooth')}, over "
            f"{count(stores.read_attributes(store)['n_images'], 'image')}; methods were checked by deletion and "
            f"insertion {cite('deletion')} and by weights drawn anew {cite('sanity')}, with captum {cite('captum')}."
        )


def _neuron_attribution(folder: Path, cite: References) -> Iterator[str]:
    store = folder / "attributions/neurons"
    if store.is_dir():
        rate = _settings(store)["interactions"]["false_discovery_rate"]
        yield (
            f"Neurons were attributed by integrated gradients, interactions of pairs by integrated Hessians "
            f"{cite('interactions')} against additive surrogates, with a false discovery rate of {rate:g} "
            f"{cite('fdr')}."
        )


def _latents(folder: Path, cite: References) -> Iterator[str]:
    store = folder / "attributions/latents"
    if store.is_dir():
        settings = _settings(store)["latent_maps"]
        yield (
            f"Latent values were rebuilt from at most {count(settings['most_neurons'], 'neuron')} by orthogonal "
            f"matching pursuit {cite('pursuit')}, in {settings['n_folds']} folds of training images."
        )


def _changed(stated: StatedSettings) -> Iterator[str]:
    told = [f"`{change.key}` {change.value} (default {change.default})" for change in changes(stated)]
    if told:
        yield f"{'; '.join(told)}."


def _software(folder: Path, cite: References) -> Iterator[str]:
    """Versions of the packages that did the work, and the kinds of machines."""
    records = {store.relative_to(folder).as_posix(): record_of(store) for store in find_stores(folder)[0]}
    versions: dict[str, set[str]] = {}
    for part, packages in MADE_BY.items():
        for record in (record for store, record in records.items() if store.startswith(part)):
            for name in packages:
                versions.setdefault(name, set()).add(record["packages"][name])
    named = {"dina-v1": "dina", "snakemake": f"Snakemake {cite('snakemake')}"}
    told = [f"{named.get(name, name)} {' and '.join(sorted(versions[name]))}" for name in versions]
    pythons = sorted({record["python"] for record in records.values()})
    yield f"The road was run by {', '.join(told)}, in Python {' and '.join(pythons)}."
    machines = {_machine(record["machine"]) for record in records.values()}
    yield f"Machine: {'; '.join(sorted(machines))}."


def _machine(machine: dict[str, Any]) -> str:
    gpu = f", {machine['gpu']}" if "gpu" in machine else ""
    memory_gb = machine["memory_mb"] / 1024
    return f"{machine['cpu']}, {count(machine['cores'], 'core')}, {memory_gb:.0f} GB, {machine['system']}{gpu}"


def _range(values: list[float]) -> str:
    return f"{values[0]:g} to {values[1]:g}"


def _plain(name: str) -> str:
    return name.replace("_", " ")
