"""What HIPS autograd 1.9.1 answers to some questions: expressions, and the values that it gives.

The answers are autograd's own, but for NumPy scalars and arrays without axes, which it returns as it happens: these are
numbers here. To compute them again, where autograd is installed: `python tests/autograd_answers.py`.
"""

import numpy as np
from numpy import array

SETTING = """
import numpy as onp
from functools import partial

x, v = onp.array([0.5, -1.25, 2.0]), onp.array([1.0, 0.25, -0.5])
A = onp.array([[2.0, 0.3, -0.1], [0.3, 1.5, 0.4], [-0.1, 0.4, 1.0]])
z = onp.array([0.5 - 1.0j, 2.0 + 0.25j])
pair = {"w": onp.array([[1.0, -2.0], [0.5, 3.0]]), "b": [onp.array([0.1, 0.2]), (0.5,)]}

def net(p, x):
    return np.sum(np.tanh(np.dot(p["w"], x) + p["b"][0]) ** 2) * p["b"][1][0]

def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

@primitive
def cube(x, scale=1.0):
    return scale * x**3
defvjp(cube, lambda ans, x, scale=1.0: lambda g: 3 * scale * g * x**2)
defjvp(cube, lambda g, ans, x, scale=1.0: 3 * scale * g * x**2)

@primitive
def rotated(z, turns):
    return z * 1j**turns
defvjp(rotated, lambda ans, z, turns: lambda g: g * 1j**turns, None)

@primitive
def scaled(a, x):
    return a * x
defvjp_argnum(scaled, lambda argnum, ans, args, kwargs:
              (lambda g: np.sum(g * args[1])) if argnum == 0 else (lambda g: args[0] * g))
def_linear(scaled)

@primitive
def apart(a, b):
    return (a * b, a + b)
defvjp_argnums(apart, lambda argnums, ans, args, kwargs: lambda g: tuple(
    (g[0] * args[1 - i] + g[1]) for i in argnums))

newton = lambda a: lambda x: 0.5 * (x + a / x)
root = lambda a: fixed_point(newton, a, 1.0, lambda x, y: abs(x - y), 1e-13)
noisy = lambda p, i: {"a": 2 * p["a"] + 0.1 * onp.sin(i), "b": [p["b"][0] - 1]}
start = {"a": onp.array([1.0, -2.0]), "b": [0.5]}
times, y0 = onp.array([0.0, 0.5, 1.0]), onp.array([1.0, 2.0])
decay = lambda k: odeint(lambda y, t, k: -k * y, y0, times, tuple((k,)))
swing = lambda y: odeint(lambda y, t, k: np.array([y[1], -k * y[0]]), y, times, tuple((0.7,)), rtol=1e-11, atol=1e-11)
valid = partial(convolve, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
images = onp.sin(onp.arange(2 * 3 * 4 * 5.0)).reshape(2, 3, 4, 5)
filters = onp.cos(onp.arange(3 * 2 * 2 * 3.0)).reshape(3, 2, 2, 3)
"""
"""What the expressions refer to. Both libraries run it, with the names of the modules in `IMPORTS`."""

IMPORTS = """
import {0}.numpy as np
import {0}.numpy.random as npr
import {0}.numpy.linalg as npl
import {0}.scipy.linalg as spl
import {0}.scipy.stats.norm as norm
import {0}.scipy.stats.multivariate_normal as mvn
from {0} import *
from {0} import numpy
from {0}.builtins import dict, isinstance, list, tuple, type
from {0}.core import make_jvp as unary_jvp, make_vjp as unary_vjp
from {0}.differential_operators import make_jvp_reversemode
from {0}.extend import (def_linear, defjvp, defjvp_argnum, defjvp_argnums, defvjp, defvjp_argnum, defvjp_argnums,
    notrace_primitive, primitive, vspace)
from {0}.misc import const_graph, flatten
from {0}.misc.fixed_points import fixed_point
from {0}.misc.flatten import flatten_func
from {0}.misc.optimizers import adam, rmsprop, sgd
from {0}.scipy.integrate import odeint
from {0}.scipy.signal import convolve
from {0}.scipy.special import expit, gammaln, logsumexp
from {0}.scipy.stats import beta, chi2, dirichlet, gamma, poisson, t
from {0}.test_util import check_grads
from {0}.tracer import getval, isbox
from {0}.wrap_util import unary_to_nary
"""

ANSWERS = {
    "grad(lambda x: x**3)(2.0)": 12.0,
    "grad(lambda x: x**2)(onp.array([3.0]))": array([6.0]),
    "grad(lambda x: np.sum(x))(onp.ones(2, onp.float32)).dtype.name": "float32",
    "grad(rosenbrock)(x)": array([299.0, -85.75, 87.5]),
    "grad(lambda x, y: np.sum(x * y**2), 1)(x, v)": array([1.0, -0.625, -2.0]),
    "grad(lambda x, y: np.sum(x * y**2), (1, 0))(x, v)": (array([1.0, -0.625, -2.0]), array([1.0, 0.0625, 0.25])),
    "grad(lambda x, y: np.sum(x * y**2), argnum=[0, 1])(x, v)": (
        array([1.0, 0.0625, 0.25]),
        array([1.0, -0.625, -2.0]),
    ),
    "grad(lambda x, *, n: np.sum(x**n))(x, n=3)": array([0.75, 4.6875, 12.0]),
    "grad(net)(pair, v[:2])": {
        "w": array([[0.3821525292828988, 0.0955381323207247], [0.17710918170074466, 0.044277295425186165]]),
        "b": [array([0.3821525292828988, 0.17710918170074466]), (1.090687961666204,)],
    },
    "grad(grad(grad(np.sin)))(0.3)": -0.955336489125606,
    "grad(lambda x: 1.0)(2.0)": 0.0,
    "grad(rosenbrock).__name__": "grad_of_rosenbrock_wrt_argnum_0",
    "value_and_grad(rosenbrock)(x)": (249.453125, array([299.0, -85.75, 87.5])),
    "value_and_grad(lambda x: x**2)(onp.array([3.0]))": (array([9.0]), array([6.0])),
    "elementwise_grad(np.tanh)(x)": array([0.7864477329659275, 0.2804148661804326, 0.07065082485316447]),
    "elementwise_grad(elementwise_grad(np.tanh))(x)": array(
        [-0.7268619813835876, 0.4757426867634725, -0.13621868742711302]
    ),
    "elementwise_grad(lambda x: x[:2] * x[1:])(x)": array([-1.25, 2.5, -1.25]),
    "deriv(np.tanh)(x)": array([0.7864477329659275, 0.2804148661804326, 0.07065082485316447]),
    "deriv(lambda x: np.sum(x**2))(x)": 2.5,
    "jacobian(lambda x: x[:2] * x[1:])(x)": array([[-1.25, 0.5, 0.0], [0.0, 2.0, -1.25]]),
    "jacobian(lambda x: np.outer(x, x))(v[:2])": array([[[2.0, 0.0], [0.25, 1.0]], [[0.25, 1.0], [0.0, 0.5]]]),
    "jacobian(rosenbrock)(x)": array([299.0, -85.75, 87.5]),
    "jacobian(lambda x, y: x * y, 1)(x, v)": array([[0.5, -0.0, 0.0], [0.0, -1.25, 0.0], [0.0, -0.0, 2.0]]),
    "hessian(rosenbrock)(x)": array([[802.0, -200.0, 0.0], [-200.0, 1277.0, 500.0], [0.0, 500.0, 200.0]]),
    "hessian(lambda x: x**3)(v[:2])": array([[[6.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.5]]]),
    "hessian(lambda x: np.sum(x**3))(A[:2, :2])": array(
        [
            [[[12.0, 0.0], [0.0, 0.0]], [[0.0, 1.7999999999999998], [0.0, 0.0]]],
            [[[0.0, 0.0], [1.7999999999999998, 0.0]], [[0.0, 0.0], [0.0, 9.0]]],
        ]
    ),
    "hessian_vector_product(rosenbrock)(x, v)": array([752.0, -130.75, 25.0]),
    "hessian_vector_product(lambda x, y: np.sum(x**2 * y**3), 1)(x, v, x)": array([0.75, -2.9296875, -24.0]),
    "hessian_tensor_product(lambda A: np.sum(A**3))(A, A.T + 1)": array(
        [
            [36.0, 2.3400000000000003, -0.54],
            [2.3400000000000003, 22.5, 3.3599999999999994],
            [-0.54, 3.3599999999999994, 12.0],
        ]
    ),
    "vector_jacobian_product(lambda x: x[:2] * x[1:])(x, v[:2])": array([-1.25, 1.0, -0.3125]),
    "tensor_jacobian_product(lambda x: np.outer(x, x))(v, x)": array(
        [[-0.3125, -1.25, 2.0], [0.125, -1.125, 0.5], [-0.25, 0.625, -1.8125]]
    ),
    "tensor_jacobian_product(lambda x: np.outer(x, x))(v, A)": array([4.25, 0.9500000000000001, -1.0]),
    "make_vjp(lambda x: x[:2] * x[1:])(x)[0](v[:2])": array([-1.25, 1.0, -0.3125]),
    "make_vjp(lambda x: x[:2] * x[1:])(x)[1]": array([-0.625, -2.5]),
    "make_vjp(lambda x, y: tuple((x * y, y)), (0, 1))(x, v)[0]((x, v))": (
        array([0.5, -0.3125, -1.0]),
        array([1.25, 1.8125, 3.5]),
    ),
    "make_vjp(net)(pair, v[:2])[0](2.0)": {
        "w": array([[0.7643050585657976, 0.1910762646414494], [0.3542183634014893, 0.08855459085037233]]),
        "b": [array([0.7643050585657976, 0.3542183634014893]), (2.181375923332408,)],
    },
    "make_jvp(lambda x: x[:2] * x[1:])(x)(v)": (array([-0.625, -2.5]), array([-1.125, 1.125])),
    "make_jvp(lambda x, y: x * y, (0, 1))(x, v)((v, x))": (array([0.5, -0.3125, -1.0]), array([1.25, 1.625, 4.25])),
    "unary_vjp(np.sin, x)[0](v)": array([0.8775825618903728, 0.07883059059881717, 0.2080734182735712]),
    "unary_jvp(np.sin, x)(v)": (
        array([0.479425538604203, -0.9489846193555862, 0.9092974268256817]),
        array([0.8775825618903728, 0.07883059059881717, 0.2080734182735712]),
    ),
    "make_jvp_reversemode(lambda x: x[:2] * x[1:])(x)(v)": array([-1.125, 1.125]),
    "make_hvp(rosenbrock)(x)[0](v)": array([752.0, -130.75, 25.0]),
    "make_hvp(rosenbrock)(x)[1]": array([299.0, -85.75, 87.5]),
    "make_ggnvp(lambda x: x[:2] * x[1:])(x)(v)": array([1.40625, 1.6875, -1.40625]),
    "make_ggnvp(lambda x: x[:2] * x[1:], lambda y: np.sum(np.exp(y)))(x)(v)": array(
        [0.75271138385483, -0.11639330663815972, -0.11543202931485769]
    ),
    'grad_named(lambda a, b: a * b**2, "b")(2.0, 3.0)': 12.0,
    "grad_and_aux(lambda x: (np.sum(x**2), 3 * x))(x)": (array([1.0, -2.5, 4.0]), array([1.5, -3.75, 6.0])),
    "grad(checkpoint(rosenbrock))(x)": array([299.0, -85.75, 87.5]),
    "hessian(checkpoint(rosenbrock))(x)": array([[802.0, -200.0, 0.0], [-200.0, 1277.0, 500.0], [0.0, 500.0, 200.0]]),
    "grad(lambda z: np.real(np.sum(z**2)))(z)": array([1.0 - 2.0j, 4.0 + 0.5j]),
    "grad(lambda z: np.imag(np.exp(z)))(1 + 2j)": (2.4717266720048188 + 1.1312043837568135j),
    "grad(lambda z: np.abs(np.sum(z**3)))(z)": array(
        [-3.377091117485131 - 1.6302624280167373j, 11.869775880391526 - 2.7647019367873225j]
    ),
    "grad(lambda z: np.sum(np.abs(z) ** 2))(z)": array([1.0 + 2.0j, 4.0 - 0.5j]),
    "grad(lambda x: np.real(np.sum(np.exp(1j * x))))(x)": array(
        [-0.479425538604203, 0.9489846193555862, -0.9092974268256817]
    ),
    "grad(lambda x: np.sum(np.abs(np.fft.fft(x * v)) ** 2))(x)": array([3.0, -0.46875, 3.0]),
    "holomorphic_grad(lambda z: z**3)(1 + 2j)": (-9 + 12j),
    "holomorphic_grad(lambda z: np.sum(np.exp(z)))(z)": array(
        [0.8908079042931287 - 1.3873511113297634j, 7.159348238970706 + 1.8280817340292228j]
    ),
    "jacobian(lambda z: np.real(z**2))(z)": array([[1.0 - 2.0j, 0.0 + 0.0j], [0.0 + 0.0j, 4.0 + 0.5j]]),
    "make_vjp(lambda z: z**2 * 1j)(z)[0](z + 1)": array([4.0 - 0.5j, -2.5 + 11.875j]),
    "make_vjp(np.conj)(z)[0](z + 1)": array([1.5 + 1.0j, 3.0 - 0.25j]),
    "make_jvp(lambda z: z**2 * 1j)(z)(z + 1)": (
        array([1.0 - 0.75j, -1.0 + 3.9375j]),
        array([4.0 - 0.5j, -2.5 + 11.875j]),
    ),
    "make_jvp(lambda z: np.abs(z))(z)(z + 1)": (
        array([1.118033988749895, 2.0155644370746373]),
        array([1.5652475842498528, 3.0078423137883052]),
    ),
    "grad(lambda x: np.sum(cube(x)))(x)": array([0.75, 4.6875, 12.0]),
    "grad(lambda x: np.sum(cube(x, scale=2.0)))(x)": array([1.5, 9.375, 24.0]),
    "hessian(lambda x: np.sum(cube(x)))(v[:2])": array([[6.0, 0.0], [0.0, 1.5]]),
    "deriv(cube)(x)": array([0.75, 4.6875, 12.0]),
    "grad(lambda z: np.real(np.sum(rotated(z, 1) * z)))(z)": array([2.0 + 1.0j, -0.5 + 4.0j]),
    "grad(lambda z: np.real(np.sum(rotated(z, 3))))(z)": array([0.0 - 1.0j, 0.0 - 1.0j]),
    "make_vjp(scaled, (0, 1))(2.0, x)[0](v)": (-0.8125, array([2.0, 0.5, -1.0])),
    "make_jvp(lambda a: scaled(a, x))(2.0)(3.0)": (array([1.0, -2.5, 4.0]), array([1.5, -3.75, 6.0])),
    "grad(lambda a: apart(a, 3.0)[0] * apart(2.0, a)[1])(2.0)": 18.0,
    "grad(lambda x: x**2 if isinstance(x, float) else 0 * x)(3.0)": 6.0,
    "grad(lambda x: np.sum(x) if isinstance(x, onp.ndarray) else 0 * x[0])(x)": array([1.0, 1.0, 1.0]),
    "grad(lambda x: sum(e**2 for e in x))([1.0, 2.0])": [2.0, 4.0],
    'grad(lambda d: sum(d[k] for k in d) + d.get("a"))({"a": 1.0, "b": 2.0})': {"a": 2.0, "b": 1.0},
    "grad(lambda x: getval(x) * x)(3.0)": 3.0,
    "grad(lambda x: (2.0 if isbox(x) else 1.0) * x)(3.0)": 2.0,
    "grad(lambda x: x * notrace_primitive(lambda x: x)(x))(3.0)": 3.0,
    "grad(lambda x: np.array([[x, x**2], [1.0, x]])[0, 1])(3.0)": 6.0,
    "grad(lambda x: np.sum(np.array([x[0] * x[1], x[2]]) ** 2))(x)": array([1.5625, -0.625, 4.0]),
    "jacobian(lambda x: np.concatenate([x, np.ones(2) * x[0]]))(x)": array(
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    ),
    "grad(lambda x: np.where(x > 0, x**2, -x))(-2.0)": -1.0,
    "grad(lambda x: np.sum(np.maximum(x, 0) * np.dot(A, x)))(x)": array([1.225, 0.9500000000000001, 3.4]),
    "grad(lambda A: np.sum(npl.solve(A, x)))(A)": array(
        [
            [-0.31908071807106797, 0.8425877677503585, -1.3646311444109744],
            [-0.20602062111675248, 0.5440330468939321, -0.8811004239503927],
            [-0.590424950761425, 1.5591190978057812, -2.5251048735163697],
        ]
    ),
    "grad(lambda A: npl.slogdet(A)[1])(A)": array(
        [
            [0.5252842022736183, -0.13328106624852998, 0.10584084672677381],
            [-0.13328106624853, 0.7800862406899256, -0.32536260290082325],
            [0.1058408467267738, -0.3253626029008232, 1.1407291258330066],
        ]
    ),
    "grad(lambda A: np.sum(npl.inv(A) @ v))(A)": array(
        [
            [-0.2185751707887439, -0.1117270404254963, 0.27175529046725516],
            [-0.14112727562737792, -0.07213871901488737, 0.17546404581350333],
            [-0.404450119176022, -0.20673901181095766, 0.5028542776362595],
        ]
    ),
    "grad(lambda x: npl.norm(x))(x)": array([0.20739033894608505, -0.5184758473652127, 0.8295613557843402]),
    'grad(lambda x: np.sum(np.einsum("ij,j->i", A, x) ** 2))(x)': array([0.8550000000000002, -1.36, 2.075]),
    "grad(lambda x: np.sum(np.sort(x)[:2] ** 2))(x)": array([1.0, -2.5, 0.0]),
    "grad(lambda x: np.std(x) + np.var(x) + np.mean(x))(x)": array(
        [0.40980408239349414, -1.1960816478698835, 1.7862775654763892]
    ),
    "grad(lambda x: np.prod(x))(x)": array([-2.5, 1.0, -0.625]),
    "grad(lambda x: np.cumsum(x)[1] ** 2)(x)": array([-1.5, -1.5, 0.0]),
    "flatten(pair)[0]": array([0.1, 0.2, 0.5, 1.0, -2.0, 0.5, 3.0]),
    "flatten(pair)[1](onp.arange(7.0))": {"w": array([[3.0, 4.0], [5.0, 6.0]]), "b": [array([0.0, 1.0]), (2.0,)]},
    "flatten([])[0]": array([]),
    "grad(lambda p: np.sum(flatten(p)[0] ** 3))(pair)": {
        "w": array([[3.0, 12.0], [0.75, 27.0]]),
        "b": [array([0.030000000000000006, 0.12000000000000002]), (0.75,)],
    },
    'flatten_func(lambda p: {"s": p["a"] * 2, "t": p["b"][0] ** 2}, start)[0](onp.array([1.0, 2.0, 3.0]))': array(
        [2.0, 4.0, 9.0]
    ),
    "sgd(noisy, start, num_iters=4)": {"a": array([0.8204311896671299, -1.6530644903328702]), "b": [0.544556845]},
    "sgd(noisy, start, None, 3, 0.2, 0.5)": {"a": array([0.28196790292924045, -0.6240320970707594]), "b": [0.693]},
    "rmsprop(noisy, start, num_iters=4)": {
        "a": array([0.4713401238241994, -1.2764701035892607]),
        "b": [0.6874804147214971],
    },
    "adam(noisy, start, num_iters=4, step_size=0.1)": {
        "a": array([0.6032499129903243, -1.6017776886367356]),
        "b": [0.8870845975601922],
    },
    "root(3.0)": 1.7320508075688772,
    "grad(root)(3.0)": 0.28867513459481287,
    "grad(grad(root))(3.0)": -0.048112522432468816,
    "const_graph(lambda x, y: np.sin(x) * y, 2.0)(3.0)": 2.727892280477045,
    "grad(const_graph(lambda x: np.sum(np.sin(x) ** 2)))(x)": array(
        [0.8414709848078965, -0.5984721441039565, -0.7568024953079283]
    ),
    "vspace(pair).zeros()": {"w": array([[0.0, 0.0], [0.0, 0.0]]), "b": [array([0.0, 0.0]), (0.0,)]},
    "vspace(x).ones()": array([1.0, 1.0, 1.0]),
    "int(vspace(pair).size)": 7,
    "vspace(z).size": 4,
    "vspace(z).inner_prod(z, z + 1)": 7.8125,
    "list(vspace(x[:2]).standard_basis())": [array([1.0, 0.0]), array([0.0, 1.0])],
    'check_grads(lambda x: np.sin(x) * x, modes=["fwd", "rev"], order=2)(x)': None,
    "unary_to_nary(lambda fun, x: fun(2 * x))(lambda a, b: a - b, 1)(10, 3)": 4,
    "unary_to_nary(lambda fun, x: x)(lambda a, b: a, (0, 1))(10, 3)": (10, 3),
    "convolve(images[0, 0], filters[0, 0])": array(
        [
            [
                0.0,
                0.8414709848078965,
                1.3639461402385227,
                0.2822400161197345,
                -1.0589562772030157,
                -0.4676287782292566,
                0.3149409643133779,
            ],
            [
                -0.9589242746631385,
                -1.630574456019158,
                -0.5451487069610776,
                0.9652367834360711,
                1.5881880265595885,
                0.34565979653339907,
                -0.38617805369902714,
            ],
            [
                0.4053067258351619,
                -0.39051208552953853,
                -1.5902614687090417,
                -0.9417537377249342,
                0.5725980366035995,
                0.3716411588200909,
                -0.29533568713927916,
            ],
            [
                1.1888646579298316,
                1.4090274327569354,
                -0.3570453803828557,
                -1.4995166302585046,
                -1.2633392056497295,
                -0.13481870989541322,
                0.21862692078060403,
            ],
            [
                -0.6437800823860554,
                -0.1400343751990789,
                1.324424539493974,
                1.2902157930206113,
                0.06978859657907921,
                -0.3109929656832917,
                0.042514496844123235,
            ],
        ]
    ),
    'convolve(images[0, 0], filters[0, 0], mode="same")': array(
        [
            [0.8414709848078965, 1.3639461402385227, 0.2822400161197345, -1.0589562772030157, -0.4676287782292566],
            [-1.630574456019158, -0.5451487069610776, 0.9652367834360711, 1.5881880265595885, 0.34565979653339907],
            [-0.39051208552953853, -1.5902614687090417, -0.9417537377249342, 0.5725980366035995, 0.3716411588200909],
            [1.4090274327569354, -0.3570453803828557, -1.4995166302585046, -1.2633392056497295, -0.13481870989541322],
        ]
    ),
    'convolve(filters[0, 0], images[0, 0], mode="valid")': array(
        [
            [-0.5451487069610776, 0.9652367834360711, 1.5881880265595885],
            [-1.5902614687090417, -0.9417537377249342, 0.5725980366035995],
            [-0.3570453803828557, -1.4995166302585046, -1.2633392056497295],
        ]
    ),
    'convolve(filters[0, 0], images[0, 0], mode="same")': array(
        [
            [-0.5451487069610776, 0.9652367834360709, 1.5881880265595885],
            [-1.5902614687090417, -0.941753737724934, 0.5725980366035994],
        ]
    ),
    "np.sum(valid(images, filters) ** 2, (0, 3))": array(
        [
            [60.62300963873825, 54.739602956973506, 59.56732924805539],
            [60.28621738776618, 55.11843711050073, 61.043564913888304],
        ]
    ),
    'np.sum(convolve(images, filters, axes=([2], [2]), mode="full") ** 2, (1, 2, 3, 4))': array(
        [
            [
                [23.930469956022783, 32.944020455201276, 31.92777300304283, 33.43038677720657, 20.706151012959925],
                [32.751722440529505, 49.69226395386793, 48.420168778235336, 50.587682506707935, 35.059170673934716],
                [10.920897807329293, 18.045186366451887, 17.67304332256722, 18.39556139315584, 13.563359607804287],
            ],
            [
                [24.05258051590582, 33.31651682317502, 31.795486044429015, 33.279886850514735, 20.42125171787762],
                [32.91884540851539, 50.32595960704602, 48.11611555637957, 50.46423165709613, 34.57678584997964],
                [10.976624123951124, 18.282223952325133, 17.541375004334522, 18.379482081503458, 13.376739139867366],
            ],
        ]
    ),
    "grad(lambda f: np.sum(valid(images, f) ** 2))(filters)[:, 0, 0]": array(
        [
            [72.49518214447089, 67.2538031881694, 0.1795877374690562],
            [-0.8859928857916097, 66.67409915645891, 72.93433191762307],
            [-73.21829775164257, -12.836795481532821, 59.34679735438277],
        ]
    ),
    'grad(lambda f: np.sum(convolve(f, images[0, 0], mode="same") ** 2))(filters[0, 0])': array(
        [
            [4.5522968136075335, 9.387819632213105, 5.59222437511033],
            [-6.603933639894249, 2.070428632665422, 8.841248368623344],
        ]
    ),
    "grad(lambda x: logsumexp(x))(x)": array([0.1768201821074443, 0.030726740326436432, 0.7924530775661193]),
    "grad(lambda x: np.sum(gammaln(x) + expit(x)))(x + 2)": array(
        [0.7732603571903512, -0.8679658860246582, 1.2737803746450913]
    ),
    "grad(lambda x: norm.logpdf(0.3, x, 2.0) + norm.cdf(x) + norm.logcdf(x, 0.5))(0.7)": 0.8873271131570534,
    "grad(lambda x: norm.sf(x) + norm.logsf(x) + norm.pdf(x))(0.7)": -1.8213310261816607,
    "grad(lambda m: mvn.logpdf(x, m, A))(v)": array([0.20188161505292043, -1.9168953351626814, 3.2869462955703646]),
    "grad(lambda A: mvn.logpdf(x, v, A @ A.T))(A)": array(
        [
            [-0.3820644876454372, -1.226610981386043, 2.2259985846466197],
            [-0.3899355306323779, 4.187931543286073, -8.193416357965999],
            [0.7813417902303665, -8.098565736362124, 13.303982351614803],
        ]
    ),
    "grad(lambda A: mvn.entropy(v, A @ A.T))(A)": array(
        [
            [0.5252842022736183, -0.13328106624852998, 0.10584084672677385],
            [-0.13328106624853003, 0.7800862406899257, -0.32536260290082325],
            [0.10584084672677387, -0.32536260290082314, 1.140729125833007],
        ]
    ),
    "grad(lambda x: t.logpdf(x, 3.0) + t.cdf(x, 3.0, 0.2, 2.0))(0.4)": -0.3237718920097919,
    "grad(lambda x: t.pdf(x, 3.0) + t.logcdf(x, 3.0))(0.4)": 0.34824377734235695,
    "grad(lambda a: t.logpdf(0.3, a, 0.1, 1.5))(2.5)": 0.03886265045216898,
    "grad(lambda a: beta.logpdf(0.3, a, 2.0) + beta.pdf(0.3, 2.0, a))(1.5)": 0.5309682676143239,
    "grad(lambda x: beta.cdf(x, 2.0, 3.0))(0.4)": 1.728,
    "grad(lambda a: gamma.logpdf(0.7, a) + gamma.pdf(0.7, a))(1.5)": -0.5774850193800506,
    "grad(lambda x: gamma.cdf(x, 1.5))(0.7)": 0.46881116056623384,
    "grad(lambda x: chi2.logpdf(x, 3.0) + chi2.cdf(x, 3.0) + chi2.pdf(x, 3.0))(0.7)": 0.49989801185346894,
    "grad(lambda m: poisson.logpmf(3, m) + poisson.pmf(2, m) + poisson.cdf(2, m))(1.7)": 0.5473124887301869,
    "grad(lambda a: dirichlet.logpdf(onp.array([0.2, 0.3, 0.5]), a))(onp.array([1.5, 2.0, 0.7]))": array(
        [-0.334588995126077, -0.3154182481378035, 1.8382152644245888]
    ),
    "grad(lambda A: np.sum(spl.solve_triangular(A, x, lower=True)))(A)": array(
        [
            [-0.12250000000000001, -0.0, -0.0],
            [-0.09999999999999999, 0.3533333333333333, -0.0],
            [-0.25, 0.8833333333333333, -2.3783333333333334],
        ]
    ),
    "grad(lambda A: np.sum(spl.sqrtm(A)))(A)": array(
        [
            [0.3412795282700046, 0.3321077857709211, 0.39104133818346365],
            [0.33210778577092115, 0.32416435015608985, 0.37752246987207405],
            [0.3910413381834641, 0.37752246987207433, 0.458427371134585],
        ]
    ),
    "grad(lambda k: np.sum(decay(k)))(0.7)": -2.546788082936264,
    "grad(lambda y: np.sum(swing(y)))(y0)": array([1.6226897015704642, 3.956607816879618]),
}
"""Expression -> answer."""


def namespace(package):
    """What the expressions refer to, in autograd or in what stands in for it."""
    names = {}
    exec(IMPORTS.format(package) + SETTING, names)
    return names


def plain(answer):
    """The same with Python's numbers."""
    if isinstance(answer, dict):
        return {k: plain(v) for k, v in answer.items()}
    if isinstance(answer, list | tuple):
        return type(answer)(map(plain, answer))
    return answer.item() if isinstance(answer, np.ndarray | np.generic) and answer.shape == () else answer


if __name__ == "__main__":
    np.set_printoptions(threshold=10**9, floatmode="unique")
    names = namespace("autograd")
    for expression in ANSWERS:
        print(f"    {expression!r}: {plain(eval(expression, names))!r},")
