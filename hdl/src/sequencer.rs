//! The sequencer: executes command words, one a cycle when nothing makes it wait.
//!
//! It holds no command: the fetch unit presents one and keeps it until `cmd_ready`, which is raised in the cycle that
//! executes it. A register is written once its unit is idle, an operation starts once its unit is idle (the load unit
//! takes a second job); `MARK` and `END` wait for all units, and everything waits while a snapshot is taken, so that no
//! count of the next layer gets into it; a soft `MARK` waits for feeder and store unit only, and nothing waits for it. An
//! unknown command sets `illegal` and ends the run as `END` does, and so does a read that failed: what comes after it may
//! be no commands at all. Latency 0 from command to `set` and to the
//! start pulses; a unit's busy flag must be up in the cycle after its start pulse.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start` | in | pulse: a run begins |
//! | `cmd_valid`, `cmd`, `cmd_ready` | in, in 32, out | commands; `cmd_ready` is high only with `cmd_valid` |
//! | `feed_busy`, `drain_busy`, `load_busy`, `store_busy` | in | units; store is also busy with a snapshot |
//! | `load_full`, `load_older` | in | the load unit takes no job; another load than the newest runs |
//! | `read_error` | in | since the start a read failed: the run ends when feeder, load and store are idle |
//! | `feed_blocked` | in | the next accumulator bank is not free: `FEED` waits |
//! | `marking` | in | a snapshot is being taken |
//! | `fetch_busy`, `flush` | in, out | at the end `flush` stays up until the fetch unit is idle |
//! | `set`, `op`, `value` | out 1, 8, 24 | set bus to all units |
//! | `start_feed`, `start_drain`, `start_load`, `start_store`, `mark` | out | pulses; `gently` with `mark` |
//! | `running` | out | from `start` to `done` |
//! | `done` | out | pulse: the run has ended |
//! | `illegal` | out | an unknown command ended the run; until the next start |

use crate::literal::op;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::command;

/// The sequencer; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Sequencer {
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
    pub running: Signal<Out, Bit>,
    pub done: Signal<Out, Bit>,
    pub illegal: Signal<Out, Bit>,
    executing: DFF<Bit>,
    ending: DFF<Bit>,
    bad: DFF<Bit>,
    number: Signal<Local, Bits<8>>,
    ready: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    known: Signal<Local, Bit>,
    is_register: Signal<Local, Bit>,
    idle: Signal<Local, Bit>,
    unit_idle: Signal<Local, Bit>,
    waited: Signal<Local, Bit>,
    /// One bit for each operation below 128: whether the contract has it.
    #[default(Constant::new(command::OPERATIONS.iter().fold(0u128, |set, o| set | 1 << o.op).to_bits()))]
    operations: Constant<Bits<128>>,
    #[default(op(command::FEED))]
    op_feed: Constant<Bits<8>>,
    #[default(op(command::DRAIN))]
    op_drain: Constant<Bits<8>>,
    #[default(op(command::LOAD))]
    op_load: Constant<Bits<8>>,
    #[default(op(command::STORE))]
    op_store: Constant<Bits<8>>,
    #[default(op(command::WAIT))]
    op_wait: Constant<Bits<8>>,
    #[default(op(command::MARK))]
    op_mark: Constant<Bits<8>>,
    #[default(op(command::END))]
    op_end: Constant<Bits<8>>,
}

impl Logic for Sequencer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, executing, ending, bad);
        self.number.next = self.cmd.val().get_bits::<8>(24);
        self.op.next = self.cmd.val().get_bits::<8>(24);
        self.value.next = self.cmd.val().get_bits::<24>(0);

        self.idle.next = !(self.feed_busy.val() | self.drain_busy.val() | self.load_busy.val() | self.store_busy.val());
        self.known.next =
            !self.cmd.val().get_bit(31) & self.operations.val().get_bit(self.cmd.val().get_bits::<7>(24).index());
        self.is_register.next = !self.cmd.val().get_bit(30);
        // The unit that a register belongs to.
        self.unit_idle.next = !self.feed_busy.val();
        if self.cmd.val().get_bit(28) {
            self.unit_idle.next = !self.drain_busy.val();
            if self.cmd.val().get_bit(27) {
                self.unit_idle.next = !self.load_full.val();
                if self.cmd.val().get_bit(26) {
                    self.unit_idle.next = !self.store_busy.val();
                }
            }
        }
        self.waited.next = !((self.cmd.val().get_bit(0) & self.feed_busy.val())
            | (self.cmd.val().get_bit(1) & self.drain_busy.val())
            | (self.cmd.val().get_bit(2) & self.load_busy.val())
            | (self.cmd.val().get_bit(3) & self.store_busy.val())
            | (self.cmd.val().get_bit(4) & self.load_older.val()));

        // What is left, MARK, END and unknown words, waits for everything.
        self.ready.next = self.idle.val();
        if self.known.val() {
            if self.is_register.val() {
                self.ready.next = self.unit_idle.val();
            } else if self.number.val() == self.op_feed.val() {
                self.ready.next = !(self.feed_busy.val() | self.feed_blocked.val());
            } else if self.number.val() == self.op_drain.val() {
                self.ready.next = !self.drain_busy.val();
            } else if self.number.val() == self.op_load.val() {
                self.ready.next = !self.load_full.val();
            } else if self.number.val() == self.op_store.val() {
                self.ready.next = !self.store_busy.val();
            } else if self.number.val() == self.op_wait.val() {
                self.ready.next = self.waited.val();
            } else if (self.number.val() == self.op_mark.val()) & self.cmd.val().get_bit(0) {
                self.ready.next = !(self.feed_busy.val() | self.store_busy.val());
            }
        }
        self.go.next = self.cmd_valid.val()
            & self.ready.val()
            & self.executing.q.val()
            & (!self.ending.q.val())
            & (!self.marking.val())
            & (!self.read_error.val());
        self.cmd_ready.next = self.go.val();
        self.set.next = self.go.val() & self.known.val() & self.is_register.val();
        self.start_feed.next = self.go.val() & (self.number.val() == self.op_feed.val());
        self.start_drain.next = self.go.val() & (self.number.val() == self.op_drain.val());
        self.start_load.next = self.go.val() & (self.number.val() == self.op_load.val());
        self.start_store.next = self.go.val() & (self.number.val() == self.op_store.val());
        self.mark.next = self.go.val() & (self.number.val() == self.op_mark.val());
        self.gently.next = self.cmd.val().get_bit(0);

        if self.go.val() & ((!self.known.val()) | (self.number.val() == self.op_end.val())) {
            self.ending.d.next = true;
            self.bad.d.next = !self.known.val();
        }
        // The drain may wait for a feed that will not come: the next start clears it.
        if self.executing.q.val()
            & self.read_error.val()
            & (!(self.feed_busy.val() | self.load_busy.val() | self.store_busy.val()))
        {
            self.ending.d.next = true;
        }
        self.flush.next = self.ending.q.val();
        self.done.next = self.ending.q.val() & (!self.fetch_busy.val());
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
        if self.reset.val() {
            self.executing.d.next = false;
            self.ending.d.next = false;
            self.bad.d.next = false;
        }
    }
}
