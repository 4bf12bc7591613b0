//! The systolic array: n rows of n/2 processing elements, each of two columns.
//!
//! An activation word enters unskewed; row r takes its byte r cycles later. The sums of columns 2h and 2h+1 leave
//! `n + 2 + h` cycles after their word entered. A row of the next tile is written into the shadow registers by
//! `row_write`, skewed by column like everything else, so that row r may be written from the cycle after the swap of
//! row r entered.

use crate::pe::Pe;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// Array of N×N, with H = N/2, NH = N·H, WB = 8·N, partial sums of PW = 16 + ceil(log2 N) bits.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `word` | in | int8 × N, row r in byte r |
/// | `swap` | in | 1: `word` is the first of the next tile |
/// | `weights` | in | int8 × N, column c in byte c |
/// | `row_write` | in | N bits: row that takes `weights` |
/// | `sums` | out | N × PW bits |
#[derive(LogicBlock, SmartDefault)]
pub struct Array<const N: usize, const H: usize, const NH: usize, const WB: usize, const PW: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation word, shape `[N]`.
    pub word: Signal<In, Bits<WB>>,
    /// First word of a tile.
    pub swap: Signal<In, Bit>,
    /// Weight row, shape `[N]`.
    pub weights: Signal<In, Bits<WB>>,
    /// Row to write, one hot.
    pub row_write: Signal<In, Bits<N>>,
    /// Sum of each column.
    #[default(from_fn(|_| Default::default()))]
    pub sums: [Signal<Out, Signed<PW>>; N],
    #[default(from_fn(|_| Default::default()))]
    pe: [Pe<PW>; NH],
    #[default(from_fn(|_| Default::default()))]
    word_skew: [DFF<Bits<WB>>; N],
    #[default(from_fn(|_| Default::default()))]
    swap_skew: [DFF<Bit>; N],
    #[default(from_fn(|_| Default::default()))]
    weight_skew: [DFF<Bits<WB>>; H],
    #[default(Constant::new(signed(0)))]
    zero: Constant<Signed<PW>>,
}

impl<const N: usize, const H: usize, const NH: usize, const WB: usize, const PW: usize> Logic
    for Array<N, H, NH, WB, PW>
{
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..N {
            self.word_skew[i].clock.next = self.clock.val();
            self.swap_skew[i].clock.next = self.clock.val();
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
        for r in 1..N {
            self.word_skew[r].d.next = self.word_skew[r - 1].q.val();
            self.swap_skew[r].d.next = self.swap_skew[r - 1].q.val();
        }
        self.weight_skew[0].d.next = self.weights.val();
        for h in 1..H {
            self.weight_skew[h].d.next = self.weight_skew[h - 1].q.val();
        }
        // A const generic cannot stand in an index; a loop of one turn gives it a name that can.
        for w in H..(H + 1) {
            self.pe[0].a_in.next = self.word.val().get_bits::<8>(0);
            self.pe[0].swap_in.next = self.swap.val();
            for r in 1..N {
                self.pe[r * w].a_in.next = self.word_skew[r - 1].q.val().get_bits::<8>(r * 8);
                self.pe[r * w].swap_in.next = self.swap_skew[r - 1].q.val();
            }
            for r in 0..N {
                self.pe[r * w].write_in.next = self.row_write.val().get_bit(r);
                self.pe[r * w].weights.next = self.weights.val().get_bits::<16>(0);
                for h in 1..H {
                    self.pe[r * w + h].a_in.next = self.pe[r * w + h - 1].a_out.val();
                    self.pe[r * w + h].swap_in.next = self.pe[r * w + h - 1].swap_out.val();
                    self.pe[r * w + h].write_in.next = self.pe[r * w + h - 1].write_out.val();
                    self.pe[r * w + h].weights.next = self.weight_skew[h - 1].q.val().get_bits::<16>(h * 16);
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
