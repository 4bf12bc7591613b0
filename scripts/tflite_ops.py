#!/usr/bin/env python3
"""Makes tests/data/tflite_ops.npz: single TFLite operators and what the reference kernels give for them.

    pip install ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy
    python scripts/tflite_ops.py [--out tests/data/tflite_ops.npz]

Each model has one operator with random shapes, scales and zero points from a fixed seed; its file and its inputs and
outputs are arrays of the archive (NAME/model, NAME/input_0, ..., NAME/output). The project only reads the archive; this is run
by hand when an operator is added. Exit status: 0, or 1 if the kernels refuse a model.
"""

import argparse
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

OP, OPTIONS, TYPE = schema.BuiltinOperator, schema.BuiltinOptions, schema.TensorType
rng = np.random.default_rng(5)


def whole(low, high):
    return int(rng.integers(low, high + 1))


def scale(low=0.005, high=0.3):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def near(value, low, high):
    """A value times a random power of two."""
    return value * float(2 ** rng.uniform(low, high))


def zero_point():
    return whole(-128, 127)


def activation():
    return (0, 0, 1, 3, 2)[whole(0, 4)]


class Model:
    """A model in the making."""

    def __init__(self):
        self.graph, self.model = schema.SubGraphT(), schema.ModelT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]

    def tensor(self, shape, scales=None, zero=0, kind=TYPE.INT8, data=None, axis=0):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name, tensor.shape, tensor.type = f"t{len(self.graph.tensors)}".encode(), list(shape), kind
        if scales is not None:
            scales = np.atleast_1d(scales).astype(np.float32)
            quantisation = schema.QuantizationParametersT()
            quantisation.scale, quantisation.zeroPoint = [float(s) for s in scales], [zero] * len(scales)
            quantisation.quantizedDimension = axis
            tensor.quantization = quantisation
        if data is not None:
            buffer.data = list(np.ascontiguousarray(data).tobytes())
        tensor.buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code, inputs, output, kind=0, options=None, version=2):
        found, operator = schema.OperatorCodeT(), schema.OperatorT()
        found.builtinCode, found.deprecatedBuiltinCode, found.version = code, min(code, 127), version
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.model.operatorCodes), inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.model.operatorCodes.append(found)
        self.graph.operators.append(operator)

    def run(self, inputs, output, samples):
        """The file, and inputs and outputs of random samples on the reference kernels."""
        self.graph.inputs, self.graph.outputs = inputs, [output]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        file = bytes(builder.Output())
        runner = Interpreter(model_content=file, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        runner.allocate_tensors()
        given, got = [[] for _ in inputs], []
        for sample in range(samples):
            for values, detail in zip(given, runner.get_input_details()):
                values.append(random_input(detail, sample))
                runner.set_tensor(detail["index"], values[-1])
            runner.invoke()
            got.append(runner.get_tensor(runner.get_output_details()[0]["index"]).copy())
        arrays = {f"input_{i}": np.stack(values) for i, values in enumerate(given)}
        return {"model": np.frombuffer(file, np.uint8), **arrays, "output": np.stack(got)}


def random_input(detail, sample):
    if detail["dtype"] == np.float32:
        return rng.normal(0, 3, detail["shape"]).astype(np.float32)
    if sample % 2:
        return np.clip(rng.normal(0, 30, detail["shape"]), -100, 100).astype(np.int8)
    return rng.integers(-128, 128, detail["shape"]).astype(np.int8)


def image(channels=(1, 9), least=1, most=5):
    return [1, whole(least, most), whole(least, most), whole(*channels)]


def add():
    m, shape, first = Model(), image(), scale()
    second = near(first, -6, 6)
    a, b = m.tensor(shape, first, zero_point()), m.tensor(shape, second, zero_point())
    out = m.tensor(shape, near(max(first, second), -1, 3), zero_point())
    options = schema.AddOptionsT()
    options.fusedActivationFunction = activation()
    m.operator(OP.ADD, [a, b], out, OPTIONS.AddOptions, options)
    return m.run([a, b], out, 8)


def window(shape):
    """Strides, kernel, padding (0: SAME) and the extents of the output."""
    stride, kernel, padding = [whole(1, 3), whole(1, 3)], [whole(1, 4), whole(1, 4)], whole(0, 1)
    room = [shape[1 + i] - (0 if padding == 0 else kernel[i] - 1) for i in (0, 1)]
    return stride, kernel, padding, [-(-room[i] // stride[i]) for i in (0, 1)]


def pool(code):
    m, shape, s, z = Model(), image(least=4, most=9), scale(), zero_point()
    stride, kernel, padding, extent = window(shape)
    x, out = m.tensor(shape, s, z), m.tensor([1, *extent, shape[3]], s, z)
    options = schema.Pool2DOptionsT()
    options.padding, (options.strideH, options.strideW) = padding, stride
    (options.filterHeight, options.filterWidth), options.fusedActivationFunction = kernel, activation()
    m.operator(code, [x], out, OPTIONS.Pool2DOptions, options)
    return m.run([x], out, 3)


def mean(same):
    m, shape, s, z = Model(), image(most=9), scale(), zero_point()
    x, axes = m.tensor(shape, s, z), m.tensor([2], kind=TYPE.INT32, data=np.array([1, 2], np.int32))
    out = m.tensor([1, 1, 1, shape[3]], *((s, z) if same else (near(s, -2, 1), zero_point())))
    options = schema.ReducerOptionsT()
    options.keepDims = True
    m.operator(OP.MEAN, [x, axes], out, OPTIONS.ReducerOptions, options)
    return m.run([x], out, 16)


def requantise(code):
    m, shape, s = Model(), image(), scale()
    x, out = m.tensor(shape, s, zero_point()), m.tensor(shape, near(s, -3, 3), zero_point())
    m.operator(code, [x], out)
    return m.run([x], out, 8)


def fully_connected(channels):
    m, inputs, outputs, s = Model(), whole(1, 40), whole(1, 20), scale()
    scales = [scale(0.001, 0.05) for _ in range(outputs if channels else 1)]
    x = m.tensor([1, inputs], s, zero_point())
    w = m.tensor([outputs, inputs], scales, data=rng.integers(-127, 128, (outputs, inputs)).astype(np.int8))
    bias = rng.integers(-3000, 3000, outputs).astype(np.int32)
    b = m.tensor([outputs], [s * v for v in scales], kind=TYPE.INT32, data=bias)
    out = m.tensor([1, outputs], near(s * max(scales) * np.sqrt(inputs) * 60, -2, 2), zero_point())
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation()
    m.operator(OP.FULLY_CONNECTED, [x, w, b], out, OPTIONS.FullyConnectedOptions, options, 12 if channels else 4)
    return m.run([x], out, 8)


def convolution(depthwise, channels):
    m, shape, s = Model(), image((1, 6), 4, 9), scale()
    multiplier = whole(1, 3)
    outputs = shape[3] * multiplier if depthwise else whole(1, 9)
    stride, kernel, padding, extent = window(shape)
    scales = [scale(0.001, 0.05) for _ in range(outputs if channels else 1)]
    filters = [1, *kernel, outputs] if depthwise else [outputs, *kernel, shape[3]]
    x = m.tensor(shape, s, zero_point())
    w = m.tensor(filters, scales, data=rng.integers(-127, 128, filters).astype(np.int8), axis=3 if depthwise else 0)
    bias = rng.integers(-3000, 3000, outputs).astype(np.int32)
    b = m.tensor([outputs], [s * v for v in scales], kind=TYPE.INT32, data=bias)
    taps = np.prod(kernel) * (1 if depthwise else shape[3])
    out = m.tensor([1, *extent, outputs], near(s * max(scales) * np.sqrt(taps) * 60, -2, 2), zero_point())
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.padding, (options.strideH, options.strideW), options.fusedActivationFunction = padding, stride, activation()
    options.dilationHFactor = options.dilationWFactor = 1
    if depthwise:
        options.depthMultiplier = multiplier
        m.operator(OP.DEPTHWISE_CONV_2D, [x, w, b], out, OPTIONS.DepthwiseConv2DOptions, options, 3)
    else:
        m.operator(OP.CONV_2D, [x, w, b], out, OPTIONS.Conv2DOptions, options, 3)
    return m.run([x], out, 3)


def line(code, to_scale, to_zero, kind=0, options=None):
    m, shape = Model(), [1, whole(2, 12)]
    x, out = m.tensor(shape, scale(0.01, 0.2), zero_point()), m.tensor(shape, to_scale, to_zero)
    m.operator(code, [x], out, kind, options)
    return m.run([x], out, 24)


def softmax():
    options = schema.SoftmaxOptionsT()
    options.beta = (1.0, 0.5, 2.0)[whole(0, 2)]
    return line(OP.SOFTMAX, 1 / 256, -128, OPTIONS.SoftmaxOptions, options)


def concatenation():
    m, s, z, shape = Model(), scale(), zero_point(), [1, whole(1, 4), whole(1, 4)]
    channels = [whole(1, 5) for _ in range(whole(2, 3))]
    inputs = [m.tensor([*shape, c], s, z) for c in channels]
    out = m.tensor([*shape, sum(channels)], s, z)
    options = schema.ConcatenationOptionsT()
    options.axis = (3, -1)[whole(0, 1)]
    m.operator(OP.CONCATENATION, inputs, out, OPTIONS.ConcatenationOptions, options)
    return m.run(inputs, out, 3)


def pad():
    m, s, z, shape = Model(), scale(), zero_point(), image((1, 4), 1, 4)
    sides = np.array([[0, 0], *[[whole(0, 2), whole(0, 2)] for _ in range(3)]], np.int32)
    x, p = m.tensor(shape, s, z), m.tensor([4, 2], kind=TYPE.INT32, data=sides)
    out = m.tensor([int(d + two) for d, two in zip(shape, sides.sum(1))], s, z)
    m.operator(OP.PAD, [x, p], out, OPTIONS.PadOptions, schema.PadOptionsT())
    return m.run([x], out, 3)


def floats_at_the_edges():
    m, s, z, shape = Model(), scale(0.02, 0.5), zero_point(), image()
    x, out = m.tensor(shape, kind=TYPE.FLOAT32), m.tensor(shape, kind=TYPE.FLOAT32)
    quantised, clamped = m.tensor(shape, s, z), m.tensor(shape, s, z)
    m.operator(OP.QUANTIZE, [x], quantised, OPTIONS.QuantizeOptions, schema.QuantizeOptionsT())
    m.operator(OP.RELU, [quantised], clamped)
    m.operator(OP.DEQUANTIZE, [clamped], out, OPTIONS.DequantizeOptions, schema.DequantizeOptionsT())
    return m.run([x], out, 3)


CASES = {
    "add": (8, lambda k: add()),
    "average": (6, lambda k: pool(OP.AVERAGE_POOL_2D)),
    "max": (4, lambda k: pool(OP.MAX_POOL_2D)),
    "mean": (6, lambda k: mean(k % 2)),
    "quantize": (6, lambda k: requantise(OP.QUANTIZE)),
    "relu": (4, lambda k: requantise((OP.RELU, OP.RELU6)[k % 2])),
    "fully_connected": (6, lambda k: fully_connected(k % 2)),
    "conv": (6, lambda k: convolution(False, k % 2)),
    "depthwise": (6, lambda k: convolution(True, k % 2)),
    "softmax": (4, lambda k: softmax()),
    "logistic": (2, lambda k: line(OP.LOGISTIC, 1 / 256, -128)),
    "tanh": (2, lambda k: line(OP.TANH, 1 / 128, 0)),
    "concatenation": (3, lambda k: concatenation()),
    "pad": (3, lambda k: pad()),
    "float": (2, lambda k: floats_at_the_edges()),
}


def main():
    top = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Make the TFLite operator tests.")
    parser.add_argument("--out", type=Path, default=top / "tests/data/tflite_ops.npz")
    out = parser.parse_args().out
    arrays = {}
    for name, (count, make) in CASES.items():
        for k in range(count):
            try:
                found = make(k)
            except (RuntimeError, ValueError) as error:
                print(f"tflite_ops: the kernels refuse {name}_{k}: {str(error).splitlines()[0]}", file=sys.stderr)
                return 1
            arrays.update({f"{name}_{k}/{key}": value for key, value in found.items()})
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{sum(count for count, _ in CASES.values())} models in {out}, {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
