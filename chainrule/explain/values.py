"""What an explanation says about one value."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One line of the program that ran: a value, how it was made, and how the result depends on it.

    Attributes
    ----------
    name : str
        v1, v2, ... in the order of computation, inputs first.
    operation : str or None
        The name of the primitive; None for an input or a constant.
    operands : tuple
        What the operation was applied to: a `Value` each, or a constant.
    params : dict
        The parameters of the operation.
    label : str
        What the function calls an input: `x`, `params['W']`. Empty for a result.
    part : int or None
        Which output this is, of an operation that has several.
    value : ndarray or NumPy scalar
        What was computed.
    adjoint : ndarray, NumPy scalar or None
        The derivative of the result with respect to this value. None where there is none: the result is not a
        single real number, or this value is not made of floating point numbers.
    partials : tuple
        The local partial derivatives, one per operand: a number where this value and the operand are single
        real numbers, None elsewhere.
    """

    name: str
    operation: str | None
    operands: tuple[Any, ...]
    params: dict[str, Any]
    label: str
    part: int | None
    value: Any
    adjoint: Any
    partials: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"<{self.name}: {self.operation or self.label}, shape {self.value.shape}>"
