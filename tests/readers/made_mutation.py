"""Broken forms of the files that are made, by fields of their formats."""

import copy
import io
import json
import re
import zipfile
from typing import Any

import numpy as np
from mutation import INTEGERS, NUMBERS, WORDS, bytes_turned, header_lines

LES_NUMBERS = 6
XML_VALUES = re.compile(rb'(?<=>)[^<]+(?=<)|(?<=")[^"<>]*(?=")')
JSON_VALUES = (*WORDS, *INTEGERS, *NUMBERS, None, True, [], {}, [1, 2], {"a": 1}, 10**30)


def meta_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Change, double or drop a line of a MetaImage header, as one of NRRD."""
    head, end, voxels = content.partition(b"LOCAL\n")
    changed = header_lines((head + end.strip()).replace(b" = ", b": "), rng)
    return changed.replace(b": ", b" = ") + b"\n" + voxels


def les_numbers(content: bytes, rng: np.random.Generator) -> bytes:
    """Put strange numbers into the box of an outline."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place, value = 2 * int(rng.integers(LES_NUMBERS)), INTEGERS[rng.integers(len(INTEGERS))]
        changed[place : place + 2] = (value % (1 << 16)).to_bytes(2, "little")
    return bytes(changed)


def json_values(content: bytes, rng: np.random.Generator) -> bytes:
    """Drop or rename keys of a JSON file, at any depth, or give them strange values."""
    whole = json.loads(content)
    for _ in range(int(rng.integers(1, 4))):
        holders = _holders(whole)
        holder = holders[int(rng.integers(len(holders)))]
        if not holder:
            continue
        name, kind = list(holder)[int(rng.integers(len(holder)))], int(rng.integers(4))
        if kind == 0:
            del holder[name]
        elif kind == 1:
            holder[WORDS[rng.integers(len(WORDS))]] = copy.deepcopy(holder[name])
        else:
            holder[name] = copy.deepcopy(JSON_VALUES[rng.integers(len(JSON_VALUES))])  # or a value would hold itself
    return json.dumps(whole).encode()


def workbook_parts(content: bytes, rng: np.random.Generator) -> bytes:
    """Change values in the parts of a workbook, or drop a part; once in four then turn bytes of the whole."""
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    for _ in range(int(rng.integers(1, 4))):
        name, kind = list(parts)[int(rng.integers(len(parts)))], int(rng.integers(8))
        if kind == 0 and len(parts) > 1:
            del parts[name]
        elif kind == 1:
            parts[name] = bytes_turned(parts[name], rng)
        elif values := list(XML_VALUES.finditer(parts[name])):
            start, stop = values[int(rng.integers(len(values)))].span()
            parts[name] = parts[name][:start] + WORDS[rng.integers(len(WORDS))].encode() + parts[name][stop:]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    packed = out.getvalue()
    return bytes_turned(packed, rng) if rng.random() < 0.25 else packed


def _holders(value: Any) -> list[dict[str, Any]]:
    """Return a JSON object and every object in it, at any depth."""
    if not isinstance(value, dict):
        return []
    return [value, *(holder for inner in value.values() for holder in _holders(inner))]
