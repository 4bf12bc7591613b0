//! The end of the lanes.

use super::cell;
use systole_hdl::allocate::tail::Tail;
use systole_hdl::allocate::INFEASIBLE;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const A: usize = 6;

/// A row that arrives: what it is, and its next cell.
#[derive(Clone, Copy, Default)]
struct Row {
    whole: u128,
    last: u128,
    bank: u128,
    at: u128,
}

#[test]
fn cells_are_written_decisions_kept_and_the_answer_found() {
    let bench = cosim!(Tail::<A>::default(),
        inputs: [clear, step, go, whole, final_row, bank, arriving, y, last, at_most],
        outputs: [write, write_bank, write_at, decide, ready, ended, cost, used])
    .gate("write_bank", "write")
    .gate("write_at", "write")
    .gate("cost", "ended")
    .gate("used", "ended");
    let mut rng = Rng::new(71);
    let (mut rows_left, mut wait, mut cells, mut gone, mut kind) = (0, 0, 0u64, false, [0; 3]);
    let (mut last, mut at_most, mut clear) = (0, 0, true);
    let mut coming = Row::default();
    let mut now: Option<Row> = None;
    let (mut ready, mut ended, mut best) = (false, false, (u128::from(INFEASIBLE), 0));
    let mut answers = 0;
    bench.check(
        8000,
        |_, _| {
            let step = rng.chance(80);
            let mut i = vec![0, step.into(), 0, 0, 0, 0, 0, cell(&mut rng) >> rng.below(30), last, at_most];
            if i[7] >> 32 == 0 && rng.chance(10) {
                i[7] = u128::from(INFEASIBLE);
            }
            if rows_left == 0 {
                if cells > 0 || wait > 0 {
                    (cells, wait) = (cells.saturating_sub(u64::from(step)), wait - u64::from(step && cells == 0));
                    return i;
                }
                // A new run.
                (clear, rows_left) = (true, 1 + rng.below(4));
                (last, at_most) = (rng.bits(5), rng.bits(1));
                (i[8], i[9]) = (last, at_most);
            }
            if clear {
                (i[0], clear, gone) = (1, false, false);
            } else if !gone {
                kind = [rng.bits(1), u128::from(rows_left == 1), rng.bits(1)];
                (i[2], i[3], i[4], i[5]) = (1, kind[0] | kind[1], kind[1], kind[2]);
                (gone, wait) = (true, 2 + rng.below(9));
            } else if wait > 0 {
                wait -= u64::from(step);
                if step && wait == 0 {
                    i[6] = 1;
                    cells = last as u64 + 1;
                }
            } else if step {
                cells -= 1;
                if cells == 0 {
                    (rows_left, gone, wait) = (rows_left - 1, false, if rows_left == 1 { 5 } else { 0 });
                }
            }
            i
        },
        |i| {
            let (step, row) = (i[1] == 1, now.filter(|_| i[1] == 1));
            let out = vec![
                u128::from(row.is_some_and(|r| r.last == 0)),
                row.map_or(0, |r| r.bank),
                row.map_or(0, |r| r.at),
                row.map_or(0, |r| r.whole),
                ready.into(),
                ended.into(),
                best.0,
                best.1,
            ];
            answers += u32::from(ended);
            if let Some(mut r) = row {
                ready = true;
                let better = if i[9] == 1 { i[7] < best.0 } else { r.at == i[8] };
                if r.last == 1 && better {
                    best = (i[7], r.at);
                }
                ended |= r.last == 1 && r.at == i[8];
                r.at += 1;
                now = (r.at <= i[8]).then_some(r);
            }
            if step && i[6] == 1 {
                now = Some(coming);
            }
            if i[2] == 1 {
                coming = Row { whole: i[3], last: i[4], bank: i[5], at: 0 };
                ready = false;
            }
            if i[0] == 1 {
                (now, ready, ended, best) = (None, true, false, (u128::from(INFEASIBLE), best.1));
            }
            out
        },
    );
    assert!(answers > 100, "{answers} cycles with an answer");
}
