#!/usr/bin/env python3
"""Trains the demo network on scikit-learn's 8x8 digits, quantises it and writes models/.

    .venv/bin/python scripts/train_digits.py [--epochs 60] [--out models]

Writes digits.onnx, digits_test_x.npy (uint8 pixels 0..16, [360,1,8,8]) and digits_test_y.npy (uint8 labels), and prints
the figures that models/README.md quotes. Split and training are seeded. Calibration and training see the training
images only. About half a minute on one core.
"""

import argparse
import os
import sys
from pathlib import Path

# One thread: the matrices are small, and sums then always have the same order.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import onnx
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import digits_export
import digits_net

SEED = 8
HELD_OUT = 360  # a fifth of 1,797


def progress(epoch, epochs, loss):
    """One line that overwrites itself on a terminal, every tenth epoch otherwise."""
    if sys.stderr.isatty():
        print(f"\rtraining: epoch {epoch} of {epochs}, loss {loss:.4f}", end="", file=sys.stderr)
        if epoch == epochs:
            print(file=sys.stderr)
    elif epoch % 10 == 0:
        print(f"training: epoch {epoch} of {epochs}, loss {loss:.4f}", file=sys.stderr)


def main():
    top = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Train and quantise the demo network.")
    parser.add_argument("--epochs", type=int, default=60, help="passes over the training images (default 60)")
    parser.add_argument("--out", type=Path, default=top / "models", help="folder to write to (default models/)")
    options = parser.parse_args()
    if options.epochs < 4:
        parser.error(f"--epochs is {options.epochs}; the weight average needs at least 4")

    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels.reshape(-1, 8, 8, 1).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    parameters = digits_net.train(train_x / 16, train_y, SEED, options.epochs, progress)
    layers = digits_export.quantise(parameters, train_x)
    model = digits_export.to_onnx(layers)

    options.out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, options.out / "digits.onnx")
    nchw = np.ascontiguousarray(test_x.transpose(0, 3, 1, 2)).astype(np.uint8)
    np.save(options.out / "digits_test_x.npy", nchw)
    np.save(options.out / "digits_test_y.npy", test_y.astype(np.uint8))

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ort = session.run(None, {"pixels": nchw.astype(np.float32)})[0]
    integer = digits_export.run_integer(layers, test_x)
    last = layers[-1]
    steps = np.abs(np.rint(ort / last["out_scale"]) + last["out_zero_point"] - integer)
    weight_bytes = sum(layer["weight"].size for layer in layers if "weight" in layer)

    def percent(hits):
        return f"{100 * np.mean(hits):.2f} % ({np.sum(hits)} of {len(hits)})"

    print(f"float accuracy              {percent(digits_net.forward(parameters, test_x / 16).argmax(1) == test_y)}")
    print(f"int8 accuracy, onnxruntime  {percent(ort.argmax(1) == test_y)}")
    print(f"int8 accuracy, integers     {percent(integer.argmax(1) == test_y)}")
    print(f"same class in both          {percent(ort.argmax(1) == integer.argmax(1))}")
    print(f"logits equal in both        {100 * np.mean(steps == 0):.2f} %, greatest difference {int(steps.max())} steps")
    print(f"weights                     {weight_bytes} bytes")


if __name__ == "__main__":
    main()
