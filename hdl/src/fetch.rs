//! Command fetch: reads the command stream ahead and gives one 32-bit word at a time.
//!
//! Bursts of 16 beats, aligned, so that none crosses 4096 bytes. A memory of 32 beats takes them: a burst is asked for
//! when the half it will fill has been read, so the read channel never waits. `flush` ends it: no more bursts are
//! asked for, and it stays busy until all beats on the way have come. Latency from a beat to its first command: 2
//! cycles; then one command a cycle.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start`, `base` | in, in AW | pulse: begin at this address, a multiple of 4096 |
//! | `flush` | in | end; hold until not `busy` |
//! | `busy` | out | between start and the end of the flush |
//! | `arvalid`, `araddr`, `arready` | out, out AW, in | asks for 16 beats |
//! | `rvalid`, `rdata` | in, in BUS | beats for this unit; always taken |
//! | `offered` | in | with Z = 1: a beat for this unit is there, whether it is taken or not |
//! | `cmd_valid`, `cmd`, `cmd_ready` | out, out 32, in | commands in order, low word of a beat first |

use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// Beats of a burst.
const BURST: usize = 16;

/// Log2 of the bytes of a burst on a bus of `bus` bits.
fn burst_log2(bus: usize) -> usize {
    assert!([32, 64, 128].contains(&bus), "a bus of {bus} bits; 32, 64 and 128 are possible");
    (BURST * bus / 8).ilog2() as usize
}

/// Command fetch for addresses of AW bits and beats of BUS bits, Z = 1 in a pipelined kernel, else 0; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Fetch<const AW: usize, const BUS: usize, const Z: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub base: Signal<In, Bits<AW>>,
    pub flush: Signal<In, Bit>,
    pub busy: Signal<Out, Bit>,
    pub arvalid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arready: Signal<In, Bit>,
    #[default(from_fn(|_| Default::default()))]
    pub offered: [Signal<In, Bit>; Z],
    pub rvalid: Signal<In, Bit>,
    pub rdata: Signal<In, Bits<BUS>>,
    pub cmd_valid: Signal<Out, Bit>,
    pub cmd: Signal<Out, Bits<32>>,
    pub cmd_ready: Signal<In, Bit>,
    active: DFF<Bit>,
    asking: DFF<Bit>,
    /// Next burst's address; its bits above those inside a burst count bursts, because the base is aligned.
    address: DFF<Bits<AW>>,
    /// Beats come and beats read, modulo 64.
    come: DFF<Bits<6>>,
    gone: DFF<Bits<6>>,
    /// The memory shows a beat of which words are left; where in it the next word begins.
    holding: DFF<Bit>,
    offset: DFF<Bits<7>>,
    beats: Ram2<BUS, 5, 32>,
    /// Bursts asked for, modulo 4.
    bursts: Signal<Local, Bits<2>>,
    /// Bursts asked for and not read to the end.
    waiting: Signal<Local, Bits<2>>,
    shifted: Signal<Local, Bits<BUS>>,
    take: Signal<Local, Bit>,
    last_word: Signal<Local, Bit>,
    read: Signal<Local, Bit>,
    #[default(Constant::new((1u64 << burst_log2(BUS)).into()))]
    burst_bytes: Constant<Bits<AW>>,
    #[default(literal(burst_log2(BUS) as u32))]
    bursts_at: Constant<Bits<4>>,
    #[default(literal(BUS as u32 - 32))]
    last_offset: Constant<Bits<7>>,
    #[default(literal(32))]
    word: Constant<Bits<7>>,
    #[default(literal(2))]
    halves: Constant<Bits<2>>,
    #[default(literal(0))]
    whole: Constant<Bits<4>>,
    #[default(literal(1))]
    one: Constant<Bits<6>>,
}

impl<const AW: usize, const BUS: usize, const Z: usize> Logic for Fetch<AW, BUS, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, active, asking, address, come, gone, holding, offset);
        self.beats.clock.next = self.clock.val();
        self.busy.next = self.active.q.val();

        // Ask for a burst when at most one is neither on its way nor read.
        self.bursts.next = self.address.q.val().get_bits::<2>(self.bursts_at.val().index());
        self.waiting.next = self.bursts.val() - self.gone.q.val().get_bits::<2>(4);
        self.arvalid.next = self.asking.q.val();
        self.araddr.next = self.address.q.val();
        if self.asking.q.val() {
            if self.arready.val() {
                self.asking.d.next = false;
                self.address.d.next = self.address.q.val() + self.burst_bytes.val();
            }
        } else if self.active.q.val() & (!self.flush.val()) & (self.waiting.val() != self.halves.val()) {
            self.asking.d.next = true;
        }

        self.beats.write.next = self.rvalid.val();
        for z in 0..Z {
            // Where it will be, taken or not: that it is taken is known late, and goes to many cells.
            self.beats.write.next = self.offered[z].val();
        }
        self.beats.write_address.next = self.come.q.val().get_bits::<5>(0);
        self.beats.data.next = self.rdata.val();
        if self.rvalid.val() {
            self.come.d.next = self.come.q.val() + self.one.val();
        }

        // The memory's output is the register from which commands are taken.
        self.take.next = self.holding.q.val() & self.cmd_ready.val();
        self.last_word.next = self.take.val() & (self.offset.q.val() == self.last_offset.val());
        self.read.next = (self.come.q.val() != self.gone.q.val()) & ((!self.holding.q.val()) | self.last_word.val());
        self.beats.read.next = self.read.val();
        self.beats.read_address.next = self.gone.q.val().get_bits::<5>(0);
        if self.read.val() {
            self.gone.d.next = self.gone.q.val() + self.one.val();
        }
        self.holding.d.next = self.read.val() | (self.holding.q.val() & (!self.last_word.val()));
        if self.take.val() {
            // Wraps at the end of a beat: 128 is 0, and narrower beats stay at their last offset or 0.
            self.offset.d.next = (self.offset.q.val() + self.word.val()) & self.last_offset.val();
        }
        self.cmd_valid.next = self.holding.q.val();
        self.shifted.next = self.beats.q.val() >> self.offset.q.val();
        self.cmd.next = self.shifted.val().get_bits::<32>(0);

        // All beats that were asked for have come when the counts of beats and of bursts agree.
        if self.flush.val()
            & (!self.asking.q.val())
            & (self.come.q.val().get_bits::<2>(4) == self.bursts.val())
            & (self.come.q.val().get_bits::<4>(0) == self.whole.val())
        {
            self.active.d.next = false;
            self.holding.d.next = false;
        }
        if self.start.val() {
            self.active.d.next = true;
            self.address.d.next = self.base.val();
        }
        if self.start.val() | self.reset.val() {
            self.come.d.next = 0.into();
            self.gone.d.next = 0.into();
            self.offset.d.next = 0.into();
            self.holding.d.next = false;
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.asking.d.next = false;
        }
    }
}
