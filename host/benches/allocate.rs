//! The software allocator: the dynamic program, the marginal costs, and the plain loop that they are measured against.
//!
//! `cargo bench -p systole --bench allocate`. 5, 100, 500 and 1,000 devices of 16 levels; the comparison with other
//! solvers is `scripts/compare/allocate`.

#[path = "../examples/allocate_time/plain.rs"]
mod plain;

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use systole::allocate::{solve, Device, Method, Mode, Problem};

const LEVELS: u64 = 16;

/// Random costs below 100,000, the same each time.
fn random(devices: u64) -> Vec<Vec<u64>> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 100_000
    };
    (0..devices).map(|_| (0..LEVELS).map(|_| next()).collect()).collect()
}

/// Work that takes time in inverse proportion to the power given: convex.
fn convex(devices: u64) -> Vec<Vec<u64>> {
    (0..devices).map(|i| (0..LEVELS).map(|k| (1000 + 37 * (i % 100)) * 720 / (k + 1)).collect()).collect()
}

fn problem(cost: &[Vec<u64>], budget: usize) -> Problem {
    let device = |(i, c): (usize, &Vec<u64>)| Device::new(i.to_string(), c.iter().map(|&c| Some(c)).collect());
    let devices = cost.iter().enumerate().map(device).collect();
    Problem::new("bench", Mode::Equal, budget, devices).expect("it is within the limits")
}

fn allocate(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate");
    for (devices, budget) in [(5, 48), (100, 1024), (500, 1024), (1000, 1024)] {
        let size = format!("{devices}x{budget}x{LEVELS}");
        group.throughput(Throughput::Elements(devices * budget as u64 * LEVELS));
        let table = random(devices);
        let wide: Vec<Vec<i64>> = table.iter().map(|t| t.iter().map(|&c| c as i64).collect()).collect();
        group.bench_with_input(BenchmarkId::new("plain loop", &size), &wide, |b, cost| {
            b.iter(|| plain::solve(black_box(cost), budget));
        });
        for (name, problem, method) in [
            ("dynamic program", problem(&table, budget), Method::DynamicProgram),
            ("marginal costs", problem(&convex(devices), budget), Method::MarginalCosts),
        ] {
            assert_eq!(solve(&problem).expect("within the limits").method, method);
            group.bench_with_input(BenchmarkId::new(name, &size), &problem, |b, p| b.iter(|| solve(black_box(p))));
        }
    }
    group.finish();
}

criterion_group!(benches, allocate);
criterion_main!(benches);
