"""The photographs that stimuli are cropped from: those inside installed packages, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.pictures import EXTENSIONS, read_grey

# Photographs that come inside the wheels of ordinary dependencies: package → files in the package's folder.
# Drawings, charts and micrographs there are left out, as is the right half of the motorcycle's stereo pair.
INSTALLED = {
    "skimage": (
        "data/astronaut.png",
        "data/brick.png",
        "data/camera.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/coins.png",
        "data/grass.png",
        "data/gravel.png",
        "data/moon.png",
        "data/motorcycle_left.png",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "plenoptic": (
        "data/curie.pgm",
        "data/einstein.pgm",
        "data/macaca_nigra_self-portrait.jpg",
        "data/parrot.png",
        "data/reptile_skin.pgm",
    ),
    "matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
}


@dataclass(frozen=True)
class Photograph:
    """A photograph in grey.

    Attributes
    ----------
    name : str, the file's name without extension
    grey : (height, width) float32, 0 black to 1 white
    """

    name: str
    grey: np.ndarray


def load_photographs(
    folder: str | None, *, smallest_px: int, longest_px: int, section: str = "simulation.scenes"
) -> list[Photograph]:
    """Read all photographs of a folder, or those that come inside installed packages.

    Parameters
    ----------
    folder : str or None
        The user's folder; None takes the installed ones.
    smallest_px : int
        Least height and width of a usable photograph.
    longest_px : int
        Larger photographs are reduced to this longer side, so that crops show things and not grain.
    section : str
        Of the settings, whose ``photographs`` and ``crop_px`` errors name.

    Raises
    ------
    InputError
        Naming the folder or file: missing, unreadable, too small, or fewer than two.
    """
    paths = installed_photographs() if folder is None else _own_photographs(Path(folder), section)
    photographs = []
    for path in paths:
        grey = _reduced(read_grey(path), longest_px)
        if min(grey.shape) < smallest_px:
            raise InputError(
                problem(
                    path,
                    f"{grey.shape[0]} × {grey.shape[1]} pixels",
                    f"at least {smallest_px} in height and width, to hold several crops",
                    f"Remove the photograph or lower {section}.crop_px.",
                )
            )
        photographs.append(Photograph(path.stem, grey))
    return photographs


def installed_photographs() -> list[Path]:
    """Paths of the photographs inside installed packages, found without importing the packages."""
    paths = []
    for package, names in INSTALLED.items():
        spec = find_spec(package)
        folder = Path(spec.submodule_search_locations[0]) if spec else Path(package)
        for path in (folder / name for name in names):
            if not path.is_file():
                raise InputError(
                    problem(
                        path,
                        "no such file",
                        f"a photograph that comes with {package}",
                        "Install the pinned packages, or take photographs of your own.",
                    )
                )
            paths.append(path)
    return paths


def _own_photographs(folder: Path, section: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(
            problem(folder, "no such folder", "a folder of photographs", f"Correct {section}.photographs.")
        )
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
    if len(paths) < 2:
        raise InputError(
            problem(
                folder,
                f"{len(paths)} photographs ({', '.join(sorted(EXTENSIONS))})",
                "at least 2, since a photograph is a category",
                f"Add photographs, or name the installed ones in {section}.photographs.",
            )
        )
    return paths


def _reduced(grey: np.ndarray, longest_px: int) -> np.ndarray:
    """Reduce to a longer side of ``longest_px``, antialiased; smaller photographs stay as they are."""
    from PIL import Image

    scale = longest_px / max(grey.shape)
    if scale >= 1:
        return grey
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    return np.clip(np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.LANCZOS)), 0, 1)
