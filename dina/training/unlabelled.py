"""Pictures without responses, on which an image tower is pretrained: none of them gives a held-out image away."""

from __future__ import annotations

import warnings

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.leaks import give_away
from dina.recordings.parts import photographs_that_show
from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses
from dina.settings import PretrainingSettings
from dina.settings.decoding import INSTALLED, RECORDING
from dina.simulate.crops import BLANK
from dina.simulate.photographs import Photograph, load_photographs
from dina.simulate.seeds import generator

SETTING = "dina.pretraining.photographs"
OWN = -1  # as a source: every training image is one by itself


def unlabelled_pictures(
    trials: TrialResponses, settings: PretrainingSettings, *, seed: int, device: str
) -> tuple[np.ndarray, list[str]]:
    """The recording's training images, crops of photographs, or both, less what shows a validation or test image.

    A photograph that shows a held-out image somewhere is left out whole, as is one of which a crop is nearly such an
    image or overlaps it; a training image is one picture.

    Parameters
    ----------
    device : as torch names it

    Returns
    -------
    pictures : (n, height, width) float32, in size, mean and contrast like the training images
    left_out : names of the photographs that are left out

    Raises
    ------
    InputError
        If photographs cannot be used, or what is left does not fill two batches.
    """
    own = trials.images[trials.image_ids(TRAIN)]
    if own.ndim != 3:
        remedy = "Empty it: clips have no pretraining."
        raise InputError(problem(SETTING, "a recording of clips", "one of still images", remedy))
    photographs = [
        photograph
        for where in settings.photographs
        if where != RECORDING
        for photograph in load_photographs(
            None if where == INSTALLED else where,
            smallest_px=settings.crop_px[0],
            longest_px=settings.longest_side_px,
            section="dina.pretraining",
        )
    ]
    parts, source = [np.empty((0, *own.shape[1:]), np.float32)], []
    if RECORDING in settings.photographs:
        parts.append(own)
        source += [OWN] * len(own)
    area = np.array([photograph.grey.size for photograph in photographs])
    for which, photograph in enumerate(photographs):
        rng = generator(seed, "pretraining", which)
        parts.append(random_crops(photograph, round(settings.n_crops * area[which] / area.sum()), own, settings, rng))
        source += [which] * len(parts[-1])
    pictures, source = np.concatenate(parts), np.array(source)
    held_out = trials.images[np.concatenate([trials.image_ids(VALIDATION), trials.image_ids(TEST)])]
    leaks = give_away(pictures, held_out, device)
    shows = photographs_that_show(held_out, [photograph.grey for photograph in photographs])
    told = np.union1d(source[leaks & (source != OWN)], np.flatnonzero(shows)).astype(int)
    kept = ~leaks & ~np.isin(source, told)
    left_out = [photographs[which].name for which in told]
    if left_out:
        names = ", ".join(left_out)
        warnings.warn(f"{SETTING}: {names} are left out, since they show validation or test images.", stacklevel=2)
    if kept.sum() < 2 * settings.batch_trials:
        found = f"{kept.sum()} pictures that show no validation or test image, of {len(kept)}"
        found += f" ({', '.join(left_out)} show some)" if left_out else ""
        expected = f"at least {2 * settings.batch_trials}, two batches"
        raise InputError(problem(SETTING, found, expected, "Name photographs that were not shown, or take more crops."))
    return pictures[kept], left_out


def random_crops(
    photograph: Photograph, n: int, like: np.ndarray, settings: PretrainingSettings, rng: np.random.Generator
) -> np.ndarray:
    """(at most n, height, width) crops of a photograph, half of them mirrored; blank ones are left out.

    Parameters
    ----------
    like : (images, height, width), whose size, mean and mean contrast they get
    """
    from PIL import Image

    height, width = like.shape[1:]
    level, contrast = like.mean(), like.std((1, 2)).mean()
    rows, columns = photograph.grey.shape
    smallest, largest = settings.crop_px
    largest = min(largest, rows, columns * height // width)
    picture, crops = Image.fromarray(photograph.grey), []
    for _ in range(n):
        down = int(np.exp(rng.uniform(np.log(smallest), np.log(max(largest, smallest) + 1))))
        right = max(1, down * width // height)
        top, left = rng.integers(0, (rows - down + 1, max(columns - right, 0) + 1))
        box = (left, top, left + right, top + down)
        crop = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box=box))
        mirrored = rng.random() < 0.5
        if crop.std() >= BLANK:
            crop = level + contrast * (crop - crop.mean()) / crop.std()
            crops.append(np.clip(crop[:, ::-1] if mirrored else crop, 0, 1))
    return np.array(crops, np.float32).reshape(-1, height, width)
