"""Train one seed of DINA."""

from dina.settings import DinaSettings, GaborSettings
from dina.stage import stage
from dina.training.train import train_dina

with stage(snakemake) as job:
    train_dina(
        job.input("store"),
        job.output("store"),
        DinaSettings(**job.params.settings),
        GaborSettings(**job.params.gabor),
        seed=int(job.wildcards.seed),
        device=job.device,
        shared=next(iter(job.inputs("shared")), None),
    )
