"""Results as a finished run leaves them: figures, captions, a scoreboard, benchmarks."""

import pandas as pd
import pytest

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
FIGURES = ("motion", "mean-image")


def row(decoder, metric, mode, value, *, chance=0.01, recording="mouse"):
    interval = {"ci_low": value - 0.05, "ci_high": value + 0.05}
    rest = {"trial_mode": mode, "pool_size": 100, "n": 100, "chance": chance}
    return {"recording": recording, "decoder": decoder, "metric": metric, "value": value, **interval, **rest}


@pytest.fixture
def results(tmp_path):
    results = tmp_path / "results"
    for recording in ("mouse", "movie"):
        (results / recording / "figures").mkdir(parents=True)
        for name in FIGURES:
            (results / recording / f"figures/{name}.png").write_bytes(PNG)
    for job, text in (
        ("mouse/benchmarks/probe.tsv", "12.5\t0:00:12\t900.0\t1\t1\t1\t0\t0\t99\t12.1\n"),
        ("mouse/plane-0/benchmarks/register_plane.tsv", "30.25\t0:00:30\t1100.0\t1\t1\t1\t0\t0\t99\t55.0\n"),
        ("movie/benchmarks/quick.tsv", "0.2\t0:00:00\t-\t-\t-\t-\t-\t-\t0\t0.1\n"),
    ):
        (results / job).parent.mkdir(parents=True, exist_ok=True)
        (results / job).write_text(HEADER + text)
    (results / "tables").mkdir()
    rows = [
        row("ridge", "top1", "single", 0.22),
        row("dina", "top1", "single", 0.55),
        row("dina", "top1", "averaged", 0.61),
        row("ideal_observer", "top1", "single", 0.82),
        row("ridge", "neurons_for_90pct", "single", 0.35, chance=float("nan")),
        row("dina", "neurons_for_90pct", "single", 0.2, chance=float("nan")),
    ]
    pd.DataFrame(rows).to_csv(results / "tables/scoreboard.csv", index=False)
    captions = tmp_path / "captions"
    captions.mkdir()
    for name in (*FIGURES, "scoreboard"):
        (captions / f"{name}.rst").write_text(f"Title of {name}\n\nWhat {name} shows.\n\n**Good:** a & b < c.\n")
    return results
