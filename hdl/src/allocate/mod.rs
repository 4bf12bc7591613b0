//! The allocator `systole_allocate`: a min-plus filter past which the rows of a dynamic program slide.
//!
//! [`lane`] adds and compares, [`chain`] lines lanes up, [`rows`] holds the two rows and sends them, [`tail`] takes what
//! comes out. [`header`] reads the sizes of a problem, [`table`] streams the costs into the lanes, [`conduct`] starts
//! passes and phases, [`trace`] walks back through the decisions that [`pack`] and [`sink`] wrote to card memory, and
//! [`record`] writes answer and counters. [`kernel`] joins them with the AXI modules of `systole_infer`.
//!
//! A cell is 33 bits: an unsigned sum of 32 and, above it, a bit that says that no allocation leads here. So cells
//! compare as numbers: a finite sum, then overflow ([`OVERFLOW`]), then infeasible ([`INFEASIBLE`]).

pub mod chain;
pub mod conduct;
pub mod header;
pub mod kernel;
pub mod lane;
pub mod pack;
pub mod record;
pub mod rows;
pub mod sink;
pub mod table;
pub mod tail;
pub mod trace;

/// Cell of a sum that does not fit.
pub const OVERFLOW: u64 = u32::MAX as u64;
/// Cell that no allocation leads to.
pub const INFEASIBLE: u64 = (1 << 33) - 1;
