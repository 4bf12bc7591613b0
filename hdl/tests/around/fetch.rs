//! Command fetch.

use rust_hdl_core::prelude::Block;
use std::cell::RefCell;
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::fetch::*;

const BURST: usize = 16;

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

fn commands_come_in_order<B: Block>(bench: Cosim<B>, bus: usize, pipelined: bool) {
    let bench = bench.gate("cmd", "cmd_valid").gate("araddr", "arvalid");
    let mut rng = Rng::new(bus as u64);
    let model = RefCell::new(Model::default());
    let mut beats: VecDeque<u128> = VecDeque::new();
    let (mut flush, mut was_ready, mut started) = (false, false, false);
    bench.check(
        6000,
        |cycle, last| {
            let (busy, asked) = (last.first() == Some(&1), last.get(1) == Some(&1) && was_ready);
            if asked {
                beats.extend((0..BURST).map(|_| rng.bits(bus)));
            }
            flush = busy && (flush || rng.below(300) == 0);
            was_ready = rng.chance(60);
            let phase = [90, 30][cycle / 500 % 2];
            let front = beats.front().copied();
            let beat = rng.chance(phase).then(|| beats.pop_front()).flatten();
            // A start only when all is over, and one start at a time.
            let over = model.borrow().come.len() == BURST * model.borrow().asked;
            started = cycle > 0 && !busy && over && !started && rng.chance(30);
            let mut inputs = vec![
                u128::from(cycle == 0),
                u128::from(started),
                rng.bits(12) << 12,
                u128::from(flush),
                u128::from(was_ready),
                u128::from(beat.is_some()),
                front.unwrap_or(0),
                u128::from(rng.chance(120 - phase)),
            ];
            if pipelined {
                // One that is not taken stands there, or not yet.
                inputs.push(u128::from(beat.is_some() || front.is_some() && rng.chance(50)));
            }
            inputs
        },
        |i| model.borrow_mut().step(i, bus / 32),
    );
}

/// Fetch on a bus of so many bits, pipelined with Z = 1; its ports, with those of a pipelined one.
macro_rules! fetch {
    ($name:ident, $bus:literal, $z:literal $(, $more:literal)?) => {
        #[test]
        fn $name() {
            let bench = cosim!(Fetch::<24, $bus, $z>::default(),
                inputs: [reset, start, base, flush, arready, rvalid, rdata, cmd_ready $(, offered[$more])?],
                outputs: [busy, arvalid, araddr, cmd_valid, cmd]);
            commands_come_in_order(bench, $bus, $z > 0);
        }
    };
}

fetch!(commands_come_in_order_from_32_bits, 32, 0);
fetch!(commands_come_in_order_from_128_bits, 128, 0);
fetch!(pipelined_commands_come_in_order_from_128_bits, 128, 1, 0);
