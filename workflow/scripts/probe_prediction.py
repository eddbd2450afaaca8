"""Probe how well encoding models predict each neuron."""

from dina.probing.prediction import probe_prediction
from dina.settings import ProbingSettings
from dina.stage import stage

with stage(snakemake) as job:
    probe_prediction(
        job.input("responses"),
        job.inputs("decoders"),
        job.output("store"),
        ProbingSettings(**job.params.settings),
        device=job.device,
    )
