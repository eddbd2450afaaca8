"""One chain from a plane's TIFF files to deconvolved activity, dina's or suite2p's own, alone in this process.

Started by ``benchmarks/imaging.py`` with everything it needs as JSON. What each stage took, and the peak of resident
memory after it, goes into ``measures.json`` in the output folder. Nothing is imported before the clock runs, so that
the imports of one chain are never put down to the other.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

# run_s2p has no seams between its stages, but its log says when the next one begins
NEXT_STAGE = {
    "----------- ROI DETECTION": "registration",
    "----------- EXTRACTION": "detection",
    "----------- SPIKE DECONVOLUTION": "extraction",
}


class Measures:
    """Seconds since the last mark, and the peak of resident memory so far, by stage."""

    def __init__(self):
        self.stages: dict[str, dict[str, float]] = {}
        self._last = time.monotonic()

    def mark(self, stage: str) -> None:
        """A stage ends here."""
        now = time.monotonic()
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.stages[stage] = {"seconds": now - self._last, "peak_mb": peak_mb}
        self._last = now


class MarkingHandler(logging.Handler):
    """Marks the end of a stage where suite2p's log announces the next."""

    def __init__(self, measures: Measures):
        super().__init__()
        self._measures = measures

    def emit(self, record: logging.LogRecord) -> None:
        """Mark, if the record is such an announcement."""
        ended = NEXT_STAGE.get(record.getMessage())
        if ended is not None:
            self._measures.mark(ended)


def main() -> None:
    """Run the chain that the one argument describes."""
    job = json.loads(sys.argv[1])
    output = Path(job["output"])
    output.mkdir(parents=True)
    measures = Measures()
    (run_dina if job["chain"] == "dina" else run_suite2p)(job, output, measures)
    (output / "measures.json").write_text(json.dumps(measures.stages, indent=1))


def run_dina(job: dict[str, Any], output: Path, measures: Measures) -> None:
    """The four stages of a plane, one after another, with threads and allocator as in the workflow."""
    from dina.imaging import registration, suite2p
    from dina.imaging.deconvolution import deconvolve_traces
    from dina.imaging.rois import detect_rois
    from dina.imaging.traces import extract_traces
    from dina.settings import AcquisitionInfo, Settings
    from dina.stage import _keep_freed_memory
    from dina.threads import limit_threads

    limit_threads(job["threads"])
    _keep_freed_memory()
    suite2p.load()
    measures.mark("imports")
    settings = Settings.model_validate(job["settings"])
    acquisition, indicator = AcquisitionInfo.model_validate(job["acquisition"]), job["indicator"]
    movie = sorted(Path(job["movie"]).glob("*.tif"))
    registered, rois, traces, activity = (output / name for name in ("registered", "rois", "traces", "activity"))
    cut = suite2p_cut if job["suite2p_cut"] else registration.visible_range
    with patch.object(registration, "visible_range", cut):
        registration.register_plane(movie, registered, 0, acquisition, settings.registration, n_threads=job["threads"])
    measures.mark("registration")
    detect_rois(registered, rois, settings.detection, job["cell_diameter_um"], indicator)
    measures.mark("detection")
    extract_traces(registered, rois, traces, settings.extraction)
    measures.mark("extraction")
    deconvolve_traces(traces, activity, settings.deconvolution, indicator)
    measures.mark("deconvolution")


def suite2p_cut(registered: dict, shape: tuple[int, int, int]) -> tuple[list[int], list[int]]:
    """What suite2p takes to be always visible: it cuts as much on one side as on the other."""
    return registered["yrange"], registered["xrange"]


def run_suite2p(job: dict[str, Any], output: Path, measures: Measures) -> None:
    """``run_s2p`` on the same files."""
    import suite2p
    import torch

    torch.set_num_threads(job["threads"])  # as many as the environment says, which the import forgot
    measures.mark("imports")
    logger = logging.getLogger("suite2p")
    logger.setLevel(logging.INFO)
    logger.addHandler(MarkingHandler(measures))
    db = suite2p.default_db() | {"data_path": [job["movie"]], "save_path0": str(output)}
    suite2p.run_s2p(db=db, settings=_merged(suite2p.default_settings(), job["settings"]))
    measures.mark("deconvolution")


def _merged(defaults: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested settings with some changed; suite2p itself silently ignores what it does not know."""
    unknown = changes.keys() - defaults.keys()
    if unknown:
        raise KeyError(f"suite2p has no setting {sorted(unknown)}")
    return defaults | {
        key: _merged(defaults[key], value) if isinstance(value, dict) else value for key, value in changes.items()
    }


if __name__ == "__main__":
    main()
