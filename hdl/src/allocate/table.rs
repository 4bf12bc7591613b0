//! Streams the cost tables into the lanes, one lane a cycle, a pass ahead of the row.
//!
//! A device is its slope, then its costs; the slope times the level is added on the way. The devices of a pass lie side
//! by side in the lanes; lanes that are left over get costs that are not allowed, and in the last pass places without a
//! device get one that uses nothing and costs nothing (`spare` counts them). A device with more levels than lanes takes
//! several passes. What a lane keeps for the run, its decision bits and whether a device begins there, is shifted in
//! with the costs of the first pass. Latency from a word to `load`: 2.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear`, `enter` | in | a run begins; sizes stand, begin with the first pass |
//! | `devices`, `levels`, `abreast`, `level_bits`, `unit` | in | from [`super::header`] |
//! | `valid`, `word`, `take` | in, in 32, out | words of the problem |
//! | `load`, `cost`, `place`, `mark`, `first` | out | as [`super::chain`] takes them |
//! | `loaded` | out | the next pass may begin |
//! | `taken`, `arrived` | in | pulses: it begins; its first cell has reached the last lane, the next costs may come |
//! | `whole`, `last`, `seed`, `partial`, `offset`, `used` | out 1, 1, 1, 1, 6, 7 | the pass that is loaded: ends whole devices, is the last, is of the first device, goes on with a device, its first level, lanes with a level |
//! | `spare` | out 6 | places without a device |

use super::{INFEASIBLE, OVERFLOW};
use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::allocate::NOT_ALLOWED;

/// What the unit does in a cycle.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// No run, or all passes loaded.
    Off,
    /// The lanes still need their next costs.
    Hold,
    /// Take the slope of a device.
    Slope,
    /// Take a cost.
    Cost,
    /// Fill a lane that is left over.
    Pad,
    /// A pass is loaded.
    Full,
}

/// The table unit for L lanes and decision words of P bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Table<const L: usize, const P: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub enter: Signal<In, Bit>,
    pub devices: Signal<In, Bits<11>>,
    pub levels: Signal<In, Bits<7>>,
    pub abreast: Signal<In, Bits<7>>,
    pub level_bits: Signal<In, Bits<3>>,
    pub unit: Signal<In, Bits<P>>,
    pub valid: Signal<In, Bit>,
    pub word: Signal<In, Bits<32>>,
    pub take: Signal<Out, Bit>,
    pub load: Signal<Out, Bit>,
    pub cost: Signal<Out, Bits<33>>,
    pub place: Signal<Out, Bit>,
    pub mark: Signal<Out, Bits<P>>,
    pub first: Signal<Out, Bit>,
    pub loaded: Signal<Out, Bit>,
    pub taken: Signal<In, Bit>,
    pub arrived: Signal<In, Bit>,
    pub whole: Signal<Out, Bit>,
    pub last: Signal<Out, Bit>,
    pub seed: Signal<Out, Bit>,
    pub partial: Signal<Out, Bit>,
    pub offset: Signal<Out, Bits<6>>,
    pub used: Signal<Out, Bits<7>>,
    pub spare: Signal<Out, Bits<6>>,
    phase: DFF<Phase>,
    /// Devices that are still to come.
    left: DFF<Bits<11>>,
    lane: DFF<Bits<7>>,
    level: DFF<Bits<7>>,
    /// Places of the pass that have been filled.
    filled: DFF<Bits<7>>,
    slope: DFF<Bits<32>>,
    /// Slope times level; the bit above the sum stays once it overflows.
    term: DFF<Bits<33>>,
    unit_now: DFF<Bits<P>>,
    mark_now: DFF<Bits<P>>,
    placing: DFF<Bit>,
    is_whole: DFF<Bit>,
    is_seed: DFF<Bit>,
    is_partial: DFF<Bit>,
    from: DFF<Bits<6>>,
    used_lanes: DFF<Bits<7>>,
    spares: DFF<Bits<6>>,
    /// First step: a cost and what is added to it.
    raw: DFF<Bits<32>>,
    added: DFF<Bits<33>>,
    raw_mark: DFF<Bits<P>>,
    raw_first: DFF<Bit>,
    raw_valid: DFF<Bit>,
    /// Second step: the sum.
    sum: DFF<Bits<33>>,
    sum_mark: DFF<Bits<P>>,
    sum_first: DFF<Bit>,
    sum_valid: DFF<Bit>,
    exists: Signal<Local, Bit>,
    push: Signal<Local, Bit>,
    last_level: Signal<Local, Bit>,
    last_lane: Signal<Local, Bit>,
    last_place: Signal<Local, Bit>,
    more: Signal<Local, Bit>,
    next_term: Signal<Local, Bits<33>>,
    total: Signal<Local, Bits<33>>,
    #[default(Constant::new(INFEASIBLE.to_bits()))]
    infeasible: Constant<Bits<33>>,
    #[default(Constant::new(OVERFLOW.to_bits()))]
    overflow: Constant<Bits<33>>,
    #[default(Constant::new((1u64 << 32).to_bits()))]
    spilt: Constant<Bits<33>>,
    #[default(literal(NOT_ALLOWED))]
    not_allowed: Constant<Bits<32>>,
    #[default(literal(0))]
    nothing: Constant<Bits<32>>,
    #[default(Constant::new(0u64.to_bits()))]
    no_term: Constant<Bits<33>>,
    #[default(literal(0))]
    no_mark: Constant<Bits<P>>,
    #[default(literal(L as u32 - 1))]
    lanes: Constant<Bits<7>>,
    #[default(literal(1))]
    one: Constant<Bits<7>>,
    #[default(literal(1))]
    one_device: Constant<Bits<11>>,
}

impl<const L: usize, const P: usize> Logic for Table<L, P> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, left, lane, level, filled, slope, term, unit_now, mark_now, placing, is_whole);
        dff_setup!(self, clock, is_seed, is_partial, from, used_lanes, spares, raw, added, raw_mark, raw_first);
        dff_setup!(self, clock, raw_valid, sum, sum_mark, sum_first, sum_valid);
        self.exists.next = self.left.q.val().any();
        self.push.next = ((self.phase.q.val() == Phase::Cost) & (self.valid.val() | (!self.exists.val())))
            | (self.phase.q.val() == Phase::Pad);
        self.take.next = self.valid.val()
            & ((self.phase.q.val() == Phase::Slope) | ((self.phase.q.val() == Phase::Cost) & self.exists.val()));
        self.last_level.next = (self.level.q.val() + self.one.val()) == self.levels.val();
        self.last_lane.next = self.lane.q.val() == self.lanes.val();
        self.last_place.next = (self.filled.q.val() + self.one.val()) == self.abreast.val();
        // Whether a device comes after the one whose last cost this is.
        self.more.next = self.left.q.val() > self.one_device.val();

        self.next_term.next =
            bit_cast::<33, 32>(self.term.q.val().get_bits::<32>(0)) + bit_cast::<33, 32>(self.slope.q.val());
        self.raw_valid.d.next = self.push.val();
        if self.push.val() {
            self.lane.d.next = self.lane.q.val() + self.one.val();
            self.raw.d.next = self.not_allowed.val();
            self.added.d.next = self.no_term.val();
            self.raw_mark.d.next = self.no_mark.val();
            self.raw_first.d.next = false;
            if self.phase.q.val() == Phase::Cost {
                self.raw_mark.d.next = self.mark_now.q.val();
                self.raw_first.d.next = (!self.level.q.val().any()) & self.filled.q.val().any();
                self.level.d.next = self.level.q.val() + self.one.val();
                self.mark_now.d.next = self.mark_now.q.val() + self.unit_now.q.val();
                if self.exists.val() {
                    self.raw.d.next = self.word.val();
                    self.added.d.next = self.term.q.val();
                    self.term.d.next = self.next_term.val() | (self.term.q.val() & self.spilt.val());
                    self.used_lanes.d.next = self.used_lanes.q.val() + self.one.val();
                } else if !self.level.q.val().any() {
                    self.raw.d.next = self.nothing.val();
                }
            }
        }

        self.total.next =
            bit_cast::<33, 32>(self.raw.q.val()) + bit_cast::<33, 32>(self.added.q.val().get_bits::<32>(0));
        self.sum.d.next = self.total.val();
        if self.total.val().get_bit(32) | self.added.q.val().get_bit(32) {
            self.sum.d.next = self.overflow.val();
        }
        if self.raw.q.val().all() {
            self.sum.d.next = self.infeasible.val();
        }
        self.sum_mark.d.next = self.raw_mark.q.val();
        self.sum_first.d.next = self.raw_first.q.val();
        self.sum_valid.d.next = self.raw_valid.q.val();
        self.load.next = self.sum_valid.q.val();
        self.place.next = self.sum_valid.q.val() & self.placing.q.val();
        self.cost.next = self.sum.q.val();
        self.mark.next = self.sum_mark.q.val();
        self.first.next = self.sum_first.q.val();

        self.loaded.next = (self.phase.q.val() == Phase::Full) & (!self.raw_valid.q.val()) & (!self.sum_valid.q.val());
        self.whole.next = self.is_whole.q.val();
        self.last.next = self.is_whole.q.val() & (!self.exists.val());
        self.seed.next = self.is_seed.q.val();
        self.partial.next = self.is_partial.q.val();
        self.offset.next = self.from.q.val();
        self.used.next = self.used_lanes.q.val();
        self.spare.next = self.spares.q.val();

        match self.phase.q.val() {
            Phase::Slope => {
                if self.valid.val() {
                    self.slope.d.next = self.word.val();
                    self.term.d.next = self.no_term.val();
                    self.phase.d.next = Phase::Cost;
                }
            }
            Phase::Cost => {
                if self.push.val() {
                    if self.last_level.val() {
                        self.level.d.next = 0.into();
                        self.mark_now.d.next = self.no_mark.val();
                        self.unit_now.d.next = self.unit_now.q.val() >> self.level_bits.val();
                        self.filled.d.next = self.filled.q.val() + self.one.val();
                        self.is_whole.d.next = true;
                        if self.exists.val() {
                            self.left.d.next = self.left.q.val() - self.one_device.val();
                        } else {
                            self.spares.d.next = self.spares.q.val() + 1;
                        }
                        if self.last_lane.val() {
                            self.phase.d.next = Phase::Full;
                        } else if self.last_place.val() {
                            self.phase.d.next = Phase::Pad;
                        } else if self.more.val() {
                            self.phase.d.next = Phase::Slope;
                        }
                    } else if self.last_lane.val() {
                        self.phase.d.next = Phase::Full;
                    }
                }
            }
            Phase::Pad => {
                if self.last_lane.val() {
                    self.phase.d.next = Phase::Full;
                }
            }
            Phase::Full => {
                if self.taken.val() {
                    self.phase.d.next = Phase::Hold;
                    self.placing.d.next = false;
                    if self.is_whole.q.val() {
                        self.is_seed.d.next = false;
                        if !self.exists.val() {
                            self.phase.d.next = Phase::Off;
                        }
                    }
                }
            }
            Phase::Hold => {
                if self.arrived.val() {
                    self.phase.d.next = Phase::Slope;
                    if self.level.q.val().any() {
                        self.phase.d.next = Phase::Cost;
                    }
                    self.is_partial.d.next = self.level.q.val().any();
                    self.from.d.next = self.level.q.val().get_bits::<6>(0);
                    self.is_whole.d.next = false;
                    self.lane.d.next = 0.into();
                    self.filled.d.next = 0.into();
                    self.used_lanes.d.next = 0.into();
                    self.unit_now.d.next = self.unit.val();
                }
            }
            _ => {
                self.phase.d.next = Phase::Off;
            }
        }
        if self.enter.val() {
            self.phase.d.next = Phase::Slope;
            self.left.d.next = self.devices.val();
            self.level.d.next = 0.into();
            self.lane.d.next = 0.into();
            self.filled.d.next = 0.into();
            self.used_lanes.d.next = 0.into();
            self.unit_now.d.next = self.unit.val();
            self.mark_now.d.next = self.no_mark.val();
            self.is_whole.d.next = false;
            self.is_partial.d.next = false;
            self.from.d.next = 0.into();
            self.is_seed.d.next = true;
            self.placing.d.next = true;
            self.spares.d.next = 0.into();
        }
        if self.clear.val() {
            self.phase.d.next = Phase::Off;
            self.raw_valid.d.next = false;
            self.sum_valid.d.next = false;
        }
    }
}
