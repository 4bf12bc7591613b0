//! One AXI4 read channel for two readers: command fetch (id 0, first) and load (id 1).
//!
//! An address that has been shown and not yet taken stays, whoever else asks. Data go to the reader that their id names;
//! neither makes them wait (`rready` is for who joins them with the memories). An error answer is remembered until the
//! next start; the data go on, so that no reader waits for ever. Latency 0 on both channels.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start` | in | pulse: forget errors |
//! | `fetch_arvalid`, `fetch_araddr`, `fetch_arready` | in, in AW, out | bursts of 16 beats |
//! | `load_arvalid`, `load_araddr`, `load_arlen`, `load_arready` | in, in AW, in 4, out | bursts of `arlen` + 1 beats |
//! | `arvalid`, `arready`, `arid`, `araddr`, `arlen` | out, in, out, out AW, out 8 | the channel |
//! | `rvalid`, `rid`, `rresp` | in, in, in 2 | the channel; `rdata` goes to the readers directly |
//! | `fetch_rvalid`, `load_rvalid` | out | a beat is for this reader |
//! | `read_error` | out | since the start a beat had an error |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// The shared read channel for addresses of AW bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct AxiRead<const AW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub fetch_arvalid: Signal<In, Bit>,
    pub fetch_araddr: Signal<In, Bits<AW>>,
    pub fetch_arready: Signal<Out, Bit>,
    pub load_arvalid: Signal<In, Bit>,
    pub load_araddr: Signal<In, Bits<AW>>,
    pub load_arlen: Signal<In, Bits<4>>,
    pub load_arready: Signal<Out, Bit>,
    pub arvalid: Signal<Out, Bit>,
    pub arready: Signal<In, Bit>,
    pub arid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arlen: Signal<Out, Bits<8>>,
    pub rvalid: Signal<In, Bit>,
    pub rid: Signal<In, Bit>,
    pub rresp: Signal<In, Bits<2>>,
    pub fetch_rvalid: Signal<Out, Bit>,
    pub load_rvalid: Signal<Out, Bit>,
    pub read_error: Signal<Out, Bit>,
    /// An address is shown and was not taken in the last cycle.
    shown: DFF<Bit>,
    /// The one shown is the load's.
    load_shown: DFF<Bit>,
    failed: DFF<Bit>,
    asked: Signal<Local, Bit>,
    load_turn: Signal<Local, Bit>,
    #[default(literal(15))]
    fetch_arlen: Constant<Bits<8>>,
}

impl<const AW: usize> Logic for AxiRead<AW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shown, load_shown, failed);
        self.load_turn.next = !self.fetch_arvalid.val();
        if self.shown.q.val() {
            self.load_turn.next = self.load_shown.q.val();
        }
        self.asked.next = self.fetch_arvalid.val() | self.load_arvalid.val();
        self.shown.d.next = self.asked.val() & (!self.arready.val());
        self.load_shown.d.next = self.load_turn.val();
        self.arvalid.next = self.asked.val();
        self.arid.next = self.load_turn.val();
        self.araddr.next = self.fetch_araddr.val();
        self.arlen.next = self.fetch_arlen.val();
        if self.load_turn.val() {
            self.araddr.next = self.load_araddr.val();
            self.arlen.next = bit_cast::<8, 4>(self.load_arlen.val());
        }
        self.fetch_arready.next = self.arready.val() & (!self.load_turn.val());
        self.load_arready.next = self.arready.val() & self.load_turn.val();

        self.fetch_rvalid.next = self.rvalid.val() & (!self.rid.val());
        self.load_rvalid.next = self.rvalid.val() & self.rid.val();
        // EXOKAY (1) is none; SLVERR (2) and DECERR (3) are.
        if self.rvalid.val() & self.rresp.val().get_bit(1) {
            self.failed.d.next = true;
        }
        self.read_error.next = self.failed.q.val();
        if self.start.val() | self.reset.val() {
            self.failed.d.next = false;
        }
        if self.reset.val() {
            self.shown.d.next = false;
        }
    }
}
