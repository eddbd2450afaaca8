"""The figures of probing: which image it was, what it looked like, what kind it was, what neurons do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dina import stores
from dina.figures.categories import draw_categories
from dina.figures.identification import draw_decoders, draw_pools
from dina.figures.prediction import draw_prediction
from dina.figures.reconstruction import draw_reconstructions
from dina.figures.style import house_style, save
from dina.probing.statistics import MEAN_OVER_SEEDS


def plot_probing(identification: Path, reconstruction: Path, categories: Path, prediction: Path, folder: Path) -> None:
    """Draw ``identification``, ``decoders``, ``reconstruction``, ``categories`` and ``prediction``.

    Parameters
    ----------
    identification, reconstruction, categories, prediction : stores of the probes
    folder : where the files go
    """
    scores = stores.read_table(identification, "scores")
    comparisons = stores.read_table(identification, "comparisons")
    with house_style():
        save(draw_pools(_mean_over_seeds(scores)), folder, "identification")
        save(draw_decoders(scores, comparisons), folder, "decoders")
        save(draw_reconstructions(reconstruction), folder, "reconstruction")
        save(draw_categories(categories), folder, "categories")
        save(draw_prediction(prediction), folder, "prediction")


def _mean_over_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[scores["seed"] == MEAN_OVER_SEEDS]
