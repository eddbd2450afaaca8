rule inspect_movie:
    input:
        whole_movie,
    output:
        manifest=results("movie.json"),
        store=directory(results("movie")),
    log:
        results("logs/inspect_movie.log"),
    benchmark:
        results("benchmarks/inspect_movie.tsv")
    priority: 1  # a damaged file is told before the others are registered
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=60,
    params:
        movie=of("recording/movie"),
        state=state(whole_movie),
        acquisition=of("acquisition"),
        code=code_version("dina.imaging.inspection"),
    message:
        "{wildcards.recording}: looking over the movie's files"
    script:
        "../scripts/inspect_movie.py"


rule register_plane:
    input:
        movie,
    output:
        manifest=results("plane-{plane}/registered.json"),
        store=directory(results("plane-{plane}/registered")),
    log:
        results("plane-{plane}/logs/register_plane.log"),
    benchmark:
        results("plane-{plane}/benchmarks/register_plane.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: cores_of_a_plane  # the same bytes with any number
    resources:
        mem_mb=megabytes_by_threads(2000, 1300),
        runtime=240,
    params:
        movie=of("recording/movie"),
        state=state(movie),
        acquisition=acquisition_of_plane,
        settings=of("registration"),
        code=code_version("dina.imaging.registration"),
    message:
        "{wildcards.recording}, plane {wildcards.plane}: correcting motion"
    script:
        "../scripts/register_plane.py"


rule detect_rois:
    input:
        manifest=results("plane-{plane}/registered.json"),
        store=ancient(results("plane-{plane}/registered")),
    output:
        manifest=results("plane-{plane}/rois.json"),
        store=directory(results("plane-{plane}/rois")),
    log:
        results("plane-{plane}/logs/detect_rois.log"),
    benchmark:
        results("plane-{plane}/benchmarks/detect_rois.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(3000, 0.15),
        runtime=120,
    params:
        settings=of("detection"),
        cell_diameter_um=of("recording/cell_diameter_um"),
        indicator=of("recording/indicator"),
        code=code_version("dina.imaging.rois"),
    message:
        "{wildcards.recording}, plane {wildcards.plane}: detecting ROIs"
    script:
        "../scripts/detect_rois.py"


rule extract_traces:
    input:
        registered_manifest=results("plane-{plane}/registered.json"),
        registered=ancient(results("plane-{plane}/registered")),
        rois_manifest=results("plane-{plane}/rois.json"),
        rois=ancient(results("plane-{plane}/rois")),
    output:
        manifest=results("plane-{plane}/traces.json"),
        store=directory(results("plane-{plane}/traces")),
    log:
        results("plane-{plane}/logs/extract_traces.log"),
    benchmark:
        results("plane-{plane}/benchmarks/extract_traces.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(3000, 0.1),
        runtime=120,
    params:
        settings=of("extraction"),
        code=code_version("dina.imaging.traces"),
    message:
        "{wildcards.recording}, plane {wildcards.plane}: extracting fluorescence"
    script:
        "../scripts/extract_traces.py"


rule deconvolve_traces:
    input:
        manifest=results("plane-{plane}/traces.json"),
        store=ancient(results("plane-{plane}/traces")),
    output:
        manifest=results("plane-{plane}/activity.json"),
        store=directory(results("plane-{plane}/activity")),
    log:
        results("plane-{plane}/logs/deconvolve_traces.log"),
    benchmark:
        results("plane-{plane}/benchmarks/deconvolve_traces.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(2500, 0.1),
        runtime=60,
    params:
        settings=of("deconvolution"),
        indicator=of("recording/indicator"),
        code=code_version("dina.imaging.deconvolution"),
    message:
        "{wildcards.recording}, plane {wildcards.plane}: deconvolving"
    script:
        "../scripts/deconvolve_traces.py"
