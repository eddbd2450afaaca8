"""Correct the motion of one plane."""

from dina.imaging.registration import register_plane
from dina.recordings.movie_files import movie_files
from dina.settings import AcquisitionInfo, RegistrationSettings
from dina.stage import stage

with stage(snakemake) as job:
    plane = int(job.wildcards.plane)
    register_plane(
        movie_files(job.params.movie, plane),
        job.output("store"),
        plane,
        AcquisitionInfo(**job.params.acquisition),
        RegistrationSettings(**job.params.settings),
        n_threads=snakemake.threads,
    )
