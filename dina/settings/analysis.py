"""What is asked of the fitted decoders."""

from __future__ import annotations

from typing import Annotated, Literal

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


Ablated = Literal["low_pass", "high_pass", "band_pass", "phase_scrambled", "line_drawing", "patch_shuffled", "texture"]


class TextureSettings(Section):
    """Images with the texture statistics of the test images, and nothing of their shape."""

    n_images: Count | None = Field(
        None,
        description="Test images that get a texture, evenly spread; null follows `detail`: quick 32, full all images, "
        "training ones too, so that DINA can be fitted anew to textures.",
    )
    size_px: Annotated[int, Field(ge=16)] | None = Field(
        None,
        description="Shorter side at which textures are made, pixels; null follows `detail`: quick 32, full the "
        "images' own.",
    )
    n_steps: Count | None = Field(
        None, description="Steps of gradient descent; null follows `detail`: quick 40, full 200."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the noise that textures start from.")


class ImageAblationSettings(Section):
    """What is taken away from images."""

    cutoffs_cpd: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.04, 0.08, 0.16, 0.32, 0.6),
        description="Cut-offs of the low-pass and high-pass filters, cycles per degree.",
    )
    cutoffs_cpi: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (1.5, 3.0, 6.0, 12.0, 24.0),
        description="Cut-offs where the images' width in degrees is unknown, cycles per image.",
    )
    patch_grids: tuple[Annotated[int, Field(ge=2)], ...] = Field(
        (2, 4, 8), description="Patches a side into which images are cut before these change places."
    )
    occlusion_window: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.25, description="Side of the grey window that hides a part of the candidates, share of the image's sides."
    )
    occlusion_steps: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Positions of that window along each side; null follows `detail`: quick 4, full 13."
    )
    retrain: tuple[Ablated, ...] | None = Field(
        None,
        description="Ablations to which DINA is also fitted anew; null follows `detail`: quick low_pass and high_pass "
        "at their middle cut-off, full all at every cut-off.",
    )


class NeuronAblationSettings(Section):
    """Which neurons are taken away."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = Field(
        (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        description="Shares of neurons left on.",
    )
    n_random_orders: Count = Field(3, description="Random orders of neurons, dealt out among a decoder's seeds.")
    retrained_shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] | None = Field(
        None,
        description="Shares of neurons to which DINA is fitted anew; null follows detail: quick 0.05, 0.1, 0.2, 0.35 "
        "and 0.5, full 0.02 and 0.7 besides. All neurons always are the last.",
    )
    n_shuffles: Count | None = Field(
        None,
        description="Shuffles of each image's repeats behind what noise correlations carry; null follows detail: "
        "quick 5, full 20.",
    )


class AblationSettings(Section):
    """What is taken away from images and neurons."""

    images: ImageAblationSettings = ImageAblationSettings()
    textures: TextureSettings = TextureSettings()
    neurons: NeuronAblationSettings = NeuronAblationSettings()
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")
    seed: Annotated[int, Field(ge=0)] = Field(
        0, description="Seed of random orders, shuffles, phases and patches' places."
    )


class ReceptiveFieldSettings(Section):
    """Where DINA takes each neuron to look."""

    n_probes: Count = Field(
        18, description="Photographs shown at each place when receptive fields are mapped, over all seeds."
    )


class InteractionSettings(Section):
    """Which pairs of neurons tell more about a latent value than the sum of both."""

    n_latents: Count | None = Field(
        None,
        description="Latent values in which interactions are sought; null follows detail: quick 3, full 16.",
    )
    n_neurons: Annotated[int, Field(ge=2)] = Field(
        12, description="Most important neurons of a latent whose pairs are tested."
    )
    n_surrogates: Annotated[int, Field(ge=20)] | None = Field(
        None,
        description="Additive surrogates behind an interaction's p value; null follows detail: quick 20, full 100.",
    )
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Expected share of false ones among the pairs that are called interacting."
    )


class LatentMapSettings(Section):
    """How few neurons rebuild a latent value, and where the towers agree."""

    most_neurons: Count = Field(30, description="Neurons that are tried to rebuild a latent value.")
    share_of_all: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9, description="A set of neurons is large enough at this share of the R² that all neurons reach."
    )
    n_paired: Annotated[int, Field(ge=2)] = Field(
        10, description="Neurons of a set, first taken first, whose products of pairs are offered."
    )
    n_folds: Annotated[int, Field(ge=2)] = Field(5, description="Folds of training images in cross-validation.")
    n_surrogates: Annotated[int, Field(ge=19)] | None = Field(
        None, description="Additive surrogates behind each p value of pairs; null follows detail: quick 199, full 999."
    )
    n_shuffles: Annotated[int, Field(ge=19)] | None = Field(
        None, description="Shuffles of images against responses; null follows detail: quick 499, full 4999."
    )
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Rate of false discoveries, over latent values and over places of the grid."
    )
    n_bootstrap: Annotated[int, Field(ge=100)] = Field(1000, description="Bootstrap samples behind each interval.")


class AttributionSettings(Section):
    """Where in the image, and by which neurons."""

    n_images: Count = Field(24, description="Images over which gradients are averaged.")
    n_steps: Annotated[int, Field(ge=2)] = Field(16, description="Steps of integrated gradients.")
    n_latents: Count = Field(32, description="Latent values that are attributed, those on which the towers agree best.")
    n_examples: Count = Field(6, description="Images and neurons that are shown as examples.")
    n_checked_images: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Images on which methods are checked; null follows detail: quick 12, full 60."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of photographs, noise, random orders, surrogates.")
    receptive_fields: ReceptiveFieldSettings = ReceptiveFieldSettings()
    interactions: InteractionSettings = InteractionSettings()
    latent_maps: LatentMapSettings = LatentMapSettings()
