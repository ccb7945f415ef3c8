"""Writes audit-bound.json. Needs mpmath alone: python3 generate-audit-bound.py, in this folder.

An independent route: every mass of the binomial by its recurrence at 60 digits, tails by plain sums, the maximum over
every i, the bound by bisection.
"""
import json

import mpmath
from mpmath import mp, mpf

mp.dps = 60

# canaries, guesses, correct, delta, significance
ROWS = [
    (50, 50, 50, 0, 0.05),
    (50, 10, 0, 1e-5, 0.05),
    (50, 0, 0, 1e-5, 0.05),
    (60, 60, 41, 1e-6, 0.05),
    (1000, 1, 1, 0, 0.6),
    (1000, 1000, 990, 0, 0.05),
    (777, 333, 300, 1e-5, 0.01),
    (10_000, 500, 480, 1e-5, 0.05),
    (10_000, 500, 330, 1e-5, 0.05),
    (10_000, 500, 251, 1e-5, 0.05),
    (20_000, 2_000, 1_900, 1e-6, 0.05),
    (100_000, 1_500, 1_499, 1e-9, 0.001),
    (5_000, 3_000, 1_700, 1e-8, 0.05),
    (200, 200, 150, 0.001, 0.2),
    (300, 120, 90, 1e-4, 0.05),
    (1_000_000, 2_000, 1_800, 1e-7, 0.05),
    (64, 40, 40, 0.01, 0.5),
    (1_000, 800, 799, 1e-5, 1e-6),
]


def p_value(canaries, guesses, correct, delta, epsilon):
    q = 1 / (1 + mpmath.exp(-mpf(epsilon)))
    masses = [(1 - q) ** guesses]
    for k in range(1, guesses + 1):
        masses.append(masses[-1] * q / (1 - q) * mpf(guesses - k + 1) / k)
    best = total = mpf(0)
    for i in range(1, correct + 1):
        total += masses[correct - i]
        best = max(best, total / i)
    return min(mpf(1), sum(masses[correct:]) + 2 * canaries * mpf(repr(delta)) * best)


def bound(canaries, guesses, correct, delta, significance):
    level = mpf(repr(significance))
    rejected = lambda epsilon: p_value(canaries, guesses, correct, delta, epsilon) < level
    if not rejected(0):
        return mpf(0)
    low, high = mpf(0), mpf(1)
    while rejected(high):
        low, high = high, 2 * high
    while high - low > mpf(10) ** -14:
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low


cases = []
for row in ROWS:
    case = dict(zip(["canaries", "guesses", "correct", "delta", "significance"], row))
    case["epsilonLowerBound"] = float(bound(*row))
    case["pValueAtEpsilon"] = [{"epsilon": e, "p": float(p_value(*row[:4], e))} for e in (0, 0.75, 3)]
    cases.append(case)
with open("audit-bound.json", "w") as file:
    json.dump({"generatedBy": "generate-audit-bound.py, mpmath, 60 digits", "cases": cases}, file, indent=2)
    file.write("\n")
