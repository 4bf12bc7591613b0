//! Parameters on their way into the drain: asks weight memory for the words of a job and says where each one goes.
//!
//! First the records: lane by lane, row by row, PW words each; or with `uniform` a word with a multiplier and four with
//! biases. With `add` the constants of a residual addition follow. `filled` rises in the cycle after the last word's.

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::layout::UNIFORM_WORDS;

/// For N columns, words of WB bits, L lanes; records of PW words in rows of RB bits, G rows or twice as many with `two`;
/// W weight address bits; AW words of constants, AB = AW·WB bits; LU lanes that take one multiplier, or 0; Z = 1 if
/// weight memory's words come two cycles later, else 0.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `start`, `clear`, `from` | in | 1: a job begins, from that word; forget everything |
/// | `two`, `add`, `uniform` | in | what the job takes |
/// | `read`, `address`, `grant` | out, out, in | weight memory |
/// | `word` | in | its output |
/// | `here`, `part`, `lane`, `row` | out | a word of a record is on `word`: which (one hot), of which lane (one hot) and row |
/// | `biases` | out | a word of biases is there |
/// | `multiplier`, `constants` | out | 64 bits for all channels; AB bits |
/// | `taken`, `filled` | in, out | the parameters are used; all are there |
#[derive(LogicBlock, SmartDefault)]
pub struct Arrival<
    const N: usize,
    const WB: usize,
    const L: usize,
    const G: usize,
    const PW: usize,
    const RB: usize,
    const W: usize,
    const AW: usize,
    const AB: usize,
    const LU: usize,
    const Z: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A job begins.
    pub start: Signal<In, Bit>,
    /// Forget everything.
    pub clear: Signal<In, Bit>,
    /// First weight word.
    pub from: Signal<In, Bits<W>>,
    /// Two rows a group.
    pub two: Signal<In, Bit>,
    /// Constants follow.
    pub add: Signal<In, Bit>,
    /// One multiplier for all.
    pub uniform: Signal<In, Bit>,
    /// Read a word.
    pub read: Signal<Out, Bit>,
    /// Which.
    pub address: Signal<Out, Bits<W>>,
    /// Read served.
    pub grant: Signal<In, Bit>,
    /// Weight memory's output.
    pub word: Signal<In, Bits<WB>>,
    /// A word of a record is there.
    pub here: Signal<Out, Bit>,
    /// Which of the record, one hot.
    pub part: Signal<Out, Bits<4>>,
    /// Its lane, one hot.
    pub lane: Signal<Out, Bits<N>>,
    /// Its row.
    pub row: Signal<Out, Bits<RB>>,
    /// A word of biases is there.
    pub biases: Signal<Out, Bit>,
    /// One multiplier for all channels.
    pub multiplier: Signal<Out, Bits<64>>,
    /// Constants of a residual addition.
    pub constants: Signal<Out, Bits<AB>>,
    /// The parameters are used.
    pub taken: Signal<In, Bit>,
    /// All parameters are there.
    pub filled: Signal<Out, Bit>,
    at: DFF<Bits<W>>,
    fetching: DFF<Bit>,
    #[default(from_fn(|_| Default::default()))]
    served: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    coming: [DFF<Bit>; Z],
    arriving: DFF<Bit>,
    // One-hot registers are wider than they need be, because a bit of a one-bit signal cannot be selected in Verilog;
    // what is not read falls away.
    words: DFF<Bits<4>>,
    to_lane: DFF<Bits<N>>,
    to_row: DFF<Bits<RB>>,
    asked: DFF<Bits<7>>,
    all_here: DFF<Bit>,
    records_here: DFF<Bit>,
    multiplier_here: DFF<Bit>,
    common: DFF<Bits<64>>,
    held: DFF<Bits<AB>>,
    // Pipelined: it is a word of a record, of constants; known a cycle ahead, for it goes to many cells.
    #[default(from_fn(|_| Default::default()))]
    arriving_record: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    arriving_constant: [DFF<Bit>; Z],
    of_record: Signal<Local, Bit>,
    of_constant: Signal<Local, Bit>,
    record: Signal<Local, Bit>,
    of_biases: Signal<Local, Bit>,
    last_row: Signal<Local, Bits<RB>>,
    all_asked: Signal<Local, Bits<7>>,
    #[default(literal((AB - WB) as u32))]
    constants_less_word: Constant<Bits<8>>,
    #[default(literal(WB as u32))]
    word_bits: Constant<Bits<8>>,
    #[default(literal(1))]
    one_word: Constant<Bits<W>>,
    #[default(literal(1))]
    one_asked: Constant<Bits<7>>,
    #[default(literal(0))]
    none_asked: Constant<Bits<7>>,
    #[default(literal(N as u32 * PW as u32 - 1))]
    records_asked: Constant<Bits<7>>,
    #[default(literal((N * PW + AW) as u32 - 1))]
    constants_asked: Constant<Bits<7>>,
    #[default(literal((2 * N * PW) as u32 - 1))]
    two_asked: Constant<Bits<7>>,
    #[default(literal((2 * N * PW + AW) as u32 - 1))]
    two_constants_asked: Constant<Bits<7>>,
    #[default(literal(UNIFORM_WORDS as u32 - 1))]
    uniform_asked: Constant<Bits<7>>,
    #[default(literal((UNIFORM_WORDS + AW) as u32 - 1))]
    uniform_constants_asked: Constant<Bits<7>>,
    #[default(literal(G as u32 - 1))]
    groups_last: Constant<Bits<RB>>,
    #[default(literal(2 * G as u32 - 1))]
    two_last: Constant<Bits<RB>>,
    #[default(literal(1))]
    first_word: Constant<Bits<4>>,
    #[default(literal(1))]
    first_lane: Constant<Bits<N>>,
    #[default(literal(0))]
    row_zero: Constant<Bits<RB>>,
    #[default(literal(1))]
    row_one: Constant<Bits<RB>>,
}

impl<
        const N: usize,
        const WB: usize,
        const L: usize,
        const G: usize,
        const PW: usize,
        const RB: usize,
        const W: usize,
        const AW: usize,
        const AB: usize,
        const LU: usize,
        const Z: usize,
    > Logic for Arrival<N, WB, L, G, PW, RB, W, AW, AB, LU, Z>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            at,
            fetching,
            arriving,
            words,
            to_lane,
            to_row,
            asked,
            all_here,
            records_here,
            multiplier_here,
            common,
            held
        );
        self.last_row.next = self.groups_last.val();
        self.all_asked.next = self.records_asked.val();
        if self.add.val() {
            self.all_asked.next = self.constants_asked.val();
        }
        if self.two.val() {
            self.last_row.next = self.two_last.val();
            self.all_asked.next = self.two_asked.val();
            if self.add.val() {
                self.all_asked.next = self.two_constants_asked.val();
            }
        }
        if self.uniform.val() {
            self.all_asked.next = self.uniform_asked.val();
            if self.add.val() {
                self.all_asked.next = self.uniform_constants_asked.val();
            }
        }
        self.read.next = self.fetching.q.val();
        self.address.next = self.at.q.val();
        self.arriving.d.next = self.fetching.q.val() && self.grant.val();
        for z in 0..Z {
            self.served[z].clock.next = self.clock.val();
            self.coming[z].clock.next = self.clock.val();
            self.served[z].d.next = self.fetching.q.val() && self.grant.val() && !self.clear.val();
            self.coming[z].d.next = self.served[z].q.val() && !self.clear.val();
            self.arriving.d.next = self.coming[z].q.val() && !self.clear.val();
        }
        if self.fetching.q.val() && self.grant.val() {
            self.at.d.next = self.at.q.val() + self.one_word.val();
            self.asked.d.next = self.asked.q.val() + self.one_asked.val();
            if self.asked.q.val() == self.all_asked.val() {
                self.fetching.d.next = false;
            }
        }
        self.of_record.next = self.arriving.q.val() && !self.records_here.q.val();
        self.of_constant.next = self.arriving.q.val() && self.records_here.q.val();
        for z in 0..Z {
            self.of_record.next = self.arriving_record[z].q.val();
            self.of_constant.next = self.arriving_constant[z].q.val();
        }
        self.here.next = self.of_record.val();
        self.part.next = self.words.q.val();
        self.lane.next = self.to_lane.q.val();
        self.row.next = self.to_row.q.val();
        self.record.next = false;
        if self.arriving.q.val() {
            self.words.d.next = self.words.q.val() << 1;
            for p in PW..(PW + 1) {
                if self.words.q.val().get_bit(p - 1) {
                    self.words.d.next = self.first_word.val();
                    self.record.next = self.of_record.val();
                }
            }
        }
        // Or a word with the multiplier, and four with the biases of a quarter of the lanes each.
        self.of_biases.next = false;
        for _l in 0..LU {
            if self.of_record.val() && self.uniform.val() {
                self.record.next = false;
                self.multiplier_here.d.next = true;
                self.of_biases.next = self.multiplier_here.q.val();
                self.words.d.next = self.first_word.val();
                if self.multiplier_here.q.val() {
                    self.words.d.next = self.words.q.val() << 1;
                    if self.words.q.val().get_bit(3) {
                        self.words.d.next = self.first_word.val();
                        self.all_here.d.next = !self.add.val();
                        self.records_here.d.next = true;
                    }
                }
            }
        }
        self.biases.next = self.of_biases.val();
        if self.arriving.q.val() && !self.multiplier_here.q.val() {
            self.common.d.next = bit_cast::<64, WB>(self.word.val());
        }
        self.multiplier.next = self.common.q.val();
        if self.of_constant.val() {
            self.held.d.next = (self.held.q.val() >> self.word_bits.val())
                | (bit_cast::<AB, WB>(self.word.val()) << self.constants_less_word.val());
            self.words.d.next = self.words.q.val() << 1;
            for p in AW..(AW + 1) {
                if self.words.q.val().get_bit(p - 1) {
                    self.all_here.d.next = true;
                }
            }
        }
        self.constants.next = self.held.q.val();
        if self.record.val() {
            self.to_lane.d.next = self.to_lane.q.val() << 1;
            for l in L..(L + 1) {
                if self.to_lane.q.val().get_bit(l - 1) {
                    self.to_lane.d.next = self.first_lane.val();
                    self.to_row.d.next = self.to_row.q.val() + self.row_one.val();
                    if self.to_row.q.val() == self.last_row.val() {
                        self.all_here.d.next = !self.add.val();
                        self.records_here.d.next = true;
                    }
                }
            }
        }
        self.filled.next = self.all_here.q.val();
        if self.taken.val() {
            self.all_here.d.next = false;
        }
        if self.start.val() {
            self.fetching.d.next = true;
            self.at.d.next = self.from.val();
            self.asked.d.next = self.none_asked.val();
            self.words.d.next = self.first_word.val();
            self.to_lane.d.next = self.first_lane.val();
            self.to_row.d.next = self.row_zero.val();
            self.all_here.d.next = false;
            self.records_here.d.next = false;
            self.multiplier_here.d.next = false;
        }
        if self.clear.val() {
            self.fetching.d.next = false;
            self.all_here.d.next = false;
        }
        for z in 0..Z {
            self.arriving_record[z].clock.next = self.clock.val();
            self.arriving_constant[z].clock.next = self.clock.val();
            self.arriving_record[z].d.next = self.coming[z].q.val() && !self.records_here.d.val();
            self.arriving_constant[z].d.next = self.coming[z].q.val() && self.records_here.d.val();
        }
    }
}
