//! Counters and the record.

use std::cell::Cell;
use systole_hdl::allocate::record::{Record, SETTLE};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_isa::allocate::*;

/// The word that each input counts into, in the order of the inputs below.
const WORD: [usize; 13] = [
    CYCLES,
    BUSY,
    STALLS,
    TRACE,
    IDLE,
    PASSES,
    ROW_WRITES,
    TABLE_WORDS,
    DECISIONS,
    BUS_READS,
    BUS_WRITES,
    ROW_READS,
    CELLS,
];

#[test]
fn a_record_tells_what_was_counted_before_it() {
    let bench = cosim!(Record::<64, 10>::default(),
        inputs: [clear, cycles, busy_lanes, stalls, tracing, idle, passes, row_writes, table_words, decisions, bus_reads,
            bus_writes, row_reads, cells, write, status, cost, used],
        outputs: [push, beat, busy])
    .gate("beat", "push");
    let mut rng = Rng::new(101);
    let mut counts = [0u128; WORDS];
    // A record under way: cycles since `write`, words told; the visitor shows slot (since the clear − 2) modulo 16.
    let (mut since, mut told, mut visitor) = (None, 0, 0u64);
    let mut records = 0;
    let counting = Cell::new(true);
    bench.check(
        12_000,
        |cycle, _| {
            let t = cycle % 400;
            if t == 0 {
                counting.set(true);
            }
            let write = t == 300 + (cycle / 400) % 20;
            if write {
                counting.set(false);
            }
            let event = |rng: &mut Rng, n: usize| if counting.get() && rng.chance(70) { rng.edgy(n) } else { 0 };
            let mut i = vec![u128::from(t == 0)];
            i.extend((0..11).map(|_| event(&mut rng, 1)));
            i.push(event(&mut rng, 2));
            i.push(event(&mut rng, 7).min(64));
            i.extend([write.into(), 3, 0xdead_beef, 0x155]);
            if t == 0 {
                i[1..14].fill(0);
            }
            i
        },
        |i| {
            let slot = ((visitor + 15) % 16) as usize;
            let told_now = since.is_some_and(|t| t >= u64::from(SETTLE)) && slot == told;
            let word = match slot {
                STATUS => i[15],
                COST => i[16],
                USED => i[17],
                other => counts[other],
            };
            let out = vec![told_now.into(), word, u128::from(since.is_some())];
            since = since.map(|t| t + 1);
            if told_now {
                told += 1;
                if told == WORDS {
                    (since, records) = (None, records + 1);
                }
            }
            for (input, word) in WORD.iter().enumerate() {
                counts[*word] += i[1 + input];
            }
            visitor += 1;
            if i[14] == 1 {
                (since, told) = (Some(0), 0);
            }
            if i[0] == 1 {
                (counts, since, visitor) = ([0; WORDS], None, 0);
            }
            out
        },
    );
    assert_eq!(records, 30);
}
