import numpy as np
import pytest

from dina.recordings.limits import MEASURES, limits
from dina.settings import QualitySettings

BY_NAME = {measure.name: measure for measure in MEASURES}


@pytest.mark.parametrize(
    ("name", "values", "limit", "beyond"),
    [
        ("noise_level", [7.9, 8.0, 8.1, np.nan], 8, [False, False, True, False]),
        ("signal_to_noise", [3.9, 4.0, 4.1, np.nan], 4, [True, False, False, False]),
        ("intensity_change", [-0.31, -0.3, 0.3, 0.31], 0.3, [True, False, False, True]),
    ],
)
def test_the_wrong_side_of_a_limit(name, values, limit, beyond):
    assert BY_NAME[name].beyond(np.array(values), limit).tolist() == beyond


@pytest.mark.parametrize(
    ("name", "value", "text", "limit", "words", "sign"),
    [
        ("masked_share", 0.123, "12.3 %", 0.1, "at most 10 %", "≤ 10 %"),
        ("intensity_change", -0.4, "−40.0 %", 0.3, "within ±30 %", "±30 %"),
        ("n_neurons", 7.0, "7", 10.0, "at least 10", "≥ 10"),
        ("noise_level", float("nan"), "–", 8.0, "at most 8 %/√Hz", "≤ 8 %/√Hz"),
    ],
)
def test_numbers_as_readers_see_them(name, value, text, limit, words, sign):
    measure = BY_NAME[name]
    assert (measure.text(value), measure.limit_text(limit), measure.limit_sign(limit)) == (text, words, sign)


def test_every_limit_is_a_setting_and_every_setting_is_used():
    used = {measure.setting for measure in MEASURES} | {"jump_sd", "jump_window_s"}
    assert used == set(QualitySettings.model_fields)
    table = limits(QualitySettings(), diameter_px=8).set_index("measure")
    assert list(table.index) == [measure.name for measure in MEASURES]
    assert table.loc["displacement_p95_px", ["limit", "in_words"]].tolist() == [12, "at most 12 px"]
