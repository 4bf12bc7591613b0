//! Import of model files into the quantised graph. A folder for each format.

mod error;
mod fold;
mod numbers;
pub mod onnx;
mod tflite;
mod whole;

use crate::graph::Graph;
pub use error::{Fault, ImportError};
use std::path::Path;

/// Reads a model file. Its format is told by its content.
///
/// # Errors
/// The file cannot be read, is no model, is damaged, or holds what is not supported; the message names the node.
pub fn read(path: &Path) -> Result<Graph, ImportError> {
    let name = path.display().to_string();
    let file = std::fs::read(path).map_err(|source| ImportError::Io { path: name.clone(), source })?;
    let stem = path.file_stem().map_or_else(|| "model".into(), |s| s.to_string_lossy().into_owned());
    from_bytes(&file, &stem).map_err(|fault| ImportError::Model { path: name, fault })
}

/// Reads a model from the bytes of its file; `stem` becomes its name.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(file: &[u8], stem: &str) -> Result<Graph, Fault> {
    // A TFLite file has its identifier behind the first offset of the flatbuffer.
    let mut graph = match file.get(4..8) == Some(b"TFL3") {
        true => tflite::from_bytes(file, stem)?,
        false => onnx::from_bytes(file, stem)?,
    };
    // Names go into tables and messages: none may break a line.
    graph.tensors.iter_mut().for_each(|t| t.name = error::clean(&t.name));
    graph.nodes.iter_mut().for_each(|n| (n.name, n.label) = (error::clean(&n.name), error::clean(&n.label)));
    graph.inputs.iter_mut().chain(&mut graph.outputs).for_each(|(_, info)| info.name = error::clean(&info.name));
    let graph = whole::split(graph);
    graph.check().map_err(Fault::File)?;
    let graph = fold::fold(graph);
    graph.check().map_err(Fault::File)?;
    Ok(graph)
}
