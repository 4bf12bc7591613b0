//! A lane: one level of one device, one add and one compare a cycle.
//!
//! A row x passes at one cell in two cycles, the partial minima y at one a cycle, so that y(j) meets x(j−k) in the lane
//! of level k. The first lane of a device takes the finished y of the device before as its x. A `turn` travels one cycle
//! ahead of the first cell of a row: the lane takes its next cost and its row number, a bit; a cell of another row
//! counts as infeasible, which is what lies left of a row. Everything but loading moves only with `step`. Latency: `x`
//! 2, `y` 1 after its partner sum, which is 1 after its `x`; `turn` 1 and 2.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | a run begins: row number 0, no turn |
//! | `step` | in | everything moves on |
//! | `load`, `cost_in`, `cost_out` | in, in 33, out 33 | shift the next costs on by one lane |
//! | `place`, `mark_in`, `mark_out`, `first_in`, `first_out` | in, P bits, 1 bit | shift what stays for a run: the decision bits of this level, and whether the device before ends here |
//! | `x`, `x_path`, `x_row` | in 33, P, 1 | cell of the row that passes, decisions that led to it, its row number |
//! | `x_out`, `x_out_path`, `x_out_row` | out | the same, 2 cycles later |
//! | `y`, `y_path` | in 33, P | least so far, one cycle behind `x` |
//! | `y_out`, `y_out_path` | out | with this level; of equal sums the lower level stays |
//! | `turn_late`, `turn` | in | turn of the lane before, 2 and 1 cycles ago |
//! | `turn_out`, `turn_out_late` | out | this lane's, 1 and 2 cycles ago |

use super::{INFEASIBLE, OVERFLOW};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// A lane with decisions of P bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Lane<const P: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub step: Signal<In, Bit>,
    pub load: Signal<In, Bit>,
    pub cost_in: Signal<In, Bits<33>>,
    pub cost_out: Signal<Out, Bits<33>>,
    pub place: Signal<In, Bit>,
    pub mark_in: Signal<In, Bits<P>>,
    pub mark_out: Signal<Out, Bits<P>>,
    pub first_in: Signal<In, Bit>,
    pub first_out: Signal<Out, Bit>,
    pub x: Signal<In, Bits<33>>,
    pub x_path: Signal<In, Bits<P>>,
    pub x_row: Signal<In, Bit>,
    pub x_out: Signal<Out, Bits<33>>,
    pub x_out_path: Signal<Out, Bits<P>>,
    pub x_out_row: Signal<Out, Bit>,
    pub y: Signal<In, Bits<33>>,
    pub y_path: Signal<In, Bits<P>>,
    pub y_out: Signal<Out, Bits<33>>,
    pub y_out_path: Signal<Out, Bits<P>>,
    pub turn: Signal<In, Bit>,
    pub turn_late: Signal<In, Bit>,
    pub turn_out: Signal<Out, Bit>,
    pub turn_out_late: Signal<Out, Bit>,
    next_cost: DFF<Bits<33>>,
    cost: DFF<Bits<33>>,
    mark: DFF<Bits<P>>,
    first: DFF<Bit>,
    row: DFF<Bit>,
    x1: DFF<Bits<33>>,
    x1_path: DFF<Bits<P>>,
    x1_row: DFF<Bit>,
    x2: DFF<Bits<33>>,
    x2_path: DFF<Bits<P>>,
    x2_row: DFF<Bit>,
    sum: DFF<Bits<33>>,
    sum_path: DFF<Bits<P>>,
    least: DFF<Bits<33>>,
    least_path: DFF<Bits<P>>,
    turn1: DFF<Bit>,
    turn2: DFF<Bit>,
    entry: Signal<Local, Bits<33>>,
    cell_path: Signal<Local, Bits<P>>,
    cell_row: Signal<Local, Bit>,
    turning: Signal<Local, Bit>,
    wide: Signal<Local, Bits<33>>,
    total: Signal<Local, Bits<33>>,
    rival: Signal<Local, Bits<33>>,
    #[default(Constant::new(INFEASIBLE.to_bits()))]
    infeasible: Constant<Bits<33>>,
    #[default(Constant::new(OVERFLOW.to_bits()))]
    overflow: Constant<Bits<33>>,
}

impl<const P: usize> Logic for Lane<P> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_cost, cost, mark, first, row, x1, x1_path, x1_row, x2, x2_path, x2_row);
        dff_setup!(self, clock, sum, sum_path, least, least_path, turn1, turn2);
        self.cost_out.next = self.next_cost.q.val();
        self.mark_out.next = self.mark.q.val();
        self.first_out.next = self.first.q.val();
        self.x_out.next = self.x2.q.val();
        self.x_out_path.next = self.x2_path.q.val();
        self.x_out_row.next = self.x2_row.q.val();
        self.y_out.next = self.least.q.val();
        self.y_out_path.next = self.least_path.q.val();
        self.turn_out.next = self.turn1.q.val();
        self.turn_out_late.next = self.turn2.q.val();

        self.entry.next = self.x.val();
        self.cell_path.next = self.x_path.val();
        self.cell_row.next = self.x_row.val();
        self.rival.next = self.y.val();
        self.turning.next = self.turn.val();
        if self.first.q.val() {
            self.entry.next = self.y.val();
            self.cell_path.next = self.y_path.val();
            self.cell_row.next = self.row.q.val();
            self.rival.next = self.infeasible.val();
            self.turning.next = self.turn_late.val();
        }
        self.wide.next = bit_cast::<33, 32>(self.entry.val().get_bits::<32>(0))
            + bit_cast::<33, 32>(self.cost.q.val().get_bits::<32>(0));
        self.total.next = self.wide.val();
        if self.wide.val().get_bit(32) {
            self.total.next = self.overflow.val();
        }
        if self.entry.val().get_bit(32) | self.cost.q.val().get_bit(32) | (self.cell_row.val() ^ self.row.q.val()) {
            self.total.next = self.infeasible.val();
        }
        if self.step.val() {
            self.x1.d.next = self.entry.val();
            self.x1_path.d.next = self.cell_path.val();
            self.x1_row.d.next = self.cell_row.val();
            self.x2.d.next = self.x1.q.val();
            self.x2_path.d.next = self.x1_path.q.val();
            self.x2_row.d.next = self.x1_row.q.val();
            self.sum.d.next = self.total.val();
            self.sum_path.d.next = self.cell_path.val() | self.mark.q.val();
            self.least.d.next = self.rival.val();
            self.least_path.d.next = self.y_path.val();
            if self.sum.q.val() < self.rival.val() {
                self.least.d.next = self.sum.q.val();
                self.least_path.d.next = self.sum_path.q.val();
            }
            self.turn1.d.next = self.turning.val();
            self.turn2.d.next = self.turn1.q.val();
            if self.turning.val() {
                self.cost.d.next = self.next_cost.q.val();
                self.row.d.next = !self.row.q.val();
            }
        }
        if self.load.val() {
            self.next_cost.d.next = self.cost_in.val();
        }
        if self.place.val() {
            self.mark.d.next = self.mark_in.val();
            self.first.d.next = self.first_in.val();
        }
        if self.clear.val() {
            self.row.d.next = false;
            self.x1_row.d.next = false;
            self.x2_row.d.next = false;
            self.turn1.d.next = false;
            self.turn2.d.next = false;
        }
    }
}
