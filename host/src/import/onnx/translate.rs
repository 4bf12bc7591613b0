//! Operators of the model as operators of the host: which, with what element type and shape.

use super::model::{node_fault, unsupported};
use super::{attributes, proto, windows};
use crate::array::Array;
use crate::graph::{Binary, Dynamic, HostOp, HostPool, Unary, MAX_ELEMENTS};
use crate::import::error::Fault;
use crate::tensor::Dtype;

/// Operators that the host computes, for messages.
pub const SUPPORTED: &str = "Add, ArgMax, AveragePool, Cast, Clip, Concat, Conv, ConvInteger, DequantizeLinear, Div, \
                             DynamicQuantizeLinear, Flatten, Gemm, GlobalAveragePool, GlobalMaxPool, Identity, MatMul, \
                             MatMulInteger, Max, MaxPool, Min, Mul, Pad, QLinearConv, QLinearMatMul, QuantizeLinear, \
                             ReduceMax, ReduceMin, Relu, Reshape, Round, Sigmoid, Softmax, Squeeze, Sub, Tanh, \
                             Transpose, Unsqueeze";

/// An input of a node, as the host has it.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Element type.
    pub dtype: Dtype,
    /// Shape, batch included.
    pub shape: Vec<usize>,
    /// Its elements, if they are constant.
    pub value: Option<Array>,
}

/// Where an operator of the host gets an input from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Input of the node with this index.
    Input(usize),
    /// A constant that stands for an input left out.
    Constant(Array),
}

/// An operator of the host: what computes one output of a node.
#[derive(Clone, Debug)]
pub struct Step {
    /// The operator.
    pub op: HostOp,
    /// Its inputs.
    pub inputs: Vec<Source>,
    /// Element type of its output.
    pub dtype: Dtype,
    /// Shape of its output.
    pub shape: Vec<usize>,
}

/// What the operators of a node need to know of it.
pub struct Context<'a> {
    /// The node.
    pub node: &'a proto::Node,
    /// Its inputs; `None` for those left out.
    pub inputs: &'a [Option<Operand>],
}

impl Context<'_> {
    /// Input `index`.
    pub fn input(&self, index: usize) -> Result<&Operand, Fault> {
        let found = self.inputs.get(index).and_then(Option::as_ref);
        found.ok_or_else(|| node_fault(self.node, format!("input {index} is missing")))
    }

    fn given(&self, index: usize) -> bool {
        matches!(self.inputs.get(index), Some(Some(_)))
    }

    /// Input `index` as constant integers, if it is given.
    fn ints(&self, index: usize) -> Result<Option<Vec<i64>>, Fault> {
        if !self.given(index) {
            return Ok(None);
        }
        let values = self.input(index)?.value.as_ref().and_then(|v| v.ints().map(<[i64]>::to_vec));
        values.map(Some).ok_or_else(|| unsupported(self.node, format!("input {index} is computed"), "a constant there"))
    }

    /// Axis `given` of `rank` dimensions, counted from the end if it is negative.
    fn axis(&self, given: i64, rank: usize) -> Result<usize, Fault> {
        let from_start = if given < 0 { given.saturating_add(rank as i64) } else { given };
        let axis = usize::try_from(from_start).ok().filter(|&a| a < rank);
        axis.ok_or_else(|| node_fault(self.node, format!("axis {given} of {rank} dimensions")))
    }

    fn axes(&self, index: usize) -> Result<Option<Vec<i64>>, Fault> {
        let attribute = attributes::raw_ints(self.node, "axes");
        Ok(self.ints(index)?.or((!attribute.is_empty()).then_some(attribute)))
    }

    fn step(&self, op: HostOp, count: usize, dtype: Dtype, shape: Vec<usize>) -> Result<Vec<Step>, Fault> {
        let inputs = (0..count).map(Source::Input).collect();
        Ok(vec![Step { op, inputs, dtype, shape }])
    }

    fn shapes(&self, why: &str) -> Fault {
        let shapes: Vec<_> = self.inputs.iter().flatten().map(|i| &i.shape).collect();
        node_fault(self.node, format!("{why} (inputs of shapes {shapes:?})"))
    }
}

/// The operators of the host that compute a node's outputs, in their order.
///
/// # Errors
/// An operator that the host does not have, or inputs that do not fit it.
pub fn translate(node: &proto::Node, inputs: &[Option<Operand>]) -> Result<Vec<Step>, Fault> {
    let c = Context { node, inputs };
    let steps = operator(&c)?;
    for step in &steps {
        let elements = step.shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s));
        if elements.is_none_or(|e| e > MAX_ELEMENTS) {
            return Err(node_fault(
                node,
                format!("its output of shape {:?} has more than {MAX_ELEMENTS} elements", step.shape),
            ));
        }
    }
    if node.output.iter().skip(steps.len()).any(|o| !o.is_empty()) {
        return Err(unsupported(node, format!("it has {} outputs", node.output.len()), steps.len().to_string()));
    }
    Ok(steps)
}

fn operator(c: &Context) -> Result<Vec<Step>, Fault> {
    let node = c.node;
    let x = c.input(0)?;
    let (dtype, shape, rank) = (x.dtype, x.shape.clone(), x.shape.len());
    let int = |name: &str, default: i64| attributes::int(node, name, default);
    let last = if rank == 0 { 0 } else { rank - 1 };
    match node.op_type.as_str() {
        "Add" => binary(c, Binary::Add),
        "Sub" => binary(c, Binary::Sub),
        "Mul" => binary(c, Binary::Mul),
        "Div" => binary(c, Binary::Div),
        "Min" => binary(c, Binary::Min),
        "Max" => binary(c, Binary::Max),
        "Relu" => c.step(HostOp::Unary(Unary::Relu), 1, dtype, shape),
        "Round" => c.step(HostOp::Unary(Unary::Round), 1, dtype, shape),
        "Sigmoid" => c.step(HostOp::Unary(Unary::Sigmoid), 1, dtype, shape),
        "Tanh" => c.step(HostOp::Unary(Unary::Tanh), 1, dtype, shape),
        "Clip" => clip(c),
        "Cast" => {
            let to = int("to", 0) as i32;
            let to = proto::dtype(to).ok_or_else(|| {
                unsupported(node, format!("it casts to {}", proto::type_name(to)), "floats and integers")
            })?;
            c.step(HostOp::Cast(to), 1, to, shape)
        }
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
        "Pad" => pad(c),
        "Softmax" => c.step(HostOp::Softmax { axis: c.axis(int("axis", -1), rank)? }, 1, dtype, shape),
        "ArgMax" => {
            let axis = c.axis(int("axis", 0), rank)?;
            let (keep, last) = (int("keepdims", 1) != 0, int("select_last_index", 0) != 0);
            let mut to = shape;
            match keep {
                true => to[axis] = 1,
                false => {
                    to.remove(axis);
                }
            }
            c.step(HostOp::ArgMax { axis, keep, last }, 1, Dtype::Int64, to)
        }
        "ReduceMin" | "ReduceMax" => {
            let axes = match c.axes(1)? {
                Some(axes) => axes.iter().map(|&a| c.axis(a, rank)).collect::<Result<Vec<_>, _>>()?,
                None => (0..rank).collect(),
            };
            let keep = int("keepdims", 1) != 0;
            let to = (0..rank).filter(|d| keep || !axes.contains(d));
            let to = to.map(|d| if axes.contains(&d) { 1 } else { shape[d] }).collect();
            c.step(HostOp::Reduce { max: node.op_type == "ReduceMax", axes }, 1, dtype, to)
        }
        "QuantizeLinear" => {
            let to = match (c.inputs.get(2).and_then(Option::as_ref), int("output_dtype", 0)) {
                (Some(zero_point), _) => zero_point.dtype,
                (None, 0) => Dtype::Uint8,
                (None, given) => proto::dtype(given as i32).ok_or_else(|| {
                    unsupported(
                        node,
                        format!("it gives {}", proto::type_name(given as i32)),
                        "integers of 2 to 16 bits",
                    )
                })?,
            };
            let (axis, block) = blocks(c, last)?;
            let count = if c.given(2) { 3 } else { 2 };
            c.step(HostOp::QuantizeLinear { axis, block }, count, to, shape)
        }
        "DequantizeLinear" => {
            let (axis, block) = blocks(c, last)?;
            let count = if c.given(2) { 3 } else { 2 };
            c.step(HostOp::DequantizeLinear { axis, block }, count, c.input(1)?.dtype, shape)
        }
        "DynamicQuantizeLinear" => {
            let part = |part, dtype, shape| Step {
                op: HostOp::DynamicQuantize(part),
                inputs: vec![Source::Input(0)],
                dtype,
                shape,
            };
            Ok(vec![
                part(Dynamic::Values, Dtype::Uint8, shape),
                part(Dynamic::Scale, Dtype::Float32, vec![]),
                part(Dynamic::ZeroPoint, Dtype::Uint8, vec![]),
            ])
        }
        "MatMul" => c.step(HostOp::MatMul, 2, dtype, product(c, 0, 1)?),
        "MatMulInteger" => {
            let inputs = zero_points(c)?;
            Ok(vec![Step { op: HostOp::MatMulInteger, inputs, dtype: Dtype::Int32, shape: product(c, 0, 1)? }])
        }
        "QLinearMatMul" => c.step(HostOp::QLinearMatMul, 8, c.input(7)?.dtype, product(c, 0, 3)?),
        "Gemm" => gemm(c),
        "Conv" | "ConvInteger" | "QLinearConv" => conv(c),
        "MaxPool" | "AveragePool" | "GlobalMaxPool" | "GlobalAveragePool" => pool(c),
        _ => Err(unsupported(node, "unknown operator", SUPPORTED)),
    }
}

fn binary(c: &Context, op: Binary) -> Result<Vec<Step>, Fault> {
    let (a, b) = (c.input(0)?, c.input(1)?);
    if c.node.input.len() != 2 {
        return Err(unsupported(c.node, format!("it has {} inputs", c.node.input.len()), "2"));
    }
    if a.dtype != b.dtype {
        return Err(node_fault(c.node, format!("inputs of types {} and {}", a.dtype.name(), b.dtype.name())));
    }
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| c.shapes("they cannot be broadcast to each other"))?;
    c.step(HostOp::Binary(op), 2, a.dtype, shape)
}

/// The shape that both are broadcast to.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], d: usize| (d + s.len()).checked_sub(rank).map_or(1, |d| s[d]);
    let pair = |d| match (at(a, d), at(b, d)) {
        (x, y) if x == y || y == 1 => Some(x),
        (1, y) => Some(y),
        _ => None,
    };
    (0..rank).map(pair).collect()
}

/// `Clip`: bounds left out are the type's own.
fn clip(c: &Context) -> Result<Vec<Step>, Fault> {
    let x = c.input(0)?;
    let range = x.dtype.range();
    let bound = |index: usize, name: &str, open: f32, end: fn((i64, i64)) -> i64| {
        if c.given(index) {
            return Source::Input(index);
        }
        Source::Constant(match range {
            Some(range) => Array::int(x.dtype, &[], vec![end(range)]),
            None => Array::float(&[], vec![attributes::some_float(c.node, name).unwrap_or(open)]),
        })
    };
    let low = bound(1, "min", f32::NEG_INFINITY, |r| r.0);
    let high = bound(2, "max", f32::INFINITY, |r| r.1);
    let inputs = vec![Source::Input(0), low, high];
    Ok(vec![Step { op: HostOp::Clip, inputs, dtype: x.dtype, shape: x.shape.clone() }])
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

/// Axis and block size of scales.
fn blocks(c: &Context, last: usize) -> Result<(usize, usize), Fault> {
    let block = attributes::int(c.node, "block_size", 0);
    let block = usize::try_from(block).map_err(|_| node_fault(c.node, format!("block_size is {block}")))?;
    let one = c.input(1)?.shape.iter().product::<usize>() == 1;
    let rank = c.input(0)?.shape.len();
    // A single scale has no axis, and the default one need not be there.
    let axis = if one { last } else { c.axis(attributes::int(c.node, "axis", 1), rank)? };
    Ok((axis, if one { 0 } else { block }))
}

/// The shape of a matrix product of inputs `a` and `b`.
fn product(c: &Context, a: usize, b: usize) -> Result<Vec<usize>, Fault> {
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
fn zero_points(c: &Context) -> Result<Vec<Source>, Fault> {
    let or_zero = |index: usize, of: usize| -> Result<Source, Fault> {
        Ok(match c.given(index) {
            true => Source::Input(index),
            false => Source::Constant(Array::int(c.input(of)?.dtype, &[], vec![0])),
        })
    };
    Ok(vec![Source::Input(0), Source::Input(1), or_zero(2, 0)?, or_zero(3, 1)?])
}

fn gemm(c: &Context) -> Result<Vec<Step>, Fault> {
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

fn conv(c: &Context) -> Result<Vec<Step>, Fault> {
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

fn pool(c: &Context) -> Result<Vec<Step>, Fault> {
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
