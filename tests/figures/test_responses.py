import numpy as np
import pytest

from dina.figures.responses import _draw_variance, _without_repeats, plot_responses, signed, signed_root
from dina.figures.style import house_style, page_figure
from dina.recordings.trials import read_trials
from tests.figures.conftest import write_responses


@pytest.mark.parametrize("repeats", [1, 2])
def test_same_bytes_with_and_without_repeats(tmp_path, repeats):
    store = write_responses(tmp_path / "responses", repeats=repeats)
    files = []
    for name in ("one", "two"):
        plot_responses(store, tmp_path / name)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert set(files[0]) == {"responses.svg", "responses.png"} and files[0] == files[1]
    text = files[0]["responses.svg"].decode()
    assert f"train: 40 images, {40 * repeats} trials" in text
    assert ("No image was shown twice" in text) == (repeats == 1)
    assert ("60 pairs of 60 images" in text) == ("signal variance, 25 neurons" in text) == (repeats == 2)
    assert "first and last quarter" in text


def test_without_repeats_there_is_no_empty_frame(tmp_path):
    store = write_responses(tmp_path / "responses", repeats=1)
    with house_style():
        figure = _without_repeats(read_trials(store), store)
    assert [axes.get_title("left").split("  ")[1] for axes in figure.axes] == [
        "trials by split",
        "first and last quarter",
    ]
    assert all(axes.has_data() for axes in figure.axes)


def test_the_legend_stands_above_the_bars():
    with house_style():
        figure = page_figure(2.5)
        axes = figure.subplots(1, 3)[0]
        _draw_variance(axes, np.linspace(0.6, 0.64, 50))
        figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().y0 > max(bar.get_window_extent().y1 for bar in axes.patches)


def test_a_single_pair_gives_no_signal_variance():
    with house_style():
        axes = page_figure(2.5).subplots()
        _draw_variance(axes, np.full(4, np.nan))
    assert axes.texts[0].get_text() == "too few images were shown twice" and not axes.spines["left"].get_visible()


def test_signed_root():
    assert signed_root(np.array([-4.0, 0, 9])).tolist() == [-2, 0, 3]


def test_signed():
    assert [signed(value) for value in (-0.126, 0.5, -0.001)] == ["−0.13", "+0.50", "0.00"]
