//! The header unit, held against `systole_isa::allocate::Shape`.

use systole_hdl::allocate::header::Header;
use systole_hdl::configs;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::allocate::{self, Header as Sizes, Shape};
use systole_isa::config::Config;

fn config(lanes: usize, n: usize, budget: usize) -> Config {
    let one = configs::config("edge8x8").unwrap();
    Config { n, allocate_lanes: lanes, allocate_budget: budget, ..one }
}

fn sizes_stand_or_are_bad<const L: usize, const P: usize, const A: usize, const D: usize>(n: usize) {
    let config = config(L, n, D - 1);
    assert_eq!(config.path_bits(), P);
    let bench = cosim!(Header::<L, P, A, D>::default(),
        inputs: [start, valid, word],
        outputs: [take, done, bad, devices, levels, last, at_most, abreast, level_bits, level_mask, unit])
    .gate("devices", "done")
    .gate("levels", "done")
    .gate("last", "done")
    .gate("at_most", "done")
    .gate("abreast", "done")
    .gate("level_bits", "done")
    .gate("level_mask", "done")
    .gate("unit", "done");
    let mut rng = Rng::new(L as u64);
    // A header every 100 cycles: sound, or with one word that is not.
    let headers: Vec<([u32; 8], Sizes)> = (0..60)
        .map(|t| {
            let sizes = Sizes {
                devices: 1 + rng.below(1024) as usize,
                levels: 1 + if rng.chance(70) { rng.below(64) } else { rng.below(4) } as usize,
                budget: rng.below(D as u64) as usize,
                at_most: rng.chance(50),
            };
            let mut words = sizes.words();
            if t % 3 == 2 {
                let at = rng.below(8) as usize;
                words[at] = match at {
                    allocate::HEADER_DEVICES => [0, 1025, u32::MAX][rng.below(3) as usize],
                    allocate::HEADER_LEVELS => [0, 65, 1 << 31][rng.below(3) as usize],
                    allocate::HEADER_BUDGET => [D as u32, u32::MAX][rng.below(2) as usize],
                    _ => 2 + rng.bits(31) as u32,
                };
            }
            (words, sizes)
        })
        .collect();
    let mut given = 0;
    // Header and words taken; the cycle from which its sizes stand, or it is bad.
    let (mut taken, mut done_at, mut bad_at) = ((0, 8), usize::MAX, usize::MAX);
    let (mut now, mut stood) = (0, 0);
    bench.check(
        100 * headers.len(),
        |cycle, last| {
            given = if cycle % 100 == 0 { 0 } else { given + last[0] as usize };
            let word = if given < 8 { headers[cycle / 100].0[given] } else { rng.bits(32) as u32 };
            vec![u128::from(cycle % 100 == 0), u128::from(cycle % 100 != 0 && rng.chance(60)), word.into()]
        },
        |i| {
            let (words, sizes) = headers[taken.0];
            let shape = Shape::new(&config, &sizes);
            let take = taken.1 < 8 && i[1] == 1;
            let out = vec![
                take.into(),
                u128::from(now >= done_at),
                u128::from(now >= bad_at),
                sizes.devices as u128,
                sizes.levels as u128,
                sizes.budget as u128,
                sizes.at_most.into(),
                shape.devices_a_pass as u128,
                shape.level_bits as u128,
                (1 << shape.level_bits) - 1,
                1 << ((shape.devices_a_pass - 1) * shape.level_bits),
            ];
            stood += u32::from(now >= done_at);
            if take {
                taken.1 += 1;
                if taken.1 == 8 && words == sizes.words() {
                    // One cycle for each device after the first, one to find that no more fits.
                    done_at = now + 1 + shape.devices_a_pass;
                } else if taken.1 == 8 {
                    bad_at = now + 2;
                }
            }
            if i[0] == 1 {
                (taken, done_at, bad_at) = ((now / 100, 0), usize::MAX, usize::MAX);
            }
            now += 1;
            out
        },
    );
    assert!(stood > 500, "sizes stood in {stood} cycles");
}

#[test]
fn sizes_are_those_of_the_contract() {
    sizes_stand_or_are_bad::<8, 8, 10, 1024>(4);
    sizes_stand_or_are_bad::<16, 16, 13, 4097>(8);
    sizes_stand_or_are_bad::<64, 32, 13, 4097>(16);
}
