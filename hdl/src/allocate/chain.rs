//! The lanes in a line: a row enters at the first and leaves, minimised over all levels of its devices, at the last.
//!
//! Costs are shifted in from the far end, so that the first one loaded belongs to the first lane. Latency from `x` to
//! `y_out`: one cycle a lane, one more a device, and one; `arriving` is up one step before the first cell of a row is at
//! `y_out`.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear`, `step` | in | as in [`super::lane`] |
//! | `load`, `cost`, `place`, `mark`, `first` | in | shift in the next costs, and with `place` what stays for the run |
//! | `turn` | in | the next step's `x` begins a row |
//! | `x`, `x_path`, `x_row` | in 33, P, 1 | the row |
//! | `y`, `y_path` | in 33, P | partial minima to go on from, a step behind `x` |
//! | `y_out`, `y_out_path` | out 33, P | the row that comes out |
//! | `arriving` | out | it begins in the next step |

use super::lane::Lane;
use rust_hdl_core::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// L lanes with decisions of P bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Chain<const L: usize, const P: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub step: Signal<In, Bit>,
    pub load: Signal<In, Bit>,
    pub cost: Signal<In, Bits<33>>,
    pub place: Signal<In, Bit>,
    pub mark: Signal<In, Bits<P>>,
    pub first: Signal<In, Bit>,
    pub turn: Signal<In, Bit>,
    pub x: Signal<In, Bits<33>>,
    pub x_path: Signal<In, Bits<P>>,
    pub x_row: Signal<In, Bit>,
    pub y: Signal<In, Bits<33>>,
    pub y_path: Signal<In, Bits<P>>,
    pub y_out: Signal<Out, Bits<33>>,
    pub y_out_path: Signal<Out, Bits<P>>,
    pub arriving: Signal<Out, Bit>,
    #[default(from_fn(|_| Default::default()))]
    lane: [Lane<P>; L],
}

impl<const L: usize, const P: usize> Logic for Chain<L, P> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..L {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].clear.next = self.clear.val();
            self.lane[i].step.next = self.step.val();
            self.lane[i].load.next = self.load.val();
            self.lane[i].place.next = self.place.val();
        }
        self.lane[0].x.next = self.x.val();
        self.lane[0].x_path.next = self.x_path.val();
        self.lane[0].x_row.next = self.x_row.val();
        self.lane[0].y.next = self.y.val();
        self.lane[0].y_path.next = self.y_path.val();
        self.lane[0].turn.next = self.turn.val();
        self.lane[0].turn_late.next = false;
        for i in 1..L {
            self.lane[i].x.next = self.lane[i - 1].x_out.val();
            self.lane[i].x_path.next = self.lane[i - 1].x_out_path.val();
            self.lane[i].x_row.next = self.lane[i - 1].x_out_row.val();
            self.lane[i].y.next = self.lane[i - 1].y_out.val();
            self.lane[i].y_path.next = self.lane[i - 1].y_out_path.val();
            self.lane[i].turn.next = self.lane[i - 1].turn_out.val();
            self.lane[i].turn_late.next = self.lane[i - 1].turn_out_late.val();
            self.lane[i - 1].cost_in.next = self.lane[i].cost_out.val();
            self.lane[i - 1].mark_in.next = self.lane[i].mark_out.val();
            self.lane[i - 1].first_in.next = self.lane[i].first_out.val();
        }
        // A const generic cannot stand in an index; a loop of one turn gives it a name that can.
        for n in L..(L + 1) {
            self.lane[n - 1].cost_in.next = self.cost.val();
            self.lane[n - 1].mark_in.next = self.mark.val();
            self.lane[n - 1].first_in.next = self.first.val();
            self.y_out.next = self.lane[n - 1].y_out.val();
            self.y_out_path.next = self.lane[n - 1].y_out_path.val();
            self.arriving.next = self.lane[n - 1].turn_out_late.val();
        }
    }
}
