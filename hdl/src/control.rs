//! The AXI4-Lite slave: `ap_ctrl_hs` and the pointer arguments, at the offsets of `systole_isa::control`.
//!
//! A write is taken when address and data are both there and the last answer has gone; a read when the last one has
//! gone. Pointers are written as whole words (all of `wstrb`), the other registers where byte 0 is. Pointers are
//! multiples of 4096: their low 12 bits and those past the address width are not stored and read zero. Addresses
//! outside the map read zero and take no write. Latency: 1 cycle from an accepted access to its answer.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `awvalid` … `rready` | in, out | AXI4-Lite, 7-bit addresses, 32-bit data; `bresp` and `rresp` are always OKAY (0) |
//! | `done` | in | pulse: the run has ended |
//! | `status` | in 3 | error bits of the run, held until the next start |
//! | `start` | out | pulse: a cycle after `ap_start` was written while idle |
//! | `commands_at`, `weights_at`, `input_at`, `output_at`, `counters_at` | out AW | pointers |
//! | `interrupt` | out | a run has ended, enabled and not yet cleared |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::control;

/// Number of a 32-bit register.
fn word(offset: u32) -> Constant<Bits<5>> {
    literal(offset / 4)
}

/// The bits of a pointer that are stored, for an address width.
fn stored(address_bits: usize) -> u64 {
    assert!((20..=64).contains(&address_bits), "addresses of {address_bits} bits; 20 to 64 are possible");
    (u64::MAX >> (64 - address_bits)) & !(control::BUFFER_ALIGN - 1)
}

/// The AXI4-Lite slave for addresses of AW bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Control<const AW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub awvalid: Signal<In, Bit>,
    pub awready: Signal<Out, Bit>,
    pub awaddr: Signal<In, Bits<7>>,
    pub wvalid: Signal<In, Bit>,
    pub wready: Signal<Out, Bit>,
    pub wdata: Signal<In, Bits<32>>,
    pub wstrb: Signal<In, Bits<4>>,
    pub bvalid: Signal<Out, Bit>,
    pub bready: Signal<In, Bit>,
    pub bresp: Signal<Out, Bits<2>>,
    pub arvalid: Signal<In, Bit>,
    pub arready: Signal<Out, Bit>,
    pub araddr: Signal<In, Bits<7>>,
    pub rvalid: Signal<Out, Bit>,
    pub rready: Signal<In, Bit>,
    pub rdata: Signal<Out, Bits<32>>,
    pub rresp: Signal<Out, Bits<2>>,
    pub done: Signal<In, Bit>,
    pub status: Signal<In, Bits<3>>,
    pub start: Signal<Out, Bit>,
    pub commands_at: Signal<Out, Bits<AW>>,
    pub weights_at: Signal<Out, Bits<AW>>,
    pub input_at: Signal<Out, Bits<AW>>,
    pub output_at: Signal<Out, Bits<AW>>,
    pub counters_at: Signal<Out, Bits<AW>>,
    pub interrupt: Signal<Out, Bit>,
    answering: DFF<Bit>,
    reading: DFF<Bit>,
    data: DFF<Bits<32>>,
    running: DFF<Bit>,
    /// A start, a cycle after it was written: it goes to every part of the kernel.
    starting: DFF<Bit>,
    ended: DFF<Bit>,
    enable_all: DFF<Bit>,
    enable_done: DFF<Bit>,
    pending: DFF<Bit>,
    pointer: [DFF<Bits<64>>; 5],
    write: Signal<Local, Bit>,
    write_byte: Signal<Local, Bit>,
    write_word: Signal<Local, Bit>,
    read: Signal<Local, Bit>,
    to: Signal<Local, Bits<5>>,
    from: Signal<Local, Bits<5>>,
    /// What each pointer register, and the rest, give to the read data; all but one are zero.
    part: [Signal<Local, Bits<32>>; 11],
    #[default(literal(0))]
    none: Constant<Bits<32>>,
    #[default(literal(0))]
    okay: Constant<Bits<2>>,
    #[default(Constant::new(stored(AW).into()))]
    stored: Constant<Bits<64>>,
    #[default(Constant::new(0xffff_ffffu64.into()))]
    low_half: Constant<Bits<64>>,
    #[default(from_fn(|i| word(control::argument_offset(i as u32))))]
    low: [Constant<Bits<5>>; 5],
    #[default(from_fn(|i| word(control::argument_offset(i as u32) + 4)))]
    high: [Constant<Bits<5>>; 5],
    #[default(word(control::CONTROL))]
    at_control: Constant<Bits<5>>,
    #[default(word(control::GLOBAL_INTERRUPT))]
    at_global: Constant<Bits<5>>,
    #[default(word(control::INTERRUPT_ENABLE))]
    at_enable: Constant<Bits<5>>,
    #[default(word(control::INTERRUPT_STATUS))]
    at_pending: Constant<Bits<5>>,
    #[default(word(control::STATUS))]
    at_status: Constant<Bits<5>>,
    #[default(literal(control::AP_START))]
    ap_start: Constant<Bits<32>>,
    #[default(literal(control::AP_DONE | control::AP_READY))]
    ap_done: Constant<Bits<32>>,
    #[default(literal(control::AP_IDLE))]
    ap_idle: Constant<Bits<32>>,
    #[default(literal(1))]
    one: Constant<Bits<32>>,
}

impl<const AW: usize> Logic for Control<AW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, answering, reading, data, running, ended, starting, enable_all, enable_done, pending);
        for i in 0..5 {
            self.pointer[i].clock.next = self.clock.val();
            self.pointer[i].d.next = self.pointer[i].q.val();
        }
        self.bresp.next = self.okay.val();
        self.rresp.next = self.okay.val();
        self.start.next = self.starting.q.val();
        self.starting.d.next = false;

        // Both channels at once: nothing of a write need be kept.
        self.write.next = self.awvalid.val() & self.wvalid.val() & (!self.answering.q.val());
        self.awready.next = self.write.val();
        self.wready.next = self.write.val();
        self.bvalid.next = self.answering.q.val();
        self.answering.d.next = self.write.val() | (self.answering.q.val() & (!self.bready.val()));
        self.write_byte.next = self.write.val() & self.wstrb.val().get_bit(0);
        self.write_word.next = self.write.val() & self.wstrb.val().all();
        self.to.next = self.awaddr.val().get_bits::<5>(2);

        self.read.next = self.arvalid.val() & (!self.reading.q.val());
        self.arready.next = !self.reading.q.val();
        self.rvalid.next = self.reading.q.val();
        self.reading.d.next = self.read.val() | (self.reading.q.val() & (!self.rready.val()));
        self.from.next = self.araddr.val().get_bits::<5>(2);

        // Read data: all parts but the one addressed are zero.
        for i in 0..5 {
            self.part[i].next = self.none.val();
            self.part[i + 5].next = self.none.val();
            if self.from.val() == self.low[i].val() {
                self.part[i].next = self.pointer[i].q.val().get_bits::<32>(0);
            }
            if self.from.val() == self.high[i].val() {
                self.part[i + 5].next = self.pointer[i].q.val().get_bits::<32>(32);
            }
        }
        self.part[10].next = self.none.val();
        if self.from.val() == self.at_control.val() {
            if self.running.q.val() {
                self.part[10].next = self.ap_start.val();
            } else if self.ended.q.val() {
                self.part[10].next = self.ap_idle.val() | self.ap_done.val();
            } else {
                self.part[10].next = self.ap_idle.val();
            }
        }
        if ((self.from.val() == self.at_global.val()) & self.enable_all.q.val())
            | ((self.from.val() == self.at_enable.val()) & self.enable_done.q.val())
            | ((self.from.val() == self.at_pending.val()) & self.pending.q.val())
        {
            self.part[10].next = self.one.val();
        }
        if self.from.val() == self.at_status.val() {
            self.part[10].next = bit_cast::<32, 3>(self.status.val());
        }
        if self.read.val() {
            self.data.d.next = self.part[0].val()
                | self.part[1].val()
                | self.part[2].val()
                | self.part[3].val()
                | self.part[4].val()
                | self.part[5].val()
                | self.part[6].val()
                | self.part[7].val()
                | self.part[8].val()
                | self.part[9].val()
                | self.part[10].val();
        }
        self.rdata.next = self.data.q.val();

        // Reading the control register clears its done and ready bits.
        if self.read.val() & (self.from.val() == self.at_control.val()) & (!self.running.q.val()) {
            self.ended.d.next = false;
        }
        if self.write_byte.val() {
            if (self.to.val() == self.at_control.val()) & self.wdata.val().get_bit(0) & (!self.running.q.val()) {
                self.starting.d.next = true;
                self.running.d.next = true;
                self.ended.d.next = false;
            }
            if self.to.val() == self.at_global.val() {
                self.enable_all.d.next = self.wdata.val().get_bit(0);
            }
            if self.to.val() == self.at_enable.val() {
                self.enable_done.d.next = self.wdata.val().get_bit(0);
            }
            if self.to.val() == self.at_pending.val() {
                self.pending.d.next = self.pending.q.val() ^ self.wdata.val().get_bit(0);
            }
        }
        for i in 0..5 {
            if self.write_word.val() & (self.to.val() == self.low[i].val()) {
                self.pointer[i].d.next = (self.pointer[i].q.val() & (!self.low_half.val()))
                    | (bit_cast::<64, 32>(self.wdata.val()) & self.stored.val());
            }
            if self.write_word.val() & (self.to.val() == self.high[i].val()) {
                self.pointer[i].d.next = (self.pointer[i].q.val() & self.low_half.val())
                    | ((bit_cast::<64, 32>(self.wdata.val()) << 32) & self.stored.val());
            }
        }
        // The end of a run wins over a read or a clear in the same cycle: it must not be missed.
        if self.done.val() {
            self.running.d.next = false;
            self.ended.d.next = true;
            if self.enable_done.q.val() {
                self.pending.d.next = true;
            }
        }
        self.interrupt.next = self.enable_all.q.val() & self.pending.q.val();
        self.commands_at.next = self.pointer[0].q.val().get_bits::<AW>(0);
        self.weights_at.next = self.pointer[1].q.val().get_bits::<AW>(0);
        self.input_at.next = self.pointer[2].q.val().get_bits::<AW>(0);
        self.output_at.next = self.pointer[3].q.val().get_bits::<AW>(0);
        self.counters_at.next = self.pointer[4].q.val().get_bits::<AW>(0);
        if self.reset.val() {
            self.answering.d.next = false;
            self.reading.d.next = false;
            self.running.d.next = false;
            self.ended.d.next = false;
            self.starting.d.next = false;
            self.enable_all.d.next = false;
            self.enable_done.d.next = false;
            self.pending.d.next = false;
        }
    }
}
