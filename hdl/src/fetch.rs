//! Command fetch: reads the command stream ahead and gives one 32-bit word at a time.
//!
//! Bursts of 16 beats, aligned, so that none crosses 4096 bytes. A memory of 32 beats takes them: a burst is asked for
//! when the half it will fill has been read, so the read channel never waits. `flush` ends it: no more bursts are
//! asked for, and it stays busy until all beats on the way have come. Latency from a beat to its first command: 2
//! cycles; then one command a cycle.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start`, `base` | in, in AW | pulse: begin at this address, a multiple of 4096 |
//! | `flush` | in | end; hold until not `busy` |
//! | `busy` | out | between start and the end of the flush |
//! | `arvalid`, `araddr`, `arready` | out, out AW, in | asks for 16 beats |
//! | `rvalid`, `rdata` | in, in BUS | beats for this unit; always taken |
//! | `cmd_valid`, `cmd`, `cmd_ready` | out, out 32, in | commands in order, low word of a beat first |

use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// Beats of a burst.
const BURST: usize = 16;

/// Log2 of the bytes of a burst on a bus of `bus` bits.
fn burst_log2(bus: usize) -> usize {
    assert!([32, 64, 128].contains(&bus), "a bus of {bus} bits; 32, 64 and 128 are possible");
    (BURST * bus / 8).ilog2() as usize
}

/// Command fetch for addresses of AW bits and beats of BUS bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Fetch<const AW: usize, const BUS: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub start: Signal<In, Bit>,
    pub base: Signal<In, Bits<AW>>,
    pub flush: Signal<In, Bit>,
    pub busy: Signal<Out, Bit>,
    pub arvalid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arready: Signal<In, Bit>,
    pub rvalid: Signal<In, Bit>,
    pub rdata: Signal<In, Bits<BUS>>,
    pub cmd_valid: Signal<Out, Bit>,
    pub cmd: Signal<Out, Bits<32>>,
    pub cmd_ready: Signal<In, Bit>,
    active: DFF<Bit>,
    asking: DFF<Bit>,
    /// Next burst's address; its bits above those inside a burst count bursts, because the base is aligned.
    address: DFF<Bits<AW>>,
    /// Beats come and beats read, modulo 64.
    come: DFF<Bits<6>>,
    gone: DFF<Bits<6>>,
    /// The memory shows a beat of which words are left; where in it the next word begins.
    holding: DFF<Bit>,
    offset: DFF<Bits<7>>,
    beats: Ram2<BUS, 5, 32>,
    /// Bursts asked for, modulo 4.
    bursts: Signal<Local, Bits<2>>,
    /// Bursts asked for and not read to the end.
    waiting: Signal<Local, Bits<2>>,
    shifted: Signal<Local, Bits<BUS>>,
    take: Signal<Local, Bit>,
    last_word: Signal<Local, Bit>,
    read: Signal<Local, Bit>,
    #[default(Constant::new((1u64 << burst_log2(BUS)).into()))]
    burst_bytes: Constant<Bits<AW>>,
    #[default(literal(burst_log2(BUS) as u32))]
    bursts_at: Constant<Bits<4>>,
    #[default(literal(BUS as u32 - 32))]
    last_offset: Constant<Bits<7>>,
    #[default(literal(32))]
    word: Constant<Bits<7>>,
    #[default(literal(2))]
    halves: Constant<Bits<2>>,
    #[default(literal(0))]
    whole: Constant<Bits<4>>,
    #[default(literal(1))]
    one: Constant<Bits<6>>,
}

impl<const AW: usize, const BUS: usize> Logic for Fetch<AW, BUS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, active, asking, address, come, gone, holding, offset);
        self.beats.clock.next = self.clock.val();
        self.busy.next = self.active.q.val();

        // Ask for a burst when at most one is neither on its way nor read.
        self.bursts.next = self.address.q.val().get_bits::<2>(self.bursts_at.val().index());
        self.waiting.next = self.bursts.val() - self.gone.q.val().get_bits::<2>(4);
        self.arvalid.next = self.asking.q.val();
        self.araddr.next = self.address.q.val();
        if self.asking.q.val() {
            if self.arready.val() {
                self.asking.d.next = false;
                self.address.d.next = self.address.q.val() + self.burst_bytes.val();
            }
        } else if self.active.q.val() & (!self.flush.val()) & (self.waiting.val() != self.halves.val()) {
            self.asking.d.next = true;
        }

        self.beats.write.next = self.rvalid.val();
        self.beats.write_address.next = self.come.q.val().get_bits::<5>(0);
        self.beats.data.next = self.rdata.val();
        if self.rvalid.val() {
            self.come.d.next = self.come.q.val() + self.one.val();
        }

        // The memory's output is the register from which commands are taken.
        self.take.next = self.holding.q.val() & self.cmd_ready.val();
        self.last_word.next = self.take.val() & (self.offset.q.val() == self.last_offset.val());
        self.read.next = (self.come.q.val() != self.gone.q.val()) & ((!self.holding.q.val()) | self.last_word.val());
        self.beats.read.next = self.read.val();
        self.beats.read_address.next = self.gone.q.val().get_bits::<5>(0);
        if self.read.val() {
            self.gone.d.next = self.gone.q.val() + self.one.val();
        }
        self.holding.d.next = self.read.val() | (self.holding.q.val() & (!self.last_word.val()));
        if self.take.val() {
            // Wraps at the end of a beat: 128 is 0, and narrower beats stay at their last offset or 0.
            self.offset.d.next = (self.offset.q.val() + self.word.val()) & self.last_offset.val();
        }
        self.cmd_valid.next = self.holding.q.val();
        self.shifted.next = self.beats.q.val() >> self.offset.q.val();
        self.cmd.next = self.shifted.val().get_bits::<32>(0);

        // All beats that were asked for have come when the counts of beats and of bursts agree.
        if self.flush.val()
            & (!self.asking.q.val())
            & (self.come.q.val().get_bits::<2>(4) == self.bursts.val())
            & (self.come.q.val().get_bits::<4>(0) == self.whole.val())
        {
            self.active.d.next = false;
            self.holding.d.next = false;
        }
        if self.start.val() {
            self.active.d.next = true;
            self.address.d.next = self.base.val();
        }
        if self.start.val() | self.reset.val() {
            self.come.d.next = 0.into();
            self.gone.d.next = 0.into();
            self.offset.d.next = 0.into();
            self.holding.d.next = false;
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.asking.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosim;
    use crate::cosim::Rng;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    /// A unit that reads ahead, at the level of what it may and may not do.
    #[derive(Default)]
    struct Model {
        active: bool,
        asking: bool,
        address: u128,
        asked: usize,
        come: Vec<u128>,
        gone: usize,
        holding: Option<u128>,
        word: usize,
    }

    impl Model {
        fn step(&mut self, i: &[u128], words: usize) -> Vec<u128> {
            let (start, flush, arready, rvalid, ready) = (i[1] == 1, i[3] == 1, i[4] == 1, i[5] == 1, i[7] == 1);
            let command = self.holding.map_or(0, |beat| beat >> (32 * self.word) & 0xffff_ffff);
            let out = vec![
                u128::from(self.active),
                u128::from(self.asking),
                self.address,
                u128::from(self.holding.is_some()),
                command,
            ];
            let take = ready && self.holding.is_some();
            let last = take && self.word == words - 1;
            let read = self.come.len() > self.gone && (self.holding.is_none() || last);
            let ended = flush && !self.asking && self.come.len() == BURST * self.asked;
            let room = self.asked - self.gone / BURST < 2;
            if self.asking && arready {
                (self.asking, self.asked) = (false, self.asked + 1);
                self.address = (self.address + (BURST * words * 4) as u128) & 0xff_ffff;
            } else if !self.asking {
                self.asking = self.active && !flush && room;
            }
            if take {
                self.word = (self.word + 1) % words;
            }
            if read {
                self.holding = Some(self.come[self.gone]);
                self.gone += 1;
            } else if last {
                self.holding = None;
            }
            if rvalid {
                self.come.push(i[6]);
            }
            if ended {
                (self.active, self.holding) = (false, None);
            }
            if start || i[0] == 1 {
                let address = if start { i[2] } else { self.address };
                *self = Model { active: start && i[0] == 0, address, ..Model::default() };
            }
            out
        }
    }

    fn commands_come_in_order<const BUS: usize>() {
        let bench = cosim!(Fetch::<24, BUS>::default(),
            inputs: [reset, start, base, flush, arready, rvalid, rdata, cmd_ready],
            outputs: [busy, arvalid, araddr, cmd_valid, cmd])
        .gate("cmd", "cmd_valid")
        .gate("araddr", "arvalid");
        let mut rng = Rng::new(BUS as u64);
        let model = RefCell::new(Model::default());
        let mut beats: VecDeque<u128> = VecDeque::new();
        let (mut flush, mut was_ready, mut started) = (false, false, false);
        bench.check(
            6000,
            |cycle, last| {
                let (busy, asked) = (last.first() == Some(&1), last.get(1) == Some(&1) && was_ready);
                if asked {
                    beats.extend((0..BURST).map(|_| rng.bits(BUS)));
                }
                flush = busy && (flush || rng.below(300) == 0);
                was_ready = rng.chance(60);
                let phase = [90, 30][cycle / 500 % 2];
                let beat = rng.chance(phase).then(|| beats.pop_front()).flatten();
                // A start only when all is over, and one start at a time.
                let over = model.borrow().come.len() == BURST * model.borrow().asked;
                started = cycle > 0 && !busy && over && !started && rng.chance(30);
                vec![
                    u128::from(cycle == 0),
                    u128::from(started),
                    rng.bits(12) << 12,
                    u128::from(flush),
                    u128::from(was_ready),
                    u128::from(beat.is_some()),
                    beat.unwrap_or(0),
                    u128::from(rng.chance(120 - phase)),
                ]
            },
            |i| model.borrow_mut().step(i, BUS / 32),
        );
    }

    #[test]
    fn commands_come_in_order_from_32_bits() {
        commands_come_in_order::<32>();
    }

    #[test]
    fn commands_come_in_order_from_128_bits() {
        commands_come_in_order::<128>();
    }
}
