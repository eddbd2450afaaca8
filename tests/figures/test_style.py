import re
import subprocess
import sys

import pytest

from dina.figures.style import POSITION_DIGITS, STYLE, house_style, letter, page_figure, save

FIGURES = ("imaging", "responses", "training", "probing", "time_course", "ablation", "attribution")
HEAVY = {"torch", "suite2p", "sklearn", "captum"}
MIN_FONT_PT = 7


def draw(folder):
    with house_style():
        figure = page_figure(2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], "o", label="a label")
        axes.imshow([[0, 1], [1, 0]])
        axes.set_title("a title")
        letter(axes, "a")
        axes.legend()
        save(figure, folder, "example")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_bytes_each_time(tmp_path):
    first = draw(tmp_path / "one")
    assert set(first) == {"example.svg", "example.png"}
    assert draw(tmp_path / "two") == first


def test_panels_stand_at_rounded_places_and_stay_in_the_layout():
    with house_style():
        figure = page_figure(3)
        rows = figure.add_gridspec(2, 1)
        panels = [figure.add_subplot(part) for part in [*rows[0].subgridspec(1, 3), *rows[1].subgridspec(1, 2)]]
        for axes in panels:
            axes.set_ylabel("a label")
        for _ in range(2):
            figure.draw_without_rendering()
    for axes in panels:
        edges = axes.get_position(original=True).bounds
        assert [round(edge, POSITION_DIGITS) for edge in edges] == pytest.approx(edges, rel=0, abs=1e-15)
        assert axes.get_in_layout()
        assert axes.yaxis.label.get_window_extent().x0 > 0


def test_text_stays_text_without_dates(tmp_path):
    svg = draw(tmp_path)["example.svg"].decode()
    assert ">a label<" in svg and "<dc:date>" not in svg


def test_no_font_is_smaller_than_seven_points(tmp_path):
    sizes = [value for key, value in STYLE.items() if key.endswith("size") and ("label" in key or "font" in key)]
    assert min(sizes) >= MIN_FONT_PT
    svg = draw(tmp_path)["example.svg"].decode()
    assert min(float(size) for size in re.findall(r"font(?:-size)?: (?:\w+ )?([\d.]+)px", svg)) >= MIN_FONT_PT


@pytest.mark.parametrize("rc", [{"font.size": 3}, {"figure.dpi": 30}])
def test_the_users_own_style_changes_nothing(tmp_path, rc):
    import matplotlib as mpl

    expected = draw(tmp_path / "plain")
    with mpl.rc_context(rc):
        assert draw(tmp_path / "own") == expected


def test_drawing_needs_neither_torch_nor_suite2p():
    modules = ", ".join(f"dina.figures.{name}" for name in FIGURES)
    code = f"import sys, {modules}; heavy = {HEAVY} & set(sys.modules); assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", code], check=True)
