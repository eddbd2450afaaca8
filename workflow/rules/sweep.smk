"""Settings tried one by one, on validation images: ``snakemake sweep``."""

from pandas import DataFrame
from snakemake.utils import Paramspace

from dina.settings import SweepSettings
from dina.settings.sweep import changed

SWEEP = next(iter(settings.values()))["sweep"]
POINTS = list(SweepSettings(**SWEEP).points())
GRID = Paramspace(
    DataFrame(
        [
            {key.replace(".", "__"): json.dumps(value) for key, value in point.items()}
            for point in POINTS
        ]
    ),
    filename_params="*",
    param_sep="~",
)


def swept_settings(wildcards):
    """The recording's settings with the values of one combination."""
    values = GRID.instance(wildcards).items()
    point = {key.replace("__", "."): json.loads(str(value)) for key, value in values}
    return changed(settings[wildcards.recording], point)


rule sweep:
    """Try every combination of the settings' grid and tabulate what each reaches on validation images."""
    input:
        f"{RESULTS}/tables/sweep.csv",


rule try_settings:
    input:
        manifest=results("responses.json"),
        store=ancient(results("responses")),
    output:
        manifest=results(f"sweep/{GRID.wildcard_pattern}.json"),
        store=directory(results(f"sweep/{GRID.wildcard_pattern}")),
    log:
        results(f"sweep/logs/{GRID.wildcard_pattern}.log"),
    benchmark:
        results(f"sweep/benchmarks/{GRID.wildcard_pattern}.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
        gpu=gpus,
    params:
        settings=swept_settings,
        seeds=SWEEP["seeds"],
        device=of("device"),
        code=code_version("dina.training.sweep"),
    message:
        "{wildcards.recording}: trying one combination of the sweep"
    script:
        "../scripts/try_settings.py"


rule tabulate_sweep:
    input:
        manifests=expand(
            f"{RESULTS}/{{recording}}/sweep/{{point}}.json",
            recording=DECODING,
            point=GRID.instance_patterns,
        ),
        stores=ancient(
            expand(
                f"{RESULTS}/{{recording}}/sweep/{{point}}",
                recording=DECODING,
                point=GRID.instance_patterns,
            )
        ),
    output:
        csv=f"{RESULTS}/tables/sweep.csv",
    log:
        f"{RESULTS}/logs/tabulate_sweep.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_sweep.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        points=[[name, point] for name in DECODING for point in POINTS],
        code=code_version("dina.training.sweep"),
    message:
        "tabulating the sweep"
    script:
        "../scripts/tabulate_sweep.py"
