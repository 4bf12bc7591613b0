//! Convolutions, products and pools as operators of the host.

use super::model::{node_fault, unsupported};
use super::translate::{broadcast, Context, Source, Step};
use super::{attributes, windows};
use crate::array::Array;
use crate::graph::{HostOp, HostPool, MAX_ELEMENTS};
use crate::import::error::Fault;
use crate::tensor::Dtype;

/// The shape of a matrix product of inputs `a` and `b`.
///
/// # Errors
/// They cannot be multiplied.
pub fn product(c: &Context, a: usize, b: usize) -> Result<Vec<usize>, Fault> {
    let (x, y) = (&c.input(a)?.shape, &c.input(b)?.shape);
    let (&[ref x_lead @ .., m, k], &[ref y_lead @ .., k2, n]) = (&x[..], &y[..]) else {
        return Err(unsupported(c.node, format!("shapes {x:?} and {y:?}"), "2 dimensions or more"));
    };
    let lead = broadcast(x_lead, y_lead).filter(|_| k == k2);
    let mut shape = lead.ok_or_else(|| c.shapes("they cannot be multiplied"))?;
    shape.extend([m, n]);
    Ok(shape)
}

/// Two operands and the zero point of each, 0 where one is left out.
///
/// # Errors
/// An operand is missing.
pub fn zero_points(c: &Context) -> Result<Vec<Source>, Fault> {
    let or_zero = |index: usize, of: usize| -> Result<Source, Fault> {
        Ok(match c.given(index) {
            true => Source::Input(index),
            false => Source::Constant(Array::int(c.input(of)?.dtype, &[], vec![0])),
        })
    };
    Ok(vec![Source::Input(0), Source::Input(1), or_zero(2, 0)?, or_zero(3, 1)?])
}

/// `Gemm`.
///
/// # Errors
/// No matrices, or shapes that do not fit each other.
pub fn gemm(c: &Context) -> Result<Vec<Step>, Fault> {
    let transposed = ["transA", "transB"].map(|name| attributes::int(c.node, name, 0) != 0);
    let (a, b) = (&c.input(0)?.shape, &c.input(1)?.shape);
    let (&[a0, a1], &[b0, b1]) = (&a[..], &b[..]) else { return Err(c.shapes("they are no matrices")) };
    let ((m, k), (k2, n)) =
        (if transposed[0] { (a1, a0) } else { (a0, a1) }, if transposed[1] { (b1, b0) } else { (b0, b1) });
    if k != k2 {
        return Err(c.shapes("they cannot be multiplied"));
    }
    let alpha = attributes::float(c.node, "alpha", 1.0);
    let beta = attributes::float(c.node, "beta", 1.0);
    let count = if c.given(2) { 3 } else { 2 };
    c.step(HostOp::Gemm { alpha, beta, transposed }, count, c.input(0)?.dtype, vec![m, n])
}

/// `Conv`, `ConvInteger`, `QLinearConv`.
///
/// # Errors
/// No images, or a window that does not fit.
pub fn conv(c: &Context) -> Result<Vec<Step>, Fault> {
    let quantised = c.node.op_type == "QLinearConv";
    let (x, w) = (c.input(0)?, c.input(if quantised { 3 } else { 1 })?);
    let (&[n, _, height, width], &[outputs, _, rows, columns]) = (&x.shape[..], &w.shape[..]) else {
        return Err(unsupported(c.node, format!("shapes {:?} and {:?}", x.shape, w.shape), "images: 4 dimensions"));
    };
    let groups = attributes::int(c.node, "group", 1);
    let groups = usize::try_from(groups).map_err(|_| node_fault(c.node, format!("group is {groups}")))?;
    let (window, extent) = windows::window(c.node, [height, width], [rows, columns])?;
    let shape = vec![n, outputs, extent[0], extent[1]];
    match c.node.op_type.as_str() {
        "Conv" => c.step(HostOp::Conv { window, groups }, if c.given(2) { 3 } else { 2 }, x.dtype, shape),
        "ConvInteger" => {
            let inputs = zero_points(c)?;
            Ok(vec![Step { op: HostOp::ConvInteger { window, groups }, inputs, dtype: Dtype::Int32, shape }])
        }
        _ => {
            let count = if c.given(8) { 9 } else { 8 };
            c.step(HostOp::QLinearConv { window, groups }, count, c.input(7)?.dtype, shape)
        }
    }
}

/// Pools.
///
/// # Errors
/// No images, or a window that does not fit.
pub fn pool(c: &Context) -> Result<Vec<Step>, Fault> {
    let x = c.input(0)?;
    let &[n, channels, height, width] = &x.shape[..] else {
        return Err(unsupported(c.node, format!("shape {:?}", x.shape), "images: 4 dimensions"));
    };
    let (window, extent) = match c.node.op_type.starts_with("Global") {
        true => windows::whole([height, width]),
        false => {
            let kernel = attributes::ints(c.node, "kernel_shape", [0, 0], MAX_ELEMENTS)?;
            windows::window(c.node, [height, width], kernel)?
        }
    };
    let kind = match c.node.op_type.contains("Max") {
        true => HostPool::Max,
        false => HostPool::Average { padding: attributes::int(c.node, "count_include_pad", 0) != 0 },
    };
    c.step(HostOp::Pool { kind, window }, 1, x.dtype, vec![n, channels, extent[0], extent[1]])
}
