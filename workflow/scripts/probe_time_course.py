"""Probe identification over time since onset."""

from dina.probing.time_course import probe_time_course
from dina.settings import ProbingSettings
from dina.stage import stage

with stage(snakemake) as job:
    probe_time_course(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        ProbingSettings(**job.params.settings),
        device=job.device,
    )
