//! Random command streams through the Verilated kernel, the functional model and the timing model: card memory, on-chip
//! memory and all counters must be equal, cycles included.

mod common;

use common::{card_dir, stream, Random};
use isa::command::{self as op, pack, word};
use isa::config::{Config, Multiplier};
use isa::counter::{self, Snapshot, COUNTERS};
use isa::layout;
use isa::requant;
use isa::timing::{self, COUNTED};
use systole_sim::memory::Buffers;
use systole_sim::model::Machine;
use systole_sim::rtl::{Built, Region};
use systole_sim::settings::Settings;

/// Counters that a command stream alone decides, whatever memory and overlap do.
const EXACT: [usize; 9] = [
    counter::BUSY,
    counter::MACS,
    counter::ZERO_PRODUCTS,
    counter::ACT_READS,
    counter::ACT_WRITES,
    counter::WEIGHT_WRITES,
    counter::ACC_READS,
    counter::ACC_WRITES,
    counter::COMMANDS,
];

struct Case {
    commands: Vec<u32>,
    weights: Vec<u8>,
    input: Vec<u8>,
    output_words: usize,
    /// For each snapshot whether it is soft.
    marks: Vec<bool>,
}

/// Builds streams without hazards: feeds read the lower half of activation memory, drains write the upper half, so that
/// they may overlap; or, where addresses wander, everything waits.
struct Writer<'a> {
    config: &'a Config,
    random: &'a mut Random,
    commands: Vec<u32>,
    /// Weight word of the next tile.
    tile_at: i64,
    /// Weight word of the parameter records of fitted multipliers.
    records: i64,
}

/// Blocks of parameter records of fitted multipliers.
const RECORDS: usize = 12;

/// So many blocks of n records of two passes, in bus words: most of them give values within a byte.
fn fitted_records(config: &Config, random: &mut Random) -> Vec<u8> {
    let (n, bus) = (config.n, config.bus_bytes());
    let mut bytes = Vec::new();
    for _ in 0..RECORDS * n * 2 {
        let code = random.range(4, 7) as u32;
        let constant = |random: &mut Random| {
            let half = 1i64 << (requant::LEAST_DROP + 2 * code - requant::CONSTANT_SHIFT + 7);
            random.range(-half, half - 1) as i32
        };
        let pass = requant::Pass {
            bias: random.next() as i32 >> random.range(8, 24),
            multiplier: random.next() >> (8 + random.range(0, 8)) | code << 24,
            positive: constant(random),
            negative: constant(random),
        };
        for word in layout::pass_record(&pass, n).chunks(n) {
            bytes.extend(word);
            bytes.resize(bytes.len().next_multiple_of(bus), 0);
        }
    }
    bytes
}

impl Writer<'_> {
    fn put(&mut self, operation: u8, values: &[i64]) {
        let word = pack(operation, values).unwrap_or_else(|| panic!("{operation:#x} {values:?} does not fit"));
        self.commands.push(word);
    }

    fn start(&mut self, operation: u8) {
        self.commands.push(word(operation, 0));
    }

    fn wait(&mut self, units: u32) {
        self.commands.push(word(op::WAIT, units));
    }

    fn load(&mut self, source: i64, offset: i64, memory: i64, address: i64, words: i64) {
        self.put(op::L_SRC, &[offset]);
        self.put(op::L_DST, &[address, memory]);
        self.put(op::L_LEN, &[words - 1, source]);
        self.start(op::LOAD);
    }

    fn store(&mut self, address: i64, offset: i64, words: i64) {
        self.put(op::S_SRC, &[address]);
        self.put(op::S_DST, &[offset]);
        self.put(op::S_LEN, &[words - 1]);
        self.start(op::STORE);
    }

    /// A feed and its drain.
    fn job(&mut self) {
        let half = (self.config.act_words() / 2) as i64;
        let r = &mut *self.random;
        let wander = r.one_in(4);
        let most = self.config.acc_words() as i64;
        let width = r.range(1, most.min(20));
        let height = r.range(1, (most / width).min(20));
        let (kernel_width, kernel_height) = (r.range(1, 4), r.range(1, 4));
        let blocks = r.range(1, 3);
        let (stride_x, stride_y) = (r.range(1, 3), r.range(1, 3));
        let in_width = r.range(1, 24);
        let (origin_x, origin_y) = (r.range(-3, 2), r.range(-3, 2));
        let hold = i64::from(r.one_in(4));
        let max = i64::from(r.one_in(4));
        let pad = r.range(-128, 127);
        let steps = r.range(1, 2);
        let any = |r: &mut Random| i64::from(r.next() & op::VALUE_MASK);
        let address = (origin_y * in_width + origin_x) * blocks;
        let (step_x, step_y, step_k) = (stride_x * blocks, stride_y * in_width * blocks, in_width * blocks);
        let wild = [any(r), any(r), any(r), any(r), any(r)];
        let line = r.one_in(3);
        // In line mode the rows of a group and the groups all have taps, so that every output sees defined samples.
        let (groups, taps) = (self.config.line_groups as i64, self.config.line_taps() as i64);
        let (skip_x, skip_y) = (self.config.n as i64 - (groups - 1) * taps - 1, groups - 1);
        let (apart_x, apart_y) = (r.range(1, 3), r.range(1, 3));
        let (out_width, out_height) = (width, height);
        let (width, height, blocks, stride_x) = if line {
            // At least 3 samples, and the last one has an output.
            let outputs = if skip_x < 2 { width.max(3) } else { width };
            let samples = (outputs - 1) * apart_x + skip_x + 1;
            (samples, (height - 1) * apart_y + skip_y + 1, 1, 1)
        } else {
            (width, height, blocks, stride_x)
        };
        let fits = !line || groups == 1 || width <= self.config.line_words() as i64;
        let (line, width, height) = if fits { (line, width, height) } else { (false, out_width, out_height) };
        let out_width = if line { (width - skip_x - 1) / apart_x + 1 } else { out_width };
        let in_height = r.range(1, 24).min(half / (in_width * blocks));
        let tiles = if hold == 1 { 1 } else { kernel_width * kernel_height * blocks };
        let n = self.config.n as i64;
        // One more tile is read ahead; loads under a job write the upper half.
        let last_address = self.config.weight_words() as i64 / 2 - (tiles + 1) * n;
        let w_address = r.range(0, last_address);
        let new_address = !r.one_in(3) || self.tile_at > last_address;
        let block_words = self.config.record_words(2, false) as i64;
        let param_words = block_words + layout::add_words(self.config.n) as i64;
        let param = match self.config.multiplier {
            // What lies anywhere gives values past the byte.
            Multiplier::Fitted => self.records + r.range(0, RECORDS as i64 - 2) * block_words,
            Multiplier::Parallel => r.range(0, self.config.weight_words() as i64 / 2 - param_words),
        };
        let uniform = self.config.uniform() && r.one_in(2);
        let d_step = r.range(1, 3);
        let pixels = out_width * out_height;
        let d_address = half + r.range(0, half - d_step * pixels);
        let low = r.range(-128, 0);
        let high = r.range(low, 127);
        let zero_point = r.range(-128, 127);
        let (full, last) = (r.range(0, n * n), r.range(0, n * n));
        let add = self.config.residual && r.one_in(3);
        // Two cycles a pixel, so that read and write of the drain take turns.
        let steps = match self.config.multiplier {
            Multiplier::Fitted if add => 2,
            Multiplier::Fitted => steps,
            Multiplier::Parallel => 1 + i64::from(add),
        };
        let (add_step, add_low, add_high) = (r.range(1, 3), r.range(-128, 127), r.range(-128, 127));
        let add_address = r.range(0, half - add_step * pixels);
        if wander {
            self.wait(op::UNIT_ALL);
        }
        if new_address {
            self.put(op::W_ADDR, &[w_address]);
            self.tile_at = w_address;
        }
        self.tile_at += tiles * n;
        let steps_and_address = if wander { wild } else { [address, step_x, step_y, step_k, 1] };
        for (register, value) in [op::F_ADDR, op::F_PIXEL_STEP, op::F_ROW_STEP, op::F_KERNEL_STEP, op::F_TAP_STEP]
            .into_iter()
            .zip(steps_and_address)
        {
            self.commands.push(word(register, value as u32));
        }
        self.put(op::F_OUT, &[width - 1, height - 1]);
        self.put(op::F_KERNEL, &[kernel_width - 1, kernel_height - 1, blocks - 1]);
        self.put(op::F_ORIGIN, &[origin_x, origin_y]);
        self.put(op::F_IN, &[in_width, in_height]);
        self.put(op::F_MODE, &[pad, stride_x, stride_y, max, hold, i64::from(line)]);
        self.put(op::F_LINE, &[skip_x, apart_x - 1, skip_y, apart_y - 1]);
        self.put(op::F_MACS, &[full, last]);
        self.start(op::FEED);
        self.put(op::D_ADDR, &[d_address]);
        self.put(op::D_STEP, &[d_step]);
        self.put(op::D_COUNT, &[pixels - 1, steps - 1, i64::from(add), i64::from(uniform)]);
        self.put(op::D_ADD, &[add_address]);
        self.put(op::D_ADD_STEP, &[add_step]);
        self.put(op::D_CLAMP, &[add_low, add_high]);
        self.put(op::D_QUANT, &[zero_point, low, high]);
        self.put(op::D_PARAM, &[param]);
        self.start(op::DRAIN);
        if wander {
            self.wait(op::UNIT_ALL);
        }
    }
}

fn case(config: &Config, random: &mut Random) -> Case {
    let (act, weight) = (config.act_words() as i64, config.weight_words() as i64);
    let weight_loaded = (weight / 2).min(2048);
    let mut w = Writer {
        config,
        random: &mut *random,
        commands: Vec::new(),
        tile_at: 0,
        records: weight_loaded - (RECORDS * config.record_words(2, false)) as i64,
    };
    let act_loaded = (act / 2).min(2048);
    let spare = 64;
    w.load(0, 0, 1, 0, weight_loaded);
    w.load(1, 0, 0, 0, act_loaded);
    w.wait(op::UNIT_LOAD);
    // The tile reader may have read ahead before the weights were there.
    w.put(op::W_ADDR, &[0]);
    let (mut stored, mut marks) = (0, Vec::new());
    for _ in 0..w.random.range(1, 6) {
        w.job();
        match w.random.next() % 8 {
            0 => {
                // Weights that no job reads, under the job.
                let address = weight / 2 + w.random.range(0, weight / 2 - spare);
                let (offset, words) = (w.random.range(0, 100), w.random.range(1, spare));
                w.load(0, offset, 1, address, words);
                if w.random.one_in(2) {
                    // A second one that need not wait for the first.
                    let address = weight / 2 + w.random.range(0, weight / 2 - spare);
                    w.load(0, offset + 3, 1, address, words);
                    w.wait(op::UNIT_OLDER_LOADS);
                }
            }
            1 => {
                let words = w.random.range(1, 300);
                if w.random.one_in(2) && words < act / 2 {
                    // What feeds read and nobody writes, beside them.
                    let address = w.random.range(0, act / 2 - words);
                    w.store(address, stored, words);
                    w.job();
                } else {
                    let address = w.random.range(0, act - 1);
                    w.wait(op::UNIT_FEED | op::UNIT_DRAIN);
                    w.store(address, stored, words);
                }
                w.wait(op::UNIT_STORE);
                if w.random.one_in(2) {
                    // Back onto the chip, where the job may read or write.
                    w.wait(op::UNIT_FEED | op::UNIT_DRAIN);
                    let address = w.random.range(0, act - words);
                    w.load(2, stored, 0, address, words);
                    w.wait(op::UNIT_LOAD);
                }
                stored += words;
            }
            2 => {
                w.start(op::MARK);
                marks.push(false);
            }
            3 => {
                w.put(op::MARK, &[1]);
                marks.push(true);
            }
            _ => (),
        }
    }
    w.wait(op::UNIT_ALL);
    // All of activation memory, so that nothing hides in it.
    w.store(0, stored, act);
    stored += act;
    w.start(op::MARK);
    w.start(op::END);
    marks.push(false);
    let bus = config.bus_bytes();
    let commands = w.commands;
    let records = w.records as usize;
    let mut weights = random.bytes((weight_loaded + 100) as usize * bus);
    if config.multiplier == Multiplier::Fitted {
        let bytes = fitted_records(config, random);
        weights[records * bus..][..bytes.len()].copy_from_slice(&bytes);
    }
    Case { commands, weights, input: random.bytes(act_loaded as usize * bus), output_words: stored as usize, marks }
}

/// Runs a case on both; the error says where they first differ.
fn compare(built: &Built, seed: u64, runs: usize) -> Result<u64, String> {
    let config = built.config().clone();
    let bus = config.bus_bytes();
    let mut random = Random(seed);
    let stall_seed = if random.one_in(2) { random.next() } else { 0 };
    let latency = random.range(0, 60) as u32;
    let mut rtl = built.start(&Settings { stall_seed, cycle_limit: 20_000_000, ..Settings::default() })?;
    let mut machine = Machine::new(&config);
    let mut cycles = 0;
    for run in 0..runs {
        let case = case(&config, &mut random);
        let mut memory = Buffers::new();
        let pointers = [
            memory.add(stream(&case.commands)),
            memory.add(case.weights),
            memory.add(case.input),
            memory.add(vec![0x5a; case.output_words * bus]),
            memory.add(vec![0xa5; case.marks.len() * Snapshot::bytes(bus)]),
        ];
        let mut card_memory = memory.clone();
        let status = machine.run(&mut memory, pointers).map_err(|e| format!("seed {seed} run {run}: model: {e}"))?;
        let mut regions: Vec<Region<'_>> = card_memory
            .iter_mut()
            .map(|(base, bytes)| (base, round_up(bytes)))
            .map(|(base, bytes)| Region { base, bytes })
            .collect();
        let done =
            rtl.run(&mut regions, pointers, latency).map_err(|(e, _)| format!("seed {seed} run {run}: RTL: {e}"))?;
        cycles += done.cycles;
        if stall_seed == 0 {
            let times = timing::run(&config, &case.commands, latency).map_err(|e| format!("timing: {e:?}"))?;
            let bytes = &card_memory.get(pointers[4]).unwrap()[..case.marks.len() * Snapshot::bytes(bus)];
            let marks = Snapshot::parse_all(bytes, bus);
            if times.cycles != done.cycles {
                return Err(format!("seed {seed} run {run}: {} cycles, RTL {}", times.cycles, done.cycles));
            }
            for (mark, (a, b)) in times.marks.iter().zip(&marks).enumerate() {
                for i in COUNTED {
                    // A soft snapshot takes only the cycles at the very moment; and commands may be fetched during any.
                    let slack = if i == counter::BUS_READS { 32 } else { 0 };
                    let taken = i == counter::CYCLES || !case.marks[mark];
                    if taken && a.0[i].abs_diff(b.0[i]) > slack {
                        return Err(format!(
                            "seed {seed} run {run}: mark {mark}: counter {}: timing {}, RTL {} (latency {latency})",
                            COUNTERS[i].0, a.0[i], b.0[i]
                        ));
                    }
                }
            }
        }
        let (ours, card) = (memory.get(pointers[3]).unwrap(), card_memory.get(pointers[3]).unwrap());
        if let Some(at) = ours.iter().zip(card).position(|(a, b)| a != b) {
            return Err(format!(
                "seed {seed} run {run}: output word {} byte {}: model {}, RTL {} (latency {latency}, stalls {stall_seed})",
                at / bus,
                at % bus,
                ours[at] as i8,
                card[at] as i8
            ));
        }
        let snapshots = |m: &Buffers| {
            Snapshot::parse_all(&m.get(pointers[4]).unwrap()[..case.marks.len() * Snapshot::bytes(bus)], bus)
        };
        assert_eq!(status.marks, case.marks.len());
        for (mark, (a, b)) in snapshots(&memory).iter().zip(snapshots(&card_memory)).enumerate() {
            for i in EXACT {
                if !case.marks[mark] && a.0[i] != b.0[i] {
                    return Err(format!(
                        "seed {seed} run {run}: mark {mark}: counter {}: model {}, RTL {}",
                        COUNTERS[i].0, a.0[i], b.0[i]
                    ));
                }
            }
            // Time has no model, but it has bounds.
            let counts = b.0;
            if counts[counter::BUSY] > counts[counter::CYCLES] || counts[counter::IDLE] > counts[counter::CYCLES] {
                return Err(format!("seed {seed} run {run}: mark {mark}: impossible counters {counts:?}"));
            }
        }
    }
    Ok(cycles)
}

/// The shim serves whole bus words.
fn round_up(bytes: &mut Vec<u8>) -> &mut Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    bytes
}

fn cosimulate(name: &str, cases: u64) {
    let Some(folder) = card_dir(&format!("cosimulation of {name}")) else { return };
    let built = Built::open(&folder.join(name)).unwrap();
    let cases = std::env::var("SYSTOLE_COSIM_CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(cases);
    let failures: Vec<String> = (0..cases).filter_map(|seed| compare(&built, seed, 2).err()).collect();
    assert!(failures.is_empty(), "{} of {cases} cases differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn small4x4_does_what_the_model_does() {
    cosimulate("small4x4", 25);
}

#[test]
fn edge8x8_does_what_the_model_does() {
    cosimulate("edge8x8", 40);
}

#[test]
fn edge12x12_does_what_the_model_does() {
    cosimulate("edge12x12", 25);
}

#[test]
fn mid16x16_does_what_the_model_does() {
    cosimulate("mid16x16", 25);
}
