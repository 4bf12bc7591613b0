//! Writes a stream of bus words to card memory in bursts of 16, one at a time, to one address after the other.
//!
//! A memory of 32 beats takes them; a burst begins when it has 16. The stream must be whole bursts, and its address a
//! multiple of a burst's bytes, so that no burst crosses 4096 bytes. Address, data, answer, then the next one.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | a run begins: forget errors |
//! | `set`, `at` | in, in AW | the next burst goes there; only when `empty` |
//! | `push`, `beat` | in, in BUS | take a beat; only with `room`, or [`SLACK`] beats after it fell |
//! | `room`, `empty` | out | beats may come; all have been written and answered |
//! | `awvalid` … `bresp` | out, in | write channels; bursts of 16, all of `wstrb`, `bready` always high |
//! | `write_error` | out | since `clear` an answer was an error |

use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::allocate::BURST;

/// Beats that still find a place when `room` is no more.
pub const SLACK: usize = 4;
/// Beats of the memory.
const DEPTH: usize = 2 * BURST;

/// Where the unit is in a burst.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// Too few beats.
    Idle,
    /// The address is shown.
    Address,
    /// Beats are sent.
    Data,
    /// The answer is awaited.
    Answer,
}

/// The sink for card addresses of AW bits and beats of BUS bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Sink<const AW: usize, const BUS: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub set: Signal<In, Bit>,
    pub at: Signal<In, Bits<AW>>,
    pub push: Signal<In, Bit>,
    pub beat: Signal<In, Bits<BUS>>,
    pub room: Signal<Out, Bit>,
    pub empty: Signal<Out, Bit>,
    pub awvalid: Signal<Out, Bit>,
    pub awready: Signal<In, Bit>,
    pub awaddr: Signal<Out, Bits<AW>>,
    pub wvalid: Signal<Out, Bit>,
    pub wready: Signal<In, Bit>,
    pub wdata: Signal<Out, Bits<BUS>>,
    pub wlast: Signal<Out, Bit>,
    pub bvalid: Signal<In, Bit>,
    pub bready: Signal<Out, Bit>,
    pub bresp: Signal<In, Bits<2>>,
    pub write_error: Signal<Out, Bit>,
    phase: DFF<Phase>,
    address: DFF<Bits<AW>>,
    /// Beats that came, were read from the memory, were sent; modulo 64.
    come: DFF<Bits<6>>,
    read: DFF<Bits<6>>,
    sent: DFF<Bits<6>>,
    /// The memory shows a beat.
    showing: DFF<Bit>,
    failed: DFF<Bit>,
    beats: Ram2<BUS, 5, DEPTH>,
    held: Signal<Local, Bits<6>>,
    send: Signal<Local, Bit>,
    fetch: Signal<Local, Bit>,
    is_last: Signal<Local, Bit>,
    #[default(literal(BURST as u32))]
    burst: Constant<Bits<6>>,
    #[default(literal((DEPTH - SLACK) as u32))]
    most: Constant<Bits<6>>,
    #[default(literal((BURST * BUS / 8) as u32))]
    burst_bytes: Constant<Bits<AW>>,
}

impl<const AW: usize, const BUS: usize> Logic for Sink<AW, BUS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, address, come, read, sent, showing, failed);
        self.beats.clock.next = self.clock.val();
        self.held.next = self.come.q.val() - self.sent.q.val();
        self.room.next = self.held.val() < self.most.val();
        self.empty.next = (!self.held.val().any()) & (self.phase.q.val() == Phase::Idle);
        self.beats.write.next = self.push.val();
        self.beats.write_address.next = self.come.q.val().get_bits::<5>(0);
        self.beats.data.next = self.beat.val();
        if self.push.val() {
            self.come.d.next = self.come.q.val() + 1;
        }

        // The memory's output is the register that is sent.
        self.send.next = (self.phase.q.val() == Phase::Data) & self.showing.q.val() & self.wready.val();
        self.fetch.next = (self.come.q.val() != self.read.q.val()) & ((!self.showing.q.val()) | self.send.val());
        self.beats.read.next = self.fetch.val();
        self.beats.read_address.next = self.read.q.val().get_bits::<5>(0);
        self.is_last.next = self.sent.q.val().get_bits::<4>(0).all();
        if self.send.val() {
            self.showing.d.next = false;
            self.sent.d.next = self.sent.q.val() + 1;
        }
        if self.fetch.val() {
            self.showing.d.next = true;
            self.read.d.next = self.read.q.val() + 1;
        }
        self.awvalid.next = self.phase.q.val() == Phase::Address;
        self.awaddr.next = self.address.q.val();
        self.wvalid.next = (self.phase.q.val() == Phase::Data) & self.showing.q.val();
        self.wdata.next = self.beats.q.val();
        self.wlast.next = self.is_last.val();
        self.bready.next = true;
        if self.bvalid.val() & self.bresp.val().get_bit(1) {
            self.failed.d.next = true;
        }
        self.write_error.next = self.failed.q.val();

        match self.phase.q.val() {
            Phase::Idle => {
                if self.held.val() >= self.burst.val() {
                    self.phase.d.next = Phase::Address;
                }
            }
            Phase::Address => {
                if self.awready.val() {
                    self.phase.d.next = Phase::Data;
                    self.address.d.next = self.address.q.val() + self.burst_bytes.val();
                }
            }
            Phase::Data => {
                if self.send.val() & self.is_last.val() {
                    self.phase.d.next = Phase::Answer;
                }
            }
            Phase::Answer => {
                if self.bvalid.val() {
                    self.phase.d.next = Phase::Idle;
                }
            }
            _ => {
                self.phase.d.next = Phase::Idle;
            }
        }
        if self.set.val() {
            self.address.d.next = self.at.val();
        }
        if self.clear.val() {
            self.phase.d.next = Phase::Idle;
            self.come.d.next = 0.into();
            self.read.d.next = 0.into();
            self.sent.d.next = 0.into();
            self.showing.d.next = false;
            self.failed.d.next = false;
        }
    }
}
