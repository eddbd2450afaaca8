"""How a recording was analysed: one line for the report, its clauses, and which settings are not the defaults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dina import stores
from dina.figures.looks import written
from dina.recordings.importers.sources import SOURCES
from dina.report.facts import count

MEASURES = {
    "deconvolved": "summed deconvolved activity",
    "dff": "mean dF/F",
    "both": "summed deconvolved activity (with mean dF/F beside it)",
}


@dataclass(frozen=True)
class StatedSettings:
    """What the report needs of a recording's settings.

    Attributes
    ----------
    source : of the recording, as in the sheet
    indicator : str, or None where the sheet does not state it
    structural_channel : int, from 0, or None
    registration, deconvolution : the sections of the settings
    seeds : of DINA
    changed : dotted key → value and default, of settings that differ from the default
    overridden : dotted keys that the recording's own file sets
    """

    source: str
    indicator: str | None
    structural_channel: int | None
    registration: dict[str, Any]
    deconvolution: dict[str, Any]
    seeds: list[int]
    changed: dict[str, tuple[Any, Any]]
    overridden: list[str]

    @property
    def enters(self) -> str:
        """The store at which the recording enters the road."""
        return SOURCES[self.source].enters


@dataclass(frozen=True)
class Change:
    """A setting as readers see it: its dotted key, value and default, and whether the recording's own file sets it."""

    key: str
    value: str
    default: str
    own: bool


def methods_line(folder: Path, stated: StatedSettings) -> str:
    """One sentence from raw movie, or from what was imported, to DINA.

    Parameters
    ----------
    folder : the recording's folder of results, with the stores that the recording has by where it enters the road:
        ``session``, ``plane-{p}/registered`` and ``plane-{p}/activity``; ``responses`` and ``models/dina/seed-{n}`` may
        be absent
    stated : StatedSettings
    """
    parts = {"movie": _imaging, "session": _imported_session, "responses": _imported}[stated.enters](folder, stated)
    if stated.enters != "responses":
        if (folder / "responses").is_dir():
            parts.append(how_measured(folder / "responses"))
        rois = stores.read_table(folder / "session", "rois")
        parts.append(count((rois["rejected"] == "").sum(), "neuron"))
    models = [folder / f"models/dina/seed-{seed}" for seed in stated.seeds]
    if all(model.is_dir() for model in models):
        parts.append(how_trained(models))
    return "; ".join(parts) + "."


def _imaging(folder: Path, stated: StatedSettings) -> list[str]:
    """From raw movie to deconvolved activity."""
    planes = stores.read_attributes(folder / "session")["planes"]
    n_blocks = stores.read_attributes(folder / f"plane-{planes[0]}/registered")["n_blocks"]
    activity = stores.read_attributes(folder / f"plane-{planes[0]}/activity")
    registered = how_registered(n_blocks, stated.registration, stated.structural_channel)
    parts = [f"Indicator {stated.indicator or 'not stated'}", f"registration by suite2p ({registered})"]
    return [*parts, _neuropil(stated), _baseline(stated), f"deconvolution by {how_deconvolved(activity)}"]


def _neuropil(stated: StatedSettings) -> str:
    return f"neuropil subtracted with a coefficient of {stated.deconvolution['neuropil_coefficient']:g}"


def _baseline(stated: StatedSettings) -> str:
    return f"baseline of dF/F in windows of {stated.deconvolution['baseline_window_s']:g} s"


def _imported_session(folder: Path, stated: StatedSettings) -> list[str]:
    """What the traces were, and what was computed from them here."""
    attributes = stores.read_attributes(folder / "session")
    parts = [f"Indicator {stated.indicator or 'not stated'}", f"traces from {attributes['traces_are']}"]
    parts += [_neuropil(stated)] if attributes["has_neuropil"] else []
    parts += [] if attributes["is_dff"] else [_baseline(stated)]
    return [*parts, f"deconvolution by {how_deconvolved(attributes)}"]


def _imported(folder: Path, _: StatedSettings) -> list[str]:
    """What the responses were."""
    attributes = stores.read_attributes(folder / "responses")
    n_neurons = stores.open_array(folder / "responses", "responses").shape[1]
    return [f"Responses imported: {attributes['responses_are']}", count(n_neurons, "neuron")]


def how_registered(n_blocks: int, registration: dict[str, Any], structural_channel: int | None) -> str:
    """What kind of motion was corrected, and in which channel it was measured."""
    kind = f"non-rigid, {n_blocks} blocks of at most {registration['block_px']} px" if n_blocks else "rigid"
    return kind if structural_channel is None else f"{kind}, measured in the {registration['align_by']} channel"


def how_deconvolved(activity: dict[str, Any]) -> str:
    """By what, and with which decay; from the attributes of an ``activity`` store."""
    decay = f"with a tau of {activity['tau_s']:g} s"
    return {
        "oasis": f"OASIS {decay}",
        "network": "a convolutional network",
        "average": f"the average of OASIS {decay} and a convolutional network",
    }[activity["deconvolution"]]


def how_measured(responses: Path) -> str:
    """What a response is."""
    attributes = stores.read_attributes(responses)
    baseline = (
        f"less that from {_span(attributes['baseline_s'])}" if attributes["baseline_s"] else "no baseline subtracted"
    )
    said = f"responses: {MEASURES[attributes['measure']]} from {_span(attributes['window_s'])} after image onset"
    edges_s = attributes.get("bin_edges_s")
    if edges_s:
        weights = stores.read_array(responses, "temporal_weights")
        how = "all alike" if np.ptp(weights) == 0 else "by training repeats"
        said += f" in {len(edges_s) - 1} bins, weighted {how}"
    return f"{said}, {baseline}, windows delayed by a lag of {attributes['lag_s']:g} s"


def how_trained(models: list[Path]) -> str:
    """From where DINA's contrastive training started, and whether any of it was kept."""
    about = [json.loads((model / "model.json").read_text()) for model in models]
    if about[0]["model"]["image_tower"] == "gabor":
        shares = [of["core_share"] or 0.0 for of in about]
        core = f"a learned core of share {_listed(shares)}" if any(shares) else "no learned core"
        start = f"a closed-form start on Gabor maps with {core}"
    else:
        start = "a learned image tower"
    histories = [stores.read_table(model, "training") for model in models]
    epochs = [int(history.loc[history["is_best"], "epoch"].max()) for history in histories]
    kept = f"kept after epoch {_listed(epochs)} of contrastive training"
    return f"DINA from {start}, {count(len(models), 'seed')}, {kept}"


def _listed(values: list[float]) -> str:
    """Every seed's, or the one that all share."""
    return ", ".join(f"{value:g}" for value in (values if len(set(values)) > 1 else values[:1]))


def _span(window_s: list[float]) -> str:
    return f"{written(window_s[0], 2)} to {written(window_s[1], 2)} s"


def methods_cautions(stated: StatedSettings) -> list[str]:
    """What was assumed for want of a statement."""
    if stated.enters == "responses" or stated.indicator is not None or stated.deconvolution["tau_s"] is not None:
        return []
    return [
        "The indicator is not stated: a decay (tau) of 1 s and no lag are assumed. Name it in the recording sheet, "
        "or set deconvolution.tau_s."
    ]


def changes(stated: StatedSettings) -> list[Change]:
    """Settings that differ from the defaults, in order of their keys."""
    return [
        Change(key, *(json.dumps(of) for of in stated.changed[key]), own=key in stated.overridden)
        for key in sorted(stated.changed)
    ]
