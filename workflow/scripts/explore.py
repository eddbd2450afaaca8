"""Write the page on which one recording can be explored."""

from dina.explorer.page import write_explorer
from dina.stage import stage

with stage(snakemake) as job:
    write_explorer(
        job.wildcards.recording,
        job.input("responses"),
        next(iter(job.inputs("session")), None),
        job.input("pixels"),
        job.input("neurons"),
        job.input("latents"),
        job.input("reconstruction"),
        job.output("page"),
        simulated=job.params.simulated,
    )
