"""Presets of indicators."""

from typing import get_args

from dina.imaging.indicators import PRESETS, lag_s, tau_s
from dina.settings import Indicator


def test_every_indicator_of_the_settings_has_a_preset():
    assert set(PRESETS) == set(get_args(Indicator))
    assert all(0.3 <= tau_s(name) <= 2 and 0 <= lag_s(name) <= 0.2 for name in PRESETS)


def test_an_unknown_indicator_gets_a_middling_decay():
    assert (tau_s(None), lag_s(None)) == (1.0, 0.0)
