//! The systolic array: n rows of n/2 processing elements, each of two columns.
//!
//! An activation word enters unskewed; row r takes its byte r cycles later. The sums of columns 2h and 2h+1 leave
//! `n + 2 + h` cycles after their word entered. The next tile waits in a small memory, a row a word: the rows are read
//! one after the other as the swap goes down, and reach their elements with it, skewed by column like everything else. Row
//! r may be written from the cycle in which the swap of row r enters, and must be written two cycles before that of its own
//! tile does. Swaps are n cycles apart at least. So a row is to be read for the swap of the row above it, and the first one when
//! the last has been taken or when it has been written anew; what the memory gives stays until then.
//! Where Z is 1 the sums leave two cycles later, and a row must be written three cycles before the swap.
//!
//! In line mode (see `systole_isa::command`) column c takes its byte of the word from above; the rows are G groups of R
//! rows, and the first row of each group below the top one takes a word of its own, `lines`, that came with `word`.

use crate::literal::literal;
use crate::pe::Pe;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// Rows of the largest array: words of the memory of the next tile.
const MOST_ROWS: usize = 16;

/// Array of N×N, with H = N/2, NH = N·H, WB = 8·N, partial sums of PW = 16 + ceil(log2 N) bits; G groups of R rows in line
/// mode, LM = G − 1, LS = LM·(N + H) stages of delay for their words.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `word` | in | int8 × N, row r in byte r |
/// | `swap` | in | 1: `word` is the first of the next tile |
/// | `swap_next` | in | with Z = 1: `swap` in the next cycle |
/// | `weights` | in | int8 × N, column c in byte c |
/// | `row_write` | in | N bits: row that takes `weights` |
/// | `eager` | in | 1: read the next tile in every cycle, wanted or not |
/// | `line` | in | 1: `word` is of line mode |
/// | `lines` | in | LM words for the other groups, beside `word` |
/// | `sums` | out | N × PW bits |
#[derive(LogicBlock, SmartDefault)]
pub struct Array<
    const N: usize,
    const H: usize,
    const NH: usize,
    const WB: usize,
    const PW: usize,
    const G: usize,
    const R: usize,
    const LM: usize,
    const LS: usize,
    const Z: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation word, shape `[N]`.
    pub word: Signal<In, Bits<WB>>,
    /// First word of a tile.
    pub swap: Signal<In, Bit>,
    /// Swap in the next cycle.
    #[default(from_fn(|_| Default::default()))]
    pub swap_next: [Signal<In, Bit>; Z],
    /// Weight row, shape `[N]`.
    pub weights: Signal<In, Bits<WB>>,
    /// Row to write, one hot.
    pub row_write: Signal<In, Bits<N>>,
    /// Read in every cycle.
    pub eager: Signal<In, Bit>,
    /// Line mode.
    pub line: Signal<In, Bit>,
    /// Words of the groups below the top one, shape `[N]` each.
    #[default(from_fn(|_| Default::default()))]
    pub lines: [Signal<In, Bits<WB>>; LM],
    /// Sum of each column.
    #[default(from_fn(|_| Default::default()))]
    pub sums: [Signal<Out, Signed<PW>>; N],
    #[default(from_fn(|i| if i < H { Pe::of_first_row() } else { Pe::default() }.fast(Z > 0)))]
    pe: [Pe<PW>; NH],
    #[default(from_fn(|_| Default::default()))]
    word_skew: [DFF<Bits<WB>>; N],
    #[default(from_fn(|_| Default::default()))]
    swap_skew: [DFF<Bit>; N],
    #[default(from_fn(|_| Default::default()))]
    line_skew: [DFF<Bit>; N],
    #[default(from_fn(|_| Default::default()))]
    lines_skew: [DFF<Bits<WB>>; LS],
    #[default(from_fn(|_| Default::default()))]
    weight_skew: [DFF<Bits<WB>>; H],
    tile: Ram2<WB, 4, MOST_ROWS>,
    first_written: DFF<Bit>,
    // Pipelined: a row on its way into the memory.
    #[default(from_fn(|_| Default::default()))]
    row_here: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_first: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_number: [DFF<Bits<4>>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_weights: [DFF<Bits<WB>>; Z],
    // And which row is read, known a cycle ahead.
    #[default(from_fn(|_| Default::default()))]
    wanted_next: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_next: [DFF<Bits<4>>; Z],
    wanted: Signal<Local, Bit>,
    row: Signal<Local, Bits<4>>,
    written: Signal<Local, Bits<4>>,
    #[default(from_fn(|i| literal(i as u32)))]
    rows: [Constant<Bits<4>>; N],
    #[default(Constant::new(signed(0)))]
    zero: Constant<Signed<PW>>,
}

impl<
        const N: usize,
        const H: usize,
        const NH: usize,
        const WB: usize,
        const PW: usize,
        const G: usize,
        const R: usize,
        const LM: usize,
        const LS: usize,
        const Z: usize,
    > Logic for Array<N, H, NH, WB, PW, G, R, LM, LS, Z>
{
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..N {
            self.word_skew[i].clock.next = self.clock.val();
            self.swap_skew[i].clock.next = self.clock.val();
            self.line_skew[i].clock.next = self.clock.val();
        }
        for i in 0..H {
            self.weight_skew[i].clock.next = self.clock.val();
        }
        for i in 0..NH {
            self.pe[i].clock.next = self.clock.val();
        }
        // Delay lines; row r and column pair h tap stage r−1 and h−1, the rest is never read and falls away.
        self.word_skew[0].d.next = self.word.val();
        self.swap_skew[0].d.next = self.swap.val();
        self.line_skew[0].d.next = self.line.val();
        for r in 1..N {
            self.word_skew[r].d.next = self.word_skew[r - 1].q.val();
            self.swap_skew[r].d.next = self.swap_skew[r - 1].q.val();
            self.line_skew[r].d.next = self.line_skew[r - 1].q.val();
        }
        for i in 0..LS {
            self.lines_skew[i].clock.next = self.clock.val();
        }
        for i in 1..LS {
            self.lines_skew[i].d.next = self.lines_skew[i - 1].q.val();
        }
        // The next tile's rows.
        self.tile.clock.next = self.clock.val();
        self.tile.write.next = self.row_write.val().any();
        self.written.next = self.rows[0].val();
        for i in 1..N {
            if self.row_write.val().get_bit(i) {
                self.written.next = self.rows[i].val();
            }
        }
        self.tile.write_address.next = self.written.val();
        self.tile.data.next = self.weights.val();
        // The row after that of which the swap enters now; the first one stands ready.
        self.row.next = self.rows[0].val();
        if self.swap.val() {
            self.row.next = self.rows[1].val();
        }
        for r in 2..N {
            if self.swap_skew[r - 2].q.val() {
                self.row.next = self.rows[r].val();
            }
        }
        self.first_written.clock.next = self.clock.val();
        self.first_written.d.next = self.row_write.val().get_bit(0);
        for z in 0..Z {
            self.row_here[z].clock.next = self.clock.val();
            self.row_first[z].clock.next = self.clock.val();
            self.row_number[z].clock.next = self.clock.val();
            self.row_weights[z].clock.next = self.clock.val();
            self.row_here[z].d.next = self.row_write.val().any();
            self.row_first[z].d.next = self.row_write.val().get_bit(0);
            self.row_number[z].d.next = self.written.val();
            self.row_weights[z].d.next = self.weights.val();
            self.tile.write.next = self.row_here[z].q.val();
            self.tile.write_address.next = self.row_number[z].q.val();
            self.tile.data.next = self.row_weights[z].q.val();
            self.first_written.d.next = self.row_first[z].q.val();
        }
        self.wanted.next = self.eager.val() || self.swap.val() || self.first_written.q.val();
        for r in 1..N {
            if self.swap_skew[r - 1].q.val() {
                self.wanted.next = true;
            }
        }
        self.tile.read.next = self.wanted.val();
        self.tile.read_address.next = self.row.val();
        for z in 0..Z {
            self.wanted_next[z].clock.next = self.clock.val();
            self.row_next[z].clock.next = self.clock.val();
            self.wanted_next[z].d.next =
                self.eager.val() || self.swap_next[z].val() || self.swap.val() || self.row_first[z].q.val();
            self.row_next[z].d.next = self.rows[0].val();
            if self.swap_next[z].val() {
                self.row_next[z].d.next = self.rows[1].val();
            }
            if self.swap.val() {
                self.row_next[z].d.next = self.rows[2].val();
            }
            for r in 2..N {
                if self.swap_skew[r - 2].q.val() {
                    self.wanted_next[z].d.next = true;
                }
            }
            for r in 3..N {
                if self.swap_skew[r - 3].q.val() {
                    self.row_next[z].d.next = self.rows[r].val();
                }
            }
            self.tile.read.next = self.wanted_next[z].q.val();
            self.tile.read_address.next = self.row_next[z].q.val();
        }
        self.weight_skew[0].d.next = self.tile.q.val();
        for h in 1..H {
            self.weight_skew[h].d.next = self.weight_skew[h - 1].q.val();
        }
        // A const generic cannot stand in an index; a loop of one turn gives it a name that can.
        for w in H..(H + 1) {
            self.pe[0].a_in.next = self.word.val().get_bits::<8>(0);
            self.pe[0].swap_in.next = self.swap.val();
            self.pe[0].line_in.next = self.line.val();
            for r in 1..N {
                self.pe[r * w].a_in.next = self.word_skew[r - 1].q.val().get_bits::<8>(r * 8);
                self.pe[r * w].swap_in.next = self.swap_skew[r - 1].q.val();
                self.pe[r * w].line_in.next = self.line_skew[r - 1].q.val();
            }
            for r in 0..N {
                self.pe[r * w].weights.next = self.tile.q.val().get_bits::<16>(0);
                for h in 1..H {
                    self.pe[r * w + h].a_in.next = self.pe[r * w + h - 1].a_out.val();
                    self.pe[r * w + h].swap_in.next = self.pe[r * w + h - 1].swap_out.val();
                    self.pe[r * w + h].line_in.next = self.pe[r * w + h - 1].line_out.val();
                    self.pe[r * w + h].weights.next = self.weight_skew[h - 1].q.val().get_bits::<16>(h * 16);
                }
            }
            // Down the columns.
            self.pe[0].x0_in.next = self.word.val().get_bits::<8>(0);
            self.pe[0].x1_in.next = self.word.val().get_bits::<8>(8);
            for h in 1..H {
                self.pe[h].x0_in.next = self.word_skew[h - 1].q.val().get_bits::<8>(h * 16);
                self.pe[h].x1_in.next = self.word_skew[h - 1].q.val().get_bits::<8>(h * 16 + 8);
            }
            for r in 1..N {
                for h in 0..H {
                    self.pe[r * w + h].x0_in.next = self.pe[r * w + h - w].x0_out.val();
                    self.pe[r * w + h].x1_in.next = self.pe[r * w + h - w].x1_out.val();
                }
            }
            for rows in R..(R + 1) {
                for n in N..(N + 1) {
                    for g in 1..G {
                        // The word of group g is as long on its way as a sum takes from the top to its first row.
                        self.lines_skew[(g - 1) * (n + w)].d.next = self.lines[g - 1].val();
                        for h in 0..H {
                            self.pe[g * rows * w + h].x0_in.next =
                                self.lines_skew[(g - 1) * (n + w) + g * rows + h - 1].q.val().get_bits::<8>(h * 16);
                            self.pe[g * rows * w + h].x1_in.next =
                                self.lines_skew[(g - 1) * (n + w) + g * rows + h - 1].q.val().get_bits::<8>(h * 16 + 8);
                        }
                    }
                }
            }
            for h in 0..H {
                self.pe[h].sum0_in.next = self.zero.val();
                self.pe[h].sum1_in.next = self.zero.val();
            }
            for r in 1..N {
                for h in 0..H {
                    self.pe[r * w + h].sum0_in.next = self.pe[r * w + h - w].sum0_out.val();
                    self.pe[r * w + h].sum1_in.next = self.pe[r * w + h - w].sum1_out.val();
                }
            }
            for n in N..(N + 1) {
                for h in 0..H {
                    self.sums[2 * h].next = self.pe[n * w - w + h].sum0_out.val();
                    self.sums[2 * h + 1].next = self.pe[n * w - w + h].sum1_out.val();
                }
            }
        }
    }
}
