//! The simulated card.
//!
//! [`model`] executes command streams in plain Rust, without cycles: it says what the right result is. [`rtl`] runs the
//! Verilated kernel, cycle by cycle, in a `libcard.so` that `scripts/card` builds. Both work on card memory
//! ([`memory`], regions of it). [`serial`] reaches a board over a serial line instead. [`pack`] writes containers for the simulated card, [`settings`] reads the environment.
//! [`icd`] is the OpenCL driver in front of it all.

pub mod icd;
pub mod memory;
pub mod model;
pub mod pack;
mod raw;
mod replica;
pub mod rtl;
pub mod serial;
pub mod settings;
