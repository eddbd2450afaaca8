"""How good a movie is, and how well it was registered: sharpness, motion that is left, what should not be there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.imaging.frames import FrameFile

MATCHING_SIGMA_PX = 1.5
INTERPOLATION_VARIANCE_PX = 1 / 6  # of bilinear interpolation at uniformly spread fractions of a pixel
N_SNIPPETS = 20
SNIPPET_FRAMES = 25
UPSAMPLING = 100  # displacements to a hundredth of a pixel
LAGS = (1, 2, 3, 4)  # frames; planes or channels that are read as one return within as many
N_THIRDS = 3


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


@dataclass(frozen=True)
class Likeness:
    """What short stretches of a registered movie have in common.

    Attributes
    ----------
    residual_px : (stretches,) float32
        Displacement of each stretch's average against the mean image, pixels.
    middle_frame : (stretches,) int32
    persistence : float
        Correlation of the averages of the first and the last quarter of stretches, over that of every other stretch
        with the rest: 1 where the same tissue stays in sight, less where it leaves the plane or the field of view.
    neighbour_likeness : float
        Correlation of neighbouring frames over the largest of frames two, three or four apart: 1, or more, in a movie
        of one plane; less where planes or channels are read as one.
    """

    residual_px: np.ndarray
    middle_frame: np.ndarray
    persistence: float
    neighbour_likeness: float


def compare_stretches(frames: FrameFile, mean_image: np.ndarray, rows: slice, columns: slice) -> Likeness:
    """Compare short stretches of the registered movie with its mean image, and with each other.

    Stretches of 25 frames, spread evenly over the recording, are averaged; displacements are found by phase
    correlation with sub-pixel peaks (Guizar-Sicairos et al. 2008, Opt. Lett. 33:156).

    Parameters
    ----------
    frames : FrameFile
    mean_image : (height, width)
    rows, columns : slice
        The part of the field of view that is always visible.

    Returns
    -------
    Likeness
    """
    from skimage.registration import phase_cross_correlation

    length = min(SNIPPET_FRAMES, len(frames))
    starts = np.linspace(0, len(frames) - length, N_SNIPPETS).astype(int)
    reference = mean_image[rows, columns]
    shifts, averages, alike = [], [], []
    for start in starts:
        stretch = frames[start : start + length][:, rows, columns].astype(np.float32)
        averages.append(stretch.mean(0))
        found = phase_cross_correlation(reference, averages[-1], upsample_factor=UPSAMPLING, normalization=None)
        shifts.append(found[0])
        alike.append([_correlation(stretch[:-lag], stretch[lag:]) for lag in LAGS if lag < length])
    averages, (nearest, *farther) = np.stack(averages), np.mean(alike, axis=0)
    quarter = len(averages) // 4
    ends = _correlation(averages[:quarter].mean(0), averages[-quarter:].mean(0))
    halves = _correlation(averages[::2].mean(0), averages[1::2].mean(0))
    return Likeness(
        np.hypot(*np.transpose(shifts)).astype(np.float32),
        (starts + length // 2).astype(np.int32),
        ends / halves if halves > 0 else 0.0,
        nearest / max(farther) if max(farther, default=0) > 0 else 1.0,
    )


def bidirectional_offset_px(sample: np.ndarray) -> int:
    """By how many columns every other line is displaced, 0 unless three thirds of the frames agree.

    suite2p's measure finds some offset in noise as well.

    Parameters
    ----------
    sample : (frames, height, width) int16
    """
    from suite2p.registration import bidiphase

    found = {int(bidiphase.compute(sample[part::N_THIRDS])) for part in range(N_THIRDS)}
    return found.pop() if len(found) == 1 else 0


def dark_share(mean_image: np.ndarray) -> float:
    """Share of the field of view that shows nothing: pixels at the mean image's lowest value."""
    return float(np.mean(mean_image == mean_image.min()))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of all pixels; 0 where one never changes."""
    first, second = first - first.mean(), second - second.mean()
    norm = np.sqrt(np.sum(first**2, dtype=np.float64) * np.sum(second**2, dtype=np.float64))
    return float(np.sum(first * second, dtype=np.float64) / norm) if norm > 0 else 0.0
