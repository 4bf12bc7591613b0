//! TFLite: a FlatBuffer of integer operators with the quantisation of every tensor.
//!
//! The buffer is verified as a whole before anything in it is looked at. Tensors are channels last, as on the card, so
//! import has little to turn round: it computes the integers of each operator as TFLite's reference kernels do and
//! folds away what only changes shapes.

mod build;
mod conv;
mod elementwise;
mod host;
mod model;
mod numbers;
mod pool;
mod shape;

use super::error::Fault;
use crate::graph::Graph;

/// Reads a TFLite model from the bytes of its file; `stem` becomes its name.
///
/// # Errors
/// The file is no TFLite model, is damaged, or holds what is not supported.
pub fn from_bytes(file: &[u8], stem: &str) -> Result<Graph, Fault> {
    let model = model::Model::parse(file)?;
    build::Builder::run(&model, stem)
}
