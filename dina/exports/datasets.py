"""Sessions and responses as xarray datasets: named axes, coordinates, units; arrays are read when they are used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina import stores
from dina.errors import StoreError, problem
from dina.recordings.trials import split_names

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    import zarr

SESSION = {
    "deconvolved": ("neuron", "frame"),
    "dff": ("neuron", "frame"),
    "valid_frames": ("plane", "frame"),
    "mean_image": ("plane", "y", "x"),
}
RESPONSES = {
    "responses": ("trial", "neuron"),
    "responses_dff": ("trial", "neuron"),
    "binned": ("trial", "bin", "neuron"),
    "temporal_weights": ("bin", "neuron"),
    "images": ("image", "y", "x"),
}
OF_TRIALS = ("onset_s", "image_index", "repeat")


def open_session(path: str | Path) -> xr.Dataset:
    """A ``session`` store as a dataset; memory is that of its small arrays and tables until others are used.

    Variables ``deconvolved`` and ``dff`` (neuron, frame), ``valid_frames`` (plane, frame), ``mean_image`` (plane, y,
    x). Coordinates: ``frame_time_s`` (plane, frame), each plane's own times; ``volume_time_s`` (frame); the numbers of
    the planes; and of every neuron, as ``neuron_plane``, ``neuron_roi``, ``neuron_y_px`` and so on, the table
    ``neurons``. Units and the store's attributes are attributes.

    Parameters
    ----------
    path : folder, such as results/mouse/session

    Raises
    ------
    StoreError
        If there is no such store, or it differs from its manifest; on use, if a chunk is damaged.
    """
    store = stores.checked(path)
    _refuse_other(store, "dff", "a session")
    attributes = stores.read_attributes(store)
    coordinates: dict[str, Any] = {
        "plane": ("plane", attributes["planes"]),
        "frame_time_s": (("plane", "frame"), stores.read_array(store, "frame_time_s"), {"units": "s"}),
        "volume_time_s": ("frame", stores.read_array(store, "volume_time_s"), {"units": "s"}),
    }
    return _dataset(store, SESSION, coordinates | _of_neurons(store), attributes)


def open_responses(path: str | Path) -> xr.Dataset:
    """A ``responses`` store as a dataset; memory is that of its small arrays and tables until others are used.

    Variables ``responses`` (trial, neuron), ``images`` (image, y, x) and, where the store has them, ``responses_dff``,
    ``binned`` (trial, bin, neuron) and ``temporal_weights`` (bin, neuron). Coordinates of trials: ``onset_s``,
    ``image_index``, ``repeat``, ``split`` (its name) and the log's further columns, as ``behaviour_…``; of images
    ``category`` (its name, empty where unknown); of neurons their table, as ``neuron_…``, and ``reliability``.

    Parameters
    ----------
    path : folder, such as results/mouse/responses

    Raises
    ------
    StoreError
        If there is no such store, or it differs from its manifest; on use, if a chunk is damaged.
    """
    store = stores.checked(path)
    _refuse_other(store, "responses", "responses")
    attributes = stores.read_attributes(store)
    names = np.array([*attributes["category_names"], ""])  # -1, unknown, takes the last
    coordinates: dict[str, Any] = {
        name: ("trial", stores.read_array(store, name), _units(stores.open_array(store, name))) for name in OF_TRIALS
    }
    coordinates |= {
        "split": ("trial", split_names(stores.read_array(store, "split"))),
        "category": ("image", names[stores.read_array(store, "category")]),
        "reliability": ("neuron", stores.read_array(store, "reliability")),
    }
    if stores.holds(store, "behaviour"):
        coordinates |= _columns(stores.read_table(store, "behaviour"), "trial", "behaviour")
    return _dataset(store, RESPONSES, coordinates | _of_neurons(store), attributes)


def _refuse_other(store: Path, name: str, expected: str) -> None:
    if not stores.holds(store, name):
        remedy = "Name the folder of that store."
        raise StoreError(problem(store, f"no array {name!r}", f"a store of {expected}", remedy))


def _of_neurons(store: Path) -> dict[str, Any]:
    return _columns(stores.read_table(store, "neurons"), "neuron", "neuron") if stores.holds(store, "neurons") else {}


def _columns(table: pd.DataFrame, axis: str, prefix: str) -> dict[str, Any]:
    """A table's columns as coordinates; one that is named as the axis numbers its rows."""
    return {name if name == axis else f"{prefix}_{name}": (axis, table[name].to_numpy()) for name in table.columns}


def _dataset(
    store: Path, axes: Mapping[str, tuple[str, ...]], coordinates: Mapping[str, Any], attributes: Mapping[str, Any]
) -> xr.Dataset:
    import xarray as xr

    variables = {name: _lazy(store, name, of) for name, of in axes.items() if stores.holds(store, name)}
    return xr.Dataset(variables, coords=coordinates, attrs=dict(attributes))


def _lazy(store: Path, name: str, axes: tuple[str, ...]) -> xr.Variable:
    """A stored array that is read when, and as far as, it is used."""
    import xarray as xr
    from xarray.backends import BackendArray
    from xarray.core import indexing

    array = stores.open_array(store, name)

    class Stored(BackendArray):
        shape, dtype = array.shape, array.dtype

        def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

        def _read(self, key: tuple) -> np.ndarray:
            try:
                return np.asarray(array.oindex[key])
            except (RuntimeError, ValueError) as error:
                remedy = "Delete the store and its manifest, then rerun."
                raise StoreError(problem(store, f"array {name!r} damaged ({error})", "what was written", remedy)) from (
                    error
                )

    return xr.Variable(axes, indexing.LazilyIndexedArray(Stored()), _units(array))


def _units(array: zarr.Array) -> dict[str, str]:
    return {"units": array.attrs["unit"]} if array.attrs.get("unit") else {}
