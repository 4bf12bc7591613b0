//! Runs that would not end: each of the two limits, in a process of its own since the environment sets them.

mod common;

use common::card_dir;
use common::host::{end, Host};
use common::stream;
use isa::command::{self as op, pack, word};
use isa::failure;

fn run(host: &Host, commands: &[u32]) -> i32 {
    let commands = host.buffer(&stream(commands));
    let other = host.buffer(&[0; 4096]);
    host.set([commands, other, other, other, other]);
    end(host.start())
}

#[test]
fn a_run_without_end_is_an_error_by_the_limit_that_it_meets_first() {
    let Some(cards) = card_dir("limits") else { return };
    let put = |operation, values: &[i64]| pack(operation, values).unwrap();
    // A drain of a bank that is never fed: nothing ever moves again.
    let dead = [word(op::DRAIN, 0), word(op::END, 0)];
    let short = [word(op::END, 0)];
    std::env::set_var("SYSTOLE_QUIET_LIMIT", "50_000");
    std::env::set_var("SYSTOLE_CYCLE_LIMIT", "1_000_000");
    let host = Host::new(&cards, "edge8x8");
    assert_eq!(run(&host, &dead), failure::NO_PROGRESS);
    assert_eq!(run(&host, &short), 0, "the card has been reset");

    if cards.join("small4x4/card.sbit").is_file() {
        std::env::set_var("SYSTOLE_QUIET_LIMIT", "1_000_000");
        std::env::set_var("SYSTOLE_CYCLE_LIMIT", "50_000");
        let host = Host::new(&cards, "small4x4");
        // 256 pixels of 1,024 taps with one tile: 262,144 busy cycles, which is right, only longer than allowed.
        let long = [
            put(op::F_OUT, &[15, 15]),
            put(op::F_KERNEL, &[31, 31, 0]),
            put(op::F_MODE, &[0, 1, 1, 0, 1, 0]),
            word(op::FEED, 0),
            word(op::DRAIN, 0),
            word(op::END, 0),
        ];
        assert_eq!(run(&host, &long), failure::CYCLE_LIMIT);
        assert_eq!(run(&host, &short), 0, "the card has been reset");
    }
}
