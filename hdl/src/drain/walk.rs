//! Which value the drain's lanes take: pixel by pixel, group by group, pass by pass, once a bank is fed and the
//! parameters are there.

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// For N columns in G groups, GB bits for their number, RB bits for a row of parameters: one for each pass of each group;
/// C accumulator address bits.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `start`, `done`, `clear` | in | 1: a job begins; its last word is written; forget everything |
/// | `pixels`, `two` | in | pixels less 1; two cycles a value |
/// | `fed`, `fed_bank` | in | 1: that bank is fed |
/// | `filled`, `begins` | in, out | the parameters are there; the first value is in the next cycle |
/// | `busy`, `running` | out | a job is there; there is a value |
/// | `bank`, `pixel`, `group`, `number`, `row` | out | its bank, pixel, group (one hot, and number) and parameters |
/// | `first`, `last` | out | first and last cycle of a value |
#[derive(LogicBlock, SmartDefault)]
pub struct Walk<const N: usize, const G: usize, const GB: usize, const RB: usize, const C: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A job begins.
    pub start: Signal<In, Bit>,
    /// Its last word is written.
    pub done: Signal<In, Bit>,
    /// Forget everything.
    pub clear: Signal<In, Bit>,
    /// Pixels less 1.
    pub pixels: Signal<In, Bits<C>>,
    /// Two cycles a value.
    pub two: Signal<In, Bit>,
    /// A bank has been fed.
    pub fed: Signal<In, Bit>,
    /// Which.
    pub fed_bank: Signal<In, Bit>,
    /// The parameters are there.
    pub filled: Signal<In, Bit>,
    /// It begins.
    pub begins: Signal<Out, Bit>,
    /// A job is there.
    pub busy: Signal<Out, Bit>,
    /// There is a value.
    pub running: Signal<Out, Bit>,
    /// Its bank.
    pub bank: Signal<Out, Bit>,
    /// Its pixel.
    pub pixel: Signal<Out, Bits<C>>,
    /// Its group, one hot.
    pub group: Signal<Out, Bits<N>>,
    /// Its group.
    pub number: Signal<Out, Bits<GB>>,
    /// Its parameters.
    pub row: Signal<Out, Bits<RB>>,
    /// First cycle of a value.
    pub first: Signal<Out, Bit>,
    /// Last cycle of a value.
    pub last: Signal<Out, Bit>,
    job: DFF<Bit>,
    which: DFF<Bit>,
    ready0: DFF<Bit>,
    ready1: DFF<Bit>,
    runs: DFF<Bit>,
    second: DFF<Bit>,
    at: DFF<Bits<C>>,
    at_group: DFF<Bits<N>>,
    at_number: DFF<Bits<GB>>,
    at_row: DFF<Bits<RB>>,
    ready: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    #[default(literal(0))]
    zero_pixel: Constant<Bits<C>>,
    #[default(literal(1))]
    one_pixel: Constant<Bits<C>>,
    #[default(literal(1))]
    first_group: Constant<Bits<N>>,
    #[default(literal(0))]
    number_zero: Constant<Bits<GB>>,
    #[default(literal(1))]
    number_one: Constant<Bits<GB>>,
    #[default(literal(0))]
    row_zero: Constant<Bits<RB>>,
    #[default(literal(1))]
    row_one: Constant<Bits<RB>>,
}

impl<const N: usize, const G: usize, const GB: usize, const RB: usize, const C: usize> Logic for Walk<N, G, GB, RB, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, job, which, ready0, ready1, runs, second, at, at_group, at_number, at_row);
        self.ready.next = self.ready0.q.val();
        if self.which.q.val() {
            self.ready.next = self.ready1.q.val();
        }
        self.go.next = self.job.q.val() && self.filled.val() && self.ready.val();
        self.begins.next = self.go.val();
        if self.go.val() {
            self.runs.d.next = true;
        }
        self.busy.next = self.job.q.val();
        self.running.next = self.runs.q.val();
        self.bank.next = self.which.q.val();
        self.pixel.next = self.at.q.val();
        self.group.next = self.at_group.q.val();
        self.number.next = self.at_number.q.val();
        self.row.next = self.at_row.q.val();
        self.first.next = !self.second.q.val();
        self.ends.next = self.second.q.val() || !self.two.val();
        self.last.next = self.runs.q.val() && self.ends.val();
        if self.runs.q.val() {
            self.second.d.next = !self.ends.val();
            self.at_row.d.next = self.at_row.q.val() + self.row_one.val();
            if self.ends.val() {
                self.at_group.d.next = self.at_group.q.val() << 1;
                self.at_number.d.next = self.at_number.q.val() + self.number_one.val();
                for g in G..(G + 1) {
                    if self.at_group.q.val().get_bit(g - 1) {
                        self.at_group.d.next = self.first_group.val();
                        self.at_number.d.next = self.number_zero.val();
                        self.at_row.d.next = self.row_zero.val();
                        self.at.d.next = self.at.q.val() + self.one_pixel.val();
                        if self.at.q.val() == self.pixels.val() {
                            self.runs.d.next = false;
                        }
                    }
                }
            }
        }
        if self.done.val() {
            self.job.d.next = false;
            self.which.d.next = !self.which.q.val();
            if self.which.q.val() {
                self.ready1.d.next = false;
            } else {
                self.ready0.d.next = false;
            }
        }
        if self.fed.val() {
            if self.fed_bank.val() {
                self.ready1.d.next = true;
            } else {
                self.ready0.d.next = true;
            }
        }
        if self.start.val() {
            self.job.d.next = true;
            self.second.d.next = false;
            self.at.d.next = self.zero_pixel.val();
            self.at_group.d.next = self.first_group.val();
            self.at_number.d.next = self.number_zero.val();
            self.at_row.d.next = self.row_zero.val();
        }
        if self.clear.val() {
            self.job.d.next = false;
            self.runs.d.next = false;
            self.which.d.next = false;
            self.ready0.d.next = false;
            self.ready1.d.next = false;
        }
    }
}
