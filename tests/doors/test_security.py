"""Nothing that a user brings is executed, leaves its folder, or sends anything anywhere."""

import ast
import json
import pickle
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile

from dina.arrays import open_matrix
from dina.errors import DinaError, InputError, SettingsError
from dina.imaging.movies import Movie
from dina.recordings.images import read_images
from dina.recordings.movie_files import movie_files
from dina.recordings.session import curated
from dina.recordings.sheet import check_inputs, load_settings
from dina.recordings.stimulus_log import read_stimulus_log
from dina.settings import AcquisitionInfo
from tests.doors.movies import FRAMES
from tests.workflow.conftest import ROOT, Road

SOURCES = [path for folder in ("dina", "workflow") for path in (ROOT / folder).rglob("*.py")]
NETWORK = {"socket", "ssl", "urllib", "http", "requests", "urllib3", "aiohttp", "httpx", "ftplib", "smtplib", "pooch"}
SHELLS = {"subprocess", "os.system", "os.popen", "pty", "shlex"}
PICKLES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}
FORBIDDEN |= {"yaml.full_load", "pd.read_pickle", "pandas.read_pickle"}
ALLOWED = {"dina/recordings/importers/unpickling.py": ["import of pickle"]}  # limited to NumPy; has tests of its own


def dotted(node):
    """The name of what is called, such as ``np.load``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def told(tree):
    """What of a module could execute data or reach a network."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if {name, name.split(".")[0]} & (NETWORK | SHELLS | PICKLES):
                yield f"import of {name}"
        if isinstance(node, ast.Call):
            name, said = dotted(node.func), {word.arg: word.value for word in node.keywords}
            true = {word for word, value in said.items() if isinstance(value, ast.Constant) and value.value is True}
            if name in FORBIDDEN or "shell" in true or "allow_pickle" in true:
                yield f"{name} in line {node.lineno}"
            if name in ("np.load", "numpy.load") and "allow_pickle" not in said:
                yield f"{name} that does not say allow_pickle=False in line {node.lineno}"
            if name == "torch.load" and "weights_only" not in true:
                yield f"{name} without weights_only=True in line {node.lineno}"


def test_no_source_executes_data_or_reaches_a_network():
    found = {str(path.relative_to(ROOT)): list(told(ast.parse(path.read_text()))) for path in SOURCES}
    assert len(found) > 150
    assert {path: lines for path, lines in found.items() if lines} == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "np.load(path, allow_pickle=True)",
        "np.load(path)",
        "torch.load(path)",
        "yaml.load(text)",
        "run(text, shell=True)",
        "eval(text)",
        "os.system(text)",
    ],
)
def test_what_is_looked_for_is_found(code):
    assert list(told(ast.parse(code)))


class Malicious:
    """An object whose unpickling writes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


def save_malicious(path, marker):
    np.save(path, np.array([Malicious(marker)], dtype=object), allow_pickle=True)
    return path


def test_curation_with_a_pickle_is_refused(tmp_path, marker):
    path = save_malicious(tmp_path / "iscell.npy", marker)
    plane = SimpleNamespace(table=pd.DataFrame(index=range(1)), rois=tmp_path)
    with pytest.raises(
        InputError, match=r"iscell\.npy: found an unreadable file .*objects.*; expected a numeric array"
    ):
        curated(path, plane, np.array([""], dtype=object))
    path.write_bytes(pickle.dumps(Malicious(marker)))  # no array around it
    with pytest.raises(InputError, match=r"iscell\.npy: found "):
        curated(path, plane, np.array([""], dtype=object))


def test_images_with_a_pickle_are_refused(tmp_path, marker):
    path = save_malicious(tmp_path / "images.npy", marker)
    with pytest.raises(InputError, match=r"images\.npy: found an unreadable array"):
        read_images(path, np.array(["0"], dtype=object), "log.csv", 16)


@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_zarr_whose_chunks_are_pickles_is_refused(tmp_path, marker, place):
    pickled = {"id": "pickle", "protocol": 5}
    about = {"zarr_format": 2, "shape": [2, 3], "chunks": [2, 3], "dtype": "<f4", "fill_value": 0, "order": "C"}
    codecs = {"filters": None, "compressor": None, place: [pickled] if place == "filters" else pickled}
    (tmp_path / "r.zarr").mkdir()
    (tmp_path / "r.zarr/.zarray").write_text(json.dumps(about | codecs))
    (tmp_path / "r.zarr/0.0").write_bytes(pickle.dumps(Malicious(marker)))
    with pytest.raises(InputError, match="unreadable array"):
        open_matrix(tmp_path / "r.zarr")
    assert not marker.exists()


def write_sheet(folder, name, movie="movie.tif"):
    sheet = folder / "sheet.tsv"
    header = "recording\tsource\tmovie\tvolume_rate_hz\tpixel_size_um\tcell_diameter_um\n"
    sheet.write_text(f"{header}{name}\tmovie\t{movie}\t7.5\t1.2\t12\n")
    return sheet


BAD_NAMES = [
    "../up",
    "/etc",
    "a/b",
    "..",
    ".",
    "a b",
    "a;ls",
    "$(ls)",
    "`ls`",
    "a'b",
    'a"b',
    "a|b",
    "a&b",
    "é",
    "a*",
    "~",
]


@pytest.mark.parametrize("name", [*BAD_NAMES, "tables", "Logs"])
def test_recordings_whose_names_are_more_than_names_are_refused(tmp_path, name):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES)
    sheet = write_sheet(tmp_path, name)
    with pytest.raises(SettingsError, match=r"sheet\.tsv, row 2.*recording: found .*; expected"):
        load_settings({"recordings": str(sheet)})


ODD_NAMES = ["a; touch executed.tif", "$(touch executed).tif", "`touch executed`.tif", 'it\'s "two" words.tif']
ODD_NAMES += ["мышь é.tif", "-n.tif", "#1.tif", "a&b|c>d.tif", "50%s.tif", "[1].tif", "a\\b.tif"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_movies_of_any_name_are_read(tmp_path, marker, name):
    tifffile.imwrite(tmp_path / name, FRAMES)
    settings = load_settings({"recordings": str(write_sheet(tmp_path, "m1", name))})
    check_inputs(settings, tmp_path / "sheet.tsv")
    (path,) = movie_files(settings["m1"]["recording"]["movie"], 0)
    assert path.name == name
    frames = next(Movie([path], AcquisitionInfo(volume_rate_hz=7.5)).plane(0).blocks())[1]
    assert np.array_equal(frames, FRAMES)


def test_a_movie_whose_name_has_braces_is_refused_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "a{b}.tif", FRAMES)
    with pytest.raises(SettingsError, match=r"found 'a\{b\}\.tif'; expected no braces"):
        load_settings({"recordings": str(write_sheet(tmp_path, "m1", "a{b}.tif"))})


def test_names_reach_no_shell(tmp_path, marker):
    """The first stage, run by Snakemake, on a movie and in a folder with the worst names."""
    folder = tmp_path / "it's $(touch executed) `touch executed`; touch executed"
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text("{}\n")
    name = "$(touch executed); touch executed `touch executed`.tif"
    tifffile.imwrite(folder / name, FRAMES)
    write_sheet(folder, "m1", f"../{name}").rename(folder / "config/recordings.tsv")
    Road(folder).snakemake("results/m1/movie.json", "--quiet", "all")
    assert json.loads((folder / "results/m1/movie.json").read_text())["arrays"]
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize("image", ["../secret.png", "/etc/passwd", "link.png", "a/../../secret.png", "..", ""])
def test_images_outside_their_folder_are_not_read(tmp_path, image):
    (tmp_path / "images").mkdir()
    picture = np.full((16, 16), 200, np.uint8)
    for path in (tmp_path / "secret.png", tmp_path / "images/a.png"):
        pytest.importorskip("imageio").imwrite(path, picture)
    (tmp_path / "images/link.png").symlink_to(tmp_path / "secret.png")
    log = tmp_path / "log.csv"
    log.write_text(f"onset_s,image\n1,a.png\n2,{image}\n")
    with pytest.raises(InputError, match=r"log\.csv, row 3"):
        read_images(tmp_path / "images", read_stimulus_log(log).image, log, 16)


def test_reading_what_a_user_brings_opens_no_connection(tmp_path, monkeypatch):
    """XML that names an address, and all that is read in this process, with sockets and other programs blocked."""

    def refuse(*arguments, **_):
        raise AssertionError(f"a connection or a program: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    entity = '<!DOCTYPE OME [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    text = f'<?xml version="1.0"?>{entity}<OME xmlns="http://nowhere.invalid/ome"><Image>&secret;</Image></OME>'
    tifffile.imwrite(tmp_path / "odd.tif", FRAMES, description=text, metadata=None)
    with pytest.raises(DinaError, match=r"odd\.tif"):
        Movie([tmp_path / "odd.tif"], AcquisitionInfo(volume_rate_hz=7.5))
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES)
    settings = load_settings({"recordings": str(write_sheet(tmp_path, "m1"))})
    check_inputs(settings, tmp_path / "sheet.tsv")
    Movie([tmp_path / "movie.tif"], AcquisitionInfo(volume_rate_hz=7.5))


def test_entities_that_unfold_without_end_are_refused(tmp_path):
    """Ten levels of ten: 10 GB if they were unfolded."""
    levels = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY l0 "xxxxxxxxxx">{levels}]><OME><Image>&l9;</Image></OME>'
    tifffile.imwrite(tmp_path / "bomb.tif", FRAMES, description=text, metadata=None)
    from tests.doors.guards import guarded

    with guarded(), pytest.raises(DinaError, match=r"bomb\.tif"):
        Movie([tmp_path / "bomb.tif"], AcquisitionInfo(volume_rate_hz=7.5))
