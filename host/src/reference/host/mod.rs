//! What host operators compute.
//!
//! As the rest of the reference: written for being right, element by element, with the arithmetic that the ONNX standard
//! or TFLite's reference kernels prescribe.

mod elementwise;
mod linear;
mod pool;
mod quantise;
mod shape;
pub(crate) mod softmax;

use crate::array::Array;
use crate::graph::HostOp;
use crate::tensor::Dtype;

/// Most multiply-accumulates, or elements that pools look at, of one operator: a second or two.
const MAX_WORK: usize = 1 << 30;

/// Runs a host operator whose output has this element type and shape.
///
/// # Errors
/// Inputs that it does not take, or more work than a host should do.
pub fn run(op: &HostOp, inputs: &[Array], dtype: Dtype, shape: &[usize]) -> Result<Array, String> {
    let input = inputs.first().ok_or("it has no input")?;
    match op {
        HostOp::SoftmaxInt8 { beta_scale } => softmax::bytes(input, *beta_scale),
        HostOp::Softmax { axis } => softmax::floats(input, *axis),
        HostOp::ArgMax { axis, keep, last } => shape::arg_max(input, *axis, *keep, *last, dtype),
        HostOp::Quantise(quant) => quantise::to_bytes(input, *quant),
        HostOp::Dequantise(quant) => quantise::to_reals(input, *quant),
        HostOp::Sign => quantise::sign(input),
        HostOp::QuantizeLinear { axis, block } => quantise::quantize_linear(inputs, *axis, *block, dtype),
        HostOp::DequantizeLinear { axis, block } => quantise::dequantize_linear(inputs, *axis, *block, dtype),
        HostOp::DynamicQuantize(part) => quantise::dynamic(input, *part),
        HostOp::Reshape => shape::reshape(input, shape),
        HostOp::Transpose { perm } => shape::transpose(input, perm),
        HostOp::Concat { axis } => shape::concat(inputs, *axis, shape),
        HostOp::Pad { before } => shape::pad(inputs, before, shape),
        HostOp::Lookup(table) => quantise::lookup(input, table),
        HostOp::Cast(to) => Ok(elementwise::cast(input, *to)),
        HostOp::Binary(op) => elementwise::binary(*op, inputs, shape),
        HostOp::Unary(op) => elementwise::unary(*op, input),
        HostOp::Clip => elementwise::clip(inputs),
        HostOp::Reduce { max, axes } => elementwise::reduce(input, *max, axes, shape),
        HostOp::Conv { window, groups } => linear::conv(inputs, window, *groups, shape),
        HostOp::ConvInteger { window, groups } => linear::conv_integer(inputs, window, *groups, shape),
        HostOp::QLinearConv { window, groups } => linear::qlinear_conv(inputs, window, *groups, shape),
        HostOp::MatMul => linear::matmul(inputs, shape),
        HostOp::MatMulInteger => linear::matmul_integer(inputs, shape),
        HostOp::QLinearMatMul => linear::qlinear_matmul(inputs, shape),
        HostOp::Gemm { alpha, beta, transposed } => linear::gemm(inputs, [*alpha, *beta], *transposed, shape),
        HostOp::Pool { kind, window } => pool::pool(input, *kind, window, shape),
    }
}

/// Input `index`.
fn at(inputs: &[Array], index: usize) -> Result<&Array, String> {
    inputs.get(index).ok_or_else(|| format!("input {index} is missing"))
}

/// The elements as bytes.
fn bytes(input: &Array) -> Result<Vec<i8>, String> {
    input.to_bytes().ok_or_else(|| format!("it takes int8, not {}", input.dtype.name()))
}

/// The elements as floats.
fn floats(input: &Array) -> Result<&[f32], String> {
    input.floats().ok_or_else(|| format!("it takes floats, not {}", input.dtype.name()))
}

/// The elements as integers.
fn ints(input: &Array) -> Result<&[i64], String> {
    input.ints().ok_or_else(|| format!("it takes integers, not {}", input.dtype.name()))
}

/// The only element of floats.
fn scalar(input: &Array) -> Result<f32, String> {
    match floats(input)? {
        [value] => Ok(*value),
        values => Err(format!("{} values where there must be 1", values.len())),
    }
}

/// Whether a number of steps is one that the host takes.
fn affordable(work: Option<usize>) -> Result<(), String> {
    match work {
        Some(work) if work <= MAX_WORK => Ok(()),
        _ => Err(format!("more than {MAX_WORK} multiply-accumulates on the host: quantise the model for the card")),
    }
}
