"""Synthesise textures."""

from dina.ablation.textures import synthesise_textures
from dina.settings import TextureSettings
from dina.stage import stage

with stage(snakemake) as job:
    synthesise_textures(
        job.input("responses"),
        job.output("store"),
        TextureSettings(**job.params.settings),
        detail=job.params.detail,
        device=job.device,
    )
