"""Responses from any laboratory or method: an array of trials × neurons, a table of trials, and the images.

Spike counts of electrophysiology enter here, and data sets that have no importer of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.arrays import ARRAYS, open_matrix
from dina.recordings.importers.population import Population
from dina.recordings.stimuli import Shown
from dina.recordings.stimuli import read_shown as read_log_and_images
from dina.recordings.stimulus_log import read_stimulus_log
from dina.tables import numbers_in, read_table

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

BLOCK_BYTES = 64 << 20  # of responses read at a time
NUMBERS = "biuf"  # NumPy's kinds of numbers
SPIKES = "iu"  # kinds that are taken for counts


def read_shown(row: Recording, size_px: int) -> Shown:
    """The table of trials and the images that it names.

    Parameters
    ----------
    row : with ``stimulus_log`` and ``images``, as for movies; but ``onset_s`` may be absent, and rows are then in order
        of time

    Raises
    ------
    InputError
        Naming file and row.
    """
    log = read_stimulus_log(
        row.stimulus_log, stimulus_table=row.stimulus_table, image_column=row.image_column, timed=False
    )
    return read_log_and_images(log, row.images, row.stimulus_log, size_px, row.image_width_deg, row.stimulus_table)


def read_population(row: Recording) -> Population:
    """Responses, (trials, neurons) of any type of number, and their neurons' table, if there is one.

    Parameters
    ----------
    row : with ``data`` (``.npy``, ``.zarr`` or ``.parquet``, a column a neuron) and perhaps ``dataset`` and ``neurons``

    Raises
    ------
    InputError
        If the data are no matrix of numbers, or the table of neurons is unreadable.
    """
    path = Path(row.data)
    if path.suffix.lower() == ".parquet":
        n_trials, n_neurons, whole, blocks = _from_parquet(path)
    elif path.suffix.lower() in ARRAYS:
        n_trials, n_neurons, whole, blocks = _from_array(path, row.dataset)
    else:
        expected = ".npy, .zarr or .parquet"
        raise InputError(problem(path, f"a file ending in {path.suffix!r}", expected, "Save the responses as one."))
    return Population(
        n_trials=n_trials,
        n_neurons=n_neurons,
        blocks=blocks,
        neurons=read_neurons(row.neurons, n_neurons),
        unit="counts" if whole else "as imported",
        responses_are="whole numbers such as spike counts" if whole else "one number a trial and neuron, as imported",
        where=str(path),
    )


def read_neurons(path: str | None, n_neurons: int) -> pd.DataFrame:
    """The table of neurons: ``neuron``, ``plane``, ``roi``, and the user's further columns of numbers.

    ``plane`` is 0 where the user names none; ``roi`` is the number within the data.

    Raises
    ------
    InputError
        If a place or plane is no number, naming the row.
    """
    import pandas as pd

    number = np.arange(n_neurons, dtype=np.int32)
    own = pd.DataFrame(index=number)
    if path is not None:
        table = read_table(path, "a table of neurons")
        named = [name for name in ("plane", "x_um", "y_um", "z_um") if name in table]
        places = dict(zip(named, numbers_in(table, path, *named), strict=True)) if named else {}
        others = {name: table[name] for name in table.select_dtypes("number") if name not in named}
        own = pd.DataFrame({**places, **others})
    plane = own.pop("plane").astype(np.int16) if "plane" in own else np.zeros(len(own), np.int16)
    own = own.drop(columns=["neuron", "roi"], errors="ignore")
    own.insert(0, "roi", np.arange(len(own), dtype=np.int32))
    own.insert(0, "plane", plane)
    own.insert(0, "neuron", np.arange(len(own), dtype=np.int32))
    return own


def _from_array(path: Path, dataset: str | None) -> tuple:
    array = open_matrix(path, dataset)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in NUMBERS:
        found, expected = f"{array.shape} {array.dtype}", "a matrix of numbers, trials × neurons"
        raise InputError(problem(path, found, expected, "Save one number a trial and neuron."))
    step = max(1, BLOCK_BYTES // (array.shape[1] * array.dtype.itemsize))

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, array.shape[0], step):
            yield np.asarray(array[start : start + step])

    return *array.shape, array.dtype.kind in SPIKES, blocks


def _from_parquet(path: Path) -> tuple:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(problem(path, f"an unreadable table ({error})", "Parquet", "Save it again.")) from error
    schema, n_trials = file.schema_arrow, file.metadata.num_rows
    odd = [of.name for of in schema if not (pa.types.is_integer(of.type) or pa.types.is_floating(of.type))]
    if odd or not len(schema) or not n_trials:
        found = f"a column {odd[0]!r} that holds no numbers" if odd else "no responses"
        raise InputError(
            problem(path, found, "a column of numbers a neuron, a row a trial", "Remove what is no neuron.")
        )
    step = max(1, BLOCK_BYTES // (8 * len(schema)))

    def blocks() -> Iterator[np.ndarray]:
        for batch in file.iter_batches(batch_size=step):
            columns = [column.to_numpy(zero_copy_only=False).astype(np.float32) for column in batch.columns]
            yield np.stack(columns, axis=1)

    return n_trials, len(schema), all(pa.types.is_integer(of.type) for of in schema), blocks
