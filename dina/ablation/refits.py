"""DINA fitted anew again and again to the same images: what does not change is computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch

from dina.ablation.retraining import is_closed_form, retrain
from dina.decoders.dina import DinaDecoder
from dina.models.features import bank_maps
from dina.probing.queries import Queries, top1_by_image
from dina.recordings.trials import TEST, TRAIN, TrialResponses
from dina.settings import Detail, DinaSettings, GaborSettings
from dina.training.closed_form import FittedEncoding


@dataclass(frozen=True)
class Refits:
    """How DINA is fitted anew, and the gallery in which it is then asked.

    A closed form's encoding model is fitted neuron by neuron to the mean response to each image: leaving neurons out,
    or permuting an image's repeats, changes nothing of it, only the noise around it and what towers make of both.

    Attributes
    ----------
    settings, gabor, detail, seed, device : of :func:`dina.ablation.retraining.retrain`
    fitted : the encoding model of all neurons
    image_ids : (images,) of the gallery, ascending
    gallery : (images, height, width)
    maps : (images, channels, grid, grid) of the Gabor bank; None where the whole of DINA is trained
    """

    settings: DinaSettings
    gabor: GaborSettings
    detail: Detail
    seed: int
    device: torch.device
    fitted: FittedEncoding
    image_ids: np.ndarray
    gallery: np.ndarray
    maps: torch.Tensor | None

    @classmethod
    def of(
        cls,
        trials: TrialResponses,
        fitted: FittedEncoding,
        settings: DinaSettings,
        gabor: GaborSettings,
        *,
        detail: Detail,
        seed: int,
        device: torch.device,
    ) -> Self:
        """With the test images of the given trials as the gallery."""
        ids = trials.image_ids(TEST)
        gallery = trials.images[ids]
        maps = bank_maps(fitted.space.bank, gallery) if is_closed_form(settings, detail) else None
        return cls(settings, gabor, detail, seed, device, fitted, ids, gallery, maps)

    def in_closed_form(self, trials: TrialResponses) -> Self:
        """In quick detail, with those images alone in the gallery that are test images of these trials too."""
        kept = np.isin(self.image_ids, trials.image_ids(TEST))
        maps = None
        if is_closed_form(self.settings, "quick"):
            maps = bank_maps(self.fitted.space.bank, self.gallery) if self.maps is None else self.maps
            maps = maps[torch.from_numpy(kept).to(maps.device)]
        return replace(self, detail="quick", image_ids=self.image_ids[kept], gallery=self.gallery[kept], maps=maps)

    def by_repeats(self, trials: TrialResponses) -> Self:
        """With noise measured around the mean over each image's repeats, not around its prediction, in closed form.

        What neurons share on one showing is in it, and nothing else: neither what the encoding model misses of an
        image, nor the noise that is left in an image's mean, which no shuffle of its repeats can take apart.

        Parameters
        ----------
        trials : every training image shown twice or more
        """
        means, ids = trials.averaged(TRAIN, weighted=False)
        encoding = replace(self.fitted.encoding, held_out=torch.from_numpy(means).to(self.device))
        return replace(self, fitted=replace(self.fitted, image_ids=ids, encoding=encoding))

    def fit(self, trials: TrialResponses, neurons: np.ndarray | None = None) -> tuple[DinaDecoder, np.ndarray]:
        """Fit DINA to some neurons of trials, or to all; returns it with the gallery as it represents it.

        In closed form milliseconds for 100 neurons, and growing with trials × neurons and neurons³ up to the number of
        image components; else a whole training.
        """
        fitted = self.fitted
        if neurons is not None:
            trials, fitted = trials.of_neurons(neurons), fitted.of_neurons(neurons)
        decoder = retrain(
            trials, self.settings, self.gabor, detail=self.detail, seed=self.seed, device=self.device, fitted=fitted
        )
        if self.maps is None:
            return decoder, decoder.represent(self.gallery)
        with torch.no_grad():
            components = decoder.model.image_tower.components(self.maps)
            return decoder, decoder.model.embed_images(components).cpu().numpy()

    def top1(self, trials: TrialResponses, queries: Queries, neurons: np.ndarray | None = None) -> np.ndarray:
        """(images,) top-1 of DINA fitted anew to some neurons, or to all, asked by their responses alone."""
        decoder, known = self.fit(trials, neurons)
        z = queries.z if neurons is None else queries.z[:, neurons]
        return top1_by_image(decoder.compare(z, known), queries.true)
