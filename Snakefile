"""From raw two-photon movies to figures and a report: the road, rule by rule."""

from snakemake.utils import min_version

min_version("9.14.8")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/imaging.smk"
include: "workflow/rules/recordings.smk"
include: "workflow/rules/importing.smk"
include: "workflow/rules/decoders.smk"
include: "workflow/rules/sweep.smk"
include: "workflow/rules/probing.smk"
include: "workflow/rules/ablation.smk"
include: "workflow/rules/attribution.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/exports.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/tables/benchmarks.csv",
        quality_table(),
        scoreboard(),
        verdicts(),
        across_recordings("tables/across_recordings.csv"),


rule sessions:
    """Stop after imaging: every recording's session and the quality of its planes, without stimuli."""
    input:
        quality_table(),
        expand(f"{RESULTS}/{{recording}}/session.json", recording=SESSIONS),


onsuccess:
    show_summary()


onerror:
    show_killed()
