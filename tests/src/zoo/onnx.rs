//! Writes a [`Net`] as an ONNX file in QDQ form: channels first, so that a matrix product behind an image has its weights
//! in another order than the TFLite file. It is another network of the same form.

use super::{Act, Clamp, Kind, Layer, Net, Steps, Weights};
use crate::onnx::{int, ints, Builder};
use systole::import::onnx::proto;

/// The file of a network.
pub fn file(net: &Net) -> Vec<u8> {
    let [height, width, channels] = net.acts[0].hwc.map(|s| s as i64);
    let shape = [1, channels, height, width];
    let mut b = Builder::new(proto::FLOAT, if net.acts[0].vector { &shape[..2] } else { &shape });
    let mut names = vec![String::new(); net.acts.len()];
    names[0] = quantised(&mut b, "input", &net.acts[0]);
    for layer in &net.layers {
        let inputs: Vec<&str> = layer.inputs.iter().map(|&i| names[i].as_str()).collect();
        let (from, to) = (&net.acts[layer.inputs[0]], &net.acts[layer.output]);
        let real = node(&mut b, layer, &inputs, from, to);
        names[layer.output] = match layer.kind {
            // The last one's reals are what the model gives.
            Kind::Softmax => real,
            _ => quantised(&mut b, &real, to),
        };
    }
    b.finish(&names[net.last()])
}

fn quantised(b: &mut Builder, name: &str, act: &Act) -> String {
    b.both(name, act.quant.scale, act.quant.zero_point)
}

/// The reals that a layer gives.
fn node(b: &mut Builder, layer: &Layer, inputs: &[&str], from: &Act, to: &Act) -> String {
    let [rows_in, columns_in, channels] = from.hwc;
    match &layer.kind {
        Kind::Conv(steps, weights, clamp) => {
            let [rows, columns] = steps.kernel;
            let shape = [to.hwc[2], channels, rows, columns];
            // From [out, row, column, in].
            let at = |o: usize, t: usize, i: usize| (o * rows * columns + t) * channels + i;
            let (w, bias) = constants(b, weights, from, shape, |o, i, t| at(o, t, i));
            let real = b.node("Conv", &[inputs[0], &w, &bias], window(steps, from.hwc));
            clamped(b, real, *clamp)
        }
        Kind::Depthwise(steps, weights, clamp, _) => {
            let [rows, columns] = steps.kernel;
            let outputs = to.hwc[2];
            let (w, bias) = constants(b, weights, from, [outputs, 1, rows, columns], |o, _, t| t * outputs + o);
            let mut attributes = window(steps, from.hwc);
            attributes.push(int("group", channels as i64));
            let real = b.node("Conv", &[inputs[0], &w, &bias], attributes);
            clamped(b, real, *clamp)
        }
        Kind::Dense(weights, clamp) => {
            let shape = [to.hwc[2], channels, 1, 1];
            let (w, bias) = constants(b, weights, from, shape, |o, i, _| o * channels + i);
            let real = b.node("Gemm", &[inputs[0], &w, &bias], vec![int("transB", 1)]);
            clamped(b, real, *clamp)
        }
        Kind::Add(clamp) => {
            let real = b.node("Add", inputs, vec![]);
            clamped(b, real, *clamp)
        }
        Kind::Concat => b.node("Concat", inputs, vec![int("axis", 1)]),
        Kind::Average(steps) => b.node("AveragePool", inputs, window(steps, from.hwc)),
        Kind::Max(steps) => b.node("MaxPool", inputs, window(steps, from.hwc)),
        Kind::Global(keep) => {
            let real = b.node("GlobalAveragePool", inputs, vec![]);
            match keep {
                true => real,
                false => b.node("Flatten", &[&real], vec![]),
            }
        }
        Kind::Pad(sides) => {
            let order = [2, 0, 1];
            let side = |k: usize| [0].into_iter().chain(order.map(|axis| sides[axis][k] as i64)).collect::<Vec<_>>();
            let pads = longs(b, &[side(0), side(1)].concat());
            b.node("Pad", &[inputs[0], &pads], vec![])
        }
        Kind::Reshape => {
            let [height, width, channels] = to.hwc.map(|s| s as i64);
            match to.vector {
                true if rows_in * columns_in > 1 => b.node("Flatten", inputs, vec![]),
                true => {
                    let shape = longs(b, &[1, channels]);
                    b.node("Reshape", &[inputs[0], &shape], vec![])
                }
                false => {
                    let shape = longs(b, &[1, channels, height, width]);
                    b.node("Reshape", &[inputs[0], &shape], vec![])
                }
            }
        }
        Kind::Rescale(clamp) => match clamp {
            // Reals go into another quantisation as they are.
            Clamp::None => inputs[0].to_string(),
            clamp => clamped(b, inputs[0].to_string(), *clamp),
        },
        Kind::Softmax => b.node("Softmax", inputs, vec![int("axis", 1)]),
    }
}

fn longs(b: &mut Builder, values: &[i64]) -> String {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    b.constant(proto::INT64, &[values.len() as i64], bytes)
}

fn clamped(b: &mut Builder, real: String, clamp: Clamp) -> String {
    match clamp {
        Clamp::None => real,
        Clamp::Relu => b.node("Relu", &[&real], vec![]),
        Clamp::Relu6 => {
            let (low, high) = (b.floats(&[], &[0.0]), b.floats(&[], &[6.0]));
            b.node("Clip", &[&real, &low, &high], vec![])
        }
    }
}

fn window(steps: &Steps, from: [usize; 3]) -> Vec<proto::Attribute> {
    let [rows, columns] = steps.over(from).map(|(_, sides)| sides.map(|s| s as i64));
    vec![
        ints("kernel_shape", &steps.kernel.map(|s| s as i64)),
        ints("strides", &steps.stride.map(|s| s as i64)),
        ints("pads", &[rows[0], columns[0], rows[1], columns[1]]),
    ]
}

/// Weights and biases behind a `DequantizeLinear` each; `at` says where element (out, in, tap) stands.
fn constants(
    b: &mut Builder,
    weights: &Weights,
    from: &Act,
    shape: [usize; 4],
    at: impl Fn(usize, usize, usize) -> usize,
) -> (String, String) {
    let [outputs, inputs, rows, columns] = shape;
    let taps = rows * columns;
    let mut values = Vec::with_capacity(weights.values.len());
    for (o, i) in (0..outputs).flat_map(|o| (0..inputs).map(move |i| (o, i))) {
        values.extend((0..taps).map(|t| weights.values[at(o, i, t)]));
    }
    // A matrix has two dimensions.
    let dims: Vec<i64> = shape.iter().map(|&s| s as i64).collect();
    let dims = if taps == 1 && columns == 1 && from.vector { &dims[..2] } else { &dims[..] };
    let (count, axis) = (weights.scales.len(), || vec![int("axis", 0)]);
    let scales = if count > 1 { vec![count as i64] } else { vec![] };
    let w = b.bytes(dims, &values);
    let (s, z) = (b.floats(&scales, &weights.scales), b.bytes(&scales, &vec![0; count]));
    let w = b.node("DequantizeLinear", &[&w, &s, &z], if count > 1 { axis() } else { vec![] });
    let bytes = weights.bias.iter().flat_map(|v| v.to_le_bytes()).collect();
    let bias = b.constant(proto::INT32, &[outputs as i64], bytes);
    let steps: Vec<f32> = weights.scales.iter().map(|s| s * from.quant.scale).collect();
    let zeros = b.constant(proto::INT32, &scales, vec![0; 4 * count]);
    let s = b.floats(&scales, &steps);
    let bias = b.node("DequantizeLinear", &[&bias, &s, &zeros], if count > 1 { axis() } else { vec![] });
    (w, bias)
}
