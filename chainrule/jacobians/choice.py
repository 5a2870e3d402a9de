"""What a Jacobian is going to be computed by, and why: to be printed."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Choice:
    """A way to compute a Jacobian.

    Attributes
    ----------
    mode : str
        "forward", "reverse", "slots" or "colored".
    why : str
        The reason.
    shape : tuple
        The number of output elements, and of input elements.
    costs : dict
        What each way costs, in evaluations of the function, as far as that is known.
    nonzeros : int or None
        How many entries a sparse result stores.
    """

    mode: str
    why: str
    shape: tuple[int, int]
    costs: dict[str, float] = field(default_factory=dict)
    nonzeros: int | None = None

    def __str__(self) -> str:
        m, n = self.shape
        lines = [f"{self.mode}: {self.why}", f"  Jacobian: {m} x {n}"]
        if self.nonzeros is not None:
            lines[-1] += f", {self.nonzeros} nonzeros ({self.nonzeros / max(m * n, 1):.2g} of all)"
        lines += [f"  {mode}: about {cost:.3g} evaluations of the function" for mode, cost in self.costs.items()]
        return "\n".join(lines)
