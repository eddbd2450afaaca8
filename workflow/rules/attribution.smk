rule attribute_pixels:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=dina_stores(".json"),
        decoders=ancient(dina_stores()),
    output:
        manifest=results("attributions/pixels.json"),
        store=directory(results("attributions/pixels")),
    log:
        results("logs/attribute_pixels.log"),
    benchmark:
        results("benchmarks/attribute_pixels.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
        gpu=gpus,
    params:
        settings=part_of("attribution"),
        dina=of("dina"),
        gabor=of("gabor"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.attribution.pixels"),
    message:
        "{wildcards.recording}: attributing to pixels"
    script:
        "../scripts/attribute_pixels.py"


rule attribute_neurons:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=dina_stores(".json"),
        decoders=ancient(dina_stores()),
        truth_manifest=truth(".json"),
        truth=ancient(truth()),
    output:
        manifest=results("attributions/neurons.json"),
        store=directory(results("attributions/neurons")),
    log:
        results("logs/attribute_neurons.log"),
    benchmark:
        results("benchmarks/attribute_neurons.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 4),
        runtime=120,
        gpu=gpus,
    params:
        settings=part_of("attribution", "receptive_fields", "interactions"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.attribution.neurons"),
    message:
        "{wildcards.recording}: attributing to neurons"
    script:
        "../scripts/attribute_neurons.py"


rule attribute_latents:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        decoder_manifests=dina_stores(".json"),
        decoders=ancient(dina_stores()),
    output:
        manifest=results("attributions/latents.json"),
        store=directory(results("attributions/latents")),
    log:
        results("logs/attribute_latents.log"),
    benchmark:
        results("benchmarks/attribute_latents.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(3000, 8),
        runtime=240,
        gpu=gpus,
    params:
        settings=part_of("attribution", "latent_maps"),
        detail=of("detail"),
        device=of("device"),
        code=code_version("dina.attribution.latents"),
    message:
        "{wildcards.recording}: rebuilding latents from few neurons, and mapping where the towers agree"
    script:
        "../scripts/attribute_latents.py"
