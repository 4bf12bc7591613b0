//! The sequencer: executes command words, one in two cycles when nothing makes it wait.
//!
//! A register holds the next command with what it waits for, one bit a unit, so that few gates lie behind a unit's busy flag.
//! The cycle after a command has been let go it acts: registers are written, units start, and the next one comes into the
//! register. A unit's busy flag must be up in the cycle after its start pulse: then the next command knows of it. A `WAIT` takes
//! one cycle and never acts: the command after it waits for its units as well as for its own.
//!
//! A register is written once its unit is idle, an operation starts once its unit is idle (the load unit
//! takes a second job); `MARK` and `END` wait for all units, and everything waits while a snapshot is taken, so that no
//! count of the next layer gets into it; a soft `MARK` waits for feeder and store unit only, and nothing waits for it. An
//! unknown command sets `illegal` and ends the run as `END` does, and so does a read that failed: what comes after it may
//! be no commands at all.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start` | in | pulse: a run begins |
//! | `cmd_valid`, `cmd`, `cmd_ready` | in, in 32, out | commands: one is taken where both are high |
//! | `feed_busy`, `drain_busy`, `load_busy`, `store_busy` | in | units; store is also busy with a snapshot |
//! | `load_full`, `load_older` | in | the load unit takes no job; another load than the newest runs |
//! | `read_error` | in | since the start a read failed: the run ends when feeder, load and store are idle |
//! | `feed_blocked` | in | the next accumulator bank is not free: `FEED` waits |
//! | `marking` | in | a snapshot is being taken |
//! | `fetch_busy`, `flush` | in, out | at the end `flush` stays up until the fetch unit is idle |
//! | `set`, `op`, `value` | out 1, 8, 24 | set bus to all units |
//! | `start_feed`, `start_drain`, `start_load`, `start_store`, `mark` | out | pulses; `gently` with `mark` |
//! | `executed` | out | a command other than `WAIT` is executed |
//! | `running` | out | from `start` to `done` |
//! | `done` | out | pulse: the run has ended |
//! | `illegal` | out | an unknown command ended the run; until the next start |

use crate::literal::{literal, op};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;

/// The sequencer, Z = 1 in a pipelined kernel, else 0; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Sequencer<const Z: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub cmd_valid: Signal<In, Bit>,
    pub cmd: Signal<In, Bits<32>>,
    pub cmd_ready: Signal<Out, Bit>,
    pub feed_busy: Signal<In, Bit>,
    pub feed_blocked: Signal<In, Bit>,
    pub drain_busy: Signal<In, Bit>,
    pub load_busy: Signal<In, Bit>,
    pub load_full: Signal<In, Bit>,
    pub load_older: Signal<In, Bit>,
    pub store_busy: Signal<In, Bit>,
    pub read_error: Signal<In, Bit>,
    pub marking: Signal<In, Bit>,
    pub fetch_busy: Signal<In, Bit>,
    pub flush: Signal<Out, Bit>,
    pub set: Signal<Out, Bit>,
    pub op: Signal<Out, Bits<8>>,
    pub value: Signal<Out, Bits<24>>,
    pub start_feed: Signal<Out, Bit>,
    pub start_drain: Signal<Out, Bit>,
    pub start_load: Signal<Out, Bit>,
    pub start_store: Signal<Out, Bit>,
    pub mark: Signal<Out, Bit>,
    pub gently: Signal<Out, Bit>,
    pub executed: Signal<Out, Bit>,
    pub running: Signal<Out, Bit>,
    pub done: Signal<Out, Bit>,
    pub illegal: Signal<Out, Bit>,
    executing: DFF<Bit>,
    ending: DFF<Bit>,
    bad: DFF<Bit>,
    /// The command, and what it does.
    word: DFF<Bits<32>>,
    valid: DFF<Bit>,
    is_register: DFF<Bit>,
    is_feed: DFF<Bit>,
    is_drain: DFF<Bit>,
    is_load: DFF<Bit>,
    is_store: DFF<Bit>,
    is_mark: DFF<Bit>,
    ends: DFF<Bit>,
    unknown: DFF<Bit>,
    /// Pipelined: the last two when the command is in its register, for the way to it is long.
    #[default(from_fn(|_| Default::default()))]
    ends_here: [Signal<Local, Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    unknown_here: [Signal<Local, Bit>; Z],
    /// It waits for: feeder, drain, all loads, store, all loads but the newest (bits as `WAIT` has them), a free bank, room
    /// for a load.
    waits: DFF<Bits<7>>,
    /// The command before was a `WAIT`, and this is what it waits for.
    carried: DFF<Bit>,
    /// A run goes on.
    runs: DFF<Bit>,
    /// What was let go, and acts now.
    sets: DFF<Bit>,
    feeds: DFF<Bit>,
    drains: DFF<Bit>,
    loads: DFF<Bit>,
    stores: DFF<Bit>,
    marks: DFF<Bit>,
    own: Signal<Local, Bits<7>>,
    is_wait: Signal<Local, Bit>,
    number: Signal<Local, Bits<8>>,
    rests: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    #[default(literal(0b000_0001))]
    wait_feed: Constant<Bits<7>>,
    #[default(literal(0b000_0010))]
    wait_drain: Constant<Bits<7>>,
    #[default(literal(0b000_1000))]
    wait_store: Constant<Bits<7>>,
    #[default(literal(0b000_1001))]
    wait_soft: Constant<Bits<7>>,
    #[default(literal(0b000_1111))]
    wait_all: Constant<Bits<7>>,
    #[default(literal(0b010_0001))]
    wait_bank: Constant<Bits<7>>,
    #[default(literal(0b100_0000))]
    wait_room: Constant<Bits<7>>,
    /// Which of the 32 registers the contract has, and which of the 32 operations from FEED on; the latter without END.
    #[default(literal(there(0)))]
    registers: Constant<Bits<32>>,
    #[default(literal(there(command::FEED)))]
    operations: Constant<Bits<32>>,
    #[default(literal(there(command::FEED) & !(1 << (command::END - command::FEED))))]
    go_on: Constant<Bits<32>>,
    low: Signal<Local, Bits<5>>,
    sane: Signal<Local, Bit>,
    register_here: Signal<Local, Bit>,
    #[default(op(command::FEED))]
    op_feed: Constant<Bits<8>>,
    #[default(op(command::DRAIN))]
    op_drain: Constant<Bits<8>>,
    #[default(op(command::LOAD))]
    op_load: Constant<Bits<8>>,
    #[default(op(command::STORE))]
    op_store: Constant<Bits<8>>,
    #[default(op(command::MARK))]
    op_mark: Constant<Bits<8>>,
    #[default(op(command::WAIT))]
    op_wait: Constant<Bits<8>>,
}

/// A bit for each of the 32 operations from `first` on: whether the contract has it.
fn there(first: u8) -> u32 {
    command::OPERATIONS
        .iter()
        .filter_map(|o| o.op.checked_sub(first))
        .filter(|&k| k < 32)
        .fold(0, |set, k| set | 1 << k)
}

impl<const Z: usize> Logic for Sequencer<Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, executing, ending, bad, word, valid, waits, carried);
        dff_setup!(self, clock, is_register, is_feed, is_drain, is_load, is_store, is_mark, ends, unknown);
        dff_setup!(self, clock, runs, sets, feeds, drains, loads, stores, marks);
        // It is let go once nothing that it waits for is there.
        self.ready.next = !((self.waits.q.val().get_bit(0) & self.feed_busy.val())
            | (self.waits.q.val().get_bit(1) & self.drain_busy.val())
            | (self.waits.q.val().get_bit(2) & self.load_busy.val())
            | (self.waits.q.val().get_bit(3) & self.store_busy.val())
            | (self.waits.q.val().get_bit(4) & self.load_older.val())
            | (self.waits.q.val().get_bit(5) & self.feed_blocked.val())
            | (self.waits.q.val().get_bit(6) & self.load_full.val())
            | self.marking.val());
        self.go.next = self.valid.q.val() & self.ready.val() & self.runs.q.val();

        self.number.next = self.cmd.val().get_bits::<8>(24);
        self.low.next = self.cmd.val().get_bits::<5>(24);
        self.sane.next = !(self.cmd.val().get_bit(31) | self.cmd.val().get_bit(29));
        self.register_here.next =
            self.sane.val() & (!self.cmd.val().get_bit(30)) & self.registers.val().get_bit(self.low.val().index());

        // What the next command waits for by itself: by as few bits as tell the known words apart. What an unknown one waits
        // for does not matter, for the run is not over before all units are idle. MARK and END wait for everything.
        self.own.next = self.wait_feed.val();
        if self.cmd.val().get_bit(30) {
            self.own.next = self.wait_all.val();
            if !self.cmd.val().get_bit(26) {
                self.own.next = self.wait_bank.val();
                if self.cmd.val().get_bit(24) {
                    self.own.next = self.wait_drain.val();
                }
                if self.cmd.val().get_bit(25) {
                    self.own.next = self.wait_room.val();
                    if self.cmd.val().get_bit(24) {
                        self.own.next = self.wait_store.val();
                    }
                }
            } else if !self.cmd.val().get_bits::<2>(24).any() {
                self.own.next = bit_cast::<7, 5>(self.cmd.val().get_bits::<5>(0));
            } else if self.cmd.val().get_bit(24) & self.cmd.val().get_bit(0) {
                self.own.next = self.wait_soft.val();
            }
        } else if self.cmd.val().get_bit(28) {
            // The unit that a register belongs to.
            self.own.next = self.wait_drain.val();
            if self.cmd.val().get_bit(27) {
                self.own.next = self.wait_room.val();
                if self.cmd.val().get_bit(26) {
                    self.own.next = self.wait_store.val();
                }
            }
        }
        self.is_wait.next = self.number.val() == self.op_wait.val();

        // The next command into the register; a WAIT leaves it free for the one after.
        self.cmd_ready.next = !self.valid.q.val();
        if self.go.val() {
            self.valid.d.next = false;
        }
        if self.cmd_valid.val() & (!self.valid.q.val()) {
            self.valid.d.next = !self.is_wait.val();
            self.carried.d.next = self.is_wait.val();
            self.waits.d.next = self.own.val();
            if self.carried.q.val() {
                self.waits.d.next = self.own.val() | self.waits.q.val();
            }
            self.word.d.next = self.cmd.val();
            self.is_register.d.next = self.register_here.val();
            self.is_feed.d.next = self.number.val() == self.op_feed.val();
            self.is_drain.d.next = self.number.val() == self.op_drain.val();
            self.is_load.d.next = self.number.val() == self.op_load.val();
            self.is_store.d.next = self.number.val() == self.op_store.val();
            self.is_mark.d.next = self.number.val() == self.op_mark.val();
            self.ends.d.next = !(self.register_here.val()
                | (self.sane.val() & self.cmd.val().get_bit(30) & self.go_on.val().get_bit(self.low.val().index())));
            self.unknown.d.next = !(self.register_here.val()
                | (self.sane.val()
                    & self.cmd.val().get_bit(30)
                    & self.operations.val().get_bit(self.low.val().index())));
        }

        self.executed.next = self.go.val();
        // A register's number has five bits.
        self.op.next = bit_cast::<8, 5>(self.word.q.val().get_bits::<5>(24));
        self.value.next = self.word.q.val().get_bits::<24>(0);
        self.sets.d.next = self.go.val() & self.is_register.q.val();
        self.feeds.d.next = self.go.val() & self.is_feed.q.val();
        self.drains.d.next = self.go.val() & self.is_drain.q.val();
        self.loads.d.next = self.go.val() & self.is_load.q.val();
        self.stores.d.next = self.go.val() & self.is_store.q.val();
        self.marks.d.next = self.go.val() & self.is_mark.q.val();
        self.set.next = self.sets.q.val();
        self.start_feed.next = self.feeds.q.val();
        self.start_drain.next = self.drains.q.val();
        self.start_load.next = self.loads.q.val();
        self.start_store.next = self.stores.q.val();
        self.mark.next = self.marks.q.val();
        self.gently.next = self.word.q.val().get_bit(0);

        // A beat that failed is not yet a command when this knows of it.
        self.runs.d.next = self.executing.q.val() & (!self.ending.q.val()) & (!self.read_error.val());
        if self.go.val() & self.ends.q.val() {
            self.ending.d.next = true;
            self.bad.d.next = self.unknown.q.val();
        }
        for z in 0..Z {
            self.ends_here[z].next = !(self.is_register.q.val()
                | (!(self.word.q.val().get_bit(31) | self.word.q.val().get_bit(29))
                    & self.word.q.val().get_bit(30)
                    & self.go_on.val().get_bit(self.word.q.val().get_bits::<5>(24).index())));
            self.unknown_here[z].next = !(self.is_register.q.val()
                | (!(self.word.q.val().get_bit(31) | self.word.q.val().get_bit(29))
                    & self.word.q.val().get_bit(30)
                    & self.operations.val().get_bit(self.word.q.val().get_bits::<5>(24).index())));
            self.ending.d.next = self.ending.q.val();
            self.bad.d.next = self.bad.q.val();
            if self.go.val() & self.ends_here[z].val() {
                self.ending.d.next = true;
                self.bad.d.next = self.unknown_here[z].val();
            }
        }
        // The drain may wait for a feed that will not come: the next start clears it.
        if self.executing.q.val()
            & self.read_error.val()
            & (!(self.feed_busy.val() | self.load_busy.val() | self.store_busy.val()))
        {
            self.ending.d.next = true;
        }
        self.flush.next = self.ending.q.val();
        self.rests.next = !(self.feed_busy.val()
            | self.load_busy.val()
            | self.store_busy.val()
            | (self.drain_busy.val() & (!self.read_error.val())));
        self.done.next = self.ending.q.val() & (!self.fetch_busy.val()) & self.rests.val();
        if self.done.val() {
            self.ending.d.next = false;
            self.executing.d.next = false;
        }
        self.running.next = self.executing.q.val();
        self.illegal.next = self.bad.q.val();
        if self.start.val() {
            self.executing.d.next = true;
            self.bad.d.next = false;
        }
        if self.start.val() | self.reset.val() {
            self.valid.d.next = false;
            self.carried.d.next = false;
        }
        if self.reset.val() {
            self.executing.d.next = false;
            self.ending.d.next = false;
            self.bad.d.next = false;
        }
    }
}
