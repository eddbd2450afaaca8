rule simulate_recording:
    input:
        photographs,
    output:
        raw_manifest=results("raw.json"),
        raw=directory(results("raw")),
        truth_manifest=results("truth.json"),
        truth=directory(results("truth")),
    log:
        results("logs/simulate_recording.log"),
    benchmark:
        results("benchmarks/simulate_recording.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 2
    resources:
        mem_mb=megabytes(2000),
        runtime=60,
    params:
        settings=of("simulation"),
        photographs=state(photographs),
        code=code_version("dina.simulate.recording"),
    message:
        "{wildcards.recording}: simulating the recording"
    script:
        "../scripts/simulate_recording.py"
