"""Quantises the digits network to int8 and writes it as ONNX QDQ; also runs it in integers, as the card does.

Weights: int8, symmetric, one scale an output channel (axis 0). Biases: int32, scale = input scale x weight scale.
Activations: int8, one scale a tensor. After a ReLU the zero point is 0, so that a ReLU's zeros are zeros on the
multipliers too and the array can hold them still; the input has zero point -128 and the logits what calibration gives.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import digits_net

# Pixels are 0..16, so a step of 1/8 is exact: the input loses nothing.
INPUT_SCALE, INPUT_ZERO_POINT = 0.125, -128
POOL_WINDOW = 4  # pixels averaged or compared by the 2x2 pools


def quantise(parameters, calibration):
    """Layer list with int8 weights, int32 biases, scales and zero points. `calibration` are raw pixels [N,8,8,1]."""
    kept = {}
    logits = digits_net.forward(parameters, calibration / 16, kept)
    layers, scale, zero_point = [], np.float32(INPUT_SCALE), INPUT_ZERO_POINT
    for name, kind, cin, _ in digits_net.ARCHITECTURE:
        layer = {"name": name, "kind": kind, "in_scale": scale, "in_zero_point": zero_point}
        if kind in ("conv", "fc"):
            weight = parameters[name + ".w"].astype(np.float64)
            if name == "conv1":
                weight = weight / 16  # training saw pixels / 16, the model takes them as they are
            weight_scale = np.maximum(np.abs(weight).max(axis=0) / 127, 1e-12).astype(np.float32)
            bias_scale = scale * weight_scale
            layer["weight"] = np.clip(np.rint(weight / weight_scale), -127, 127).astype(np.int8)
            layer["weight_scale"] = weight_scale
            layer["bias"] = np.rint(parameters[name + ".b"] / bias_scale.astype(np.float64)).astype(np.int32)
        if kind == "fc":
            low, high = min(0.0, float(logits.min())), max(0.0, float(logits.max()))
            scale = np.float32((high - low) / 255)
            zero_point = int(np.clip(np.rint(-128 - low / scale), -128, 127))
        elif kind != "maxpool":  # a maximum is one of its inputs: same scale
            scale, zero_point = np.float32(kept[name][0].max() / 127), 0
        layer["out_scale"], layer["out_zero_point"] = scale, zero_point
        layers.append(layer)
    return layers


def multiplier(real):
    """(M, t) with M of 31 bits and real = M / 2^t, as frexp gives them."""
    fraction, exponent = np.frexp(real)
    m = int(np.rint(fraction * (1 << 31)))
    if m == 1 << 31:
        m, exponent = m >> 1, exponent + 1
    return m, 31 - int(exponent)


def requantise(acc, real, zero_point, low=-128):
    """(acc * M + 2^(t-1)) >> t, one rounding, for each channel of the last axis; then zero point and clamp."""
    m, t = zip(*(multiplier(r) for r in np.broadcast_to(real, acc.shape[-1:])))
    m, t = np.array(m, np.int64), np.array(t, np.int64)
    value = (acc.astype(np.int64) * m + (np.int64(1) << (t - 1))) >> t
    return np.clip(value + zero_point, low, 127).astype(np.int64)


def run_integer(layers, pixels):
    """int8 logits of raw pixels [N,8,8,1], in integers alone."""
    x = np.clip(np.rint(pixels / INPUT_SCALE) + INPUT_ZERO_POINT, -128, 127).astype(np.int64)
    for layer in layers:
        ratio = np.float64(layer["in_scale"]) / np.float64(layer["out_scale"])
        if layer["kind"] == "maxpool":
            n, h, w, c = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
            continue
        x = x - layer["in_zero_point"]
        if layer["kind"] == "avgpool":
            n, h, w, c = x.shape
            acc = x.reshape(n, h // 2, 2, w // 2, 2, c).sum(axis=(2, 4))
            x = requantise(acc, ratio / POOL_WINDOW, layer["out_zero_point"])
            continue
        real = ratio * layer["weight_scale"].astype(np.float64)
        if layer["kind"] == "conv":
            n, h, w, _ = x.shape
            acc = (digits_net.columns(x) @ layer["weight"].astype(np.int64) + layer["bias"]).reshape(n, h, w, -1)
            x = requantise(acc, real, layer["out_zero_point"], low=layer["out_zero_point"])  # ReLU
        else:
            acc = x.reshape(len(x), -1) @ layer["weight"].astype(np.int64) + layer["bias"]
            x = requantise(acc, real, layer["out_zero_point"])
    return x.astype(np.int8)


class Graph:
    """Nodes and initialisers of an ONNX graph under construction."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def qdq(self, tensor, scale, zero_point):
        """The tensor through QuantizeLinear and DequantizeLinear."""
        s = self.constant(tensor + "_scale", np.array(scale, np.float32))
        z = self.constant(tensor + "_zero_point", np.array(zero_point, np.int8))
        q = self.node("QuantizeLinear", [tensor, s, z], tensor + "_q")
        return self.node("DequantizeLinear", [q, s, z], tensor + "_dq")

    def dequantised(self, name, array, scale, dtype):
        """A quantised constant through DequantizeLinear, one scale for each index of axis 0."""
        s = self.constant(name + "_scale", scale.astype(np.float32))
        z = self.constant(name + "_zero_point", np.zeros(len(scale), dtype))
        q = self.constant(name + "_q", array.astype(dtype))
        return self.node("DequantizeLinear", [q, s, z], name + "_dq", axis=0)


def to_onnx(layers):
    """The model: float32 pixels 0..16 as [N,1,8,8] in, float32 logits [N,10] out, opset 13."""
    g = Graph()
    x = g.qdq("pixels", INPUT_SCALE, INPUT_ZERO_POINT)
    for layer in layers:
        name, kind = layer["name"], layer["kind"]
        if kind == "maxpool":
            x = g.node("MaxPool", [x], name, kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "avgpool":
            x = g.node("AveragePool", [x], name, kernel_shape=[2, 2], strides=[2, 2])
        else:
            weight, out = layer["weight"], layer["weight"].shape[1]
            if kind == "conv":
                weight = weight.reshape(3, 3, -1, out).transpose(3, 2, 0, 1)  # HWIO -> OIHW
            else:
                # Flatten sees NCHW, training saw NHWC.
                x = g.node("Flatten", [x], "flatten", axis=1)
                weight = weight.reshape(2, 2, -1, out).transpose(3, 2, 0, 1).reshape(out, -1)
            w = g.dequantised(name + "_weight", weight, layer["weight_scale"], np.int8)
            b = g.dequantised(name + "_bias", layer["bias"], layer["in_scale"] * layer["weight_scale"], np.int32)
            if kind == "conv":
                x = g.node("Conv", [x, w, b], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
                x = g.node("Relu", [x], name + "_relu")
            else:
                x = g.node("Gemm", [x, w, b], "logits_raw", transB=1)
        x = g.qdq(x, layer["out_scale"], layer["out_zero_point"])
    g.nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        g.nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="systole train_digits")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
