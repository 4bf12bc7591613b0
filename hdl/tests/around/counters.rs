//! The activity counters.

use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::counters::*;
use systole_isa::counter;

/// Counts of all events, and per slot what the last visit saw: plain sums, no tallies.
#[test]
fn no_event_is_lost() {
    let bench = cosim!(Counters::<9>::new(4),
        inputs: [reset, new_run, cycles, busy, macs, zero_products, idle, act_reads, act_writes, weight_reads,
                 weight_writes, acc_reads, acc_writes, bus_reads, bus_writes, drain_busy, commands, stalls, eager],
        outputs: [slot, count]);
    let mut rng = Rng::new(9);
    let mut total = [0u128; 16];
    let mut shown = [0u128; 16];
    let (mut slot, mut adding, mut passing) = (0usize, 0usize, (0usize, 0u128));
    let mut settled = false;
    bench.check(
        6000,
        |cycle, _| {
            // Long stretches with everything at its most: tallies must hold 16 such cycles.
            let most = cycle / 100 % 2 == 1;
            let mut v = vec![u128::from(cycle == 0), u128::from(cycle > 0 && rng.below(400) == 0)];
            v.extend((0..16).map(|k| match k {
                2 | 3 if most => 16,
                2 | 3 => u128::from(rng.below(17)),
                counter::ACC_READS | counter::ACT_READS if most => 2,
                counter::ACC_READS | counter::ACT_READS => u128::from(rng.below(3)),
                _ => u128::from(most || rng.chance(40)),
            }));
            v.push(u128::from(rng.chance(20)));
            v
        },
        |i| {
            let out = vec![passing.0 as u128, passing.1];
            passing = (adding, if settled { shown[adding] } else { 0 });
            shown[slot] = total[slot];
            adding = slot;
            slot = (slot + 1) % 16;
            settled = true;
            for (t, events) in total.iter_mut().zip(&i[2..]) {
                *t += events;
            }
            if i[0] == 1 || i[1] == 1 {
                (total, slot) = ([0; 16], 0);
            }
            out
        },
    );
}
