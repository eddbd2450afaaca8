"""Peak memory and time of importing trial responses, on a generated session in the layout of minimodel.

``python benchmarks/importing.py FOLDER`` writes 10,000 neurons × 65,000 images there (4 GB) and imports them; each step
is a process of its own. The search for images that overlap is left out: it takes half an hour on one core, and its
memory (3.1 GB) stands in docs/data.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.lib import format as npy

from dina.recordings.importers.minimodel import HEIGHT_PX, N_NATURAL, WIDTH_PX
from dina.recordings.sheet import Recording
from dina.settings import StimuliSettings

N_TEST, N_REPEATS, N_PICTURES = 500, 10, 68_000
ROWS_AT_ONCE = 100  # neurons written at a time


def write_session(folder: Path, n_neurons: int, n_images: int) -> None:
    """A session as ``numpy.savez`` writes it, and its images as ``scipy.io.savemat`` does."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (N_PICTURES, 7, 27), dtype=np.uint8)
    pictures = np.empty((HEIGHT_PX, WIDTH_PX, N_PICTURES), np.uint8, order="F")
    for number, picture in enumerate(coarse):
        pictures[:, :, number] = picture.repeat(10, 0).repeat(10, 1)[:HEIGHT_PX, :WIDTH_PX]
    savemat(folder / "images.mat", {"img": pictures})
    numbers = np.r_[N_TEST:N_NATURAL, N_NATURAL + N_TEST : N_PICTURES]
    arrays = {
        "istim_sp": rng.permutation(numbers)[:n_images],
        "ss_all": rng.random((N_TEST, N_REPEATS, n_neurons), np.float32),
        "istim_ss": np.arange(N_TEST),
    }
    with zipfile.ZipFile(folder / "session.npz", "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                npy.write_array(file, values)
        with archive.open("sp.npy", "w", force_zip64=True) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_neurons, n_images)}
            npy.write_array_header_1_0(file, header)
            for _ in range(0, n_neurons, ROWS_AT_ONCE):
                file.write(rng.random((ROWS_AT_ONCE, n_images), np.float32).tobytes())


def import_stimuli(folder: Path) -> None:
    """The images, less the search for overlaps."""
    from dina.recordings.importers import responses

    found = {"n_near_duplicates_across_splits": 0, "n_overlapping_across_splits": 0}
    with mock.patch("dina.recordings.stimuli.tell_leaks", return_value=found):
        responses.import_stimuli(_row(folder), folder / "stimuli", StimuliSettings())


def import_responses(folder: Path) -> None:
    """The responses."""
    from dina.recordings.importers import responses

    responses.import_responses(_row(folder), folder / "stimuli", folder / "responses")


def _row(folder: Path) -> Recording:
    files = {"data": str(folder / "session.npz"), "images": str(folder / "images.mat")}
    return Recording(recording="m", source="minimodel", **files)


def _measured(step: Callable[[Path], None], folder: Path, result: multiprocessing.Queue) -> None:
    start = time.monotonic()
    step(folder)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts it in kibibytes
    result.put((peak_gib, time.monotonic() - start))


def main() -> None:
    """Write, import, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--neurons", type=int, default=10_000, help="a multiple of 100")
    parser.add_argument("--images", type=int, default=65_000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=write_session, args=(options.folder, options.neurons, options.images))
    writer.start()
    writer.join()
    for step in (import_stimuli, import_responses):
        result = context.Queue()
        process = context.Process(target=_measured, args=(step, options.folder, result))
        process.start()
        peak_gib, seconds = result.get()
        process.join()
        print(f"{step.__name__}: {peak_gib:.2f} GiB at most, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
