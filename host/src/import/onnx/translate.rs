//! Operators of the model as operators of the host: which, with what element type and shape.

use super::model::{node_fault, unsupported};
use super::{attributes, proto, translate_linear as linear, translate_shapes as shapes};
use crate::array::Array;
use crate::graph::{Binary, Dynamic, HostOp, Unary, MAX_ELEMENTS};
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

    /// Whether input `index` is given.
    pub fn given(&self, index: usize) -> bool {
        matches!(self.inputs.get(index), Some(Some(_)))
    }

    /// Input `index` as constant integers, if it is given.
    pub fn ints(&self, index: usize) -> Result<Option<Vec<i64>>, Fault> {
        if !self.given(index) {
            return Ok(None);
        }
        let values = self.input(index)?.value.as_ref().and_then(|v| v.ints().map(<[i64]>::to_vec));
        values.map(Some).ok_or_else(|| unsupported(self.node, format!("input {index} is computed"), "a constant there"))
    }

    /// Axis `given` of `rank` dimensions, counted from the end if it is negative.
    pub fn axis(&self, given: i64, rank: usize) -> Result<usize, Fault> {
        let from_start = if given < 0 { given.saturating_add(rank as i64) } else { given };
        let axis = usize::try_from(from_start).ok().filter(|&a| a < rank);
        axis.ok_or_else(|| node_fault(self.node, format!("axis {given} of {rank} dimensions")))
    }

    /// Axes, which older models have as an attribute and newer ones as an input.
    ///
    /// # Errors
    /// They are computed.
    pub fn axes(&self, index: usize) -> Result<Option<Vec<i64>>, Fault> {
        let attribute = attributes::raw_ints(self.node, "axes");
        Ok(self.ints(index)?.or((!attribute.is_empty()).then_some(attribute)))
    }

    /// One operator that reads the first `count` inputs.
    ///
    /// # Errors
    /// None; a result as its callers have it.
    pub fn step(&self, op: HostOp, count: usize, dtype: Dtype, shape: Vec<usize>) -> Result<Vec<Step>, Fault> {
        let inputs = (0..count).map(Source::Input).collect();
        Ok(vec![Step { op, inputs, dtype, shape }])
    }

    /// A fault that names the shapes of the inputs.
    pub fn shapes(&self, why: &str) -> Fault {
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
        "Identity" | "Dropout" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Concat" | "Pad" => {
            shapes::operator(c)
        }
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
        "MatMul" => c.step(HostOp::MatMul, 2, dtype, linear::product(c, 0, 1)?),
        "MatMulInteger" => {
            let inputs = linear::zero_points(c)?;
            Ok(vec![Step { op: HostOp::MatMulInteger, inputs, dtype: Dtype::Int32, shape: linear::product(c, 0, 1)? }])
        }
        "QLinearMatMul" => c.step(HostOp::QLinearMatMul, 8, c.input(7)?.dtype, linear::product(c, 0, 3)?),
        "Gemm" => linear::gemm(c),
        "Conv" | "ConvInteger" | "QLinearConv" => linear::conv(c),
        "MaxPool" | "AveragePool" | "GlobalMaxPool" | "GlobalAveragePool" => linear::pool(c),
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
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
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
