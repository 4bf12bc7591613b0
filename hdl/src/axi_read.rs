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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosim;
    use crate::cosim::Rng;

    #[test]
    fn addresses_stay_and_data_find_their_reader() {
        let bench = cosim!(AxiRead::<24>::default(),
            inputs: [reset, start, fetch_arvalid, fetch_araddr, load_arvalid, load_araddr, load_arlen, arready, rvalid, rid, rresp],
            outputs: [fetch_arready, load_arready, arvalid, arid, araddr, arlen, fetch_rvalid, load_rvalid, read_error])
        .gate("araddr", "arvalid")
        .gate("arlen", "arvalid")
        .gate("arid", "arvalid");
        let mut rng = Rng::new(5);
        let mut asks: [Option<(u128, u128)>; 2] = [None; 2];
        let (mut holder, mut failed) = (None, false);
        bench.check(
            4000,
            |cycle, last| {
                // A reader keeps its address until it is taken, as the real ones do.
                for (k, ask) in asks.iter_mut().enumerate() {
                    if last.get(k) == Some(&1) && ask.is_some() {
                        *ask = None;
                    }
                    if ask.is_none() && rng.chance(30) {
                        *ask = Some((rng.bits(24), rng.bits(4)));
                    }
                }
                let fetch = asks[0].unwrap_or_default();
                let load = asks[1].unwrap_or_default();
                vec![
                    u128::from(cycle == 0),
                    u128::from(rng.chance(2)),
                    u128::from(asks[0].is_some()),
                    fetch.0,
                    u128::from(asks[1].is_some()),
                    load.0,
                    load.1,
                    u128::from(rng.chance(40)),
                    u128::from(rng.chance(70)),
                    rng.bits(1),
                    if rng.chance(5) { rng.bits(2) } else { 0 },
                ]
            },
            |i| {
                let asking = [i[2] == 1, i[4] == 1];
                let turn = holder.unwrap_or(usize::from(!asking[0]));
                let valid = asking[0] || asking[1];
                let ready = |k: usize| u128::from(i[7] == 1 && turn == k);
                let out = vec![
                    ready(0),
                    ready(1),
                    u128::from(valid),
                    turn as u128,
                    [i[3], i[5]][turn],
                    [15, i[6]][turn],
                    i[8] & (i[9] ^ 1),
                    i[8] & i[9],
                    u128::from(failed),
                ];
                failed = (failed || (i[8] == 1 && i[10] >= 2)) && i[1] == 0 && i[0] == 0;
                holder = (valid && i[7] == 0 && i[0] == 0).then_some(turn);
                out
            },
        );
    }
}
