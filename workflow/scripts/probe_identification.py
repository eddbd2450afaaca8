"""Probe identification with every decoder."""

from dina.probing.identification import probe_identification
from dina.settings import ProbingSettings
from dina.stage import stage

with stage(snakemake) as job:
    probe_identification(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        ProbingSettings(**job.params.settings),
        device=job.device,
        truth=next(iter(job.inputs("truth")), None),
    )
