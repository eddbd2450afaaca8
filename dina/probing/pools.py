"""Identification in pools of any size, from ranks among all candidates."""

from __future__ import annotations

import numpy as np

OTHER_GALLERY = ("template",)  # ranked among other candidates than decoders are
NO_RIVALS = ("dina_ensemble", "dina_shuffled", "dina_untrained")  # DINA in other guise


def top_k_probability(ahead: np.ndarray, n_candidates: int, pool_size: int, k: int) -> np.ndarray:
    """Probability that the true image is among the first ``k`` of a random pool.

    With ``b`` of the ``M − 1`` rivals ahead, the number of those in a pool of ``K`` is hypergeometric; for k = 1 the
    probability is ``C(M − 1 − b, K − 1) / C(M − 1, K − 1)``. A tie counts half of a rival ahead: the mean of the
    probabilities with and without it.

    Parameters
    ----------
    ahead : (queries,) rivals ahead, halves for ties
    n_candidates : M
    pool_size : K ≤ M

    Returns
    -------
    (queries,)
    """
    from scipy.stats import hypergeom

    low, high = np.floor(ahead), np.ceil(ahead)
    return np.mean([hypergeom.cdf(k - 1, n_candidates - 1, b, pool_size - 1) for b in (low, high)], axis=0)
