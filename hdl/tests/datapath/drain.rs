//! The drain: parameters from a shared weight memory, sums from the accumulators, words as `systole_isa::requant` says,
//! with another tensor added to them where the drain can and the job wants it.

use super::script::{int8s, pack, pass, quantisation, residual_record, sum_and_bias, to_scale};
use rust_hdl_core::prelude::Block;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::drain::Drain;
use systole_isa::command::{self, unpack};
use systole_isa::config::Multiplier;
use systole_isa::layout::{
    add_record, add_words, param_record, param_words, pass_record, pass_words, ADD_CYCLES, ADD_SHIFT, UNIFORM_WORDS,
};
use systole_isa::requant::{requantise_fitted, requantise_parallel, Pass};

const A: usize = 9;
const W: usize = 10;
const C: usize = 5;

/// The drain under test.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    lanes: usize,
    multiplier: Multiplier,
    residual: bool,
    /// 1: words of a memory come two cycles later than in the next, the accumulators are asked a cycle later and answer two cycles later, a lane one more, a parameter is put
    /// two cycles later, and a residual addition takes four more.
    late: usize,
}

impl Shape {
    /// Whether the drain takes one multiplier for all channels.
    fn uniform(&self) -> bool {
        self.multiplier == Multiplier::Parallel && self.lanes == self.n && self.n >= 8
    }

    /// Cycles from a value's last cycle to the word's.
    fn stages(&self) -> usize {
        match self.multiplier {
            Multiplier::Fitted => 10 + 4 * self.late,
            Multiplier::Parallel => 5,
        }
    }

    fn record_words(&self, steps: u32, uniform: bool) -> usize {
        match self.multiplier {
            Multiplier::Fitted => self.n * steps as usize * pass_words(self.n),
            Multiplier::Parallel if uniform => UNIFORM_WORDS,
            Multiplier::Parallel => self.n * param_words(self.n),
        }
    }
}

/// A residual addition: where from, how, and the clamp of the sum.
#[derive(Clone, Copy)]
struct Add {
    address: u128,
    step: u128,
    record: (i32, i32, i64),
    clamp: (i8, i8),
}

/// A job: where from, where to, how.
#[derive(Clone, Default)]
struct Job {
    pixels: usize,
    steps: u32,
    quant: (i8, i8, i8),
    address: u128,
    step: u128,
    parameters: usize,
    add: Option<Add>,
    uniform: bool,
}

impl Job {
    fn random(rng: &mut Rng, shape: Shape) -> Self {
        let most = [1, 2, 1 << C][rng.below(3) as usize];
        let add = (shape.residual && rng.chance(60)).then(|| Add {
            address: rng.bits(A),
            step: [1, 2, rng.bits(A)][rng.below(3) as usize],
            record: residual_record(rng),
            clamp: [(i8::MIN, i8::MAX), (rng.edgy(8) as u8 as i8, rng.edgy(8) as u8 as i8)][rng.below(2) as usize],
        });
        Self {
            pixels: 1 + rng.below(most) as usize,
            // One value a cycle, every other cycle with an addition; or a pass a cycle.
            steps: match shape.multiplier {
                Multiplier::Fitted if add.is_none() => 1 + rng.below(2) as u32,
                _ => 1 + u32::from(add.is_some()),
            },
            add,
            uniform: shape.uniform() && rng.chance(50),
            quant: quantisation(rng),
            address: rng.bits(A),
            step: [1, 2, rng.bits(A)][rng.below(3) as usize],
            parameters: rng.below((1 << W) - (shape.record_words(2, false) + add_words(shape.n)) as u64) as usize,
        }
    }

    fn registers(&self) -> Vec<u32> {
        use systole_isa::command::*;
        let (zero_point, low, high) = self.quant;
        let mut writes = vec![
            pack(D_ADDR, &[self.address as i64]).unwrap(),
            pack(D_STEP, &[self.step as i64]).unwrap(),
            pack(
                D_COUNT,
                &[self.pixels as i64 - 1, i64::from(self.steps) - 1, self.add.is_some().into(), self.uniform.into()],
            )
            .unwrap(),
            word(D_QUANT, u32::from_le_bytes([zero_point as u8, low as u8, high as u8, 0])),
            pack(D_PARAM, &[self.parameters as i64]).unwrap(),
        ];
        if let Some(Add { address, step, clamp: (low, high), .. }) = self.add {
            writes.extend([
                pack(D_ADD, &[address as i64]).unwrap(),
                pack(D_ADD_STEP, &[step as i64]).unwrap(),
                word(D_CLAMP, u32::from_le_bytes([low as u8, high as u8, 0, 0])),
            ]);
        }
        writes
    }

    /// Words of parameters: a record for each column, and what an addition takes.
    fn parameter_words(&self, shape: &Shape) -> usize {
        shape.record_words(self.steps, self.uniform) + if self.add.is_some() { add_words(shape.n) } else { 0 }
    }
}

/// The drain's surroundings and what it must do, by cycle. Behaviour in time: a cycle after the last parameter word
/// arrived and the bank is fed it runs, G·steps cycles a pixel; a word follows 5 or 10 cycles after the last cycle of its
/// last group, as the lanes are. With an addition the other tensor is read then, and the word follows seven cycles later.
struct Model {
    shape: Shape,
    n: usize,
    groups: usize,
    job: Option<Job>,
    /// Parameter words granted, and the cycle in which the last of them arrived.
    granted: usize,
    arrived: Option<usize>,
    run_from: Option<usize>,
    bank: usize,
    fed: [bool; 2],
    cycle: usize,
    /// Both banks: sums of pixel and column.
    sums: [Vec<Vec<i32>>; 2],
    expected: VecDeque<u128>,
    /// The tensor to add, a word a pixel.
    other: Vec<u128>,
    weights: Vec<Vec<i8>>,
    words: usize,
    added: usize,
}

impl Model {
    fn new(shape: Shape) -> Self {
        let n = shape.n;
        Self {
            shape,
            n,
            groups: n / shape.lanes,
            job: None,
            granted: 0,
            arrived: None,
            run_from: None,
            bank: 0,
            fed: [false; 2],
            cycle: 0,
            sums: [vec![], vec![]],
            expected: VecDeque::new(),
            other: vec![],
            weights: vec![vec![0; n]; 1 << W],
            words: 0,
            added: 0,
        }
    }

    fn busy(&self) -> bool {
        self.job.is_some()
    }

    /// Puts a record into weight memory. Past it there are zeros by contract; the drain must not look.
    fn fill(&mut self, rng: &mut Rng, address: usize, record: &[u8], words: usize) {
        for i in 0..words * self.n {
            self.weights[address + i / self.n][i % self.n] =
                record.get(i).map_or_else(|| rng.bits(8) as i8, |&byte| byte as i8);
        }
    }

    fn wants_parameters(&self) -> bool {
        self.job.as_ref().is_some_and(|j| self.granted < j.parameter_words(&self.shape))
    }

    /// The pixel that the accumulators are asked for in this cycle.
    fn asked(&self) -> Option<usize> {
        let (job, ran) = self.running(self.shape.late)?;
        let each = self.groups * job.steps as usize;
        (ran % each == 0).then_some(ran / each)
    }

    fn running(&self, late: usize) -> Option<(&Job, usize)> {
        let job = self.job.as_ref()?;
        let ran = self.cycle.checked_sub(self.run_from? + late)?;
        (ran < job.pixels * self.groups * job.steps as usize).then_some((job, ran))
    }

    /// The pixel whose values were whole so many cycles ago.
    fn whole(&self, ago: usize) -> Option<usize> {
        let job = self.job.as_ref()?;
        let ran = (self.cycle + 1).checked_sub(self.run_from? + self.shape.stages() + ago)?;
        let each = self.groups * job.steps as usize;
        (ran > 0 && ran % each == 0).then(|| ran / each - 1).filter(|&pixel| pixel < job.pixels)
    }

    /// The pixel whose word is written in this cycle.
    fn written(&self) -> Option<usize> {
        self.whole(if self.job.as_ref()?.add.is_some() { ADD_CYCLES as usize + 6 * self.shape.late } else { 0 })
    }

    /// The pixel for which the other tensor is read in this cycle.
    fn added(&self) -> Option<usize> {
        self.job.as_ref()?.add.and_then(|_| self.whole(0))
    }

    fn step(&mut self, i: &[u128], next: Option<Job>) -> Vec<u128> {
        let [_, _, _, start, clear, fed, fed_bank, param_grant] = i[..8] else { unreachable!() };
        let reads = self.wants_parameters();
        let at = self.job.as_ref().map_or(0, |j| (j.parameters + self.granted) % (1 << W));
        let written = self.written();
        let added = self.added();
        let job = self.job.clone().unwrap_or_default();
        let ends = written.is_some_and(|p| p + 1 == job.pixels);
        let outputs = vec![
            self.busy().into(),
            self.running(0).is_some().into(),
            self.asked().is_some().into(),
            self.bank as u128,
            self.asked().unwrap_or(0) as u128,
            reads.into(),
            at as u128,
            written.is_some().into(),
            written.map_or(0, |p| (job.address + p as u128 * job.step) % (1 << A)),
            written.map_or(0, |p| self.expected[p]),
            ends.into(),
            self.bank as u128,
            added.is_some().into(),
            job.add.zip(added).map_or(0, |(add, p)| (add.address + p as u128 * add.step) % (1 << A)),
        ];
        assert!(written.is_none() || added.is_none(), "the memory has one port for a drain");
        self.words += usize::from(written.is_some());
        self.added += usize::from(added.is_some());
        if self.job.is_some() && self.run_from.is_none() {
            // All parameters in their stores and a bank fed: it runs from the next cycle.
            if self.arrived.is_some_and(|a| a < self.cycle) && self.fed[self.bank] {
                self.run_from = Some(self.cycle + 1);
            }
        }
        if reads && param_grant == 1 {
            self.granted += 1;
            if !self.wants_parameters() {
                self.arrived = Some(self.cycle + 1 + 4 * self.shape.late);
            }
        }
        if ends {
            self.fed[self.bank] = false;
            self.bank ^= 1;
            self.job = None;
        }
        if fed == 1 {
            self.fed[fed_bank as usize] = true;
        }
        if start == 1 {
            self.job = next;
            (self.granted, self.arrived, self.run_from) = (0, None, None);
        }
        if clear == 1 {
            self.job = None;
            (self.bank, self.fed) = (0, [false; 2]);
        }
        self.cycle += 1;
        outputs
    }
}

/// Sequencer, feeder, accumulators and weight memory.
struct World {
    rng: Rng,
    writes: VecDeque<u32>,
    /// The job that the registers describe, while it waits for its start.
    next: Option<Job>,
    /// The job before, as the registers still describe it.
    last: Option<Job>,
    started: bool,
    /// The bank that the feeder fills next.
    feed_bank: usize,
    clears: bool,
    slow: u64,
    sums: Vec<i32>,
    /// Of a pipelined drain: what the accumulators give in the next cycles, if not the same.
    coming: VecDeque<Option<Vec<i32>>>,
    /// Words that were asked for: of parameters, and of the other tensor.
    word: VecDeque<Option<usize>>,
    other: VecDeque<Option<u128>>,
}

impl World {
    fn inputs(&mut self, model: &mut Model) -> Vec<u128> {
        let (n, rng) = (model.n, &mut self.rng);
        let mut v = vec![0, rng.bits(8), rng.bits(24), 0, 0, 0, rng.bits(1), u128::from(!rng.chance(self.slow))];
        v.push(self.word.pop_front().flatten().map_or_else(|| rng.bits(8 * n), |at| pack(&model.weights[at])));
        v.extend(self.sums.iter().map(|&s| u128::from(s as u32)));
        v.push(self.other.pop_front().flatten().unwrap_or_else(|| rng.bits(8 * n)));
        v.push(u128::from(rng.chance(5)));
        // What is asked for now stands there in the next cycle, or late.
        let asked = model.job.as_ref().filter(|_| model.wants_parameters() && v[7] == 1);
        self.word.push_back(asked.map(|job| (job.parameters + model.granted) % (1 << W)));
        self.other.push_back(model.added().map(|pixel| model.other[pixel]));
        self.coming.push_back(model.asked().map(|pixel| model.sums[model.bank][pixel].clone()));
        if let Some(sums) = self.coming.pop_front().flatten() {
            self.sums = sums;
        }
        self.started = false;
        if model.cycle == 0 || (self.clears && model.busy() && rng.chance(4)) {
            v[4] = 1;
            (self.next, self.last, self.feed_bank, self.clears) = (None, None, 0, false);
            self.writes.clear();
            return v;
        }
        if model.busy() {
            if rng.chance(20) {
                let ops = [command::W_ADDR, command::F_ADDR, command::L_DST, command::S_LEN];
                (v[0], v[1]) = (1, u128::from(ops[rng.below(4) as usize]));
            }
        } else if self.next.is_none() {
            let mut job = Job::random(rng, model.shape);
            let mut writes = job.registers();
            if let Some(last) = self.last.take().filter(|_| rng.chance(40)) {
                // Only the place of the output is new, or nothing: registers stay as they are.
                writes.truncate(rng.below(2) as usize);
                job = Job { address: if writes.is_empty() { last.address } else { job.address }, ..last };
            }
            let count = writes.len();
            for i in 0..count {
                writes.swap(i, rng.below(count as u64) as usize);
            }
            self.writes = writes.into();
            self.clears = rng.chance(10);
            self.slow = [0, 50][rng.below(2) as usize];
            self.next = Some(job);
        }
        if !model.busy() {
            if let Some(command) = self.writes.pop_front() {
                let (op, value) = unpack(command);
                (v[0], v[1], v[2]) = (1, op.into(), value.into());
            } else {
                self.prepare(model);
                self.last = self.next.clone();
                v[3] = 1;
                self.started = true;
            }
        }
        // The feeder is ahead of the drain or behind it.
        let rng = &mut self.rng;
        if !model.fed[self.feed_bank] && rng.chance([2, 20][usize::from(self.slow > 0)]) {
            (v[5], v[6]) = (1, self.feed_bank as u128);
            self.feed_bank ^= 1;
        }
        v
    }

    /// Fills bank, parameters and expected words for the job that starts.
    fn prepare(&mut self, model: &mut Model) {
        let (n, rng) = (model.n, &mut self.rng);
        let job = self.next.as_ref().unwrap();
        let (zero_point, low, high) = job.quant;
        let record_words = model.shape.record_words(job.steps, job.uniform);
        let mut sums = vec![vec![0; n]; job.pixels];
        model.expected = vec![0; job.pixels].into();
        let mut bytes = vec![vec![0; n]; job.pixels];
        let other: Vec<Vec<i8>> = (0..job.pixels).map(|_| int8s(rng, n)).collect();
        let (mut common, mut biases) = (0, Vec::new());
        let Shape { lanes, multiplier, .. } = model.shape;
        for c in 0..n {
            let fitted = multiplier == Multiplier::Fitted;
            let (sum, bias, mut mult) = if fitted { (0, sum_and_bias(rng).1, 0) } else { to_scale(rng) };
            let passes: Vec<Pass> = (0..if fitted { job.steps } else { 0 }).map(|_| pass(rng, bias)).collect();
            for (step, pass) in passes.iter().enumerate() {
                // By group of as many columns as there are lanes, by pass, by column.
                let record = ((c / lanes * job.steps as usize) + step) * lanes + c % lanes;
                model.fill(rng, job.parameters + record * pass_words(n), &pass_record(pass, n), pass_words(n));
            }
            if job.uniform {
                if c == 0 {
                    common = mult;
                    model.fill(rng, job.parameters, &mult.to_le_bytes(), 1);
                }
                mult = common;
                biases.extend(bias.to_le_bytes());
            } else if !fitted {
                model.fill(rng, job.parameters + c * param_words(n), &param_record(bias, mult), param_words(n));
            }
            for p in 0..job.pixels {
                // Half of a step of the result, about: 2^(t-1) / M.
                let (m, drop) = (mult & u64::from(u32::MAX), (mult >> 32) as u32 & 63);
                let near = ((rng.below(1200) as f64 - 600.0) * f64::from(drop).exp2() / m.max(1) as f64) as i32;
                let total = match rng.chance(80) {
                    true if fitted => sum_and_bias(rng).0.wrapping_add(sum) >> rng.below(20),
                    true => near,
                    false => rng.edgy(32) as i32,
                };
                sums[p][c] = total.wrapping_sub(bias);
                let value = match multiplier {
                    Multiplier::Fitted => requantise_fitted(sums[p][c], &passes, low, high),
                    Multiplier::Parallel => requantise_parallel(total, mult, zero_point, low, high),
                };
                bytes[p][c] = job.add.map_or(value, |Add { record: (a, b, c0), clamp, .. }| {
                    let sum = i64::from(a) * i64::from(value) + i64::from(b) * i64::from(other[p][c]) + c0;
                    (sum >> ADD_SHIFT).min(clamp.1.into()).max(clamp.0.into()) as i8
                });
            }
        }
        for (word, bytes) in biases.chunks(n).enumerate() {
            model.fill(rng, job.parameters + 1 + word, bytes, 1);
        }
        if let Some(Add { record: (a, b, c0), .. }) = job.add {
            model.fill(rng, job.parameters + record_words, &add_record(a, b, c0), add_words(n));
        }
        model.other = other.iter().map(|word| pack(word)).collect();
        for (p, bytes) in bytes.iter().enumerate() {
            model.expected[p] = pack(bytes);
        }
        model.sums[model.bank] = sums;
    }
}

fn drains<B: Block>(bench: Cosim<B>, shape: Shape, cycles: usize) {
    let Shape { n, lanes, .. } = shape;
    let bench = bench
        .gate("acc_bank", "acc_read")
        .gate("acc_address", "acc_read")
        .gate("param_address", "param_read")
        .gate("address", "write")
        .gate("word", "write")
        .gate("drained_bank", "drained")
        .gate("add_address", "add_read");
    let model = Rc::new(RefCell::new(Model::new(shape)));
    let world = Rc::new(RefCell::new(World {
        rng: Rng::new(1000 + (n * 16 + lanes) as u64),
        writes: VecDeque::new(),
        next: None,
        last: None,
        started: false,
        feed_bank: 0,
        clears: false,
        slow: 0,
        sums: vec![0; n],
        coming: vec![None; 2 * shape.late].into(),
        word: vec![None; 2 * shape.late + 1].into(),
        other: vec![None; 2 * shape.late + 1].into(),
    }));
    let stimulus = |_, _: &[u128]| world.borrow_mut().inputs(&mut model.borrow_mut());
    bench.check(cycles, stimulus, |i| {
        let mut world = world.borrow_mut();
        let next = if world.started { world.next.take() } else { None };
        model.borrow_mut().step(i, next)
    });
    let Model { words, added, .. } = *model.borrow();
    assert!(words > 100, "only {words} words");
    assert_eq!(added > 100, shape.residual, "{added} words with an addition");
}

/// A drain of so many columns and lanes; the other sizes as `build.rs` computes them.
macro_rules! drain {
    ($name:ident: $n:literal columns, $l:literal $multiplier:ident lanes, residual $residual:literal, $cycles:literal
     cycles, [$($c:literal),*] $(, pipelined $z:literal)?) => {
        #[test]
        fn $name() {
            const G: usize = $n / $l;
            const GB: usize = if G > 1 { G.next_power_of_two().ilog2() as usize } else { 1 };
            const ROW: usize = if G == 1 && !PARALLEL { 1 } else { GB + 1 };
            const PARALLEL: bool = matches!(Multiplier::$multiplier, Multiplier::Parallel);
            let bench = cosim!(
                Drain::<
                    $n,
                    { 8 * $n },
                    $l,
                    { 8 * $l },
                    G,
                    GB,
                    { if PARALLEL { param_words($n) } else { pass_words($n) } },
                    { (if PARALLEL { param_words($n) } else { pass_words($n) }) * 8 * $n },
                    A,
                    W,
                    C,
                    { if PARALLEL { 0 } else { $l } },
                    { if PARALLEL { $l } else { 0 } },
                    { if $residual { $n } else { 0 } },
                    { add_words($n) },
                    { add_words($n) * 8 * $n },
                    { if PARALLEL && $n == $l && $n >= 8 { $l } else { 0 } },
                    { if PARALLEL && $n == $l && $n >= 8 { $n / 4 } else { 0 } },
                    { 2 * G },
                    ROW,
                    { ROW + 1 },
                    { 4 * G },
                    { if PARALLEL { 5 } else { 10 $(+ $z)? } },
                    { 0 $(+ $z)? },
                    { 0 $(+ $z * $l)? },
                    { 0 $(+ $z * $n)? },
                    { if PARALLEL { 0 } else { 1 $(+ $z)? } },
                >::default(),
                inputs: [set, op, value, start, clear, fed, fed_bank, param_grant, param_word, $(sums[$c],)* add_word, eager],
                outputs: [busy, working, acc_read, acc_bank, acc_address, param_read, param_address,
                    write, address, word, drained, drained_bank, add_read, add_address]);
            let shape = Shape { n: $n, lanes: $l, multiplier: Multiplier::$multiplier, residual: $residual, late: 0 $(+ $z)? };
            drains(bench, shape, $cycles);
        }
    };
}

drain!(drain_of_4_columns_with_1_lane: 4 columns, 1 Fitted lanes, residual false, 6000 cycles, [0, 1, 2, 3]);
drain!(
    drain_of_8_columns_with_8_lanes: 8 columns, 8 Fitted lanes, residual false, 4000 cycles, [0, 1, 2, 3, 4, 5, 6, 7]
);
drain!(
    drain_of_8_columns_with_4_lanes: 8 columns, 4 Fitted lanes, residual false, 5000 cycles, [0, 1, 2, 3, 4, 5, 6, 7]
);
drain!(
    drain_of_12_columns_with_12_lanes: 12 columns, 12 Fitted lanes, residual false, 3000 cycles,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
);
drain!(
    drain_of_4_columns_with_fitted_lanes_that_adds: 4 columns, 4 Fitted lanes, residual true, 8000 cycles, [0, 1, 2, 3]
);
drain!(
    drain_of_8_columns_with_2_parallel_lanes: 8 columns, 2 Parallel lanes, residual false, 4000 cycles,
    [0, 1, 2, 3, 4, 5, 6, 7]
);
drain!(drain_of_4_columns_that_adds: 4 columns, 4 Parallel lanes, residual true, 5000 cycles, [0, 1, 2, 3]);
drain!(
    drain_of_8_columns_that_adds: 8 columns, 8 Parallel lanes, residual true, 4000 cycles, [0, 1, 2, 3, 4, 5, 6, 7]
);
drain!(
    drain_of_12_columns_that_adds: 12 columns, 12 Parallel lanes, residual true, 3000 cycles,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
);
drain!(
    drain_of_16_columns_that_adds: 16 columns, 16 Parallel lanes, residual true, 3000 cycles,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
);
drain!(
    drain_of_12_columns_from_pipelined_memories: 12 columns, 12 Fitted lanes, residual true, 9000 cycles,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], pipelined 1
);
