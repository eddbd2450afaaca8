"""Analysis presets of calcium indicators: the decay that deconvolution assumes, and its lag.

Both were measured on mouse V1 with simultaneous electrophysiology (Chen et al. 2013; Theis et al. 2016;
Huang et al. 2021; the sets collected by Rupprecht et al. 2021), with suite2p's OASIS at 7.5 and 30 Hz.
Decays between 0.5 and 1.25 s do alike, and a shorter "physical" one for GCaMP8 does worse; what helps is
to correct the lag: OASIS knows no rise time, so its events trail the spikes of slow indicators.
"""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """Decay and lag, seconds."""

    tau_s: float
    lag_s: float


UNKNOWN = Preset(1.0, 0.0)  # suite2p's default decay
PRESETS = {
    "GCaMP6f": Preset(0.7, 0.04),
    "GCaMP6s": Preset(1.25, 0.10),
    "GCaMP7f": Preset(0.7, 0.04),  # not measured: kinetics as GCaMP6f's (Dana et al. 2019)
    "GCaMP8f": Preset(0.7, 0.0),
    "GCaMP8m": Preset(0.7, 0.0),
    "GCaMP8s": Preset(0.7, 0.0),
}


def tau_s(indicator: str | None) -> float:
    """Decay to deconvolve with, seconds; a middling one where the indicator is unknown."""
    return PRESETS.get(indicator, UNKNOWN).tau_s


def lag_s(indicator: str | None) -> float:
    """How far deconvolved events trail the spikes, seconds; 0 where the indicator is unknown."""
    return PRESETS.get(indicator, UNKNOWN).lag_s
