//! Where a network leaves the card: operators that the host computes, on values as the model has them.

use super::build::Builder;
use super::model::{name_of, node_fault, unsupported};
use super::proto;
use super::translate::{translate, Operand, Source};
use super::value::{Activation, Quant, Value};
use crate::graph::{HostOp, Node, Op, Tensor, TensorId};
use crate::import::error::Fault;
use crate::tensor::{Dtype, Order};

/// Operators that may leave the card: they are no work that a card is bought for.
const EDGE: [&str; 15] = [
    "Softmax",
    "ArgMax",
    "Transpose",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Cast",
    "Sigmoid",
    "Tanh",
    "Mul",
    "Sub",
    "Div",
    "Concat",
    "Identity",
];

/// Whether the host may compute this node in a network for a card: if so, why the card does not is no error.
pub fn may(node: &proto::Node) -> bool {
    EDGE.contains(&node.op_type.as_str())
}

/// Computes a node on the host.
///
/// # Errors
/// The host does not know the operator, or an input is none that it can see.
pub fn run(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let mut ids = Vec::new();
    for index in 0..node.input.len() {
        ids.push(match b.optional(node, index) {
            None => None,
            Some(value) => Some(tensor(b, node, &value)?),
        });
    }
    let operand = |id: TensorId| {
        let t = &b.tensors[id];
        Operand { dtype: t.dtype(), shape: t.shape(), value: t.value().cloned() }
    };
    let operands: Vec<Option<Operand>> = ids.iter().map(|id| id.map(operand)).collect();
    let mut steps = translate(node, &operands)?;
    let (Some(step), true) = (steps.pop(), steps.is_empty()) else {
        return Err(unsupported(node, "it has several outputs", "one"));
    };
    let mut inputs = Vec::new();
    for source in step.inputs {
        inputs.push(match source {
            Source::Input(i) => {
                ids.get(i).copied().flatten().ok_or_else(|| node_fault(node, format!("input {i} is missing")))?
            }
            Source::Constant(value) => b.add(Tensor::constant("", value)),
        });
    }
    let name = node.output.first().cloned().unwrap_or_default();
    Ok(Value::Host(push(b, node, inputs, Tensor::host(&name, step.dtype, &step.shape), step.op)))
}

fn push(b: &mut Builder, node: &proto::Node, inputs: Vec<TensorId>, to: Tensor, op: HostOp) -> TensorId {
    let output = b.add(to);
    b.nodes.push(Node { name: name_of(node), label: node.op_type.clone(), inputs, output, op: Op::Host(op) });
    output
}

/// A value as a tensor of the host, in the model's shape and type.
fn tensor(b: &mut Builder, node: &proto::Node, value: &Value) -> Result<TensorId, Fault> {
    match value {
        Value::Host(id) => Ok(*id),
        Value::Constant(constant) => Ok(b.add(Tensor::constant("", constant.array()))),
        Value::Quantised(a) => {
            let id = from_card(b, node, a);
            if !a.unsigned {
                return Ok(id);
            }
            let to = Tensor::host(&name_of(node), Dtype::Uint8, &b.tensors[id].shape());
            Ok(push(b, node, vec![id], to, HostOp::Sign))
        }
        Value::Real(a) => {
            let quant = a.quant.ok_or_else(|| node_fault(node, "the quantisation of its input is not known".into()))?;
            let id = from_card(b, node, a);
            let to = Tensor::host(&name_of(node), Dtype::Float32, &b.tensors[id].shape());
            Ok(push(b, node, vec![id], to, HostOp::Dequantise(quant)))
        }
        Value::FloatInput(_) => Err(unsupported(
            node,
            "it stands before the first QuantizeLinear",
            "models whose input a QuantizeLinear reads, or of bytes",
        )),
        Value::Weights(_) => Err(unsupported(node, "an input is a quantised constant", "constants as they are")),
        Value::Pending(p) => Err(unsupported(
            node,
            format!("nothing quantises what node `{}` ({}) gives it", crate::import::error::short(&p.name), p.label),
            super::quantise::QDQ,
        )),
    }
}

/// An activation of the card in the model's shape, batch in front: its bytes as they are.
fn from_card(b: &mut Builder, node: &proto::Node, a: &Activation) -> TensorId {
    let [h, w, c] = a.hwc;
    let mut shape = vec![1];
    shape.extend(&a.shape);
    let mut id = a.tensor;
    if a.order == Order::ChannelsFirst && h * w > 1 && c > 1 {
        let to = Tensor::host(&name_of(node), Dtype::Int8, &[1, c, h, w]);
        id = push(b, node, vec![id], to, HostOp::Transpose { perm: vec![0, 3, 1, 2] });
    }
    if b.tensors[id].shape() != shape {
        let to = Tensor::host(&name_of(node), Dtype::Int8, &shape);
        id = push(b, node, vec![id], to, HostOp::Reshape);
    }
    id
}

/// Reals of the host, quantised: from here on the card can take them.
///
/// # Errors
/// A shape that no card has.
pub fn quantise(
    b: &mut Builder,
    node: &proto::Node,
    id: TensorId,
    quant: Quant,
    unsigned: bool,
) -> Result<Value, Fault> {
    let shape = b.tensors[id].shape();
    if !b.tensors[id].dtype().is_float() {
        return Err(node_fault(node, "its input is no float".into()));
    }
    let (hwc, perm) = match shape[..] {
        [1, c, h, w] if c > 1 && h * w > 1 => ([h, w, c], Some(vec![0, 2, 3, 1])),
        [1, c, h, w] => ([h, w, c], None),
        [1, c] => ([1, 1, c], None),
        _ => {
            let why = format!("reals of shape {shape:?}");
            return Err(unsupported(node, why, "a batch of 1 and images or lines behind it"));
        }
    };
    let quantised = match &perm {
        None => Tensor::card(&name_of(node), hwc),
        Some(_) => Tensor::host(&name_of(node), Dtype::Int8, &shape),
    };
    let mut tensor = push(b, node, vec![id], quantised, HostOp::Quantise(quant));
    if let Some(perm) = perm {
        tensor = push(b, node, vec![tensor], Tensor::card(&name_of(node), hwc), HostOp::Transpose { perm });
    }
    Ok(Value::Quantised(Activation {
        tensor,
        hwc,
        shape: shape[1..].to_vec(),
        order: Order::ChannelsFirst,
        unsigned,
        quant: Some(quant),
        open: false,
    }))
}
