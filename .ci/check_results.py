"""Is what `make run` made there, and sane? Exit 1 and say what is not."""

import sys
from pathlib import Path

import pandas as pd

results = Path(sys.argv[1])
report, table = results / "report.html", results / "tables" / "scoreboard.csv"
quality = results / "tables" / "quality.csv"
problems = [f"{path} is missing" for path in (report, table, quality) if not path.is_file()]
if not problems:
    if report.stat().st_size < 100_000 or "<img" not in report.read_text():
        problems.append(f"{report} holds no figures")
    flags = pd.read_csv(quality)["flags"].dropna()
    problems += [f"the simulated recording is flagged: {flag}" for flag in flags]
    scores = pd.read_csv(table)
    single = scores[(scores.metric == "top1") & (scores.trial_mode == "single")].set_index("decoder")
    expected = {"dina", "ridge", "gabor_ridge", "cca", "convolutional", "encoding", "template", "ideal_observer"}
    problems += [f"scoreboard lacks {name}" for name in sorted(expected - set(single.index))]
    if not problems:
        problems += [
            f"{row.Index}: top1 {row.value} outside 0 to 1" for row in single.itertuples() if not 0 <= row.value <= 1
        ]
        if single.value["dina"] <= 5 * single.chance["dina"]:
            problems.append("DINA is near chance")
        if single.value["dina"] > single.ci_high["ideal_observer"]:
            problems.append("DINA is above the ideal observer's upper limit")
benchmark = pd.read_csv(results / "decoding.csv").query("metric == 'top1'").set_index("decoder")["value"]
if benchmark["dina"] < 0.9 * benchmark["ideal_observer"]:
    problems.append(f"on the benchmark's population DINA reaches {benchmark['dina']}, below 0.9 of the ideal observer")
print("\n".join(problems) or "results are there and sane")
sys.exit(bool(problems))
