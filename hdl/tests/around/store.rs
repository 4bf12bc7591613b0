//! The store unit.

use std::cell::RefCell;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::store::*;
use systole_isa::counter::{SETTLE, SETTLE_PIPELINED};
use systole_isa::{command, counter};

const MW: usize = 8;

/// The bursts still to do, each a list of (act word or counter, address) with what it takes cycle by cycle.
#[derive(Default)]
struct Model {
    registers: [u128; 3],
    snapshots: u128,
    bursts: Vec<Vec<u128>>,
    phase: usize,
    /// The address is shown, from the second cycle of its phase on.
    shown: bool,
    snapshot: bool,
    settle: u32,
    taken: usize,
    /// Cycles until the word asked for comes, and what they are.
    coming: u32,
    latency: u32,
    send: Option<(u128, bool)>,
    failed: bool,
    gently: bool,
    /// Cycles so far, and when the last mark came.
    cycle: u128,
    marked: u128,
    /// Soft snapshots, and the longest time from a mark to the cycle count.
    soft: usize,
    latest: u128,
}

impl Model {
    fn step(&mut self, i: &[u128], bytes: u128, address_bits: u32) -> Vec<u128> {
        let memory = (1u128 << MW) - 1;
        let burst = self.bursts.first().cloned().unwrap_or_default();
        let base = if self.snapshot { i[8] } else { i[7] };
        let free = self.send.is_none() || i[14] == 1;
        let request = self.phase == 2 && !self.snapshot && free && self.coming == 0;
        // Words of earlier bursts of the job; `registers[2] + 1` in all.
        let left: usize = self.bursts.iter().map(Vec::len).sum();
        let done = (self.registers[2] as usize + 1).wrapping_sub(left).wrapping_add(self.taken);
        let out = vec![
            u128::from(self.phase != 0),
            u128::from(self.snapshot && !self.gently && (self.phase == 1 || self.phase == 2)),
            u128::from(request),
            self.registers[0].wrapping_add(done as u128) & memory,
            u128::from(self.shown),
            (base + burst.first().copied().unwrap_or(0) * bytes) & (u128::MAX >> (128 - address_bits)),
            burst.len().saturating_sub(1) as u128,
            u128::from(self.send.is_some()),
            self.send.unwrap_or_default().0,
            u128::from(self.send.unwrap_or_default().1),
            1,
            u128::from(self.failed),
        ];
        let catch = if self.snapshot {
            self.phase == 2 && free && self.settle == 0 && i[11] == self.taken as u128 % 16
        } else {
            self.coming == 1
        };
        if i[14] == 1 {
            self.send = None;
        }
        self.coming = if request && i[9] == 1 { self.latency } else { self.coming.saturating_sub(1) };
        self.failed |= i[15] == 1 && i[16] >= 2;
        self.settle = self.settle.saturating_sub(1);
        match self.phase {
            0 if i[5] == 1 || i[6] == 1 => {
                (self.phase, self.snapshot, self.settle) =
                    (1, i[6] == 1, if self.latency > 1 { SETTLE_PIPELINED } else { SETTLE });
                (self.gently, self.marked) = (i[17] == 1, self.cycle);
                self.soft += usize::from(i[6] == 1 && i[17] == 1);
                let (first, words) =
                    if self.snapshot { (self.snapshots * 16, 16) } else { (self.registers[1], self.registers[2] + 1) };
                let words: Vec<u128> = (0..words).map(|k| (first + k) & 0xff_ffff).collect();
                self.bursts = words.chunk_by(|_, b| b % 16 != 0).map(<[u128]>::to_vec).collect();
            }
            1 if !self.shown => self.shown = true,
            1 if i[13] == 1 => (self.phase, self.shown, self.taken) = (2, false, 0),
            2 if catch => {
                self.taken += 1;
                let last = self.taken == burst.len();
                let data = match (self.snapshot, i[11] as usize) {
                    // The cycles since the mark are none of the snapshot's, as far as 10 bits count them.
                    (true, counter::CYCLES) => {
                        let since = self.cycle - self.marked - 2;
                        self.latest = self.latest.max(since);
                        (i[12] + (1 << 32) - since % 1024) & 0xffff_ffff
                    }
                    (true, _) => i[12],
                    (false, _) => i[10],
                };
                self.send = Some((data, last));
                if last {
                    self.phase = 3;
                }
            }
            3 if i[15] == 1 => {
                self.bursts.remove(0);
                self.taken = 0;
                self.phase = usize::from(!self.bursts.is_empty());
                self.snapshots += u128::from(self.snapshot);
            }
            _ => {}
        }
        if i[2] == 1 {
            match i[3] as u8 {
                command::S_SRC => self.registers[0] = i[4] & memory,
                command::S_DST => self.registers[1] = i[4],
                command::S_LEN => self.registers[2] = i[4] & memory,
                _ => {}
            }
        }
        self.cycle += 1;
        if i[0] == 1 || i[1] == 1 {
            (self.snapshots, self.failed) = (0, false);
        }
        out
    }
}

fn words_and_snapshots_reach_the_card<const AW: usize, const BUS: usize, const Z: usize>() {
    let bench = cosim!(Store::<AW, BUS, MW, Z>::default(),
        inputs: [reset, new_run, set, op, value, start, mark, output_at, counters_at, act_grant, act_data, slot, count, awready, wready, bvalid, bresp, gently],
        outputs: [busy, marking, act_read, act_address, awvalid, awaddr, awlen, wvalid, wdata, wlast, bready, write_error])
    .gate("act_address", "act_read")
    .gate("awaddr", "awvalid")
    .gate("awlen", "awvalid")
    .gate("wdata", "wvalid")
    .gate("wlast", "wvalid");
    let mut rng = Rng::new(BUS as u64);
    let model = RefCell::new(Model { latency: 1 + 2 * Z as u32, ..Model::default() });
    let (mut idle, mut held, mut wready, mut answers) = (0, [0; 2], false, 0);
    // Once a snapshot's address is not taken for longer than the cycles since its mark are counted.
    let mut refused = None;
    bench.check(
        13_000,
        |cycle, last| {
            // The last word of a burst was taken: its answer may come from now on.
            if last.len() > 9 && last[7] == 1 && last[9] == 1 && wready {
                answers += 1;
            }
            let busy = last.first() == Some(&1) || idle == 4;
            idle = if busy { 0 } else { idle + 1 };
            let op = [0, command::S_SRC, command::S_DST, command::S_LEN, 0][idle];
            let mut value = rng.bits(24);
            if op == command::S_LEN && rng.chance(85) {
                value &= 0x1f;
            }
            if idle == 4 {
                held = [rng.bits(AW) & !0xfff, rng.bits(AW) & !0xfff];
            }
            let mark = idle == 4 && rng.chance(60);
            if mark && cycle > 5000 && refused.is_none() {
                refused = Some(cycle..cycle + 1300);
            }
            wready = rng.chance(if cycle / 1000 % 2 == 0 { 95 } else { 40 });
            let answer = answers > 0 && rng.chance(30);
            answers -= u32::from(answer);
            vec![
                u128::from(cycle == 0),
                u128::from(idle == 2 && rng.chance(10)),
                u128::from((1..4).contains(&idle) && rng.chance(80)),
                u128::from(op),
                value,
                u128::from(idle == 4 && !mark),
                u128::from(mark),
                held[0],
                held[1],
                u128::from(rng.chance(70)),
                rng.bits(BUS),
                cycle as u128 % 16,
                rng.bits(32),
                u128::from(refused.as_ref().is_none_or(|r| !r.contains(&cycle)) && rng.chance(40)),
                u128::from(wready),
                u128::from(answer),
                if rng.chance(10) { rng.bits(2) } else { 0 },
                u128::from(rng.chance(50)),
            ]
        },
        |i| model.borrow_mut().step(i, BUS as u128 / 8, AW as u32),
    );
    let Model { soft, latest, .. } = model.into_inner();
    assert!(soft >= 20 && latest > 1024, "{soft} soft snapshots, at most {latest} cycles after the mark");
}

#[test]
fn words_and_snapshots_reach_the_card_on_a_bus_of_32_bits() {
    words_and_snapshots_reach_the_card::<24, 32, 0>();
}

#[test]
fn words_and_snapshots_reach_the_card_on_a_bus_of_128_bits() {
    words_and_snapshots_reach_the_card::<64, 128, 0>();
}

#[test]
fn words_of_a_pipelined_memory_reach_the_card() {
    words_and_snapshots_reach_the_card::<32, 128, 1>();
}
