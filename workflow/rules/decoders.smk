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
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
        gpu=gpus,
    params:
        settings=of("dina"),
        gabor=of("gabor"),
        device=of("device"),
        code=code_version("dina.training.cohort"),
    message:
        "{wildcards.recording}: learning from other recordings"
    script:
        "../scripts/fit_cohort.py"


rule pretrain_tower:
    input:
        pretraining_photographs,
        manifest=results("responses.json"),
        store=ancient(results("responses")),
    output:
        manifest=results("models/pretrained.json"),
        store=directory(results("models/pretrained")),
    log:
        results("models/logs/pretrain_tower.log"),
    benchmark:
        results("models/benchmarks/pretrain_tower.tsv")
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
        settings=of("dina"),
        gabor=of("gabor"),
        photographs=state(pretraining_photographs),
        device=of("device"),
        code=code_version("dina.training.pretraining"),
    message:
        "{wildcards.recording}: pretraining the image tower"
    script:
        "../scripts/pretrain_tower.py"


rule train_dina:
    input:
        manifest=results("responses.json"),
        store=ancient(results("responses")),
        shared_manifest=taken_over(".json"),
        shared=ancient(taken_over()),
    output:
        manifest=results("models/dina/seed-{seed}.json"),
        store=directory(results("models/dina/seed-{seed}")),
    log:
        results("models/logs/train_dina_{seed}.log"),
    benchmark:
        results("models/benchmarks/train_dina_{seed}.tsv")
    priority: 2  # all that follows waits for it
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
    priority: 2  # all that follows waits for it
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=240,
        gpu=gpus_of_decoder,
    params:
        settings=decoder_settings,
        gabor=of("gabor"),
        device=of("device"),
        code=code_version("dina.decoders.fitting"),
    message:
        "{wildcards.recording}: fitting {wildcards.decoder}, seed {wildcards.seed}"
    script:
        "../scripts/fit_decoder.py"
