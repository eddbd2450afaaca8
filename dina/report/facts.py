"""What a recording is, in one line, and what in it calls for caution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dina import stores
from dina.figures.looks import written
from dina.recordings.clock import UNUSUAL_RATE_ERROR
from dina.recordings.drift import HOUR_S
from dina.report.quality import quality_cautions

FEW_TEST_IMAGES = 50  # an interval of ±0.14 around a share of one half
SHORT_S = 120.0  # twice the baseline's usual window
LOG_COVERS = 0.8  # of the recording, from its start to the last trial
HARDLY_REPEATING = 0.03  # mean signal variance below that of any recording worth decoding
STRONG_DRIFT = 0.25  # of the correlation between two showings, lost from at once to the longest time between them
LEVEL_DRIFT_SD = 0.25  # median neuron's change from first to last quarter; chance gives a hundredth
FAR_BEYOND = 0.1  # of the clock events' span: onsets further outside rest on the line alone


@dataclass(frozen=True)
class Facts:
    """Of one recording.

    Attributes
    ----------
    line : str, planes, frames, neurons, trials
    cautions : what a reader should know before believing the figures
    """

    line: str
    cautions: list[str]


def recording_facts(folder: Path, enters: str = "movie") -> Facts:
    """Read a recording's stores; those of its stimuli may be absent.

    Parameters
    ----------
    folder : the recording's folder of results, with ``responses`` or, if the recording enters the road before them,
        ``session`` and, if it was imaged, ``quality`` and ``plane-{p}/registered``
    enters : the store at which the recording enters the road: ``movie``, ``session`` or ``responses``
    """
    length_s, parts, cautions = None, [], []
    if enters != "responses":
        length_s, parts, cautions = _session_facts(folder, imaged=enters == "movie")
    if (folder / "responses").is_dir():
        split = stores.read_array(folder / "responses", "split")
        image = stores.read_array(folder / "responses", "image_index")
        names = stores.read_attributes(folder / "responses")["split_names"]
        images = {name: len(np.unique(image[split == code])) for code, name in enumerate(names)}
        shares = ", ".join(f"{n} {name}" for name, n in images.items())
        if enters == "responses":
            parts.append(f"{count(stores.open_array(folder / 'responses', 'responses').shape[1], 'neuron')}, imported")
        parts.append(f"{count(len(split), 'trial')} of {count(len(np.unique(image)), 'image')} ({shares})")
        parts += _measured(folder / "responses")
        cautions += _decoding_cautions(folder, length_s, tested=image[split == names.index("test")])
    return Facts("; ".join(parts) + ".", cautions)


def _session_facts(folder: Path, *, imaged: bool) -> tuple[float, list[str], list[str]]:
    """Length in seconds, what there is of planes and neurons, and cautions about them."""
    session = stores.read_attributes(folder / "session")
    rois = stores.read_table(folder / "session", "rois")
    length_s = float(stores.read_array(folder / "session", "frame_time_s")[0, -1])
    planes = session["planes"]
    registered = [stores.read_attributes(folder / f"plane-{plane}/registered") for plane in planes] if imaged else []
    parts = [
        f"{count(len(planes), 'plane')} of {session['height_px']} × {session['width_px']} px, "
        f"{session['volume_rate_hz']:g} Hz, {_minutes(length_s)}",
        f"{(rois['rejected'] == '').sum()} of {count(len(rois), 'ROI')} accepted as neurons{_reasons(rois)}",
    ]
    if "red" in rois:
        red = rois.loc[rois["rejected"] == "", "red"]
        parts.append(f"{red.sum()} of {count(len(red), 'neuron')} red in the structural channel")
    cautions = _movie_cautions(length_s, registered, session)
    return length_s, parts, cautions + (quality_cautions(folder / "quality") if imaged else [])


def _movie_cautions(length_s: float, registered: list[dict[str, Any]], session: dict[str, Any]) -> list[str]:
    found = []
    if length_s < SHORT_S:
        found.append(
            f"The movie lasts {length_s:.0f} s: too short for a baseline, and neurons that fire rarely go unseen."
        )
    dropped = max((plane["n_dropped_pages"] for plane in registered), default=0)
    if dropped:
        whole = "no whole volume of all planes and channels"
        found.append(f"{count(dropped, 'frame')} at the movie's end made {whole} and were left out.")
    if n_gaps := session.get("n_gaps"):
        found.append(
            f"Frames were lost in {count(n_gaps, 'gap')}, the longest of {session['longest_gap_s']:.2f} s: "
            "activity next to them is less certain."
        )
    return found


def _measured(responses: Path) -> list[str]:
    """How the log's clock was brought onto the movie's, and what is carried along."""
    attributes, parts = stores.read_attributes(responses), []
    if clock := attributes.get("clock"):
        parts.append(
            f"the log's clock brought onto the movie's by {count(clock['n_events'], 'event')} "
            f"(movie = {written(clock['offset_s'], 3)} s + {1 + 1e-6 * clock['rate_error_ppm']:.6f} × log, "
            f"worst residual {1000 * clock['worst_residual_s']:.1f} ms)"
        )
    behaviour = list(stores.read_table(responses, "behaviour")) if stores.holds(responses, "behaviour") else []
    if behaviour:
        parts.append(f"behaviour carried along: {', '.join(behaviour)}")
    agreed = [of for of in attributes.get("acceptance", ()) if of["agrees"]]
    if agreed:
        told = ", ".join(f"{of['figure']} {of['found']:.4g}" for of in agreed)
        parts.append(f"as the data set is known to have: {told}")
    return parts


def _import_cautions(attributes: dict[str, Any]) -> list[str]:
    """What an import did not have as its data set should, and trials that hold nothing."""
    found = [
        f"{of['figure'].capitalize()} is {'unmeasured' if of['found'] is None else written(of['found'], 3)}, where "
        f"{of['source']} has {written(of['expected'], 3)}. {of['means']}"
        for of in attributes.get("acceptance", ())
        if not of["agrees"]
    ]
    if n_silent := attributes.get("n_silent_trials"):
        found.append(f"{count(n_silent, 'trial')} hold 0 for every neuron: were they withheld, or not recorded?")
    return found


def _time_cautions(attributes: dict[str, Any]) -> list[str]:
    """Trials left out or entangled, a clock stretched far or odd, and what drifts."""
    found = []
    if n_masked := attributes.get("n_masked_trials"):
        found.append(f"{count(n_masked, 'trial')} overlapped masked frames or gaps between frames and were left out.")
    if n_outside := attributes.get("n_outside_trials"):
        found.append(f"{count(n_outside, 'trial')} had windows that reach beyond the movie and were left out.")
    if share := attributes.get("overlapping_share"):
        found.append(
            f"The response windows of {share:.0%} of trials overlap a neighbour's: both hold the same activity, "
            "and neurons seem more reliable where the order of images is fixed."
        )
    clock = attributes.get("clock")
    if clock and abs(clock["rate_error_ppm"]) > 1e6 * UNUSUAL_RATE_ERROR:
        found.append(
            f"The clocks of log and movie differ by {clock['rate_error_ppm']:+.0f} ppm, more than quartz clocks do: "
            "are the events paired, and volume_rate_hz exact?"
        )
    if clock and clock["beyond_s"] > FAR_BEYOND * clock["span_s"]:
        found.append(
            f"Onsets reach {clock['beyond_s']:.0f} s beyond the clock events, which span {clock['span_s']:.0f} s: "
            "there the clocks are aligned by extrapolation."
        )
    drift = attributes["drift"]
    if line := drift["line"]:
        lost = -line["slope_per_hour"] * line["longest_s"] / HOUR_S
        if line["slope_high"] < 0 < line["at_once"] and lost > STRONG_DRIFT * line["at_once"]:
            found.append(
                f"The population drifts: two showings of an image {_minutes(line['longest_s'])} apart correlate by "
                f"{lost / line['at_once']:.0%} less than at once (a loss above {STRONG_DRIFT:.0%} is told); "
                "scores below are averages over it."
            )
    level = drift["level_change_sd"]
    if abs(level) > LEVEL_DRIFT_SD:
        found.append(
            f"The median neuron's responses {'rise' if level > 0 else 'fall'} by {abs(level):.2f} s.d. from the first "
            f"to the last quarter of trials (more than {LEVEL_DRIFT_SD:g} is told): "
            "bleaching, a moving focus or a change of state?"
        )
    return found


def _decoding_cautions(folder: Path, length_s: float | None, tested: np.ndarray) -> list[str]:
    responses, n_test = folder / "responses", len(np.unique(tested))
    found = []
    last_s = float(stores.read_array(responses, "onset_s")[-1])
    if length_s is not None and last_s < LOG_COVERS * length_s:
        found.append(
            f"The last image was shown at {last_s:.0f} s of a movie of {length_s:.0f} s: "
            "if that is not so, volume_rate_hz is wrong, and every score below with it."
        )
    if _is_closed_set(responses):
        found.append(
            "A closed set: every image trains, validates and tests, by showings of other cycles. Scores tell how well "
            "known images are told apart, nothing of unseen ones; baselines that read true pixels know the answer."
        )
    if n_test < FEW_TEST_IMAGES:
        found.append(f"{count(n_test, 'test image')}: intervals are wide, and decoders can hardly be told apart.")
    if n_test == len(tested):
        found.append('No test image was shown twice: what is headed "repeats averaged" is the one trial again.')
    attributes = stores.read_attributes(responses)
    if attributes["reliability_source"].startswith("none"):
        found.append("Too few training images were shown twice to weigh neurons by their reliability; all weigh alike.")
    variance = stores.read_array(responses, "signal_variance")
    if np.isfinite(variance).any() and np.nanmean(variance) < HARDLY_REPEATING:
        found.append(
            f"The neurons' signal variance is {written(np.nanmean(variance), 2)} on average: responses hardly repeat. "
            "Are the log's clock and volume_rate_hz right?"
        )
    found += _import_cautions(attributes) + _time_cautions(attributes)
    stimuli = folder / "stimuli"
    across = stores.read_attributes(stimuli) if stimuli.is_dir() else {}
    for kind, partner in (("near_duplicates", "a near-duplicate"), ("overlapping", "an overlapping crop")):
        if n := across.get(f"n_{kind}_across_splits"):
            found.append(f"{count(n, 'image')} of the split have {partner} on another side: scores flatter.")
    return found


def _is_closed_set(responses: Path) -> bool:
    """Whether an image stands on two sides of the split."""
    split, image = (stores.read_array(responses, name) for name in ("split", "image_index"))
    names = stores.read_attributes(responses)["split_names"]
    train, test = (image[split == names.index(name)] for name in ("train", "test"))
    return bool(np.isin(test, train).any())


def _reasons(rois: Any) -> str:
    """Why the others were left out, most frequent first."""
    counts = rois.loc[rois["rejected"] != "", "rejected"].value_counts()
    return f" (left out: {', '.join(f'{n} {reason}' for reason, n in counts.items())})" if len(counts) else ""


def count(n: int, what: str) -> str:
    """So many of something, in the singular where there is one."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
