"""scipy.interpolate on traced arrays.

A class here is SciPy's own until its data or a query are traced.
"""

import scipy.interpolate

from ..namespace import passing_through
from .bsplines import BSpline as BSpline, make_interp_spline as make_interp_spline, splev as splev
from .piecewise import (
    Akima1DInterpolator as Akima1DInterpolator,
    BPoly as BPoly,
    CubicHermiteSpline as CubicHermiteSpline,
    CubicSpline as CubicSpline,
    PchipInterpolator as PchipInterpolator,
    PPoly as PPoly,
    pchip_interpolate as pchip_interpolate,
)
from .points import (
    BarycentricInterpolator as BarycentricInterpolator,
    KroghInterpolator as KroghInterpolator,
    barycentric_interpolate as barycentric_interpolate,
    interp1d as interp1d,
    krogh_interpolate as krogh_interpolate,
)
from .spaces import (
    LinearNDInterpolator as LinearNDInterpolator,
    NearestNDInterpolator as NearestNDInterpolator,
    RBFInterpolator as RBFInterpolator,
    RegularGridInterpolator as RegularGridInterpolator,
    griddata as griddata,
    interpn as interpn,
)

pchip = PchipInterpolator

__getattr__, __dir__ = passing_through(scipy.interpolate)
