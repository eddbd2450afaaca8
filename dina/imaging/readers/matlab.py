"""MATLAB files of version 5, looked over before SciPy reads them, which follows a damaged length out of memory.

References
----------
MAT-File Format (The MathWorks 2023), chapter 1: level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dina.errors import reading

HEADER_BYTES = 128
ORDERS = {b"IM": "<", b"MI": ">"}  # as the header's last two bytes were written
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}  # by type of element
INT32, UINT32, MATRIX, PACKED = 5, 6, 14, 15  # types of elements
CELL, STRUCT, OBJECT, CHAR, SPARSE, LAST_NUMERIC = 1, 2, 3, 4, 5, 15  # classes of arrays
INTEGERS = (1, 2, 3, 4, INT32, UINT32, 12, 13, 16, 17, 18)  # types, those of text among them
COMPLEX = 1 << 11  # in an array's flags
WITHOUT = "a file without what is needed"
DEEPEST = 16  # arrays within arrays; descriptions of recordings have three
MOST_BYTES = 64 << 20  # unpacked; they are some kB


def read_matlab(path: Path, expected: str) -> dict[str, Any]:
    """The variables of a file, structures as dictionaries.

    Time and memory grow with the file's size, which is small.

    Raises
    ------
    InputError
        If it is no MATLAB file of version 5 to 7, or damaged: ``expected`` says what it should hold.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with reading(path, expected, "Copy the file again.", found=WITHOUT, also=(MatReadError,)):
        content = path.read_bytes()
        order = ORDERS[content[HEADER_BYTES - 2 : HEADER_BYTES]]
        for kind, value in _elements(content[HEADER_BYTES:], order):
            _check_variable(kind, value, order)
        return loadmat(path, simplify_cells=True)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and value of the elements that follow each other; those of up to four bytes stand in their own tag."""
    place = 0
    while place < len(content):
        kind, n_bytes = struct.unpack_from(order + "II", content, place)
        if kind >> 16:
            kind, n_bytes, begin, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
            if n_bytes > 4:
                raise ValueError(f"a small element of {n_bytes} bytes")
        else:
            begin = place + 8
            after = begin + n_bytes + (0 if kind == PACKED else -n_bytes % 8)
        if begin + n_bytes > len(content):
            raise ValueError(f"an element of {n_bytes} bytes, {len(content) - begin} left")
        yield kind, content[begin : begin + n_bytes]
        place = after


def _check_variable(kind: int, value: bytes, order: str) -> None:
    if kind == PACKED:
        unpack = zlib.decompressobj()
        value = unpack.decompress(value, MOST_BYTES)
        if not unpack.eof:
            raise ValueError("a variable cut off, or far too large")
        ((kind, value),) = _elements(value, order)
    if kind != MATRIX:
        raise ValueError(f"a variable of type {kind}")
    _check_array(value, order)


def _check_array(content: bytes, order: str, depth: int = 0) -> None:
    """Raise unless an array's parts are those of its class, and as long as its dimensions say."""
    if not content:  # an empty array inside another
        return
    if depth > DEEPEST:
        raise ValueError(f"arrays within arrays, {depth} deep")
    (flags_kind, flags), (shape_kind, shape), (name_kind, _), *parts = _elements(content, order)
    if (flags_kind, len(flags), shape_kind, len(shape) % 4, name_kind) != (UINT32, 8, INT32, 0, 1) or len(shape) < 8:
        raise ValueError("an array without flags, dimensions or name")
    flag = struct.unpack(order + "II", flags)[0]
    sides = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    n_values, of = math.prod(sides), flag & 0xFF
    if min(sides) < 0:
        raise ValueError(f"dimensions {sides}")
    if of in (STRUCT, OBJECT):
        n_values *= _count_fields(parts[of - STRUCT :], order)
        parts = parts[of - STRUCT + 2 :]
    if of in (CELL, STRUCT, OBJECT):
        if len(parts) != n_values or any(kind != MATRIX for kind, _ in parts):
            raise ValueError(f"{len(parts)} arrays inside another, for {n_values}")
        for _, value in parts:
            _check_array(value, order, depth + 1)
    elif of == CHAR or SPARSE < of <= LAST_NUMERIC:
        if len(parts) != 1 + bool(flag & COMPLEX):
            raise ValueError(f"{len(parts)} lists of values")
        for kind, value in parts:
            if len(value) != n_values * VALUE_BYTES[kind] or (of == CHAR and kind not in INTEGERS):
                raise ValueError(f"{len(value)} bytes of type {kind}, for {n_values} values")
    else:
        raise ValueError(f"an array of class {of}")


def _count_fields(parts: list[tuple[int, bytes]], order: str) -> int:
    """How many fields a structure has, from the length of a name and that of all names."""
    (length_kind, length), (names_kind, names) = parts[:2]
    (n_bytes,) = struct.unpack(order + "i", length)
    if length_kind != INT32 or names_kind != 1 or n_bytes < 1 or len(names) % n_bytes:
        raise ValueError("a structure without names of its fields")
    return len(names) // n_bytes
