rule synthesise_textures:
    input:
        manifest=results("responses.json"),
        responses=ancient(results("responses")),
    output:
        manifest=results("ablations/textures.json"),
        store=directory(results("ablations/textures")),
    log:
        results("logs/synthesise_textures.log"),
    benchmark:
        results("benchmarks/synthesise_textures.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000, 4),
        runtime=240,
    params:
        settings=of("ablation/textures"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.ablation.textures"),
    message:
        "{wildcards.recording}: synthesising textures"
    script:
        "../scripts/synthesise_textures.py"


rule ablate_images:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=dina_stores(".json"),
        decoders=ancient(dina_stores()),
        textures_manifest=results("ablations/textures.json"),
        textures=ancient(results("ablations/textures")),
    output:
        manifest=results("ablations/images.json"),
        store=directory(results("ablations/images")),
    log:
        results("logs/ablate_images.log"),
    benchmark:
        results("benchmarks/ablate_images.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=part_of("ablation", "images"),
        dina=of("dina"),
        gabor=of("gabor"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.ablation.images"),
    message:
        "{wildcards.recording}: ablating images"
    script:
        "../scripts/ablate_images.py"


rule ablate_neurons:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=decoder_stores(".json"),
        decoders=ancient(decoder_stores()),
    output:
        manifest=results("ablations/neurons.json"),
        store=directory(results("ablations/neurons")),
    log:
        results("logs/ablate_neurons.log"),
    benchmark:
        results("benchmarks/ablate_neurons.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
    params:
        settings=part_of("ablation", "neurons"),
        dina=of("dina"),
        gabor=of("gabor"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.ablation.neurons"),
    message:
        "{wildcards.recording}: ablating neurons"
    script:
        "../scripts/ablate_neurons.py"
