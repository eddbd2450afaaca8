"""Figure: how reliably neurons answer images, how the trials are split, and what drifts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, PALE, SKY, written
from dina.figures.style import house_style, letter, page_figure, save, say
from dina.recordings.drift import HOUR_S
from dina.recordings.reliability import repeat_pairs
from dina.recordings.trials import SPLITS, TEST, TrialResponses, read_trials

RELIABLE = 0.4  # signal variance that a tenth of the cells of a good recording exceed
BIN_WIDTH = 0.05
EXAMPLE_RANK = 0.05  # the example neuron stands at the end of the most reliable twentieth
HEADROOM = 0.25  # above bars and scatter, share of the height: room for words
N_NEURONS, MAX_IMAGES = 15, 80  # of the matrix of repeats; more cannot be told apart in print
MATRIX_LIMIT_SD = 3.0
NO_REPEATS = (
    "No image was shown twice: what shows how reliably neurons answer, and whether\n"
    "the population drifts (panels a, b, d and e), is left out."
)
TOO_FEW = "too few images were shown twice"
NO_LINE = "too few images were shown twice,\nor all about equally far apart"


def plot_responses(responses: Path, folder: Path) -> None:
    """Draw ``responses``: signal variance, one neuron's repeats, trials by split, the best neurons' repeats, drift.

    Without repeats, the splits and the drift of levels alone.

    Parameters
    ----------
    responses : the store of trial responses
    folder : where the files go
    """
    trials = read_trials(responses)
    with house_style():
        first, _ = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
        figure = _with_repeats(trials, responses) if len(first) else _without_repeats(trials, responses)
        save(figure, folder, "responses")


def _with_repeats(trials: TrialResponses, responses: Path) -> Figure:
    variance = stores.read_array(responses, "signal_variance")
    ranked = np.argsort(-np.nan_to_num(variance, nan=-np.inf), kind="stable")
    figure = page_figure(6.7)
    rows = figure.add_gridspec(3, 1, height_ratios=[1, 1.1, 1])
    variances, example, splits = (figure.add_subplot(part) for part in rows[0].subgridspec(1, 3))
    repeats = figure.add_subplot(rows[1])
    between, quarters = (figure.add_subplot(part) for part in rows[2].subgridspec(1, 2, width_ratios=[2, 1]))
    _draw_variance(variances, variance)
    _draw_example(example, trials, variance, int(ranked[int(EXAMPLE_RANK * len(ranked))]))
    _draw_splits(splits, trials)
    _draw_repeats(figure, repeats, trials, ranked)
    _draw_between(between, responses)
    _draw_quarters(quarters, trials, responses)
    for axes, character in zip((variances, example, splits, repeats, between, quarters), "abcdef", strict=True):
        letter(axes, character)
    return figure


def _without_repeats(trials: TrialResponses, responses: Path) -> Figure:
    """Panels c and f, under the letters that the caption knows them by."""
    figure = page_figure(2.5)
    splits, quarters = figure.subplots(1, 2)
    _draw_splits(splits, trials)
    _draw_quarters(quarters, trials, responses)
    for axes, character in zip((splits, quarters), "cf", strict=True):
        letter(axes, character)
    figure.suptitle(NO_REPEATS, x=0.01, ha="left", fontsize=7.5)
    return figure


def _draw_variance(axes: Axes, variance: np.ndarray) -> None:
    """Histogram over neurons, with mean, median and the share of reliable neurons."""
    known = variance[np.isfinite(variance)]
    if not len(known):
        axes.set_title("signal variance")
        say(axes, TOO_FEW)
        return
    title = f"signal variance, {len(known)} neurons"
    axes.set(title=title, xlabel="share of variance that repeats", ylabel="neurons")
    first, last = np.floor(known.min() / BIN_WIDTH), np.ceil(known.max() / BIN_WIDTH)
    bins = np.arange(first, last + 1) * BIN_WIDTH
    counts, edges, bars = axes.hist(known, bins if len(bins) > 1 else 1, color=PALE)
    for bar, edge in zip(bars, edges, strict=False):
        bar.set_facecolor(SKY if edge > RELIABLE - BIN_WIDTH / 2 else PALE)
    for value, name, style in ((known.mean(), "mean", "-"), (np.median(known), "median", "--")):
        line = {"color": BLACK, "linewidth": 1, "linestyle": style, "ymax": 1 - HEADROOM}
        axes.axvline(value, label=f"{name} {written(value, 2)}", **line)
    axes.plot([], [], "s", color=SKY, label=f"{100 * (known > RELIABLE).mean():.0f} % above {RELIABLE}")
    axes.set_ylim(0, counts.max() / (1 - HEADROOM))
    axes.legend(loc="upper left", ncols=2, handlelength=1.0, columnspacing=1.0, borderaxespad=0.4)


def _draw_example(axes: Axes, trials: TrialResponses, variance: np.ndarray, neuron: int) -> None:
    """First against second showing of the same images, one neuron."""
    axes.set(title="one neuron, two showings", xlabel="first response (root scale)", ylabel="second response")
    first, second = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
    x, y = (signed_root(trials.responses[showing, neuron]) for showing in (first, second))
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    axes.plot(ends, ends, color=GREY, linewidth=0.6, zorder=0)
    axes.plot(x, y, "o", color=BLUE, alpha=0.4, markersize=3, markeredgewidth=0)
    axes.set(xticks=[0], yticks=[0], ylim=(None, ends[1] + HEADROOM * (ends[1] - ends[0])))
    text = f"neuron {neuron}\nsignal variance {written(variance[neuron], 2)}"
    axes.text(0.03, 0.98, text, va="top", transform=axes.transAxes)


def signed_root(values: np.ndarray) -> np.ndarray:
    """Square root that keeps the sign: spreads out the many small responses of sparse neurons."""
    return np.sign(values) * np.sqrt(np.abs(values))


def _draw_splits(axes: Axes, trials: TrialResponses) -> None:
    """Trials of each split: first showings, and repeats hatched."""
    codes = np.arange(len(SPLITS))
    first, later = (
        np.bincount(trials.split[chosen], minlength=len(SPLITS)) for chosen in (trials.repeat == 0, trials.repeat > 0)
    )
    axes.barh(codes, first, color=PALE, height=0.35)
    axes.barh(
        codes[later > 0],
        later[later > 0],
        left=first[later > 0],
        color="white",
        edgecolor=GREY,
        hatch="//////",
        height=0.35,
    )
    for code in codes:
        text = f"{SPLITS[code]}: {first[code]} images, {first[code] + later[code]} trials"
        axes.text(0, code - 0.24, text, va="bottom")
    axes.set(title="trials by split", xlabel="trials (hatched: repeats)", yticks=[], ylim=(len(SPLITS) - 0.7, -0.7))
    axes.spines["left"].set_visible(False)


def _draw_repeats(figure: Figure, axes: Axes, trials: TrialResponses, ranked: np.ndarray) -> None:
    """The most reliable neurons by images, the two showings of an image one above the other."""
    axes.set(title="the most reliable neurons, two showings of each image")
    kind = "test"
    first, second = repeat_pairs(trials.image_index, trials.repeat, trials.trials(TEST))
    if not len(first):
        kind = "repeated"
        first, second = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
    first, second, shown = first[:MAX_IMAGES], second[:MAX_IMAGES], ranked[:N_NEURONS]
    z = np.stack([trials.standardised(showing, weighted=False)[:, shown] for showing in (first, second)])
    rows = z.transpose(2, 0, 1).reshape(2 * len(shown), -1)
    picture = axes.imshow(rows, cmap="Greys", vmin=0, vmax=MATRIX_LIMIT_SD, aspect="auto", interpolation="none")
    axes.hlines(np.arange(1, len(shown)) * 2 - 0.5, -0.5, len(first) - 0.5, color=SKY, linewidth=0.6)
    axes.set_xlabel(f"{len(first)} {kind} images")
    axes.set_ylabel("neurons; upper row first showing")
    axes.set_yticks(np.arange(len(shown)) * 2 + 0.5, shown)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    bar = figure.colorbar(picture, ax=axes, ticks=[0, MATRIX_LIMIT_SD], pad=0.01, aspect=30)
    bar.set_label("response (s.d. above mean)")


def _draw_between(axes: Axes, responses: Path) -> None:
    """Correlation of two showings' population responses by the time between them, and the line through all pairs."""
    axes.set_title("two showings of an image, all neurons")
    line = stores.read_attributes(responses)["drift"]["line"]
    if line is None:
        say(axes, NO_LINE)
        return
    axes.set(xlabel="time between the showings (min)", ylabel="correlation over neurons")
    bins = stores.read_table(responses, "drift")
    minutes, value = bins["between_s"] / 60, bins["correlation"]
    vertical = np.abs(bins[["ci_low", "ci_high"]].to_numpy().T - value.to_numpy())
    horizontal = np.abs(bins[["shortest_s", "longest_s"]].to_numpy().T / 60 - minutes.to_numpy())
    axes.errorbar(minutes, value, xerr=horizontal, fmt="none", ecolor=PALE, elinewidth=0.8)
    axes.errorbar(minutes, value, yerr=vertical, fmt="o", color=BLUE, elinewidth=0.8)
    ends = np.array([0.0, line["longest_s"]])
    axes.plot(ends / 60, line["at_once"] + line["slope_per_hour"] * ends / HOUR_S, color=BLACK, linewidth=1)
    slope, low, high = (signed(line[f"slope_{kind}"]) for kind in ("per_hour", "low", "high"))
    text = f"slope {slope} per hour [{low}, {high}]\n{line['n_pairs']:,} pairs of {line['n_images']:,} images"
    axes.text(0.98, 0.04, text, ha="right", va="bottom", transform=axes.transAxes)
    lowest, highest = min(0.0, bins["ci_low"].min()), max(bins["ci_high"].max(), line["at_once"])
    axes.set(xlim=(0, None), ylim=(lowest - HEADROOM * (highest - lowest) * (lowest < 0), highest * 1.1))


def _draw_quarters(axes: Axes, trials: TrialResponses, responses: Path) -> None:
    """Every neuron's mean response in the recording's last quarter against its first."""
    axes.set(
        title="first and last quarter", xlabel="mean in first quarter (s.d.)", ylabel="mean in last quarter (s.d.)"
    )
    neurons = stores.read_table(responses, "neurons")
    first, last = (neurons[f"{quarter}_quarter"].to_numpy() / trials.response_sd for quarter in ("first", "last"))
    ends = [min(first.min(), last.min()), max(first.max(), last.max())]
    axes.plot(ends, ends, color=GREY, linewidth=0.6, zorder=0)
    axes.plot(first, last, "o", color=BLUE, alpha=0.4, markersize=3, markeredgewidth=0)
    axes.set(ylim=(None, ends[1] + HEADROOM * (ends[1] - ends[0])))
    text = f"{len(first):,} neurons\nmedian change {signed(float(np.median(last - first)))} s.d."
    axes.text(0.03, 0.98, text, va="top", transform=axes.transAxes)


def signed(value: float) -> str:
    """Two decimals, with a sign: a true minus, and none for what rounds to 0."""
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"
