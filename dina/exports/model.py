"""A bundle opened again: images and responses into one space, and which image was shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.device import resolve_device
from dina.errors import InputError, ShapeError, StoreError, problem
from dina.exports.bundle import ABOUT, FORMAT, FORMAT_VERSION, SCALES
from dina.manifest import file_digest
from dina.models.ranking import z_scored
from dina.recordings.trials import standardise

LARGEST = 1.0  # of images, white


@dataclass(frozen=True)
class Standardisation:
    """What raw responses are brought onto, from training trials alone.

    Attributes
    ----------
    event_size, mean, sd, weights : (neurons,) float32, see :class:`~dina.recordings.trials.TrialResponses`
    """

    event_size: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray

    def __call__(self, responses: np.ndarray) -> np.ndarray:
        """(trials, neurons) standardised, times the weights."""
        return standardise(responses, self.event_size, self.mean, self.sd) * self.weights


@dataclass(frozen=True)
class Model:
    """DINA's seeds of one recording, for these cells in that session alone.

    Cost and memory are a seed's for each of the seeds; images and responses are taken whole.

    Attributes
    ----------
    about : dict
        What ``about.json`` says: ``n_neurons``, ``image_shape``, ``recording``, ``trained_on`` …
    decoders : one a seed
    standardisation : Standardisation
    """

    about: dict[str, Any]
    decoders: tuple[DinaDecoder, ...]
    standardisation: Standardisation

    @property
    def n_neurons(self) -> int:
        """Neurons that a response must have, in the order of the training data."""
        return self.about["n_neurons"]

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of images, pixels."""
        return tuple(self.about["image_shape"])

    def encode_images(self, images: np.ndarray) -> np.ndarray:
        """(m, height, width) images, 0 black to 1 white, as (m, d) float32 unit vectors, all seeds side by side.

        Products with :meth:`encode_responses` are the similarity, from -1 to 1, mean over seeds.

        Raises
        ------
        ShapeError, InputError
            If images have another size, or values that are not from 0 to 1.
        """
        images = self._checked_images(images)
        return self._side_by_side([decoder.represent(images) for decoder in self.decoders])

    def encode_responses(self, responses: np.ndarray) -> np.ndarray:
        """(n, neurons) raw responses as (n, d) float32 vectors no longer than 1, all seeds side by side.

        A unit vector less what lies outside the space of images, which no similarity sees.

        Raises
        ------
        ShapeError, InputError
            If the number of neurons differs, or a response is no finite number.
        """
        z = self._checked_responses(responses)
        return self._side_by_side([decoder.embed(z) for decoder in self.decoders])

    def scores(self, responses: np.ndarray, images: np.ndarray) -> np.ndarray:
        """(n, m) how well each of m images fits each of n responses: z-scored over images, mean over seeds.

        This is the ensemble of the scoreboard. Raises as the two encoders do.
        """
        z, images = self._checked_responses(responses), self._checked_images(images)
        return np.mean([z_scored(decoder.scores(z, images)) for decoder in self.decoders], axis=0)

    def identify(self, responses: np.ndarray, images: np.ndarray) -> np.ndarray:
        """(n,) for each response the index of the image that fits best; the first of equals."""
        return self.scores(responses, images).argmax(1)

    def _side_by_side(self, seeds: list[np.ndarray]) -> np.ndarray:
        return (np.concatenate(seeds, axis=1) / np.sqrt(len(seeds))).astype(np.float32)

    def _checked_images(self, images: np.ndarray) -> np.ndarray:
        images = np.asarray(images)
        height, width = self.image_shape
        if images.ndim != 3 or images.shape[1:] != (height, width):
            remedy = "Bring the images to the size that the model was trained on."
            raise ShapeError(problem("images", f"shape {images.shape}", f"(images, {height}, {width})", remedy))
        if not (len(images) and np.isfinite(images).all() and images.min() >= 0 and images.max() <= LARGEST):
            found = f"values from {images.min():g} to {images.max():g}" if len(images) else "no image"
            raise InputError(problem("images", found, "0 black to 1 white", "Divide images of 8 bits by 255."))
        return images.astype(np.float32)

    def _checked_responses(self, responses: np.ndarray) -> np.ndarray:
        responses = np.asarray(responses)
        if responses.ndim != 2 or responses.shape[1] != self.n_neurons:
            remedy = f"Give the cells of {self.about['recording']!r} in their order: the model knows no others."
            raise ShapeError(problem("responses", f"shape {responses.shape}", f"(trials, {self.n_neurons})", remedy))
        if not np.isfinite(responses).all():
            found, remedy = "numbers that are not finite", "Leave these trials out."
            raise InputError(problem("responses", found, "finite numbers", remedy))
        return self.standardisation(responses.astype(np.float32))


def load_model(path: str | Path, device: str = "auto") -> Model:
    """Open a bundle that ``snakemake bundle`` wrote; tensors and JSON are read, nothing in it is run.

    Parameters
    ----------
    path : folder
    device : "auto", "cpu", "cuda" or "mps"

    Raises
    ------
    StoreError
        If the folder holds no bundle, one of a later format, or a file that differs from its digest.
    """
    from safetensors.numpy import load_file

    path = Path(path)
    about = _checked_bundle(path)
    on: torch.device = resolve_device(device)
    decoders = tuple(load_decoder(path / seed, on) for seed in about["seeds"])
    return Model(about, decoders, Standardisation(**load_file(path / SCALES)))


def _checked_bundle(path: Path) -> dict[str, Any]:
    remedy = "Name the folder of a bundle, as snakemake bundle writes it."
    if not (path / ABOUT).is_file():
        raise StoreError(problem(path, f"no {ABOUT}", "a bundle", remedy))
    try:
        about = json.loads((path / ABOUT).read_text())
        known = about["format"], about["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(problem(path / ABOUT, f"no description ({error!r})", "a bundle", remedy)) from error
    if known != (FORMAT, FORMAT_VERSION):
        raise StoreError(problem(path / ABOUT, f"{known}", f"{(FORMAT, FORMAT_VERSION)}", "Take a newer dina."))
    for name, digest in about["files"].items():
        if not (path / name).is_file() or file_digest(path / name) != digest:
            found = "another content" if (path / name).is_file() else "no such file"
            raise StoreError(problem(path / name, found, f"sha256 {digest}", "Copy the bundle again."))
    return about
