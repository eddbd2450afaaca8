"""How often the response to an image is nearest to another response to it: a figure that is known of data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import zarr


def nearest_neighbour(responses: np.ndarray | zarr.Array, image_index: np.ndarray) -> float:
    """Share of images whose mean response over the earlier half of showings is nearest to that over the later half.

    Nearest is what has the largest scalar product, each neuron less its mean over all trials. Images shown once are
    left out. Time is ``images² × neurons``, and memory 8 bytes for each pair of images, beside that of a chunk's width
    of neurons.

    Parameters
    ----------
    responses : (trials, neurons), any unit; of a Zarr array, a chunk's width of neurons is read at a time
    image_index : (trials,) in order of time

    Returns
    -------
    float, NaN if fewer than two images repeat.

    References
    ----------
    Stringer et al. 2019, Nature 571:361.
    """
    from scipy.sparse import csr_array

    from dina.recordings.stimuli import count_repeats

    n_showings = np.bincount(image_index)
    repeated = np.flatnonzero(n_showings >= 2)
    if len(repeated) < 2:
        return float("nan")
    half = n_showings // 2
    earlier = count_repeats(image_index) < half[image_index]
    row = np.full(len(n_showings), -1)
    row[repeated] = np.arange(len(repeated))

    def means(chosen: np.ndarray, n: np.ndarray) -> csr_array:
        trials = np.flatnonzero(chosen & (row[image_index] >= 0))
        of = row[image_index[trials]]
        shape = (len(repeated), len(image_index))
        return csr_array(((1 / n[repeated][of]).astype(np.float32), (of, trials)), shape=shape)

    first, second = means(earlier, half), means(~earlier, n_showings - half)
    width = responses.shape[1] if isinstance(responses, np.ndarray) else responses.chunks[1]
    product = np.zeros((len(repeated),) * 2)
    for start in range(0, responses.shape[1], width):
        block = np.asarray(responses[:, start : start + width], np.float32)
        block = block - block.mean(0)
        product += (first @ block) @ (second @ block).T
    return float(np.mean(product.argmax(1) == np.arange(len(repeated))))
