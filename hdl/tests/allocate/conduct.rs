//! The conductor: phases in their order, whatever the units around it say.

use systole_hdl::allocate::conduct::Conduct;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

#[derive(Clone, Copy, PartialEq, Debug)]
enum At {
    Idle,
    Header,
    Rows,
    Drain,
    Trace,
    Levels,
    Record,
}

#[test]
fn phases_follow_each_other_when_their_conditions_hold() {
    let bench = cosim!(Conduct::default(),
        inputs: [reset, start, header_done, bad, loaded, whole, rows_free, row_ready, ended, solved, aligned, empty,
            fetch_busy, trace_busy, record_busy],
        outputs: [enter, go, source, begin_trace, record, working, flush, pad, to_levels, to_record, tracing, counting,
            done]);
    let mut rng = Rng::new(111);
    let (mut at, mut bank, mut fresh) = (At::Idle, 0, false);
    let mut ends = [0; 2];
    bench.check(
        20_000,
        |cycle, _| {
            let mut i: Vec<u128> = (0..15).map(|_| u128::from(rng.chance(50))).collect();
            i[0] = u128::from(cycle == 0 || rng.below(1000) == 0);
            i[1] = u128::from(rng.chance(5));
            i[3] = u128::from(rng.chance(10));
            i[8] = u128::from(rng.chance(10));
            i
        },
        |i| {
            let on = |n: usize| i[n] == 1;
            let quiet = on(10) && on(11);
            let (now, was_fresh) = (at, fresh);
            let entering = now == At::Header && on(2);
            let go = now == At::Rows && on(4) && on(6) && on(7);
            let traces = now == At::Drain && quiet && !on(12) && on(9);
            let records = (now == At::Drain && quiet && !on(12) && !on(9)) || (now == At::Levels && quiet);
            let done = now == At::Record && !on(14) && on(11) && !was_fresh;
            let source = bank;
            at = match now {
                At::Idle if on(1) => At::Header,
                At::Header if on(3) => At::Drain,
                At::Header if on(2) => At::Rows,
                At::Rows if on(8) => At::Drain,
                At::Drain if traces => At::Trace,
                At::Drain | At::Levels if records => At::Record,
                At::Trace if !on(13) && !was_fresh => At::Levels,
                At::Record if done => At::Idle,
                same => same,
            };
            fresh = traces || records;
            bank ^= u128::from(go && on(5));
            ends[usize::from(now == At::Levels)] += u32::from(records);
            if on(1) {
                bank = 0;
            }
            if on(0) {
                at = At::Idle;
            }
            [
                entering,
                go,
                source == 1,
                traces,
                records,
                now == At::Rows,
                now == At::Drain,
                now == At::Drain || now == At::Levels,
                traces,
                records,
                now == At::Trace,
                now != At::Idle && now != At::Record,
                done,
            ]
            .map(u128::from)
            .to_vec()
        },
    );
    assert!(ends.iter().all(|&n| n > 10), "runs that ended without and with an answer: {ends:?}");
}
