#!/usr/bin/env python3
"""Compares random networks, and what the integer reference makes of them, with other runtimes.

    cargo run --release -p systole-tests --example networks -- target/networks 200
    pip install ai-edge-litert==2.3.0 onnxruntime==1.32.0 numpy
    python scripts/compare_networks.py target/networks

TFLite files run on ai-edge-litert's reference kernels and must agree value for value. ONNX files run on onnxruntime without
optimisations; it computes in floats between the quantisers, so a few values may lie a step apart, and it is told how many.
A runtime that is not installed is left out, and said. Run by hand. Exit status: 0, 1 if a TFLite file differs, or 2 if there is
nothing to compare.
"""

import argparse
import sys
from pathlib import Path

import numpy as np


def tflite(file, given):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    runner = Interpreter(model_path=str(file), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    runner.allocate_tensors()
    detail = runner.get_input_details()[0]
    runner.set_tensor(detail["index"], given.reshape(detail["shape"]))
    runner.invoke()
    return runner.get_tensor(runner.get_output_details()[0]["index"]).astype(np.float32).ravel()


def onnx(file, given):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    shape = [d if isinstance(d, int) else 1 for d in session.get_inputs()[0].shape]
    # The bytes as the reals that the first quantiser makes these bytes of.
    scale, zero = np.load(f"{file}.quant.npy")
    reals = (given.astype(np.float32) - zero) * scale
    return session.run(None, {session.get_inputs()[0].name: reals.reshape(shape).astype(np.float32)})[0].ravel()


def main():
    parser = argparse.ArgumentParser(description="Compare random networks with other runtimes.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    status, compared = 0, 0
    for kind, run in (("tflite", tflite), ("onnx", onnx)):
        files = sorted(folder.glob(f"*.{kind}"))
        exact, values, apart, refused = 0, 0, 0, 0
        for file in files:
            try:
                got = run(file, np.load(f"{file}.input.npy"))
            except ImportError as error:
                print(f"{kind}: left out, {error}")
                break
            except Exception as error:  # onnxruntime's have no class of their own
                print(f"{file.name}: refused there: {str(error).splitlines()[0][:160]}")
                refused += 1
                continue
            want = np.load(f"{file}.output.npy")
            differ = int((~np.isclose(got, want, rtol=1e-4, atol=1e-6)).sum())
            exact, values, apart = exact + (differ == 0), values + want.size, apart + differ
            if differ and kind == "tflite":
                print(f"{file.name}: {differ} of {want.size} values differ, by {np.abs(got - want).max():g} at most")
                status = 1
        else:
            compared += len(files)
            print(f"{kind}: {exact} of {len(files)} exact, {apart} of {values} values differ, {refused} refused there")
    return status if compared else 2


if __name__ == "__main__":
    sys.exit(main())
