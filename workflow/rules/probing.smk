rule probe_identification:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=decoder_stores(".json"),
        decoders=ancient(decoder_stores()),
        truth_manifest=truth(".json"),
        truth=ancient(truth()),
    output:
        manifest=results("probes/identification.json"),
        store=directory(results("probes/identification")),
    log:
        results("logs/probe_identification.log"),
    benchmark:
        results("benchmarks/probe_identification.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=of("probing"),
        device=of("device"),
        code=code_version("dina.probing.identification"),
    message:
        "{wildcards.recording}: identifying images"
    script:
        "../scripts/probe_identification.py"


rule probe_reconstruction:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=decoder_stores(".json"),
        decoders=ancient(decoder_stores()),
    output:
        manifest=results("probes/reconstruction.json"),
        store=directory(results("probes/reconstruction")),
    log:
        results("logs/probe_reconstruction.log"),
    benchmark:
        results("benchmarks/probe_reconstruction.tsv")
    priority: 1  # the longest of what follows decoders: begun last, it would run alone
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=of("probing"),
        device=of("device"),
        code=code_version("dina.probing.reconstruction"),
    message:
        "{wildcards.recording}: reconstructing images"
    script:
        "../scripts/probe_reconstruction.py"


rule probe_categories:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=decoder_stores(".json"),
        decoders=ancient(decoder_stores()),
    output:
        manifest=results("probes/categories.json"),
        store=directory(results("probes/categories")),
    log:
        results("logs/probe_categories.log"),
    benchmark:
        results("benchmarks/probe_categories.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=of("probing"),
        device=of("device"),
        code=code_version("dina.probing.categories"),
    message:
        "{wildcards.recording}: probing categories"
    script:
        "../scripts/probe_categories.py"


rule probe_prediction:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=encoding_stores(".json"),
        decoders=ancient(encoding_stores()),
    output:
        manifest=results("probes/prediction.json"),
        store=directory(results("probes/prediction")),
    log:
        results("logs/probe_prediction.log"),
    benchmark:
        results("benchmarks/probe_prediction.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=of("probing"),
        device=of("device"),
        code=code_version("dina.probing.prediction"),
    message:
        "{wildcards.recording}: predicting neurons"
    script:
        "../scripts/probe_prediction.py"


rule probe_time_course:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=decoder_stores(".json"),
        decoders=ancient(decoder_stores()),
    output:
        manifest=results("probes/time_course.json"),
        store=directory(results("probes/time_course")),
    log:
        results("logs/probe_time_course.log"),
    benchmark:
        results("benchmarks/probe_time_course.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=of("probing"),
        device=of("device"),
        code=code_version("dina.probing.time_course"),
    message:
        "{wildcards.recording}: identifying images over time"
    script:
        "../scripts/probe_time_course.py"
