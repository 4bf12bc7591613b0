//! The feeder: the words of random jobs, computed from the formulas of the contract, under random grants and tiles.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::feeder::Feeder;
use systole_isa::command::{self, unpack, word};

const A: usize = 10;
const C: usize = 6;

/// A job in the terms of the contract.
#[derive(Clone, Debug, Default)]
struct Job {
    address: i64,
    pixel_step: i64,
    row_step: i64,
    kernel_step: i64,
    out: (i64, i64),
    kernel: (i64, i64),
    blocks: i64,
    origin: (i64, i64),
    input: (i64, i64),
    stride: (i64, i64),
    pad: u8,
    max: bool,
    hold: bool,
    macs: (i64, i64),
}

/// What the feeder says of one word. The first of a tile takes a tile, unless the first tile is held.
#[derive(Clone, Copy, Debug)]
struct Word {
    take: bool,
    inside: bool,
    address: u128,
    first: bool,
    last: bool,
    pixel: u128,
    macs: u128,
}

impl Job {
    /// A convolution or pooling over a tensor, whole or cut, with steps as a compiler gives them or any at all.
    fn random(rng: &mut Rng) -> Self {
        let mut draw = |least: i64, most: i64| least + rng.below((most - least + 1) as u64) as i64;
        let mut job = Job {
            kernel: (draw(1, 5), draw(1, 5)),
            blocks: draw(1, 3),
            stride: (draw(1, 3), draw(1, 3)),
            input: (draw(1, 12), draw(1, 12)),
            out: (draw(1, 9), draw(1, 9)),
            origin: (draw(-4, 3), draw(-4, 6)),
            address: draw(0, (1 << A) - 1),
            pad: draw(0, 255) as u8,
            max: draw(0, 2) == 0,
            hold: draw(0, 2) == 0,
            macs: (draw(0, 4095), draw(0, 4095)),
            ..Default::default()
        };
        if draw(0, 4) == 0 {
            job.out = [(1, 1), (1, 2), (2, 1), (8, 8)][draw(0, 3) as usize];
        }
        if draw(0, 4) == 0 {
            job.kernel = (1, 1);
        }
        job.out.1 = job.out.1.min((1 << C) / job.out.0);
        let whole = draw(0, 3) > 0;
        job.pixel_step = if whole { job.stride.0 * job.blocks } else { draw(0, 1 << A) };
        job.row_step = if whole { job.stride.1 * job.input.0 * job.blocks } else { draw(0, 1 << A) };
        job.kernel_step = if whole { job.input.0 * job.blocks } else { draw(0, 1 << A) };
        job
    }

    /// The register writes that describe it.
    fn registers(&self) -> Vec<u32> {
        use systole_isa::command::{pack, F_ADDR, F_IN, F_KERNEL, F_KERNEL_STEP, F_MACS, F_MODE};
        use systole_isa::command::{F_ORIGIN, F_OUT, F_PIXEL_STEP, F_ROW_STEP};
        let mode = [i64::from(self.pad), self.stride.0, self.stride.1, i64::from(self.max), i64::from(self.hold)];
        let fields: [(u8, &[i64]); 10] = [
            (F_ADDR, &[self.address]),
            (F_PIXEL_STEP, &[self.pixel_step]),
            (F_ROW_STEP, &[self.row_step]),
            (F_KERNEL_STEP, &[self.kernel_step]),
            (F_OUT, &[self.out.0 - 1, self.out.1 - 1]),
            (F_KERNEL, &[self.kernel.0 - 1, self.kernel.1 - 1, self.blocks - 1]),
            (F_ORIGIN, &[self.origin.0, self.origin.1]),
            (F_IN, &[self.input.0, self.input.1]),
            (F_MODE, &mode),
            (F_MACS, &[self.macs.0, self.macs.1]),
        ];
        fields.iter().map(|(op, values)| pack(*op, values).unwrap()).collect()
    }

    /// Its words in their order.
    fn words(&self) -> VecDeque<Word> {
        let mut words = VecDeque::new();
        for ky in 0..self.kernel.1 {
            for kx in 0..self.kernel.0 {
                for block in 0..self.blocks {
                    for oy in 0..self.out.1 {
                        for ox in 0..self.out.0 {
                            let iy = oy * self.stride.1 + self.origin.1 + ky;
                            let ix = ox * self.stride.0 + self.origin.0 + kx;
                            let tap = self.address + ky * self.kernel_step + kx * self.blocks + block;
                            let address = tap + oy * self.row_step + ox * self.pixel_step;
                            let pixel = oy * self.out.0 + ox;
                            let first = (ky, kx, block) == (0, 0, 0);
                            words.push_back(Word {
                                take: pixel == 0 && (first || !self.hold),
                                inside: (0..self.input.1).contains(&iy) && (0..self.input.0).contains(&ix),
                                address: address.rem_euclid(1 << A) as u128,
                                first,
                                last: false,
                                pixel: pixel as u128,
                                macs: if block + 1 == self.blocks { self.macs.1 } else { self.macs.0 } as u128,
                            });
                        }
                    }
                }
            }
        }
        words.back_mut().unwrap().last = true;
        words
    }
}

/// The feeder as the contract describes it: a list of words, at most one a cycle.
#[derive(Default)]
struct Model {
    job: Job,
    words: VecDeque<Word>,
    /// The word of the cycle before, and its bank; and what of it stays.
    sent: Option<(Word, bool)>,
    bank: bool,
    taken: [bool; 2],
    words_sent: usize,
    padded: usize,
}

impl Model {
    fn busy(&self) -> bool {
        !self.words.is_empty()
    }

    fn blocked(&self) -> bool {
        self.taken[usize::from(self.bank)]
    }

    fn cycle(&mut self, i: &[u128]) -> Vec<u128> {
        let [set, op, value, start, clear, drained, drained_bank, tile_ready, grant] = *i else { unreachable!() };
        let next = self.words.front().copied();
        // The sum of a pixel takes two cycles: tiles of one pixel leave a cycle between their words.
        let again = matches!((next, self.sent), (Some(w), Some((s, _))) if w.pixel == s.pixel);
        let goes = next.filter(|w| grant == 1 && (!w.take || tile_ready == 1) && !again);
        let sent = self.sent;
        let of = |f: fn(&Word) -> bool| u128::from(sent.is_some_and(|(w, _)| f(&w)));
        let outputs = vec![
            self.busy().into(),
            self.blocked().into(),
            goes.is_some_and(|w| w.take).into(),
            goes.is_some_and(|w| w.inside).into(),
            next.map_or(0, |w| w.address),
            sent.is_some().into(),
            of(|w| !w.inside),
            of(|w| w.take),
            of(|w| w.first),
            self.job.max.into(),
            sent.is_some_and(|s| s.1).into(),
            of(|w| w.last),
            sent.map_or(0, |(w, _)| w.pixel),
            self.job.pad.into(),
            sent.map_or(0, |(w, _)| w.macs),
            (next.is_some() && goes.is_none()).into(),
        ];
        self.sent = goes.map(|w| (w, self.bank));
        if let Some(word) = goes {
            self.words_sent += 1;
            self.padded += usize::from(!word.inside);
            self.words.pop_front();
            self.bank ^= word.last;
        }
        if drained == 1 {
            self.taken[drained_bank as usize] = false;
        }
        if set == 1 {
            self.write(op as u8, value as u32);
        }
        if start == 1 {
            self.words = self.job.words();
            self.taken[usize::from(self.bank)] = true;
        }
        if clear == 1 {
            self.words.clear();
            self.bank = false;
            self.taken = [false; 2];
        }
        outputs
    }

    /// A register write, read back by the field table of the contract.
    fn write(&mut self, op: u8, value: u32) {
        let Some(operation) = command::operation(op) else { return };
        let field = |name: &str| {
            let (_, lsb, bits, what) = operation.fields.iter().find(|f| f.0 == name).unwrap();
            let raw = i64::from(value >> lsb) & ((1 << bits) - 1);
            if what.contains("signed") && raw >> (bits - 1) == 1 {
                raw - (1 << bits)
            } else {
                raw
            }
        };
        let job = &mut self.job;
        match operation.name {
            "F_ADDR" => job.address = field("address"),
            "F_PIXEL_STEP" => job.pixel_step = field("step"),
            "F_ROW_STEP" => job.row_step = field("step"),
            "F_KERNEL_STEP" => job.kernel_step = field("step"),
            "F_OUT" => job.out = (field("width") + 1, field("height") + 1),
            "F_KERNEL" => {
                job.kernel = (field("width") + 1, field("height") + 1);
                job.blocks = field("blocks") + 1;
            }
            "F_ORIGIN" => (job.origin.0, job.origin.1) = (field("x"), field("y")),
            "F_IN" => job.input = (field("width"), field("height")),
            "F_MODE" => {
                job.pad = field("pad") as u8;
                job.stride = (field("stride_x"), field("stride_y"));
                job.max = field("max") == 1;
                job.hold = field("hold") == 1;
            }
            "F_MACS" => job.macs = (field("full"), field("last")),
            _ => {}
        }
    }
}

/// The sequencer's part: registers while the feeder is idle, a start once the bank is free. Some jobs are cut short by
/// `clear`, as a new run does.
fn stimulus(model: Rc<RefCell<Model>>, mut rng: Rng) -> impl FnMut(usize, &[u128]) -> Vec<u128> {
    let mut writes: VecDeque<u32> = VecDeque::new();
    let (mut clears, mut describe, mut slow) = (false, true, [0, 0]);
    let mut drains: VecDeque<u128> = VecDeque::new();
    let mut was_busy = false;
    move |cycle, _| {
        let model = model.borrow();
        let mut v = [0, rng.bits(8), rng.bits(24), 0, 0, 0, rng.bits(1), 0, 0];
        v[7] = u128::from(!rng.chance(slow[0]));
        v[8] = u128::from(!rng.chance(slow[1]));
        if was_busy && !model.busy() {
            drains.push_back(u128::from(!model.bank));
        }
        was_busy = model.busy();
        let clear = cycle == 0 || (clears && model.busy() && rng.chance(2));
        if clear {
            drains.clear();
            (v[4], describe, clears, was_busy) = (1, true, false, false);
        } else if model.busy() {
            // Commands for other units pass by.
            if rng.chance(20) {
                let ops = [command::W_ADDR, command::D_ADDR, command::L_DST, command::S_LEN];
                (v[0], v[1]) = (1, u128::from(ops[rng.below(4) as usize]));
            }
        } else if describe {
            // Most registers, in any order; now and then few, so that the others stay.
            let job = loop {
                let job = Job::random(&mut rng);
                if job.words().len() <= 700 {
                    break job;
                }
            };
            let mut all = job.registers();
            for i in 0..all.len() {
                all.swap(i, rng.below(10) as usize);
            }
            writes = all.into();
            describe = false;
            clears = rng.chance(15);
            slow = [[0, 0], [60, 0], [0, 40], [50, 50]][rng.below(4) as usize];
        }
        if !clear && !model.busy() {
            if let Some(command) = writes.pop_front() {
                let (op, value) = unpack(command);
                (v[0], v[1], v[2]) = (1, op.into(), value.into());
            } else if !model.blocked() && !describe {
                v[3] = 1;
                describe = true;
                if rng.chance(25) {
                    // The same job again, or with one register changed.
                    let address = word(command::F_ADDR, rng.bits(A) as u32);
                    writes = if rng.chance(50) { vec![address] } else { vec![] }.into();
                    describe = false;
                }
            }
        }
        if !clear && rng.chance(if model.blocked() { 10 } else { 1 }) {
            if let Some(bank) = drains.pop_front() {
                (v[5], v[6]) = (1, bank);
            }
        }
        v.to_vec()
    }
}

#[test]
fn feeder_streams_the_words_of_the_contract() {
    let bench = cosim!(Feeder::<A, C>::default(),
        inputs: [set, op, value, start, clear, drained, drained_bank, tile_ready, grant],
        outputs: [busy, blocked, take, read, address, valid, pad, swap, first, max, bank, last, pixel, pad_value, macs,
            stalled]);
    let mut bench = bench.gate("address", "read");
    for data in ["pad", "first", "bank", "pixel", "macs"] {
        bench = bench.gate(data, "valid");
    }
    let model = Rc::new(RefCell::new(Model::default()));
    let shared = model.clone();
    bench.check(12_000, stimulus(model.clone(), Rng::new(2024)), move |i| shared.borrow_mut().cycle(i));
    let model = model.borrow();
    assert!(model.words_sent > 5000, "only {} words", model.words_sent);
    assert!(model.padded > 500 && model.words_sent - model.padded > 500, "{} of padding", model.padded);
}
