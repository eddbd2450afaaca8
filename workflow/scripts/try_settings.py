"""Train DINA with one combination of a sweep."""

from dina.settings import DinaSettings, GaborSettings
from dina.stage import stage
from dina.training.sweep import try_settings

with stage(snakemake) as job:
    try_settings(
        job.input("store"),
        job.output("store"),
        DinaSettings(**job.params.settings["dina"]),
        GaborSettings(**job.params.settings["gabor"]),
        seeds=job.params.seeds,
        device=job.device,
    )
