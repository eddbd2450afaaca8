"""Results as a finished run leaves them: figures, captions, a scoreboard, benchmarks."""

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.recordings.limits import limits
from dina.settings import DeconvolutionSettings, QualitySettings, RegistrationSettings

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
FIGURES = ("motion", "mean-image")
CLOCK = {"rate_error_ppm": 12.4, "offset_s": 3.5, "worst_residual_s": 0.0042, "n_events": 40}
CLOCK |= {"span_s": 500.0, "beyond_s": 120.0}
LINE = {"at_once": 0.2, "slope_per_hour": -0.3, "slope_low": -0.4, "slope_high": -0.2, "longest_s": 1200.0}
ONLY = "{% if simulated is not false %}"


SETTINGS = {
    "mouse": {
        "source": "movie",
        "indicator": "GCaMP6f",
        "structural_channel": 1,
        "registration": RegistrationSettings(align_by="structural").model_dump(),
        "deconvolution": DeconvolutionSettings().model_dump(),
        "seeds": [0, 1],
        "changed": {"responses.measure": ["dff", "deconvolved"], "session.min_evidence": [0.1, 0.06]},
        "overridden": ["responses.measure", "session.max_compactness"],
    },
    "movie": {
        "source": "movie",
        "indicator": None,
        "structural_channel": None,
        "registration": RegistrationSettings(non_rigid=False).model_dump(),
        "deconvolution": DeconvolutionSettings().model_dump(),
        "seeds": [0, 1],
        "changed": {},
        "overridden": [],
    },
}


def row(decoder, metric, mode, value, *, chance=0.01, recording="mouse"):
    interval = {"ci_low": value - 0.05, "ci_high": value + 0.05}
    rest = {"trial_mode": mode, "pool_size": 100, "n": 100, "chance": chance}
    return {"recording": recording, "decoder": decoder, "metric": metric, "value": value, **interval, **rest}


GOOD = {
    "displacement_p95_px": 3.0,
    "masked_share": 0.0,
    "crispness_ratio": 1.2,
    "residual_motion_px": 0.1,
    "residual_motion_p95_px": 0.2,
    "intensity_change": -0.05,
    "jump_share": 0.0,
    "noise_level": 2.0,
    "signal_to_noise": 9.0,
    "n_neurons": 40,
    "continuity": 0.5,
    "clipped_share": 0.0,
    "repeated_share": 0.0,
    "dark_share": 0.0,
    "bidirectional_offset_px": 0,
    "persistence": 1.0,
    "neighbour_likeness": 1.0,
}


def write_quality(folder, changes):
    """The ``quality`` store of planes, from their number to what differs from a good one."""
    table = pd.DataFrame({"plane": plane, **GOOD, **of} for plane, of in changes.items())
    with stores.new_store(folder / "quality") as store:
        stores.write_table(store, "planes", table.assign(flags=""))
        stores.write_table(store, "thresholds", limits(QualitySettings(), diameter_px=8.0))


def write_stores(folder, n_planes, length_s, n_test, n_images=None):
    """What the report tells of a recording; without test images, one without stimuli."""
    for plane in range(n_planes):
        with stores.new_store(folder / f"plane-{plane}/registered") as store:
            stores.write_attributes(store, {"n_dropped_pages": plane, "n_blocks": 9 if n_planes > 1 else 0})
        with stores.new_store(folder / f"plane-{plane}/activity") as store:
            stores.write_attributes(store, {"deconvolution": "oasis", "tau_s": 0.7 if n_planes > 1 else 1.0})
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "frame_time_s", np.tile(np.linspace(0, length_s, 50), (n_planes, 1)), unit="s")
        planes = {"planes": list(range(n_planes)), "height_px": 60, "width_px": 80, "volume_rate_hz": 7.5}
        stores.write_attributes(store, planes)
        table = pd.DataFrame({"rejected": ["", "too small", "too small", "not compact"]})
        stores.write_table(store, "rois", table.assign(red=True) if n_planes > 1 else table)
    if n_test:
        with stores.new_store(folder / "stimuli") as store:
            stores.write_attributes(store, {"n_near_duplicates_across_splits": 3, "n_overlapping_across_splits": 2})
        with stores.new_store(folder / "responses") as store:
            stores.write_array(store, "split", np.repeat([0, 1, 2], (30, 5, n_test)))
            stores.write_array(store, "image_index", np.arange(35 + n_test) % (n_images or 35 + n_test))
            stores.write_array(store, "onset_s", np.linspace(10, 700, 35 + n_test), unit="s")
            stores.write_array(store, "signal_variance", np.full(4, 0.01))
            stores.write_table(store, "behaviour", pd.DataFrame({"running_cm_s": [0.0], "pupil_area": [1.0]}))
            stores.write_attributes(
                store,
                {
                    "split_names": ["train", "validation", "test"],
                    "reliability_source": "none: too few training repeats",
                    "measure": "dff",
                    "window_s": [0.1, 0.7],
                    "baseline_s": [-0.3, 0.0],
                    "lag_s": 0.04,
                    "n_masked_trials": 4,
                    "clock": CLOCK,
                    "drift": {"level_change_sd": -0.4, "line": LINE},
                },
            )


@pytest.fixture
def results(tmp_path):
    results = tmp_path / "results"
    for recording in ("mouse", "movie"):
        (results / recording / "figures").mkdir(parents=True)
        for name in FIGURES:
            (results / recording / f"figures/{name}.png").write_bytes(PNG)
    (results / "mouse/figures/across-recordings.png").write_bytes(PNG)
    for job, text in (
        ("mouse/benchmarks/probe.tsv", "12.5\t0:00:12\t900.0\t1\t1\t1\t0\t0\t99\t12.1\n"),
        ("mouse/plane-0/benchmarks/register_plane.tsv", "30.25\t0:00:30\t1100.0\t1\t1\t1\t0\t0\t99\t55.0\n"),
        ("movie/benchmarks/quick.tsv", "0.2\t0:00:00\t-\t-\t-\t-\t-\t-\t0\t0.1\n"),
    ):
        (results / job).parent.mkdir(parents=True, exist_ok=True)
        (results / job).write_text(HEADER + text)
    write_stores(results / "mouse", n_planes=2, length_s=1400, n_test=12)
    write_stores(results / "movie", n_planes=1, length_s=16, n_test=0)
    write_quality(results / "mouse", {0: {}, 1: {}})
    faults = {"residual_motion_px": 0.8, "noise_level": float("nan")}
    write_quality(results / "movie", {0: {"intensity_change": -0.4}, 3: {"intensity_change": -0.55} | faults})
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
    verdict = {"recording": "mouse", "trial_mode": "single", "effect": 0.49, "ci_low": 0.44, "ci_high": 0.53, "n": 12}
    verdict |= {"crossing": 0.06, "crossing_low": 0.05, "crossing_high": 0.07, "cutoff_unit": "cycles/deg", "p": 0.0005}
    verdicts = [verdict | {"question": "coarse or fine", "verdict": "coarse", "condition": "frozen"}]
    pd.DataFrame(verdicts).to_csv(results / "tables/verdicts.csv", index=False)
    captions = tmp_path / "captions"
    captions.mkdir()
    for name in (*FIGURES, "scoreboard", "quality-table", "across-recordings"):
        text = f"Title of {name}\n\nWhat {name} shows.{ONLY} What is known.{{% endif %}}\n\n**Good:** a & b < c.\n"
        (captions / f"{name}.rst").write_text(text)
    return results
