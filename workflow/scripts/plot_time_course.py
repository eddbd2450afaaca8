"""Draw identification over time since onset."""

from dina.figures.time_course import plot_time_course
from dina.stage import stage

with stage(snakemake) as job:
    plot_time_course(job.input("time_course"), job.folder("png"), image_duration_s=job.params.image_duration_s)
