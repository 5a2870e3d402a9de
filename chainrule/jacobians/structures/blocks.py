"""Block diagonal matrices: one block per element of a batch."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .banded import Diagonal
from .structured import Structured, counted, multiple, numbers, numbers_in


@dataclass(frozen=True, eq=False, repr=False)
class BlockDiagonal(Structured):
    """Blocks of one size along the diagonal: the Jacobian of a function of each sample, or of W @ x in the rows of W.

    Parameters
    ----------
    blocks : array of shape `(b, p, q)` or `(b, p, q, c)`
        `blocks[k]` is the block of rows `k p` to `(k + 1) p` and columns `k q` to `(k + 1) q`. With a fourth axis each
        of these is in turn made of c blocks `(p, q)` that are interleaved: the function acts along an axis that b batch
        axes go before and c come after. It is not copied, and may be broadcast: equal blocks are stored once.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> x = np.array([1.0, 2.0])
    >>> J = cr.BlockDiagonal(np.broadcast_to(x, (3, 1, 2)))  # d(W @ x)/dW for W of shape (3, 2)
    >>> J
    BlockDiagonal(3 x 6, float64, 3 blocks of 1 x 2, 2 numbers stored)
    >>> J.toarray()
    array([[1., 2., 0., 0., 0., 0.],
           [0., 0., 1., 2., 0., 0.],
           [0., 0., 0., 0., 1., 2.]])
    """

    blocks: np.ndarray

    def __post_init__(self):
        blocks = numbers(self.blocks, "BlockDiagonal: the blocks")
        if blocks.ndim not in (3, 4):
            raise ValueError(
                "BlockDiagonal: the blocks are an array of shape (number, rows, columns), or (number, rows, columns, "
                f"interleaved); got the shape {blocks.shape}"
            )
        object.__setattr__(self, "blocks", blocks[..., None] if blocks.ndim == 3 else blocks)

    @property
    def shape(self) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """`(b p c, b q c)`."""
        b, p, q, c = self.blocks.shape
        return b * p * c, b * q * c

    @property
    def dtype(self) -> np.dtype:
        return self.blocks.dtype

    @property
    def T(self) -> "BlockDiagonal":
        return BlockDiagonal(np.swapaxes(self.blocks, 1, 2))

    @property
    def stored(self) -> int:
        return numbers_in(self.blocks)

    def _said(self) -> str:
        b, p, q, c = self.blocks.shape
        return f"{counted(b * c, 'block')} of {p} x {q}" + (f", {c} interleaved" if c > 1 else "")

    def conj(self) -> Self:
        return type(self)(np.conjugate(self.blocks))

    def diagonal(self) -> np.ndarray:
        b, p, q, c = self.blocks.shape
        if p != q:
            return super().diagonal()
        return np.moveaxis(np.diagonal(self.blocks, axis1=1, axis2=2), -1, 1).reshape(b * p * c)

    def tocsr(self) -> Any:
        import scipy.sparse

        b, p, q, c = self.blocks.shape
        columns = np.arange(b * q * c, dtype=np.int64).reshape(b, 1, q, c)
        columns = np.broadcast_to(columns, self.blocks.shape).transpose(0, 1, 3, 2)
        data = self.blocks.transpose(0, 1, 3, 2).reshape(-1)
        ends = np.arange(b * p * c + 1) * q
        return scipy.sparse.csr_array((data, columns.reshape(-1), ends), shape=self.shape)

    def solve(self, b: Any) -> np.ndarray:
        """The x with `J @ x = b`, all blocks in one batched call.

        Raises
        ------
        numpy.linalg.LinAlgError
            If a block is singular.
        """
        right = self._system(b)
        n, p, _, c = self.blocks.shape
        sides = right.reshape(n, p, c, -1).transpose(0, 2, 1, 3)
        found = np.linalg.solve(self.blocks.transpose(0, 3, 1, 2), sides)
        return found.transpose(0, 2, 1, 3).reshape(np.shape(b))

    def _apply(self, x: np.ndarray) -> np.ndarray:
        b, p, q, c = self.blocks.shape
        k = x.shape[1]
        if c == 1 and self.blocks.strides[0] == 0 and b:  # the same block for all: one product
            y = np.matmul(self.blocks[0, :, :, 0], x.reshape(b, q, k))
        else:
            y = np.matmul(self.blocks.transpose(0, 3, 1, 2), x.reshape(b, q, c, k).transpose(0, 2, 1, 3))
            y = y.transpose(0, 2, 1, 3)
        return y.reshape(b * p * c, k)

    def _scaled(self, factor: Any) -> Self:
        return type(self)(multiple(self.blocks, factor))

    def _plus(self, other: Structured) -> Structured | None:
        b, p, q, c = self.blocks.shape
        if isinstance(other, Diagonal) and p == q:
            blocks = np.array(self.blocks, np.result_type(self.dtype, other.dtype))
            i = np.arange(p)
            blocks[:, i, i, :] += other.values.reshape(b, p, c)
            return BlockDiagonal(blocks)
        if isinstance(other, BlockDiagonal) and other.blocks.shape == self.blocks.shape:
            return BlockDiagonal(self.blocks + other.blocks)
        return None

    def _times(self, other: Structured) -> Structured | None:
        b, _, q, c = self.blocks.shape
        if isinstance(other, Diagonal) and other.shape[0] == other.shape[1]:
            return BlockDiagonal(self.blocks * other.values.reshape(b, 1, q, c))
        if isinstance(other, BlockDiagonal) and other.blocks.shape[::3] == (b, c):
            return BlockDiagonal(np.einsum("bijc,bjkc->bikc", self.blocks, other.blocks))
        return None

    def _after(self, other: Structured) -> Structured | None:
        b, p, _, c = self.blocks.shape
        if isinstance(other, Diagonal) and other.shape[0] == other.shape[1]:
            return BlockDiagonal(other.values.reshape(b, p, 1, c) * self.blocks)
        return None
