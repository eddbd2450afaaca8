"""How well a movie was registered: sharpness of its mean image, and the motion that is left."""

from __future__ import annotations

import numpy as np

from dina.imaging.frames import FrameFile

MATCHING_SIGMA_PX = 1.5
INTERPOLATION_VARIANCE_PX = 1 / 6  # of bilinear interpolation at uniformly spread fractions of a pixel
N_SNIPPETS = 20
SNIPPET_FRAMES = 25
UPSAMPLING = 100  # displacements to a hundredth of a pixel


def crispness(image: np.ndarray, *, interpolated: bool) -> float:
    """Root-mean-square gradient of a mean image over its mean intensity, per pixel, at a common blur.

    Motion blurs a mean image, but so does the interpolation that removes it. Both kinds of image are
    therefore smoothed to the same total blur (a Gaussian of 1.5 px); an image that was not
    interpolated gets the variance of bilinear interpolation on top.

    Parameters
    ----------
    image : (height, width)
    interpolated : bool
        Whether its frames were shifted by fractions of a pixel.
    """
    from scipy.ndimage import gaussian_filter

    variance = MATCHING_SIGMA_PX**2 + (0 if interpolated else INTERPOLATION_VARIANCE_PX)
    smooth = gaussian_filter(image.astype(np.float64), np.sqrt(variance))
    along_y, along_x = np.gradient(smooth)
    return float(np.sqrt(np.mean(along_y**2 + along_x**2)) / abs(smooth.mean()))


def residual_motion_px(
    frames: FrameFile, mean_image: np.ndarray, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of short averages of the registered movie against its mean image.

    Averages of 25 frames, spread evenly over the recording, are compared with the mean image by
    phase correlation with sub-pixel peaks (Guizar-Sicairos et al. 2008, Opt. Lett. 33:156).

    Parameters
    ----------
    frames : FrameFile
    mean_image : (height, width)
    rows, columns : slice
        The part of the field of view that is always visible.

    Returns
    -------
    (averages,) float32, pixels, and (averages,) int32, the middle frame of each.
    """
    from skimage.registration import phase_cross_correlation

    length = min(SNIPPET_FRAMES, len(frames))
    starts = np.linspace(0, len(frames) - length, N_SNIPPETS).astype(int)
    reference = mean_image[rows, columns]
    shifts = [
        phase_cross_correlation(
            reference,
            frames[start : start + length].mean(0)[rows, columns],
            upsample_factor=UPSAMPLING,
            normalization=None,
        )[0]
        for start in starts
    ]
    return np.hypot(*np.transpose(shifts)).astype(np.float32), (starts + length // 2).astype(np.int32)
