"""Look over a recording's movie files."""

from dina.imaging.inspection import inspect_movie
from dina.recordings.movie_files import movie_files
from dina.settings import AcquisitionInfo
from dina.stage import stage

with stage(snakemake) as job:
    acquisition = AcquisitionInfo(**job.params.acquisition)
    planes = acquisition.planes if acquisition.separate_files else acquisition.planes[:1]
    files = {plane: movie_files(job.params.movie, plane) for plane in planes}
    inspect_movie(files, job.output("store"), acquisition)
