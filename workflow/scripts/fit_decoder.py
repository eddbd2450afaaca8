"""Fit one rival."""

from dina.decoders.fitting import fit_decoder
from dina.settings import DecodersSettings, GaborSettings
from dina.stage import stage

with stage(snakemake) as job:
    fit_decoder(
        job.input("store"),
        job.output("store"),
        job.wildcards.decoder,
        DecodersSettings(**job.params.settings),
        GaborSettings(**job.params.gabor),
        seed=int(job.wildcards.seed),
        device=job.device,
    )
