FIGURES = {
    "imaging": ["quality", "mean-image", "rois", "motion", "traces"],
    "responses": ["responses"],
    "training": ["training"],
    "probing": [
        "identification",
        "decoders",
        "reconstruction",
        "categories",
        "prediction",
    ],
    "time": ["time-course"],
    "ablation": [
        "frequency-ablation",
        "structure-ablation",
        "neuron-curve",
        "neuron-orders",
    ],
    "attribution": [
        "saliency",
        "faithfulness",
        "neuron-importance",
        "interactions",
        "receptive-fields",
        "latents",
        "alignment-map",
    ],
}


rule plot_imaging:
    input:
        manifest=results("session.json"),
        session=ancient(results("session")),
        quality_manifest=results("quality.json"),
        quality=ancient(results("quality")),
        registered_manifest=per_plane("registered.json"),
        registered=ancient(per_plane("registered")),
        rois_manifest=per_plane("rois.json"),
        rois=ancient(per_plane("rois")),
        truth_manifest=truth(".json"),
        truth=ancient(truth()),
    output:
        svg=[figure(name, "imaging") for name in FIGURES["imaging"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["imaging"]],
    log:
        results("logs/plot_imaging.log"),
    benchmark:
        results("benchmarks/plot_imaging.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.imaging"),
    message:
        "{wildcards.recording}: drawing figures of imaging"
    script:
        "../scripts/plot_imaging.py"


rule plot_responses:
    input:
        manifest=results("responses.json"),
        responses=ancient(results("responses")),
    output:
        svg=[figure(name, "responses") for name in FIGURES["responses"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["responses"]],
    log:
        results("logs/plot_responses.log"),
    benchmark:
        results("benchmarks/plot_responses.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.responses"),
    message:
        "{wildcards.recording}: drawing figures of responses"
    script:
        "../scripts/plot_responses.py"


rule plot_training:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        models_manifest=dina_stores(".json"),
        models=ancient(dina_stores()),
    output:
        svg=[figure(name, "training") for name in FIGURES["training"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["training"]],
    log:
        results("logs/plot_training.log"),
    benchmark:
        results("benchmarks/plot_training.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.training"),
    message:
        "{wildcards.recording}: drawing figures of training"
    script:
        "../scripts/plot_training.py"


rule plot_probing:
    input:
        identification_manifest=results("probes/identification.json"),
        identification=ancient(results("probes/identification")),
        reconstruction_manifest=results("probes/reconstruction.json"),
        reconstruction=ancient(results("probes/reconstruction")),
        categories_manifest=results("probes/categories.json"),
        categories=ancient(results("probes/categories")),
        prediction_manifest=results("probes/prediction.json"),
        prediction=ancient(results("probes/prediction")),
    output:
        svg=[figure(name, "probing") for name in FIGURES["probing"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["probing"]],
    log:
        results("logs/plot_probing.log"),
    benchmark:
        results("benchmarks/plot_probing.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.probing"),
    message:
        "{wildcards.recording}: drawing figures of probing"
    script:
        "../scripts/plot_probing.py"


rule plot_time_course:
    input:
        manifest=results("probes/time_course.json"),
        time_course=ancient(results("probes/time_course")),
    output:
        svg=[figure(name, "time") for name in FIGURES["time"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["time"]],
    log:
        results("logs/plot_time_course.log"),
    benchmark:
        results("benchmarks/plot_time_course.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=30,
    params:
        image_duration_s=of("recording/image_duration_s"),
        code=code_version("dina.figures.time_course"),
    message:
        "{wildcards.recording}: drawing identification over time"
    script:
        "../scripts/plot_time_course.py"


rule plot_ablation:
    input:
        images_manifest=results("ablations/images.json"),
        images=ancient(results("ablations/images")),
        neurons_manifest=results("ablations/neurons.json"),
        neurons=ancient(results("ablations/neurons")),
    output:
        svg=[figure(name, "ablation") for name in FIGURES["ablation"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["ablation"]],
    log:
        results("logs/plot_ablation.log"),
    benchmark:
        results("benchmarks/plot_ablation.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.ablation"),
    message:
        "{wildcards.recording}: drawing figures of ablation"
    script:
        "../scripts/plot_ablation.py"


rule plot_attribution:
    input:
        pixels_manifest=results("attributions/pixels.json"),
        pixels=ancient(results("attributions/pixels")),
        neurons_manifest=results("attributions/neurons.json"),
        neurons=ancient(results("attributions/neurons")),
        latents_manifest=results("attributions/latents.json"),
        latents=ancient(results("attributions/latents")),
    output:
        svg=[figure(name, "attribution") for name in FIGURES["attribution"]],
        png=[results(f"figures/{name}.png") for name in FIGURES["attribution"]],
    log:
        results("logs/plot_attribution.log"),
    benchmark:
        results("benchmarks/plot_attribution.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=30,
    params:
        code=code_version("dina.figures.attribution"),
    message:
        "{wildcards.recording}: drawing figures of attribution"
    script:
        "../scripts/plot_attribution.py"


rule plot_across_recordings:
    input:
        table=f"{RESULTS}/tables/across_recordings.csv",
    output:
        svg=report(
            f"{RESULTS}/figures/across-recordings.svg",
            caption=f"{CAPTIONS}/across-recordings.rst",
            category="across recordings",
        ),
        png=f"{RESULTS}/figures/across-recordings.png",
    log:
        f"{RESULTS}/logs/plot_across_recordings.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_across_recordings.tsv"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code_version("dina.figures.across"),
    message:
        "drawing recordings against each other"
    script:
        "../scripts/plot_across_recordings.py"
