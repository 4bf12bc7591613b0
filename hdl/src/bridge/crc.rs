//! CRC-16 of a frame, a bit at a time, in both directions: [`systole_isa::bridge::crc16`].
//!
//! The bit received or sent goes in. The CRC's own bits are the lowest one of the register, one after the other: sending
//! it puts zeros in their place, and receiving it right does too. Latency 1.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | begin anew |
//! | `strobe`, `value` | in | take a bit |
//! | `expected` | out | the bit of the CRC that would come now |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// The checksum; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Crc {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub strobe: Signal<In, Bit>,
    pub value: Signal<In, Bit>,
    pub expected: Signal<Out, Bit>,
    sum: DFF<Bits<16>>,
    #[default(literal(0x8408))]
    polynomial: Constant<Bits<16>>,
    #[default(literal(0xffff))]
    start: Constant<Bits<16>>,
}

impl Logic for Crc {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sum);
        self.expected.next = self.sum.q.val().get_bit(0);
        if self.strobe.val() {
            self.sum.d.next = self.sum.q.val() >> 1;
            if self.sum.q.val().get_bit(0) ^ self.value.val() {
                self.sum.d.next = (self.sum.q.val() >> 1) ^ self.polynomial.val();
            }
        }
        if self.clear.val() {
            self.sum.d.next = self.start.val();
        }
    }
}
