"""Detect the ROIs of one plane."""

from dina.imaging.rois import detect_rois
from dina.settings import DetectionSettings
from dina.stage import stage

with stage(snakemake) as job:
    settings = DetectionSettings(**job.params.settings)
    detect_rois(job.input("store"), job.output("store"), settings, job.params.cell_diameter_um, job.params.indicator)
