"""Files outside stores, written atomically."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file atomically: yields a temporary sibling with the same ending and renames it.

    If the body raises, the sibling is removed and what stood under ``path`` stays; if the process dies,
    the sibling is left behind and replaced by the next writer.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
