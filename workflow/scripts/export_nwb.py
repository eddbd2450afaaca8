"""Write a recording as an NWB file."""

from dina.exports.nwb import export_nwb
from dina.exports.nwb_planes import PlaneStores
from dina.settings import NwbSettings
from dina.stage import stage

with stage(snakemake) as job:
    folders = (job.inputs(name) for name in ("registered", "rois", "traces", "activity"))
    export_nwb(
        job.input("session"),
        [PlaneStores(*of) for of in zip(job.params.planes, *folders, strict=True)],
        job.output("file"),
        NwbSettings(**job.params.settings),
        job.params.recording,
        responses=next(iter(job.inputs("responses")), None),
    )
