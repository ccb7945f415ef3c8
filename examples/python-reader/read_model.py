#!/usr/bin/env python3
"""Predicts with a model that `sotto export` wrote, with numpy and the standard library alone.

    pip install numpy
    python3 read_model.py model.safetensors plan.signed.json rows.csv --out predictions.csv

The plan says how rows become inputs and which layers the weights belong to; it is the file that the run was submitted with. Both
are checked: the weights against the hash in the model file, the plan against the hash of the plan that it was trained by.
Where the rows have the target's column, it says how many predictions are right.

Exits 0 when done, 1 when the files contradict each other, 2 when one cannot be read.
"""

import argparse
import csv
import hashlib
import json
import math
import re
import struct
import sys

import numpy as np

DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
}


class Contradiction(Exception):
    """Files that do not belong together."""


def require(condition, message):
    if not condition:
        raise Contradiction(message)


def read_safetensors(path):
    """Tensors by name, float32, and the file's metadata; checked against the model's hash.

    The same tensors come from safetensors.numpy.load_file, where that package is there."""
    with open(path, "rb") as file:
        content = file.read()
    require(len(content) >= 8, "the model file is too short")
    (length,) = struct.unpack_from("<Q", content)
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    metadata = header.pop("__metadata__", {})
    require(hashlib.sha256(data).hexdigest() == metadata.get("modelHash"), "the weights do not have the model's hash")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        require(entry["dtype"] == "F32", f"{name}: expected F32, got {entry['dtype']}")
        tensors[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors, metadata


def read_plan(path, plan_hash):
    """A plan, signed or not, if it has that hash."""
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)
    plan = plan.get("plan", plan)
    found = hashlib.sha256(canonical(plan).encode()).hexdigest()
    require(found == plan_hash, f"this plan has hash {found}, the model was trained by {plan_hash}")
    return plan


def canonical(value):
    """The text that is hashed: RFC 8785."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(member)}" for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def number(value):
    """A number as ECMAScript prints it. The shortest digits are Python's too; where the point stands is not."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    sign, digits = "-" if value < 0 else "", f"{abs(value)!r}e0".split("e")
    whole, _, fraction = digits[0].partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(digits[1])
    figures = whole + fraction
    stripped = figures.lstrip("0")
    point -= len(figures) - len(stripped)
    figures = stripped.rstrip("0")
    if 0 < point <= 21:
        return sign + (figures[:point].ljust(point, "0")) + ("." + figures[point:] if figures[point:] else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + figures
    power = f"{point - 1:+d}"
    return sign + figures[0] + ("." + figures[1:] if figures[1:] else "") + "e" + power


def encode_number(column, cell):
    if cell == "" or cell in column["missing"]:
        raw = column["fill"]
        if raw is None:
            return None
    elif not DECIMAL.fullmatch(cell) or not column["min"] <= float(cell) <= column["max"]:
        return None
    else:
        raw = float(cell)
    if column["transform"] == "log1p":
        if raw <= -1:
            return None
        raw = math.log1p(raw)
    return [(raw - column["centre"]) / column["scale"]]


def encode_category(column, cell):
    if cell not in column["values"] and column["other"] == "leaveOut":
        return None
    return [float(cell == value) for value in column["values"]]


def encode_target(target, cell):
    """The target as the model's outputs have it; None where the cell is none."""
    if target["kind"] == "number":
        fits = DECIMAL.fullmatch(cell) and target["min"] <= float(cell) <= target["max"]
        return float(cell) if fits else None
    labels = labels_of(target)
    return labels.index(cell) if cell in labels else None


def labels_of(target):
    return [target["negative"], target["positive"]] if target["kind"] == "binary" else target["values"]


def read_rows(path, schema):
    """Inputs [rows, width] of the rows that the schema takes, their numbers (1: below the header), targets or None."""
    target = schema["target"]
    encoders = {"number": encode_number, "category": encode_category}
    for column in schema["columns"]:
        require(column["kind"] in encoders, f"this example reads numbers and categories, not {column['kind']}")
    inputs, numbers, targets = [], [], []
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        header = [name.strip() for name in rows.fieldnames or []]
        rows.fieldnames = header
        missing = [column["name"] for column in schema["columns"] if column["name"] not in header]
        require(not missing, f"{path}: the table lacks {', '.join(missing)}")
        labelled = target["column"] in header
        total = 0
        for row in rows:
            total += 1
            if None in row or None in row.values():
                continue
            cells = [(column, row[column["name"]].strip()) for column in schema["columns"]]
            encoded = [encoders[column["kind"]](column, cell) for column, cell in cells]
            wanted = encode_target(target, row[target["column"]].strip()) if labelled else None
            if any(part is None for part in encoded) or (labelled and wanted is None):
                continue
            inputs.append([value for part in encoded for value in part])
            numbers.append(total)
            targets.append(wanted)
    # Inputs are float32 in Sotto, and so is what a model was trained on.
    return np.array(inputs, dtype=np.float32), numbers, targets if labelled else None, total


def predict(plan, tensors, inputs):
    """Probabilities [rows, classes], of the positive one alone [rows, 1], or values in the target's unit [rows, 1]."""
    outputs, dense = inputs.astype(np.float64), 0
    for layer in plan["topology"]["layers"]:
        if layer["kind"] == "dropout":
            continue
        require(layer["kind"] == "dense", f"this example reads dense layers and dropout, not {layer['kind']}")
        kernel, bias = tensors[f"dense{dense}/kernel"], tensors[f"dense{dense}/bias"]
        require(kernel.shape == (outputs.shape[1], layer["units"]), f"dense{dense}/kernel does not fit the plan")
        outputs = ACTIVATIONS[layer["activation"]](outputs @ kernel.astype(np.float64) + bias)
        dense += 1
    target = plan["schema"]["target"]
    if target["kind"] == "binary":
        return ACTIVATIONS["sigmoid"](outputs)
    if target["kind"] == "classes":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return outputs * target["scale"] + target["centre"]


def write_predictions(path, target, numbers, outputs):
    """A line for each row: its number, what is predicted, and the probability of each label or nothing more."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if target["kind"] == "number":
            writer.writerow(["row", "prediction"])
            writer.writerows([row, value] for row, (value,) in zip(numbers, outputs.tolist()))
            return
        labels = labels_of(target)
        probabilities = np.hstack([1 - outputs, outputs]) if target["kind"] == "binary" else outputs
        writer.writerow(["row", "prediction", *(f"probability of {label}" for label in labels)])
        for row, chosen, each in zip(numbers, classes_of(target, outputs), probabilities.tolist()):
            writer.writerow([row, labels[chosen], *each])


def classes_of(target, outputs):
    """The index of the label that is predicted, for each row."""
    return (outputs[:, 0] > 0.5).astype(int) if target["kind"] == "binary" else outputs.argmax(axis=1)


def score(target, outputs, targets):
    """How well it does, in words."""
    if target["kind"] == "number":
        error = float(np.sqrt(np.mean((outputs[:, 0] - np.array(targets)) ** 2)))
        return f"root mean squared error {error:.6g}"
    right = int(np.sum(classes_of(target, outputs) == np.array(targets)))
    return f"accuracy {right / len(targets):.4f} ({right} of {len(targets)})"


def main():
    parser = argparse.ArgumentParser(description="Predict with a model that sotto export wrote.")
    parser.add_argument("model", help="model.safetensors")
    parser.add_argument("plan", help="the plan that the run was submitted with, plan.signed.json")
    parser.add_argument("rows", help="CSV with the columns of the plan's data schema")
    parser.add_argument("--out", help="CSV file for the predictions")
    arguments = parser.parse_args()
    try:
        tensors, metadata = read_safetensors(arguments.model)
        plan = read_plan(arguments.plan, metadata.get("planHash"))
        target = plan["schema"]["target"]
        inputs, numbers, targets, total = read_rows(arguments.rows, plan["schema"])
        require(numbers, f"{arguments.rows}: no row fits the schema")
        outputs = predict(plan, tensors, inputs)
        print(f"{len(numbers)} of {total} rows fit the schema")
        if targets is not None:
            print(score(target, outputs, targets))
        if arguments.out is not None:
            write_predictions(arguments.out, target, numbers, outputs)
    except (OSError, ValueError, KeyError) as error:
        print(f"cannot be read: {error!r}", file=sys.stderr)
        return 2
    except Contradiction as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
