//! A model as operators of the host alone: whatever its types and shapes are, without the card.

use super::model::Model;
use super::proto;
use super::tensor::Constant;
use super::translate::{translate, Operand, Source};
use super::{attributes, model};
use crate::array::Array;
use crate::graph::{Graph, Node, Op, Port, Tensor, TensorId, MAX_ELEMENTS};
use crate::import::error::{short, Fault};
use crate::tensor::{Dtype, Order, Rounding, TensorInfo};
use std::collections::HashMap;

/// Turns every node into operators of the host. `given` are constants for inputs of the model, by name: an operator
/// whose output's shape depends on an input needs it.
///
/// # Errors
/// The first node that the host does not compute.
pub fn run(model: Model, given: &HashMap<String, Array>, stem: &str) -> Result<Graph, Fault> {
    let mut tensors: Vec<Tensor> = Vec::new();
    let mut names: HashMap<String, TensorId> = HashMap::new();
    let add = |tensors: &mut Vec<Tensor>, tensor: Tensor| {
        tensors.push(tensor);
        tensors.len() - 1
    };
    for (name, constant) in &model.constants {
        let id = add(&mut tensors, Tensor::constant(name, constant.array()));
        names.insert(name.clone(), id);
    }
    let mut inputs = Vec::new();
    for info in &model.inputs {
        let tensor = match given.get(&info.name) {
            Some(value) => Tensor::constant(&info.name, value.clone()),
            None => input(info)?,
        };
        let constant = tensor.value().is_some();
        let id = add(&mut tensors, tensor);
        names.insert(info.name.clone(), id);
        if !constant {
            inputs.push(port(&tensors, id));
        }
    }
    let mut nodes = Vec::new();
    for node in &model.nodes {
        if node.op_type == "Constant" {
            let tensor = attributes::tensor(node, "value");
            let tensor = tensor.ok_or_else(|| model::unsupported(node, "it holds no tensor", "attribute `value`"))?;
            let id = add(&mut tensors, Tensor::constant(&node.output[0], Constant::read(tensor)?.array()));
            names.insert(node.output[0].clone(), id);
            continue;
        }
        let ids: Vec<Option<TensorId>> = node.input.iter().map(|name| names.get(name).copied()).collect();
        let operand = |id: TensorId| {
            let t = &tensors[id];
            Operand { dtype: t.dtype(), shape: t.shape(), value: t.value().cloned() }
        };
        let operands: Vec<Option<Operand>> = ids.iter().map(|id| id.map(operand)).collect();
        for (step, name) in translate(node, &operands)?.into_iter().zip(&node.output) {
            let mut from = Vec::new();
            for source in step.inputs {
                from.push(match source {
                    Source::Input(i) => ids
                        .get(i)
                        .copied()
                        .flatten()
                        .ok_or_else(|| model::node_fault(node, format!("input {i} is missing")))?,
                    Source::Constant(value) => add(&mut tensors, Tensor::constant("", value)),
                });
            }
            let output = add(&mut tensors, Tensor::host(name, step.dtype, &step.shape));
            names.insert(name.clone(), output);
            let (name, label) = (model::name_of(node), node.op_type.clone());
            nodes.push(Node { name, label, inputs: from, output, op: Op::Host(step.op) });
        }
    }
    let mut outputs = Vec::new();
    for info in &model.outputs {
        let id = names.get(&info.name);
        let id = id.ok_or_else(|| Fault::File(format!("output `{}` is computed by no node", short(&info.name))))?;
        outputs.push(port(&tensors, *id));
    }
    Ok(Graph { name: stem.to_string(), tensors, nodes, inputs, outputs })
}

/// An input of the model; dimensions without a size count as 1.
fn input(info: &proto::ValueInfo) -> Result<Tensor, Fault> {
    let fault = |what: String| Fault::File(format!("input `{}` {what}", short(&info.name)));
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| fault("is no tensor".into()))?;
    let dtype = proto::dtype(tensor.elem_type).ok_or_else(|| {
        let found = proto::type_name(tensor.elem_type);
        fault(format!("has element type {found}; supported: float32, float16, bool, integers of 2 to 64 bits"))
    })?;
    let mut shape = Vec::new();
    for dim in tensor.shape.iter().flat_map(|s| &s.dim) {
        let size = dim.dim_value.unwrap_or(1);
        shape.push(usize::try_from(size).map_err(|_| fault(format!("has a dimension {size}")))?);
    }
    match shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s)) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(Tensor::host(&info.name, dtype, &shape)),
        _ => Err(fault(format!("has shape {shape:?}: more than {MAX_ELEMENTS} elements"))),
    }
}

/// A tensor of the host as an input or output of the model.
pub fn port(tensors: &[Tensor], id: TensorId) -> Port {
    let tensor = &tensors[id];
    let (dtype, shape): (Dtype, Vec<usize>) = (tensor.dtype(), tensor.shape());
    let info = TensorInfo {
        name: tensor.name.clone(),
        shape,
        dtype,
        order: Order::ChannelsLast,
        hwc: tensor.hwc,
        scale: 1.0,
        zero_point: 0,
        rounding: Rounding::TiesToEven,
    };
    (id, info)
}
