//! What host operators compute.

use crate::array::{Array, Data};
use crate::graph::HostOp;
use crate::tensor::Dtype;

/// Runs a host operator whose output has this element type and shape.
///
/// # Errors
/// Inputs that it does not take.
pub fn run(op: &HostOp, inputs: &[Array], dtype: Dtype, shape: &[usize]) -> Result<Array, String> {
    let [input] = inputs else { return Err(format!("{} inputs where there must be 1", inputs.len())) };
    match op {
        HostOp::Reshape if input.shape.iter().product::<usize>() == shape.iter().product::<usize>() => {
            Ok(Array { dtype, shape: shape.to_vec(), data: input.data.clone() })
        }
        HostOp::Transpose { perm } => transpose(input, perm),
        _ => Err(format!("{} is not evaluated yet", op.name())),
    }
}

fn transpose(input: &Array, perm: &[usize]) -> Result<Array, String> {
    let rank = input.shape.len();
    if perm.len() != rank || (0..rank).any(|d| !perm.contains(&d)) {
        return Err(format!("perm {perm:?} of shape {:?}", input.shape));
    }
    let shape: Vec<usize> = perm.iter().map(|&d| input.shape[d]).collect();
    let (from, to) = (Array::strides(&input.shape), Array::strides(&shape));
    let source = |i: usize| -> usize { (0..rank).map(|d| i / to[d] % shape[d].max(1) * from[perm[d]]).sum() };
    let data = match &input.data {
        Data::Float(v) => Data::Float((0..v.len()).map(|i| v[source(i)]).collect()),
        Data::Int(v) => Data::Int((0..v.len()).map(|i| v[source(i)]).collect()),
    };
    Ok(Array { dtype: input.dtype, shape, data })
}
