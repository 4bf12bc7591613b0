//! Row memory: rows that were written come out again, lagging and with partial minima as asked.

use super::cell;
use systole_hdl::allocate::rows::Rows;
use systole_hdl::allocate::INFEASIBLE;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const P: usize = 8;
const A: usize = 6;
const NONE: u128 = INFEASIBLE as u128;

/// What `go` said of the row that is sent.
#[derive(Clone, Copy, Default)]
struct Row {
    seed: bool,
    partial: bool,
    source: usize,
    offset: usize,
}

/// A step of a row: what was said, and the cell that this step sends, which may be past the row's end.
type Step = (Row, usize);

/// Row memory with its delays: the step that issues `x`, the one that shows `x` and issues `y`, the one that shows `y`.
struct Model {
    cells: [[u128; 64]; 2],
    shown: [u128; 2],
    row: Row,
    at: usize,
    running: bool,
    parity: u128,
    sent: Option<Step>,
    x: Step,
    y: Row,
    /// What the lanes see: turn, x, its decisions and row number, y, its decisions.
    out: [u128; 6],
}

impl Model {
    /// `x` as the recurrence wants it, from the words that were read.
    fn x(&self) -> u128 {
        let (row, j) = self.x;
        match (j.checked_sub(row.offset), row.seed) {
            (None, _) => NONE,
            (Some(0), true) => 0,
            (Some(_), true) => NONE,
            (Some(_), false) => self.shown[row.source] & NONE,
        }
    }
}

#[test]
fn rows_are_sent_as_they_were_written() {
    let bench = cosim!(Rows::<P, A, 64>::default(),
        inputs: [clear, step, go, seed, partial, source, offset, last, write, write_bank, write_at, data, path],
        outputs: [free, moving, reads, turn, x, x_path, x_row, y, y_path]);
    let mut rng = Rng::new(121);
    let mut m = Model {
        cells: [[0; 64]; 2],
        shown: [0; 2],
        row: Row::default(),
        at: 0,
        running: false,
        parity: 0,
        sent: None,
        x: (Row::default(), 0),
        y: Row::default(),
        out: [0; 6],
    };
    // Cells that must be seen in order: an independent count of what a row is.
    let mut seen = 0;
    let mut last = 20;
    bench.check(
        12_000,
        |cycle, out| {
            let free = out.first() == Some(&1);
            let moving = out.get(1) == Some(&1);
            let go = cycle > 1 && free && !moving && rng.chance(20);
            if go {
                last = rng.bits(5);
            }
            let partial = rng.chance(40);
            vec![
                u128::from(cycle == 0),
                u128::from(rng.chance(75)),
                go.into(),
                u128::from(rng.chance(25)),
                partial.into(),
                rng.bits(1),
                if partial { u128::from(rng.below(4)) * 8 } else { 0 },
                last,
                u128::from(rng.chance(60)),
                rng.bits(1),
                rng.bits(5),
                cell(&mut rng),
                rng.bits(6),
            ]
        },
        |i| {
            let step = i[1] == 1;
            let x_read = m.running && step && !m.row.seed;
            let y_read = step && m.sent.is_some_and(|(row, _)| row.partial);
            let y_word = m.shown[1 - m.y.source];
            let out = vec![
                u128::from(!m.running && m.sent.is_none()),
                u128::from(m.running && step),
                u128::from(x_read) + u128::from(y_read),
                m.out[0],
                m.out[1],
                m.out[2],
                m.out[3],
                m.out[4],
                m.out[5],
            ];
            if step {
                let y = if m.y.partial { y_word & NONE } else { NONE };
                m.out = [u128::from(m.running && m.at == 0), m.x(), m.x.0.offset as u128, m.parity, y, y_word >> 33];
            }
            if x_read {
                m.shown[m.row.source] = m.cells[m.row.source][m.at.wrapping_sub(m.row.offset) % 64];
            }
            if let Some((row, j)) = m.sent.filter(|_| y_read) {
                m.shown[1 - row.source] = m.cells[1 - row.source][j];
            }
            if step {
                seen += u32::from(m.running);
                m.y = m.x.0;
                m.x = (m.row, m.at);
                m.sent = m.running.then_some((m.row, m.at));
                if m.running {
                    m.parity ^= u128::from(m.at == 0);
                    m.running = m.at as u128 != i[7];
                    m.at += 1;
                }
            }
            if i[8] == 1 {
                m.cells[i[9] as usize][i[10] as usize] = i[11] | i[12] << 33;
            }
            if i[2] == 1 {
                m.row = Row { seed: i[3] == 1, partial: i[4] == 1, source: i[5] as usize, offset: i[6] as usize };
                (m.running, m.at) = (true, 0);
            }
            if i[0] == 1 {
                (m.running, m.sent, m.parity, m.out[0], m.out[3]) = (false, None, 0, 0, 0);
            }
            out
        },
    );
    assert!(seen > 3000, "{seen} cells");
}
