"""Names by which annotations tell an array's numbers and shape: jaxtyping's own, where someone reads them.

The type checker reads them, and so do the tests, which load jaxtyping before anything of onephase and check every call
against them. A program at work reads none, and is spared a tenth of a second: there each name is the array itself.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import (
        Bool,
        Float,
        Float16,
        Float32,
        Float64,
        Int,
        Int8,
        Int16,
        Int32,
        Int64,
        Integer,
        Real,
        Shaped,
        UInt8,
        UInt32,
    )
else:

    class _Unread:
        def __class_getitem__(cls, said: tuple[Any, str]) -> Any:
            return said[0]

    Bool = Float = Float16 = Float32 = Float64 = Int = Int8 = Int16 = Int32 = Int64 = Integer = Real = Shaped = _Unread
    UInt8 = UInt32 = _Unread

__all__ = [
    "Bool",
    "Float",
    "Float16",
    "Float32",
    "Float64",
    "Int",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Integer",
    "Real",
    "Shaped",
    "UInt8",
    "UInt32",
]
