"""Probe reconstruction with every decoder."""

from dina.probing.reconstruction import probe_reconstruction
from dina.settings import ProbingSettings
from dina.stage import stage

with stage(snakemake) as job:
    probe_reconstruction(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        ProbingSettings(**job.params.settings),
        device=job.device,
    )
