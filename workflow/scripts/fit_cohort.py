"""Learn from other recordings what one's image tower should be."""

from dina.settings import DinaSettings, GaborSettings
from dina.stage import stage
from dina.training.cohort import fit_cohort

with stage(snakemake) as job:
    settings = DinaSettings(**job.params.settings)
    fit_cohort(
        job.input("store"),
        job.inputs("members"),
        job.output("store"),
        settings,
        GaborSettings(**job.params.gabor),
        seed=settings.seeds[0],
        device=job.device,
    )
