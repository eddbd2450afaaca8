"""Images whose structure is changed: phases scrambled, drawn as lines, cut into patches that change places."""

from __future__ import annotations

import numpy as np

from dina.ablation.filters import MIN_CONTRAST, Filtered, match_contrast

CARTOON_WEIGHT = 0.05  # of total variation, share of the width: flattens texture whose grain is finer than about that
CARTOON_STEPS, CARTOON_STOP = 120, 1e-7  # the usual tolerance stops long before large weights have acted
EDGE_LOW, EDGE_HIGH = 0.05, 0.15  # hysteresis on the cartoon's gradient, RMS contrasts a pixel: steps of 0.12 and 0.4
SOBEL = 8  # by which the filter behind Canny's contours multiplies a gradient a pixel
EDGE_SD_PX = 1.0  # of the Gaussian whose gradient finds contours
LINE_SD_PX = 0.8  # of the lines' profile: soft, so that they alias no more than the picture did


def scramble_phases(images: np.ndarray, ids: np.ndarray, seed: int) -> Filtered:
    """Keep each image's amplitude spectrum and give it the phases of white noise.

    Noise that is real has phases of Hermitian symmetry, so what comes back is real. A discrete Fourier transform
    sees an image as periodic: where opposite edges differ, steps appear, whose power lies in a cross along both axes
    of the spectrum. Therefore the spectrum is that of the image's periodic component, whose opposite edges meet
    (:func:`periodic_component`); of a photograph it lacks shading alone. Contrast is matched afterwards. Time grows
    with images × pixels × log pixels.

    Parameters
    ----------
    images : (images, height, width)
    ids : (images,) numbers of the images in the recording: the same image gets the same phases in any batch
    seed : int

    References
    ----------
    Galerne, Gousseau & Morel 2011, IEEE Trans. Image Process. 20:257 (random phase noise and the periodic component).
    """
    noise = np.stack([_generator(seed, image).standard_normal(images.shape[1:]) for image in ids])
    phase = np.fft.fft2(noise)
    phase /= np.abs(phase)
    amplitude = np.abs(np.fft.fft2(periodic_component(images)))
    return match_contrast(np.fft.ifft2(amplitude * phase).real, images)


def periodic_component(images: np.ndarray) -> np.ndarray:
    """Images less the smooth component that carries the steps between opposite edges.

    With ``v`` the steps between opposite edges (0 inside), the smooth component ``s`` solves the periodic Poisson
    equation ``Δs = v``: ``ŝ = v̂ / (2 cos(2πq/H) + 2 cos(2πr/W) − 4)``, and 0 at zero frequency.

    Parameters
    ----------
    images : (images, height, width)

    Returns
    -------
    (images, height, width) float64, with the images' means

    References
    ----------
    Moisan 2011, J. Math. Imaging Vis. 39:161.
    """
    images = np.asarray(images, np.float64)
    steps = np.zeros_like(images)
    rows, columns = images[:, -1] - images[:, 0], images[:, :, -1] - images[:, :, 0]
    steps[:, 0] += rows
    steps[:, -1] -= rows
    steps[:, :, 0] += columns
    steps[:, :, -1] -= columns
    down, across = (2 * np.cos(2 * np.pi * np.fft.fftfreq(n)) for n in images.shape[1:])
    laplacian = down[:, None] + across - 4
    laplacian[0, 0] = 1
    smooth = np.fft.fft2(steps) / laplacian
    smooth[:, 0, 0] = 0
    return images - np.fft.ifft2(smooth).real


def draw_lines(images: np.ndarray) -> Filtered:
    """Line drawings: outlines without texture, as soft dark lines on grey.

    The cartoon part of each image, at unit contrast, is what total-variation denoising leaves: surfaces stay, and
    texture finer than a twentieth of the width vanishes. What is coarser is shape at this scale. Contours of the
    cartoon are Canny's, with thresholds in units of the image's own contrast and not shares of its edges, so that an
    image of homogeneous texture yields nearly no line and comes out blank (and ``beyond``). Contrast is matched to the
    original. Time: 5 ms an image of 64 × 64 pixels; it grows with pixels.

    Parameters
    ----------
    images : (images, height, width)

    References
    ----------
    Rudin, Osher & Fatemi 1992, Physica D 60:259, and Chambolle 2004, J. Math. Imaging Vis. 20:89 (denoising);
    Aujol, Gilboa, Chan & Osher 2006, Int. J. Comput. Vis. 67:111 (cartoon and texture);
    Canny 1986, IEEE Trans. Pattern Anal. Mach. Intell. 8:679 (contours).
    """
    return match_contrast(np.stack([-_lines(image) for image in images]), images)


def shuffle_patches(images: np.ndarray, n: int, ids: np.ndarray, seed: int) -> Filtered:
    """Cut each image into ``n`` × ``n`` patches and let them change places, none staying where it was.

    Pixels that do not fill a patch, fewer than ``n`` a side, stay at the right and lower edge. Mean and contrast are
    the original's as they are.

    Parameters
    ----------
    images : (images, height, width)
    n : patches a side, 2 or more
    ids : (images,) numbers of the images in the recording: the same image is shuffled alike in any batch
    seed : int
    """
    height, width = (size // n for size in images.shape[1:])
    shuffled = np.array(images, np.float32)
    inside = shuffled[:, : n * height, : n * width]
    patches = inside.reshape(len(images), n, height, n, width).swapaxes(2, 3).reshape(len(images), n * n, height, width)
    moved = np.stack([of[_moving(_generator(seed, image), n * n)] for of, image in zip(patches, ids, strict=True)])
    inside[:] = moved.reshape(len(images), n, n, height, width).swapaxes(2, 3).reshape(inside.shape)
    return Filtered(shuffled, np.ones(len(images), np.float32), np.zeros(len(images), bool))


def _lines(image: np.ndarray) -> np.ndarray:
    """(height, width) 1 on a contour, falling to 0 beside it."""
    from scipy.ndimage import distance_transform_edt
    from skimage.feature import canny
    from skimage.restoration import denoise_tv_chambolle

    contrast = image.std()
    if contrast < MIN_CONTRAST:
        return np.zeros(image.shape)
    unit = (image.astype(np.float64) - image.mean()) / contrast
    weight = CARTOON_WEIGHT * image.shape[1]
    cartoon = denoise_tv_chambolle(unit, weight=weight, eps=CARTOON_STOP, max_num_iter=CARTOON_STEPS)
    contours = canny(cartoon, EDGE_SD_PX, SOBEL * EDGE_LOW, SOBEL * EDGE_HIGH, mode="nearest")
    if not contours.any():
        return np.zeros(image.shape)
    return np.exp(-(distance_transform_edt(~contours) ** 2) / (2 * LINE_SD_PX**2))


def _moving(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random cyclic order of ``n`` places: a permutation that moves everything."""
    order = rng.permutation(n)
    moved = np.empty(n, int)
    moved[order] = np.roll(order, -1)
    return moved


def _generator(seed: int, image: int) -> np.random.Generator:
    return np.random.default_rng((seed, int(image)))
