import pandas as pd
import pytest

from dina.errors import InputError
from dina.report.summary import summarise


def test_where_the_report_is_and_the_scores(results):
    (results / "report.html").touch()
    text = summarise(results)
    assert str((results / "report.html").resolve()) in text
    lines = {line.split("  ")[1]: line for line in text.splitlines() if line.startswith("  ") and line.strip()}
    assert "0.55 [0.50, 0.60]" in lines["DINA"] and "20 % [15, 25]" in lines["DINA"]
    assert "–" in lines["ideal observer"] and "0.01" in lines["chance"]
    assert text.index("DINA") < text.index("pixel ridge") < text.index("ideal observer")
    assert max(map(len, text.splitlines()[4:])) <= 120


def test_a_recording_without_stimuli_has_no_scores(results):
    (results / "report.html").touch()
    (results / "tables/scoreboard.csv").unlink()
    assert summarise(results).strip().startswith("Report: ")
    assert "Scores" not in summarise(results)


def test_before_the_first_run(tmp_path):
    with pytest.raises(InputError, match="snakemake"):
        summarise(tmp_path)


def test_columns_stay_apart_and_minus_is_a_minus(results):
    (results / "report.html").touch()
    path = results / "tables/scoreboard.csv"
    table = pd.read_csv(path)
    worse = table.assign(value=-0.17, ci_low=-0.27, ci_high=-0.09).query("decoder == 'ridge' and metric == 'top1'")
    averaged = worse.assign(trial_mode="averaged")
    rows = pd.concat([worse, averaged, averaged.assign(metric="pixel_correlation", chance=-0.03)])
    pd.concat([table.query("decoder != 'ridge'"), rows.assign(decoder="ridge")]).to_csv(path, index=False)
    text = summarise(results)
    ridge = next(line for line in text.splitlines() if "pixel ridge" in line)
    assert ridge.endswith("−0.17 [−0.27, −0.09]   –          –")
    assert ridge.count("−0.17 [−0.27, −0.09]   ") == 3
    assert "−0.03" in text and "-" not in text[text.index("pixel ridge") :]
    header = next(line for line in text.splitlines() if "top-1, averaged" in line)
    assert header.index("top-1, averaged") == ridge.index("−0.17", ridge.index("]"))
