"""Rebuild latents from few neurons, and map where the towers agree."""

from dina.attribution.latents import attribute_latents
from dina.settings import AttributionSettings
from dina.stage import stage

with stage(snakemake) as job:
    attribute_latents(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AttributionSettings(**job.params.settings),
        detail=job.params.detail,
        device=job.device,
    )
