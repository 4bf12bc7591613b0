//! ONNX in QDQ form: float operators between `DequantizeLinear` and `QuantizeLinear`.
//!
//! The importer walks through the nodes once and keeps for every name what it stands for ([`value::Value`]). A float
//! operator becomes a pending one; the `QuantizeLinear` behind it makes it a node of the graph, because only then its
//! integers are known.

mod attributes;
mod build;
mod conv;
mod model;
mod pool;
pub mod proto;
mod quantise;
mod shape;
mod tensor;
mod value;

use super::error::Fault;
use crate::graph::Graph;

/// Reads an ONNX model from the bytes of its file; `stem` becomes its name.
///
/// # Errors
/// The file is no ONNX model, is damaged, or holds what is not supported.
pub fn from_bytes(file: &[u8], stem: &str) -> Result<Graph, Fault> {
    build::Builder::run(model::Model::parse(file)?, stem)
}
