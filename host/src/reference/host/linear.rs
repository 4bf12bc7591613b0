//! Convolutions and matrix products of floats and of integers.
//!
//! Integers are summed in 64 bits and brought to 32 at the end; the quantised forms scale the sum in floats and round
//! ties to even, as the standard has it. (What the card runs has its own integers; this is for what it does not run.)

use super::elementwise::positions;
use super::pool::taps;
use super::{affordable, at, floats, ints, scalar};
use crate::array::Array;
use crate::graph::HostWindow;
use crate::tensor::Dtype;
use std::ops::{AddAssign, Mul};

/// The sums of a convolution, shape [n, out, rows, columns].
fn convolve<T: Copy + Default + Mul<Output = T> + AddAssign>(
    (x, x_shape): (&[T], &[usize]),
    (w, w_shape): (&[T], &[usize]),
    window: &HostWindow,
    groups: usize,
    shape: &[usize],
) -> Result<Vec<T>, String> {
    let (&[n, c, h, width], &[o, i, ..], &[to_n, to_o, oh, ow]) = (x_shape, w_shape, shape) else {
        return Err(format!("shapes {x_shape:?}, {w_shape:?} to {shape:?}; images have 4 dimensions"));
    };
    let [rows, columns] = window.kernel;
    let fits = groups > 0 && i.checked_mul(groups) == Some(c) && o % groups == 0 && [n, o] == [to_n, to_o];
    if !fits || w_shape[2..] != window.kernel {
        return Err(format!("weights of shape {w_shape:?} in {groups} groups for {x_shape:?} to {shape:?}"));
    }
    affordable(w.len().checked_mul(n * oh * ow))?;
    let mut sums = Vec::with_capacity(shape.iter().product());
    for (image, out) in (0..n).flat_map(|b| (0..o).map(move |k| (b, k))) {
        let first = out / (o / groups) * i;
        for (y, x_at) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
            let mut sum = T::default();
            for tap in taps(window, [h, width], [y, x_at]) {
                let Some(inside) = tap.inside else { continue };
                for k in 0..i {
                    let value = x[((image * c) + first + k) * h * width + inside];
                    sum += value * w[((out * i) + k) * rows * columns + tap.index];
                }
            }
            sums.push(sum);
        }
    }
    Ok(sums)
}

/// `Conv` of floats.
pub fn conv(inputs: &[Array], window: &HostWindow, groups: usize, shape: &[usize]) -> Result<Array, String> {
    let (x, w) = (&inputs[0], at(inputs, 1)?);
    let mut sums = convolve((floats(x)?, &x.shape), (floats(w)?, &w.shape), window, groups, shape)?;
    if let Some(bias) = inputs.get(2) {
        let bias = floats(bias)?;
        let plane = (shape[2] * shape[3]).max(1);
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += *bias.get(i / plane % shape[1]).ok_or("fewer biases than channels")?;
        }
    }
    Ok(Array::float(shape, sums))
}

/// Integers less their zero points: one, or one for each index of an axis.
fn less(input: &Array, zero_point: Option<&Array>, axis: usize) -> Result<Vec<i64>, String> {
    let values = ints(input)?;
    let Some(zero_points) = zero_point.map(ints).transpose()? else { return Ok(values.to_vec()) };
    let strides = Array::strides(&input.shape);
    let of = |i: usize| match zero_points {
        [one] => Ok(*one),
        all if input.shape.get(axis) == Some(&all.len()) => Ok(all[i / strides[axis] % all.len()]),
        all => Err(format!("{} zero points for shape {:?}", all.len(), input.shape)),
    };
    values.iter().enumerate().map(|(i, v)| Ok(v - of(i)?)).collect()
}

/// `ConvInteger`: values, weights and the zero point of each.
pub fn conv_integer(inputs: &[Array], window: &HostWindow, groups: usize, shape: &[usize]) -> Result<Array, String> {
    let (x, w) = (&inputs[0], at(inputs, 1)?);
    let (xs, ws) = (less(x, inputs.get(2), 0)?, less(w, inputs.get(3), 0)?);
    Ok(Array::int(Dtype::Int32, shape, convolve((&xs, &x.shape), (&ws, &w.shape), window, groups, shape)?))
}

/// Sums to integers of the output: scaled in floats, rounded to even, zero point added, saturated.
fn requantise(sum: i64, scale: f32, zero_point: i64, to: Dtype) -> Result<i64, String> {
    let (low, high) = to.range().ok_or_else(|| format!("it gives {}", to.name()))?;
    let steps = (sum as f32 * scale).round_ties_even() as i64;
    Ok(steps.saturating_add(zero_point).clamp(low, high))
}

/// The only zero point.
fn zero_point(input: &Array) -> Result<i64, String> {
    match ints(input)? {
        [value] => Ok(*value),
        values => Err(format!("{} zero points where there must be 1", values.len())),
    }
}

/// `QLinearConv`: values, weights and output, each with scale and zero point; biases.
pub fn qlinear_conv(inputs: &[Array], window: &HostWindow, groups: usize, shape: &[usize]) -> Result<Array, String> {
    let (x, w) = (&inputs[0], at(inputs, 3)?);
    let (xs, ws) = (less(x, inputs.get(2), 0)?, less(w, inputs.get(5), 0)?);
    let mut sums = convolve((&xs, &x.shape), (&ws, &w.shape), window, groups, shape)?;
    let plane = (shape[2] * shape[3]).max(1);
    let channel = |i: usize| i / plane % shape[1];
    if let Some(bias) = inputs.get(8) {
        let bias = ints(bias)?;
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += bias.get(channel(i)).ok_or("fewer biases than channels")?;
        }
    }
    let (x_scale, w_scales, y_scale) = (scalar(at(inputs, 1)?)?, floats(at(inputs, 4)?)?, scalar(at(inputs, 6)?)?);
    let y = at(inputs, 7)?;
    let zero = zero_point(y)?;
    let w_scale = |c: usize| w_scales.get(if w_scales.len() == 1 { 0 } else { c }).ok_or("fewer scales than channels");
    let values: Result<Vec<i64>, String> = sums
        .iter()
        .enumerate()
        .map(|(i, &sum)| requantise(sum, x_scale * w_scale(channel(i))? / y_scale, zero, y.dtype))
        .collect();
    Ok(Array::int(y.dtype, shape, values?))
}

/// The sums of a matrix product; leading dimensions are broadcast.
fn multiply<T: Copy + Default + Mul<Output = T> + AddAssign>(
    (a, a_shape): (&[T], &[usize]),
    (b, b_shape): (&[T], &[usize]),
    shape: &[usize],
) -> Result<Vec<T>, String> {
    let fault = || format!("shapes {a_shape:?} and {b_shape:?} to {shape:?}");
    let (&[ref a_lead @ .., m, k], &[ref b_lead @ .., k2, n]) = (a_shape, b_shape) else { return Err(fault()) };
    let &[ref lead @ .., m2, n2] = shape else { return Err(fault()) };
    if k != k2 || [m, n] != [m2, n2] || lead.len() < a_lead.len().max(b_lead.len()) {
        return Err(fault());
    }
    affordable(shape.iter().product::<usize>().checked_mul(k))?;
    let mut sums = Vec::with_capacity(shape.iter().product());
    for (pa, pb) in positions(a_lead, lead).into_iter().zip(positions(b_lead, lead)) {
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let mut sum = T::default();
            for l in 0..k {
                sum += a[(pa * m + i) * k + l] * b[(pb * k + l) * n + j];
            }
            sums.push(sum);
        }
    }
    Ok(sums)
}

/// `MatMul` of floats.
pub fn matmul(inputs: &[Array], shape: &[usize]) -> Result<Array, String> {
    let (a, b) = (&inputs[0], at(inputs, 1)?);
    Ok(Array::float(shape, multiply((floats(a)?, &a.shape), (floats(b)?, &b.shape), shape)?))
}

/// `MatMulInteger`: both operands and the zero point of each.
pub fn matmul_integer(inputs: &[Array], shape: &[usize]) -> Result<Array, String> {
    let (a, b) = (&inputs[0], at(inputs, 1)?);
    let axes = [a.shape.len().saturating_sub(2), b.shape.len().saturating_sub(1)];
    let (x, y) = (less(a, inputs.get(2), axes[0])?, less(b, inputs.get(3), axes[1])?);
    Ok(Array::int(Dtype::Int32, shape, multiply((&x, &a.shape), (&y, &b.shape), shape)?))
}

/// `QLinearMatMul`: both operands and the output, each with scale and zero point.
pub fn qlinear_matmul(inputs: &[Array], shape: &[usize]) -> Result<Array, String> {
    let (a, b, y) = (&inputs[0], at(inputs, 3)?, at(inputs, 7)?);
    let (xs, ws) = (less(a, inputs.get(2), 0)?, less(b, inputs.get(5), b.shape.len().saturating_sub(1))?);
    let sums = multiply((&xs, &a.shape), (&ws, &b.shape), shape)?;
    let scale = scalar(at(inputs, 1)?)? * scalar(at(inputs, 4)?)? / scalar(at(inputs, 6)?)?;
    let zero = zero_point(y)?;
    let values: Result<Vec<i64>, String> = sums.iter().map(|&sum| requantise(sum, scale, zero, y.dtype)).collect();
    Ok(Array::int(y.dtype, shape, values?))
}

/// `Gemm` of floats.
pub fn gemm(
    inputs: &[Array],
    [alpha, beta]: [f32; 2],
    transposed: [bool; 2],
    shape: &[usize],
) -> Result<Array, String> {
    let turned = |input: &Array, turn: bool| match turn {
        true => super::shape::transpose(input, &[1, 0]),
        false => Ok(input.clone()),
    };
    let (a, b) = (turned(&inputs[0], transposed[0])?, turned(at(inputs, 1)?, transposed[1])?);
    let mut sums = multiply((floats(&a)?, &a.shape), (floats(&b)?, &b.shape), shape)?;
    sums.iter_mut().for_each(|sum| *sum *= alpha);
    if let Some(c) = inputs.get(2) {
        if super::elementwise::broadcast(&c.shape, shape).as_deref() != Some(shape) {
            return Err(format!("a third input of shape {:?} for {shape:?}", c.shape));
        }
        let values = floats(c)?;
        sums.iter_mut().zip(positions(&c.shape, shape)).for_each(|(sum, i)| *sum += beta * values[i]);
    }
    Ok(Array::float(shape, sums))
}
