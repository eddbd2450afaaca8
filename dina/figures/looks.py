"""How each decoder is named and drawn: one order, name, colour and marker in every figure and table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

KINDS = ("decoder", "reference", "baseline", "control")


@dataclass(frozen=True)
class Look:
    """A decoder as readers see it.

    Attributes
    ----------
    label : str, its name in legends and tables
    short : str, its name where there is little room
    colour : str, from the palette of Okabe & Ito, told apart by colour-blind readers
    marker : str, matplotlib's; tells decoders apart without colour
    kind : "decoder"; "reference", which has seen more than a decoder may, drawn dashed; or "baseline", which has
        not seen the response at all; or "control", which must sit at chance
    """

    label: str
    short: str
    colour: str
    marker: str
    kind: Literal["decoder", "reference", "baseline", "control"] = "decoder"


# Okabe & Ito 2008, Color Universal Design; their yellow is too faint for lines on white.
BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
# Their blue, yellow, green and vermillion, darker.
NAVY, BROWN, FOREST, MAROON = "#002F4A", "#7A6A00", "#00513C", "#6E3000"
BLACK, GREY, PALE = "#222222", "#767676", "#BDBDBD"

LOOKS = {
    "dina_ensemble": Look("DINA, ensemble of seeds", "DINA ensemble", SKY, "D"),
    "dina": Look("DINA", "DINA", BLUE, "o"),
    "dina_start": Look("DINA before contrastive training", "DINA, start", NAVY, "p"),
    "encoding": Look("encoding model", "encoding", GREEN, "s"),
    "core_readout": Look("core and Gaussian readout", "core, readout", FOREST, "d"),
    "cca": Look("canonical correlations with Gabor features", "CCA", BROWN, "h"),
    "cebra": Look("CEBRA", "CEBRA", MAROON, "H"),
    "gabor_ridge": Look("ridge to Gabor features", "Gabor ridge", ORANGE, "^"),
    "ridge": Look("ridge to pixels", "pixel ridge", PURPLE, "v"),
    "convolutional": Look("convolutional decoder", "convolutional", VERMILLION, "P"),
    "template": Look("repeat template (reference)", "template", GREY, "X", "reference"),
    "ideal_observer": Look("ideal observer (reference)", "ideal observer", BLACK, "*", "reference"),
    "dina_untrained": Look("DINA, random neural tower (control)", "untrained", GREY, "1", "control"),
    "dina_shuffled": Look("DINA, responses shuffled (control)", "shuffled", GREY, "2", "control"),
    "mean_image": Look("mean training image (baseline)", "mean image", GREY, "_", "baseline"),
    "random_image": Look("random training image (baseline)", "random image", GREY, "_", "baseline"),
    "phase_scrambled": Look("true image, phases scrambled (baseline)", "scrambled", GREY, "_", "baseline"),
    "pixels": Look("true pixels (baseline)", "true pixels", GREY, "_", "baseline"),
    "blurred_pixels": Look("blurred true pixels (baseline)", "blurred pixels", GREY, "_", "baseline"),
}

METHODS = {
    "integrated_gradients": Look("integrated gradients", "integrated", BLUE, "o"),
    "occlusion": Look("occlusion", "occlusion", VERMILLION, "s"),
    "smoothed_gradients": Look("smoothed gradients", "smoothed", GREEN, "^"),
    "edges": Look("edge detector (control)", "edges", BLACK, "x", "control"),
    "reliability": Look("reliability", "reliability", ORANGE, "v", "baseline"),
    "random": Look("random order", "random", GREY, "_", "baseline"),
}  # of attribution, and what stands beside them


def in_order(names: Iterable[str], *kinds: str) -> list[str]:
    """Those of ``names`` that are of these kinds (any, if none is given), in the order of every figure."""
    wanted = set(names)
    return [name for name, look in LOOKS.items() if name in wanted and look.kind in (kinds or KINDS)]


def written(value: float, digits: int) -> str:
    """A number as readers see it: with a true minus, and none for what rounds to 0."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
