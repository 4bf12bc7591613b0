//! Everything `unsafe` of this crate: the C interface of a Verilated card.

pub mod rtl;
