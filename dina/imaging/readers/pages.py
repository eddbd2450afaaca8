"""The interface that every file format offers, and what a header may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Header:
    """What a file says of its acquisition; None where it does not.

    Attributes
    ----------
    n_planes, n_channels, n_flyback : int
        Planes of a volume, channels of a plane, and frames at the end of a volume that show no plane.
    frame_rate_hz : float
        Frames a second, of whatever plane.
    volume_rate_hz : float
        Volumes a second.
    pixel_size_um : float
    """

    n_planes: int | None = None
    n_channels: int | None = None
    n_flyback: int | None = None
    frame_rate_hz: float | None = None
    volume_rate_hz: float | None = None
    pixel_size_um: float | None = None


class Pages(Protocol):
    """One file's pages in order of time: channels of a plane fastest, then planes, then volumes.

    Attributes
    ----------
    path : Path
    files : set of Path, all that the pages lie in
    header : Header
    n_pages, height, width : int
    dtype : numpy dtype, in native byte order
    """

    path: Path
    files: set[Path]
    header: Header
    n_pages: int
    height: int
    width: int
    dtype: np.dtype

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); the file stays open until :meth:`close`."""

    def times_s(self, pages: range) -> np.ndarray | None:
        """(pages,) seconds since the acquisition began, or None where the file does not say."""

    def close(self) -> None:
        """Close the file; reading opens it again."""
