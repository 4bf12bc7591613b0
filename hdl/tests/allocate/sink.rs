//! The sink.

use std::cell::Cell;
use std::collections::VecDeque;
use systole_hdl::allocate::sink::{Sink, SLACK};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const BUS: usize = 32;
const AW: usize = 24;
const BYTES: u128 = 16 * BUS as u128 / 8;

/// What the sink is at, from the outside.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Idle,
    Address,
    Data,
    Answer,
}

#[test]
fn bursts_follow_each_other_whole_and_in_order() {
    let bench = cosim!(Sink::<AW, BUS>::default(),
        inputs: [clear, set, at, push, beat, awready, wready, bvalid, bresp],
        outputs: [room, empty, awvalid, awaddr, wvalid, wdata, wlast, bready, write_error])
    .gate("awaddr", "awvalid")
    .gate("wdata", "wvalid")
    .gate("wlast", "wvalid");
    let mut rng = Rng::new(81);
    // Beats in the memory that are not sent yet; the first may be shown.
    let mut held: VecDeque<u128> = VecDeque::new();
    let (mut shown, mut unread, mut sent, mut phase, mut address, mut failed) = (false, 0, 0, At::Idle, 0, false);
    let (mut bursts, mut errors) = (0, 0);
    let answers = Cell::new(0u32);
    let (mut late, mut pushed) = (0, 0u64);
    let mut busy = false;
    bench.check(
        12_000,
        |cycle, last| {
            let room = last.first() != Some(&0);
            let empty = last.get(1) == Some(&1);
            busy = if pushed % 16 == 0 { rng.chance(40) || (busy && !rng.chance(3)) } else { true };
            late = if room { 0 } else { late + 1 };
            let push = cycle > 0 && busy && (room || late < SLACK) && rng.chance(70);
            let set = cycle == 0 || (empty && pushed % 16 == 0 && !push && rng.chance(20));
            pushed += u64::from(push);
            let bvalid = answers.get() > 0 && rng.chance(30);
            vec![
                u128::from(cycle == 0),
                set.into(),
                (rng.bits(AW - 6) * BYTES) & 0xff_ffff,
                push.into(),
                rng.bits(BUS),
                u128::from(rng.chance(40)),
                u128::from(rng.chance(70)),
                bvalid.into(),
                if rng.below(60) == 0 { rng.bits(2) } else { 0 },
            ]
        },
        |i| {
            let front = held.front().copied().unwrap_or(0);
            let wvalid = phase == At::Data && shown;
            let out = vec![
                u128::from(held.len() < 32 - SLACK),
                u128::from(held.is_empty() && phase == At::Idle),
                u128::from(phase == At::Address),
                address,
                wvalid.into(),
                front,
                u128::from(sent % 16 == 15),
                1,
                failed.into(),
            ];
            let send = wvalid && i[6] == 1;
            let fetch = unread > 0 && (!shown || send);
            failed |= i[7] == 1 && i[8] >= 2;
            errors += u32::from(failed);
            phase = match phase {
                At::Idle if held.len() >= 16 => At::Address,
                At::Address if i[5] == 1 => {
                    address = (address + BYTES) & 0xff_ffff;
                    At::Data
                }
                At::Data if send && sent % 16 == 15 => {
                    bursts += 1;
                    answers.set(1);
                    At::Answer
                }
                At::Answer if i[7] == 1 => {
                    answers.set(0);
                    At::Idle
                }
                same => same,
            };
            if send {
                held.pop_front();
                sent += 1;
            }
            shown = fetch || (shown && !send);
            unread -= usize::from(fetch);
            if i[3] == 1 {
                held.push_back(i[4]);
                unread += 1;
            }
            if i[1] == 1 {
                address = i[2];
            }
            if i[0] == 1 {
                (shown, unread, sent, phase, failed) = (false, 0, 0, At::Idle, false);
                held.clear();
            }
            out
        },
    );
    assert!(bursts > 100 && errors > 0, "{bursts} bursts");
}
