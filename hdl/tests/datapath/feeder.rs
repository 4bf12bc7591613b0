//! The feeder: the words of random jobs, computed from the formulas of the contract, under random grants and tiles.

use rust_hdl_core::prelude::Block;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
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
    tap_step: i64,
    line: Option<Line>,
    /// F_LINE as it is written, with line mode or without: taps, step_x, lines, step_y.
    line_fields: [i64; 4],
}

/// Line mode: groups of rows, rows of a group.
#[derive(Clone, Copy, Debug)]
struct Line {
    groups: i64,
    rows: i64,
}

/// What the feeder says of one word. The first of a tile takes a tile, unless the first tile is held.
#[derive(Clone, Copy, Debug)]
struct Word {
    take: bool,
    /// First of a tile, taken or held.
    starts: bool,
    /// It has an output.
    summed: bool,
    inside: bool,
    address: u128,
    first: bool,
    last: bool,
    macs: u128,
}

impl Job {
    /// A convolution or pooling over a tensor, whole or cut, with steps as a compiler gives them or any at all; or, for an
    /// array that has them, lines.
    fn random(rng: &mut Rng, array: Line) -> Self {
        let lines = rng.chance(40);
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
        job.tap_step = if whole { 1 } else { draw(0, 1 << A) };
        job.line_fields = [draw(0, 63), draw(0, 7), draw(0, 7), draw(0, 7)];
        if lines {
            // Lines that end with an output, on one side of the image or both.
            let outputs = (draw(1, 8), draw(1, 5));
            let (taps, step_x) = (draw(0, 9), draw(0, 3));
            let (lines, step_y) = (draw(0, 3), draw(0, 2));
            job.out = (taps + (outputs.0 - 1) * (step_x + 1) + 1, lines + (outputs.1 - 1) * (step_y + 1) + 1);
            job.line = Some(array);
            job.line_fields = [taps, step_x, lines, step_y];
            (job.blocks, job.stride.0) = (1, 1);
            job.kernel = (draw(1, 3), draw(1, 2));
        }
        job
    }

    /// Outputs of a tile.
    fn outputs(&self) -> usize {
        let tile = self.kernel.0 * self.kernel.1 * self.blocks;
        self.words().iter().filter(|w| w.summed).count() / tile as usize
    }

    /// The register writes that describe it.
    fn registers(&self) -> Vec<u32> {
        use systole_isa::command::{pack, F_ADDR, F_IN, F_KERNEL, F_KERNEL_STEP, F_MACS, F_MODE};
        use systole_isa::command::{F_LINE, F_ORIGIN, F_OUT, F_PIXEL_STEP, F_ROW_STEP, F_TAP_STEP};
        let flags = [self.max, self.hold, self.line.is_some()].map(i64::from);
        let mode = [i64::from(self.pad), self.stride.0, self.stride.1, flags[0], flags[1], flags[2]];
        let fields: [(u8, &[i64]); 12] = [
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
            (F_TAP_STEP, &[self.tap_step]),
            (F_LINE, &self.line_fields),
        ];
        fields.iter().map(|(op, values)| pack(*op, values).unwrap()).collect()
    }

    /// Whether sample `s` of line `l` has an output.
    fn has_output(&self, l: i64, s: i64) -> bool {
        let [taps, step_x, lines, step_y] = self.line_fields;
        let is = |at: i64, first: i64, apart: i64| at >= first && (at - first) % (apart + 1) == 0;
        self.line.is_none() || is(s, taps, step_x) && is(l, lines, step_y)
    }

    /// Its words in their order.
    fn words(&self) -> VecDeque<Word> {
        let mut words = VecDeque::new();
        let apart = self.line.map_or((1, 1), |line| (line.rows, line.groups));
        for ky in 0..self.kernel.1 {
            for kx in 0..self.kernel.0 {
                for block in 0..self.blocks {
                    for oy in 0..self.out.1 {
                        for ox in 0..self.out.0 {
                            let iy = oy * self.stride.1 + self.origin.1 + ky * apart.1;
                            let ix = ox * self.stride.0 + self.origin.0 + kx * apart.0;
                            let column = kx * (self.tap_step + self.blocks - 1) + block;
                            let tap = self.address + ky * self.kernel_step + column;
                            let address = tap + oy * self.row_step + ox * self.pixel_step;
                            let (starts, first) = ((oy, ox) == (0, 0), (ky, kx, block) == (0, 0, 0));
                            // Line mode counts multiply-accumulates by tiles, everything else by blocks.
                            let ends = match self.line {
                                Some(_) => (kx + 1, ky + 1) == self.kernel,
                                None => block + 1 == self.blocks,
                            };
                            let summed = self.has_output(oy, ox);
                            words.push_back(Word {
                                take: starts && (first || !self.hold),
                                starts,
                                summed,
                                inside: (0..self.input.1).contains(&iy) && (0..self.input.0).contains(&ix),
                                address: address.rem_euclid(1 << A) as u128,
                                first,
                                last: false,
                                macs: if ends { self.macs.1 } else { self.macs.0 } as u128,
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
struct Model {
    array: Line,
    /// Cycles that a pixel's sum is on its way.
    sum_cycles: usize,
    job: Job,
    words: VecDeque<Word>,
    /// The word of the cycle before, and its bank; and what of it stays.
    sent: Option<(Word, bool)>,
    /// Whether the words of the cycles before were first ones, the newest first.
    starts: VecDeque<bool>,
    /// The word of the cycle before was the second and last of its tile; the word before that.
    short: bool,
    previous: Option<Word>,
    /// A job was started in one of the two cycles before: so many are left in which no word is asked for.
    started: u8,
    sent_line: bool,
    bank: bool,
    taken: [bool; 2],
    words_sent: usize,
    padded: usize,
    /// Samples of line mode, and those without an output.
    samples: usize,
    skipped: usize,
}

impl Model {
    fn new(array: Line, sum_cycles: usize) -> Self {
        Self {
            array,
            sum_cycles,
            job: Job::default(),
            words: VecDeque::new(),
            sent: None,
            starts: VecDeque::new(),
            short: false,
            previous: None,
            started: 0,
            sent_line: false,
            bank: false,
            taken: [false; 2],
            words_sent: 0,
            padded: 0,
            samples: 0,
            skipped: 0,
        }
    }

    fn busy(&self) -> bool {
        !self.words.is_empty()
    }

    fn blocked(&self) -> bool {
        self.taken[usize::from(self.bank)]
    }

    fn cycle(&mut self, i: &[u128]) -> Vec<u128> {
        let [set, op, value, start, clear, drained, drained_bank, tile_ready, grant] = i[..9] else { unreachable!() };
        let next = self.words.front().copied();
        // A pixel's sum is on its way for two cycles, or four: so far apart are the first words of tiles.
        let again = self.started > 0 || next.is_some_and(|w| w.starts) && (self.starts.contains(&true) || self.short);
        let wants = next.filter(|w| (!w.take || tile_ready == 1) && !again);
        let goes = wants.filter(|_| grant == 1);
        let sent = self.sent;
        let of = |f: fn(&Word) -> bool| u128::from(sent.is_some_and(|(w, _)| f(&w)));
        let outputs = vec![
            self.busy().into(),
            self.blocked().into(),
            goes.is_some_and(|w| w.take).into(),
            goes.is_some().into(),
            next.map_or(0, |w| w.address),
            sent.is_some().into(),
            of(|w| !w.inside),
            of(|w| w.take),
            of(|w| w.first),
            self.job.max.into(),
            sent.is_some_and(|s| s.1).into(),
            of(|w| w.last),
            of(|w| w.starts),
            of(|w| w.summed),
            (sent.is_some() && self.sent_line).into(),
            (goes.is_some() && self.job.line.is_some()).into(),
            (self.job.out.0 - 1) as u128,
            self.job.pad.into(),
            sent.map_or(0, |(w, _)| w.macs),
            (next.is_some() && goes.is_none()).into(),
        ];
        self.sent = goes.map(|w| (w, self.bank));
        self.starts.push_front(goes.is_some_and(|w| w.starts));
        self.starts.truncate(self.sum_cycles);
        self.sent_line = self.job.line.is_some();
        self.short = false;
        if let Some(word) = goes {
            self.words_sent += 1;
            self.padded += usize::from(!word.inside);
            self.samples += usize::from(self.sent_line);
            self.skipped += usize::from(!word.summed);
            self.words.pop_front();
            self.bank ^= word.last;
            let ends = self.words.front().is_none_or(|w| w.starts);
            self.short = ends && !word.starts && self.previous.is_some_and(|w| w.starts);
            self.previous = Some(word);
        }
        if drained == 1 {
            self.taken[drained_bank as usize] = false;
        }
        if set == 1 {
            self.write(op as u8, value as u32);
        }
        self.started = if start == 1 { 2 } else { self.started.saturating_sub(1) };
        if start == 1 {
            self.words = self.job.words();
            self.taken[usize::from(self.bank)] = true;
        }
        if clear == 1 {
            self.started = 0;
            self.starts.clear();
            self.short = false;
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
                job.line = (field("line") == 1).then_some(self.array);
            }
            "F_TAP_STEP" => job.tap_step = field("step"),
            "F_LINE" => job.line_fields = ["taps", "step_x", "lines", "step_y"].map(field),
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
    let (mut was_busy, mut tile_next) = (false, 0);
    move |cycle, _| {
        let model = model.borrow();
        let mut v = [0, rng.bits(8), rng.bits(24), 0, 0, 0, rng.bits(1), 0, 0];
        v[7] = tile_next;
        tile_next = u128::from(!rng.chance(slow[0]));
        // A pipelined feeder is served always.
        v[8] = u128::from(model.sum_cycles > 2 || !rng.chance(slow[1]));
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
                let job = Job::random(&mut rng, model.array);
                if job.words().len() <= 700 && job.outputs() <= 1 << C {
                    break job;
                }
            };
            let mut all = job.registers();
            for i in 0..all.len() {
                let other = rng.below(all.len() as u64) as usize;
                all.swap(i, other);
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
        [v.as_slice(), &[tile_next][..usize::from(model.sum_cycles > 2)]].concat()
    }
}

/// A feeder for an array of G groups of R rows, pipelined with Z = 1; its ports, with those of a pipelined one.
macro_rules! feeder {
    ($name:ident, $g:literal, $r:literal, $z:literal, $seed:literal $(, $more:expr)?) => {
        #[test]
        fn $name() {
            let bench = cosim!(Feeder::<A, $g, $r, $z>::default(),
                inputs: [set, op, value, start, clear, drained, drained_bank, tile_ready, grant $(, tile_next[$more])?],
                outputs: [busy, blocked, take, read, address, valid, pad, swap, first, max, bank, last, starts, summed,
                    line, ask_line, line_length, pad_value, macs, stalled]);
            streams_the_words_of_the_contract(bench, Line { groups: $g, rows: $r }, 2 + 2 * $z, $seed);
        }
    };
}

fn streams_the_words_of_the_contract<B: Block>(bench: Cosim<B>, array: Line, sum_cycles: usize, seed: u64) {
    let mut bench = bench.gate("address", "read").gate("line_length", "ask_line");
    for data in ["pad", "first", "bank", "starts", "macs"] {
        bench = bench.gate(data, "valid");
    }
    let model = Rc::new(RefCell::new(Model::new(array, sum_cycles)));
    let shared = model.clone();
    bench.check(60_000, stimulus(model.clone(), Rng::new(seed)), move |i| shared.borrow_mut().cycle(i));
    let Model { words_sent, padded, samples, skipped, .. } = *model.borrow();
    assert!(words_sent > 5000, "only {words_sent} words");
    assert!(padded > 500 && words_sent - padded > 500, "{padded} of padding");
    assert!(samples > 1000 && words_sent - samples > 1000, "{samples} samples of line mode");
    assert!(skipped > 500 && samples - skipped > 200, "{skipped} of {samples} samples without an output");
}

feeder!(feeder_of_an_array_with_1_group_of_4_rows, 1, 4, 0, 2024);
feeder!(feeder_of_an_array_with_2_groups_of_4_rows, 2, 4, 0, 2025);
feeder!(feeder_of_an_array_with_3_groups_of_5_rows, 3, 5, 0, 2026);
feeder!(pipelined_feeder_of_an_array_with_3_groups_of_4_rows, 3, 4, 1, 2027, 0);
