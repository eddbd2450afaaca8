"""Recovered receptive-field centres against those of the simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dina import stores

MIN_SIGNAL_VARIANCE = 0.1  # neurons counted as responsive
UNMATCHED = -1
COLUMNS = ("method", "axis", "r", "median_distance_deg", "n")


def match_neurons(responses: Path, truth: Path, n_neurons: int) -> np.ndarray:
    """The true neuron of each measured one.

    Where responses come from a movie, its ROIs are paired with true cells of their plane, one to one, if their
    centres lie within half a soma's diameter; a first pairing takes out the constant shift between the registered
    frame and the true one. Responses simulated without a movie are in order already.

    Parameters
    ----------
    responses, truth : stores
    n_neurons : int, measured neurons

    Returns
    -------
    (n_neurons,) int32, ``UNMATCHED`` where no true neuron is near.
    """
    if not (responses / "neurons.parquet").is_file():
        return np.arange(n_neurons, dtype=np.int32)
    found = stores.read_table(responses, "neurons")
    true_plane, true_px = (stores.read_array(truth, name) for name in ("plane", "center_px"))
    within_px = stores.read_attributes(truth)["soma_diameter_px"] / 2
    matched = np.full(n_neurons, UNMATCHED, np.int32)
    for plane in np.unique(true_plane):
        rois, cells = (np.flatnonzero(planes == plane) for planes in (found["plane"].to_numpy(), true_plane))
        found_px = found[["y_px", "x_px"]].to_numpy()[rois]
        rows, columns = _pair(found_px, true_px[cells], within_px)
        if len(rows):
            shift_px = np.median(found_px[rows] - true_px[cells][columns], axis=0)
            rows, columns = _pair(found_px - shift_px, true_px[cells], within_px)
        matched[rois[rows]] = cells[columns]
    return matched


def centre_agreement(found_deg: np.ndarray, true_deg: np.ndarray, counted: np.ndarray, method: str) -> pd.DataFrame:
    """Pearson correlation per axis, and the median distance, of recovered and true centres.

    Parameters
    ----------
    found_deg, true_deg : (neurons, 2) x, y; NaN where unknown
    counted : (neurons,) bool
    method : str, how centres were recovered

    Returns
    -------
    Table with columns method, axis (x, y), r, median_distance_deg, n.
    """
    used = counted & np.isfinite(found_deg).all(1) & np.isfinite(true_deg).all(1)
    found, true = found_deg[used], true_deg[used]
    distance = float(np.median(np.hypot(*(found - true).T))) if used.any() else np.nan
    r = [np.corrcoef(found[:, k], true[:, k])[0, 1] if used.sum() > 2 else np.nan for k in (0, 1)]
    return pd.DataFrame(
        {"method": method, "axis": ["x", "y"], "r": r, "median_distance_deg": distance, "n": int(used.sum())}
    )


def compare_fields(fields: pd.DataFrame, matched: np.ndarray, truth: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put true centres beside recovered ones, and say how well each method recovers those of responsive neurons.

    Parameters
    ----------
    fields : table with columns method, x_deg, y_deg, signal_variance; the neurons in order within each method
    matched : (neurons,) of :func:`match_neurons`
    truth : store

    Returns
    -------
    fields : with columns true_neuron, true_x_deg, true_y_deg
    agreement : of :func:`centre_agreement`
    """
    true_deg = stores.read_array(truth, "center_deg")[matched]
    true_deg[matched == UNMATCHED] = np.nan
    tables, agreement = [], []
    for method, rows in fields.groupby("method", sort=False):
        tables.append(rows.assign(true_neuron=matched, true_x_deg=true_deg[:, 0], true_y_deg=true_deg[:, 1]))
        counted = rows["signal_variance"].to_numpy() > MIN_SIGNAL_VARIANCE
        agreement.append(centre_agreement(rows[["x_deg", "y_deg"]].to_numpy(), true_deg, counted, str(method)))
    return pd.concat(tables, ignore_index=True), pd.concat(agreement, ignore_index=True)


def no_agreement() -> pd.DataFrame:
    """The empty table of a recording without truth."""
    return pd.DataFrame({name: pd.Series(dtype=object if name in COLUMNS[:2] else float) for name in COLUMNS})


def _pair(found: np.ndarray, true: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one pairs no farther apart than ``within``: as many as possible, then the nearest."""
    from scipy.optimize import linear_sum_assignment

    distance = np.linalg.norm(found[:, None] - true[None], axis=2)
    gain = np.where(distance <= within, 1 + min(distance.shape) - distance / within, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    paired = distance[rows, columns] <= within
    return rows[paired], columns[paired]
