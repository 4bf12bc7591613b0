//! Counters of a run, and the record of 16 bus words that tells them and the answer.
//!
//! As in [`crate::counters`], each event has a tally, and a visitor goes round 16 slots and moves one tally a cycle into a
//! small memory. A record is caught as the slots pass by, [`SETTLE`] cycles after `write`. Slots 0 to 2 are status, cost
//! and budget used. Latency of a record: at most 16 + 16 + [`SETTLE`] cycles.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | all counts begin at zero |
//! | `cycles` … `bus_writes` | in | the event of that name in this cycle (see `systole_isa::allocate`) |
//! | `row_reads`, `cells` | in 2, 7 | how many in this cycle |
//! | `write` | in | pulse: write the record |
//! | `status`, `cost`, `used` | in 3, 32, A | its first words |
//! | `push`, `beat` | out, out BUS | its beats |
//! | `busy` | out | from `write` to the last beat |

use crate::counters::{Bank, Tally};
use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::allocate;

/// Cycles from `write` to the first slot that is caught.
pub const SETTLE: u32 = 8;

/// Words that count at most one event a cycle, in the order of the tallies.
const NARROW: [usize; 11] = [
    allocate::CYCLES,
    allocate::BUSY,
    allocate::STALLS,
    allocate::TRACE,
    allocate::IDLE,
    allocate::PASSES,
    allocate::ROW_WRITES,
    allocate::TABLE_WORDS,
    allocate::DECISIONS,
    allocate::BUS_READS,
    allocate::BUS_WRITES,
];

/// The record for beats of BUS bits and rows with A address bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Record<const BUS: usize, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub cycles: Signal<In, Bit>,
    pub busy_lanes: Signal<In, Bit>,
    pub stalls: Signal<In, Bit>,
    pub tracing: Signal<In, Bit>,
    pub idle: Signal<In, Bit>,
    pub passes: Signal<In, Bit>,
    pub row_writes: Signal<In, Bit>,
    pub table_words: Signal<In, Bit>,
    pub decisions: Signal<In, Bit>,
    pub bus_reads: Signal<In, Bit>,
    pub bus_writes: Signal<In, Bit>,
    pub row_reads: Signal<In, Bits<2>>,
    pub cells: Signal<In, Bits<7>>,
    pub write: Signal<In, Bit>,
    pub status: Signal<In, Bits<3>>,
    pub cost: Signal<In, Bits<32>>,
    pub used: Signal<In, Bits<A>>,
    pub push: Signal<Out, Bit>,
    pub beat: Signal<Out, Bits<BUS>>,
    pub busy: Signal<Out, Bit>,
    /// First step: choose a slot, read its count. Second step: add, write.
    choice: DFF<Bits<4>>,
    fresh: DFF<Bit>,
    added: DFF<Bits<11>>,
    adding: DFF<Bits<4>>,
    bank: Bank,
    #[default(from_fn(|_| Default::default()))]
    tally: [Tally<5>; 11],
    reads: Tally<6>,
    operations: Tally<11>,
    writing: DFF<Bit>,
    settling: DFF<Bits<4>>,
    caught: DFF<Bits<4>>,
    narrow: Signal<Local, Bits<5>>,
    sum: Signal<Local, Bits<32>>,
    word: Signal<Local, Bits<32>>,
    catch: Signal<Local, Bit>,
    #[default(from_fn(|i| literal(NARROW[i] as u32)))]
    number: [Constant<Bits<4>>; 11],
    #[default(literal(allocate::ROW_READS as u32))]
    reads_number: Constant<Bits<4>>,
    #[default(literal(allocate::CELLS as u32))]
    cells_number: Constant<Bits<4>>,
    #[default(literal(allocate::STATUS as u32))]
    at_status: Constant<Bits<4>>,
    #[default(literal(allocate::COST as u32))]
    at_cost: Constant<Bits<4>>,
    #[default(literal(allocate::USED as u32))]
    at_used: Constant<Bits<4>>,
    #[default(literal(SETTLE))]
    settle: Constant<Bits<4>>,
}

impl<const BUS: usize, const A: usize> Logic for Record<BUS, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, choice, fresh, added, adding, writing, settling, caught);
        self.bank.clock.next = self.clock.val();
        self.tally[0].events.next = bit_cast::<5, 1>(self.cycles.val().into());
        self.tally[1].events.next = bit_cast::<5, 1>(self.busy_lanes.val().into());
        self.tally[2].events.next = bit_cast::<5, 1>(self.stalls.val().into());
        self.tally[3].events.next = bit_cast::<5, 1>(self.tracing.val().into());
        self.tally[4].events.next = bit_cast::<5, 1>(self.idle.val().into());
        self.tally[5].events.next = bit_cast::<5, 1>(self.passes.val().into());
        self.tally[6].events.next = bit_cast::<5, 1>(self.row_writes.val().into());
        self.tally[7].events.next = bit_cast::<5, 1>(self.table_words.val().into());
        self.tally[8].events.next = bit_cast::<5, 1>(self.decisions.val().into());
        self.tally[9].events.next = bit_cast::<5, 1>(self.bus_reads.val().into());
        self.tally[10].events.next = bit_cast::<5, 1>(self.bus_writes.val().into());
        self.reads.events.next = bit_cast::<6, 2>(self.row_reads.val());
        self.operations.events.next = bit_cast::<11, 7>(self.cells.val());

        // All parts but the visited one are zero.
        self.narrow.next = 0.into();
        for i in 0..11 {
            self.tally[i].clock.next = self.clock.val();
            self.tally[i].clear.next = self.clear.val();
            self.tally[i].visit.next = self.choice.q.val() == self.number[i].val();
            self.narrow.next = self.narrow.val() | self.tally[i].part.val();
        }
        self.reads.clock.next = self.clock.val();
        self.reads.clear.next = self.clear.val();
        self.reads.visit.next = self.choice.q.val() == self.reads_number.val();
        self.operations.clock.next = self.clock.val();
        self.operations.clear.next = self.clear.val();
        self.operations.visit.next = self.choice.q.val() == self.cells_number.val();
        self.added.d.next = bit_cast::<11, 5>(self.narrow.val())
            | bit_cast::<11, 6>(self.reads.part.val())
            | self.operations.part.val();
        self.adding.d.next = self.choice.q.val();
        self.choice.d.next = self.choice.q.val() + 1;
        if self.choice.q.val().all() {
            self.fresh.d.next = false;
        }
        self.bank.from.next = bit_cast::<5, 4>(self.choice.q.val());
        if self.fresh.q.val() {
            self.bank.from.next = bit_cast::<5, 4>(self.choice.q.val()) | 16;
        }
        self.sum.next = self.bank.q.val() + bit_cast::<32, 11>(self.added.q.val());
        self.bank.write.next = true;
        self.bank.to.next = self.adding.q.val();
        self.bank.data.next = self.sum.val();

        self.word.next = self.sum.val();
        if self.adding.q.val() == self.at_status.val() {
            self.word.next = bit_cast::<32, 3>(self.status.val());
        }
        if self.adding.q.val() == self.at_cost.val() {
            self.word.next = self.cost.val();
        }
        if self.adding.q.val() == self.at_used.val() {
            self.word.next = bit_cast::<32, A>(self.used.val());
        }
        self.catch.next =
            self.writing.q.val() & (!self.settling.q.val().any()) & (self.adding.q.val() == self.caught.q.val());
        self.push.next = self.catch.val();
        self.beat.next = bit_cast::<BUS, 32>(self.word.val());
        self.busy.next = self.writing.q.val();
        if self.settling.q.val().any() {
            self.settling.d.next = self.settling.q.val() - 1;
        }
        if self.catch.val() {
            self.caught.d.next = self.caught.q.val() + 1;
            if self.caught.q.val().all() {
                self.writing.d.next = false;
            }
        }
        if self.write.val() {
            self.writing.d.next = true;
            self.settling.d.next = self.settle.val();
            self.caught.d.next = 0.into();
        }
        if self.clear.val() {
            self.choice.d.next = 0.into();
            self.fresh.d.next = true;
            self.writing.d.next = false;
        }
    }
}
