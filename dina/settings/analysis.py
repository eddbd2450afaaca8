"""What is asked of the fitted decoders."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dina.settings.section import (
    Count,
    Positive,
    Section,
)


class ProbingSettings(Section):
    """What is asked of the trained decoders."""

    pool_sizes: tuple[Count, ...] = Field(
        (2, 5, 10, 20, 50, 100), description="Candidate pools, besides all test images."
    )
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")
    reconstruction_size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        32, description="Height and width of reconstructed images, pixels."
    )


class AblationSettings(Section):
    """What is taken away from images and neurons."""

    cutoffs_cpd: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.04, 0.08, 0.16, 0.32, 0.6),
        description="Cut-offs of the low-pass and high-pass filters, cycles per degree.",
    )
    cutoffs_cpi: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (1.5, 3.0, 6.0, 12.0, 24.0),
        description="Cut-offs where the images' width in degrees is unknown, cycles per image.",
    )
    neuron_shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = Field(
        (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        description="Shares of neurons left on.",
    )
    n_random_orders: Count = Field(3, description="Random orders of neurons, dealt out among a decoder's seeds.")
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the random orders.")


class AttributionSettings(Section):
    """Where in the image, and by which neurons."""

    n_images: Count = Field(24, description="Images over which gradients are averaged.")
    n_steps: Annotated[int, Field(ge=2)] = Field(16, description="Steps of integrated gradients.")
    n_latents: Count = Field(32, description="Latent values that are attributed, those on which the towers agree best.")
    n_probes: Count = Field(
        18, description="Photographs shown at each place when receptive fields are mapped, over all seeds."
    )
    n_examples: Count = Field(6, description="Images and neurons that are shown as examples.")
    n_checked_images: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Images on which methods are checked; null follows detail: quick 12, full 60."
    )
    n_interaction_latents: Count | None = Field(
        None, description="Latent values in which neurons' interactions are sought; null: quick 3, full 16."
    )
    n_interaction_neurons: Annotated[int, Field(ge=2)] = Field(
        12, description="Most important neurons of a latent whose pairs are tested."
    )
    n_surrogates: Annotated[int, Field(ge=20)] | None = Field(
        None, description="Additive surrogates behind the p value of an interaction; null: quick 20, full 100."
    )
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Expected share of false ones among the pairs that are called interacting."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of photographs, noise, random orders, surrogates.")
