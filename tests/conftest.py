"""What holds for all tests: one thread for each process, and random inputs that can be repeated."""

import os

# Read when the library that obeys it is loaded, so before NumPy is. Two processes share the cores already.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Nothing is kept from one run to the next, nor taken from what the user has.
os.environ["CHAINRULE_CACHE"] = "off"

from hypothesis import HealthCheck, settings  # noqa: E402

# Nothing here looks at a clock: a slow machine is no failure.
steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("local", steady)
settings.register_profile("ci", steady, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
