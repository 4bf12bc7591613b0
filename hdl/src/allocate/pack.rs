//! Packs words into bus words, N to one, the first in the lowest bits.
//!
//! `pad` fills up with zeros to a whole burst of 16 beats; it is done when `aligned`. Latency from the last word of a
//! beat to `full`: 1.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `clear` | in | nothing is held, a burst begins |
//! | `push`, `word` | in, in W | take a word |
//! | `pad` | in | push zeros until `aligned` |
//! | `full`, `beat` | out, out BUS | a bus word is complete, for this cycle |
//! | `aligned` | out | a whole number of bursts has been pushed |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::allocate::BURST;

/// Packs N = BUS/W words of W bits; REST = BUS − W; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Pack<const W: usize, const BUS: usize, const N: usize, const REST: usize> {
    pub clock: Signal<In, Clock>,
    pub clear: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub word: Signal<In, Bits<W>>,
    pub pad: Signal<In, Bit>,
    pub full: Signal<Out, Bit>,
    pub beat: Signal<Out, Bits<BUS>>,
    pub aligned: Signal<Out, Bit>,
    held: DFF<Bits<BUS>>,
    /// Words in the beat that is not whole, and beats in the burst.
    words: DFF<Bits<5>>,
    beats: DFF<Bits<5>>,
    complete: DFF<Bit>,
    pushing: Signal<Local, Bit>,
    next_word: Signal<Local, Bits<W>>,
    #[default(literal(N as u32 - 1))]
    last_word: Constant<Bits<5>>,
    #[default(literal(BURST as u32 - 1))]
    last_beat: Constant<Bits<5>>,
    #[default(literal(REST as u32))]
    rest: Constant<Bits<8>>,
    #[default(literal(W as u32))]
    width: Constant<Bits<8>>,
    #[default(literal(0))]
    zero: Constant<Bits<W>>,
}

impl<const W: usize, const BUS: usize, const N: usize, const REST: usize> Logic for Pack<W, BUS, N, REST> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, words, beats, complete);
        self.aligned.next = !(self.words.q.val().any() | self.beats.q.val().any());
        self.pushing.next = self.push.val() | (self.pad.val() & (self.words.q.val().any() | self.beats.q.val().any()));
        self.next_word.next = self.zero.val();
        if self.push.val() {
            self.next_word.next = self.word.val();
        }
        self.complete.d.next = false;
        if self.pushing.val() {
            self.held.d.next =
                (self.held.q.val() >> self.width.val()) | (bit_cast::<BUS, W>(self.next_word.val()) << self.rest.val());
            self.words.d.next = self.words.q.val() + 1;
            if self.words.q.val() == self.last_word.val() {
                self.words.d.next = 0.into();
                self.complete.d.next = true;
                self.beats.d.next = self.beats.q.val() + 1;
                if self.beats.q.val() == self.last_beat.val() {
                    self.beats.d.next = 0.into();
                }
            }
        }
        self.full.next = self.complete.q.val();
        self.beat.next = self.held.q.val();
        if self.clear.val() {
            self.words.d.next = 0.into();
            self.beats.d.next = 0.into();
            self.complete.d.next = false;
        }
    }
}
