//! What comes out of the lanes: cells to row memory, decisions to the packer, and of the last row the answer.
//!
//! What a row is (`whole`, `final_row`, `bank`) is said when it goes in and held until it arrives; rows do not overlap
//! here. Latency: a cell is written and its decision given in the step in which it is at `y`.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear`, `step` | in | a run begins; everything moves on |
//! | `go`, `whole`, `final_row`, `bank` | in | a row goes in: it ends whole devices, it is the last one, where its cells go |
//! | `arriving`, `y` | in 1, 33 | its first cell is at `y` in the next step |
//! | `last`, `at_most` | in A, 1 | last cell; the answer is the least cell, not the last one |
//! | `write`, `write_bank`, `write_at` | out | write `y` there |
//! | `decide` | out | the decisions of this cell are to be kept |
//! | `ready` | out | the first cell of the row that went in last has been written |
//! | `ended` | out | the answer stands |
//! | `cost`, `used` | out 33, A | the answer |

use super::INFEASIBLE;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// The end of the lanes, for rows with A address bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Tail<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub step: Signal<In, Bit>,
    pub go: Signal<In, Bit>,
    pub whole: Signal<In, Bit>,
    pub final_row: Signal<In, Bit>,
    pub bank: Signal<In, Bit>,
    pub arriving: Signal<In, Bit>,
    pub y: Signal<In, Bits<33>>,
    pub last: Signal<In, Bits<A>>,
    pub at_most: Signal<In, Bit>,
    pub write: Signal<Out, Bit>,
    pub write_bank: Signal<Out, Bit>,
    pub write_at: Signal<Out, Bits<A>>,
    pub decide: Signal<Out, Bit>,
    pub ready: Signal<Out, Bit>,
    pub ended: Signal<Out, Bit>,
    pub cost: Signal<Out, Bits<33>>,
    pub used: Signal<Out, Bits<A>>,
    next_whole: DFF<Bit>,
    next_final: DFF<Bit>,
    next_bank: DFF<Bit>,
    active: DFF<Bit>,
    is_whole: DFF<Bit>,
    is_final: DFF<Bit>,
    to_bank: DFF<Bit>,
    at: DFF<Bits<A>>,
    written: DFF<Bit>,
    over: DFF<Bit>,
    best: DFF<Bits<33>>,
    best_at: DFF<Bits<A>>,
    taking: Signal<Local, Bit>,
    better: Signal<Local, Bit>,
    at_end: Signal<Local, Bit>,
    #[default(Constant::new(INFEASIBLE.to_bits()))]
    infeasible: Constant<Bits<33>>,
}

impl<const A: usize> Logic for Tail<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_whole, next_final, next_bank, active, is_whole, is_final, to_bank, at);
        dff_setup!(self, clock, written, over, best, best_at);
        self.taking.next = self.step.val() & self.active.q.val();
        self.write.next = self.taking.val() & (!self.is_final.q.val());
        self.write_bank.next = self.to_bank.q.val();
        self.write_at.next = self.at.q.val();
        self.decide.next = self.taking.val() & self.is_whole.q.val();
        self.ready.next = self.written.q.val();
        self.ended.next = self.over.q.val();
        self.cost.next = self.best.q.val();
        self.used.next = self.best_at.q.val();
        self.at_end.next = self.at.q.val() == self.last.val();
        self.better.next = self.at_end.val();
        if self.at_most.val() {
            self.better.next = self.y.val() < self.best.q.val();
        }
        if self.taking.val() {
            self.at.d.next = self.at.q.val() + 1;
            self.written.d.next = true;
            if self.at_end.val() {
                self.active.d.next = false;
                self.over.d.next = self.is_final.q.val();
            }
            if self.is_final.q.val() & self.better.val() {
                self.best.d.next = self.y.val();
                self.best_at.d.next = self.at.q.val();
            }
        }
        if self.step.val() & self.arriving.val() {
            self.active.d.next = true;
            self.at.d.next = 0.into();
            self.is_whole.d.next = self.next_whole.q.val();
            self.is_final.d.next = self.next_final.q.val();
            self.to_bank.d.next = self.next_bank.q.val();
        }
        if self.go.val() {
            self.written.d.next = false;
            self.next_whole.d.next = self.whole.val();
            self.next_final.d.next = self.final_row.val();
            self.next_bank.d.next = self.bank.val();
        }
        if self.clear.val() {
            self.active.d.next = false;
            self.over.d.next = false;
            self.written.d.next = true;
            self.best.d.next = self.infeasible.val();
        }
    }
}
