"""Probe categories with every decoder."""

from dina.probing.categories import probe_categories
from dina.settings import ProbingSettings
from dina.stage import stage

with stage(snakemake) as job:
    probe_categories(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        ProbingSettings(**job.params.settings),
        device=job.device,
    )
