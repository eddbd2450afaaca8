"""The yardstick: regularised linear receptive fields, fitted to the same training trials."""

from __future__ import annotations

import numpy as np

PENALTIES = tuple(10.0**exponent for exponent in np.arange(-2, 3.5, 0.5))  # in units of the kernel's mean eigenvalue
FINE_SHARE, COARSE_SHARE = 1 / 64, 4 / 64  # blurs whose difference is local contrast, shares of the image's width
CONTRAST_GAIN = 3.0  # makes local contrast vary about as much as grey levels do in photographs


def pixel_features(images: np.ndarray) -> np.ndarray:
    """(images, pixels): grey levels, as a simple cell weighs them."""
    return images.reshape(len(images), -1).astype(np.float32)


def contrast_features(images: np.ndarray) -> np.ndarray:
    """(images, 2 · pixels): grey levels, and the magnitude of local contrast, which complex cells follow.

    Local contrast is the absolute difference between a fine and a coarse Gaussian blur.
    """
    from scipy.ndimage import gaussian_filter

    fine, coarse = (share * images.shape[2] for share in (FINE_SHARE, COARSE_SHARE))
    band = gaussian_filter(images, (0, fine, fine)) - gaussian_filter(images, (0, coarse, coarse))
    return np.concatenate([pixel_features(images), CONTRAST_GAIN * pixel_features(np.abs(band))], 1)


def fit_fields(
    features: np.ndarray, responses: np.ndarray, held_out: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, float]:
    """Ridge from features to responses, solved in the space of images.

    ``w = Fᵀ (F Fᵀ + λ I)⁻¹ r`` for centred features F and responses r; λ is the penalty whose predictions
    correlate best with the held-out responses, mean over neurons.

    Parameters
    ----------
    features : (images, features)
    responses : (images, neurons), repeats averaged
    held_out : features and responses of validation images

    Returns
    -------
    weights : (features, neurons) float32
    penalty : float, in units of the mean eigenvalue of ``F Fᵀ``
    """
    centred = features - features.mean(0)
    eigenvalues, basis = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    rotated = basis.T @ (responses - responses.mean(0))
    unit = eigenvalues.mean()
    projected = (held_out[0] - features.mean(0)) @ centred.T @ basis

    def dual(penalty: float) -> np.ndarray:
        return rotated / (np.maximum(eigenvalues, 0) + penalty * unit)[:, None]

    scores = [_mean_correlation(projected @ dual(penalty), held_out[1]) for penalty in PENALTIES]
    best = PENALTIES[int(np.argmax(scores))]
    return (centred.T @ (basis @ dual(best))).astype(np.float32), best


def _mean_correlation(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Mean over neurons of the correlation over images; neurons that never vary are left out."""
    predicted, measured = (values - values.mean(0) for values in (predicted, measured))
    scale = np.sqrt((predicted**2).sum(0) * (measured**2).sum(0))
    varies = scale > 0
    return float(np.mean((predicted * measured).sum(0)[varies] / scale[varies])) if varies.any() else 0.0
