"""Doors out of the road: asked for by name, no part of `all`."""

OF_NWB = (
    "recording",
    "subject",
    "session",
    "source",
    "indicator",
    "image_duration_s",
)


def nwb_row(wildcards):
    """What an NWB file says of the recording's row."""
    row = recording_of(wildcards)
    return {name: row[name] for name in OF_NWB}


def responses_of(suffix=""):
    """An input function: the trial responses, nothing where the road ends at the session."""

    def paths(wildcards):
        decoded = wildcards.recording in DECODING
        return [f"{RESULTS}/{wildcards.recording}/responses{suffix}"] if decoded else []

    return paths


rule nwb:
    """Write every recording that was imaged here as an NWB file."""
    input:
        expand(f"{RESULTS}/{{recording}}/{{recording}}.nwb", recording=IMAGED),


rule suite2p:
    """Write every plane that was imaged here as a folder that suite2p's interface opens."""
    input:
        [
            f"{RESULTS}/{recording}/suite2p/plane{plane}/stat.npy"
            for recording in IMAGED
            for plane in planes_of(recording)
        ],


rule bundle:
    """Write every recording's DINA as a folder that `dina.load_model` opens."""
    input:
        expand(f"{RESULTS}/{{recording}}/bundle.json", recording=DECODING),


rule export_nwb:
    input:
        session_manifest=results("session.json"),
        session=ancient(results("session")),
        registered_manifest=per_plane("registered.json"),
        registered=ancient(per_plane("registered")),
        rois_manifest=per_plane("rois.json"),
        rois=ancient(per_plane("rois")),
        traces_manifest=per_plane("traces.json"),
        traces=ancient(per_plane("traces")),
        activity_manifest=per_plane("activity.json"),
        activity=ancient(per_plane("activity")),
        responses_manifest=responses_of(".json"),
        responses=ancient(responses_of()),
    output:
        file=results("{recording}.nwb"),
    log:
        results("logs/export_nwb.log"),
    benchmark:
        results("benchmarks/export_nwb.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=60,
    params:
        settings=of("nwb"),
        recording=nwb_row,
        planes=planes,
        code=code_version("dina.exports.nwb"),
    message:
        "{wildcards.recording}: writing the NWB file"
    script:
        "../scripts/export_nwb.py"


rule export_suite2p:
    input:
        session_manifest=results("session.json"),
        session=ancient(results("session")),
        registered_manifest=results("plane-{plane}/registered.json"),
        registered=ancient(results("plane-{plane}/registered")),
        rois_manifest=results("plane-{plane}/rois.json"),
        rois=ancient(results("plane-{plane}/rois")),
        traces_manifest=results("plane-{plane}/traces.json"),
        traces=ancient(results("plane-{plane}/traces")),
        activity_manifest=results("plane-{plane}/activity.json"),
        activity=ancient(results("plane-{plane}/activity")),
    output:  # without iscell.npy, which people edit there; the rest stays if this is refused for it
        files=update(
            multiext(
                results("suite2p/plane{plane}/"), "stat.npy", "ops.npy", "rois.json"
            )
        ),
    log:
        results("plane-{plane}/logs/export_suite2p.log"),
    benchmark:
        results("plane-{plane}/benchmarks/export_suite2p.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(1500),
        runtime=30,
    params:
        settings=of("deconvolution"),
        indicator=of("recording/indicator"),
        code=code_version("dina.exports.suite2p_folder"),
    message:
        "{wildcards.recording}, plane {wildcards.plane}: writing suite2p's folder"
    script:
        "../scripts/export_suite2p.py"


rule export_bundle:
    input:
        responses_manifest=results("responses.json"),
        responses=ancient(results("responses")),
        models_manifests=dina_stores(".json"),
        models=ancient(dina_stores()),
        identification_manifest=results("probes/identification.json"),
        identification=ancient(results("probes/identification")),
    output:
        manifest=results("bundle.json"),
        store=directory(results("bundle")),
    log:
        results("logs/export_bundle.log"),
    benchmark:
        results("benchmarks/export_bundle.tsv")
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=megabytes(2000, 2),
        runtime=30,
    params:
        simulated=is_simulated,
        code=code_version("dina.exports.bundle"),
    message:
        "{wildcards.recording}: bundling the trained model"
    script:
        "../scripts/export_bundle.py"
