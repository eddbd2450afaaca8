"""Ablate images."""

from dina.ablation.images import ablate_images
from dina.settings import AblationSettings
from dina.stage import stage

with stage(snakemake) as job:
    ablate_images(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AblationSettings(**job.params.settings),
        device=job.params.device,
    )
