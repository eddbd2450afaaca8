"""Symmetric InfoNCE in which repeats of one image are never each other's negatives."""

from __future__ import annotations

import torch
from torch import nn


def info_nce(similarity: torch.Tensor, image_ids: torch.Tensor, inverse_temperature: torch.Tensor) -> torch.Tensor:
    """Contrastive loss of a batch of trials and the images that they show.

    ``L = ½ mean_i [−log e^{s_ii/τ} / (e^{s_ii/τ} + Σ_{j: id_j ≠ id_i} e^{s_ij/τ})]`` over rows, and
    the same over columns. Other trials of the same image count neither for nor against.

    Parameters
    ----------
    similarity : (n, n) of response i with the image of trial j
    image_ids : (n,) integers
    inverse_temperature : scalar, 1/τ

    Returns
    -------
    scalar

    References
    ----------
    van den Oord et al. 2018, arXiv 1807.03748; Radford et al. 2021, ICML (symmetric form).
    """
    own = torch.eye(len(image_ids), dtype=torch.bool, device=similarity.device)
    repeats = (image_ids[:, None] == image_ids) & ~own
    logits = (similarity * inverse_temperature).float().masked_fill(repeats, -torch.inf)
    labels = torch.arange(len(logits), device=logits.device)
    rows = nn.functional.cross_entropy(logits, labels)
    columns = nn.functional.cross_entropy(logits.T, labels)
    return (rows + columns) / 2


class SymmetricInfoNCE(nn.Module):
    """:func:`info_nce` as a module; the temperature belongs to the dual tower."""

    def forward(
        self, similarity: torch.Tensor, image_ids: torch.Tensor, inverse_temperature: torch.Tensor
    ) -> torch.Tensor:
        """The loss of one batch."""
        return info_nce(similarity, image_ids, inverse_temperature)
