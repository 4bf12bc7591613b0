//! Operators that move elements, or find them.

use crate::array::{Array, Data};
use crate::tensor::Dtype;

/// The same elements in another shape.
pub fn reshape(input: &Array, shape: &[usize]) -> Result<Array, String> {
    if input.data.len() != shape.iter().product::<usize>() {
        return Err(format!("{:?} does not take shape {shape:?}", input.shape));
    }
    Ok(Array { shape: shape.to_vec(), ..input.clone() })
}

/// Elements picked by their position.
fn pick(data: &Data, positions: impl Iterator<Item = usize>) -> Data {
    match data {
        Data::Float(v) => Data::Float(positions.map(|i| v[i]).collect()),
        Data::Int(v) => Data::Int(positions.map(|i| v[i]).collect()),
    }
}

/// Dimension `i` of the output is dimension `perm[i]` of the input.
pub fn transpose(input: &Array, perm: &[usize]) -> Result<Array, String> {
    let rank = input.shape.len();
    if perm.len() != rank || (0..rank).any(|d| !perm.contains(&d)) {
        return Err(format!("perm {perm:?} of shape {:?}", input.shape));
    }
    let shape: Vec<usize> = perm.iter().map(|&d| input.shape[d]).collect();
    let (from, to) = (Array::strides(&input.shape), Array::strides(&shape));
    let source = |i: usize| -> usize { (0..rank).map(|d| i / to[d] % shape[d] * from[perm[d]]).sum() };
    let data = pick(&input.data, (0..input.data.len()).map(source));
    Ok(Array { dtype: input.dtype, shape, data })
}

/// Any number of arrays, joined along an axis.
pub fn concat(inputs: &[Array], axis: usize, shape: &[usize]) -> Result<Array, String> {
    let [outer, extent, inner] = around(shape, axis)?;
    let mut lengths = Vec::new();
    for input in inputs {
        let [o, e, i] = around(&input.shape, axis)?;
        if [o, i] != [outer, inner] || input.dtype != inputs[0].dtype || input.shape.len() != shape.len() {
            return Err(format!("{:?} is joined to {shape:?} along axis {axis}", input.shape));
        }
        lengths.push(e * i);
    }
    if lengths.iter().sum::<usize>() != extent * inner {
        return Err(format!("the inputs do not add up to {shape:?} along axis {axis}"));
    }
    let mut data = match &inputs[0].data {
        Data::Float(_) => Data::Float(Vec::new()),
        Data::Int(_) => Data::Int(Vec::new()),
    };
    for o in 0..outer {
        for (input, &length) in inputs.iter().zip(&lengths) {
            match (&mut data, &input.data) {
                (Data::Float(to), Data::Float(from)) => to.extend_from_slice(&from[o * length..(o + 1) * length]),
                (Data::Int(to), Data::Int(from)) => to.extend_from_slice(&from[o * length..(o + 1) * length]),
                _ => return Err("floats and integers are joined".into()),
            }
        }
    }
    Ok(Array { dtype: inputs[0].dtype, shape: shape.to_vec(), data })
}

/// Values and a scalar to pad them with.
pub fn pad(inputs: &[Array], before: &[usize], shape: &[usize]) -> Result<Array, String> {
    let (input, fill) = (&inputs[0], super::at(inputs, 1)?);
    let rank = input.shape.len();
    let fits = before.len() == rank && shape.len() == rank && (0..rank).all(|d| before[d] + input.shape[d] <= shape[d]);
    if !fits || fill.data.len() != 1 {
        return Err(format!("{:?} is padded to {shape:?} by {before:?} before", input.shape));
    }
    let (from, to) = (Array::strides(&input.shape), Array::strides(shape));
    let place = |i: usize| -> usize { (0..rank).map(|d| (i / from[d] % input.shape[d] + before[d]) * to[d]).sum() };
    let elements = shape.iter().product();
    let data = match (&input.data, &fill.data) {
        (Data::Float(v), Data::Float(f)) => {
            let mut out = vec![f[0]; elements];
            v.iter().enumerate().for_each(|(i, &x)| out[place(i)] = x);
            Data::Float(out)
        }
        (Data::Int(v), Data::Int(f)) => {
            let mut out = vec![f[0]; elements];
            v.iter().enumerate().for_each(|(i, &x)| out[place(i)] = x);
            Data::Int(out)
        }
        _ => return Err("the padding has another type".into()),
    };
    Ok(Array { dtype: input.dtype, shape: shape.to_vec(), data })
}

/// Elements before, along and behind an axis: how a loop over the axis steps.
pub fn around(shape: &[usize], axis: usize) -> Result<[usize; 3], String> {
    let extent = *shape.get(axis).ok_or_else(|| format!("axis {axis} of shape {shape:?}"))?;
    Ok([shape[..axis].iter().product(), extent, shape[axis + 1..].iter().product()])
}

/// Index of the greatest element along an axis.
pub fn arg_max(input: &Array, axis: usize, keep: bool, last: bool, dtype: Dtype) -> Result<Array, String> {
    let [outer, extent, inner] = around(&input.shape, axis)?;
    if extent == 0 {
        return Err(format!("axis {axis} of shape {:?} is empty", input.shape));
    }
    let greater = |a: usize, b: usize| match &input.data {
        Data::Float(v) => v[a] > v[b] || last && v[a] == v[b],
        Data::Int(v) => v[a] > v[b] || last && v[a] == v[b],
    };
    let mut found = Vec::with_capacity(outer * inner);
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        let at = |k: usize| (o * extent + k) * inner + i;
        found.push((1..extent).fold(0, |best, k| if greater(at(k), at(best)) { k } else { best }) as i64);
    }
    let mut shape = input.shape.clone();
    match keep {
        true => shape[axis] = 1,
        false => {
            shape.remove(axis);
        }
    }
    Ok(Array::int(dtype, &shape, found))
}
