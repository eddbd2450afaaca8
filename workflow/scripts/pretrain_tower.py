"""Pretrain a learned image tower on photographs."""

from dina.settings import DinaSettings, GaborSettings
from dina.stage import stage
from dina.training.pretraining import pretrain_tower

with stage(snakemake) as job:
    settings = DinaSettings(**job.params.settings)
    pretrain_tower(
        job.input("store"),
        job.output("store"),
        settings,
        GaborSettings(**job.params.gabor),
        seed=settings.seeds[0],
        device=job.device,
    )
