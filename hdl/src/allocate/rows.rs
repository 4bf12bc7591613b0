//! Row memory: two banks of cells, and what sends a row from them into the lanes.
//!
//! A row goes out one cell a step: `x` from the bank `source`, and in a `partial` pass, one step later, `y` from the
//! other. The row before the first device is not read but made: zero at budget 0, infeasible elsewhere. In the passes of
//! a device with more levels than lanes, `x` lags by the `offset` of the pass's first level, which also enters as the
//! decision so far. The next row may `go` when `free`. Latency: `turn` is up after the first step of the row, `x` after the second, `y` after the third.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear`, `step` | in | a run begins; everything moves on |
//! | `go` | in | begin a row, only when `free` |
//! | `seed`, `partial`, `source`, `offset`, `last` | in 1, 1, 1, 6, A | with `go`: make the first row, go on from partial minima, bank of `x`, first level, last cell |
//! | `free` | out | a row may begin |
//! | `moving` | out | a cell is sent with this step |
//! | `reads` | out 2 | cells read with this step |
//! | `turn`, `x`, `x_path`, `x_row`, `y`, `y_path` | out | as [`super::chain`] takes them |
//! | `write`, `write_bank`, `write_at`, `data`, `path` | in 1, 1, A, 33, 6 | write a cell and the level that led to it |

use super::INFEASIBLE;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// Bits of a stored cell: 33 and a level.
const CELL: usize = 39;

/// Two banks of D cells (A address bits) for decisions of P bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Rows<const P: usize, const A: usize, const D: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub step: Signal<In, Bit>,
    pub go: Signal<In, Bit>,
    pub seed: Signal<In, Bit>,
    pub partial: Signal<In, Bit>,
    pub source: Signal<In, Bit>,
    pub offset: Signal<In, Bits<6>>,
    pub last: Signal<In, Bits<A>>,
    pub free: Signal<Out, Bit>,
    pub moving: Signal<Out, Bit>,
    pub reads: Signal<Out, Bits<2>>,
    pub turn: Signal<Out, Bit>,
    pub x: Signal<Out, Bits<33>>,
    pub x_path: Signal<Out, Bits<P>>,
    pub x_row: Signal<Out, Bit>,
    pub y: Signal<Out, Bits<33>>,
    pub y_path: Signal<Out, Bits<P>>,
    pub write: Signal<In, Bit>,
    pub write_bank: Signal<In, Bit>,
    pub write_at: Signal<In, Bits<A>>,
    pub data: Signal<In, Bits<33>>,
    pub path: Signal<In, Bits<6>>,
    bank0: Ram2<CELL, A, D>,
    bank1: Ram2<CELL, A, D>,
    /// Sending: the address of `x` is out.
    running: DFF<Bit>,
    at: DFF<Bits<A>>,
    seeding: DFF<Bit>,
    going_on: DFF<Bit>,
    from: DFF<Bit>,
    lag: DFF<Bits<6>>,
    row: DFF<Bit>,
    /// A step later: `x` is there, the address of `y` is out.
    sent: DFF<Bit>,
    sent_at: DFF<Bits<A>>,
    sent_zero: DFF<Bit>,
    sent_none: DFF<Bit>,
    sent_on: DFF<Bit>,
    sent_from: DFF<Bit>,
    sent_lag: DFF<Bits<6>>,
    /// Another step later: `y` is there.
    met_on: DFF<Bit>,
    met_from: DFF<Bit>,
    /// What the lanes get, a register behind the memories, whose outputs are late in a cycle.
    turn_now: DFF<Bit>,
    x_now: DFF<Bits<33>>,
    x_path_now: DFF<Bits<P>>,
    x_row_now: DFF<Bit>,
    y_now: DFF<Bits<33>>,
    y_path_now: DFF<Bits<P>>,
    x_cell: Signal<Local, Bits<33>>,
    y_cell: Signal<Local, Bits<CELL>>,
    x_read: Signal<Local, Bit>,
    y_read: Signal<Local, Bit>,
    at_start: Signal<Local, Bit>,
    #[default(Constant::new(INFEASIBLE.to_bits()))]
    infeasible: Constant<Bits<33>>,
    #[default(Constant::new(0u64.to_bits()))]
    zero: Constant<Bits<33>>,
}

impl<const P: usize, const A: usize, const D: usize> Logic for Rows<P, A, D> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, at, seeding, going_on, from, lag, row);
        dff_setup!(self, clock, sent, sent_at, sent_zero, sent_none, sent_on, sent_from, sent_lag, met_on, met_from);
        dff_setup!(self, clock, turn_now, x_now, x_path_now, x_row_now, y_now, y_path_now);
        self.bank0.clock.next = self.clock.val();
        self.bank1.clock.next = self.clock.val();

        // The bank that holds the row is read for x, the other one, a step later, for y.
        self.x_read.next = self.running.q.val() & self.step.val() & (!self.seeding.q.val());
        self.y_read.next = self.sent.q.val() & self.step.val() & self.sent_on.q.val();
        self.bank0.read.next = self.x_read.val() & (!self.from.q.val());
        self.bank1.read.next = self.x_read.val() & self.from.q.val();
        self.bank0.read_address.next = self.at.q.val() - bit_cast::<A, 6>(self.lag.q.val());
        self.bank1.read_address.next = self.at.q.val() - bit_cast::<A, 6>(self.lag.q.val());
        if self.sent.q.val() & self.sent_on.q.val() {
            if self.sent_from.q.val() {
                self.bank0.read.next = self.y_read.val();
                self.bank0.read_address.next = self.sent_at.q.val();
            } else {
                self.bank1.read.next = self.y_read.val();
                self.bank1.read_address.next = self.sent_at.q.val();
            }
        }
        self.reads.next = bit_cast::<2, 1>(self.x_read.val().into()) + bit_cast::<2, 1>(self.y_read.val().into());
        self.bank0.write.next = self.write.val() & (!self.write_bank.val());
        self.bank1.write.next = self.write.val() & self.write_bank.val();
        self.bank0.write_address.next = self.write_at.val();
        self.bank1.write_address.next = self.write_at.val();
        self.bank0.data.next = bit_cast::<CELL, 33>(self.data.val()) | (bit_cast::<CELL, 6>(self.path.val()) << 33);
        self.bank1.data.next = bit_cast::<CELL, 33>(self.data.val()) | (bit_cast::<CELL, 6>(self.path.val()) << 33);

        self.at_start.next = !self.at.q.val().any();
        self.free.next = !(self.running.q.val() | self.sent.q.val());
        self.moving.next = self.running.q.val() & self.step.val();
        self.turn.next = self.turn_now.q.val();
        self.x.next = self.x_now.q.val();
        self.x_path.next = self.x_path_now.q.val();
        self.x_row.next = self.x_row_now.q.val();
        self.y.next = self.y_now.q.val();
        self.y_path.next = self.y_path_now.q.val();

        self.x_cell.next = self.bank0.q.val().get_bits::<33>(0);
        if self.sent_from.q.val() {
            self.x_cell.next = self.bank1.q.val().get_bits::<33>(0);
        }
        if self.sent_zero.q.val() {
            self.x_cell.next = self.zero.val();
        }
        if self.sent_none.q.val() {
            self.x_cell.next = self.infeasible.val();
        }
        self.y_cell.next = self.bank1.q.val();
        if self.met_from.q.val() {
            self.y_cell.next = self.bank0.q.val();
        }

        if self.step.val() {
            if self.running.q.val() {
                self.at.d.next = self.at.q.val() + 1;
                if self.at_start.val() {
                    self.row.d.next = !self.row.q.val();
                }
                if self.at.q.val() == self.last.val() {
                    self.running.d.next = false;
                }
            }
            self.sent.d.next = self.running.q.val();
            self.sent_at.d.next = self.at.q.val();
            self.sent_zero.d.next = self.seeding.q.val() & (self.at.q.val() == bit_cast::<A, 6>(self.lag.q.val()));
            self.sent_none.d.next = (self.seeding.q.val() & (self.at.q.val() != bit_cast::<A, 6>(self.lag.q.val())))
                | (self.at.q.val() < bit_cast::<A, 6>(self.lag.q.val()));
            self.sent_on.d.next = self.going_on.q.val();
            self.sent_from.d.next = self.from.q.val();
            self.sent_lag.d.next = self.lag.q.val();
            self.met_on.d.next = self.sent_on.q.val();
            self.met_from.d.next = self.sent_from.q.val();
            self.turn_now.d.next = self.running.q.val() & self.at_start.val();
            self.x_now.d.next = self.x_cell.val();
            self.x_path_now.d.next = bit_cast::<P, 6>(self.sent_lag.q.val());
            self.x_row_now.d.next = self.row.q.val();
            self.y_now.d.next = self.infeasible.val();
            if self.met_on.q.val() {
                self.y_now.d.next = self.y_cell.val().get_bits::<33>(0);
            }
            self.y_path_now.d.next = bit_cast::<P, 6>(self.y_cell.val().get_bits::<6>(33));
        }
        if self.go.val() {
            self.running.d.next = true;
            self.at.d.next = 0.into();
            self.seeding.d.next = self.seed.val();
            self.going_on.d.next = self.partial.val();
            self.from.d.next = self.source.val();
            self.lag.d.next = self.offset.val();
        }
        if self.clear.val() {
            self.running.d.next = false;
            self.sent.d.next = false;
            self.row.d.next = false;
            self.turn_now.d.next = false;
            self.x_row_now.d.next = false;
        }
    }
}
