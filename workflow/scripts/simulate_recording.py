"""Simulate one recording and its truth."""

from dina.settings import SimulationSettings
from dina.simulate.recording import simulate_recording
from dina.stage import stage

with stage(snakemake) as job:
    settings = SimulationSettings(**job.params.settings)
    simulate_recording(job.output("raw"), job.output("truth"), settings, n_threads=snakemake.threads)
