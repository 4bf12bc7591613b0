//! What host operators compute.
//!
//! As the rest of the reference: written for being right, element by element, with the arithmetic that the standards or
//! TFLite's reference kernels prescribe.

mod shape;
mod softmax;

use crate::array::{Array, Data};
use crate::graph::{HostOp, Quant};
use crate::tensor::Dtype;

/// Runs a host operator whose output has this element type and shape.
///
/// # Errors
/// Inputs that it does not take.
pub fn run(op: &HostOp, inputs: &[Array], dtype: Dtype, shape: &[usize]) -> Result<Array, String> {
    let [input] = inputs else { return Err(format!("{} inputs where there must be 1", inputs.len())) };
    match op {
        HostOp::SoftmaxInt8 { beta_scale } => softmax::bytes(input, *beta_scale),
        HostOp::Softmax { axis } => softmax::floats(input, *axis),
        HostOp::ArgMax { axis, keep, last } => shape::arg_max(input, *axis, *keep, *last, dtype),
        HostOp::Quantise(quant) => quantise(input, *quant),
        HostOp::Dequantise(quant) => dequantise(input, *quant),
        HostOp::Reshape => shape::reshape(input, shape),
        HostOp::Transpose { perm } => shape::transpose(input, perm),
        HostOp::Lookup(table) => lookup(input, table),
        HostOp::Cast(to) => Ok(cast(input, *to)),
    }
}

/// The elements as bytes.
fn bytes(input: &Array) -> Result<Vec<i8>, String> {
    input.to_bytes().ok_or_else(|| format!("it takes int8, not {}", input.dtype.name()))
}

/// The elements as floats.
fn floats(input: &Array) -> Result<&[f32], String> {
    input.floats().ok_or_else(|| format!("it takes floats, not {}", input.dtype.name()))
}

fn quantise(input: &Array, quant: Quant) -> Result<Array, String> {
    let step = |&real: &f32| {
        let steps = (real / quant.scale).round_ties_even();
        // NaN becomes 0, as any cast has it.
        (steps.clamp(-65536.0, 65536.0) as i32 + i32::from(quant.zero_point)).clamp(-128, 127) as i8
    };
    Ok(Array::bytes(&input.shape, &floats(input)?.iter().map(step).collect::<Vec<_>>()))
}

fn dequantise(input: &Array, quant: Quant) -> Result<Array, String> {
    let real = |&q: &i8| quant.scale * (i32::from(q) - i32::from(quant.zero_point)) as f32;
    Ok(Array::float(&input.shape, bytes(input)?.iter().map(real).collect()))
}

fn lookup(input: &Array, table: &[i8]) -> Result<Array, String> {
    if table.len() != 256 {
        return Err(format!("a table of {} bytes; it must have 256", table.len()));
    }
    let found = bytes(input)?.iter().map(|&q| table[(i32::from(q) + 128) as usize]).collect::<Vec<_>>();
    Ok(Array::bytes(&input.shape, &found))
}

fn cast(input: &Array, to: Dtype) -> Array {
    let data = match (&input.data, to.is_float()) {
        (Data::Float(v), true) => Data::Float(v.clone()),
        (Data::Float(v), false) => Data::Int(v.iter().map(|&f| to.wrap(f as i64)).collect()),
        (Data::Int(v), true) => Data::Float(v.iter().map(|&i| i as f32).collect()),
        (Data::Int(v), false) => Data::Int(v.iter().map(|&i| to.wrap(i)).collect()),
    };
    Array { dtype: to, shape: input.shape.clone(), data }
}
