//! The accumulators: jobs feed one bank while the other is drained.

use super::script::Script;
use std::collections::VecDeque;
use systole_hdl::accumulator::Accumulator;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const PW: usize = 18;
const WORDS: usize = 32;

/// One sum of a job for each column, or a pause.
#[derive(Clone, Copy)]
struct Feed {
    first: bool,
    max: bool,
    last: bool,
    address: usize,
    sums: [i64; 2],
}

/// A sum as an array of 4 rows gives it, often the least or the greatest; `narrow`: of an identity tile.
fn sum(rng: &mut Rng, narrow: bool) -> i64 {
    let (least, most) = if narrow { (-128, 127) } else { (-4 * 128 * 127, 4 * 128 * 128) };
    match rng.below(6) {
        0 => least,
        1 => most,
        _ => least + rng.below((most - least + 1) as u64) as i64,
    }
}

/// A job over `pixels` words: a few tiles, each word once a tile; pauses at random, and where a word must not follow
/// itself so soon.
fn job(rng: &mut Rng, pixels: usize, sum_cycles: usize) -> Vec<Option<Feed>> {
    let tiles = 1 + rng.below(5) as usize;
    let (max, slow) = (rng.chance(40), rng.chance(50));
    let mut feeds = vec![];
    for tile in 0..tiles {
        for address in 0..pixels {
            let soon =
                |feeds: &[Option<Feed>]| feeds.iter().rev().take(sum_cycles).flatten().any(|f| f.address == address);
            while (slow && rng.chance(30)) || soon(&feeds) {
                feeds.push(None);
            }
            let narrow = max && rng.chance(80);
            let sums = [0; 2].map(|_| sum(rng, narrow));
            let last = tile + 1 == tiles && address + 1 == pixels;
            feeds.push(Some(Feed { first: tile == 0, max, last, address, sums }));
        }
    }
    feeds
}

/// What AB bits keep of a sum.
fn wrapped(sum: i32, bits: u32) -> i32 {
    sum << (32 - bits) >> (32 - bits)
}

#[test]
fn accumulators_replace_add_and_keep_the_greater_beside_a_drain() {
    beside_a_drain::<32, 0>();
}

#[test]
fn narrow_accumulators_wrap() {
    beside_a_drain::<20, 0>();
}

#[test]
fn pipelined_accumulators_take_two_cycles_more() {
    beside_a_drain::<24, 1>();
}

fn beside_a_drain<const AB: usize, const Z: usize>() {
    let bench = cosim!(Accumulator::<PW, AB, 5, WORDS, Z>::default(),
        inputs: [valid_in, first_in, max_in, bank_in, last_in, address_in, sum0, sum1,
            drain_read, drain_bank, drain_address],
        outputs: [valid_out, first_out, max_out, bank_out, last_out, address_out, out0, out1]);
    let mut rng = Rng::new(5);
    let mut banks = [[[0i32; 2]; WORDS]; 2];
    let mut pixels_of = [WORDS; 2];
    let mut passed = vec![0; 6];
    let mut out = VecDeque::from(vec![[0i32; 2]; 1 + 2 * Z]);
    let mut script = Script::new();
    // The sums come one cycle after their control.
    let mut coming = [0; 2];
    for number in 0..60 {
        let bank = number % 2;
        let pixels = [1, 2, WORDS, 1 + rng.below(WORDS as u64) as usize][rng.below(4) as usize];
        let mut feeds = job(&mut rng, pixels, 2 + 2 * Z);
        // The last sum of the job before is in memory three cycles after its control, or five.
        feeds.extend(vec![None; 3 + 2 * Z]);
        for (i, feed) in feeds.iter().enumerate() {
            // The first cycle always reads: the bank that is fed now no longer stands at the output.
            let read = i == 0 || rng.chance(60);
            let at = rng.below(pixels_of[1 - bank] as u64) as usize;
            let control = match feed {
                Some(f) => [true, f.first, f.max, bank == 1, f.last].map(u128::from).to_vec(),
                None => vec![0, rng.bits(1), rng.bits(1), rng.bits(1), rng.bits(1)],
            };
            let (address, sums) = match feed {
                Some(f) => (f.address as u128, f.sums.map(|s| s as u128)),
                None => (rng.bits(5), [rng.bits(PW), rng.bits(PW)]),
            };
            let mut inputs = [control.clone(), vec![address]].concat();
            let next = inputs.clone();
            inputs.extend(std::mem::replace(&mut coming, sums));
            inputs.extend(if read { [1, 1 - bank as u128, at as u128] } else { [0, rng.bits(1), rng.bits(5)] });
            let mut outputs = passed;
            outputs.extend(out[0].map(|o| o as u128));
            script.cycle(inputs, outputs);
            passed = next;
            out.push_back(if read { banks[1 - bank][at] } else { out[2 * Z] });
            out.pop_front();
            if let Some(f) = feed {
                for (held, sum) in banks[bank][f.address].iter_mut().zip(f.sums) {
                    let sum = sum as i32;
                    *held = match (f.first, f.max) {
                        (true, _) => sum,
                        (false, true) => sum.max(*held),
                        (false, false) => wrapped(held.wrapping_add(sum), AB as u32),
                    };
                }
            }
        }
        pixels_of[bank] = pixels;
    }
    script.play(&bench);
}
