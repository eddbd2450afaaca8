"""Fit one of DINA's rivals on a recording: the stage ``fit_decoder``."""

from __future__ import annotations

from pathlib import Path

import torch

from dina.decoders.base import Decoder
from dina.decoders.cca import fit_cca
from dina.decoders.cebra import fit_cebra
from dina.decoders.convolutional import fit_convolutional
from dina.decoders.core_readout import fit_core_readout_decoder
from dina.decoders.encoding import fit_encoding
from dina.decoders.gabor_ridge import fit_gabor_ridge
from dina.decoders.ridge import fit_ridge
from dina.device import resolve_device
from dina.errors import SettingsError, problem
from dina.recordings.trials import TrialResponses, read_trials
from dina.settings import DecodersSettings, GaborSettings
from dina.stores import new_store
from dina.threads import apply_threads

RIVALS = ("ridge", "gabor_ridge", "cca", "convolutional", "encoding", "core_readout", "cebra")


def fit_decoder(
    responses: Path,
    output: Path,
    name: str,
    settings: DecodersSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: str = "auto",
) -> None:
    """Fit a rival and write ``model.safetensors`` and ``model.json``.

    Fitting reads training trials and, to choose penalties or to stop, validation trials; never test
    trials. Only ``convolutional``, ``core_readout`` and ``cebra`` depend on the seed.

    Raises
    ------
    SettingsError
        If no rival has this name.
    InstallationError
        If the rival needs a package that is not installed.
    """
    apply_threads()
    decoder = fit_rival(read_trials(responses), name, settings, gabor, seed=seed, device=resolve_device(device))
    with new_store(output) as store:
        decoder.save(store)


def fit_rival(
    trials: TrialResponses,
    name: str,
    settings: DecodersSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: torch.device,
) -> Decoder:
    """Fit a rival in memory; see :func:`fit_decoder`."""
    match name:
        case "ridge":
            return fit_ridge(trials, settings.ridge)
        case "gabor_ridge":
            return fit_gabor_ridge(trials, settings.ridge, gabor, device)
        case "cca":
            return fit_cca(trials, settings.cca, gabor, device)
        case "convolutional":
            return fit_convolutional(trials, settings.convolutional, seed=seed, device=device)
        case "core_readout":
            return fit_core_readout_decoder(trials, settings.core_readout, gabor, seed=seed, device=device)
        case "cebra":
            return fit_cebra(trials, settings.cebra, gabor, seed=seed, device=device)
        case "encoding":
            return fit_encoding(trials, settings.ridge, gabor, device)
        case _:
            raise SettingsError(problem("decoder", repr(name), f"one of {RIVALS}", "Correct the name."))
