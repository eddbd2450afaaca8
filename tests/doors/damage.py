"""Ways in which the bytes of a file are damaged, drawn by a seed."""

import numpy as np

EDGES = (1500, 4000)  # bytes at a file's beginning and end where formats keep what they say of themselves
SMALL = 8192  # bytes: descriptions, of which a single change is enough to be refused most often
TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF)  # counts of nothing, of all, and signs


def damage(content: bytes, seed: int) -> bytes:
    """Bytes changed, replaced, cut out or doubled, or the rest cut off, mostly near the ends: once to four times."""
    rng = np.random.default_rng(seed)
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 5) if len(content) > SMALL else 1):
        place, n = _place(rng, len(damaged)), int(rng.integers(1, 9))
        kind = rng.choice(("change", "replace", "remove", "double", "cut"), p=(0.55, 0.2, 0.1, 0.1, 0.05))
        if kind == "change":
            damaged[place] = rng.choice(TELLING) if rng.random() < 0.5 else rng.integers(256)
        elif kind == "replace":
            damaged[place : place + n] = rng.bytes(len(damaged[place : place + n]))
        elif kind == "remove":
            del damaged[place : place + n]
        elif kind == "double":
            damaged[place:place] = damaged[place : place + n]
        else:
            del damaged[max(1, place) :]
    return bytes(damaged)


def _place(rng: np.random.Generator, n_bytes: int) -> int:
    low, high = [(0, EDGES[0]), (n_bytes - EDGES[1], n_bytes), (0, n_bytes)][rng.choice(3, p=(0.5, 0.25, 0.25))]
    return int(rng.integers(max(0, low), max(1, min(high, n_bytes))))
