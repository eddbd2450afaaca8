"""How each decoder is named and drawn: one order, name, colour and marker in every figure and table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """A decoder as readers see it.

    Attributes
    ----------
    label : str, its name in legends and tables
    short : str, its name where there is little room
    colour : str, from the palette of Okabe & Ito, told apart by colour-blind readers
    marker : str, matplotlib's; tells decoders apart without colour
    reference : bool, whether it has seen more than a decoder may; drawn dashed
    """

    label: str
    short: str
    colour: str
    marker: str
    reference: bool = False


# Okabe & Ito 2008, Color Universal Design; their yellow is too faint for lines on white.
BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
BLACK, GREY, PALE = "#222222", "#767676", "#BDBDBD"

LOOKS = {
    "dina_ensemble": Look("DINA, ensemble of seeds", "DINA ensemble", SKY, "D"),
    "dina": Look("DINA", "DINA", BLUE, "o"),
    "encoding": Look("encoding model", "encoding", GREEN, "s"),
    "gabor_ridge": Look("ridge to Gabor features", "Gabor ridge", ORANGE, "^"),
    "ridge": Look("ridge to pixels", "pixel ridge", PURPLE, "v"),
    "convolutional": Look("convolutional decoder", "convolutional", VERMILLION, "P"),
    "template": Look("repeat template (reference)", "template", GREY, "X", reference=True),
    "ideal_observer": Look("ideal observer (reference)", "ideal observer", BLACK, "*", reference=True),
}


def present(names: set[str]) -> list[str]:
    """Those decoders among ``names`` that have a look, in the order of every figure."""
    return [name for name in LOOKS if name in names]
