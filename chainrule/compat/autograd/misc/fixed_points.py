"""Fixed points, differentiated without a look at the iteration."""

from ..core import make_vjp, vspace
from ..extend import defvjp, primitive
from ..refused import refusing

__getattr__ = refusing(__name__)


@primitive
def fixed_point(f, a, x0, distance, tol):
    """The x with `f(a)(x) == x`, by iteration from x0 until `distance(x, previous) <= tol`. Differentiable in a.

    Examples
    --------
    >>> from chainrule.compat.autograd import grad
    >>> from chainrule.compat.autograd.misc.fixed_points import fixed_point
    >>> newton = lambda a: lambda x: 0.5 * (x + a / x)
    >>> root = lambda a: fixed_point(newton, a, 1.0, lambda x, y: abs(x - y), 1e-12)
    >>> print(root(4.0), round(grad(root)(4.0), 10))
    2.0 0.25
    """
    step = f(a)
    previous, x = x0, step(x0)
    while distance(x, previous) > tol:
        previous, x = x, step(x)
    return x


def pull_back(x, f, a, x0, distance, tol):
    # x = f(a, x), so dx = f_a da + f_x dx, and the cotangent w that f_a pulls back solves w = g + w f_x.
    def transposed(given):
        a, x, g = given
        vjp, _ = make_vjp(f(a), x)
        return lambda w: vspace(x).add(vjp(w), g)

    def pull(g):
        w = fixed_point(transposed, (a, x, g), vspace(x).zeros(), distance, tol)
        return make_vjp(lambda a: f(a)(x), a)[0](w)

    return pull


defvjp(fixed_point, pull_back, argnums=[1])
