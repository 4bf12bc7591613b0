//! The load unit: two jobs at a time, their beats back to back.

use std::cell::RefCell;
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::load::*;
use systole_isa::command;

/// A started job: the words to write, in order, and where to.
struct Job {
    write: VecDeque<u128>,
    to_weights: bool,
}

/// The words still to ask for and to write, in order: nothing of how the unit counts.
#[derive(Default)]
struct Model {
    source: u128,
    buffer: usize,
    target: u128,
    to_weights: bool,
    length: u128,
    /// Words that the newest job still asks for.
    ask: Vec<u128>,
    /// A burst of them is shown: a cycle after the one before was taken.
    shown: bool,
    /// The newest job until the words of the one before have come, and the one whose words come.
    waiting: Option<Job>,
    working: Option<Job>,
    /// Where the last beat was written to, plus one; and what memory that was.
    at: u128,
    wrote_weights: bool,
    /// Cycles with two jobs; jobs whose first beat came in the cycle after the last one of the job before.
    two: usize,
    seamless: usize,
    ended: bool,
}

impl Model {
    fn step(&mut self, i: &[u128], bytes: u128, address_bits: u32, memory_bits: usize) -> Vec<u128> {
        let [reset, set, op, value, start, weights_at, input_at, output_at, arready, rvalid] = *i else {
            unreachable!()
        };
        let memory = (1u128 << memory_bits) - 1;
        let base = [weights_at, input_at, output_at][self.buffer];
        let burst = self.ask.iter().enumerate().take_while(|(k, w)| *k == 0 || *w % 16 != 0).count();
        let first = self.ask.first().copied().unwrap_or_default();
        let out = vec![
            u128::from(!self.ask.is_empty() || self.waiting.is_some()),
            u128::from(self.working.is_some() || self.waiting.is_some()),
            u128::from(self.working.is_some() && self.waiting.is_some()),
            u128::from(self.shown),
            (base + first * bytes) & (u128::MAX >> (128 - address_bits)),
            burst as u128 - u128::from(burst > 0),
            u128::from(self.working.is_some() && !self.wrote_weights),
            rvalid & u128::from(self.wrote_weights),
            self.working.as_ref().map_or(self.at, |job| job.write[0]),
        ];
        self.two += usize::from(self.working.is_some() && self.waiting.is_some());
        let taken = self.shown && arready == 1;
        self.shown = !taken && !self.ask.is_empty();
        if taken {
            self.ask.drain(..burst);
        }
        if rvalid == 1 {
            self.seamless += usize::from(self.ended);
            let job = self.working.as_mut().expect("a beat for nobody");
            self.at = (job.write.pop_front().unwrap() + 1) & memory;
        }
        self.ended = rvalid == 1 && self.working.as_ref().is_some_and(|job| job.write.is_empty());
        self.working = self.working.take().filter(|job| !job.write.is_empty());
        if self.working.is_none() {
            self.working = self.waiting.take();
            if let Some(job) = &self.working {
                (self.at, self.wrote_weights) = (job.write[0], job.to_weights);
            }
        }
        if set == 1 {
            match op as u8 {
                command::L_SRC => self.source = value,
                command::L_DST => (self.target, self.to_weights) = (value & memory, value >> 23 == 1),
                command::L_LEN => (self.length, self.buffer) = (value & memory, (value >> 22) as usize),
                _ => {}
            }
        }
        if start == 1 {
            self.ask = (0..=self.length).map(|k| (self.source + k) & 0xff_ffff).collect();
            let write = (0..=self.length).map(|k| (self.target + k) & memory).collect();
            self.waiting = Some(Job { write, to_weights: self.to_weights });
        }
        if reset == 1 {
            (self.ask, self.shown, self.waiting, self.working) = (vec![], false, None, None);
        }
        out
    }
}

fn words_arrive_where_they_belong<const AW: usize, const BUS: usize>() {
    const MW: usize = 8;
    let bench = cosim!(Load::<AW, BUS, MW>::default(),
        inputs: [reset, set, op, value, start, weights_at, input_at, output_at, arready, rvalid],
        outputs: [full, busy, older, arvalid, araddr, arlen, to_act, weight_write, address])
    .gate("araddr", "arvalid")
    .gate("arlen", "arvalid");
    let mut rng = Rng::new(BUS as u64);
    let model = RefCell::new(Model::default());
    let (mut on_the_way, mut ready, mut phase, mut pauses) = (0, false, 0, 0);
    let buffers: [u128; 3] = [(); 3].map(|()| rng.bits(AW) & !0xfff);
    bench.check(
        12_000,
        |cycle, last| {
            if last.get(3) == Some(&1) && ready {
                on_the_way += last[5] + 1;
            }
            // Now the bus is fast, now the addresses wait, now the data.
            let speed = [[100, 100], [40, 70], [30, 100], [100, 30]][cycle / 500 % 4];
            // Not full: three registers, some of them, then the start, at once or later.
            let full = last.first() == Some(&1) || phase == 4;
            phase = match phase {
                _ if full => 0,
                3 if pauses > 0 => 3,
                phase => phase + 1,
            };
            if phase == 0 {
                pauses = if rng.chance(30) { rng.below(60) } else { 0 };
            }
            pauses = pauses.saturating_sub(u64::from(phase == 3));
            let op = [0, command::L_SRC, command::L_DST, command::L_LEN, 0][phase];
            let mut value = rng.bits(24);
            if op == command::L_LEN {
                value = value & 0x3f_ffff | u128::from(rng.below(3)) << 22;
                if rng.chance(80) {
                    value &= 0xc0_001f;
                }
            }
            ready = rng.chance(speed[0]);
            let beat = on_the_way > 0 && rng.chance(speed[1]);
            on_the_way -= u128::from(beat);
            vec![
                u128::from(cycle == 0),
                u128::from((1..4).contains(&phase) && rng.chance(80)),
                u128::from(op),
                value,
                u128::from(phase == 4),
                buffers[0],
                buffers[1],
                buffers[2],
                u128::from(ready),
                u128::from(beat),
            ]
        },
        |i| model.borrow_mut().step(i, BUS as u128 / 8, AW as u32, MW),
    );
    let Model { two, seamless, .. } = model.into_inner();
    assert!(two > 1000, "only {two} cycles with two jobs");
    assert!(seamless > 20, "only {seamless} jobs without a gap before them");
}

#[test]
fn words_arrive_where_they_belong_on_a_bus_of_32_bits() {
    words_arrive_where_they_belong::<24, 32>();
}

#[test]
fn words_arrive_where_they_belong_on_a_bus_of_128_bits() {
    words_arrive_where_they_belong::<64, 128>();
}
