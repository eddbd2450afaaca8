"""Which measures of a plane's quality have a limit, and which of them lie beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dina.settings import QualitySettings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measure:
    """A column of the table of planes that has a limit.

    Attributes
    ----------
    name : str, the column
    label, short : str, its name in sentences, and where there is little room
    unit : str, as shown
    bound : which side of the limit is good; "within" means either way from 0
    setting : str, of ``QualitySettings``
    digits : int, decimals shown
    scale : float, what is shown per stored unit: 100 for shares
    drawn : bool, whether figure and overview have a column for it; the others are told where they are beyond
    """

    name: str
    label: str
    short: str
    unit: str
    bound: Literal["at most", "at least", "within"]
    setting: str
    digits: int
    scale: float = 1.0
    drawn: bool = True

    def text(self, value: float) -> str:
        """A value with its unit, a dash where none was measured."""
        return "–" if np.isnan(value) else f"{self.number(value)} {self.unit}".rstrip()

    def number(self, value: float) -> str:
        """A value as it is shown, without its unit."""
        return "–" if np.isnan(value) else f"{self.scale * value:.{self.digits}f}".replace("-", "−")

    def limit_text(self, limit: float) -> str:
        """The limit in words."""
        shown = f"{self.scale * limit:g} {self.unit}".rstrip()
        return f"within ±{shown}" if self.bound == "within" else f"{self.bound} {shown}"

    def limit_sign(self, limit: float) -> str:
        """The limit where there is little room."""
        sign = {"at most": "≤ ", "at least": "≥ ", "within": "±"}[self.bound]
        return f"{sign}{self.scale * limit:g} {self.unit}".rstrip()

    def beyond(self, values: np.ndarray, limit: float) -> np.ndarray:
        """Bool, where values lie on the wrong side of the limit; never where none was measured."""
        if self.bound == "at least":
            return values < limit
        return (np.abs(values) if self.bound == "within" else values) > limit


MEASURES = (
    Measure("displacement_p95_px", "displacement", "motion", "px", "at most", "max_displacement_somata", 1),
    Measure("masked_share", "masked frames", "masked", "%", "at most", "max_masked_share", 1, 100),
    Measure("crispness_ratio", "crispness gain", "crispness gain", "", "at least", "min_crispness_ratio", 2),
    Measure("residual_motion_px", "residual motion", "residual", "px", "at most", "max_residual_motion_px", 2),
    Measure(
        "residual_motion_p95_px", "residual motion, 95 %", "residual 95 %", "px", "at most", "max_residual_p95_px", 2
    ),
    Measure("intensity_change", "change of brightness", "brightness", "%", "within", "max_intensity_change", 1, 100),
    Measure("jump_share", "jumps of brightness", "jumps", "%", "at most", "max_jump_share", 2, 100),
    Measure("noise_level", "noise level", "noise", "%/√Hz", "at most", "max_noise_level", 2),
    Measure("signal_to_noise", "signal to noise", "signal to noise", "", "at least", "min_signal_to_noise", 1),
    Measure("n_neurons", "neurons", "neurons", "", "at least", "min_neurons", 0),
    Measure("continuity", "continuity of traces", "continuity", "", "at least", "min_continuity", 2, 1, False),
    Measure("clipped_share", "clipped pixels", "clipped", "%", "at most", "max_clipped_share", 4, 100, False),
    Measure("repeated_share", "repeated frames", "repeated", "%", "at most", "max_repeated_share", 1, 100, False),
    Measure("dark_share", "dark part of the field", "dark", "%", "at most", "max_dark_share", 1, 100, False),
    Measure(
        "bidirectional_offset_px", "offset of every other line", "lines", "px", "within", "max_line_offset_px",
        0, 1, False,
    ),
    Measure("persistence", "persistence of the tissue", "persistence", "", "at least", "min_persistence", 2, 1, False),
    Measure(
        "neighbour_likeness", "likeness of neighbouring frames", "order", "", "at least", "min_neighbour_likeness",
        2, 1, False,
    ),
)  # fmt: skip
DRAWN = tuple(measure for measure in MEASURES if measure.drawn)


def limits(settings: QualitySettings, diameter_px: float) -> pd.DataFrame:
    """One row a measure: ``measure``, ``label``, ``bound``, ``limit`` (in the unit of its column), and ``in_words``.

    Parameters
    ----------
    settings : QualitySettings
    diameter_px : float, of a soma
    """
    import pandas as pd

    table = pd.DataFrame(
        {"measure": m.name, "label": m.label, "bound": m.bound, "limit": float(getattr(settings, m.setting))}
        for m in MEASURES
    )
    table.loc[table["measure"] == "displacement_p95_px", "limit"] *= diameter_px
    return table.assign(in_words=[m.limit_text(limit) for m, limit in zip(MEASURES, table["limit"], strict=True)])


def limit_of(thresholds: pd.DataFrame) -> dict[str, float]:
    """Measure → limit."""
    return dict(zip(thresholds["measure"], thresholds["limit"], strict=True))


def beyond_limits(planes: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Bool, one row a plane and one column a measure: where the limit is exceeded."""
    import pandas as pd

    limit = limit_of(thresholds)
    return pd.DataFrame({m.name: m.beyond(planes[m.name].to_numpy(float), limit[m.name]) for m in MEASURES})


def flags(planes: pd.DataFrame, thresholds: pd.DataFrame) -> list[str]:
    """What is beyond its limit in each plane, with value and limit, or was not measured; empty where nothing is."""
    limit = limit_of(thresholds)
    beyond = beyond_limits(planes, thresholds)
    return [
        "; ".join(
            f"{m.label} not measured"
            if np.isnan(float(planes[m.name].iloc[row]))
            else f"{m.label} {m.text(float(planes[m.name].iloc[row]))} ({m.limit_text(limit[m.name])})"
            for m in MEASURES
            if beyond[m.name].iloc[row] or np.isnan(float(planes[m.name].iloc[row]))
        )
        for row in range(len(planes))
    ]
