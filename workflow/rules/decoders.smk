rule fit_cohort:
    input:
        manifest=results("responses.json"),
        store=ancient(results("responses")),
        member_manifests=cohort("responses.json"),
        members=ancient(cohort("responses")),
    output:
        manifest=results("models/cohort.json"),
        store=directory(results("models/cohort")),
    log:
        results("models/logs/fit_cohort.log"),
    benchmark:
        results("models/benchmarks/fit_cohort.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
    params:
        settings=of("dina"),
        gabor=of("gabor"),
        device=of("device"),
        code=code_version("dina.training.cohort"),
    message:
        "{wildcards.recording}: learning from other recordings"
    script:
        "../scripts/fit_cohort.py"


rule train_dina:
    input:
        manifest=results("responses.json"),
        store=ancient(results("responses")),
        cohort_manifest=learned_from_cohort("models/cohort.json"),
        cohort=ancient(learned_from_cohort("models/cohort")),
    output:
        manifest=results("models/dina/seed-{seed}.json"),
        store=directory(results("models/dina/seed-{seed}")),
    log:
        results("models/logs/train_dina_{seed}.log"),
    benchmark:
        results("models/benchmarks/train_dina_{seed}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
    params:
        settings=of("dina"),
        gabor=of("gabor"),
        device=of("device"),
        code=code_version("dina.training.train"),
    message:
        "{wildcards.recording}: training DINA, seed {wildcards.seed}"
    script:
        "../scripts/train_dina.py"


rule fit_decoder:
    input:
        manifest=results("responses.json"),
        store=ancient(results("responses")),
    output:
        manifest=results("decoders/{decoder}/seed-{seed}.json"),
        store=directory(results("decoders/{decoder}/seed-{seed}")),
    log:
        results("decoders/logs/{decoder}_{seed}.log"),
    benchmark:
        results("decoders/benchmarks/{decoder}_{seed}.tsv")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
    params:
        settings=decoder_settings,
        gabor=of("gabor"),
        device=of("device"),
        code=code_version("dina.decoders.fitting"),
    message:
        "{wildcards.recording}: fitting {wildcards.decoder}, seed {wildcards.seed}"
    script:
        "../scripts/fit_decoder.py"
