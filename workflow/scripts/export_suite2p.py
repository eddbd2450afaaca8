"""Write a plane as a folder that suite2p's interface opens."""

from dina.exports.suite2p_folder import export_suite2p
from dina.settings import DeconvolutionSettings
from dina.stage import stage

with stage(snakemake) as job:
    export_suite2p(
        *(job.input(name) for name in ("registered", "rois", "traces", "activity", "session")),
        job.folder("files"),
        DeconvolutionSettings(**job.params.settings),
        job.params.indicator,
    )
