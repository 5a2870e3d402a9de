"""Convolution along some axes, with sums over others: autograd's own, not SciPy's."""

import numpy as np

from ..refused import refusing

__getattr__ = refusing(__name__)

MODES = ("full", "same", "valid")


def convolve(A, B, axes=None, dot_axes=((), ()), mode="full"):
    """The convolution of A and B along `axes`, and their dot product along `dot_axes`.

    The result has first the other axes of A, then those of B, then those of the convolution.

    Parameters
    ----------
    A, B : arrays
    axes, dot_axes : pairs of lists of ints
        The axes of A, and those of B that go with them; by default all are convolved.
    mode : "full", "same" or "valid"
        As for `scipy.signal.convolve`: "same" is as long as A.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.compat.autograd.scipy.signal import convolve
    >>> convolve(np.arange(4.0), np.array([1.0, -1.0]), mode="valid")
    array([1., 1., 1.])
    >>> images, filters = np.ones((5, 3, 8, 8)), np.ones((3, 4, 2, 2))
    >>> convolve(images, filters, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid").shape
    (5, 4, 7, 7)
    """
    if mode not in MODES:
        raise ValueError(f"convolve: mode is one of {', '.join(MODES)}; got {mode!r}")
    on_A, on_B = map(tuple, (range(np.ndim(A)), range(np.ndim(B))) if axes is None else axes)
    lengths = [(np.shape(A)[i], np.shape(B)[j]) for i, j in zip(on_A, on_B, strict=True)]
    swap = mode != "same" and all(a <= b for a, b in lengths)
    if mode == "valid" and not swap and any(a < b for a, b in lengths):
        raise ValueError(f"convolve: for mode='valid' one array must be the longer along all axes; got {lengths}")

    # Axes by numbers, as einsum takes them; those that are summed over have the same in both arrays.
    of_A = list(range(np.ndim(A)))
    of_B = [np.ndim(A) + j for j in range(np.ndim(B))]
    for i, j in zip(*dot_axes, strict=True):
        of_B[j] = of_A[i]
    convolved, used_A, used_B = [of_A[i] for i in on_A], {*on_A, *dot_axes[0]}, {*on_B, *dot_axes[1]}
    result = [
        *(of_A[i] for i in range(np.ndim(A)) if i not in used_A),
        *(of_B[j] for j in range(np.ndim(B)) if j not in used_B),
    ]
    if swap:
        A, B, of_A, of_B, on_A, on_B = B, A, of_B, of_A, on_B, on_A
        convolved = [of_A[i] for i in on_A]

    # Windows slide over A; in each, B lies the other way round.
    sizes = [np.shape(B)[j] for j in on_B]
    ends = {"full": lambda n: (n - 1, n - 1), "same": lambda n: (n // 2, (n - 1) // 2), "valid": lambda n: (0, 0)}
    width = [(0, 0)] * np.ndim(A)
    for i, n in zip(on_A, sizes, strict=True):
        width[i] = ends[mode](n)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(A, width), sizes, axis=on_A)
    within = [np.ndim(A) + np.ndim(B) + k for k in range(len(sizes))]
    for j, label in zip(on_B, within, strict=True):
        of_B[j] = label
    return np.einsum(windows, [*of_A, *within], np.flip(B, on_B), of_B, [*result, *convolved], optimize=True)
