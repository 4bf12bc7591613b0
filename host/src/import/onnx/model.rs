//! A model file as import walks through it: nodes in an order in which each reads only what came before, constants by
//! name, and for every name how many nodes read it.

use super::proto;
use super::tensor::Constant;
use crate::import::error::{short, Fault};
use prost::Message;
use std::collections::{HashMap, HashSet};

/// Least and greatest version of the standard operators that import knows.
const OPSETS: std::ops::RangeInclusive<i64> = 10..=25;

/// A parsed and sorted model.
#[derive(Debug)]
pub struct Model {
    /// Nodes that the output depends on, sorted.
    pub nodes: Vec<proto::Node>,
    /// Constants by name.
    pub constants: HashMap<String, Constant>,
    /// The inputs.
    pub inputs: Vec<proto::ValueInfo>,
    /// The outputs.
    pub outputs: Vec<proto::ValueInfo>,
    /// How many nodes read a name.
    pub readers: HashMap<String, usize>,
}

impl Model {
    /// Parses the bytes of an ONNX file.
    ///
    /// # Errors
    /// It is no ONNX file, a truncated one, or its graph is not sound.
    pub fn parse(file: &[u8]) -> Result<Self, Fault> {
        let fault = |what: String| Fault::File(what);
        if file.is_empty() {
            return Err(fault("the file is empty; give an ONNX model".into()));
        }
        let model = proto::Model::decode(file).map_err(|_| {
            fault(format!("not an ONNX model, or a truncated one ({} bytes); give a whole .onnx file", file.len()))
        })?;
        let Some(graph) = model.graph else {
            return Err(fault("not an ONNX model: it has no graph; give an .onnx file".into()));
        };
        let standard = |s: &&proto::OperatorSet| s.domain.is_empty() || s.domain == "ai.onnx";
        match model.opset_import.iter().find(standard).map(|s| s.version) {
            Some(version) if OPSETS.contains(&version) => {}
            Some(version) => {
                return Err(fault(format!(
                    "operator set {version}; supported: {} to {}; export the model again",
                    OPSETS.start(),
                    OPSETS.end()
                )))
            }
            None => return Err(fault("not an ONNX model: it names no operator set; give an .onnx file".into())),
        }
        let names: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs: Vec<_> = graph.input.iter().filter(|i| !names.contains(i.name.as_str())).cloned().collect();
        let outputs = graph.output.clone();
        let sorted = sort(&graph.node, &names, &inputs)?;
        let nodes = needed(sorted, &outputs);
        let mut readers = HashMap::new();
        for name in nodes.iter().flat_map(|n| &n.input).chain(outputs.iter().map(|o| &o.name)) {
            *readers.entry(name.clone()).or_insert(0) += 1;
        }
        if nodes.is_empty() {
            let names: Vec<_> = outputs.iter().map(|o| format!("`{}`", short(&o.name))).collect();
            return Err(fault(format!("no node computes the output {}; export the model again", names.join(", "))));
        }
        // Only what is needed is read: a constant of an odd type that nothing uses is no reason to refuse a model.
        let mut constants = HashMap::new();
        for tensor in graph.initializer.iter().filter(|t| readers.contains_key(&t.name)) {
            constants.insert(tensor.name.clone(), Constant::read(tensor)?);
        }
        Ok(Self { nodes, constants, inputs, outputs, readers })
    }
}

/// The only one of the inputs or outputs.
///
/// # Errors
/// There are more, or none.
pub fn single<'a>(values: &'a [proto::ValueInfo], what: &str) -> Result<&'a proto::ValueInfo, Fault> {
    match values {
        [value] => Ok(value),
        _ => Err(Fault::File(format!("the model has {} {what}s; supported: models with one {what}", values.len()))),
    }
}

/// Nodes so that each reads only constants, the input and outputs of nodes before it. Files should be sorted already;
/// what cannot be sorted has a cycle or reads what nothing writes.
fn sort(
    nodes: &[proto::Node],
    constants: &HashSet<&str>,
    inputs: &[proto::ValueInfo],
) -> Result<Vec<proto::Node>, Fault> {
    let given: HashSet<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
    let mut writer: HashMap<&str, usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            let taken = constants.contains(output.as_str()) || given.contains(output.as_str());
            if writer.insert(output, i).is_some() || taken {
                return Err(node_fault(node, format!("its output `{}` is written twice", short(output))));
            }
        }
    }
    let mut waits = vec![0; nodes.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for name in node.input.iter().filter(|n| !n.is_empty()) {
            if let Some(&w) = writer.get(name.as_str()) {
                waits[i] += 1;
                after[w].push(i);
            } else if !constants.contains(name.as_str()) && !given.contains(name.as_str()) {
                return Err(node_fault(node, format!("its input `{}` is written by nothing", short(name))));
            }
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len()).rev().filter(|&i| waits[i] == 0).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(i) = ready.pop() {
        sorted.push(nodes[i].clone());
        for &next in after[i].iter().rev() {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.push(next);
            }
        }
    }
    match (0..nodes.len()).find(|&i| waits[i] > 0) {
        Some(i) => Err(node_fault(&nodes[i], "it is part of a cycle or depends on one; export the model again".into())),
        None => Ok(sorted),
    }
}

/// The nodes that the outputs depend on, in their order.
fn needed(sorted: Vec<proto::Node>, outputs: &[proto::ValueInfo]) -> Vec<proto::Node> {
    let mut names: HashSet<String> = outputs.iter().map(|o| o.name.clone()).collect();
    let mut kept: Vec<proto::Node> = Vec::new();
    for node in sorted.into_iter().rev() {
        if node.output.iter().any(|o| names.contains(o)) {
            names.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}

/// A node's name, or that of its output where it has none.
pub fn name_of(node: &proto::Node) -> String {
    match node.name.is_empty() {
        false => node.name.clone(),
        true => node.output.first().cloned().unwrap_or_default(),
    }
}

/// A fault of a node.
pub fn node_fault(node: &proto::Node, why: String) -> Fault {
    Fault::Node { node: name_of(node), op: node.op_type.clone(), why }
}

/// A node that is sound but not supported.
pub fn unsupported(node: &proto::Node, why: impl Into<String>, supported: impl Into<String>) -> Fault {
    Fault::Unsupported { node: name_of(node), op: node.op_type.clone(), why: why.into(), supported: supported.into() }
}
