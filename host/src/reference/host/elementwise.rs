//! Operators that work element by element, and reductions.

use super::at;
use crate::array::{Array, Data};
use crate::graph::{Binary, Unary};
use crate::tensor::Dtype;

/// Another element type.
pub fn cast(input: &Array, to: Dtype) -> Array {
    let data = match (&input.data, to.is_float()) {
        (Data::Float(v), true) => Data::Float(v.clone()),
        (Data::Float(v), false) => Data::Int(v.iter().map(|&f| to.wrap(f as i64)).collect()),
        (Data::Int(v), true) => Data::Float(v.iter().map(|&i| i as f32).collect()),
        (Data::Int(v), false) => Data::Int(v.iter().map(|&i| to.wrap(i)).collect()),
    };
    Array { dtype: to, shape: input.shape.clone(), data }
}

/// The shape that both are broadcast to.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], d: usize| (d + s.len()).checked_sub(rank).map_or(1, |d| s[d]);
    (0..rank)
        .map(|d| match (at(a, d), at(b, d)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

/// For each element of `to`, the position of the one of `from` that is broadcast there.
pub fn positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let (strides, own) = (Array::strides(to), Array::strides(from));
    let skip = to.len() - from.len();
    let step = |i: usize, d: usize| if from[d] == 1 { 0 } else { i / strides[d + skip] % to[d + skip] * own[d] };
    (0..to.iter().product()).map(|i| (0..from.len()).map(|d| step(i, d)).sum()).collect()
}

/// Two operands, broadcast to `shape`.
pub fn binary(op: Binary, inputs: &[Array], shape: &[usize]) -> Result<Array, String> {
    let (a, b) = (&inputs[0], at(inputs, 1)?);
    if broadcast(&a.shape, &b.shape).as_deref() != Some(shape) || a.dtype != b.dtype {
        return Err(format!("{} {:?} and {} {:?}", a.dtype.name(), a.shape, b.dtype.name(), b.shape));
    }
    let pairs = positions(&a.shape, shape).into_iter().zip(positions(&b.shape, shape));
    let data = match (&a.data, &b.data) {
        (Data::Float(x), Data::Float(y)) => {
            let float: fn(f32, f32) -> f32 = match op {
                Binary::Add => |x, y| x + y,
                Binary::Sub => |x, y| x - y,
                Binary::Mul => |x, y| x * y,
                Binary::Div => |x, y| x / y,
                Binary::Min => f32::min,
                Binary::Max => f32::max,
            };
            Data::Float(pairs.map(|(i, k)| float(x[i], y[k])).collect())
        }
        (Data::Int(x), Data::Int(y)) => {
            let unsigned = a.dtype == Dtype::Uint64;
            let int = |x: i64, y: i64| match op {
                Binary::Add => Ok(x.wrapping_add(y)),
                Binary::Sub => Ok(x.wrapping_sub(y)),
                Binary::Mul => Ok(x.wrapping_mul(y)),
                Binary::Div if y == 0 => Err("a division by zero".to_string()),
                Binary::Div if unsigned => Ok((x as u64 / y as u64) as i64),
                Binary::Div => Ok(x.wrapping_div(y)),
                Binary::Min if unsigned => Ok((x as u64).min(y as u64) as i64),
                Binary::Max if unsigned => Ok((x as u64).max(y as u64) as i64),
                Binary::Min => Ok(x.min(y)),
                Binary::Max => Ok(x.max(y)),
            };
            let values: Result<Vec<_>, String> = pairs.map(|(i, k)| int(x[i], y[k])).collect();
            return Ok(Array::int(a.dtype, shape, values?));
        }
        _ => return Err("floats and integers".into()),
    };
    Ok(Array { dtype: a.dtype, shape: shape.to_vec(), data })
}

/// One operand.
pub fn unary(op: Unary, input: &Array) -> Result<Array, String> {
    let data = match &input.data {
        Data::Float(v) => {
            let float: fn(f32) -> f32 = match op {
                Unary::Relu => |x| x.max(0.0),
                Unary::Round => f32::round_ties_even,
                Unary::Sigmoid => |x| 1.0 / (1.0 + (-x).exp()),
                Unary::Tanh => f32::tanh,
            };
            Data::Float(v.iter().map(|&x| float(x)).collect())
        }
        Data::Int(v) if op == Unary::Relu => Data::Int(v.iter().map(|&x| x.max(0)).collect()),
        Data::Int(_) => return Err(format!("it takes floats, not {}", input.dtype.name())),
    };
    Ok(Array { data, ..input.clone() })
}

/// Values, least, greatest; where they cross the greatest counts.
pub fn clip(inputs: &[Array]) -> Result<Array, String> {
    let (input, low, high) = (&inputs[0], at(inputs, 1)?, at(inputs, 2)?);
    let data = match (&input.data, &low.data, &high.data) {
        (Data::Float(v), Data::Float(l), Data::Float(h)) if l.len() == 1 && h.len() == 1 => {
            Data::Float(v.iter().map(|x| x.max(l[0]).min(h[0])).collect())
        }
        (Data::Int(v), Data::Int(l), Data::Int(h)) if l.len() == 1 && h.len() == 1 => {
            Data::Int(v.iter().map(|&x| x.max(l[0]).min(h[0])).collect())
        }
        _ => return Err("bounds of another type, or more than one".into()),
    };
    Ok(Array { data, ..input.clone() })
}

/// The least or the greatest along axes.
pub fn reduce(input: &Array, max: bool, axes: &[usize], shape: &[usize]) -> Result<Array, String> {
    let strides = Array::strides(&input.shape);
    let kept: Vec<usize> = (0..input.shape.len()).filter(|d| !axes.contains(d)).collect();
    let extents: Vec<usize> = kept.iter().map(|&d| input.shape[d]).collect();
    let to = Array::strides(&extents);
    let place = |i: usize| -> usize { kept.iter().zip(&to).map(|(&d, s)| i / strides[d] % input.shape[d] * s).sum() };
    let count: usize = extents.iter().product();
    let wrong = || format!("an empty reduction of shape {:?} to {shape:?}", input.shape);
    if count != shape.iter().product::<usize>() || input.data.is_empty() {
        return Err(wrong());
    }
    let data = match &input.data {
        Data::Float(v) => {
            let mut best: Vec<Option<f32>> = vec![None; count];
            for (i, &x) in v.iter().enumerate() {
                let b = &mut best[place(i)];
                *b = Some(b.map_or(x, |y| if max { x.max(y) } else { x.min(y) }));
            }
            Data::Float(best.into_iter().collect::<Option<_>>().ok_or_else(wrong)?)
        }
        Data::Int(v) => {
            let mut best: Vec<Option<i64>> = vec![None; count];
            for (i, &x) in v.iter().enumerate() {
                let b = &mut best[place(i)];
                *b = Some(b.map_or(x, |y| if max { x.max(y) } else { x.min(y) }));
            }
            Data::Int(best.into_iter().collect::<Option<_>>().ok_or_else(wrong)?)
        }
    };
    Ok(Array { dtype: input.dtype, shape: shape.to_vec(), data })
}
