//! The serial line, in one direction at a time: 8 data bits, no parity, one stop bit, least significant bit first.
//!
//! A timer of [`Line::new`]'s cycles a bit serves both directions. Receiving: the pin passes two registers, a low level
//! starts the timer with half a bit; if the line is high again then, that was no start bit; each data bit is taken in its
//! middle. Sending: a byte begins while `send` is high, and its last bits go out whatever `send` is then. In both
//! directions `strobe` marks one cycle a data bit, eight a byte. It comes a cycle after the bit's time.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `rx`, `tx` | in, out | the pins; high at rest |
//! | `send` | in | bytes go out; what comes in is ignored |
//! | `data` | in | the bit to send; taken at `strobe` |
//! | `strobe`, `value` | out | a data bit passes now; the one received or sent |
//! | `broken` | out | pulse: the byte that came has no stop bit |
//! | `silent` | out | pulse: nothing has come for [`SILENCE_BITS`] bit times |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::bridge::SILENCE_BITS;

/// Least cycles a bit: what stands behind the line takes three from one bit to the next.
pub const LEAST_DIVIDER: u32 = 4;
/// Bits of the counter of silent bit times.
const QUIET_BITS: usize = SILENCE_BITS.ilog2() as usize;
const _: () = assert!(SILENCE_BITS.is_power_of_two());

/// The serial line with a timer of D bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Line<const D: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub rx: Signal<In, Bit>,
    pub tx: Signal<Out, Bit>,
    pub send: Signal<In, Bit>,
    pub data: Signal<In, Bit>,
    pub strobe: Signal<Out, Bit>,
    pub value: Signal<Out, Bit>,
    pub broken: Signal<Out, Bit>,
    pub silent: Signal<Out, Bit>,
    /// The pin, low: so that the registers wake up with a line at rest.
    near: DFF<Bit>,
    low: DFF<Bit>,
    /// The pin `tx`, low.
    pull: DFF<Bit>,
    sending: DFF<Bit>,
    timer: DFF<Bits<D>>,
    /// Where in a byte the line is: at rest, in the start bit (receiving), before data bit 0 to 7, before the stop bit.
    at: DFF<Bits<4>>,
    quiet: DFF<Bits<QUIET_BITS>>,
    passes: DFF<Bit>,
    carried: DFF<Bit>,
    tick: Signal<Local, Bit>,
    starts: Signal<Local, Bit>,
    in_data: Signal<Local, Bit>,
    resting: Signal<Local, Bit>,
    #[default(literal(1))]
    in_start: Constant<Bits<4>>,
    #[default(literal(2))]
    before_data: Constant<Bits<4>>,
    #[default(literal(10))]
    before_stop: Constant<Bits<4>>,
    #[default(literal(11))]
    in_stop: Constant<Bits<4>>,
    /// The timer's value for a bit, and for half of one.
    #[default(literal(0))]
    whole: Constant<Bits<D>>,
    #[default(literal(0))]
    half: Constant<Bits<D>>,
}

impl<const D: usize> Line<D> {
    /// A line with `divider` clock cycles a bit.
    pub fn new(divider: u32) -> Self {
        assert!(
            divider >= LEAST_DIVIDER && divider <= 1 << D,
            "{divider} cycles a bit; {LEAST_DIVIDER} to 2^{D} are possible"
        );
        Self { whole: literal(divider - 1), half: literal(divider / 2 - 1), ..Default::default() }
    }
}

impl<const D: usize> Logic for Line<D> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, near, low, pull, sending, timer, at, quiet, passes, carried);
        self.near.d.next = !self.rx.val();
        self.low.d.next = self.near.q.val();
        self.tx.next = !self.pull.q.val();
        self.resting.next = !self.at.q.val().any();
        self.tick.next = !self.timer.q.val().any();
        self.starts.next = self.resting.val() & (self.send.val() | self.low.q.val());

        self.timer.d.next = self.timer.q.val() - 1;
        if self.tick.val() | self.starts.val() {
            self.timer.d.next = self.whole.val();
        }
        if self.starts.val() & (!self.send.val()) {
            self.timer.d.next = self.half.val();
        }

        // Before data bit 0 to 7: positions 2 to 9.
        self.in_data.next = ((!self.at.q.val().get_bit(3)) & (self.at.q.val().get_bit(2) | self.at.q.val().get_bit(1)))
            | (self.at.q.val().get_bit(3) & (!self.at.q.val().get_bit(2)) & (!self.at.q.val().get_bit(1)));
        // Not where a byte goes the other way: one that was coming when a reply began.
        self.passes.d.next = self.tick.val() & self.in_data.val() & (!(self.sending.q.val() ^ self.send.val()));
        self.strobe.next = self.passes.q.val();
        self.value.next = self.carried.q.val();
        self.carried.d.next = !self.low.q.val();
        if self.sending.q.val() {
            self.carried.d.next = self.data.val();
        }
        self.broken.next = false;
        if self.resting.val() {
            self.sending.d.next = self.send.val();
            if self.send.val() {
                self.at.d.next = self.before_data.val();
                self.pull.d.next = true;
            } else if self.low.q.val() {
                self.at.d.next = self.in_start.val();
            }
        } else if self.tick.val() {
            self.at.d.next = self.at.q.val() + 1;
            if self.sending.q.val() {
                self.pull.d.next = self.in_data.val() & (!self.data.val());
                if self.at.q.val() == self.in_stop.val() {
                    self.at.d.next = 0.into();
                }
            } else {
                if (self.at.q.val() == self.in_start.val()) & (!self.low.q.val()) {
                    self.at.d.next = 0.into();
                }
                if self.at.q.val() == self.before_stop.val() {
                    self.at.d.next = 0.into();
                    self.broken.next = self.low.q.val();
                }
            }
        }

        self.silent.next = self.tick.val() & self.quiet.q.val().all();
        if self.tick.val() {
            self.quiet.d.next = self.quiet.q.val() + 1;
        }
        if !self.resting.val() {
            self.quiet.d.next = 0.into();
        }
        if self.reset.val() {
            self.at.d.next = 0.into();
            self.pull.d.next = false;
            self.quiet.d.next = 0.into();
        }
    }
}
