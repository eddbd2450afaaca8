"""The card of a model: what it was trained on, how good it is, and where it must not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dina.probing.statistics import MEAN_OVER_SEEDS

if TYPE_CHECKING:
    import pandas as pd

SCORED = {"dina": "one seed, mean over seeds", "dina_ensemble": "all seeds together, as `identify` does"}
MODES = {"single": "one trial", "averaged": "mean of an image's trials"}


def model_card(about: dict[str, Any], scores: pd.DataFrame) -> str:
    """Markdown from a bundle's description and the probe's table of scores.

    Parameters
    ----------
    about : of :func:`dina.exports.bundle.write_bundle`
    scores : columns of :data:`dina.probing.statistics.COLUMNS`
    """
    parts = (_head(about), _use(about), _scores(about, scores), _trained_on(about), _limits(about), _terms(about))
    return "\n\n".join(parts) + "\n"


def _head(about: dict[str, Any]) -> str:
    kind = "simulated recording (dina's virtual microscope)" if about["simulated"] else "recording"
    height, width = about["image_shape"]
    return (
        f"# DINA, trained on {about['recording']}\n\n"
        f"A dual tower that brings images and the responses of one population of neurons into one space "
        f"(arXiv:2605.04309), trained on one {kind} of mouse visual cortex: {about['n_neurons']} neurons, images of "
        f"{height} × {width} pixels, {len(about['seeds'])} seeds. Weights are safetensors; nothing in this folder is "
        f"run when it is opened."
    )


def _use(about: dict[str, Any]) -> str:
    return (
        "## Use\n\n```python\nimport dina\n\n"
        'model = dina.load_model("this/folder")\n'
        "shown = model.identify(responses, images)  # for each response, the index of the image\n```\n\n"
        f"`responses` is (trials, {about['n_neurons']}), in the unit and order of the training data; `images` is "
        f"(images, {about['image_shape'][0]}, {about['image_shape'][1]}), 0 black to 1 white."
    )


def _scores(about: dict[str, Any], scores: pd.DataFrame) -> str:
    own = scores[(scores["metric"] == "top1") & (scores["seed"] == MEAN_OVER_SEEDS) & (scores["split"] == "test")]
    seen = "known images, by showings that were held out" if about["closed_set"] else "images that it never saw"
    lines = [
        "## Scores",
        f"How often the right image ranks first among all {about['n_images']['test']} test images, {seen}; 95 % "
        "intervals by bootstrap over images.",
        "| decoder | responses | top-1 | 95 % interval | chance |\n| --- | --- | --- | --- | --- |",
    ]
    for decoder, meaning in SCORED.items():
        for mode, said in MODES.items():
            rows = own[(own["decoder"] == decoder) & (own["trial_mode"] == mode)]
            if len(rows):
                row = rows.loc[rows["pool_size"].idxmax()]
                span = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
                lines[-1] += f"\n| {meaning} | {said} | {row['value']:.3f} | {span} | {row['chance']:.4f} |"
    return "\n\n".join(lines)


def _trained_on(about: dict[str, Any]) -> str:
    n_trials, n_images = about["n_trials"], about["n_images"]
    known = {name: value for name, value in about["measured"].items() if value is not None}
    measured = ", ".join(f"{name} {value}" for name, value in known.items()) or "as imported"
    degrees = about["degrees_per_pixel"]
    lines = [
        "## Trained on",
        f"- trials (images): {n_trials['train']} ({n_images['train']}) to train, {n_trials['validation']} "
        f"({n_images['validation']}) to stop and to choose penalties; {n_trials['test']} ({n_images['test']}) only "
        "for the scores",
        f"- responses: {about['response_unit'] or 'no unit stated'}; {measured}",
        f"- pixels: {'of unknown visual angle' if degrees is None else f'{degrees:.3g} degrees wide'}",
        *(f"- sha256 of `{name}`: `{digest}`" for name, digest in about["trained_on"].items()),
        "",
        "Settings stand in `about.json`, each neuron's plane and ROI in `neurons.csv`. No response and no image is in "
        "this folder; `standardisation.safetensors` holds four numbers a neuron.",
    ]
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def _limits(about: dict[str, Any]) -> str:
    limits = [
        "It decodes these cells in this session and no others: another session's cells, also of the same animal, need "
        "a model of their own, and shapes that happen to fit are no evidence.",
        "Responses measured otherwise (window, lag, deconvolution, unit) give numbers without meaning.",
        "Scores hold for images like those it was tested on. Other kinds (gratings, noise, another size on the screen) "
        "were not tested.",
        "Ranking an image first says that it fits best of those offered, not that it was seen.",
    ]
    if about["simulated"]:
        limits.append("The recording was simulated: the scores say nothing of real cortex.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _terms(about: dict[str, Any]) -> str:
    return f"## Licence\n\n{about['licence']}. Made by dina {about['dina']}."
