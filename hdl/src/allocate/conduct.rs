//! Conducts a run: header, passes, rest of the decisions, traceback, rest of the levels, record.
//!
//! A pass begins when its costs are in the lanes, row memory has sent the row before, and the first cell of that row has
//! come back. The banks change roles after each whole device. Phases follow each other in the cycle in which their
//! condition holds.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `reset`, `start` | in | nothing runs; pulse: a run begins |
//! | `header_done`, `bad` | in | from [`super::header`] |
//! | `loaded`, `whole` | in | from [`super::table`]: the pass that is loaded |
//! | `rows_free`, `row_ready`, `ended` | in | from [`super::rows`] and [`super::tail`] |
//! | `solved` | in | there is an answer to trace |
//! | `aligned`, `empty`, `fetch_busy`, `trace_busy`, `record_busy` | in | packers, sink, fetch, traceback, record |
//! | `enter`, `go`, `source`, `begin_trace`, `record` | out | pulses, and the bank with the row |
//! | `working` | out | passes run: the lanes may step |
//! | `flush`, `pad` | out | end the fetch; fill up the last burst |
//! | `to_levels`, `to_record` | out | pulses: levels, the record go to the sink from now on |
//! | `tracing` | out | the read channel is the traceback's |
//! | `counting`, `done` | out | from `start` to the record; pulse: the end |

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// What a run is at.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// The header is read.
    Header,
    /// Passes run.
    Rows,
    /// The last decisions go to card memory.
    Drain,
    /// Levels are found.
    Trace,
    /// The last levels go to card memory.
    Levels,
    /// The record is written.
    Record,
}

/// The conductor; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Conduct {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub header_done: Signal<In, Bit>,
    pub bad: Signal<In, Bit>,
    pub loaded: Signal<In, Bit>,
    pub whole: Signal<In, Bit>,
    pub rows_free: Signal<In, Bit>,
    pub row_ready: Signal<In, Bit>,
    pub ended: Signal<In, Bit>,
    pub solved: Signal<In, Bit>,
    pub aligned: Signal<In, Bit>,
    pub empty: Signal<In, Bit>,
    pub fetch_busy: Signal<In, Bit>,
    pub trace_busy: Signal<In, Bit>,
    pub record_busy: Signal<In, Bit>,
    pub enter: Signal<Out, Bit>,
    pub go: Signal<Out, Bit>,
    pub source: Signal<Out, Bit>,
    pub begin_trace: Signal<Out, Bit>,
    pub record: Signal<Out, Bit>,
    pub working: Signal<Out, Bit>,
    pub flush: Signal<Out, Bit>,
    pub pad: Signal<Out, Bit>,
    pub to_levels: Signal<Out, Bit>,
    pub to_record: Signal<Out, Bit>,
    pub tracing: Signal<Out, Bit>,
    pub counting: Signal<Out, Bit>,
    pub done: Signal<Out, Bit>,
    phase: DFF<Phase>,
    bank: DFF<Bit>,
    /// A pulse was given in the cycle before: the unit's busy flag does not tell yet.
    given: DFF<Bit>,
    going: Signal<Local, Bit>,
    quiet: Signal<Local, Bit>,
}

impl Logic for Conduct {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, bank, given);
        self.enter.next = false;
        self.begin_trace.next = false;
        self.record.next = false;
        self.to_levels.next = false;
        self.to_record.next = false;
        self.done.next = false;
        self.given.d.next = false;
        self.going.next =
            (self.phase.q.val() == Phase::Rows) & self.loaded.val() & self.rows_free.val() & self.row_ready.val();
        self.go.next = self.going.val();
        self.source.next = self.bank.q.val();
        if self.going.val() & self.whole.val() {
            self.bank.d.next = !self.bank.q.val();
        }
        self.working.next = self.phase.q.val() == Phase::Rows;
        self.flush.next = self.phase.q.val() == Phase::Drain;
        self.pad.next = (self.phase.q.val() == Phase::Drain) | (self.phase.q.val() == Phase::Levels);
        self.tracing.next = self.phase.q.val() == Phase::Trace;
        self.counting.next = (self.phase.q.val() != Phase::Idle) & (self.phase.q.val() != Phase::Record);
        // A beat that a packer has just completed is in the sink a cycle later: wait one.
        self.quiet.next = self.aligned.val() & self.empty.val();
        match self.phase.q.val() {
            Phase::Idle => {
                if self.start.val() {
                    self.phase.d.next = Phase::Header;
                }
            }
            Phase::Header => {
                if self.header_done.val() {
                    self.phase.d.next = Phase::Rows;
                    self.enter.next = true;
                }
                if self.bad.val() {
                    self.phase.d.next = Phase::Drain;
                }
            }
            Phase::Rows => {
                if self.ended.val() {
                    self.phase.d.next = Phase::Drain;
                }
            }
            Phase::Drain => {
                if self.quiet.val() & (!self.fetch_busy.val()) {
                    if self.solved.val() {
                        self.phase.d.next = Phase::Trace;
                        self.begin_trace.next = true;
                        self.to_levels.next = true;
                        self.given.d.next = true;
                    } else {
                        self.phase.d.next = Phase::Record;
                        self.record.next = true;
                        self.to_record.next = true;
                        self.given.d.next = true;
                    }
                }
            }
            Phase::Trace => {
                if (!self.trace_busy.val()) & (!self.given.q.val()) {
                    self.phase.d.next = Phase::Levels;
                }
            }
            Phase::Levels => {
                if self.quiet.val() {
                    self.phase.d.next = Phase::Record;
                    self.record.next = true;
                    self.to_record.next = true;
                    self.given.d.next = true;
                }
            }
            Phase::Record => {
                if (!self.record_busy.val()) & self.empty.val() & (!self.given.q.val()) {
                    self.phase.d.next = Phase::Idle;
                    self.done.next = true;
                }
            }
            _ => {
                self.phase.d.next = Phase::Idle;
            }
        }
        if self.start.val() {
            self.bank.d.next = false;
        }
        if self.reset.val() {
            self.phase.d.next = Phase::Idle;
        }
    }
}
