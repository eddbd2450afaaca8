"""Ablate images."""

from dina.ablation.images import ablate_images
from dina.settings import AblationSettings, DinaSettings, GaborSettings
from dina.stage import stage

with stage(snakemake) as job:
    ablate_images(
        job.input("responses"),
        job.inputs("decoders"),
        job.input("textures"),
        job.output("store"),
        AblationSettings(**job.params.settings),
        DinaSettings(**job.params.dina),
        GaborSettings(**job.params.gabor),
        detail=job.params.detail,
        device=job.device,
    )
