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
