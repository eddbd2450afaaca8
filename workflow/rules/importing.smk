ruleorder: import_session > assemble_session
ruleorder: import_stimuli > prepare_stimuli
ruleorder: import_responses > measure_responses


rule import_session:
    input:
        imported,
    output:
        manifest=results("session.json"),
        store=directory(results("session")),
    log:
        results("logs/import_session.log"),
    benchmark:
        results("benchmarks/import_session.tsv")
    wildcard_constraints:
        recording=entering("session"),
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000, 10),
        runtime=60,
    params:
        row=imported_row,
        state=state(imported),
        settings=of("deconvolution"),
        code=code_version("dina.recordings.importers.session"),
        importer=importer_code,
    message:
        "{wildcards.recording}: importing traces"
    script:
        "../scripts/import_session.py"


rule import_stimuli:
    input:
        imported,
    output:
        manifest=results("stimuli.json"),
        store=directory(results("stimuli")),
    log:
        results("logs/import_stimuli.log"),
    benchmark:
        results("benchmarks/import_stimuli.tsv")
    wildcard_constraints:
        recording=entering("responses"),
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(4000),
        runtime=120,
    params:
        row=imported_row,
        state=state(imported),
        settings=of("stimuli"),
        device=of("device"),
        code=code_version("dina.recordings.importers.responses"),
        importer=importer_code,
    message:
        "{wildcards.recording}: importing what was shown"
    script:
        "../scripts/import_stimuli.py"


rule import_responses:
    input:
        imported,
        stimuli_manifest=results("stimuli.json"),
        stimuli=ancient(results("stimuli")),
    output:
        manifest=results("responses.json"),
        store=directory(results("responses")),
    log:
        results("logs/import_responses.log"),
    benchmark:
        results("benchmarks/import_responses.tsv")
    wildcard_constraints:
        recording=entering("responses"),
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(4000),
        runtime=120,
    params:
        row=imported_row,
        state=state(imported),
        stabilised=of("responses/stabilise"),
        code=code_version("dina.recordings.importers.responses"),
        importer=importer_code,
    message:
        "{wildcards.recording}: importing trial responses"
    script:
        "../scripts/import_responses.py"
