rule tabulate_scoreboard:
    input:
        manifests=expand(
            f"{RESULTS}/{{recording}}/{{store}}.json",
            recording=DECODING,
            store=[
                "probes/identification",
                "probes/reconstruction",
                "probes/categories",
                "probes/prediction",
                "ablations/images",
                "ablations/neurons",
            ],
        ),
    output:
        csv=report(
            f"{RESULTS}/tables/scoreboard.csv",
            caption=f"{CAPTIONS}/scoreboard.rst",
            category="scoreboard",
        ),
        parquet=f"{RESULTS}/tables/scoreboard.parquet",
        verdicts=f"{RESULTS}/tables/verdicts.csv",
    log:
        f"{RESULTS}/logs/tabulate_scoreboard.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_scoreboard.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        results=RESULTS,
        recordings=DECODING,
        code=code_version("dina.probing.scoreboard"),
        verdicts_code=code_version("dina.ablation.verdicts"),
    message:
        "tabulating the scoreboard"
    script:
        "../scripts/tabulate_scoreboard.py"


rule tabulate_across_recordings:
    input:
        manifests=expand(
            f"{RESULTS}/{{recording}}/probes/identification.json", recording=compared()
        ),
    output:
        csv=f"{RESULTS}/tables/across_recordings.csv",
        parquet=f"{RESULTS}/tables/across_recordings.parquet",
    log:
        f"{RESULTS}/logs/tabulate_across_recordings.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_across_recordings.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        results=RESULTS,
        mice=mice(),
        n_bootstrap=settings[RECORDINGS[0]]["probing"]["n_bootstrap"],
        code=code_version("dina.probing.across"),
    message:
        "tabulating identification across recordings"
    script:
        "../scripts/tabulate_across_recordings.py"


rule tabulate_quality:
    input:
        manifests=expand(f"{RESULTS}/{{recording}}/quality.json", recording=IMAGED),
    output:
        csv=report(
            f"{RESULTS}/tables/quality.csv",
            caption=f"{CAPTIONS}/quality-table.rst",
            category="quality",
        ),
        parquet=f"{RESULTS}/tables/quality.parquet",
    log:
        f"{RESULTS}/logs/tabulate_quality.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_quality.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        results=RESULTS,
        recordings=IMAGED,
        code=code_version("dina.report.quality"),
    message:
        "tabulating the quality of every plane"
    script:
        "../scripts/tabulate_quality.py"


rule explore:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        session_manifest=session(".json"),
        session=ancient(session()),
        pixels_manifest=results("attributions/pixels.json"),
        pixels=ancient(results("attributions/pixels")),
        neurons_manifest=results("attributions/neurons.json"),
        neurons=ancient(results("attributions/neurons")),
        latents_manifest=results("attributions/latents.json"),
        latents=ancient(results("attributions/latents")),
        reconstruction_manifest=results("probes/reconstruction.json"),
        reconstruction=ancient(results("probes/reconstruction")),
        template=[source(f"dina/explorer/page.{kind}") for kind in ("html.jinja", "js")],
    output:
        page=results("explorer.html"),
    log:
        results("logs/explore.log"),
    benchmark:
        results("benchmarks/explore.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        simulated=is_simulated,
        code=code_version("dina.explorer.page"),
    message:
        "{wildcards.recording}: writing the page to walk about in"
    script:
        "../scripts/explore.py"


rule report:
    input:
        figures=[path for recording in RECORDINGS for path in figures_of(recording)],
        scoreboard=scoreboard(),
        verdicts=verdicts(),
        across=across_recordings("figures/across-recordings.png"),
        explorers=explorers(),
        captions=[
            caption_file(name)
            for name in [
                "quality-table",
                "across-recordings",
                *chain.from_iterable(FIGURES.values()),
            ]
        ],
        manifests=[path for recording in RECORDINGS for path in described(recording)],
        template=source("dina/report/page.html.jinja"),
    output:
        page=f"{RESULTS}/report.html",
        benchmarks=f"{RESULTS}/tables/benchmarks.csv",
        methods=expand(f"{RESULTS}/{{recording}}/methods.md", recording=RECORDINGS),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        results=RESULTS,
        recordings={recording: figures_of(recording) for recording in RECORDINGS},
        simulated=[
            name
            for name, of in settings.items()
            if of["recording"]["source"] == "simulated"
        ],
        settings={recording: told_settings(recording) for recording in RECORDINGS},
        code=code_version("dina.report.page"),
        methods_code=code_version("dina.report.paper"),
    message:
        "writing the report"
    script:
        "../scripts/report.py"
