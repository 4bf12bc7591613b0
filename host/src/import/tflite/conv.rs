//! Convolutions and fully connected layers.

use super::build::{described, Builder, Value};
use super::model::{Operator, Tensor};
use super::numbers;
use super::shape::image;
use crate::graph::{Conv, Depthwise, Op, Output, Quant, Window, MAX_CHANNELS, MAX_KERNEL, MAX_STRIDE};
use crate::import::error::Fault;
use crate::tensor::Dtype;
use tract_tflite::tflite::{ActivationFunctionType, BuiltinOperator, FullyConnectedOptionsWeightsFormat, Padding};

/// How a window moves, as the options say it.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Whether the input is padded so that the output has its extent over the stride.
    pub padding: Padding,
    /// Rows and columns between outputs.
    pub stride: [i32; 2],
    /// Rows and columns between elements of the kernel.
    pub dilation: [i32; 2],
}

/// The window over an input, and the extent of its output.
///
/// # Errors
/// Steps that are not supported, or a kernel that does not fit.
pub fn window(
    op: &Operator,
    input: [usize; 2],
    kernel: [usize; 2],
    steps: Steps,
) -> Result<(Window, [usize; 2]), Fault> {
    if steps.dilation != [1, 1] {
        return Err(op.unsupported(format!("its dilation is {:?}", steps.dilation), "1"));
    }
    let mut window = Window { kernel, ..Window::POINT };
    let mut extent = [0; 2];
    for axis in 0..2 {
        let (size, k) = (input[axis], kernel[axis]);
        // A kernel over the whole of a long image is split later.
        if k == 0 || k > MAX_KERNEL && kernel != input {
            return Err(op.unsupported(format!("a kernel of {kernel:?}"), format!("1 to {MAX_KERNEL} each way")));
        }
        let stride = usize::try_from(steps.stride[axis]).ok().filter(|&s| s > 0);
        let stride = stride.ok_or_else(|| op.fault(format!("its strides are {:?}", steps.stride)))?;
        let same = match steps.padding {
            Padding::SAME => true,
            Padding::VALID => false,
            other => return Err(op.unsupported(format!("padding {}", other.0), "SAME, VALID")),
        };
        extent[axis] = match same {
            true => size.div_ceil(stride),
            false => (size + 1).checked_sub(k).filter(|&room| room > 0).map_or(0, |room| room.div_ceil(stride)),
        };
        if extent[axis] == 0 {
            return Err(op.fault(format!("a kernel of {kernel:?} does not fit the input of {input:?}")));
        }
        // A single output takes no step, and a pool of the whole image names one that the card has no bits for.
        window.stride[axis] = if extent[axis] == 1 { 1 } else { stride };
        if window.stride[axis] > MAX_STRIDE {
            return Err(op.unsupported(format!("its strides are {:?}", steps.stride), format!("1 to {MAX_STRIDE}")));
        }
        if same {
            window.before[axis] = ((extent[axis] - 1) * stride + k).saturating_sub(size) / 2;
        }
    }
    Ok((window, extent))
}

/// `CONV_2D`.
pub fn conv(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let options = op.options.builtin_options_as_conv_2_doptions();
    let options = options.ok_or_else(|| op.fault("it has no options; the file is damaged"))?;
    let (value, quant) = b.bytes_input(op, 0)?;
    let (input, from) = image(b, op, &value)?;
    let filter = weights(b, op, 1)?;
    let &[outputs, rows, columns, channels] = &filter.tensor.shape[..] else {
        return Err(op.fault(format!("weights of shape {:?}; they must have 4 dimensions", filter.tensor.shape)));
    };
    if outputs == 0 || outputs > MAX_CHANNELS || channels == 0 {
        return Err(op.fault(format!("weights of shape {:?}", filter.tensor.shape)));
    }
    if channels != from[2] {
        // TFLite takes this as a grouped convolution.
        let why = format!("weights for {channels} channels on an input of {}", from[2]);
        return Err(op.unsupported(why, "convolutions of one group, and depthwise ones"));
    }
    let steps = Steps {
        padding: options.padding(),
        stride: [options.stride_h(), options.stride_w()],
        dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
    };
    let (window, extent) = window(op, [from[0], from[1]], [rows, columns], steps)?;
    let bias = bias(b, op, outputs)?;
    let output = requantisation(b, op, &filter, quant, 0, outputs, options.fused_activation_function())?;
    let weights = filter.values;
    let conv = Conv { window, input_zero_point: quant.zero_point, weights, bias, output };
    Ok(b.push(op, vec![input], [extent[0], extent[1], outputs], Op::Conv(conv)))
}

/// `DEPTHWISE_CONV_2D`.
pub fn depthwise(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let options = op.options.builtin_options_as_depthwise_conv_2_doptions();
    let options = options.ok_or_else(|| op.fault("it has no options; the file is damaged"))?;
    let (value, quant) = b.bytes_input(op, 0)?;
    let (input, from) = image(b, op, &value)?;
    let filter = weights(b, op, 1)?;
    let &[1, rows, columns, outputs] = &filter.tensor.shape[..] else {
        return Err(
            op.fault(format!("weights of shape {:?}; they must be [1, rows, columns, channels]", filter.tensor.shape))
        );
    };
    if outputs == 0 || outputs > MAX_CHANNELS || outputs % from[2] != 0 {
        return Err(op.fault(format!("{outputs} output channels are no multiple of {} input channels", from[2])));
    }
    let steps = Steps {
        padding: options.padding(),
        stride: [options.stride_h(), options.stride_w()],
        dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
    };
    let (window, extent) = window(op, [from[0], from[1]], [rows, columns], steps)?;
    let bias = bias(b, op, outputs)?;
    let output = requantisation(b, op, &filter, quant, 3, outputs, options.fused_activation_function())?;
    let input_zero_point = quant.zero_point;
    let hwc = [extent[0], extent[1], outputs];
    let weights = filter.values;
    if from[2] == 1 {
        // With one channel it is a convolution, which fills the array's columns; only the weights lie otherwise.
        let taps = rows * columns;
        let weights =
            (0..outputs).flat_map(|o| (0..taps).map(move |t| (o, t))).map(|(o, t)| weights[t * outputs + o]).collect();
        let conv = Conv { window, input_zero_point, weights, bias, output };
        return Ok(b.push(op, vec![input], hwc, Op::Conv(conv)));
    }
    let multiplier = outputs / from[2];
    let conv = Depthwise { window, multiplier, input_zero_point, weights, bias, output };
    Ok(b.push(op, vec![input], hwc, Op::Depthwise(conv)))
}

/// `FULLY_CONNECTED`: a convolution whose kernel is its whole input, as that lies on the card.
pub fn fully_connected(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let options = op.options.builtin_options_as_fully_connected_options();
    let options = options.ok_or_else(|| op.fault("it has no options; the file is damaged"))?;
    if options.weights_format() != FullyConnectedOptionsWeightsFormat::DEFAULT {
        return Err(op.unsupported("its weights are shuffled", "weights in their default order"));
    }
    let (value, quant) = b.bytes_input(op, 0)?;
    let filter = weights(b, op, 1)?;
    let &[outputs, features] = &filter.tensor.shape[..] else {
        return Err(op.fault(format!("weights of shape {:?}; they must be [out, in]", filter.tensor.shape)));
    };
    let input = &b.tensors[value.tensor];
    if outputs == 0 || outputs > MAX_CHANNELS {
        return Err(op.fault(format!("weights of shape {:?}", filter.tensor.shape)));
    }
    let last = value.shape.last().copied().unwrap_or(1);
    if features != input.elements() {
        let (elements, shape) = (input.elements(), &value.shape);
        if features == last {
            let why = format!("it works along the last dimension of shape {shape:?}");
            return Err(op.unsupported(why, "one row: a batch of 1"));
        }
        return Err(op.fault(format!("{features} weights a row for {elements} values of shape {shape:?}")));
    }
    let [rows, columns, _] = input.hwc;
    // What only the host sees becomes one pixel.
    let (tensor, kernel) = match input.host.is_none() {
        true => (value.tensor, [rows, columns]),
        false => {
            let flat = Value { shape: vec![1, features], ..value.clone() };
            (image(b, op, &flat)?.0, [1, 1])
        }
    };
    let window = Window { kernel, ..Window::POINT };
    let bias = bias(b, op, outputs)?;
    let output = requantisation(b, op, &filter, quant, 0, outputs, options.fused_activation_function())?;
    let weights = filter.values;
    let conv = Conv { window, input_zero_point: quant.zero_point, weights, bias, output };
    Ok(b.push(op, vec![tensor], [1, 1, outputs], Op::Conv(conv)))
}

/// Weights less their zero points.
struct Filter<'m, 'a> {
    tensor: &'m Tensor<'a>,
    values: Vec<i8>,
}

fn weights<'m, 'a>(b: &Builder<'m, 'a>, op: &Operator, index: usize) -> Result<Filter<'m, 'a>, Fault> {
    let model: &'m super::model::Model<'a> = b.model;
    let tensor = &model.tensors[op.input(index)?];
    let bytes = matches!(tensor.dtype(), Some(Dtype::Int8 | Dtype::Uint8));
    let (Some(values), true, false) = (tensor.ints(), bytes, tensor.scale.is_empty()) else {
        let kind = if tensor.data.is_none() { "computed".into() } else { described(tensor) };
        return Err(op.unsupported(format!("its weights are {kind}"), "constant int8 or uint8 weights with scales"));
    };
    let zero_point =
        |i: usize| tensor.zero_point[channel(&tensor.shape, tensor.axis, i).min(tensor.zero_point.len() - 1)];
    let less = values.iter().enumerate().map(|(i, &v)| {
        let value = v.saturating_sub(zero_point(i));
        i8::try_from(value).map_err(|_| {
            let why = format!("weight {value}, less its zero point, does not fit 8 bits");
            op.unsupported(why, "symmetric weights: quantise the model with int8 weights")
        })
    });
    Ok(Filter { tensor, values: less.collect::<Result<_, _>>()? })
}

/// The index along `axis` of element `i` of a tensor.
fn channel(shape: &[usize], axis: usize, i: usize) -> usize {
    let inner: usize = shape.iter().skip(axis + 1).product();
    i / inner.max(1) % shape.get(axis).copied().unwrap_or(1).max(1)
}

fn bias(b: &Builder, op: &Operator, outputs: usize) -> Result<Vec<i32>, Fault> {
    let Some(index) = op.optional(2) else { return Ok(vec![0; outputs]) };
    let tensor = &b.model.tensors[index];
    let values = tensor.ints().filter(|_| tensor.dtype() == Some(Dtype::Int32));
    let values =
        values.ok_or_else(|| op.unsupported(format!("its bias is {}", described(tensor)), "constant int32"))?;
    if values.len() != outputs {
        return Err(op.fault(format!("{} biases for {outputs} channels", values.len())));
    }
    Ok(values.iter().map(|&v| v as i32).collect())
}

fn requantisation(
    b: &Builder,
    op: &Operator,
    filter: &Filter,
    input: Quant,
    axis: usize,
    outputs: usize,
    activation: ActivationFunctionType,
) -> Result<Output, Fault> {
    let (_, to) = b.output(op)?;
    let (low, high) = numbers::range(op, activation, to)?;
    let scales = &filter.tensor.scale;
    if scales.len() > 1 && (filter.tensor.axis != axis || scales.len() != outputs) {
        let why = format!("{} scales along dimension {} of its weights", scales.len(), filter.tensor.axis);
        return Err(op.unsupported(why, "one scale, or one an output channel"));
    }
    let real = |&scale: &f32| f64::from(input.scale) * f64::from(scale) / f64::from(to.scale);
    // Convolutions round twice, fully connected layers once: each as TFLite's reference kernel of it.
    let form = match op.kind {
        BuiltinOperator::FULLY_CONNECTED => numbers::requant,
        _ => numbers::requant_twice,
    };
    let requant: Result<Vec<_>, _> = scales.iter().map(|s| form(op, real(s))).collect();
    Ok(Output { requant: requant?, zero_point: to.zero_point, low, high })
}
