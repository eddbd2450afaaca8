"""Exactly as many threads as a stage was given.

torch gives different bytes with one and with two CPU threads, and importing suite2p resets thread
counts, so the count is applied again after such imports.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(n_threads: int) -> None:
    """Allow ``n_threads`` to every numeric library, loaded or not yet loaded."""
    for variable in VARIABLES:
        os.environ[variable] = str(n_threads)
    apply_threads()


@contextlib.contextmanager
def single_torch_thread() -> Iterator[None]:
    """One thread for each call of torch and BLAS, whatever the stage was given: for work that is split by hand."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def apply_threads() -> None:
    """Apply the count set by :func:`limit_threads` to the libraries loaded by now."""
    n_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    from threadpoolctl import threadpool_limits

    threadpool_limits(n_threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n_threads)
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
