//! The traceback: from the answer's budget back through the decisions in card memory to a level for each device.
//!
//! One read of one beat a pass: a decision word holds what all devices of a pass chose on the way to a cell. Levels come
//! out one a cycle, last device first. Cycles a pass: 3, the latency of card memory, one for each place of a pass.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | a run begins |
//! | `start` | in | pulse: everything below stands |
//! | `at` | in AW | address of the first decision |
//! | `used`, `decisions`, `last` | in A, 24, A | the answer's budget, decision words there are, cells of a row less 1 |
//! | `abreast`, `level_bits`, `level_mask`, `spare` | in 7, 3, 6, 6 | places of a pass, bits of a decision, places of the last pass without a device |
//! | `arvalid`, `araddr`, `arready` | out, out AW, in | asks for one beat |
//! | `rvalid`, `rdata` | in, in BUS | it comes |
//! | `push`, `level` | out, out 8 | the level of a device |
//! | `busy` | out | from `start` to the last level |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// What the unit does in a cycle.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// Add row and budget.
    Point,
    /// The address is shown.
    Ask,
    /// The beat is awaited.
    Wait,
    /// A level a cycle.
    Walk,
}

/// The traceback for card addresses of AW bits, beats of BUS bits, decision words of P bits and rows with A address
/// bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Trace<const AW: usize, const BUS: usize, const P: usize, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub at: Signal<In, Bits<AW>>,
    pub used: Signal<In, Bits<A>>,
    pub decisions: Signal<In, Bits<24>>,
    pub last: Signal<In, Bits<A>>,
    pub abreast: Signal<In, Bits<7>>,
    pub level_bits: Signal<In, Bits<3>>,
    pub level_mask: Signal<In, Bits<6>>,
    pub spare: Signal<In, Bits<6>>,
    pub arvalid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arready: Signal<In, Bit>,
    pub rvalid: Signal<In, Bit>,
    pub rdata: Signal<In, Bits<BUS>>,
    pub push: Signal<Out, Bit>,
    pub level: Signal<Out, Bits<8>>,
    pub busy: Signal<Out, Bit>,
    phase: DFF<Phase>,
    budget: DFF<Bits<A>>,
    /// First decision word of the row, and the one to read.
    row: DFF<Bits<24>>,
    word_at: DFF<Bits<24>>,
    word: DFF<Bits<P>>,
    /// Places of the pass that are left.
    places: DFF<Bits<7>>,
    spares: DFF<Bits<6>>,
    cells: Signal<Local, Bits<24>>,
    decision: Signal<Local, Bits<6>>,
    shift: Signal<Local, Bits<8>>,
    shifted: Signal<Local, Bits<BUS>>,
    beat: Signal<Local, Bits<24>>,
    #[default(literal(1))]
    one: Constant<Bits<24>>,
    #[default(literal(1))]
    one_place: Constant<Bits<7>>,
    #[default(literal(P.ilog2()))]
    word_log2: Constant<Bits<3>>,
    #[default(literal((BUS / 8).ilog2()))]
    bytes_log2: Constant<Bits<3>>,
}

impl<const AW: usize, const BUS: usize, const P: usize, const A: usize> Logic for Trace<AW, BUS, P, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, budget, row, word_at, word, places, spares);
        self.cells.next = bit_cast::<24, A>(self.last.val()) + self.one.val();
        self.beat.next = self.word_at.q.val() >> 2;
        self.arvalid.next = self.phase.q.val() == Phase::Ask;
        self.araddr.next = self.at.val() + (bit_cast::<AW, 24>(self.beat.val()) << self.bytes_log2.val());
        self.shift.next = bit_cast::<8, 2>(self.word_at.q.val().get_bits::<2>(0)) << self.word_log2.val();
        self.shifted.next = self.rdata.val() >> self.shift.val();
        self.decision.next = self.word.q.val().get_bits::<6>(0) & self.level_mask.val();
        self.level.next = bit_cast::<8, 6>(self.decision.val());
        self.push.next = (self.phase.q.val() == Phase::Walk) & (!self.spares.q.val().any());
        self.busy.next = self.phase.q.val() != Phase::Idle;
        match self.phase.q.val() {
            Phase::Point => {
                self.word_at.d.next = self.row.q.val() + bit_cast::<24, A>(self.budget.q.val());
                self.phase.d.next = Phase::Ask;
            }
            Phase::Ask => {
                if self.arready.val() {
                    self.phase.d.next = Phase::Wait;
                }
            }
            Phase::Wait => {
                self.places.d.next = self.abreast.val();
                if self.rvalid.val() {
                    self.word.d.next = self.shifted.val().get_bits::<P>(0);
                    self.phase.d.next = Phase::Walk;
                }
            }
            Phase::Walk => {
                self.word.d.next = self.word.q.val() >> self.level_bits.val();
                self.places.d.next = self.places.q.val() - self.one_place.val();
                if self.spares.q.val().any() {
                    self.spares.d.next = self.spares.q.val() - 1;
                } else {
                    self.budget.d.next = self.budget.q.val() - bit_cast::<A, 6>(self.decision.val());
                }
                if self.places.q.val() == self.one_place.val() {
                    self.row.d.next = self.row.q.val() - self.cells.val();
                    self.phase.d.next = Phase::Point;
                    if !self.row.q.val().any() {
                        self.phase.d.next = Phase::Idle;
                    }
                }
            }
            _ => {
                self.phase.d.next = Phase::Idle;
            }
        }
        if self.start.val() {
            self.phase.d.next = Phase::Point;
            self.budget.d.next = self.used.val();
            self.row.d.next = self.decisions.val() - self.cells.val();
            self.spares.d.next = self.spare.val();
        }
        if self.clear.val() {
            self.phase.d.next = Phase::Idle;
        }
    }
}
