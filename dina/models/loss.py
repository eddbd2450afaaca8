"""Contrastive losses in which repeats of one image are never each other's negatives."""

from __future__ import annotations

import torch
from torch import nn


def info_nce(similarity: torch.Tensor, image_ids: torch.Tensor, inverse_temperature: torch.Tensor) -> torch.Tensor:
    """Contrastive loss of a batch of trials and the images that they show.

    ``L = ½ mean_i [−log e^{s_ii/τ} / (e^{s_ii/τ} + Σ_{j: id_j ≠ id_i} e^{s_ij/τ})]`` over rows, and
    the same over columns. Each trial of an image that is shown repeatedly is a row and a column, so the loss is the
    mean over all positive pairs (``L_out`` of Khosla et al. 2020, NeurIPS, without the other positives below the line).

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


def pairwise_sigmoid(
    similarity: torch.Tensor, image_ids: torch.Tensor, inverse_temperature: torch.Tensor, offset: torch.Tensor
) -> torch.Tensor:
    """A logistic regression of every pair of a batch: does this response show this image?

    ``L = −1/n Σ_ij log σ(± (s_ij / τ + b))``, + where trials i and j show the same image.

    Parameters
    ----------
    similarity, image_ids, inverse_temperature : as of :func:`info_nce`
    offset : scalar, b

    Returns
    -------
    scalar

    References
    ----------
    Zhai et al. 2023, ICCV.
    """
    same = image_ids[:, None] == image_ids
    logits = (similarity * inverse_temperature + offset).float()
    return nn.functional.softplus(torch.where(same, -logits, logits)).sum() / len(logits)
