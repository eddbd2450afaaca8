rule assemble_session:
    input:
        movie_manifest=results("movie.json"),
        movie=ancient(results("movie")),
        rois_manifest=per_plane("rois.json"),
        rois=ancient(per_plane("rois")),
        traces_manifest=per_plane("traces.json"),
        traces=ancient(per_plane("traces")),
        activity_manifest=per_plane("activity.json"),
        activity=ancient(per_plane("activity")),
        curation=curation,
    output:
        manifest=results("session.json"),
        store=directory(results("session")),
    log:
        results("logs/assemble_session.log"),
    benchmark:
        results("benchmarks/assemble_session.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(2000, 0.1),
        runtime=30,
    params:
        settings=of("session"),
        curation=state(curation),
        code=code_version("dina.recordings.session"),
    message:
        "{wildcards.recording}: assembling the session"
    script:
        "../scripts/assemble_session.py"


rule assess_quality:
    input:
        session_manifest=results("session.json"),
        session=ancient(results("session")),
        registered_manifest=per_plane("registered.json"),
        registered=ancient(per_plane("registered")),
    output:
        manifest=results("quality.json"),
        store=directory(results("quality")),
    log:
        results("logs/assess_quality.log"),
    benchmark:
        results("benchmarks/assess_quality.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(1500, 0.1),
        runtime=30,
    params:
        settings=of("quality"),
        code=code_version("dina.recordings.quality"),
    message:
        "{wildcards.recording}: measuring the quality of every plane"
    script:
        "../scripts/assess_quality.py"


rule prepare_stimuli:
    input:
        stimuli,
        movie_manifest=timed(".json"),
        movie=ancient(timed()),
    output:
        manifest=results("stimuli.json"),
        store=directory(results("stimuli")),
    log:
        results("logs/prepare_stimuli.log"),
    benchmark:
        results("benchmarks/prepare_stimuli.tsv")
    priority: 1  # a mistake in the log is told before the movie is registered
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000, 4),
        runtime=30,
    params:
        stimulus_log=of("recording/stimulus_log"),
        images=of("recording/images"),
        image_width_deg=of("recording/image_width_deg"),
        stimulus_table=of("recording/stimulus_table"),
        image_column=of("recording/image_column"),
        clock_events=of("recording/clock_events"),
        state=state(stimuli),
        settings=of("stimuli"),
        device=of("device"),
        code=code_version("dina.recordings.stimuli"),
    message:
        "{wildcards.recording}: checking what was shown"
    script:
        "../scripts/prepare_stimuli.py"


rule measure_responses:
    input:
        session_manifest=results("session.json"),
        session=ancient(results("session")),
        stimuli_manifest=results("stimuli.json"),
        stimuli=ancient(results("stimuli")),
    output:
        manifest=results("responses.json"),
        store=directory(results("responses")),
    log:
        results("logs/measure_responses.log"),
    benchmark:
        results("benchmarks/measure_responses.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes_by_movie(2000, 0.1),
        runtime=30,
    params:
        settings=of("responses"),
        code=code_version("dina.recordings.responses"),
    message:
        "{wildcards.recording}: measuring trial responses"
    script:
        "../scripts/measure_responses.py"
