//! The traceback: decisions made up at random, levels by walking through them.

use std::cell::RefCell;
use systole_hdl::allocate::trace::Trace;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const BUS: usize = 64;
const P: usize = 16;
const A: usize = 7;
const BASE: u128 = 0x9000;

/// A walk: places a pass, bits of a decision, passes, places without a device, cells of a row, decisions by pass and cell.
struct Walk {
    abreast: usize,
    bits: usize,
    spare: usize,
    cells: usize,
    words: Vec<Vec<u128>>,
    used: usize,
}

impl Walk {
    fn random(rng: &mut Rng) -> Self {
        let bits = 1 + rng.below(6) as usize;
        let abreast = 1 + rng.below((P / bits) as u64) as usize;
        let passes = 1 + rng.below(5) as usize;
        let cells = 2 + rng.below(60) as usize;
        // Levels that never lead below cell 0: each word belongs to its cell.
        let words = (0..passes)
            .map(|_| {
                let word = |cell: usize, rng: &mut Rng| {
                    let mut left = cell as u64;
                    (0..abreast).fold(0, |word, place| {
                        let level = rng.below(left.min((1 << bits) - 1) + 1);
                        left -= level;
                        word | u128::from(level) << (place * bits)
                    })
                };
                (0..cells).map(|cell| word(cell, rng)).collect()
            })
            .collect();
        let spare = rng.below(abreast as u64) as usize;
        let mut walk = Self { abreast, bits, spare, cells, words, used: rng.below(cells as u64) as usize };
        // Places without a device use nothing.
        for word in walk.words.last_mut().unwrap() {
            *word = *word >> (spare * bits) << (spare * bits);
        }
        walk
    }

    /// The levels, last device first, and the cell read in each pass.
    fn levels(&self) -> (Vec<u128>, Vec<usize>) {
        let (mut levels, mut reads, mut cell) = (vec![], vec![], self.used);
        for (pass, words) in self.words.iter().enumerate().rev() {
            reads.push(pass * self.cells + cell);
            let word = words[cell];
            let skip = if pass + 1 == self.words.len() { self.spare } else { 0 };
            for place in skip..self.abreast {
                let level = word >> (place * self.bits) & ((1 << self.bits) - 1);
                levels.push(level);
                cell -= level as usize;
            }
        }
        (levels, reads)
    }
}

#[test]
fn levels_are_those_of_the_decisions() {
    let bench = cosim!(Trace::<24, BUS, P, A>::default(),
        inputs: [clear, start, at, used, decisions, last, abreast, level_bits, level_mask, spare, arready, rvalid, rdata],
        outputs: [arvalid, araddr, push, level, busy])
    .gate("araddr", "arvalid")
    .gate("level", "push");
    let rng = RefCell::new(Rng::new(91));
    let walk = RefCell::new(Walk::random(&mut rng.borrow_mut()));
    // What is left of the walk: where the unit stands, by the contract's cycles.
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Idle,
        Point,
        Ask,
        Wait,
        Walk(usize),
    }
    let (mut phase, mut pass, mut told) = (At::Idle, 0, 0);
    let mut walks = 0;
    bench.check(
        12_000,
        |cycle, last| {
            let mut rng = rng.borrow_mut();
            let idle = last.get(4) != Some(&1);
            let start = cycle > 0 && idle && rng.chance(20);
            if start {
                *walk.borrow_mut() = Walk::random(&mut rng);
            }
            let w = walk.borrow();
            vec![
                u128::from(cycle == 0),
                start.into(),
                BASE,
                w.used as u128,
                (w.words.len() * w.cells) as u128,
                w.cells as u128 - 1,
                w.abreast as u128,
                w.bits as u128,
                (1 << w.bits) - 1,
                w.spare as u128,
                u128::from(rng.chance(50)),
                u128::from(rng.chance(30)),
                rng.bits(BUS),
            ]
            .into_iter()
            .enumerate()
            .map(|(port, value)| if port == 12 { beat_or(&w, last, value) } else { value })
            .collect()
        },
        |i| {
            let w = walk.borrow();
            let (levels, reads) = w.levels();
            let read = reads.get(pass).copied().unwrap_or(0) as u128;
            let skip = if pass == 0 { w.spare } else { 0 };
            let push = matches!(phase, At::Walk(place) if place >= skip);
            let out = vec![
                u128::from(phase == At::Ask),
                BASE + read / 4 * (BUS as u128 / 8),
                push.into(),
                if push { levels[told] } else { 0 },
                u128::from(phase != At::Idle),
            ];
            told += usize::from(push);
            phase = match phase {
                At::Point => At::Ask,
                At::Ask if i[10] == 1 => At::Wait,
                At::Wait if i[11] == 1 => At::Walk(0),
                At::Walk(place) if place + 1 == w.abreast => {
                    pass += 1;
                    if pass == w.words.len() {
                        assert_eq!(told, levels.len());
                        walks += 1;
                        At::Idle
                    } else {
                        At::Point
                    }
                }
                At::Walk(place) => At::Walk(place + 1),
                same => same,
            };
            if i[1] == 1 {
                (phase, pass, told) = (At::Point, 0, 0);
            }
            out
        },
    );
    assert!(walks > 50, "{walks} walks");
}

thread_local! {
    /// The beat that was asked for last.
    static ASKED: RefCell<usize> = const { RefCell::new(0) };
}

/// The beat that memory gives: the one at the address that was shown last.
fn beat_or(walk: &Walk, last: &[u128], noise: u128) -> u128 {
    ASKED.with(|asked| {
        if last.first() == Some(&1) {
            *asked.borrow_mut() = ((last[1] - BASE) / (BUS as u128 / 8)) as usize * 4;
        }
        let all: Vec<u128> = walk.words.iter().flatten().copied().collect();
        let at = *asked.borrow();
        (0..4).rev().fold(0, |beat, n| beat << P | all.get(at + n).copied().unwrap_or(noise & 0xffff))
    })
}
