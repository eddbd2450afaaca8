"""Pictures by inverting the image tower: the likeliest image whose components are those of a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dina.decoders.pictures import shrink
from dina.models.dual_tower import DualTower
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses

N_AXES = 400  # principal components of training pictures; twice as many change nothing
VARIANCE_FLOOR = 1e-6  # axes below this share of the largest variance are rounding
TRUSTS = (0.25, 0.5, 1.0)
MOST_JUDGED = 100  # validation trials, evenly spread over all
N_STEPS, STEP, MOMENTA = 10, 0.1, (0.8, 0.95)  # of Adam, in standard deviations; enough for single trials
BATCH_PICTURES = 64

Pictures = Callable[[np.ndarray], np.ndarray]  # of (n, neurons) responses: (n, size, size)


@dataclass(frozen=True)
class PicturePrior:
    """Normally distributed pictures, with the training pictures' mean and covariance: ``mean + y @ axes``.

    Attributes
    ----------
    mean : (pixels,)
    axes : (k, pixels), principal components times their standard deviation; ``y`` is standard normal
    """

    mean: torch.Tensor
    axes: torch.Tensor

    @classmethod
    def of(cls, pictures: np.ndarray, device: torch.device) -> PicturePrior:
        """From (n, pixels) training pictures."""
        mean = pictures.mean(0)
        centred = (pictures - mean).astype(np.float64)
        variance, vectors = np.linalg.eigh(centred.T @ centred / len(pictures))
        variance, vectors = variance[::-1][:N_AXES], vectors[:, ::-1][:, :N_AXES]
        kept = variance > VARIANCE_FLOOR * variance[0]
        axes = (vectors[:, kept] * np.sqrt(variance[kept])).T
        return cls(*(torch.from_numpy(part.astype(np.float32)).to(device) for part in (mean, axes)))


def fit_inversion(model: DualTower, linear: Pictures, trials: TrialResponses, size: int) -> Pictures:
    """The inverted image tower at the trust that suits validation trials best, or the linear probe if that is better.

    A tower that has no components, or sees clips, is not inverted.

    Parameters
    ----------
    linear : from where the search starts
    size : height and width of the pictures, pixels
    """
    if not model.in_components or trials.images.ndim != 3:
        return linear
    prior = PicturePrior.of(shrink(trials.images[trials.image_ids(TRAIN)], size), model.log_inverse_temperature.device)
    validation = trials.trials(VALIDATION)
    judged = validation[np.linspace(0, len(validation) - 1, min(MOST_JUDGED, len(validation))).astype(int)]
    z, shown = trials.standardised(judged), shrink(trials.images[trials.image_index[judged]], size)

    def error(pictures: Pictures) -> float:
        return float(np.mean((pictures(z).reshape(shown.shape) - shown) ** 2))

    return min((linear, *(InvertedTower(model, prior, trust, linear, size) for trust in TRUSTS)), key=error)


class InvertedTower:
    """For each response ``z`` the picture with the least ``trust · |t(z) − c(x)|² / 2 + |y|² / 2``.

    ``t`` are the components of the neural tower's map, ``c`` those of the image ``x``, whose prior is that of
    :class:`PicturePrior`. Components of responses start contrastive training with noise of unit variance, so with
    ``trust`` 1 this is the most probable image. What a linear probe cannot, it can: choose, between images that energy
    does not tell apart, the one that the other neurons allow. Cost grows with responses × steps × that of the image
    tower; memory with ``BATCH_PICTURES`` images of it.

    References
    ----------
    Naselaris et al. 2009, Neuron 63:902 (images by an encoding model and a prior); Bauer et al. 2026, eLife 14:RP105081
    (movies by an encoding model's gradient, from mouse visual cortex).
    """

    def __init__(self, model: DualTower, prior: PicturePrior, trust: float, start: Pictures, size: int):
        self.model, self.prior, self.trust, self.start, self.size = model, prior, trust, start, size

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures of (n, neurons) responses."""
        start = torch.from_numpy(np.ascontiguousarray(self.start(z), np.float32)).flatten(1)
        parts = zip(torch.from_numpy(z).split(BATCH_PICTURES), start.split(BATCH_PICTURES), strict=True)
        device = self.prior.mean.device
        found = [self._batch(responses.to(device), pictures.to(device)) for responses, pictures in parts]
        return torch.cat(found).reshape(-1, self.size, self.size).cpu().numpy()

    def _batch(self, z: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        axes, tower = self.prior.axes, self.model.image_tower
        with torch.no_grad():
            target = tower.coordinates(self.model.neural_tower(z))
            y = (start - self.prior.mean) @ axes.T / axes.square().sum(1)
        y.requires_grad_()
        optimiser = torch.optim.Adam([y], STEP, betas=MOMENTA)
        slower = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, N_STEPS)
        for _ in range(N_STEPS):
            missed = target - tower.scale(tower.prepare(self._images(y)))
            cost = (self.trust * missed.square().sum() + y.square().sum()) / 2
            (y.grad,) = torch.autograd.grad(cost, [y])
            optimiser.step()
            slower.step()
        return self.prior.mean + y.detach() @ axes

    def _images(self, y: torch.Tensor) -> torch.Tensor:
        """(n, height, width) as the tower takes them."""
        pictures = (self.prior.mean + y @ self.prior.axes).reshape(-1, 1, self.size, self.size)
        shape = self.model.image_tower.bank.image_shape
        return nn.functional.interpolate(pictures, size=shape, mode="bilinear")[:, 0]
