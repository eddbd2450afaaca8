"""Attribute to pixels."""

from dina.attribution.pixels import attribute_pixels
from dina.settings import AttributionSettings
from dina.stage import stage

with stage(snakemake) as job:
    attribute_pixels(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AttributionSettings(**job.params.settings),
        device=job.params.device,
    )
