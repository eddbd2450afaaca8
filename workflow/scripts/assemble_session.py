"""Bring a recording's planes together."""

from dina.recordings.session import assemble_session
from dina.settings import SessionSettings
from dina.stage import stage

with stage(snakemake) as job:
    assemble_session(
        job.input("movie"),
        job.inputs("rois"),
        job.inputs("traces"),
        job.inputs("activity"),
        job.output("store"),
        SessionSettings(**job.params.settings),
        curation={int(path.parent.name.removeprefix("plane-")): path for path in job.inputs("curation")},
    )
