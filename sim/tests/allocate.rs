//! The Verilated allocator against the recurrence as it is written, and against the functional model, on every card that
//! was built.
//!
//! Each problem is checked for its least cost and for an allocation that reaches it. `SYSTOLE_FUZZ_RUNS` sets how many
//! random problems a card gets.

mod common;

use common::allocate::{model, run, run_bytes, same, Problem};
use common::{card_dir, Random};
use isa::allocate as alloc;
use isa::failure;
use systole_sim::pack::READ_LATENCY_CYCLES;
use systole_sim::rtl::{Built, Kernel};
use systole_sim::settings::Settings;

/// The allocator of each configuration that was built.
fn cards(test: &str) -> Vec<Built> {
    let Some(folder) = card_dir(test) else { return vec![] };
    let names = ["small4x4", "edge8x8", "edge12x12", "mid16x16"];
    names.into_iter().filter_map(|name| Built::open(&folder.join(name)).ok()).collect()
}

fn settings(stall_seed: u32) -> Settings {
    Settings { stall_seed, cycle_limit: 40_000_000, quiet_limit: 100_000, ..Settings::default() }
}

#[test]
fn random_problems_are_solved_and_infeasible_ones_told() {
    let runs: u64 = std::env::var("SYSTOLE_FUZZ_RUNS").ok().and_then(|v| v.parse().ok()).unwrap_or(300);
    for built in cards("random allocation problems") {
        for stall_seed in [0, 7] {
            let mut rtl = built.start_kernel(Kernel::Allocate, &settings(stall_seed)).unwrap();
            let mut solved = 0;
            for seed in 0..runs {
                let mut random = Random(seed * 2 + u64::from(stall_seed) + 1);
                // Small ones, many levels, and costs at the end of what 32 bits hold.
                let problem = match seed % 4 {
                    0 => Problem::random(&mut random, 6, 5, 20, 17, 5),
                    1 => Problem::random(&mut random, 9, 64, 300, 20, 4),
                    2 => Problem::random(&mut random, 5, 6, 25, 32, 8),
                    _ => Problem::random(&mut random, 70, 16, 100, 12, 3),
                };
                let latency = random.range(1, 40) as u32;
                let (answer, _) = run(&mut rtl, built.config(), &problem, latency);
                problem.check(&answer);
                same(&answer, &model(built.config(), &problem));
                solved += u32::from(answer.record[alloc::STATUS] == alloc::OPTIMAL);
            }
            assert!(u64::from(solved) > runs / 4, "{solved} of {runs} random problems have an answer");
        }
    }
}

#[test]
fn every_level_count_fits_the_lanes() {
    for built in cards("every level count") {
        let mut rtl = built.start_kernel(Kernel::Allocate, &settings(0)).unwrap();
        for levels in 1..=alloc::MAX_LEVELS {
            let mut random = Random(levels as u64);
            let mut problem = Problem::random(&mut random, 1, 1, 0, 10, 1000);
            let devices = 7;
            problem.slopes = vec![3; devices];
            problem.costs = (0..devices).map(|_| (0..levels).map(|_| Some(random.next() >> 22)).collect()).collect();
            problem.budget = devices * (levels - 1) / 2;
            let (answer, _) = run(&mut rtl, built.config(), &problem, 3);
            problem.check(&answer);
            let shape = alloc::Shape::new(built.config(), &problem.header());
            let record = answer.record.map(|w| w as usize);
            assert_eq!(record[alloc::PASSES], shape.passes, "{levels} levels");
            assert_eq!(record[alloc::BUSY], shape.passes * shape.cells);
            assert_eq!(record[alloc::CELLS], devices * levels * shape.cells);
            assert_eq!(record[alloc::DECISIONS], shape.groups * shape.cells);
            assert_eq!(record[alloc::ROW_WRITES], (shape.passes - 1) * shape.cells);
            assert_eq!(record[alloc::TABLE_WORDS], devices * (levels + 1));
            assert_eq!(
                record[alloc::CYCLES],
                record[alloc::BUSY] + record[alloc::STALLS] + record[alloc::TRACE] + record[alloc::IDLE]
            );
        }
    }
}

#[test]
fn the_seeds_five_devices_cost_what_its_recurrence_says() {
    for built in cards("five devices") {
        let mut rtl = built.start_kernel(Kernel::Allocate, &settings(0)).unwrap();
        for (weight, cost) in [(0, 1220), (1, 1380), (5, 2020), (10, 2820), (48, 8900)] {
            for least in [0, 1] {
                let devices = [(50, 24), (30, 16), (20, 12), (10, 8), (5, 4)];
                let row = |&(power, time): &(u32, u32)| (0..=time).map(|k| (k >= least).then_some(power * k)).collect();
                let problem = Problem {
                    budget: 48,
                    at_most: false,
                    slopes: alloc::slopes(&[weight; 5]).unwrap(),
                    costs: devices.iter().map(row).collect(),
                };
                let (answer, _) = run(&mut rtl, built.config(), &problem, 24);
                problem.check(&answer);
                assert_eq!(answer.record[alloc::COST], cost, "weight {weight}, levels from {least}");
            }
        }
    }
}

#[test]
fn a_header_outside_the_limits_ends_the_run_with_its_status() {
    for built in cards("bad headers") {
        let mut rtl = built.start_kernel(Kernel::Allocate, &settings(0)).unwrap();
        let good = Problem { budget: 2, at_most: true, slopes: vec![0; 2], costs: vec![vec![Some(3), Some(1)]; 2] };
        let most = built.config().allocate_budget as u32;
        let bad = [
            (0, 0x1234),
            (alloc::HEADER_DEVICES, 0),
            (alloc::HEADER_DEVICES, 1025),
            (alloc::HEADER_LEVELS, 0),
            (alloc::HEADER_LEVELS, 65),
            (alloc::HEADER_LEVELS, u32::MAX),
            (alloc::HEADER_BUDGET, most + 1),
            (alloc::HEADER_MODE, 2),
            (7, 1),
        ];
        for (word, value) in bad {
            let mut bytes = good.bytes();
            bytes[4 * word..][..4].copy_from_slice(&value.to_le_bytes());
            let (error, _) = run_bytes(&mut rtl, &mut bytes, 8192, 5).unwrap_err();
            assert_eq!(error.code, failure::BAD_PROBLEM, "word {word} is {value}: {error}");
            // The next run is not touched by it.
            good.check(&run(&mut rtl, built.config(), &good, 5).0);
        }
    }
}

#[test]
fn buffers_that_are_too_short_are_faults_and_end() {
    for built in cards("short buffers") {
        let mut rtl = built.start_kernel(Kernel::Allocate, &settings(0)).unwrap();
        let problem =
            Problem { budget: 40, at_most: false, slopes: vec![0; 40], costs: vec![vec![Some(1), Some(2)]; 40] };
        let (error, _) = run_bytes(&mut rtl, &mut problem.bytes()[..64], 1 << 16, 5).unwrap_err();
        assert_eq!(error.code, failure::READ_FAULT, "{error}");
        let (error, _) = run_bytes(&mut rtl, &mut problem.bytes(), 4096, 5).unwrap_err();
        assert!([failure::READ_FAULT, failure::WRITE_FAULT].contains(&error.code), "{error}");
        problem.check(&run(&mut rtl, built.config(), &problem, 5).0);
    }
}

/// Cycles do not depend on the machine, so this is a test and no benchmark.
#[test]
fn five_hundred_devices_take_no_more_cycles_than_promised() {
    for built in cards("cycles") {
        let lanes = built.config().allocate_lanes;
        let budget = built.config().allocate_budget.min(1024);
        let mut random = Random(5);
        let costs = (0..500).map(|_| (0..16).map(|_| Some(random.next() % 100_000)).collect()).collect();
        let problem = Problem { budget, at_most: false, slopes: vec![0; 500], costs };
        let mut rtl = built.start_kernel(Kernel::Allocate, &settings(0)).unwrap();
        let (answer, cycles) = run(&mut rtl, built.config(), &problem, READ_LATENCY_CYCLES);
        problem.check(&answer);
        let limit = (500 * budget * 16 / lanes) as u64 * 110 / 100 + 2000;
        println!("{}: {lanes} lanes, {cycles} cycles, limit {limit}: {:?}", built.config().name, answer.record);
        assert!(cycles <= limit, "{}: {cycles} cycles, at most {limit}", built.config().name);
    }
}
