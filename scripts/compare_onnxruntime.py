#!/usr/bin/env python3
"""Compares the card's outputs with onnxruntime's on the same inputs.

    .venv/bin/python scripts/compare_onnxruntime.py OUTPUT.npy [--model M] [--input X.npy] [--least 99.5]

OUTPUT.npy is what `systole run --out` wrote: one row an input, float32 (dequantised) or the model's own integers.
Exit status: 0 if at least `--least` per cent of the inputs have the same class (argmax), 1 if fewer, 2 on bad input.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def fail(message):
    print(f"compare_onnxruntime: {message}", file=sys.stderr)
    sys.exit(2)


def load(path):
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        fail(f"{path}: cannot be read as .npy ({error}); give a file that `systole run --out` or numpy.save wrote")


def output_step(model):
    """Scale and zero point of the last DequantizeLinear, (1, 0) if the model does not end in one."""
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.output[0] == model.graph.output[0].name:
            return float(constants[node.input[1]]), int(constants[node.input[2]])
    return 1.0, 0


def main():
    top = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Compare the card's outputs with onnxruntime's.")
    parser.add_argument("output", type=Path, help=".npy that `systole run --out` wrote")
    parser.add_argument("--model", type=Path, default=top / "models/digits.onnx")
    parser.add_argument("--input", type=Path, default=top / "models/digits_test_x.npy")
    parser.add_argument("--least", type=float, default=99.5, help="per cent of inputs that must have the same class")
    options = parser.parse_args()

    card, pixels = load(options.output), load(options.input)
    try:
        model = onnx.load(options.model)
        session = onnxruntime.InferenceSession(str(options.model), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common base class for its errors
        first = (str(error).splitlines() or [type(error).__name__])[0]
        fail(f"{options.model}: onnxruntime cannot load it ({first})")
    if len(card) != len(pixels):
        fail(f"{options.output} has {len(card)} rows, {options.input} has {len(pixels)} inputs; give the same batch")
    reference = session.run(None, {session.get_inputs()[0].name: pixels.astype(np.float32)})[0]
    reference = reference.reshape(len(reference), -1)
    card = card.reshape(len(card), -1)
    if card.shape != reference.shape:
        fail(f"{options.output} has {card.shape[1]} values a row, the model gives {reference.shape[1]}")

    same = int((card.argmax(1) == reference.argmax(1)).sum())
    share = 100 * same / len(card)
    scale, zero_point = output_step(model)
    card_steps = card / scale if card.dtype.kind == "f" else card.astype(np.int64) - zero_point
    steps = np.abs(np.rint(card_steps) - np.rint(reference / scale))
    verdict = "ok" if share >= options.least else f"below the {options.least:g} % it must reach"
    print(f"same class as onnxruntime {onnxruntime.__version__}: {same} of {len(card)} ({share:.2f} %), {verdict}")
    print(f"output values equal: {100 * np.mean(steps == 0):.2f} %, greatest difference {int(steps.max())} steps of {scale:.6g}")
    return 0 if share >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
