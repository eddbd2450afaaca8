"""Attribute to pixels, and check the methods."""

from dina.attribution.pixels import attribute_pixels
from dina.settings import AttributionSettings, DinaSettings, GaborSettings
from dina.stage import stage

with stage(snakemake) as job:
    attribute_pixels(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AttributionSettings(**job.params.settings),
        DinaSettings(**job.params.dina),
        GaborSettings(**job.params.gabor),
        detail=job.params.detail,
        device=job.device,
    )
