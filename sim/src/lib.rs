//! The simulated card.
//!
//! [`model`] executes command streams in plain Rust, without cycles: it says what the right result is. It works on any
//! [`memory::CardMemory`].

pub mod memory;
pub mod model;
