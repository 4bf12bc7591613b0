//! QOperator form: operators that carry the scales and zero points of what they read and write as inputs. Each is what
//! the same operator in QDQ form is.

use super::attributes;
use super::build::Builder;
use super::conv::{convolution, matrix};
use super::elementwise;
use super::model::{node_fault, unsupported};
use super::pool;
use super::proto;
use super::quantise::{self, weights_at, Parameters};
use super::settle::settle;
use super::value::{Activation, Core, Pending, Quant, Value};
use crate::import::error::Fault;
use crate::tensor::Order;

/// The activation at input `at`, with its scale and zero point behind it.
fn source(b: &mut Builder, node: &proto::Node, at: usize, params: usize) -> Result<(Activation, Quant), Fault> {
    let Value::Quantised(a) = b.value(node, at)? else {
        return Err(unsupported(node, format!("input {at} is no bytes that the model computes"), "activations there"));
    };
    let p = Parameters::at(b, node, params, if a.unsigned { proto::UINT8 } else { proto::INT8 })?;
    let (quant, unsigned) = p.activation(node)?;
    if unsigned != a.unsigned {
        return Err(node_fault(node, format!("zero point {} has another type than its input", params + 1)));
    }
    quantise::tell_input(b, &a, quant);
    Ok((Activation { quant: Some(quant), ..a.clone() }, quant))
}

/// Settles a pending operator with the scale and zero point at input `at`.
fn finish(b: &mut Builder, node: &proto::Node, pending: &Pending, at: usize) -> Result<Value, Fault> {
    let default_type = if pending.source.unsigned { proto::UINT8 } else { proto::INT8 };
    let (quant, unsigned) = Parameters::at(b, node, at, default_type)?.activation(node)?;
    Ok(Value::Quantised(settle(b, node, pending, quant, unsigned)?))
}

/// Adds a bias in steps of the accumulator.
fn with_bias(b: &Builder, node: &proto::Node, pending: &mut Pending, index: usize) -> Result<(), Fault> {
    let Some(given) = b.constant(node, index)? else { return Ok(()) };
    let (Core::Conv { bias, .. } | Core::Depthwise { bias, .. }) = &mut pending.core else { return Ok(()) };
    match given.ints() {
        Some(values) if values.len() == bias.len() => bias.copy_from_slice(values),
        _ => return Err(node_fault(node, format!("its bias is not {} integers", bias.len()))),
    }
    Ok(())
}

/// `QLinearConv`.
pub fn conv(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (a, quant) = source(b, node, 0, 1)?;
    let weights = weights_at(b, node, 3, 0)?;
    let mut pending = convolution(node, a, quant, &weights)?;
    with_bias(b, node, &mut pending, 8)?;
    finish(b, node, &pending, 6)
}

/// `QLinearMatMul` with constant weights.
pub fn matmul(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (a, quant) = source(b, node, 0, 1)?;
    let weights = weights_at(b, node, 3, 1)?;
    let pending = matrix(node, a, quant, &weights, false)?;
    finish(b, node, &pending, 6)
}

/// `QGemm` of onnxruntime.
pub fn gemm(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    if attributes::float(node, "alpha", 1.0) != 1.0 || attributes::int(node, "transA", 0) != 0 {
        return Err(unsupported(node, "alpha or transA is set", "alpha 1, transA 0"));
    }
    let transposed = attributes::int(node, "transB", 0) != 0;
    let (a, quant) = source(b, node, 0, 1)?;
    let weights = weights_at(b, node, 3, usize::from(!transposed))?;
    let mut pending = matrix(node, a, quant, &weights, transposed)?;
    with_bias(b, node, &mut pending, 6)?;
    finish(b, node, &pending, 7)
}

/// `QLinearAdd` of onnxruntime.
pub fn add(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let ((left, _), (right, quant)) = (source(b, node, 0, 1)?, source(b, node, 3, 4)?);
    let pending = elementwise::sum(node, quantise::real(node, &left)?, right, quant)?;
    finish(b, node, &pending, 6)
}

/// `QLinearConcat` of onnxruntime: output scale and zero point first, then three for each input.
pub fn concat(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let all: Result<Vec<_>, _> = (2..node.input.len()).step_by(3).map(|at| source(b, node, at, at + 1)).collect();
    let pending = elementwise::joined(node, all?)?;
    finish(b, node, &pending, 0)
}

/// `QLinearAveragePool` and `QLinearGlobalAveragePool` of onnxruntime.
pub fn average(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (a, _) = source(b, node, 0, 1)?;
    if attributes::int(node, "channels_last", 0) != 0 && a.order != Order::ChannelsLast {
        return Err(unsupported(node, "channels_last is set", "channels first"));
    }
    let value = match node.op_type.as_str() {
        "QLinearGlobalAveragePool" => pool::global(node, &a, crate::graph::PoolKind::Sum)?,
        _ => pool::average(node, &a)?,
    };
    let Value::Pending(pending) = value else { return Err(node_fault(node, "it has no quantisation".into())) };
    finish(b, node, &pending, 3)
}
