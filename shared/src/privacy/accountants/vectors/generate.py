"""Writes accounting-cases.json: cases of every family with dp-accounting's figures, of which none is a port of the TypeScript.

dp-accounting 0.6.0, Python 3.11. Run: python3 generate.py
pld: upper, pessimistic connect-the-dots; lower, the optimistic estimate, where there is one. rdp: at whole orders exact.
Randomized response is composed by hand: the accountant counts one answer whatever its count is.
"""

import json
import logging
import math
import pathlib

import dp_accounting
from dp_accounting import dp_event
from dp_accounting.pld import common
from dp_accounting.pld import privacy_loss_distribution as pld
from dp_accounting.rdp import RdpAccountant

logging.disable(logging.CRITICAL)
relations = dp_accounting.NeighboringRelation
RELATIONS = {
    "add-or-remove-one": relations.ADD_OR_REMOVE_ONE,
    "replace-one": relations.REPLACE_ONE,
    "replace-special": relations.REPLACE_SPECIAL,
}


def gaussian(z, count=1):
    return {"type": "gaussian", "noiseMultiplier": z, "count": count}


def poisson(q, inner, count):
    return {"type": "poisson", "samplingProbability": q, "inner": inner, "count": count}


def losses(event, relation, pessimistic):
    """The event's composed PLD, or None where dp-accounting knows none."""
    kind, count = event["type"], event["count"]
    options = {"pessimistic_estimate": pessimistic, "use_connect_dots": pessimistic, "value_discretization_interval": 1e-4}
    q = 1.0
    if kind == "poisson":
        q, event = event["samplingProbability"], event["inner"]
        kind = event["type"]
    if kind == "gaussian":
        one = pld.from_gaussian_mechanism(event["noiseMultiplier"], sampling_prob=q, neighboring_relation=relation, **options)
    elif kind == "laplace":
        one = pld.from_laplace_mechanism(event["noiseMultiplier"], sampling_prob=q, **options)
    elif kind == "discreteLaplace":
        one = pld.from_discrete_laplace_mechanism(event["parameter"], event["sensitivity"], sampling_prob=q, **options)
    elif kind == "discreteGaussian":
        one = pld.from_discrete_gaussian_mechanism(event["sigma"], event["sensitivity"], sampling_prob=q, **options)
    elif kind == "randomizedResponse":
        one = pld.from_randomized_response(
            event["noiseParameter"], event["buckets"], pessimistic, 1e-4, neighboring_relation=relation
        )
    elif kind == "epsDelta" and pessimistic:
        one = pld.from_privacy_parameters(common.DifferentialPrivacyParameters(event["epsilon"], event["delta"]))
    elif kind == "truncatedPoisson" and pessimistic:
        one = pld.from_truncated_subsampled_gaussian_mechanism(
            event["datasetSize"], event["samplingProbability"], event["maxBatch"], event["noiseMultiplier"],
            neighboring_relation=relation,
        )
    else:
        return None
    return one.self_compose(count)


def converted(event):
    kind, count = event["type"], event.get("count", 1)
    if kind == "gaussian":
        one = dp_event.GaussianDpEvent(float(event["noiseMultiplier"]))
    elif kind == "laplace":
        one = dp_event.LaplaceDpEvent(float(event["noiseMultiplier"]))
    elif kind == "randomizedResponse":
        one = dp_event.RandomizedResponseDpEvent(event["noiseParameter"], event["buckets"])
    elif kind == "zcdp":
        one = dp_event.ZCDpEvent(event["rho"])
    elif kind == "tree":
        one = dp_event.SingleEpochTreeAggregationDpEvent(float(event["noiseMultiplier"]), event["stepCounts"])
    elif kind == "poisson":
        one = dp_event.PoissonSampledDpEvent(event["samplingProbability"], converted(event["inner"]))
    elif kind == "withoutReplacement":
        one = dp_event.SampledWithoutReplacementDpEvent(event["datasetSize"], event["sampleSize"], converted(event["inner"]))
    elif kind == "composed":
        one = dp_event.ComposedDpEvent([converted(inner) for inner in event["events"]])
    elif kind == "repeatAndSelect":
        shape = math.inf if event["shape"] == "poisson" else event["shape"]
        one = dp_event.RepeatAndSelectDpEvent(converted(event["inner"]), event["mean"], shape)
    else:
        return None
    return one if count == 1 else dp_event.SelfComposedDpEvent(one, count)


def composed(events, relation, pessimistic, delta):
    total = None
    for event in events:
        one = losses(event, relation, pessimistic)
        if one is None:
            return None
        total = one if total is None else total.compose(one)
    return float(total.get_epsilon_for_delta(delta))


add, replace, special = "add-or-remove-one", "replace-one", "replace-special"
WANTED = [
    (add, 1e-6, [gaussian(0.7, 3)]), (replace, 1e-5, [gaussian(12, 50)]), (special, 1e-9, [gaussian(40, 1000)]),
    (add, 1e-6, [poisson(0.02, gaussian(0.8), 200)]), (add, 1e-3, [poisson(0.3, gaussian(1.2), 10)]),
    (special, 1e-8, [poisson(0.002, gaussian(0.6), 3000)]), (add, 1e-5, [poisson(0.9, gaussian(6), 100)]),
    (replace, 1e-5, [poisson(0.05, gaussian(1.5), 100)]), (replace, 1e-7, [poisson(0.6, gaussian(9), 60)]),
    (add, 1e-5, [{"type": "laplace", "noiseMultiplier": 1.3, "count": 1}]), (add, 1e-8, [{"type": "laplace", "noiseMultiplier": 9, "count": 40}]),
    (add, 1e-5, [poisson(0.1, {"type": "laplace", "noiseMultiplier": 1.5, "count": 1}, 50)]),
    (add, 1e-4, [{"type": "discreteLaplace", "parameter": 0.3, "sensitivity": 4, "count": 5}]),
    (add, 1e-5, [poisson(0.2, {"type": "discreteLaplace", "parameter": 0.5, "sensitivity": 2, "count": 1}, 20)]),
    (add, 1e-6, [{"type": "discreteGaussian", "sigma": 1.4, "sensitivity": 1, "count": 6}]),
    (add, 1e-5, [{"type": "discreteGaussian", "sigma": 12, "sensitivity": 5, "count": 15}]),
    (add, 1e-5, [poisson(0.15, {"type": "discreteGaussian", "sigma": 3, "sensitivity": 2, "count": 1}, 30)]),
    (replace, 1e-5, [{"type": "randomizedResponse", "noiseParameter": 0.4, "buckets": 3, "count": 6}]),
    (special, 1e-6, [{"type": "randomizedResponse", "noiseParameter": 0.6, "buckets": 20, "count": 9}]),
    (replace, 1e-4, [{"type": "randomizedResponse", "noiseParameter": 0.8, "buckets": 2, "count": 25}]),
    (add, 1e-5, [{"type": "truncatedPoisson", "datasetSize": 400, "samplingProbability": 0.1, "maxBatch": 45, "noiseMultiplier": 2.5, "count": 80}]),
    (replace, 1e-5, [{"type": "truncatedPoisson", "datasetSize": 2000, "samplingProbability": 0.02, "maxBatch": 50, "noiseMultiplier": 3, "count": 60}]),
    (add, 1e-6, [{"type": "truncatedPoisson", "datasetSize": 50, "samplingProbability": 0.5, "maxBatch": 1, "noiseMultiplier": 8, "count": 10}]),
    (add, 1e-5, [poisson(0.01, gaussian(1.1), 300), {"type": "laplace", "noiseMultiplier": 12, "count": 4}, gaussian(15, 3)]),
    (add, 1e-5, [poisson(0.05, gaussian(2.5), 100), {"type": "epsDelta", "epsilon": 0.2, "delta": 1e-7, "count": 2}]),
    (add, 1e-6, [{"type": "zcdp", "rho": 0.02, "count": 7}]), (special, 1e-5, [{"type": "tree", "noiseMultiplier": 6, "stepCounts": [64, 127], "count": 3}]),
    (replace, 1e-5, [{"type": "withoutReplacement", "datasetSize": 5000, "sampleSize": 40, "inner": gaussian(0.9), "count": 200}]),
    (replace, 1e-7, [{"type": "withoutReplacement", "datasetSize": 300, "sampleSize": 90, "inner": gaussian(7), "count": 40}]),
    (add, 1e-5, [{"type": "repeatAndSelect", "inner": gaussian(5, 2), "mean": 30, "shape": 2.5, "count": 1}]),
    (add, 1e-5, [{"type": "repeatAndSelect", "inner": gaussian(3, 1), "mean": 8, "shape": "poisson", "count": 1}]),
    (add, 1e-6, [{"type": "repeatAndSelect", "inner": gaussian(8, 1), "mean": 1.5, "shape": 0, "count": 1}]),
    (add, 1e-5, [poisson(0.03, {"type": "composed", "events": [gaussian(1.4), gaussian(7)], "count": 1}, 150)]),
]

cases = []
for number, (neighboring, delta, events) in enumerate(WANTED):
    relation = RELATIONS[neighboring]
    expect = {}
    upper = composed(events, relation, True, delta)
    if upper is not None:
        expect["pld"] = {"upper": upper, "lower": composed(events, relation, False, delta)}
    try:
        accountant = RdpAccountant(neighboring_relation=relation)
        for event in events:
            accountant.compose(converted(event))
        epsilon, order = accountant.get_epsilon_and_optimal_order(delta)
        # Its RDP does not double a Gaussian's sensitivity under replace-one.
        field = "rdpSensitivityAlreadyDoubled" if neighboring == replace and events[0]["type"] == "gaussian" else "rdp"
        expect[field] = {"epsilon": float(epsilon), "order": float(order)}
    except (TypeError, dp_accounting.UnsupportedEventError):
        pass
    cases.append({"id": f"{events[0]['type']}-{number}", "neighboring": neighboring, "events": events,
                  "query": {"kind": "epsilon", "delta": delta}, "expect": expect})

body = {"generatedBy": "generate.py, dp-accounting 0.6.0", "cases": cases}
path = pathlib.Path(__file__).parent / "accounting-cases.json"
path.write_text(json.dumps(body, indent=1) + "\n")
