//! Everything `unsafe` of this crate: the C interface of a Verilated card ([`rtl`]), the memory of OpenCL callers
//! ([`pointers`]) and the driver's entry ([`table`]).

pub mod pointers;
pub mod rtl;
pub mod table;
