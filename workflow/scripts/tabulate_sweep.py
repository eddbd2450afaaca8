"""Bring all combinations of a sweep into one table."""

from dina.stage import stage
from dina.training.sweep import tabulate_sweep

with stage(snakemake) as job:
    stores = job.inputs("stores")
    tabulate_sweep(
        [(name, values, store) for (name, values), store in zip(job.params.points, stores, strict=True)],
        job.output("csv"),
    )
