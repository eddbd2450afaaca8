"""Bundle the trained DINA of a recording."""

from dina.exports.bundle import write_bundle
from dina.stage import stage

with stage(snakemake) as job:
    write_bundle(
        job.input("responses"),
        job.inputs("models"),
        job.input("identification"),
        job.output("store"),
        job.wildcards.recording,
        simulated=job.params.simulated,
    )
