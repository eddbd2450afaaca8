"""Pictures as pixel decoders see them: small, and around the mean training image."""

from __future__ import annotations

import numpy as np


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """(n, size²) block means of (n, height, width) images; interpolated where blocks do not fit."""
    n, height, width = images.shape
    if height % size == 0 and width % size == 0:
        blocks = images.reshape(n, size, height // size, size, width // size)
        return blocks.mean((2, 4), dtype=np.float32).reshape(n, -1)
    from skimage.transform import resize

    small = [resize(image, (size, size), anti_aliasing=True) for image in images]
    return np.stack(small).astype(np.float32).reshape(n, -1)
