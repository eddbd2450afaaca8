"""Write the report page and the table of the rules' benchmarks."""

from pathlib import Path

from dina.report.methods import StatedSettings
from dina.report.page import write_report
from dina.report.paper import write_methods
from dina.stage import stage

with stage(snakemake) as job:
    write_report(
        Path(job.params.results),
        job.params.recordings,
        job.output("page"),
        job.output("benchmarks"),
        scoreboard=next(iter(job.inputs("scoreboard")), None),
        verdicts=next(iter(job.inputs("verdicts")), None),
        across=next(iter(job.inputs("across")), None),
        captions=job.inputs("captions")[0].parent,
        simulated=list(job.params.simulated),
        settings=job.params.settings,
    )
    for (recording, settings), path in zip(job.params.settings.items(), job.outputs("methods"), strict=True):
        write_methods(Path(job.params.results) / recording, StatedSettings(**settings), path)
