//! Operators that move elements, as operators of the host.

use super::attributes;
use super::model::{node_fault, unsupported};
use super::translate::{Context, Source, Step};
use crate::array::Array;
use crate::graph::HostOp;
use crate::import::error::Fault;

/// An operator that moves elements.
///
/// # Errors
/// Inputs that do not fit it.
pub fn operator(c: &Context) -> Result<Vec<Step>, Fault> {
    let node = c.node;
    let x = c.input(0)?;
    let (dtype, shape, rank) = (x.dtype, x.shape.clone(), x.shape.len());
    let int = |name: &str, default: i64| attributes::int(node, name, default);
    match node.op_type.as_str() {
        "Identity" | "Dropout" => c.step(HostOp::Reshape, 1, dtype, shape),
        "Reshape" => reshape(c),
        "Flatten" => {
            let axis = int("axis", 1);
            let axis = if axis == rank as i64 { rank } else { c.axis(axis, rank)? };
            let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
            c.step(HostOp::Reshape, 1, dtype, flat)
        }
        "Squeeze" => {
            let axes = match c.axes(1)? {
                Some(axes) => axes.iter().map(|&a| c.axis(a, rank)).collect::<Result<Vec<_>, _>>()?,
                None => (0..rank).filter(|&d| shape[d] == 1).collect(),
            };
            if axes.iter().any(|&d| shape[d] != 1) {
                return Err(c.shapes("a dimension that goes is not 1"));
            }
            let kept = (0..rank).filter(|d| !axes.contains(d)).map(|d| shape[d]).collect();
            c.step(HostOp::Reshape, 1, dtype, kept)
        }
        "Unsqueeze" => {
            let axes = c.axes(1)?.unwrap_or_default();
            let rank = rank + axes.len();
            let axes: Vec<usize> = axes.iter().map(|&a| c.axis(a, rank)).collect::<Result<_, _>>()?;
            let mut rest = shape.iter().copied();
            let wide: Option<Vec<usize>> =
                (0..rank).map(|d| if axes.contains(&d) { Some(1) } else { rest.next() }).collect();
            c.step(HostOp::Reshape, 1, dtype, wide.ok_or_else(|| c.shapes("axes that are given twice"))?)
        }
        "Transpose" => {
            let given = attributes::raw_ints(node, "perm");
            let perm: Vec<usize> = match given.is_empty() {
                true => (0..rank).rev().collect(),
                false => given.iter().map(|&d| c.axis(d, rank)).collect::<Result<_, _>>()?,
            };
            if perm.len() != rank || (0..rank).any(|d| !perm.contains(&d)) {
                return Err(c.shapes(&format!("perm {given:?}")));
            }
            let turned = perm.iter().map(|&d| shape[d]).collect();
            c.step(HostOp::Transpose { perm }, 1, dtype, turned)
        }
        "Concat" => {
            let axis = c.axis(int("axis", 0), rank)?;
            let mut joined = shape;
            joined[axis] = 0;
            for i in 0..node.input.len() {
                let part = c.input(i)?;
                let fits = part.shape.len() == rank && part.dtype == dtype;
                if !fits || (0..rank).any(|d| d != axis && part.shape[d] != joined[d]) {
                    return Err(c.shapes("shapes that cannot be joined"));
                }
                joined[axis] = joined[axis].saturating_add(part.shape[axis]);
            }
            c.step(HostOp::Concat { axis }, node.input.len(), dtype, joined)
        }
        _ => pad(c),
    }
}

fn reshape(c: &Context) -> Result<Vec<Step>, Fault> {
    let x = c.input(0)?;
    let target = c.ints(1)?.ok_or_else(|| node_fault(c.node, "it has no shape".into()))?;
    let zeros_stay = attributes::int(c.node, "allowzero", 0) != 0;
    let elements: usize = x.shape.iter().product();
    let wrong = || c.shapes(&format!("they do not take shape {target:?}"));
    let (mut shape, mut open) = (Vec::new(), None);
    for (i, &dim) in target.iter().enumerate() {
        shape.push(match dim {
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            0 if !zeros_stay => *x.shape.get(i).ok_or_else(wrong)?,
            size => usize::try_from(size).map_err(|_| wrong())?,
        });
    }
    let known = shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s)).ok_or_else(wrong)?;
    if let Some(i) = open {
        shape[i] = elements.checked_div(known).unwrap_or(0);
    }
    if shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s)) != Some(elements) {
        return Err(wrong());
    }
    c.step(HostOp::Reshape, 1, x.dtype, shape)
}

fn pad(c: &Context) -> Result<Vec<Step>, Fault> {
    let x = c.input(0)?;
    let mode = attributes::text(c.node, "mode");
    if !matches!(mode.as_str(), "" | "constant") || c.given(3) {
        return Err(unsupported(c.node, format!("mode `{mode}`, or axes"), "mode constant, all axes"));
    }
    let pads = c.ints(1)?.unwrap_or_else(|| attributes::raw_ints(c.node, "pads"));
    let sizes: Vec<usize> = pads.iter().filter_map(|&p| usize::try_from(p).ok()).collect();
    let rank = x.shape.len();
    if sizes.len() != 2 * rank || pads.len() != 2 * rank {
        return Err(unsupported(
            c.node,
            format!("pads are {pads:?} of shape {:?}", x.shape),
            "0 and more, two a dimension",
        ));
    }
    let fill = match (c.given(2), x.dtype.is_float()) {
        (true, _) => Source::Input(2),
        (false, true) => Source::Constant(Array::float(&[], vec![0.0])),
        (false, false) => Source::Constant(Array::int(x.dtype, &[], vec![0])),
    };
    let shape = (0..rank).map(|d| x.shape[d].saturating_add(sizes[d]).saturating_add(sizes[d + rank])).collect();
    let op = HostOp::Pad { before: sizes[..rank].to_vec() };
    Ok(vec![Step { op, inputs: vec![Source::Input(0), fill], dtype: x.dtype, shape }])
}
