"""Ablate neurons."""

from dina.ablation.neurons import ablate_neurons
from dina.settings import AblationSettings, DinaSettings, GaborSettings
from dina.stage import stage

with stage(snakemake) as job:
    ablate_neurons(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        AblationSettings(**job.params.settings),
        DinaSettings(**job.params.dina),
        GaborSettings(**job.params.gabor),
        detail=job.params.detail,
        device=job.device,
    )
