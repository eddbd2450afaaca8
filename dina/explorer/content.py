"""What the explorer shows: pictures, maps and neurons of one recording, small enough to lie inside the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.attribution.shares import shares_of_match
from dina.recordings.trials import read_trials

MOST_IMAGES = 300  # test images that can be chosen, evenly spread over all; their pictures are 4 kB each
MOST_NEURONS = 60  # of a latent
PLANE_PX = 512  # longer side of an imaging plane's picture
DARK, BRIGHT = 1, 99.5  # percentiles of the mean image that become black and white
DIGITS = 4  # significant ones, of numbers in the page: more than a screen shows


def content(
    responses: Path, session: Path | None, pixels: Path, neurons: Path, latents: Path, reconstruction: Path
) -> dict[str, Any]:
    """Everything that the page needs, as plain values.

    Latent values, what decided each image and its reconstruction are those of DINA's first seed. Size grows with the
    neurons (0.3 kB each), the latents and the images, of which at most ``MOST_IMAGES`` can be chosen.

    Parameters
    ----------
    responses, session : stores of the recording; None for a session where responses were imported: neurons then lie as
        their table says, or in its order
    pixels, neurons, latents : stores of the attributions
    reconstruction : store of the probe

    Returns
    -------
    dict with the keys closed_set, neurons, planes, places (where neurons are drawn, in words), latents, images,
    pictures, field (how maps of receptive fields lie)
    """
    trials = read_trials(responses)
    decided = stores.read_table(neurons, "images")
    chosen = np.unique(np.linspace(0, len(decided) - 1, min(len(decided), MOST_IMAGES)).round().astype(int))
    images = _images(neurons, reconstruction, decided, chosen)
    table, planes, places = _places(stores.read_table(responses, "neurons"), session)
    shown = {image for of in images for image in (of["image"], *of["candidates"])}
    return {
        "closed_set": trials.is_closed_set,
        "neurons": _neurons(table, neurons),
        "planes": planes,
        "places": places,
        "latents": _latents(pixels, neurons, latents),
        "images": images,
        "pictures": {int(image): png(trials.images[image]) for image in sorted(shown)},
        "field": {
            "positions": stores.open_array(neurons, "field_energy").shape[1],
            "degrees_per_pixel": trials.degrees_per_pixel,
            "height_px": trials.images.shape[1],
            "width_px": trials.images.shape[2],
        },
    }


def png(picture: np.ndarray) -> str:
    """A grey picture (height, width), 0 black to 1 white, as a data address."""
    from PIL import Image

    stream = io.BytesIO()
    grey = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(grey).save(stream, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def packed(values: np.ndarray) -> str:
    """Values from 0 up as bytes of their share in the maximum, row by row, in base64."""
    highest = max(float(values.max(initial=0)), np.finfo(np.float32).tiny)
    return base64.b64encode((values / highest * 255).round().astype(np.uint8).tobytes()).decode()


def _neurons(table: pd.DataFrame, attribution: Path) -> dict[str, Any]:
    """Columns of all neurons: plane, ROI and place, reliability, part in the match, receptive field."""
    fields = stores.read_table(attribution, "receptive_fields")
    centres = fields[fields["method"] == "dina"].set_index("neuron").sort_index()
    energy = stores.read_array(attribution, "field_energy")
    return {
        "plane": table["plane"].tolist(),
        "roi": table["roi"].tolist(),
        "x_px": _numbers(table["x_px"]),
        "y_px": _numbers(table["y_px"]),
        "reliability": _numbers(table["reliability"]),
        "signal_variance": _numbers(table["signal_variance"]),
        "match": _numbers(shares_of_match(stores.read_array(attribution, "match_importance"))),
        "centre_x_px": _numbers(centres["x_px"]),
        "centre_y_px": _numbers(centres["y_px"]),
        "field": [packed(of) for of in energy],
    }


def _places(table: pd.DataFrame, session: Path | None) -> tuple[pd.DataFrame, list[dict[str, Any]], str]:
    """Neurons with their places in pixels, the planes that they lie on, and what these are."""
    if session is not None:
        return table, _planes(session), "on the imaging planes"
    if {"x_um", "y_um"} <= set(table):
        x, y = table["x_um"].to_numpy(np.float64), table["y_um"].to_numpy(np.float64)
        words = "where their table has them"
    else:
        order = np.arange(len(table))
        columns = int(np.ceil(np.sqrt(len(table))))
        x, y = (order % columns).astype(np.float64), (order // columns).astype(np.float64)
        words = "in the order of the data, row by row: where they lie is not known"
    scale = (PLANE_PX - 1) / max(np.ptp(x), np.ptp(y), np.finfo(np.float32).tiny)
    width, height = (int(np.ptp(axis) * scale) + 1 for axis in (x, y))
    blank = png(np.full((height, width), 0.5))
    planes = [
        {"plane": int(number), "height_px": height, "width_px": width, "png": blank}
        for number in np.unique(table["plane"])
    ]
    return table.assign(x_px=(x - x.min()) * scale, y_px=(y - y.min()) * scale), planes, words


def _planes(session: Path) -> list[dict[str, Any]]:
    """The imaging planes' mean images."""
    about = stores.read_attributes(session)
    planes = []
    for number, mean in zip(about["planes"], stores.read_array(session, "mean_image"), strict=True):
        dark, bright = np.percentile(mean, (DARK, BRIGHT))
        step = -(-max(mean.shape) // PLANE_PX)
        picture = (mean[::step, ::step] - dark) / max(bright - dark, np.finfo(np.float32).tiny)
        planes.append({"plane": number, "height_px": mean.shape[0], "width_px": mean.shape[1], "png": png(picture)})
    return planes


def _latents(pixels: Path, neurons: Path, latents: Path) -> list[dict[str, Any]]:
    """Each latent's place, agreement and image regions; the neurons that make it or rebuild it; their pairs."""
    table = stores.read_table(neurons, "latents")
    rebuilt, members = (stores.read_table(latents, name).query("target == 'neural'") for name in ("latents", "members"))
    rebuilt = rebuilt.set_index("unit")
    pairs = dict(list(stores.read_table(neurons, "interactions").groupby("latent")))
    saliency, importance = stores.read_array(pixels, "latent_saliency"), stores.read_array(neurons, "latent_importance")
    return [
        {
            "channel": int(of.channel),
            "row": int(of.row),
            "column": int(of.column),
            "agreement": _number(of.agreement),
            "saliency": packed(region),
            "neurons": (strongest := np.argsort(-shares, kind="stable")[:MOST_NEURONS]).tolist(),
            "shares": _numbers(shares[strongest]),
            "members": members.loc[members["unit"] == of.unit, "neuron"].tolist(),
            "r2_members": _number(rebuilt["r2_set"].get(of.unit)),
            "r2_all": _number(rebuilt["r2_all"].get(of.unit)),
            "pairs": _pairs(pairs.get(latent)),
        }
        for latent, (of, region, shares) in enumerate(zip(table.itertuples(), saliency, importance, strict=True))
    ]


def _pairs(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """Interactions of a latent's neurons beyond additive surrogates' mean; None where they were not tested."""
    if table is None:
        return None
    columns = ("q", "signal_correlation", "noise_correlation")
    return {
        "first": table["neuron_i"].tolist(),
        "second": table["neuron_j"].tolist(),
        "significant": table["significant"].tolist(),
        "strength": _numbers(table["strength"] - table["null_mean"]),
        **{name: _numbers(table[name]) for name in columns},
    }


def _images(neurons: Path, reconstruction: Path, decided: pd.DataFrame, chosen: np.ndarray) -> list[dict[str, Any]]:
    """Each chosen test image: candidates, what was reconstructed, and the neurons that decided."""
    candidate, similarity, neuron, part = (
        stores.read_array(neurons, name)[chosen]
        for name in ("candidate", "candidate_similarity", "deciding_neuron", "deciding_part")
    )
    pictures = stores.read_array(reconstruction, "dina_pictures")[chosen]
    return [
        {
            "image": int(of.image),
            "rank": int(of.rank),
            "rival": int(of.rival),
            "candidates": candidate[row].tolist(),
            "similarity": _numbers(similarity[row]),
            "reconstruction": png(pictures[row]),
            "neurons": neuron[row].tolist(),
            "parts": _numbers(part[row]),
        }
        for row, of in enumerate(decided.iloc[chosen].itertuples())
    ]


def _number(value: float | None) -> float | None:
    """A plain number; none, or one that is not finite, becomes null."""
    return None if value is None else _numbers([value])[0]


def _numbers(values: Any) -> list[float | None]:
    """Plain numbers; what is none, or infinite, becomes null."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values, np.float64)]
