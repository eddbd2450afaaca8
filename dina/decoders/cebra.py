"""CEBRA, the field's contrastive embedding of neural activity, read out to Gabor features: an optional rival."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.errors import InstallationError, problem
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.ridge import ridge_path
from dina.models.similarity import cosine
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import CebraSettings, GaborSettings

INSTALLATION = "pip install --constraint envs/constraints.txt --editable '.[cebra]'"
ARCHITECTURE = "offset1-model"  # one time bin, the trial's response
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


class CebraDecoder(Decoder):
    """An embedding learned by contrast, and ridge from it to whitened Gabor components, compared by their cosine.

    Attributes
    ----------
    space : FeatureSpace
    network : torch.nn.Module, CEBRA's encoder
    sizes : (neurons, hidden units, dimensions) of the network
    coefficients : (dimensions, components)
    intercept : (components,)
    """

    name = "cebra"

    def __init__(
        self,
        space: FeatureSpace,
        network: torch.nn.Module,
        sizes: tuple[int, int, int],
        coefficients: np.ndarray,
        intercept: np.ndarray,
    ):
        self.space, self.network, self.sizes = space, network.eval(), sizes
        self.coefficients, self.intercept = coefficients, intercept

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Whitened components (m, components)."""
        return self.space.whitened(images)

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Cosine of predicted and true components."""
        return cosine(self.features(z) @ self.coefficients + self.intercept, represented)

    def features(self, z: np.ndarray) -> np.ndarray:
        """The embedding (n, dimensions)."""
        return embed(self.network, z, self.space.mean.device)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The encoder, the read-out and the feature space."""
        network = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        read_out = {name: torch.from_numpy(getattr(self, name)) for name in ("coefficients", "intercept")}
        return network | read_out | self.space.tensors()

    def description(self) -> dict[str, Any]:
        """The bank and the network's sizes."""
        return {
            "gabor": self.space.bank.settings.model_dump(mode="json"),
            "image_shape": list(self.space.bank.image_shape),
            "sizes": list(self.sizes),
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        space = restore_feature_space(GaborSettings(**description["gabor"]), description["image_shape"], tensors)
        network = import_cebra().models.init(ARCHITECTURE, *description["sizes"])
        prefix = "network."
        network.load_state_dict({n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)})
        read_out = (tensors[name].cpu().numpy() for name in ("coefficients", "intercept"))
        return cls(space, network.to(space.mean.device), tuple(description["sizes"]), *read_out)


def fit_cebra(
    trials: TrialResponses, settings: CebraSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> CebraDecoder:
    """Fit CEBRA-Behavior on training trials, labelled by what they show; the validation images choose the read-out.

    Labels are the first whitened Gabor components of the image; a trial's positive is the trial whose label is nearest
    to its own, moved by Gaussian noise. CEBRA draws from torch's own generator, which is left as it was.

    Raises
    ------
    InstallationError
        If the package is not installed.

    References
    ----------
    Schneider, Lee & Mathis 2023, Nature 617:360.
    """
    import_cebra()
    train, ids = trials.trials(TRAIN), trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_components, device)
    whitened = (scores / space.deviation.cpu().numpy())[np.searchsorted(ids, trials.image_index[train])]
    z = trials.standardised(train)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        solver, loader = build_cebra(z, whitened[:, : settings.n_labels], settings, seed, device)
        solver.fit(loader)
    network = solver.model.eval()
    sizes = (z.shape[1], settings.n_hidden, settings.n_dimensions)
    path = ridge_path(embed(network, z, device), whitened, PENALTIES)
    return best_on_validation(trials, (CebraDecoder(space, network, sizes, b, c) for _, b, c in path))


def build_cebra(z: np.ndarray, labels: np.ndarray, settings: CebraSettings, seed: int, device: torch.device):
    """CEBRA's solver and data loader, from torch's own generator and a seed for those that the loader draws from.

    Parameters
    ----------
    z : (trials, neurons)
    labels : (trials, labels)
    """
    cebra = import_cebra()
    arrays = (torch.from_numpy(np.ascontiguousarray(values, np.float32)) for values in (z, labels))
    dataset = cebra.data.TensorDataset(*arrays, device=device.type)
    loader = cebra.data.ContinuousDataLoader(
        dataset,
        num_steps=settings.iterations,
        batch_size=min(settings.batch_trials, len(z)),
        conditional="delta_normal",
        delta=settings.label_noise,
    )
    loader.distribution.prior.generator.manual_seed(seed)  # which the package leaves to chance
    network = cebra.models.init(ARCHITECTURE, z.shape[1], settings.n_hidden, settings.n_dimensions)
    criterion = cebra.models.criterions.LearnableCosineInfoNCE()
    dataset.configure_for(network)
    optimiser = torch.optim.Adam([*network.parameters(), *criterion.parameters()], settings.learning_rate)
    parts = {"model": network.to(device), "criterion": criterion.to(device), "optimizer": optimiser}
    return cebra.solver.init("single-session", **parts, tqdm_on=False), loader


def embed(network: torch.nn.Module, z: np.ndarray, device: torch.device) -> np.ndarray:
    """(n, dimensions) of (n, neurons) responses."""
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(z, np.float32)).to(device)[:, :, None]).cpu().numpy()


def import_cebra():
    """The package ``cebra``.

    Raises
    ------
    InstallationError
        If it is not installed.
    """
    try:
        import cebra
    except ImportError as error:
        raise InstallationError(
            problem("decoder 'cebra'", str(error), "the optional package cebra", f"Install it: {INSTALLATION}")
        ) from error
    return cebra
