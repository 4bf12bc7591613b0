//! Systole's host side: import a quantised network, compile it for a card, run it, and say what it cost in joules.

pub mod allocate;
pub mod array;
pub mod compile;
pub mod energy;
pub mod graph;
pub mod import;
pub mod plan;
pub mod reference;
pub mod report;
pub mod runtime;
pub mod tensor;
pub mod text;

/// The examples of the manual, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../../docs/howto.md")]
struct HowTo;
