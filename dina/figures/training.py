"""Figure: how DINA trained, seed by seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dina import stores
from dina.figures.looks import BLUE, GREY
from dina.figures.style import chance_line, house_style, letter, page_figure, save
from dina.recordings.trials import VALIDATION, read_trials


def plot_training(responses: Path, models: list[Path], folder: Path) -> None:
    """Draw ``training``: loss and validation identification over epochs.

    Parameters
    ----------
    responses : the store of trial responses, for how many validation images there are
    models : DINA's stores, one a seed
    folder : where the files go
    """
    n_images = len(read_trials(responses).image_ids(VALIDATION))
    histories = [stores.read_table(model, "training") for model in models]
    with house_style():
        figure = page_figure(2.5)
        losses, scores = figure.subplots(1, 2)
        for history in histories:
            _draw_history(losses, scores, history)
        losses.set(title=f"contrastive loss, {len(histories)} seeds", xlabel="epoch", ylabel="loss (nats)")
        title = f"identification of {n_images} validation images"
        scores.set(title=title, xlabel="epoch", ylabel="top-1, one trial", ylim=(0, 1.02))
        chance_line(scores, 1 / n_images)
        for axes, character in ((losses, "a"), (scores, "b")):
            letter(axes, character)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            handles, labels = axes.get_legend_handles_labels()
            unique = dict(zip(labels, handles, strict=True))
            axes.legend(unique.values(), unique.keys())
        save(figure, folder, "training")


def _draw_history(losses: Axes, scores: Axes, history: pd.DataFrame) -> None:
    """One seed: training and validation loss, validation identification, and the epoch that was kept."""
    epoch = history["epoch"]
    losses.plot(epoch, history["train_loss"].astype(float), color=GREY, linewidth=0.8, label="training, batches")
    losses.plot(epoch, history["validation_loss"], color=BLUE, label="validation, all images")
    scores.plot(epoch, history["validation_top1"], color=BLUE, label="validation")
    kept = history[history["is_best"]].iloc[-1]
    for axes, name in ((losses, "validation_loss"), (scores, "validation_top1")):
        axes.plot(kept["epoch"], kept[name], "o", color=BLUE, markeredgecolor="white", label="epoch that is kept")
