//! Constants with a width, for use in kernels: a bare literal has 32 bits in Verilog and none in Rust.

use rust_hdl_core::prelude::*;

/// A constant of N bits.
pub fn literal<const N: usize>(value: u32) -> Constant<Bits<N>> {
    Constant::new(value.to_bits())
}

/// The number of a command operation (see `systole_isa::command`).
pub fn op(number: u8) -> Constant<Bits<8>> {
    Constant::new(number.to_bits())
}
