"""JSON that keeps every float and every string.

Standard JSON has no NaN and no infinities: here they are `{"$float": "nan" | "inf" | "-inf"}`, so that any JSON reader
can read what we write. Scalars of array libraries (anything with `.item()`) become Python's.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .errors import StoreError

MARK = "$float"


def plain(value: Any) -> Any:
    """A Python scalar for a scalar of an array library; anything else as it is."""
    return value.item() if hasattr(value, "item") else value


def _default(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be stored as JSON")


_fast = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_default).encode


def encode(value: Any) -> str:
    """One line of ASCII JSON. Raises StoreError when the value has no JSON form."""
    try:
        return _fast(value)
    except (ValueError, TypeError, RecursionError):
        pass  # a NaN or infinity somewhere, or no JSON at all: the slow way tells them apart
    try:
        return _fast(_marked(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"Only JSON values can be stored (text, numbers, lists, dicts with text keys): {error}."
        ) from None


def _marked(value: Any) -> Any:
    """`value` with every NaN and infinity replaced by its marker."""
    value = plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {MARK: repr(float(value))}
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return value


def _unmarked(pairs: dict[str, Any]) -> Any:
    if len(pairs) == 1 and pairs.get(MARK) in ("nan", "inf", "-inf"):
        return float(pairs[MARK])
    return pairs


def decode(text: str | bytes) -> Any:
    """The value `encode` was given (tuples come back as lists). Raises ValueError when the text is no JSON."""
    # The hook costs a call for every object: only where a marker can be.
    marked = MARK in text if isinstance(text, str) else MARK.encode() in text
    return json.loads(text, object_hook=_unmarked if marked else None)


def clean(text: object) -> str:
    """Text that UTF-8 can hold: a lone surrogate (from undecodable bytes) becomes its escape, such as \\udc80."""
    text = str(text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def clean_path(path: object) -> str:
    """A path as text. Raises StoreError when it has bytes that are no UTF-8: it would not read back the same."""
    text = str(path)
    if clean(text) != text:
        raise StoreError(f"A path must be valid UTF-8 to be stored; got {clean(text)}. Rename the file or folder.")
    return text


def clean_name(name: object, what: str) -> str:
    """A name that a person can type: not empty, valid UTF-8. Raises StoreError."""
    if not isinstance(name, str) or not name.strip():
        article = "An" if what[0] in "aeiou" else "A"
        raise StoreError(f"{article} {what} needs a name: text that is not empty; got {name!r}.")
    return clean(name)
