"""Trials and images in an NWB file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.exports.nwb_planes import sampling
from dina.recordings.trials import TrialResponses, read_trials, split_names

if TYPE_CHECKING:
    from pynwb import NWBFile


def add_stimuli(file: NWBFile, responses: Path, duration_s: float | None) -> None:
    """Add the table of trials, the images, and which was shown when, to an open file.

    Images are as decoders see them, (x, y) as in the schema, 0 black to 1 white, at most 1 ms each to write; trials are
    those with a response. Without the duration of an image, a trial ends with its response window.

    Parameters
    ----------
    responses : store; it is read whole
    duration_s : time that an image is on, seconds, None where unknown
    """
    trials = read_trials(responses)
    _add_trials(file, responses, trials, duration_s)
    _add_images(file, trials)


def _add_trials(file: NWBFile, responses: Path, trials: TrialResponses, duration_s: float | None) -> None:
    from hdmf.common import VectorData
    from pynwb.epoch import TimeIntervals

    window_s = stores.read_attributes(responses).get("window_s", (0.0, 0.0))[1]
    lasts_s = duration_s or window_s
    ends = "when the image went off" if duration_s else "the end of the response window: no duration was given"
    category = np.array([*trials.category_names, ""])[trials.category]  # -1, unknown, takes the last
    columns = [
        ("start_time", "image onset, seconds", trials.onset_s),
        ("stop_time", f"{ends}, seconds", trials.onset_s + lasts_s),
        ("image_index", "image shown: its place in stimulus_images, from 0", trials.image_index),
        ("repeat", "how often the image was shown before", trials.repeat),
        ("split", "use in decoding", split_names(trials.split).tolist()),
        ("category", "of the image, empty where unknown", category[trials.image_index].tolist()),
    ]
    if stores.holds(responses, "behaviour"):
        behaviour = stores.read_table(responses, "behaviour")
        columns += [(f"behaviour_{name}", "from the stimulus log", behaviour[name].to_numpy()) for name in behaviour]
    file.trials = TimeIntervals(
        name="trials",
        description="one row a trial with a response",
        columns=[VectorData(name=name, description=about, data=values) for name, about, values in columns],
        id=list(range(len(trials.onset_s))),
    )


def _add_images(file: NWBFile, trials: TrialResponses) -> None:
    from pynwb.base import ImageReferences, Images
    from pynwb.image import GrayscaleImage, IndexSeries

    digits = len(str(len(trials.images) - 1))  # so that the names' order is the images' own
    pictures = [
        GrayscaleImage(name=f"image_{k:0{digits}}", data=image.T, description="0 black to 1 white, (x, y)")
        for k, image in enumerate(trials.images)
    ]
    images = Images(
        name="stimulus_images",
        images=pictures,
        description=f"images as decoders see them; degrees per pixel: {trials.degrees_per_pixel or 'unknown'}",
        order_of_images=ImageReferences(name="order_of_images", data=pictures),
    )
    file.add_stimulus_template(images)
    file.add_stimulus(
        IndexSeries(
            name="images_shown",
            description="which image came on when",
            data=trials.image_index.astype(np.uint32),
            unit="N/A",
            indexed_images=images,
            **sampling(trials.onset_s),
        )
    )
