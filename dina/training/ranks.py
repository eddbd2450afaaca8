"""Training by several processes under ``torchrun``, each with its share of every batch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Ranks:
    """The processes that train together; for one alone every method is free.

    Attributes
    ----------
    rank, size : this process among how many
    device : where this process computes
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's rows of a batch: a contiguous part, empty if there are fewer rows than processes."""
        return rows if self.size == 1 else torch.tensor_split(rows, self.size)[self.rank]

    def gather(self, rows: torch.Tensor, n: int) -> torch.Tensor:
        """The ``n`` rows of the whole batch, in its order, of which every process has its :meth:`share`.

        Gradients flow back to the process that computed a row, summed over the processes' losses. With
        :meth:`average_gradients`, parameters that act before the gathering and after it (the temperature)
        both get the gradient of the whole batch's loss.
        """
        return rows if self.size == 1 else _Gather.apply(rows, n, self)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in one exchange."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        means = (flat / self.size).split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def agree_on(self, tensors: Sequence[torch.Tensor]) -> None:
        """Overwrite tensors with those of the first process: rounding may differ between machines."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def from_first(self, content: bytes | None) -> bytes | None:
        """The first process's bytes, or None if it has none; what others pass does not matter."""
        if self.size == 1:
            return content
        length = torch.tensor(-1 if content is None else len(content), device=self.device)
        distributed.broadcast(length, 0)
        if length < 0:
            return None
        data = torch.empty(int(length), dtype=torch.uint8, device=self.device)
        if self.is_first:
            data.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        distributed.broadcast(data, 0)
        return data.cpu().numpy().tobytes()


ALONE = Ranks(0, 1, torch.device("cpu"))


class _Gather(torch.autograd.Function):
    """Rows of all processes, one under the other; shares may differ by one row, so they travel padded."""

    @staticmethod
    def forward(context, rows: torch.Tensor, n: int, ranks: Ranks) -> torch.Tensor:
        lengths = [len(part) for part in torch.tensor_split(torch.empty(n), ranks.size)]
        context.ranks, context.start = ranks, sum(lengths[: ranks.rank])
        context.length = len(rows)
        padded = rows.new_zeros(max(lengths), *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in lengths]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])

    @staticmethod
    def backward(context, gradient: torch.Tensor):
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient.narrow(0, context.start, context.length), None, None


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """This process among those that ``torchrun`` started, or alone; a GPU each, or the CPU's cores shared."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
