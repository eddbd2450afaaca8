"""DINA and its rivals."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from dina.settings.section import (
    Count,
    NonNegative,
    Positive,
    Section,
    unique,
)

RECORDING, INSTALLED = "recording", "installed"  # where pictures to pretrain on come from, else from a folder


class GaborSettings(Section):
    """The fixed bank of Gabor filters that DINA and its rivals share."""

    frequencies_cpi: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (1.5, 3.0, 6.0, 10.0), description="Spatial frequencies, cycles per image."
    )
    n_orientations: Annotated[int, Field(ge=2, le=32)] = Field(
        8, description="Orientations, evenly spaced over 180 degrees."
    )
    bandwidth_octaves: Positive = Field(1.5, description="Spatial-frequency bandwidth, octaves.")
    grid: Annotated[int, Field(ge=2, le=64)] = Field(
        8, description="Positions a side to which the filter maps are pooled."
    )
    normalisation_sigma: Positive | None = Field(
        None,
        description="Divisive normalisation: every map is divided by this plus the energy around it, averaged over "
        "filters, in grey levels from 0 to 1; 0.03 halves what photographs evoke. Null leaves maps as they are.",
    )
    normalisation_width: Positive = Field(
        0.125, description="Width, s.d., of the Gaussian that weights the energy around it, share of the image's size."
    )


class ReadInSettings(Section):
    """How neurons enter the maps."""

    kind: Literal["low_rank", "dense", "retinotopic"] = Field(
        "low_rank",
        description="By way of a few components; every neuron to every map value; or every neuron at a place.",
    )
    n_lobes: Annotated[int, Field(ge=1, le=8)] = Field(1, description="Places of each neuron, retinotopic read-in.")
    learning: Annotated[float, Field(ge=0, le=10)] | None = Field(
        None,
        description="Relative change of the read-in's weights where a gate changes by 1; 0 keeps them at their start. "
        "Null is 0 beside the Gabor tower, whose closed form is no worse for it, and 5 beside a learned one.",
    )


class AlignmentSettings(Section):
    """What of the two towers' maps is made to agree."""

    level: Literal["map", "location", "pooled"] = Field(
        "map", description="Whole maps, every place by itself, or, as ordinary contrastive models do, their mean."
    )
    scales: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (1,),
        description="Scales at which maps are compared: pooling factors, divisors of gabor.grid; 1 is the whole grid.",
    )
    scale_weights: tuple[Positive, ...] | None = Field(None, description="Weight of each scale; null for all alike.")

    @model_validator(mode="after")
    def _one_weight_a_scale(self) -> Self:
        if len(set(self.scales)) < len(self.scales):
            raise ValueError(f"a scale twice in {list(self.scales)}: give it a weight instead")
        if self.scale_weights is not None and len(self.scale_weights) != len(self.scales):
            raise ValueError(f"{len(self.scale_weights)} scale_weights for {len(self.scales)} scales")
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        """One for each scale."""
        return self.scale_weights or (1.0,) * len(self.scales)


class LearningSettings(Section):
    """What the training loop reads of DINA's settings and of the learned rivals'."""

    epochs: Count
    batch_trials: Annotated[int, Field(ge=8)]
    learning_rate: Positive
    weight_decay: NonNegative
    patience: Count
    gradient_clip: Positive | None = Field(
        None, description="Norm to which the gradient of a step is cut; null leaves it as it is."
    )
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of all steps along which the learning rate rises linearly from 0; 0 starts at the top."
    )
    weight_average: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Decay of a moving average over steps of the weights, which is then validated and kept instead "
        "of the weights; 0.99 averages about the last 100 steps, 0 is off.",
    )


class CoreReadoutSettings(LearningSettings):
    """The encoding model with a convolutional core and Gaussian readouts."""

    channels: Count = Field(32, description="Channels of every layer.")
    size_px: Annotated[int, Field(ge=8, le=256, multiple_of=2)] = Field(
        32, description="Height and width of the pictures that it sees, pixels."
    )
    sparsity: NonNegative = Field(
        0.01, description="Weight in the loss of the mean magnitude of a neuron's channel weights."
    )
    epochs: Count = Field(12, description="Most passes over the training images.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(64, description="Images in a batch, their showings averaged.")
    learning_rate: Positive = Field(1e-2, description="Learning rate of AdamW.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    patience: Count = Field(5, description="Epochs without a better validation score before training stops.")


class DinaModelSettings(Section):
    """The dual tower."""

    image_tower: Literal["gabor", "learned"] = Field(
        "gabor",
        description="Image tower: Gabor bank with learned mixing, or a convolutional network learned from scratch "
        "(set dina.training.learning_rate to 0.002 for it).",
    )
    channels: Count = Field(64, description="Channels of the latent maps; no more than the Gabor bank's.")
    n_components: Count = Field(400, description="Rank of the read-in and of the metric of the image maps.")
    read_in: ReadInSettings = ReadInSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    n_image_components: Count = Field(
        600, description="Principal components of the Gabor maps in which the closed-form start is fitted."
    )
    field_widths: tuple[Positive, ...] = Field(
        (0.125, 0.2),
        description="Widths of the Gaussian prior around each neuron's receptive field, share of the image's width; "
        "leave-one-out error chooses per neuron, and may choose no such prior.",
    )
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (3.0, 12.0, 50.0),
        description="Penalties of the closed-form start among which leave-one-out error chooses per neuron, "
        "in units of the prior's mean image variance.",
    )

    learned_core: bool = Field(
        True,
        description="Beside the Gabor bank, a convolutional core that is trained to predict responses; validation "
        "images choose how much of it enters. Clips, and closed sets, have none.",
    )
    core: CoreReadoutSettings = CoreReadoutSettings()

    def has_learned_core(self, image_shape: tuple[int, ...]) -> bool:
        """Whether images of this shape, (height, width), have a learned core; clips have none."""
        return self.learned_core and self.image_tower == "gabor" and len(image_shape) == 2

    @property
    def read_in_learning(self) -> float:
        """``read_in.learning``, or what suits the image tower."""
        if self.read_in.learning is not None:
            return self.read_in.learning
        return {"gabor": 0.0, "learned": 5.0}[self.image_tower]

    @model_validator(mode="after")
    def _random_read_ins_learn(self) -> Self:
        if self.image_tower == "learned" and self.read_in.learning == 0:
            raise ValueError("read_in.learning 0 leaves a read-in as it starts, at random beside a learned image tower")
        return self


class DinaTrainingSettings(LearningSettings):
    """How the towers are trained."""

    epochs: Count = Field(30, description="Most passes over the training trials; the learning rate falls to 0 by then.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(
        1024, description="Trials in a batch; the others are each trial's negatives."
    )
    learning_rate: Positive = Field(1e-3, description="Learning rate of AdamW at the start.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    neuron_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of neurons silenced in each batch."
    )
    patience: Count = Field(10, description="Epochs without a better validation score before training stops.")
    loss: Literal["info_nce", "sigmoid"] = Field(
        "info_nce", description="Symmetric InfoNCE over the batch, or a sigmoid for every pair."
    )
    compile: bool = Field(False, description="Compile the neural tower, on a GPU: a minute at the start, faster steps.")
    gate_penalty: NonNegative = Field(
        0.0, description="Weight of the loss that closes gates: how evenly neurons are used, 0 to 1."
    )
    checkpoint_s: Positive = Field(
        60.0,
        description="Least time between two checkpoints of a training in progress, s; they are written between epochs, "
        "and a killed training goes on from the last.",
    )


class PretrainingSettings(LearningSettings):
    """A learned image tower's start from photographs without responses, whose Gabor maps it learns to predict."""

    photographs: Annotated[tuple[str, ...], AfterValidator(unique)] = Field(
        (),
        description="What a learned image tower is pretrained on: recording, its own training images; installed, the "
        "photographs inside scikit-image, scikit-learn, plenoptic and matplotlib; folders of own photographs. What is "
        "found to show validation or test images is left out. Empty is no pretraining.",
    )
    n_crops: Count = Field(5000, description="Crops taken from all photographs together.")
    crop_px: tuple[Count, Count] = Field(
        (48, 256), description="Smallest and largest height of a crop, pixels (drawn log-uniformly)."
    )
    longest_side_px: Annotated[int, Field(ge=64)] = Field(
        800, description="Larger photographs are reduced to this longer side, pixels."
    )
    epochs: Count = Field(20, description="Most passes over the pictures.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(128, description="Pictures in a batch.")
    learning_rate: Positive = Field(2e-3, description="Learning rate of AdamW.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    patience: Count = Field(5, description="Epochs without a better prediction of pictures left out before it stops.")

    @model_validator(mode="after")
    def _crops_ordered(self) -> Self:
        if self.crop_px[0] > self.crop_px[1]:
            raise ValueError(f"crop_px {list(self.crop_px)}, the smallest first")
        return self


class DinaSettings(Section):
    """DINA: images and responses aligned at the level of feature maps."""

    model: DinaModelSettings = DinaModelSettings()
    training: DinaTrainingSettings = DinaTrainingSettings()
    pretraining: PretrainingSettings = PretrainingSettings()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(unique)] = Field(
        (0, 1, 2), description="Seeds; each is a job, and scores are their mean."
    )
    cohort: Annotated[tuple[str, ...], AfterValidator(unique)] = Field(
        (),
        description="Other recordings of the sheet that this one learns from, for few images of its own: a prior for "
        "its neurons, or, where the image tower is learned, the tower itself. Its held-out images are left out there.",
    )

    @model_validator(mode="after")
    def _learned_towers_are_pretrained(self) -> Self:
        if self.pretraining.photographs and self.model.image_tower != "learned":
            raise ValueError(
                "pretraining.photographs beside a Gabor tower: only model.image_tower learned has use of it"
            )
        if self.pretraining.photographs and self.cohort:
            raise ValueError("pretraining.photographs and a cohort: a tower starts from one of them")
        return self


class ConvolutionalSettings(LearningSettings):
    """The prior art that DINA is compared with: ridge to pixels, completed by a convolutional network."""

    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.1, 0.3, 1, 3, 10, 30),
        description="Penalties of the read-in among which the validation images choose, in units of the responses' "
        "mean sum of squares.",
    )
    channels: Count = Field(16, description="Channels at the picture's full size.")
    size_px: Annotated[int, Field(ge=8, le=256, multiple_of=4)] = Field(
        32, description="Height and width of the pictures that it predicts, pixels."
    )
    epochs: Count = Field(15, description="Most passes over the training trials.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(128, description="Trials in a batch.")
    learning_rate: Positive = Field(2e-3, description="Learning rate of AdamW.")
    weight_decay: NonNegative = Field(1e-2, description="Weight decay of AdamW.")
    patience: Count = Field(5, description="Epochs without a better validation score before training stops.")


class RidgeSettings(Section):
    """Closed-form rivals."""

    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
        description="Penalties in units of the inputs' mean sum of squares. Validation images choose one; in the "
        "encoding model the least error on training images left out one by one does, neuron by neuron.",
    )
    n_components: Count = Field(200, description="Principal components of the Gabor features, ridge to features.")
    n_encoding_components: Count = Field(400, description="Principal components of the Gabor features, encoding model.")
    size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        32, description="Height and width of the pictures that ridge predicts, pixels."
    )


class CcaSettings(Section):
    """Canonical correlations between responses and Gabor features."""

    n_components: Count = Field(400, description="Principal components of the Gabor features.")
    n_pairs: Count = Field(200, description="Pairs of canonical variates that are compared.")
    response_penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.3, 1.0, 3.0),
        description="Penalties on the responses' side among which the validation images choose, in units of their mean "
        "variance.",
    )
    image_penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.03, 0.1, 0.3), description="The same on the images' side."
    )


class CebraSettings(Section):
    """CEBRA, labelled by Gabor features of what was shown; needs the optional package."""

    n_labels: Count = Field(200, description="Principal components of the Gabor features that label a trial.")
    label_noise: Positive = Field(
        0.5, description="Noise added to a label before the nearest trial is sought, s.d. of a component."
    )
    n_components: Count = Field(200, description="Principal components of the Gabor features that are read out.")
    n_hidden: Annotated[int, Field(ge=2)] = Field(1024, description="Hidden units of a layer of the encoder.")
    n_dimensions: Count = Field(200, description="Dimensions of the embedding.")
    iterations: Count = Field(300, description="Batches of the training.")
    batch_trials: Annotated[int, Field(ge=8)] = Field(512, description="Trials in a batch.")
    learning_rate: Positive = Field(1e-4, description="Learning rate of Adam.")


class DecodersSettings(Section):
    """The rivals, on the same split and the same trials."""

    also: Annotated[tuple[Literal["core_readout", "cebra"], ...], AfterValidator(unique)] = Field(
        (),
        description="Rivals that are fitted only where they are named here, since they take minutes a seed; cebra "
        "needs the package: pip install '.[cebra]'.",
    )
    ridge: RidgeSettings = RidgeSettings()
    cca: CcaSettings = CcaSettings()
    convolutional: ConvolutionalSettings = ConvolutionalSettings()
    core_readout: CoreReadoutSettings = CoreReadoutSettings()
    cebra: CebraSettings = CebraSettings()
