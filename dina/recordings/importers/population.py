"""What an importer of trial responses hands over, and the figures by which an import is known to be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expected:
    """A figure that a data set is known to have.

    Attributes
    ----------
    figure : key of :func:`~dina.recordings.importers.responses.figures_of`
    value, tolerance : what it should be, within what
    source : where that is published
    otherwise : what a mismatch may mean
    """

    figure: str
    value: float
    tolerance: float
    source: str
    otherwise: str


@dataclass(frozen=True)
class Population:
    """Responses on the user's disk, trial after trial, and the neurons that they belong to.

    Attributes
    ----------
    n_trials, n_neurons : int
    blocks : gives (n, neurons) arrays of consecutive trials, in the order of the log; read as they are asked for
    neurons : table, one row a neuron in the order of the responses; ``plane`` and places in micrometres where known
    unit : of a response, such as "spikes"
    responses_are : what a response is, for the report's methods
    where : what holds the responses, for errors
    expected : figures that the import is checked by
    """

    n_trials: int
    n_neurons: int
    blocks: Callable[[], Iterator[np.ndarray]]
    neurons: pd.DataFrame
    unit: str
    responses_are: str
    where: str
    expected: tuple[Expected, ...] = ()
