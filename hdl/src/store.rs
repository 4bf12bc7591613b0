//! The store unit: copies activation words to the output buffer, and writes counter snapshots.
//!
//! One job at a time: `start` stores words, `mark` writes the 16 counters as 16 bus words behind the snapshot before. A
//! job is cut into bursts that end where an aligned 16 would, so that none crosses 4096 bytes: address, data, answer,
//! then the next one. A stored word takes 2 cycles (read, send), a counter 1: they pass by in their order, and are
//! caught as they pass. A snapshot begins [`SETTLE`] cycles after `mark`, when the events of the last unit to fall idle
//! have arrived at the counters. The cycles that have passed since `mark` are taken off the cycle count, modulo 1024; a
//! count that passes by is that of two cycles before.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `new_run` | in | pulse: the next snapshot is the first; forget errors |
//! | `set`, `op`, `value` | in 1, 8, 24 | set bus: `S_SRC`, `S_DST`, `S_LEN` |
//! | `start`, `mark` | in | pulses, only while not `busy` |
//! | `gently` | in | with `mark`: `marking` stays low |
//! | `busy` | out | up from the next cycle until the last answer |
//! | `marking` | out | counters are still being read: let nothing that counts begin |
//! | `output_at`, `counters_at` | in AW | the two buffers to write to |
//! | `act_read`, `act_address`, `act_grant`, `act_data` | out, out MW, in, in BUS | read request; granted in the same cycle, data in the next |
//! | `slot`, `count` | in 4, in 32 | the counters passing by |
//! | `awvalid` … `bresp` | out, in | write channels; all of `wstrb` belongs to be set, `bready` is always high |
//! | `write_error` | out | since `new_run` an answer was an error |

use crate::literal::{literal, op};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;
use systole_isa::counter::{SETTLE, SETTLE_PIPELINED};

/// Where the unit is in a burst.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// No job.
    Idle,
    /// The address is worked out, then shown.
    Address,
    /// Words are being caught and sent.
    Data,
    /// The answer is awaited.
    Answer,
}

/// The store unit for card addresses of AW bits, a bus of BUS bits and 2^MW activation words; ports as in the table
/// above. With Z = 1, else 0, the memory's words come two cycles later, and a stored word takes 4.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Store<const AW: usize, const BUS: usize, const MW: usize, const Z: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub new_run: Signal<In, Bit>,
    pub set: Signal<In, Bit>,
    pub op: Signal<In, Bits<8>>,
    pub value: Signal<In, Bits<24>>,
    pub start: Signal<In, Bit>,
    pub mark: Signal<In, Bit>,
    pub gently: Signal<In, Bit>,
    pub busy: Signal<Out, Bit>,
    pub marking: Signal<Out, Bit>,
    pub output_at: Signal<In, Bits<AW>>,
    pub counters_at: Signal<In, Bits<AW>>,
    pub act_read: Signal<Out, Bit>,
    pub act_address: Signal<Out, Bits<MW>>,
    pub act_grant: Signal<In, Bit>,
    pub act_data: Signal<In, Bits<BUS>>,
    pub slot: Signal<In, Bits<4>>,
    pub count: Signal<In, Bits<32>>,
    pub awvalid: Signal<Out, Bit>,
    pub awready: Signal<In, Bit>,
    pub awaddr: Signal<Out, Bits<AW>>,
    pub awlen: Signal<Out, Bits<4>>,
    pub wvalid: Signal<Out, Bit>,
    pub wready: Signal<In, Bit>,
    pub wdata: Signal<Out, Bits<BUS>>,
    pub wlast: Signal<Out, Bit>,
    pub bvalid: Signal<In, Bit>,
    pub bready: Signal<Out, Bit>,
    pub bresp: Signal<In, Bits<2>>,
    pub write_error: Signal<Out, Bit>,
    source: DFF<Bits<MW>>,
    target: DFF<Bits<24>>,
    /// Words less 1.
    length: DFF<Bits<MW>>,
    phase: DFF<Phase>,
    /// A burst is shown: where to, its beats less 1.
    shown: DFF<Bit>,
    burst_at: DFF<Bits<AW>>,
    beats: DFF<Bits<4>>,
    /// The job is a snapshot.
    snapshot: DFF<Bit>,
    /// Snapshots since the run began.
    snapshots: DFF<Bits<12>>,
    settling: DFF<Bits<4>>,
    /// Others go on meanwhile.
    gentle: DFF<Bit>,
    /// Cycles since `mark`, less 1.
    since: DFF<Bits<10>>,
    /// Of counter 0: what it has counted since.
    late: DFF<Bits<10>>,
    /// Words of the job caught.
    caught: DFF<Bits<MW>>,
    ended: DFF<Bit>,
    /// The next word caught is the job's last: known a cycle after the one before it, soon enough for a word in two cycles.
    final_word: DFF<Bit>,
    /// The word that was asked for comes now.
    coming: DFF<Bit>,
    // Pipelined: it was asked for one or two cycles ago.
    #[default(from_fn(|_| Default::default()))]
    asked: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    read: [DFF<Bit>; Z],
    // And the next word caught ends a burst: known as `final_word` is. A count to be sent, which is no word of the job's.
    #[default(from_fn(|_| Default::default()))]
    boundary_word: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    shown_count: [DFF<Bits<BUS>>; Z],
    /// The word to be sent.
    full: DFF<Bit>,
    data: DFF<Bits<BUS>>,
    last: DFF<Bit>,
    failed: DFF<Bit>,
    word: Signal<Local, Bits<24>>,
    offset: Signal<Local, Bits<24>>,
    counted: Signal<Local, Bits<32>>,
    base: Signal<Local, Bits<AW>>,
    left: Signal<Local, Bits<MW>>,
    to_boundary: Signal<Local, Bits<4>>,
    free: Signal<Local, Bit>,
    catch: Signal<Local, Bit>,
    at_boundary: Signal<Local, Bit>,
    at_end: Signal<Local, Bit>,
    request: Signal<Local, Bit>,
    #[default(op(command::S_SRC))]
    op_source: Constant<Bits<8>>,
    #[default(op(command::S_DST))]
    op_target: Constant<Bits<8>>,
    #[default(op(command::S_LEN))]
    op_length: Constant<Bits<8>>,
    #[default(literal((BUS / 8).ilog2()))]
    bytes_log2: Constant<Bits<3>>,
    #[default(literal(16))]
    burst: Constant<Bits<MW>>,
    #[default(literal(if Z > 0 { SETTLE_PIPELINED } else { SETTLE }))]
    settle: Constant<Bits<4>>,
}

impl<const AW: usize, const BUS: usize, const MW: usize, const Z: usize> Logic for Store<AW, BUS, MW, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, source, target, length, phase, snapshot, snapshots, settling, gentle, since);
        dff_setup!(
            self, clock, caught, ended, coming, full, data, last, failed, shown, burst_at, beats, final_word, late
        );
        if self.set.val() & (self.op.val() == self.op_source.val()) {
            self.source.d.next = self.value.val().get_bits::<MW>(0);
        }
        if self.set.val() & (self.op.val() == self.op_target.val()) {
            self.target.d.next = self.value.val();
        }
        if self.set.val() & (self.op.val() == self.op_length.val()) {
            self.length.d.next = self.value.val().get_bits::<MW>(0);
        }

        // Where the next word of the job goes.
        self.offset.next = self.target.q.val();
        self.base.next = self.output_at.val();
        if self.snapshot.q.val() {
            self.offset.next = bit_cast::<24, 12>(self.snapshots.q.val()) << 4;
            self.base.next = self.counters_at.val();
        }
        self.word.next = self.offset.val() + bit_cast::<24, MW>(self.caught.q.val());
        self.burst_at.d.next = self.base.val() + (bit_cast::<AW, 24>(self.word.val()) << self.bytes_log2.val());
        self.to_boundary.next = !self.word.val().get_bits::<4>(0);
        self.left.next = self.length.q.val() - self.caught.q.val();
        self.beats.d.next = self.to_boundary.val();
        if (!self.snapshot.q.val())
            & (self.left.val() < self.burst.val())
            & (self.left.val().get_bits::<4>(0) <= self.to_boundary.val())
        {
            self.beats.d.next = self.left.val().get_bits::<4>(0);
        }
        self.shown.d.next = (self.phase.q.val() == Phase::Address) & (!(self.shown.q.val() & self.awready.val()));
        self.awvalid.next = self.shown.q.val();
        self.awaddr.next = self.burst_at.q.val();
        self.awlen.next = self.beats.q.val();

        // After the last counter comes the first.
        self.late.d.next = 0.into();
        if self.slot.val().all() {
            self.late.d.next = self.since.q.val();
        }
        self.counted.next = self.count.val() - bit_cast::<32, 10>(self.late.q.val());
        self.since.d.next = self.since.q.val() + 1;
        // A word is caught only when the register that sends it is free then.
        self.free.next = (!self.full.q.val()) | self.wready.val();
        self.request.next =
            (self.phase.q.val() == Phase::Data) & (!self.snapshot.q.val()) & self.free.val() & (!self.coming.q.val());
        for z in 0..Z {
            self.request.next = (self.phase.q.val() == Phase::Data)
                & (!self.snapshot.q.val())
                & self.free.val()
                & (!self.coming.q.val())
                & (!self.asked[z].q.val())
                & (!self.read[z].q.val());
        }
        self.act_read.next = self.request.val();
        self.act_address.next = self.source.q.val() + self.caught.q.val();
        self.coming.d.next = self.request.val() & self.act_grant.val();
        for z in 0..Z {
            self.asked[z].clock.next = self.clock.val();
            self.read[z].clock.next = self.clock.val();
            self.asked[z].d.next = self.request.val() & self.act_grant.val();
            self.read[z].d.next = self.asked[z].q.val();
            self.coming.d.next = self.read[z].q.val();
        }
        self.catch.next = self.coming.q.val();
        self.at_boundary.next = self.word.val().get_bits::<4>(0).all();
        for z in 0..Z {
            self.boundary_word[z].clock.next = self.clock.val();
            self.boundary_word[z].d.next = self.word.val().get_bits::<4>(0).all();
            self.at_boundary.next = self.boundary_word[z].q.val();
            if self.snapshot.q.val() {
                // Its words begin at a boundary.
                self.at_boundary.next = self.caught.q.val().get_bits::<4>(0).all();
            }
        }
        self.final_word.d.next = self.caught.q.val() == self.length.q.val();
        self.at_end.next = self.final_word.q.val();
        if self.snapshot.q.val() {
            self.catch.next = (self.phase.q.val() == Phase::Data)
                & self.free.val()
                & (!self.settling.q.val().any())
                & (self.slot.val() == self.caught.q.val().get_bits::<4>(0));
            self.at_end.next = self.at_boundary.val();
        }
        if self.wready.val() {
            self.full.d.next = false;
        }
        if self.catch.val() {
            self.full.d.next = true;
            self.data.d.next = self.act_data.val();
            if self.snapshot.q.val() {
                self.data.d.next = bit_cast::<BUS, 32>(self.counted.val());
            }
            self.last.d.next = self.at_boundary.val() | self.at_end.val();
            self.ended.d.next = self.at_end.val();
            self.caught.d.next = self.caught.q.val() + 1;
        }
        // Pipelined: whatever is there, as long as the register is empty; its enable goes a long way.
        for z in 0..Z {
            self.shown_count[z].clock.next = self.clock.val();
            self.shown_count[z].d.next = self.shown_count[z].q.val();
            self.data.d.next = self.data.q.val();
            if !self.full.q.val() {
                // It is empty when a word comes, for it was when that was asked for, or was emptied then.
                self.data.d.next = self.act_data.val();
            }
            if self.free.val() {
                self.shown_count[z].d.next = bit_cast::<BUS, 32>(self.counted.val());
            }
        }
        self.wvalid.next = self.full.q.val();
        self.wdata.next = self.data.q.val();
        for z in 0..Z {
            if self.snapshot.q.val() {
                self.wdata.next = self.shown_count[z].q.val();
            }
        }
        self.wlast.next = self.last.q.val();
        self.bready.next = true;
        if self.bvalid.val() & self.bresp.val().get_bit(1) {
            self.failed.d.next = true;
        }
        self.write_error.next = self.failed.q.val();

        if self.settling.q.val().any() {
            self.settling.d.next = self.settling.q.val() - 1;
        }
        match self.phase.q.val() {
            Phase::Idle => {
                if self.start.val() | self.mark.val() {
                    self.phase.d.next = Phase::Address;
                    self.caught.d.next = 0.into();
                    self.snapshot.d.next = self.mark.val();
                    self.gentle.d.next = self.gently.val();
                    self.since.d.next = 0.into();
                    self.settling.d.next = self.settle.val();
                }
            }
            Phase::Address => {
                if self.shown.q.val() & self.awready.val() {
                    self.phase.d.next = Phase::Data;
                }
            }
            Phase::Data => {
                if self.catch.val() & (self.at_boundary.val() | self.at_end.val()) {
                    self.phase.d.next = Phase::Answer;
                }
            }
            Phase::Answer => {
                if self.bvalid.val() {
                    self.phase.d.next = Phase::Address;
                    if self.ended.q.val() {
                        self.phase.d.next = Phase::Idle;
                        if self.snapshot.q.val() {
                            self.snapshots.d.next = self.snapshots.q.val() + 1;
                        }
                    }
                }
            }
            _ => {
                self.phase.d.next = Phase::Idle;
            }
        }
        self.busy.next = self.phase.q.val() != Phase::Idle;
        self.marking.next = self.snapshot.q.val()
            & (!self.gentle.q.val())
            & ((self.phase.q.val() == Phase::Address) | (self.phase.q.val() == Phase::Data));
        if self.new_run.val() | self.reset.val() {
            self.snapshots.d.next = 0.into();
            self.failed.d.next = false;
        }
        if self.reset.val() {
            self.phase.d.next = Phase::Idle;
            self.full.d.next = false;
            self.coming.d.next = false;
            self.shown.d.next = false;
        }
    }
}
