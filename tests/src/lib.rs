//! Helpers of the tests across crates.

pub mod board;
pub mod card;
pub mod command;
pub mod conformance;
pub mod damaged;
pub mod data;
pub mod graphs;
pub mod hazards;
pub mod onnx;
pub mod stream;
pub mod zoo;
