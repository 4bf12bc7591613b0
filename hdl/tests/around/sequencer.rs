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
    /// The command that is to be let go, if `valid`; the one before acts while there is none.
    word: u32,
    valid: bool,
    acts: Option<u8>,
    /// What `running`, `ending` and a failed read were a cycle ago let commands pass.
    runs: bool,
    /// Units that the command waits for because a `WAIT` stood before it; units of a `WAIT` before the one to come.
    carried: u32,
    coming: u32,
    /// Runs that a failed read ended; soft marks beside units at work.
    failed: usize,
    soft: usize,
}

impl Model {
    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let on = |k: usize| i[k] == 1;
        let (reset, start, offered, blocked, marking, fetch) = (on(0), on(1), on(2), on(5), on(9), on(10));
        let busy = [on(4), on(6), on(7), on(8)];
        let (load_full, load_older, read_error) = (on(11), on(12), on(13));
        let (op, value) = unpack(self.word);
        let all_idle = !busy.contains(&true);
        let known = operation(op).is_some();
        // Unknown words wait for what their few bits say, and in the end for all.
        let waits = match (op >> 6 & 1, op & 7) {
            (1, low @ 0..4) => [command::FEED, command::DRAIN, command::LOAD, command::STORE][low as usize],
            (1, 4) => command::WAIT,
            (1, low) if low & 1 == 1 => command::MARK,
            (1, _) => command::END,
            (_, _) => op & 0x1f,
        };
        let unit = match waits {
            0x00..=0x0f => 0,
            0x10..=0x17 => 1,
            0x18..=0x1b => 2,
            _ => 3,
        };
        let units = [busy[0], busy[1], busy[2], busy[3], load_older];
        let named = |bits: u32| (0..5).all(|u| bits >> u & 1 == 0 || !units[u]);
        let ready = match waits {
            0..command::FEED if unit == 2 => !load_full,
            0..command::FEED => !busy[unit],
            command::FEED => !busy[0] && !blocked,
            command::DRAIN => !busy[1],
            command::LOAD => !load_full,
            command::STORE => !busy[3],
            command::WAIT => named(value),
            // Soft: only what counts of it must be over, and nothing of the layer before begins again.
            command::MARK if value & 1 == 1 => !busy[0] && !busy[3],
            _ => all_idle,
        };
        // What comes after a failed read may be no commands.
        let go = self.valid && ready && named(self.carried) && self.runs && !marking;
        let rests = !(busy[0] || busy[1] && !read_error || busy[2] || busy[3]);
        let done = self.ending && !fetch && rests;
        let is = |wanted: u8| u128::from(self.acts == Some(wanted));
        let out = vec![
            u128::from(!self.valid),
            u128::from(self.ending),
            u128::from(self.acts.is_some_and(|op| op < command::FEED)),
            u128::from(op & 0x1f),
            u128::from(value),
            is(command::FEED),
            is(command::DRAIN),
            is(command::LOAD),
            is(command::STORE),
            is(command::MARK),
            u128::from(value & 1),
            u128::from(go),
            u128::from(self.running),
            u128::from(done),
            u128::from(self.illegal),
        ];
        self.soft += usize::from(go && op == command::MARK && value & 1 == 1 && !all_idle);
        self.runs = self.running && !self.ending && !read_error;
        if go && (!known || op == command::END) {
            (self.ending, self.illegal) = (true, !known);
        }
        if self.running && read_error && !busy[0] && !busy[2] && !busy[3] {
            self.ending = true;
        }
        self.acts = (go && known).then_some(op);
        if !self.valid && offered {
            self.word = i[3] as u32;
            let (op, value) = unpack(self.word);
            self.valid = op != command::WAIT;
            let before = std::mem::take(&mut self.coming);
            if self.valid {
                self.carried = before;
            } else {
                self.coming = before | value;
            }
        } else if go {
            self.valid = false;
        }
        if done {
            self.failed += usize::from(read_error && !self.illegal);
            (self.ending, self.running) = (false, false);
        }
        if start {
            (self.running, self.illegal) = (true, false);
        }
        if reset {
            (self.running, self.ending, self.illegal) = (false, false, false);
        }
        if start || reset {
            self.valid = false;
            self.coming = 0;
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
    waits_for_what_it_must::<0>();
}

#[test]
fn a_pipelined_sequencer_does_the_same() {
    waits_for_what_it_must::<1>();
}

fn waits_for_what_it_must<const Z: usize>() {
    let bench = cosim!(Sequencer::<Z>::default(),
        inputs: [reset, start, cmd_valid, cmd, feed_busy, feed_blocked, drain_busy, load_busy, store_busy, marking, fetch_busy,
            load_full, load_older, read_error],
        outputs: [cmd_ready, flush, set, op, value, start_feed, start_drain, start_load, start_store, mark, gently, executed,
            running, done, illegal]);
    let mut rng = Rng::new(11);
    let mut model = Model::default();
    let (mut running, mut read_error) = (false, false);
    bench.check(
        30_000,
        |cycle, last| {
            running = last.len() > 12 && last[12] == 1 && last[13] == 0;
            // An error stays until the next start.
            read_error = running && (read_error || rng.below(300) == 0);
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
            // Neither full nor with an older job unless busy, as the load unit is.
            v.extend((0..2).map(|_| v[7] & u128::from(rng.chance(60))).collect::<Vec<_>>());
            v.push(u128::from(read_error));
            v
        },
        |i| model.step(i),
    );
    assert!(model.failed > 10, "only {} runs ended by a failed read", model.failed);
    assert!(model.soft > 20, "only {} soft marks beside units at work", model.soft);
}
