"""Attribute to neurons."""

from dina.attribution.neurons import attribute_neurons
from dina.settings import AttributionSettings
from dina.stage import stage

with stage(snakemake) as job:
    attribute_neurons(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AttributionSettings(**job.params.settings),
        detail=job.params.detail,
        device=job.device,
        truth=next(iter(job.inputs("truth")), None),
    )
