"""Deconvolve one plane's traces."""

from dina.imaging.deconvolution import deconvolve_traces
from dina.settings import DeconvolutionSettings
from dina.stage import stage

with stage(snakemake) as job:
    settings = DeconvolutionSettings(**job.params.settings)
    deconvolve_traces(job.input("store"), job.output("store"), settings, job.params.indicator)
