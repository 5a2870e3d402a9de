"""How exact each function is: the largest error in units in the last place of the result, for float64 and float32.

They are measured, with a margin: of float32 functions of one argument on 2**26 numbers spread over all (from `exp` to
`arctanh` on all 2**32), of the others on samples of all sizes. They hold with fused multiply-adds; without, add one.
What is not listed is exact to the last bit. The errors of `logaddexp`, `logaddexp2`, `gammaln` and `digamma` are in
units of the largest of the result, the arguments and 1: where these functions pass through zero, their results are
differences.
"""

ULP = {
    "exp": (1.0, 1.0),
    "exp2": (1.2, 1.2),
    "expm1": (1.3, 1.3),
    "log": (1.0, 1.0),
    "log2": (0.9, 1.0),
    "log10": (0.9, 1.0),
    "log1p": (1.5, 1.5),
    "sinh": (2.2, 2.2),
    "cosh": (1.5, 1.5),
    "tanh": (2.5, 2.5),
    "arcsinh": (1.2, 1.2),
    "arccosh": (1.2, 1.2),
    "arctanh": (1.2, 1.2),
    "sigmoid": (2.5, 2.5),
    "softplus": (1.7, 1.7),
    "sin": (0.9, 0.9),
    "cos": (0.9, 0.9),
    "tan": (2.3, 2.3),
    "arcsin": (1.5, 1.8),
    "arccos": (1.5, 1.8),
    "arctan": (1.5, 1.8),
    "arctan2": (2.0, 2.3),
    "power": (1.2, 0.52),
    "cbrt": (0.6, 0.51),
    "hypot": (0.6, 0.51),
    "logaddexp": (2.0, 2.0),
    "logaddexp2": (2.0, 2.0),
    "erf": (2.0, 0.6),
    "erfc": (4.0, 0.6),
    "erfcx": (4.5, 0.6),
    "gammaln": (4.0, 0.6),
    "digamma": (6.0, 0.6),
    "ndtr": (4.0, 0.6),
    "log_ndtr": (4.5, 0.6),
    "log_expit": (1.7, 1.7),
    "logit": (2.0, 2.0),
    "exp10": (1.2, 0.52),
    "xlogy": (2.0, 2.0),
    "xlog1py": (2.5, 2.5),
    "entr": (2.0, 2.0),
}
