//! How fast the Verilated cards simulate: clock cycles a second of one core, while the array is busy.
//!
//! `cargo bench -p systole-sim` after `scripts/card`. Criterion's elements a second are cycles a second of wall time;
//! the line before them counts processor time, which a busy machine does not change.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use isa::command::{self as op, pack, word};
use isa::config::Config;
use isa::layout;
use std::path::Path;
use systole_sim::memory::Buffers;
use systole_sim::rtl::{Built, Region, Rtl};
use systole_sim::settings::Settings;

/// Weights and activations that are not zero, then a few full jobs with their drains.
fn stream(config: &Config) -> Vec<u8> {
    let put = |operation, values: &[i64]| pack(operation, values).unwrap_or_default();
    let side = 1i64 << (config.acc_words_log2 / 2);
    let jobs = 8;
    let mut commands = vec![
        put(op::L_DST, &[0, 1]),
        put(op::L_LEN, &[1023, 0]),
        word(op::LOAD, 0),
        put(op::L_DST, &[0, 0]),
        put(op::L_LEN, &[1023, 1]),
        word(op::LOAD, 0),
        word(op::WAIT, op::UNIT_LOAD),
        word(op::F_PIXEL_STEP, 1),
        word(op::F_ROW_STEP, side as u32),
        word(op::F_KERNEL_STEP, side as u32),
        put(op::F_OUT, &[side - 1, side - 1]),
        put(op::F_KERNEL, &[2, 2, 0]),
        put(op::F_ORIGIN, &[-1, -1]),
        put(op::F_IN, &[side, side]),
        put(op::F_MODE, &[0, 1, 1, 0, 0, 0]),
        word(op::D_ADDR, config.act_words() as u32 / 2),
        word(op::D_STEP, 1),
        put(op::D_COUNT, &[side * side - 1, 0, 0, 0]),
        put(op::D_QUANT, &[0, -128, 127]),
    ];
    for _ in 0..jobs {
        commands.extend([word(op::W_ADDR, 0), word(op::FEED, 0), word(op::DRAIN, 0)]);
    }
    commands.push(word(op::END, 0));
    let mut bytes: Vec<u8> = commands.iter().flat_map(|c| c.to_le_bytes()).collect();
    bytes.resize((bytes.len() + layout::COMMAND_READ_AHEAD).next_multiple_of(16), 0);
    bytes
}

struct Bench {
    rtl: Rtl,
    memory: Buffers,
    pointers: [u64; 5],
}

impl Bench {
    fn new(built: &Built) -> Self {
        let config = built.config();
        let data = |seed: usize| (0..1024 * config.bus_bytes()).map(|i| (i * 151 + seed) as u8).collect();
        let mut memory = Buffers::new();
        let commands = memory.add(stream(config));
        let pointers = [commands, memory.add(data(1)), memory.add(data(2)), 0, 0];
        let rtl = built.start(&Settings::default()).expect("the card starts");
        Self { rtl, memory, pointers }
    }

    fn run(&mut self) -> u64 {
        let mut regions: Vec<_> = self.memory.iter_mut().map(|(base, bytes)| Region { base, bytes }).collect();
        self.rtl.run(&mut regions, self.pointers, 24).expect("the run ends").cycles
    }
}

/// Processor time of this thread in seconds, where the system tells.
fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? * 1e-9)
}

fn speed(criterion: &mut Criterion) {
    let cards = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/card");
    let mut group = criterion.benchmark_group("verilated");
    for name in ["small4x4", "edge8x8", "edge12x12", "mid16x16"] {
        let built = match Built::open(&cards.join(name)) {
            Ok(built) => built,
            Err(error) => {
                println!("SKIPPED {name}: {error}");
                continue;
            }
        };
        let mut bench = Bench::new(&built);
        let cycles = bench.run();
        if let Some(start) = processor_time() {
            let total: u64 = (0..5).map(|_| bench.run()).sum();
            if let Some(end) = processor_time() {
                println!("{name}: {:.0} cycles a second of processor time", total as f64 / (end - start));
            }
        }
        group.throughput(Throughput::Elements(cycles)).sample_size(10);
        group.bench_function(name, |b| b.iter(|| bench.run()));
    }
    group.finish();
}

criterion_group!(benches, speed);
criterion_main!(benches);
