"""What a traced array cannot do, by nature: each function with what to use instead. And what is no number: text."""

from typing import Any

import numpy as np

from ...core.errors import LostGradientError, user_line
from ...core.trace import FRONT_ENDS, aval_of, name_of
from .tools import constant_function, signature_of

# ---- text, and sizes: they need values, or not even those -----------------------------------------------------------

constant_function(np.array2string, np.array_repr, np.array_str)
constant_function(np.packbits, np.unpackbits, np.unravel_index, np.ravel_multi_index)


@signature_of(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: Any = False):
    sizes: list[Any] = [
        x if isinstance(x, str | list | tuple) else np.broadcast_to(0.0, aval_of(x).shape) for x in operands
    ]
    return np.einsum_path(*sizes, optimize=optimize, einsum_call=einsum_call)


# ---- refused --------------------------------------------------------------------------------------------------------

FILES = "a file holds plain numbers: write chainrule.stop_gradient(x)"
BYTES = "bytes have no derivative: take those of chainrule.stop_gradient(x)"
DATES = "dates and times are no floating point numbers"

REFUSED = {
    np.save: FILES,
    np.savez: FILES,
    np.savez_compressed: FILES,
    np.savetxt: FILES,
    np.busday_count: DATES,
    np.busday_offset: DATES,
    np.is_busday: DATES,
    np.datetime_as_string: DATES,
    "byteswap": BYTES,
    "view": "another dtype for the same bytes has no derivative: use astype(), or x[...] for a view of the same dtype",
    "getfield": BYTES,
    "setfield": BYTES,
    "tobytes": BYTES,
    "dumps": BYTES,
    "tofile": FILES,
    "dump": FILES,
    "resize": "a traced array keeps its shape: use np.resize(x, shape) or x.reshape(shape)",
    "setflags": "a traced array is always writeable, and has no memory of its own: leave the flags alone",
}
"""Functions, and methods by name, with the reason and what to do."""


def lost(what, why):
    return LostGradientError(f"{what}: {why} (used with a traced array at {user_line()})")


def refusal(key, why):
    what = f"ndarray.{key}" if isinstance(key, str) else name_of(key)

    def implementation(*args, **kwargs):
        raise lost(what, why)

    return implementation


for key, why in REFUSED.items():
    FRONT_ENDS[key] = refusal(key, why)
