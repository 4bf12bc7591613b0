//! Helpers of the tests across crates.

pub mod card;
pub mod graphs;
pub mod hazards;
