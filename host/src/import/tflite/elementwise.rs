//! Sums, concatenations, clamps and changes of quantisation.

use super::build::{Builder, Value};
use super::model::Operator;
use super::numbers;
use super::shape::image;
use crate::graph::{self, Concat, HostOp, Op, Pool, PoolKind, Quant, Window};
use crate::import::error::Fault;
use crate::import::numbers as common;
use crate::tensor::Dtype;
use tract_tflite::tflite::{ActivationFunctionType, BuiltinOperator as Kind};

/// `ADD` of two activations of one shape.
pub fn add(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let activation = op.options.builtin_options_as_add_options().map(|o| o.fused_activation_function());
    let ((left, lq), (right, rq)) = (b.bytes_input(op, 0)?, b.bytes_input(op, 1)?);
    let (_, to) = b.output(op)?;
    if left.shape != right.shape {
        let why = format!("it adds shapes {:?} and {:?}", left.shape, right.shape);
        return Err(op.unsupported(why, "two activations of one shape"));
    }
    let ((first, hwc), (second, _)) = (image(b, op, &left)?, image(b, op, &right)?);
    let range = numbers::range(op, activation.unwrap_or(ActivationFunctionType::NONE), to)?;
    let add = common::sum([lq, rq], to, range, |real| numbers::requant_twice(op, real))?;
    Ok(b.push(op, vec![first, second], hwc, Op::Add(add)))
}

/// `CONCATENATION` along the last dimension.
pub fn concatenation(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let options = op.options.builtin_options_as_concatenation_options();
    let options = options.ok_or_else(|| op.fault("it has no options; the file is damaged"))?;
    let (file, to) = b.output(op)?;
    let rank = file.shape.len() as i32;
    let axis = options.axis() + if options.axis() < 0 { rank } else { 0 };
    if axis != rank - 1 {
        let why = format!("it joins axis {axis} of shape {:?}", file.shape);
        return Err(op.unsupported(why, "the last axis: the channels"));
    }
    let range = numbers::range(op, options.fused_activation_function(), to)?;
    let (mut inputs, mut parts, mut hwc) = (Vec::new(), Vec::new(), [0, 0, 0]);
    for index in 0..op.inputs.len() {
        let (value, quant) = b.bytes_input(op, index)?;
        if value.shape.len() != file.shape.len() {
            return Err(op.fault(format!("it joins shapes {:?} and {:?}", value.shape, file.shape)));
        }
        let (tensor, from) = image(b, op, &value)?;
        inputs.push(tensor);
        parts.push(common::part(quant, to, range, |real| numbers::requant_twice(op, real))?);
        hwc = [from[0], from[1], hwc[2] + from[2]];
    }
    Ok(b.push(op, inputs, hwc, Op::Concat(Concat { parts })))
}

/// `RELU`, `RELU6`, `RELU_N1_TO_1` on their own.
pub fn relu(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let (value, quant) = b.bytes_input(op, 0)?;
    let (_, to) = b.output(op)?;
    let activation = match op.kind {
        Kind::RELU6 => ActivationFunctionType::RELU6,
        Kind::RELU_N1_TO_1 => ActivationFunctionType::RELU_N1_TO_1,
        _ => ActivationFunctionType::RELU,
    };
    let range = numbers::range(op, activation, to)?;
    rescale(b, op, &value, quant, to, range)
}

/// The same reals in another quantisation, clamped.
fn rescale(
    b: &mut Builder,
    op: &Operator,
    value: &Value,
    from: Quant,
    to: Quant,
    range: (i8, i8),
) -> Result<Value, Fault> {
    let (input, hwc) = image(b, op, value)?;
    let (low, high) = range;
    let what = match from == to {
        true => Op::Clamp { low, high },
        false => {
            let output = numbers::output(op, f64::from(from.scale) / f64::from(to.scale), to, range)?;
            let bias = -i32::from(from.zero_point);
            Op::Pool(Pool { kind: PoolKind::Sum, window: Window::POINT, pad: from.zero_point, bias, output })
        }
    };
    Ok(b.push(op, vec![input], hwc, what))
}

/// `QUANTIZE`: of the model's float input, or from one quantisation to another.
pub fn quantize(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let value = b.any_input(op, 0)?;
    let (file, to) = b.output(op)?;
    let unsigned = file.dtype() == Some(Dtype::Uint8);
    let shape = value.shape.clone();
    if value.real && value.quant.is_none() {
        let only_reader = b.readers[op.input(0)?] == 1;
        let Some((_, info)) = b.input_port(value.tensor).filter(|_| only_reader) else {
            return Err(op.unsupported("it quantises the input a second time", "one QUANTIZE at the input"));
        };
        (info.scale, info.zero_point) = (to.scale, to.zero_point);
        return Ok(Value { real: false, quant: Some(to), unsigned, ..value });
    }
    if !b.tensors[value.tensor].dtype().is_float() {
        let Some(from) = value.quant else {
            return Err(op.unsupported("its input has no scale", "bytes with a scale"));
        };
        return rescale(b, op, &value, from, to, (-128, 127)).map(|v| Value { shape, ..v });
    }
    let id = b.push_host(op, &op.name.clone(), vec![value.tensor], bytes_tensor(op, &shape), HostOp::Quantise(to));
    Ok(Value { tensor: id, shape, unsigned, quant: Some(to), real: false })
}

/// A tensor of bytes that the host writes: of the card's form, if the shape is an image.
pub fn bytes_tensor(op: &Operator, shape: &[usize]) -> graph::Tensor {
    match super::shape::hwc(shape) {
        Some(hwc) => graph::Tensor::card(&op.name, hwc),
        None => graph::Tensor::host(&op.name, Dtype::Int8, shape),
    }
}

/// `DEQUANTIZE`: at the output of the model the edge does it; what else reads it gets a node of the host.
pub fn dequantize(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let (value, _) = b.bytes_input(op, 0)?;
    Ok(Value { real: true, ..value })
}
