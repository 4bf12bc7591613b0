//! ONNX in QDQ form, float operators between `DequantizeLinear` and `QuantizeLinear`, and in QOperator form.
//!
//! The importer walks through the nodes once and keeps for every name what it stands for ([`value::Value`]). A float
//! operator becomes a pending one; the `QuantizeLinear` behind it makes it a node of the graph, because only then its
//! integers are known. What the card does not compute and a network may have at its edges goes to the host ([`host`]);
//! a model can also be taken for the host as a whole ([`for_host`]).

mod attributes;
mod build;
mod conv;
mod elementwise;
mod evaluate;
mod host;
mod model;
mod operators;
mod pool;
pub mod proto;
mod quantise;
mod settle;
mod shape;
mod tensor;
mod translate;
mod translate_linear;
mod translate_shapes;
mod value;
mod windows;

use super::error::Fault;
use crate::array::Array;
use crate::graph::Graph;
use std::collections::HashMap;

/// Reads an ONNX model from the bytes of its file; `stem` becomes its name.
///
/// # Errors
/// The file is no ONNX model, is damaged, or holds what is not supported.
pub fn from_bytes(file: &[u8], stem: &str) -> Result<Graph, Fault> {
    build::Builder::run(model::Model::parse(file)?, stem)
}

/// Reads an ONNX model as operators of the host alone, of any element type and shape. `given` are constants for inputs
/// of the model, by name.
///
/// # Errors
/// The file is no ONNX model, is damaged, or holds an operator that the host does not compute.
pub fn for_host(file: &[u8], given: &HashMap<String, Array>, stem: &str) -> Result<Graph, Fault> {
    let graph = evaluate::run(model::Model::parse(file)?, given, stem)?;
    graph.check().map_err(Fault::File)?;
    Ok(graph)
}

/// Reads a tensor message, such as the ones that the standard's tests come with: its name and its elements.
///
/// # Errors
/// It is no tensor, or of a type that import does not read.
pub fn tensor_from_bytes(file: &[u8]) -> Result<(String, Array), Fault> {
    let message: proto::Tensor =
        prost::Message::decode(file).map_err(|_| Fault::File("not a tensor of ONNX".into()))?;
    let array = tensor::Constant::read(&message)?.array();
    Ok((message.name, array))
}
