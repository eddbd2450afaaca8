import ast
import html
import re
from pathlib import Path

import pandas as pd
import pytest
from jinja2 import Template

from dina.report.page import write_report
from dina.report.scores import read_boards
from tests.report.conftest import FIGURES, SETTINGS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page(results):
    recordings = {
        name: [str(results / name / f"figures/{figure}.png") for figure in FIGURES] for name in ("mouse", "movie")
    }
    output, benchmarks = results / "report.html", results / "tables/benchmarks.csv"
    captions = results.parent / "captions"
    write_report(
        results,
        recordings,
        output,
        benchmarks,
        scoreboard=results / "tables/scoreboard.csv",
        verdicts=results / "tables/verdicts.csv",
        across=results / "mouse/figures/across-recordings.png",
        captions=captions,
        simulated=["mouse"],
        settings=SETTINGS,
    )
    return output.read_text(encoding="utf-8")


def test_it_opens_offline(page):
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?\s*(https?:)?//", page)
    assert "<script" not in page and "@import" not in page
    assert all(target.startswith("data:image/png;base64,") for target in re.findall(r'src="([^"]*)', page))


def test_every_figure_and_caption_in_the_order_of_the_road(page):
    for section in page.split("<section")[1:]:
        titles = re.findall(r"<h3[^>]*>(.*?)</h3>", section)
        assert [title for title in titles if title.startswith("Title of m")] == [f"Title of {name}" for name in FIGURES]
        for name in FIGURES:
            assert f"What {name} shows." in section
    assert page.index("Title of across-recordings") < page.index("<section")
    assert page.count("<img") == 5 and "<strong>Good:</strong> a &amp; b &lt; c." in page


def test_links_lead_somewhere(page):
    targets = re.findall(r'href="#([^"]*)"', page)
    assert targets and set(targets) <= set(re.findall(r'id="([^"]*)"', page))


def test_scores_and_the_best_of_them(page):
    mouse, movie = page.split("<section")[1:]
    assert "among 100 test images" in mouse and "0.55 <small>[0.50, 0.60]</small>" in mouse
    best = re.findall(r'class="best">(\S+)', mouse)
    assert best == ["0.55", "0.61", "20"]  # the ideal observer is a reference; fewer neurons are better
    assert "the road ends at the session" in movie and "<th>among" not in movie


def test_verdicts_stand_before_the_figures_they_rest_on(results):
    figure = results / "mouse/figures/frequency-ablation.png"
    figure.write_bytes((results / f"mouse/figures/{FIGURES[0]}.png").read_bytes())
    captions = results.parent / "captions"
    (captions / "frequency-ablation.rst").write_text("Title of frequencies\n\nShown.\n")
    output = results / "report.html"
    rest = {"scoreboard": None, "across": None, "captions": captions, "simulated": [], "settings": SETTINGS}
    verdicts = results / "tables/verdicts.csv"
    write_report(results, {"mouse": [str(figure)]}, output, results / "b.csv", verdicts=verdicts, **rest)
    section = output.read_text(encoding="utf-8").split("<section")[1]
    table = section.index("<strong>coarse</strong>")
    assert section.index('id="mouse-verdicts"') < table < section.index("Title of frequencies</h3>")
    assert "0.49 [0.44, 0.53], p &lt; 0.001, 12 images; equal at 0.06 [0.05, 0.07] cycles/deg" in section
    assert "<td>–</td></tr>" in section  # not fitted anew


def test_the_share_of_the_ceiling_stands_where_it_is_known(page, results):
    assert "of the ceiling" not in page
    path = results / "tables/scoreboard.csv"
    share = pd.read_csv(path).query("decoder == 'dina' and trial_mode == 'single' and metric == 'top1'")
    pd.concat([pd.read_csv(path), share.assign(metric="top1_of_ceiling", value=0.67)]).to_csv(path, index=False)
    board = read_boards(path)["mouse"]
    column = [headline.metric for headline in board.headlines].index("top1_of_ceiling")
    assert board.rows["dina"][column].text == "67 %" and board.rows["ideal_observer"][column] is None


def test_table_of_benchmarks(page, results):
    table = pd.read_csv(results / "tables/benchmarks.csv")
    assert table["job"].tolist() == ["plane-0/register_plane", "probe", "quick"]
    assert table["seconds"].tolist() == [30.25, 12.5, 0.2]
    assert "42.8" not in page and "took 43 s in all" in page and ">nan<" not in page


def test_every_figure_of_the_workflow_has_a_caption():
    rules = (ROOT / "workflow/rules/figures.smk").read_text()
    figures = ast.literal_eval(rules[rules.index("{") : rules.index("}") + 1])
    names = {name for stop in figures.values() for name in stop} | {"scoreboard", "quality-table", "across-recordings"}
    assert names == {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}


def test_captions_are_written_for_readers():
    captions = sorted((ROOT / "workflow/report").glob("*.rst"))
    assert captions
    for path in captions:
        title, blank, *rest = path.read_text(encoding="utf-8").splitlines()
        assert title and not blank and not title.endswith("."), path
        words = ["**Good:**", "**Bad:**", "**Then:**"]
        assert [line.split(" ")[0] for line in rest if line.startswith("**")] == words, path
        text = re.sub(r"{% (if simulated is (not )?false|endif) %}", "", "\n".join(rest))
        assert "{" not in text, path  # snakemake renders captions as templates
        assert "simulation" not in Template("\n".join(rest)).render(simulated=False).lower(), path


def test_what_holds_for_simulations_is_told_of_simulations_alone(page):
    mouse, movie = page.split("<section")[1:]
    assert "simulated data" in mouse and "What is known." in mouse
    assert "simulated data" not in movie and "What is known." not in movie


def test_what_is_beyond_its_limit_is_marked_in_the_overview(page):
    overview = page.split("<section")[0].split('id="quality"')[1]
    lines = [line for line in overview.split("<tr>") if 'href="#' in line]
    assert [re.findall(">([^<]+)</a></td><td>([0-9]+)<", line)[0] for line in lines] == [
        ("mouse", "0"),
        ("mouse", "1"),
        ("movie", "0"),
        ("movie", "3"),
    ]
    beyond = [re.findall('class="beyond">([^<]*)', line) for line in lines]
    assert beyond == [[], [], ["−40.0"], ["0.80", "−55.0"]]
    assert 'title="limit ±30 %"' in lines[0] and ">–<" in lines[3]
    assert "<td>≤ 0.5 px</td>" in overview and "by recording" not in overview
    assert "What quality-table shows." in overview


def test_what_is_beyond_its_limit_is_among_the_cautions(page):
    mouse, movie = (re.findall("<li>([^<]*)</li>", section.split("<nav")[0]) for section in page.split("<section")[1:])
    assert not any("should be" in caution for caution in mouse)
    assert movie[1:3] == [
        "Residual motion in plane 3: 0.80 px, should be at most 0.5 px.",
        "Change of brightness in planes 0, 3: −55.0 % at worst, should be within ±30 %.",
    ]


def test_facts_and_cautions_stand_above_the_figures(page):
    mouse, movie = (section.split("<h3")[0] for section in page.split("<section")[1:])
    assert "2 planes of 60 × 80 px, 7.5 Hz, 23.3 min" in mouse
    assert "1 of 4 ROIs accepted as neurons (left out: 2 too small, 1 not compact)" in mouse
    assert "47 trials of 47 images (30 train, 5 validation, 12 test)" in mouse
    cautions = re.findall("<li>([^<]*)</li>", mouse.split("<nav")[0])
    told = (
        "1 frame at the movie's end",
        "shown at 700 s of a movie of 1400 s",
        "12 test images",
        "No test image was shown twice",
        "Too few training",
        "0.01 on",
        "4 trials overlapped masked frames",
        "Onsets reach 120 s beyond the clock events, which span 500 s",
        "showings of an image 20.0 min apart correlate by 50% less than at once (a loss above 25% is told)",
        "responses fall by 0.40 s.d.",
        "3 images of the split have a near-duplicate",
        "2 images of the split have an overlapping crop",
    )
    assert [part in caution for part, caution in zip(told, map(html.unescape, cautions), strict=True)] == [True] * len(
        told
    )
    assert "(movie = 3.500 s + 1.000012 × log, worst residual 4.2 ms)" in mouse
    assert (
        "1 of 1 neuron red in the structural channel" in mouse and "red in the structural" not in movie.split("<nav")[0]
    )
    assert "behaviour carried along: running_cm_s, pupil_area" in mouse
    assert "The movie lasts 16 s" in movie and "trial" not in movie.split("<nav")[0]


def test_methods_in_a_sentence(page):
    mouse, movie = (re.search(r"Methods\.</strong> (.*?)</p>", part)[1] for part in page.split("<section")[1:])
    assert mouse == (
        "Indicator GCaMP6f; registration by suite2p (non-rigid, 9 blocks of at most 96 px, measured in the structural "
        "channel); neuropil subtracted with a coefficient of 0.7; baseline of dF/F in windows of 60 s; deconvolution "
        "by OASIS with a tau of 0.7 s; responses: mean dF/F from 0.10 to 0.70 s after image onset, less that from "
        "−0.30 to 0.00 s, windows delayed by a lag of 0.04 s; 1 neuron."
    )
    assert movie.startswith("Indicator not stated; registration by suite2p (rigid);") and "responses" not in movie


def test_settings_that_are_not_the_defaults(page):
    mouse, movie = (part.split("<nav")[0] for part in page.split("<section")[1:])
    assert "<summary>2 settings not at the default (1 by recordings/mouse.yaml)</summary>" in mouse
    assert (
        "<td>responses.measure</td><td>&#34;dff&#34;</td><td>&#34;deconvolved&#34;</td><td>recordings/mouse.yaml"
        in mouse
    )
    assert "<td>session.min_evidence</td><td>0.1</td><td>0.06</td><td>the configuration" in mouse
    assert "<details" not in movie and "All settings are the defaults." in movie


def test_an_indicator_that_is_not_stated_calls_for_caution(page):
    mouse, movie = (part.split("<nav")[0] for part in page.split("<section")[1:])
    assert "The indicator is not stated: a decay (tau) of 1 s" in movie and "not stated" not in mouse
