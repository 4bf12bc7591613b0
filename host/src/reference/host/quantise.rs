//! Reals to integers and back.

use super::{at, bytes, floats, ints};
use crate::array::{Array, Data};
use crate::graph::{Dynamic, Quant};
use crate::tensor::Dtype;

/// Reals to int8 with one scale, ties to even; NaN gives the zero point.
pub fn to_bytes(input: &Array, quant: Quant) -> Result<Array, String> {
    let step = |&real: &f32| {
        let steps = (real / quant.scale).round_ties_even();
        (steps.clamp(-65536.0, 65536.0) as i32 + i32::from(quant.zero_point)).clamp(-128, 127) as i8
    };
    Ok(Array::bytes(&input.shape, &floats(input)?.iter().map(step).collect::<Vec<_>>()))
}

/// int8 to reals with one scale.
pub fn to_reals(input: &Array, quant: Quant) -> Result<Array, String> {
    let real = |&q: &i8| quant.scale * (i32::from(q) - i32::from(quant.zero_point)) as f32;
    Ok(Array::float(&input.shape, bytes(input)?.iter().map(real).collect()))
}

/// int8 to uint8 or back.
pub fn sign(input: &Array) -> Result<Array, String> {
    let (to, add) = match input.dtype {
        Dtype::Int8 => (Dtype::Uint8, 128),
        Dtype::Uint8 => (Dtype::Int8, -128),
        other => return Err(format!("it takes int8 or uint8, not {}", other.name())),
    };
    Ok(Array::int(to, &input.shape, ints(input)?.iter().map(|v| v + add).collect()))
}

/// A byte for each byte.
pub fn lookup(input: &Array, table: &[i8]) -> Result<Array, String> {
    if table.len() != 256 {
        return Err(format!("a table of {} bytes; it must have 256", table.len()));
    }
    let found = bytes(input)?.iter().map(|&q| table[(i32::from(q) + 128) as usize]).collect::<Vec<_>>();
    Ok(Array::bytes(&input.shape, &found))
}

/// For each element of `shape`, the index of its scale.
fn scale_indices(shape: &[usize], scale: &Array, axis: usize, block: usize) -> Result<Vec<usize>, String> {
    let elements: usize = shape.iter().product();
    if scale.data.len() == 1 {
        return Ok(vec![0; elements]);
    }
    let strides = Array::strides(shape);
    let fault = || format!("scales of shape {:?} along axis {axis} of shape {shape:?}", scale.shape);
    let extent = *shape.get(axis).ok_or_else(fault)?;
    if block == 0 {
        if scale.data.len() != extent {
            return Err(fault());
        }
        return Ok((0..elements).map(|i| i / strides[axis] % extent).collect());
    }
    let mut wanted = shape.to_vec();
    wanted[axis] = extent.div_ceil(block);
    if scale.shape != wanted {
        return Err(fault());
    }
    let of_scale = Array::strides(&wanted);
    let position = |i: usize, d: usize| i / strides[d] % shape[d] / if d == axis { block } else { 1 };
    Ok((0..elements).map(|i| (0..shape.len()).map(|d| position(i, d) * of_scale[d]).sum()).collect())
}

/// `QuantizeLinear`: values, scale and, if it is given, zero point.
pub fn quantize_linear(inputs: &[Array], axis: usize, block: usize, to: Dtype) -> Result<Array, String> {
    let (input, scale) = (&inputs[0], at(inputs, 1)?);
    let (values, scales) = (floats(input)?, floats(scale)?);
    let (low, high) = to.range().ok_or_else(|| format!("it gives {}", to.name()))?;
    let zero_points = inputs.get(2).map(ints).transpose()?;
    let which = scale_indices(&input.shape, scale, axis, block)?;
    let mut output = Vec::with_capacity(values.len());
    for (value, k) in values.iter().zip(which) {
        let zero_point = zero_points.map_or(Some(0), |z| z.get(k).copied()).ok_or("fewer zero points than scales")?;
        // Saturating casts; NaN becomes 0.
        let steps = (value / scales[k]).round_ties_even() as i64;
        output.push(steps.saturating_add(zero_point).clamp(low, high));
    }
    Ok(Array::int(to, &input.shape, output))
}

/// `DequantizeLinear`: integers, scale and, if it is given, zero point.
pub fn dequantize_linear(inputs: &[Array], axis: usize, block: usize, to: Dtype) -> Result<Array, String> {
    let (input, scale) = (&inputs[0], at(inputs, 1)?);
    let (values, scales) = (ints(input)?, floats(scale)?);
    let zero_points = inputs.get(2).map(ints).transpose()?;
    let which = scale_indices(&input.shape, scale, axis, block)?;
    let mut output = Vec::with_capacity(values.len());
    for (value, k) in values.iter().zip(which) {
        let zero_point = zero_points.map_or(Some(0), |z| z.get(k).copied()).ok_or("fewer zero points than scales")?;
        output.push((value - zero_point) as f32 * scales[k]);
    }
    Ok(Array { dtype: to, shape: input.shape.clone(), data: Data::Float(output) })
}

/// `DynamicQuantizeLinear`: the range is widened to hold 0.
pub fn dynamic(input: &Array, part: Dynamic) -> Result<Array, String> {
    let values = floats(input)?;
    let least = values.iter().copied().fold(0.0, f32::min);
    let greatest = values.iter().copied().fold(0.0, f32::max);
    let scale = if greatest == least { 1.0 } else { (greatest - least) / 255.0 };
    let zero_point = (-least / scale).clamp(0.0, 255.0).round_ties_even();
    Ok(match part {
        Dynamic::Scale => Array::float(&[], vec![scale]),
        Dynamic::ZeroPoint => Array::int(Dtype::Uint8, &[], vec![zero_point as i64]),
        Dynamic::Values => {
            let step = |v: &f32| ((v / scale).round_ties_even() + zero_point).clamp(0.0, 255.0) as i64;
            Array::int(Dtype::Uint8, &input.shape, values.iter().map(step).collect())
        }
    })
}
