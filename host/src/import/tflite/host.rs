//! Operators that the host runs.

use super::build::{Builder, Value};
use super::elementwise::bytes_tensor;
use super::model::Operator;
use crate::graph::{HostOp, Quant, Tensor, TensorId};
use crate::import::error::Fault;
use crate::tensor::Dtype;
use tract_tflite::tflite::{BuiltinOperator as Kind, TensorType};

/// What softmax of bytes gives: from 0 to 1 in 256 steps.
const PROBABILITY: Quant = Quant { scale: 1.0 / 256.0, zero_point: -128 };

/// Input 0 as the host sees it: in the file's shape, as reals where the file has reals.
fn host_input(b: &mut Builder, op: &Operator) -> Result<(Value, TensorId), Fault> {
    let value = b.any_input(op, 0)?;
    let mut id = value.tensor;
    if b.tensors[id].shape() != value.shape {
        let name = format!("{}/reshape", op.name);
        let to = Tensor::host(&name, b.tensors[id].dtype(), &value.shape);
        id = b.push_host(op, &name, vec![id], to, HostOp::Reshape);
    }
    if value.real && !b.tensors[id].dtype().is_float() {
        let Some(quant) = value.quant else {
            return Err(op.unsupported("its input is float: the model is not quantised", "quantised models"));
        };
        let name = format!("{}/dequantize", op.name);
        let to = Tensor::host(&name, Dtype::Float32, &value.shape);
        id = b.push_host(op, &name, vec![id], to, HostOp::Dequantise(quant));
    }
    Ok((value, id))
}

/// `SOFTMAX` over the last dimension.
pub fn softmax(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let beta = op.options.builtin_options_as_softmax_options().map_or(1.0, |o| o.beta());
    if !beta.is_finite() || beta <= 0.0 {
        return Err(op.fault(format!("its beta is {beta}; it must be finite and above 0")));
    }
    let value = b.any_input(op, 0)?;
    let name = op.name.clone();
    let Some(from) = value.quant.filter(|_| !value.real) else {
        let (value, id) = host_input(b, op)?;
        if beta != 1.0 {
            return Err(op.unsupported(format!("a beta of {beta} on floats"), "1"));
        }
        let axis = value.shape.len().saturating_sub(1);
        let to = Tensor::host(&name, Dtype::Float32, &value.shape);
        let tensor = b.push_host(op, &name, vec![id], to, HostOp::Softmax { axis });
        return Ok(Value { tensor, quant: None, ..value });
    };
    let (_, to) = b.output(op)?;
    if to != PROBABILITY {
        let why = format!("its output has scale {} and zero point {}", to.scale, to.zero_point);
        return Err(op.unsupported(why, "1/256 and -128 (0 of uint8)"));
    }
    // Bytes may lie in any shape with the same last dimension.
    let id = match b.tensors[value.tensor].shape().last() == value.shape.last() {
        true => value.tensor,
        false => host_input(b, op)?.1,
    };
    let what = HostOp::SoftmaxInt8 { beta_scale: f64::from(beta) * f64::from(from.scale) };
    let tensor = b.push_host(op, &name, vec![id], bytes_tensor(op, &value.shape), what);
    Ok(Value { tensor, quant: Some(to), ..value })
}

/// `ARG_MAX`.
pub fn arg_max(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let axes = b.ints(op, 1)?;
    let (value, id) = host_input(b, op)?;
    let rank = value.shape.len() as i64;
    let axis = axes.first().map(|&a| if a < 0 { a.saturating_add(rank) } else { a });
    let axis = axis.and_then(|a| usize::try_from(a).ok()).filter(|&a| a < value.shape.len() && axes.len() == 1);
    let axis = axis.ok_or_else(|| op.fault(format!("axis {axes:?} of shape {:?}", value.shape)))?;
    let dtype = match b.model.tensors[op.outputs[0]].kind {
        TensorType::INT64 => Dtype::Int64,
        _ => Dtype::Int32,
    };
    let mut shape = value.shape.clone();
    shape.remove(axis);
    let to = Tensor::host(&op.name, dtype, &shape);
    let what = HostOp::ArgMax { axis, keep: false, last: false };
    let tensor = b.push_host(op, &op.name.clone(), vec![id], to, what);
    Ok(Value { tensor, shape, unsigned: false, quant: None, real: false })
}

/// `TRANSPOSE`.
pub fn transpose(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let perm = b.ints(op, 1)?;
    let (value, id) = host_input(b, op)?;
    let rank = value.shape.len();
    let perm: Vec<usize> = perm.iter().filter_map(|&p| usize::try_from(p).ok().filter(|&p| p < rank)).collect();
    if perm.len() != rank || (0..rank).any(|d| !perm.contains(&d)) {
        return Err(op.fault(format!("permutation {perm:?} of shape {:?}", value.shape)));
    }
    let shape: Vec<usize> = perm.iter().map(|&p| value.shape[p]).collect();
    let to = match b.tensors[id].dtype() {
        Dtype::Int8 => bytes_tensor(op, &shape),
        dtype => Tensor::host(&op.name, dtype, &shape),
    };
    let tensor = b.push_host(op, &op.name.clone(), vec![id], to, HostOp::Transpose { perm });
    Ok(Value { tensor, shape, ..value })
}

/// `LOGISTIC` and `TANH` of bytes: a table of 256 bytes, worked out in 32-bit floats as TFLite does.
pub fn lookup(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let (value, from) = b.bytes_input(op, 0)?;
    let (_, to) = b.output(op)?;
    let function: fn(f32) -> f32 = match op.kind {
        Kind::TANH => f32::tanh,
        _ => |x| 1.0 / (1.0 + (-x).exp()),
    };
    let table = (-128..=127i32).map(|q| {
        let real = from.scale * (q - i32::from(from.zero_point)) as f32;
        let steps = (function(real) / to.scale).round() + f32::from(to.zero_point);
        steps.clamp(-128.0, 127.0) as i8
    });
    let what = HostOp::Lookup(table.collect());
    let to_tensor = bytes_tensor(op, &b.tensors[value.tensor].shape());
    let tensor = b.push_host(op, &op.name.clone(), vec![value.tensor], to_tensor, what);
    Ok(Value { tensor, quant: Some(to), ..value })
}
