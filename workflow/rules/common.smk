"""What every rule file needs: validated settings, paths, wildcard constraints, input functions."""

import json
import os
import sys
import time
from functools import cache, reduce
from itertools import chain
from operator import getitem

from dina.code import code_version
from dina.errors import DinaError
from dina.imaging.readers.formats import with_files_beside
from dina.recordings.importers.sources import SOURCES, columns_of, module_of
from dina.manifest import held_mb
from dina.recordings.movie_files import movie_files
from dina.recordings.sheet import (
    PATHS,
    changed_settings,
    check_inputs,
    load_settings,
    overridden_settings,
)
from dina.settings.decoding import INSTALLED, RECORDING

STARTED = time.time()
SHEET = Path(str(config.get("recordings", "config/recordings.tsv")))

try:
    settings = load_settings(config, " + ".join(map(str, workflow.configfiles)))
    check_inputs(settings, SHEET)
except DinaError as error:
    raise WorkflowError(str(error))

RESULTS = str(config.get("results", "results")).rstrip("/")
RECORDINGS = list(settings)
ENTERS = {
    name: SOURCES[of["recording"]["source"]].enters for name, of in settings.items()
}
IMAGED = [name for name in RECORDINGS if ENTERS[name] == "movie"]
SESSIONS = [name for name in RECORDINGS if ENTERS[name] != "responses"]
DECODING = [
    name
    for name, of in settings.items()
    if of["recording"]["source"] == "simulated"
    or of["recording"]["stimulus_log"]
    or ENTERS[name] == "responses"
]
CLOSED_FORM = ["ridge", "gabor_ridge", "cca", "encoding"]
PREDICTS = ["encoding", "core_readout"]  # what neurons do
ENVIRONMENT = "../../envs/dina.yaml"
CONTAINER = str(config.get("container", "envs/dina.sif"))
CAPTIONS = "../report"
MOST_CORES_OF_A_PLANE = 8  # each takes memory of its own, and the movie is read by one


wildcard_constraints:
    recording=r"[A-Za-z0-9_-]+",
    plane=r"\d+",
    seed=r"\d+",
    decoder=r"[a-z_]+",


def results(path):
    """A path under a recording's results."""
    return f"{RESULTS}/{{recording}}/{path}"


def of(path):
    """A params function: a rule's own part of its recording's settings, by keys with slashes between them.

    Snakemake's ``lookup`` would walk the settings of all recordings for each of them.
    """
    keys = path.split("/")

    def part(wildcards):
        return reduce(getitem, keys, settings[wildcards.recording])

    return part


def part_of(section, *parts):
    """A rule's share of a section that several rules read: its own values, and those of the sections within that it uses."""

    def values(wildcards):
        whole = settings[wildcards.recording][section]
        return {
            key: value
            for key, value in whole.items()
            if not isinstance(value, dict) or key in parts
        }

    return values


def megabytes(base, per_input=0):
    """Memory that a rule asks for: a base and a multiple of what its inputs hold, more on each attempt."""

    def alone(wildcards, attempt):
        return base * attempt

    def with_input(wildcards, input, attempt):
        held = sum(held_mb(path) for path in input)
        return int((base + per_input * held) * attempt)

    return with_input if per_input else alone


def megabytes_by_movie(base, per_movie):
    """As ``megabytes``, by the size of the plane's movie, or of all: known before the stages between have run.

    A job that holds several stages is sized before the first of them begins.
    """

    def mem_mb(wildcards, attempt):
        return int((base + per_movie * movie_mb(wildcards)) * attempt)

    return mem_mb


def gpus(wildcards):
    """GPUs that training and attribution ask for: one where the settings name CUDA, else none."""
    return int(settings[wildcards.recording]["device"] == "cuda")


def gpus_of_decoder(wildcards):
    """As ``gpus``, for decoders that are trained; the others have a closed form."""
    return 0 if wildcards.decoder in CLOSED_FORM else gpus(wildcards)


def recording_of(wildcards):
    """The recording's row of the sheet."""
    return settings[wildcards.recording]["recording"]


def is_simulated(wildcards):
    """Whether the recording comes from the virtual microscope."""
    return recording_of(wildcards)["source"] == "simulated"


def entering(store):
    """A wildcard constraint: the recordings that enter the road at a store; matches none where there is none."""
    names = [name for name in RECORDINGS if ENTERS[name] == store]
    return "|".join(names) if names else "(?!)"


def imported(wildcards):
    """What an importer reads: the user's files and folders that the recording's row names."""
    row = recording_of(wildcards)
    read = [key for key in PATHS if key in columns_of(row["source"])]
    return [row[key] for key in read if row[key]]


def imported_row(wildcards):
    """The columns of the recording's row that its importer reads; others do not matter to it."""
    row = recording_of(wildcards)
    return {key: row[key] for key in columns_of(row["source"])}


def importer_code(wildcards):
    """A digest of the module that imports the recording."""
    return code_version(module_of(recording_of(wildcards)["source"]))


def planes(wildcards):
    """The recording's planes, less those left out."""
    return planes_of(wildcards.recording)


def planes_of(recording):
    """The imaged planes of a recording, less those that the sheet leaves out."""
    if recording not in IMAGED:
        return []
    acquisition = settings[recording]["acquisition"]
    return [
        p for p in range(acquisition["n_planes"]) if p not in acquisition["skip_planes"]
    ]


def seeds(wildcards):
    """The seeds of every learned decoder."""
    return settings[wildcards.recording]["dina"]["seeds"]


def cohort(path):
    """An input function: a path under each recording that this one learns from."""

    def paths(wildcards):
        members = settings[wildcards.recording]["dina"]["cohort"]
        return [f"{RESULTS}/{member}/{path}" for member in members]

    return paths


def taken_over(suffix=""):
    """An input function: what DINA takes over from other recordings or from pretraining, nothing by default."""

    def paths(wildcards):
        dina = settings[wildcards.recording]["dina"]
        learns = {
            "cohort": dina["cohort"],
            "pretrained": dina["pretraining"]["photographs"],
        }
        return [
            f"{RESULTS}/{wildcards.recording}/models/{store}{suffix}"
            for store in learns
            if learns[store]
        ]

    return paths


def acquisition_of_plane(wildcards):
    """How a plane's frames lie in the files; other planes that are left out do not matter to it."""
    acquisition = settings[wildcards.recording]["acquisition"]
    return {key: value for key, value in acquisition.items() if key != "skip_planes"}


def cores_of_a_plane(wildcards):
    """This machine's cores, shared out among a recording's planes."""
    shared = (workflow.cores or 1) // len(planes(wildcards))
    return min(max(1, shared), MOST_CORES_OF_A_PLANE)


def megabytes_by_threads(base, per_thread):
    """Memory that a rule asks for: a base and as much for each thread, more on each attempt."""

    def mem_mb(wildcards, threads, attempt):
        return (base + per_thread * threads) * attempt

    return mem_mb


def per_plane(store):
    """An input function: one store's folder or manifest in every plane, in order."""

    def paths(wildcards):
        return [
            f"{RESULTS}/{wildcards.recording}/plane-{plane}/{store}"
            for plane in planes(wildcards)
        ]

    return paths


def movie(wildcards):
    """A plane's movie: the simulated raw data by their manifest, or the user's own files."""
    if is_simulated(wildcards):
        return [f"{RESULTS}/{wildcards.recording}/raw.json"]
    return own_movie(wildcards, int(wildcards.plane))


def whole_movie(wildcards):
    """The movie of all planes, as ``movie``."""
    if is_simulated(wildcards):
        return [f"{RESULTS}/{wildcards.recording}/raw.json"]
    files = [
        path for plane in planes(wildcards) for path in own_movie(wildcards, plane)
    ]
    return list(dict.fromkeys(files))


def own_movie(wildcards, plane):
    """The user's files of a plane: movie, what it points at, tables of frame times and bad frames."""
    row = recording_of(wildcards)
    separate = settings[wildcards.recording]["acquisition"]["separate_files"]
    files = files_of_movie(row["movie"], plane if separate else 0)
    tables = [row[key] for key in ("frame_times", "bad_frames") if row[key]]
    return [*files, *(Path(path.replace("{plane}", str(plane))) for path in tables)]


@cache
def files_of_movie(movie, plane):
    """What a movie's cell names and what these files point at; asked for by several rules and all planes."""
    return tuple(with_files_beside(movie_files(movie, plane)))


def movie_mb(wildcards):
    """Size of a plane's share of the movie, of all planes where the rule has none; 0 while it is not there."""
    if "plane" not in wildcards.keys():
        return sum(held_mb(path) for path in whole_movie(wildcards))
    row = recording_of(wildcards)
    own_files = not is_simulated(wildcards) and "{plane}" in row["movie"]
    shared = 1 if own_files else len(planes(wildcards))
    return sum(held_mb(path) for path in movie(wildcards)) / shared


def stimuli(wildcards):
    """What was shown: the simulated raw data by their manifest, or the user's log, images and events."""
    if is_simulated(wildcards):
        return [f"{RESULTS}/{wildcards.recording}/raw.json"]
    row = recording_of(wildcards)
    return [row[key] for key in ("stimulus_log", "images", "clock_events") if row[key]]


def state(files):
    """A params function: name, size and time of the user's own input files.

    Snakemake reruns for a file newer than the results; this also sees one replaced by an older file, and one
    changed inside a folder. What the workflow wrote itself has manifests instead.
    """

    def states(wildcards):
        own = [
            Path(path)
            for path in files(wildcards)
            if not Path(path).is_relative_to(RESULTS)
        ]
        within = [
            file
            for path in own
            for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        ]
        found = [(str(file), file.stat()) for file in within if file.is_file()]
        return [[name, of.st_size, of.st_mtime_ns] for name, of in found]

    return states


def photographs(wildcards):
    """The user's folder of photographs to simulate with, if there is one."""
    folder = settings[wildcards.recording]["simulation"]["scenes"]["photographs"]
    return [] if folder is None else [folder]


def pretraining_photographs(wildcards):
    """The user's folders of photographs to pretrain on, if there are any."""
    sources = settings[wildcards.recording]["dina"]["pretraining"]["photographs"]
    return [source for source in sources if source not in (RECORDING, INSTALLED)]


def truth(suffix=""):
    """An input function: the simulation's truth, nothing for a real recording."""

    def paths(wildcards):
        return (
            [f"{RESULTS}/{wildcards.recording}/truth{suffix}"]
            if is_simulated(wildcards)
            else []
        )

    return paths


def curation(wildcards):
    """The user's choice of ROIs, for those planes that have one."""
    folder = SHEET.parent / "curation" / wildcards.recording
    files = [folder / f"plane-{plane}" / "iscell.npy" for plane in planes(wildcards)]
    return [str(path) for path in files if path.is_file()]


def warn_of_stray_curation():
    """Say which folders of curation belong to no recording and plane of the sheet."""
    for folder in sorted(SHEET.parent.glob("curation/*/plane-*")):
        of = settings.get(folder.parent.name)
        known = planes_of(folder.parent.name) if of else ()
        if folder.name not in [f"plane-{plane}" for plane in known]:
            print(
                f"{folder}: no such recording and plane in {SHEET}; not used.",
                file=sys.stderr,
            )


warn_of_stray_curation()


def decoder_stores(suffix=""):
    """An input function: DINA and every rival, each with its seeds."""

    def paths(wildcards):
        learned = expand("seed-{seed}", seed=seeds(wildcards))
        names = [f"models/dina/{seed}" for seed in learned]
        also = settings[wildcards.recording]["decoders"]["also"]
        for decoder in ["convolutional", *also]:
            names += [f"decoders/{decoder}/{seed}" for seed in learned]
        names += [f"decoders/{decoder}/seed-0" for decoder in CLOSED_FORM]
        return [f"{RESULTS}/{wildcards.recording}/{name}{suffix}" for name in names]

    return paths


def dina_stores(suffix=""):
    """An input function: the trained DINA of every seed."""

    def paths(wildcards):
        return [
            f"{RESULTS}/{wildcards.recording}/models/dina/seed-{seed}{suffix}"
            for seed in seeds(wildcards)
        ]

    return paths


def encoding_stores(suffix=""):
    """An input function: the decoders that predict responses, each with its seeds."""

    def paths(wildcards):
        stores = decoder_stores(suffix)(wildcards)
        return [path for path in stores if Path(path).parent.name in PREDICTS]

    return paths


def decoder_settings(wildcards):
    """The one section of the decoders' settings that a rival uses."""
    of_rivals = settings[wildcards.recording]["decoders"]
    section = wildcards.decoder if wildcards.decoder in of_rivals else "ridge"
    return {section: of_rivals[section]}


def scoreboard():
    """The scoreboard, where any recording has stimuli."""
    return [f"{RESULTS}/tables/scoreboard.csv"] if DECODING else []


def verdicts():
    """The verdicts of the image ablations, where any recording has stimuli."""
    return [f"{RESULTS}/tables/verdicts.csv"] if DECODING else []


def compared():
    """Recordings whose identification is one question: closed sets stand beside each other, not beside unseen images."""
    unseen = [
        name for name in DECODING if settings[name]["stimuli"]["split_by"] != "cycles"
    ]
    return unseen or DECODING


def across_recordings(path):
    """A table or figure that holds recordings against each other, where there are two or more to compare."""
    return [f"{RESULTS}/{path}"] if len(compared()) > 1 else []


def mice():
    """The mouse of each recording: the sheet's subject; a recording without one stands for itself."""
    return {name: settings[name]["recording"]["subject"] or name for name in compared()}


def figure(name, stop):
    """A figure that `snakemake --report` shows as well, with its caption."""
    return report(
        results(f"figures/{name}.svg"),
        caption=f"{CAPTIONS}/{name}.rst",
        category="{recording}",
        subcategory=stop,
    )


def source(path):
    """A file of this checkout, relative to the working folder so that a moved checkout stays up to date."""
    return os.path.relpath(Path(workflow.basedir, path))


def caption_file(name):
    """A figure's caption."""
    return source(f"workflow/report/{name}.rst")


def explorers():
    """The page of every recording that can be explored."""
    return [f"{RESULTS}/{recording}/explorer.html" for recording in DECODING]


def quality_table():
    """The quality of every plane, where any recording was imaged here."""
    return [f"{RESULTS}/tables/quality.csv"] if IMAGED else []


def session(suffix=""):
    """An input function: the session, nothing for a recording that enters the road behind it."""

    def paths(wildcards):
        behind = ENTERS[wildcards.recording] == "responses"
        return [] if behind else [f"{RESULTS}/{wildcards.recording}/session{suffix}"]

    return paths


def timed(suffix=""):
    """An input function: the store that says when frames were taken, the movie or an imported session."""

    def path(wildcards):
        name = ENTERS[wildcards.recording]
        return f"{RESULTS}/{wildcards.recording}/{name}{suffix}"

    return path


def figures_of(recording):
    """The figures of a recording, in the order of the road."""
    stops = list(FIGURES) if recording in DECODING else ["imaging"]
    if recording not in IMAGED:
        stops.remove("imaging")
    if settings[recording]["responses"]["n_bins"] == 1 and "time" in stops:
        stops.remove("time")
    names = [name for stop in stops for name in FIGURES[stop]]
    return [f"{RESULTS}/{recording}/figures/{name}.png" for name in names]


def described(recording):
    """The manifests of the stores whose facts stand above a recording's figures."""
    names = [
        f"plane-{plane}/{store}"
        for plane in planes_of(recording)
        for store in ("registered", "activity")
    ]
    names += {
        "movie": ["movie", "session", "quality"],
        "session": ["session"],
        "responses": [],
    }[ENTERS[recording]]
    if recording in DECODING:
        seeds = settings[recording]["dina"]["seeds"]
        names += ["stimuli", "responses", *(f"models/dina/seed-{n}" for n in seeds)]
    return [f"{RESULTS}/{recording}/{name}.json" for name in names]


def told_settings(recording):
    """What the report says of a recording's settings: its methods, and what is not at the default."""
    of = settings[recording]
    return {
        "source": of["recording"]["source"],
        "indicator": of["recording"]["indicator"],
        "structural_channel": of["acquisition"]["structural_channel"],
        "registration": of["registration"],
        "deconvolution": of["deconvolution"],
        "seeds": of["dina"]["seeds"],
        "changed": changed_settings(of),
        "overridden": overridden_settings(SHEET, recording),
    }


def show_summary():
    """Say where the report is, and print the scoreboard, if this run came that far."""
    from dina.report.summary import summarise

    page = Path(RESULTS, "report.html")
    if page.is_file() and page.stat().st_mtime >= STARTED:
        print(summarise(Path(RESULTS)), file=sys.stderr)
    elif page.is_file():
        print(f"\nThe report is of an earlier run: {page}", file=sys.stderr)


def show_killed():
    """Say which jobs of this run were killed from outside, since their logs cannot."""
    from dina.mishaps import killed_logs, told_killed

    logs = killed_logs(Path(RESULTS), STARTED)
    if logs:
        print(f"\n{told_killed(logs)}", file=sys.stderr)
