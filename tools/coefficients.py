"""Makes `chainrule/compiler/vectormath/coefficients.py`: polynomials with the smallest largest error, and constants.

    python tools/coefficients.py > chainrule/compiler/vectormath/coefficients.py; ruff format chainrule

Each polynomial is found by Remez's exchange algorithm (E. Ya. Remez, 1934; as in N. Brisebarre and S. Chevillard,
"Efficient polynomial L-infinity approximations", ARITH-18, 2007, section 2) in 60 digits, on a fixed fine grid: among
all polynomials of a degree it is the one whose weighted error is smallest where it is largest. The degree is the lowest
that comes below what is asked for. It needs mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp

mp.mp.dps = 60


class Wanted(NamedTuple):
    """A function to approximate by a polynomial on an interval, its error times `weight` being what counts."""

    name: str
    text: str
    function: Callable
    low: object
    high: object
    weight: Callable
    bits64: int
    """-log2 of the error allowed where numbers have 53 bits; 0: not needed"""
    bits32: int
    """and where they have 24"""


def remez(f: list, grid: list, weight: list, degree: int) -> tuple[list, object]:
    """The coefficients of the best polynomial, lowest first, and its largest weighted error."""
    count = degree + 2
    nodes = [round(k * (len(grid) - 1) / (count - 1)) for k in range(count)]
    for _ in range(40):
        system = mp.matrix(count, count)
        for i, k in enumerate(nodes):
            power = mp.mpf(1)
            for j in range(degree + 1):
                system[i, j] = power
                power *= grid[k]
            system[i, degree + 1] = (-1) ** i / weight[k]
        solution = mp.lu_solve(system, mp.matrix([f[k] for k in nodes]))
        coefficients, level = [solution[j] for j in range(degree + 1)], abs(solution[degree + 1])
        error = [w * (mp.polyval(coefficients[::-1], x) - y) for x, y, w in zip(grid, f, weight, strict=True)]
        largest = max(map(abs, error))
        if largest <= level * mp.mpf("1.01"):
            break
        nodes = alternation(error, count) or nodes
    return coefficients, largest


def alternation(error: list, count: int) -> list[int]:
    """Where the error has its extremes, with signs that alternate, the largest included."""
    runs: list[int] = []
    for k, e in enumerate(error):
        if runs and (e > 0) == (error[runs[-1]] > 0):
            if abs(e) > abs(error[runs[-1]]):
                runs[-1] = k
        else:
            runs.append(k)
    while len(runs) > count:  # the smaller of the two ends goes
        runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
    return runs if len(runs) == count else []


def fit(wanted: Wanted, bits: int) -> tuple[list, object]:
    low, high = mp.mpf(wanted.low), mp.mpf(wanted.high)
    points = 600
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.5")) / points) for k in range(points)]
    values, weights = [wanted.function(x) for x in grid], [wanted.weight(x) for x in grid]
    for degree in range(2, 40):
        coefficients, error = remez(values, grid, weights, degree)
        if error < mp.mpf(2) ** -bits:
            return coefficients, error
    raise ArithmeticError(f"{wanted.name}: no polynomial of a degree below 40 will do")


# ---- the functions ------------------------------------------------------------------------------------------------

h = mp.log(2) / 2 * mp.mpf("1.001")
ratio = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.001")
quarter = (mp.pi / 4 * mp.mpf("1.001")) ** 2
eighth = mp.tan(mp.pi / 8) ** 2 * mp.mpf("1.001")
root = mp.findroot(mp.digamma, 1.46)


def log_ratio(z):
    s = mp.sqrt(z)
    return mp.log((1 + s) / (1 - s)) / s


def erfcx_at(t):
    """(1 + 2 x) erfcx(x) for t = (x - 4) / (x + 4)."""
    x = 4 * (1 + t) / (1 - t)
    if x > 60:  # the asymptotic series; exp(x**2) is beyond sense
        series = mp.nsum(lambda n: (-1) ** int(n) * mp.fac2(2 * int(n) - 1) / (2 * x**2) ** int(n), [0, 25])
        return (1 + 2 * x) * series / (x * mp.sqrt(mp.pi))
    return (1 + 2 * x) * mp.exp(x**2) * mp.erfc(x)


def stirling(w):
    x = 1 / mp.sqrt(w)
    with mp.workdps(90):
        return +((mp.loggamma(x) - (x - mp.mpf("0.5")) * mp.log(x) + x - mp.log(2 * mp.pi) / 2) * x)


def far_digamma(w):
    x = 1 / mp.sqrt(w)
    with mp.workdps(90):
        return +((mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x**2)


WANTED = [
    Wanted(
        "EXP", "(exp(r) - 1 - r) / r**2", lambda r: (mp.expm1(r) - r) / r**2, -h, h, lambda r: abs(r) + h / 10, 57, 27
    ),
    Wanted(
        "EXP2", "(2**r - 1) / r", lambda r: mp.expm1(r * mp.log(2)) / r, -0.5005, 0.5005, lambda r: abs(r) + 0.1, 57, 27
    ),
    Wanted(
        "LOG",
        "(log((1 + s) / (1 - s)) / s - 2) / z, z = s**2",
        lambda z: (log_ratio(z) - 2) / z,
        0,
        ratio,
        lambda z: z + ratio / 20,
        59,
        29,
    ),
    Wanted(
        "LOG_LONG",
        "(log((1 + s) / (1 - s)) / s - 2 - 2 z / 3) / z**2",
        lambda z: (log_ratio(z) - 2 - 2 * z / 3) / z**2,
        0,
        ratio,
        lambda z: z**2 + ratio**2 / 20,
        71,
        0,
    ),
    Wanted(
        "SIN",
        "(sin(r) / r - 1) / z, z = r**2",
        lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
        0,
        quarter,
        lambda z: z + quarter / 20,
        58,
        28,
    ),
    Wanted(
        "COS",
        "(cos(r) - 1 + z / 2) / z**2",
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2,
        0,
        quarter,
        lambda z: z**2 + quarter**2 / 20,
        58,
        28,
    ),
    Wanted(
        "ARCSIN",
        "(arcsin(x) / x - 1) / z, z = x**2",
        lambda z: (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
        0,
        mp.mpf("0.2501"),
        lambda z: z + mp.mpf("0.0125"),
        57,
        27,
    ),
    Wanted(
        "ARCTAN",
        "(arctan(t) / t - 1) / z, z = t**2",
        lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
        0,
        eighth,
        lambda z: z + eighth / 20,
        57,
        27,
    ),
    Wanted("ROOT3", "c**(-1/3)", lambda c: mp.cbrt(c) ** -1, 1, 8, lambda c: mp.cbrt(c), 11, 11),
    Wanted(
        "ERF",
        "erf(x) / x - 2 / sqrt(pi), z = x**2, over z",
        lambda z: (mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 2 / mp.sqrt(mp.pi)) / z,
        0,
        1,
        lambda z: z + mp.mpf("0.05"),
        57,
        27,
    ),
    Wanted(
        "ERFCX", "(1 + 2 x) erfcx(x), t = (x - 4) / (x + 4)", erfcx_at, -1, mp.mpf("0.9999999"), lambda t: 1, 56, 29
    ),
    Wanted("LGAMMA1", "lgamma(1 + u) / u", lambda u: mp.loggamma(1 + u) / u, -0.5, 0.5, lambda u: 1, 56, 29),
    Wanted("LGAMMA2", "lgamma(2 + u) / u", lambda u: mp.loggamma(2 + u) / u, -0.5, 0.5, lambda u: 2, 56, 29),
    Wanted(
        "STIRLING",
        "x (lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2), w = x**-2",
        stirling,
        mp.mpf("1e-9"),
        mp.mpf("0.0157"),
        lambda w: mp.sqrt(w),
        60,
        32,
    ),
    Wanted(
        "DIGAMMA",
        "digamma(x) / (x - root), u = x - 3/2",
        lambda u: mp.digamma(u + 1.5) / (u + 1.5 - root),
        -0.5001,
        0.5001,
        lambda u: 1,
        56,
        29,
    ),
    Wanted(
        "DIGAMMA_FAR",
        "x**2 (log x - 1 / (2 x) - digamma(x)), w = x**-2",
        far_digamma,
        mp.mpf("1e-9"),
        mp.mpf("0.0124"),
        lambda w: w,
        60,
        32,
    ),
]


def rounded(x, bits: int):
    """x cut to so many bits, so that a product with a small integer is exact."""
    mantissa, exponent = mp.frexp(x)
    return mp.floor(mantissa * 2**bits) * mp.mpf(2) ** (exponent - bits)


def parts(x, *bits: int) -> list[str]:
    """x as a sum of numbers of so many bits each, and of one more double."""
    made = []
    for count in bits:
        made.append(rounded(x, count))
        x = x - made[-1]
    return [repr(float(p)) for p in (*made, x)]


def double(x) -> str:
    """x as the sum of two doubles."""
    high = mp.mpf(float(x))
    return f"({float(high)!r}, {float(x - high)!r})"


CONSTANTS = {
    "LN2_64": (
        "log(2), in a part of 41 bits, whose product with an exponent is exact, and the rest",
        parts(mp.log(2), 41),
    ),
    "LN2_32": ("the same of 15 bits, for float32", parts(mp.log(2), 15)),
    "PI_HALF": ("pi / 2, in two parts of 33 bits, and the rest", parts(mp.pi / 2, 33, 33)),
}
DOUBLES = {
    "LN2": mp.log(2),
    "LOG2E": 1 / mp.log(2),
    "LOG10E": 1 / mp.log(10),
    "LOG10_2": mp.log10(2),
    "PIO2": mp.pi / 2,
    "PI": mp.pi,
    "PIO4": mp.pi / 4,
    "TWO_OVER_PI": 2 / mp.pi,
    "TWO_THIRDS": mp.mpf(2) / 3,
    "TWO_OVER_ROOT_PI": 2 / mp.sqrt(mp.pi),
    "HALF_LOG_2PI": mp.log(2 * mp.pi) / 2,
    "LOG_PI": mp.log(mp.pi),
    "DIGAMMA_ROOT": root,
}


def main() -> None:
    print('"""Made by tools/coefficients.py: do not edit."""\n')
    for name, (text, values) in CONSTANTS.items():
        print(f"# {text}\n{name} = ({', '.join(values)})")
    print("\n# the sum of two doubles")
    for name, value in DOUBLES.items():
        print(f"{name} = {double(value)}")
    with mp.workprec(1400):
        words = int(mp.floor(2 / mp.pi * mp.mpf(2) ** 1280))
    print("\n# the binary digits of 2 / pi after the point, 64 in each, after 64 zeros")
    print(
        "TWO_OVER_PI_DIGITS = (0, " + ", ".join(str(words >> (1280 - 64 * k) & (2**64 - 1)) for k in range(1, 21)) + ")"
    )
    print("\n# Polynomials, lowest power first: what they approximate, where, and -log2 of the largest weighted error.")
    for wanted in WANTED:
        for kind, bits in (("64", wanted.bits64), ("32", wanted.bits32)):
            if bits:
                coefficients, error = fit(wanted, bits)
                low, high = float(wanted.low), float(wanted.high)
                print(f"\n# {wanted.text}, on [{low:.6g}, {high:.6g}]: {float(-mp.log(error, 2)):.1f} bits")
                print(f"{wanted.name}_{kind} = (")
                for c in coefficients:
                    print(f"    {float(c)!r},")
                print(")")


if __name__ == "__main__":
    main()
