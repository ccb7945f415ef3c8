"""Writes the vectors beside it by direct evaluation of the definitions with mpmath 1.4.1 at 60 digits.

Independent of the TypeScript: quadrature and sums of the definitions, none of its formulas. Run: python3 generate.py
"""

import json
import pathlib

from mpmath import erfc, exp, inf, log, mp, mpf, ncdf, nint, pi, quad, sqrt

mp.dps = 60
folder = pathlib.Path(__file__).parent


def text(value):
    return mp.nstr(value, 20, min_fixed=0, max_fixed=0)


def write(name, reading, cases):
    body = {"generatedBy": "generate.py, mpmath 1.4.1, 60 digits", "reading": reading, "cases": cases}
    (folder / name).write_text(json.dumps(body, indent=1) + "\n")


tail = []
for x in [-25.5, -6.0, -2.5, -1.0, -0.3, 0.0, 1e-10, 0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 3.3, 5.0, 6.25, 6.283, 6.284, 6.3, 8.0, 12.5, 20.0, 26.0, 40.0, 1e3, 1e8]:
    tail.append({"x": x, "erfcx": text(exp(mpf(x) ** 2) * erfc(mpf(x))), "erfc": text(erfc(mpf(x)))})
write("normal-tail.json", "erfcx(x) = e^(x^2) erfc(x)", tail)


def moment(q, z, order):
    """E over N(0, z^2) of r^order - 1 - order (r - 1), r the ratio of the mixture to it."""
    q, z, order = mpf(q), mpf(z), mpf(order)

    def integrand(x):
        u = q * (exp((2 * x - 1) / (2 * z * z)) - 1)
        return ((1 + u) ** order - 1 - order * u) * exp(-x * x / (2 * z * z)) / (z * sqrt(2 * pi))

    knots = sorted({mpf(k) * z for k in range(-24, 25, 2)} | {order + mpf(k) * z for k in range(-24, 25, 2)})
    return quad(integrand, [-inf, *knots, inf])


rdp = []
for q, z, order in [
    (2.0**-32, 1.0, 1.1), (2.0**-32, 1.0, 5.5), (2.0**-32, 0.7, 8), (1e-4, 1.0, 1.5), (1e-4, 0.5, 3.3),
    (0.03145, 3.34, 2.7), (0.03145, 3.07, 9.9), (0.25, 3.653, 4.3), (0.25, 3.653, 12), (0.5, 1.5, 1.1),
    (0.5, 0.6, 2.2), (0.9, 2.0, 6.4), (1 - 2.0**-32, 4.0, 3.7), (0.01, 0.3, 10.9), (0.1, 37.31, 1.3),
    (0.1, 37.31, 63), (0.001, 250.0, 2.5),
]:
    rdp.append({"samplingRate": q, "noiseMultiplier": z, "order": order, "rdp": text(log(1 + moment(q, z, order)) / (mpf(order) - 1))})
write("gaussian-rdp.json", "log E[r^order] / (order - 1) of the Poisson-sampled Gaussian, by quadrature", rdp)

gaussian = []
for mu, epsilon in [(0.01, 0.0), (0.05, 0.1), (0.2680, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 4.377), (2.0, 1.0), (3.0, 20.0), (10.0, 5.0), (10.0, 90.0)]:
    m, e = mpf(mu), mpf(epsilon)
    gaussian.append({"mu": mu, "epsilon": epsilon, "delta": text(ncdf(m / 2 - e / m) - exp(e) * ncdf(-m / 2 - e / m))})
write("gaussian-delta.json", "delta = Phi(mu/2 - eps/mu) - e^eps Phi(-mu/2 - eps/mu)", gaussian)

discrete = []
for variance in [16.0, 23.7, 1234.56789, 262144.0]:
    v = mpf(variance)
    reach = int(16 * sqrt(v))
    weights = [exp(-mpf(k) ** 2 / (2 * v)) for k in range(-reach, reach + 1)]
    total = sum(weights)
    for stds in [-12.0, -7.0, -3.1, -1.0, -0.2, 0.0, 0.7, 2.0, 5.0]:
        k = int(stds * variance**0.5)
        below = sum(weights[: k + reach + 1]) / total
        discrete.append({"variance": variance, "k": k, "cumulative": str(int(nint(below * 2**128)))})
write("discrete-gaussian.json", "cumulative = 2^128 P(X <= k), rounded, of P(x) ~ exp(-x^2 / 2 variance) on the integers", discrete)
