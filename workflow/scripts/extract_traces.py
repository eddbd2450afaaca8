"""Extract one plane's fluorescence."""

from dina.imaging.traces import extract_traces
from dina.settings import ExtractionSettings
from dina.stage import stage

with stage(snakemake) as job:
    settings = ExtractionSettings(**job.params.settings)
    extract_traces(job.input("registered"), job.input("rois"), job.output("store"), settings)
