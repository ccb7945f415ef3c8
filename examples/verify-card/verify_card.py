#!/usr/bin/env python3
"""Recomputes every epsilon of a Sotto privacy card from its JSON alone, with Google's dp-accounting.

    pip install dp-accounting
    python3 verify_card.py card.json

Exits 0 when the card states at least what was recomputed, 1 when it states less or contradicts itself, 2 when it cannot be
read. Nothing here is taken from Sotto: the events are composed by another accountant, and so is the who-colludes table.

What an event is (docs/reference/privacy-card.md): each unit's vector is cut to whole numbers of L2 norm at most
D = normBoundSteps; the sum carries discrete Gaussian noise of standard deviation z·D that the assumed colluders do not know.
It is post-processing of a continuous Gaussian with z_eff = sqrt(z^2 D^2 - 4) / D, also when units are sampled.
"""

import argparse
import json
import math
import sys

from dp_accounting import dp_event
from dp_accounting.dp_event_builder import DpEventBuilder
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.privacy_accountant import NeighboringRelation
from dp_accounting.rdp.rdp_privacy_accountant import RdpAccountant

# Finer for very small sampling rates, where dp-accounting's usual 1e-4 is several times too high: --interval 1e-5.
INTERVAL = 1e-4

# dp-accounting's own figure is pessimistic by its discretisation, and so is the card's: neither is the exact value.
RELATIVE_TOLERANCE = 2e-3
ABSOLUTE_TOLERANCE = 1e-4


class Contradiction(Exception):
    """The card says something that does not follow from what it says."""


def require(condition, message):
    if not condition:
        raise Contradiction(message)


def gaussian(event, share=1.0):
    """The event as dp-accounting takes it; `share` is the variance that is left of the floor's."""
    require(event["kind"] == "sampledGaussianSum" and event["version"] == 1, f"unknown event {event['kind']}")
    require(event["adjacency"] == "addOrRemove", f"unknown adjacency {event['adjacency']}")
    require(event["numericSlack"] == 0, "the sensitivity is not exact")
    z, steps = event["noiseMultiplier"], event["normBoundSteps"]
    require(steps <= math.floor(event["gridStepsPerRms"] * math.sqrt(event["dimension"])), "D is above floor(S sqrt(d))")
    honest = event["minSurvivors"] - event["colluding"]
    require(honest >= 1, "nobody honest adds noise")
    shares = honest if event["noise"] == "distributedDiscreteGaussian" else 1
    require(z * steps / math.sqrt(shares) >= 4, "a share of the noise has less than 4 steps")
    std = z * steps * math.sqrt(share)
    effective = math.sqrt(std * std - 4) / steps
    rate = event["samplingNumerator"] / 2**32
    release = dp_event.GaussianDpEvent(effective)
    return release if rate == 1 else dp_event.PoissonSampledDpEvent(rate, release)


def epsilon_of(releases, delta, interval, share=1.0):
    """Epsilon of (event, count) pairs by the privacy loss distribution."""
    builder = DpEventBuilder()
    for event, count in releases:
        if count > 0:
            builder.compose(gaussian(event, share), count)
    accountant = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE, interval)
    accountant.compose(builder.build())
    return accountant.get_epsilon(delta)


def accounts_of(event):
    """Whom an event counts for. Parts are disjoint sets of units, so each has an account of its own."""
    if event["unit"] == "client":
        return ["client"]
    return ["train", "validation", "test"] if event["part"] == "all" else [event["part"]]


def check_charges(mechanism, where):
    """What a unit can be charged: every release at its most, or where clients take turns less than that."""
    event, charges = mechanism["event"], mechanism["charges"]
    total = sum(charge["atMost"] for charge in charges)
    require(total <= mechanism["atMost"], where + "a unit can be charged more often than there are sessions")
    for charge in charges:
        # The same noise over a vector that is as long, or shorter.
        z, steps = charge["event"]["noiseMultiplier"], charge["event"]["normBoundSteps"]
        other = dict(charge["event"], noiseMultiplier=event["noiseMultiplier"], normBoundSteps=event["normBoundSteps"])
        require(other == event, where + "a charge is of another kind than the release")
        require(steps <= event["normBoundSteps"], where + "a charge costs more than the release at its most")
        noise = event["noiseMultiplier"] * event["normBoundSteps"]
        require(abs(z * steps / noise - 1) < 1e-9, where + "a charge has other noise than the release")
    turns = mechanism["turns"]
    require((turns is not None) == (mechanism["samplingDone"] == "turnsInPublicOrder"), where + "turns, and none done")
    if turns is None:
        require(total == mechanism["atMost"], where + "a unit is charged less than every session")
        return
    # The worst unit begins in the first round and sends its update again, c_age of it, in `bands` rounds in a row.
    require(turns["period"] >= turns["bands"] == len(charges), where + "a charge for each band, and no two at once")
    coefficient, largest = 1.0, event["normBoundSteps"]
    for age, charge in enumerate(charges):
        coefficient *= (2 * age - 1) / (2 * age) if age > 0 else 1
        rounds = max(0, (mechanism["planned"] - 1 - age) // turns["period"] + 1)
        steps, least = charge["event"]["normBoundSteps"], math.floor(coefficient * largest * (1 - 1e-12))
        require(steps >= least, where + f"turn {age} is charged {steps} steps, it has {least}")
        due = rounds + (mechanism["spare"] if age == 0 else 0)
        require(charge["atMost"] >= due, where + f"turn {age} is charged {charge['atMost']} times, it comes {due} times")


def check_counts(mechanism):
    where = f"{mechanism['slot']}: "
    require(mechanism["atMost"] == mechanism["planned"] + mechanism["spare"], where + "atMost is not planned + spare")
    if mechanism["charged"] is not None:
        require(mechanism["charged"] <= mechanism["atMost"], where + "more was charged than epsilon covers")
        require(mechanism["released"] <= mechanism["charged"], where + "more was released than was charged")
    check_charges(mechanism, where)
    sampled = mechanism["event"]["samplingNumerator"] < 2**32
    require(sampled == (mechanism["samplingAssumed"] == "poisson"), where + "sampling assumed is not the event's")
    done = ("secretCoinOfEachClient",) if sampled else ("everyUnit", "turnsInPublicOrder")
    require(mechanism["samplingDone"] in done, where + "sampling done is not what is assumed")


def check_stated(name, stated, recomputed):
    print(f"{name}: the card states {stated:.6g}, recomputed {recomputed:.6g}")
    least = recomputed * (1 - RELATIVE_TOLERANCE) - ABSOLUTE_TOLERANCE
    require(stated >= least, f"{name}: the card states {stated}, recomputed {recomputed}")


def check_curve(guarantee, releases):
    """The card's curve bounds ours at whole orders, where dp-accounting's RDP is exact."""
    whole = {point["order"]: point["rdp"] for point in guarantee["rdp"] if point["order"] == int(point["order"])}
    orders = sorted(whole)
    accountant = RdpAccountant(orders, NeighboringRelation.ADD_OR_REMOVE_ONE)
    for event, count in releases:
        if count > 0:
            accountant.compose(gaussian(event), count)
    for order, rdp in zip(orders, accountant._rdp):  # pylint: disable=protected-access
        require(whole[order] >= rdp * (1 - 1e-6), f"RDP of order {order}: the card has {whole[order]}, recomputed {rdp}")


def verify(card, interval):
    require(card["kind"] == "sotto-privacy-card" and card["version"] == 1, "not a privacy card of version 1")
    if card["privacy"] == "none":
        require(card["guarantees"] == [], "a guarantee without differential privacy")
        print("no differential privacy: epsilon is infinite, and the card promises nothing")
        return
    by_account = {}
    for mechanism in card["mechanisms"]:
        event = mechanism["event"]
        check_counts(mechanism)
        require(event["unit"] == card["unit"]["kind"], "an event is about another unit")
        require(event["minSurvivors"] == card["noise"]["minSurvivors"], "an event has another floor of survivors")
        require(event["colluding"] == card["collusion"]["assumed"], "an event assumes other colluders")
        for account in accounts_of(event):
            releases = [(charge["event"], charge["atMost"]) for charge in mechanism["charges"]]
            by_account.setdefault(account, []).extend(releases)
    stated = {guarantee["account"]: guarantee for guarantee in card["guarantees"]}
    require(set(stated) == set(by_account), f"guarantees for {sorted(stated)}, releases about {sorted(by_account)}")
    assumed, floor = card["collusion"]["assumed"], card["noise"]["minSurvivors"]
    for index, guarantee in enumerate(card["guarantees"]):
        account, delta = guarantee["account"], guarantee["delta"]
        releases = by_account[account]
        recomputed = epsilon_of(releases, delta, interval)
        check_stated(f"epsilon ({account}, delta {delta})", guarantee["epsilon"], recomputed)
        check_stated(f"accounted ({account})", guarantee["accounted"], recomputed)
        check_curve(guarantee, releases)
        for row in card["collusion"]["left"]:
            for survivors, column in ((floor, "atFewest"), (card["noise"]["clients"], "atAll")):
                share = (survivors - row["colluding"]) / (floor - assumed)
                name = f"{row['colluding']} colluding, {survivors} contribute ({account})"
                check_stated(name, row[column][index], epsilon_of(releases, delta, interval, share))
    fewest = card["noise"]["fewestSurvivors"]
    require(fewest is None or fewest >= floor, "a release had fewer survivors than the floor of its noise")


def main():
    parser = argparse.ArgumentParser(description="Recompute every epsilon of a Sotto privacy card.")
    parser.add_argument("card", nargs="+", help="card.json")
    parser.add_argument("--interval", type=float, default=INTERVAL, help="of the loss distribution's grid (%(default)s)")
    arguments = parser.parse_args()
    status = 0
    for path in arguments.card:
        print(path)
        try:
            with open(path, encoding="utf-8") as file:
                card = json.load(file)
        except (OSError, ValueError) as error:
            print(f"{path}: cannot be read: {error}", file=sys.stderr)
            return 2
        try:
            verify(card, arguments.interval)
        except Contradiction as error:
            print(f"WRONG: {path}: {error}", file=sys.stderr)
            status = 1
        except (KeyError, TypeError) as error:
            print(f"WRONG: {path}: a field is missing or malformed: {error!r}", file=sys.stderr)
            status = 1
    if status == 0:
        print("Every figure is at least what was recomputed.")
    return status


if __name__ == "__main__":
    sys.exit(main())
