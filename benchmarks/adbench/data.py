"""The inputs: read from a folder of ADBench's files, or made at the same sizes by the same recipe."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

GMM = {"1k d2 K5": (1000, 2, 5), "1k d10 K25": (1000, 10, 25), "1k d20 K50": (1000, 20, 50)}
GMM |= {"1k d64 K50": (1000, 64, 50), "1k d64 K200": (1000, 64, 200), "10k d20 K50": (10_000, 20, 50)}
BA = {"1": (49, 7_776, 31_843), "7": (93, 61_203, 287_451), "14": (356, 226_730, 1_255_268)}
LSTM = {"l2 c1024": (2, 1024), "l4 c1024": (4, 1024), "l4 c4096": (4, 4096)}
BITS = 14


class Mixture(NamedTuple):
    alphas: np.ndarray
    means: np.ndarray
    icf: np.ndarray
    x: np.ndarray
    gamma: float
    m: int


class Bundle(NamedTuple):
    """Observation i is of point `i % len(points)` by camera `i % len(cameras)`."""

    cameras: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    features: np.ndarray


class Sequence(NamedTuple):
    main: np.ndarray
    extra: np.ndarray
    state: np.ndarray
    sequence: np.ndarray


def cut(numbers: np.ndarray, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Arrays of these shapes, which follow each other in `numbers`; all of it has to be used."""
    ends = np.cumsum([np.prod(s) for s in shapes])
    if ends[-1] != len(numbers):
        raise ValueError(f"the file has {len(numbers)} numbers after its sizes, and {ends[-1]} are expected")
    return [part.reshape(s) for part, s in zip(np.split(numbers, ends[:-1]), shapes, strict=True)]


def numbers(path: Path, sizes: int) -> tuple[list[int], np.ndarray]:
    words = path.read_text().split()
    return [int(w) for w in words[:sizes]], np.array(words[sizes:], float)


def mixture(name: str, folder: Path | None) -> Mixture:
    n, d, k = GMM[name]
    if folder is None:
        rng = np.random.default_rng(0)
        shapes = (k,), (k, d), (k, d * (d + 1) // 2), (n, d)
        alphas, means, icf, x = (rng.random(s) if i == 1 else rng.normal(size=s) for i, s in enumerate(shapes))
        return Mixture(alphas, means, icf, x, 1.0, 0)
    (d, k, n), rest = numbers(folder / "gmm" / f"gmm_{name.replace(' ', '_')}.txt", 3)
    alphas, means, icf, x, (gamma, m) = cut(rest, (k,), (k, d), (k, d * (d + 1) // 2), (n, d), (2,))
    return Mixture(alphas, means, icf, x, float(gamma), int(m))


def bundle(name: str, folder: Path | None) -> Bundle:
    """The files hold one camera, point, weight and feature, which all observations share; ours are all different."""
    n, m, p = BA[name]
    if folder is None:
        rng = np.random.default_rng(0)
        camera = np.array([-0.76, -1.11, -0.85, 34.6, 39.7, 53.9, 419.0, 5.9, -8.5, 0.09, 0.003])
        point, feature = np.array([7.2, 0.001, 3.0]), np.array([272.0, 834.0])
        cameras, points, features = (
            x * (1 + 0.1 * rng.normal(size=(count, len(x)))) for x, count in ((camera, n), (point, m), (feature, p))
        )
        return Bundle(cameras, points, rng.random(p), features)
    (n, m, p), rest = numbers(folder / "ba" / f"ba{name}_n{n}_m{m}_p{p}.txt", 3)
    parts = cut(rest, (11,), (3,), (1,), (2,))
    cameras, points, weights, features = (np.tile(x, (count, 1)) for x, count in zip(parts, (n, m, p, p), strict=True))
    return Bundle(cameras, points, weights[:, 0], features)


def sequence(name: str, folder: Path | None) -> Sequence:
    layers, steps = LSTM[name]
    shapes = (2 * layers, 4 * BITS), (3, BITS), (2 * layers, BITS), (steps, BITS)
    if folder is None:
        rng = np.random.default_rng(0)
        main, extra, state, text = (rng.random(s) for s in shapes)
        return Sequence(main, extra, state, (text < 0.25).astype(float))
    return Sequence(*cut(numbers(folder / "lstm" / f"lstm_{name.replace(' ', '_')}.txt", 3)[1], *shapes))
