//! The sequencer.

use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::sequencer::*;
use systole_isa::command;
use systole_isa::command::{operation, unpack};

/// What the outputs are, in the order of the bench below; then the state steps.
#[derive(Default)]
struct Model {
    running: bool,
    ending: bool,
    illegal: bool,
}

impl Model {
    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let on = |k: usize| i[k] == 1;
        let (reset, start, valid, blocked, marking, fetch) = (on(0), on(1), on(2), on(5), on(9), on(10));
        let busy = [on(4), on(6), on(7), on(8)];
        let (op, value) = unpack(i[3] as u32);
        let all_idle = !busy.contains(&true);
        let known = operation(op).is_some();
        let unit = match op {
            0x00..=0x0f => 0,
            0x10..=0x17 => 1,
            0x18..=0x1b => 2,
            _ => 3,
        };
        let ready = match op {
            _ if !known => all_idle,
            0..command::FEED => !busy[unit],
            command::FEED => !busy[0] && !blocked,
            command::DRAIN => !busy[1],
            command::LOAD => !busy[2],
            command::STORE => !busy[3],
            command::WAIT => (0..4).all(|u| value >> u & 1 == 0 || !busy[u]),
            _ => all_idle,
        };
        let go = valid && ready && self.running && !self.ending && !marking;
        let is = |wanted: u8| u128::from(go && op == wanted);
        let done = self.ending && !fetch;
        let out = vec![
            u128::from(go),
            u128::from(self.ending),
            u128::from(go && known && op < command::FEED),
            u128::from(op),
            u128::from(value),
            is(command::FEED),
            is(command::DRAIN),
            is(command::LOAD),
            is(command::STORE),
            is(command::MARK),
            u128::from(self.running),
            u128::from(done),
            u128::from(self.illegal),
        ];
        if go && (!known || op == command::END) {
            (self.ending, self.illegal) = (true, !known);
        }
        if done {
            (self.ending, self.running) = (false, false);
        }
        if start {
            (self.running, self.illegal) = (true, false);
        }
        if reset {
            *self = Self::default();
        }
        out
    }
}

/// The kernel decodes the unit of a register from bits 4..2 of its number.
#[test]
fn registers_lie_in_the_range_of_their_unit() {
    for o in command::OPERATIONS.iter().filter(|o| o.op < command::FEED) {
        let range = match o.name.as_bytes()[0] {
            b'F' | b'W' => 0x00..0x10,
            b'D' => 0x10..0x18,
            b'L' => 0x18..0x1c,
            _ => 0x1c..0x20,
        };
        assert!(range.contains(&o.op), "{}", o.name);
    }
}

#[test]
fn every_command_waits_for_what_it_must() {
    let bench = cosim!(Sequencer::default(),
        inputs: [reset, start, cmd_valid, cmd, feed_busy, feed_blocked, drain_busy, load_busy, store_busy, marking, fetch_busy],
        outputs: [cmd_ready, flush, set, op, value, start_feed, start_drain, start_load, start_store, mark, running, done, illegal]);
    let mut rng = Rng::new(11);
    let mut model = Model::default();
    let mut running = false;
    bench.check(
        20_000,
        |cycle, last| {
            running = last.len() > 10 && last[10] == 1 && last[11] == 0;
            let mut op = rng.below(0x48) as u8;
            // END and unknown words seldom, or hardly anything else would run.
            while (operation(op).is_none() || op == command::END) && !rng.chance(5) {
                op = rng.below(0x100) as u8;
            }
            let mut v = vec![
                u128::from(cycle < 2 || rng.chance(1) && rng.chance(10)),
                u128::from(!running && rng.chance(50)),
                u128::from(rng.chance(80)),
                u128::from(op) << 24 | rng.bits(24),
            ];
            v.extend((0..7).map(|_| u128::from(rng.chance(25))));
            v
        },
        |i| model.step(i),
    );
}
