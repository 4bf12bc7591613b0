//! Frames of [`systole_isa::bridge`], one request in, then its reply out, a bit at each `strobe` of the line.
//!
//! Both directions go through the same phases with the same counters: start byte, head, words, checksum. A request that is
//! whole and right goes to [`execute`](super::execute), which has the counters and the memory while `work` is high, and ends it with
//! `done`. One that is not is forgotten; so is one in whose midst the line is silent or breaks off. Words lie in the memory at
//! address {region, word, bit}: region 0 has a request's words and, in its upper half, from word 2 on the identity; region 1
//! has the words of a reply, state and write burst.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `strobe`, `value`, `broken`, `silent` | in | from the line |
//! | `send`, `data` | out | to the line |
//! | `sum_clear`, `sum_next` | out, in | to and from the checksum, which sees the line's bits |
//! | `q`, `read_address`, `write_address`, `keep` | in, out A, out A, out | to and from the memory; `keep`: write the line's bit |
//! | `work` | out | a request is to be carried out |
//! | `operation`, `sequence_bit`, `none` | out 3, out, out | it; `none`: it has no words |
//! | `place`, `word` | out 5, out WB | the counters: bit and word |
//! | `step`, `restart`, `region` | in | count a bit; to zero; region for reads and writes |
//! | `done`, `reply_words` | in, in WB | reply with so many words |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::bridge;

/// Part of a frame.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Phase {
    /// The start byte; at rest.
    Start,
    /// Operation and number of words.
    Head,
    /// Is there another word?
    Check,
    /// A word.
    Word,
    /// The checksum.
    Sum,
    /// The request is carried out.
    Work,
}

/// Frames with words counted in WB bits, in a memory of A = WB + 6 address bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Frame<const WB: usize, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub strobe: Signal<In, Bit>,
    pub value: Signal<In, Bit>,
    pub broken: Signal<In, Bit>,
    pub silent: Signal<In, Bit>,
    pub send: Signal<Out, Bit>,
    pub data: Signal<Out, Bit>,
    pub sum_clear: Signal<Out, Bit>,
    pub sum_next: Signal<In, Bit>,
    pub q: Signal<In, Bit>,
    pub read_address: Signal<Out, Bits<A>>,
    pub write_address: Signal<Out, Bits<A>>,
    pub keep: Signal<Out, Bit>,
    pub work: Signal<Out, Bit>,
    pub operation: Signal<Out, Bits<3>>,
    pub sequence_bit: Signal<Out, Bit>,
    pub none: Signal<Out, Bit>,
    pub place: Signal<Out, Bits<5>>,
    pub word: Signal<Out, Bits<WB>>,
    pub step: Signal<In, Bit>,
    pub restart: Signal<In, Bit>,
    pub region: Signal<In, Bit>,
    pub done: Signal<In, Bit>,
    pub reply_words: Signal<In, Bits<WB>>,
    phase: DFF<Phase>,
    replying: DFF<Bit>,
    /// A bit of the start byte or the checksum was wrong.
    wrong: DFF<Bit>,
    /// Operation and number of words, lowest bit first; goes round once while it is sent.
    head: DFF<Bits<16>>,
    at_bit: DFF<Bits<5>>,
    at_word: DFF<Bits<WB>>,
    wanted: Signal<Local, Bit>,
    differs: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    past_state: Signal<Local, Bit>,
    from_reply: Signal<Local, Bit>,
    #[default(literal(u32::from(bridge::REQUEST)))]
    request: Constant<Bits<8>>,
    #[default(literal(bridge::OP_WRITE_DATA.into()))]
    write_data: Constant<Bits<3>>,
    #[default(literal(bridge::OP_IDENTIFY.into()))]
    identify: Constant<Bits<3>>,
    #[default(literal(1 << (A - 1)))]
    upper_region: Constant<Bits<A>>,
    #[default(literal(1 << (A - 2)))]
    upper_half: Constant<Bits<A>>,
    #[default(literal(5))]
    word_bits: Constant<Bits<3>>,
    #[default(literal(0x8000))]
    top_bit: Constant<Bits<16>>,
    #[default(literal(0x00ff))]
    low_byte: Constant<Bits<16>>,
    #[default(literal(8))]
    byte_bits: Constant<Bits<4>>,
}

impl<const WB: usize, const A: usize> Logic for Frame<WB, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, replying, wrong, head, at_bit, at_word);
        self.operation.next = self.head.q.val().get_bits::<3>(1);
        self.sequence_bit.next = self.head.q.val().get_bit(0);
        self.none.next = !self.head.q.val().get_bits::<WB>(8).any();
        self.place.next = self.at_bit.q.val();
        self.word.next = self.at_word.q.val();
        self.work.next = self.phase.q.val() == Phase::Work;
        self.send.next = self.replying.q.val();
        self.sum_clear.next = self.phase.q.val() == Phase::Start;
        // Not past a request's most words: behind them is the identity, and a damaged number of words shows only at the end.
        for top in WB..(WB + 1) {
            self.keep.next = (self.phase.q.val() == Phase::Word)
                & self.strobe.val()
                & (!self.replying.q.val())
                & (!self.at_word.q.val().get_bit(top - 1));
        }

        // Where bits are read and written. In a reply the state comes first, from region 1.
        self.past_state.next = (self.at_word.q.val() >> 1).any();
        self.from_reply.next = self.region.val();
        if self.replying.q.val()
            & ((!self.past_state.val()) | (self.head.q.val().get_bits::<3>(1) == self.write_data.val()))
        {
            self.from_reply.next = true;
        }
        self.write_address.next =
            (bit_cast::<A, WB>(self.at_word.q.val()) << self.word_bits.val()) | bit_cast::<A, 5>(self.at_bit.q.val());
        self.read_address.next =
            (bit_cast::<A, WB>(self.at_word.q.val()) << self.word_bits.val()) | bit_cast::<A, 5>(self.at_bit.q.val());
        if self.region.val() {
            self.write_address.next = (bit_cast::<A, WB>(self.at_word.q.val()) << self.word_bits.val())
                | bit_cast::<A, 5>(self.at_bit.q.val())
                | self.upper_region.val();
        }
        if self.from_reply.val() {
            self.read_address.next = (bit_cast::<A, WB>(self.at_word.q.val()) << self.word_bits.val())
                | bit_cast::<A, 5>(self.at_bit.q.val())
                | self.upper_region.val();
        } else if self.replying.q.val() & (self.head.q.val().get_bits::<3>(1) == self.identify.val()) {
            self.read_address.next = (bit_cast::<A, WB>(self.at_word.q.val()) << self.word_bits.val())
                | bit_cast::<A, 5>(self.at_bit.q.val())
                | self.upper_half.val();
        }

        // The bit that the line has in each phase: sent, or expected.
        self.wanted.next = self.sum_next.val();
        self.data.next = self.sum_next.val();
        match self.phase.q.val() {
            Phase::Start => {
                self.wanted.next = self.request.val().get_bit(self.at_bit.q.val().get_bits::<3>(0).index());
                // A reply's first byte is a request's with all bits inverted.
                self.data.next = !self.request.val().get_bit(self.at_bit.q.val().get_bits::<3>(0).index());
            }
            Phase::Head => {
                self.data.next = self.head.q.val().get_bit(0);
            }
            Phase::Word => {
                self.data.next = self.q.val();
            }
            _ => {
                self.data.next = self.sum_next.val();
            }
        }
        self.differs.next = self.wrong.q.val() | (self.value.val() ^ self.wanted.val());

        // Counting, and the end of a phase.
        self.ends.next = self.strobe.val() & self.at_bit.q.val().get_bits::<3>(0).all();
        if (self.phase.q.val() == Phase::Head) | (self.phase.q.val() == Phase::Sum) {
            self.ends.next = self.strobe.val() & self.at_bit.q.val().get_bits::<4>(0).all();
        }
        if self.phase.q.val() == Phase::Word {
            self.ends.next = self.strobe.val() & self.at_bit.q.val().all();
        }
        if self.phase.q.val() == Phase::Work {
            self.ends.next = false;
        }
        self.moves.next = self.strobe.val();
        if self.phase.q.val() == Phase::Work {
            self.moves.next = self.step.val();
        }
        if self.moves.val() {
            self.at_bit.d.next = self.at_bit.q.val() + 1;
        }
        if self.ends.val() {
            self.at_bit.d.next = 0.into();
        }

        match self.phase.q.val() {
            Phase::Start => {
                self.at_word.d.next = 0.into();
                if self.strobe.val() & (!self.replying.q.val()) {
                    self.wrong.d.next = self.differs.val();
                }
                if self.ends.val() {
                    self.wrong.d.next = false;
                    if self.replying.q.val() | (!self.differs.val()) {
                        self.phase.d.next = Phase::Head;
                    }
                }
            }
            Phase::Head => {
                if self.strobe.val() {
                    self.head.d.next = self.head.q.val() >> 1;
                    if self.value.val() {
                        self.head.d.next = (self.head.q.val() >> 1) | self.top_bit.val();
                    }
                }
                if self.ends.val() {
                    self.phase.d.next = Phase::Check;
                }
            }
            Phase::Check => {
                self.phase.d.next = Phase::Word;
                if self.at_word.q.val() == self.head.q.val().get_bits::<WB>(8) {
                    self.phase.d.next = Phase::Sum;
                }
            }
            Phase::Word => {
                if self.ends.val() {
                    self.at_word.d.next = self.at_word.q.val() + 1;
                    self.phase.d.next = Phase::Check;
                }
            }
            Phase::Sum => {
                // What is sent is what is wanted.
                if self.strobe.val() {
                    self.wrong.d.next = self.differs.val();
                }
                if self.ends.val() {
                    self.wrong.d.next = false;
                    self.replying.d.next = false;
                    self.at_word.d.next = 0.into();
                    self.phase.d.next = Phase::Start;
                    if (!self.replying.q.val()) & (!self.differs.val()) {
                        self.phase.d.next = Phase::Work;
                    }
                }
            }
            Phase::Work => {
                // The bit counter wraps by itself.
                if self.step.val() & self.at_bit.q.val().all() {
                    self.at_word.d.next = self.at_word.q.val() + 1;
                }
                if self.restart.val() {
                    self.at_word.d.next = 0.into();
                    self.at_bit.d.next = 0.into();
                }
                if self.done.val() {
                    self.at_bit.d.next = 0.into();
                    self.replying.d.next = true;
                    self.phase.d.next = Phase::Start;
                    self.head.d.next = (self.head.q.val() & self.low_byte.val())
                        | (bit_cast::<16, WB>(self.reply_words.val()) << self.byte_bits.val());
                }
            }
            _ => {
                self.phase.d.next = Phase::Start;
            }
        }
        if (self.broken.val() | self.silent.val()) & (!self.replying.q.val()) & (self.phase.q.val() != Phase::Work) {
            self.phase.d.next = Phase::Start;
            self.at_bit.d.next = 0.into();
            self.wrong.d.next = false;
        }
        if self.reset.val() {
            self.phase.d.next = Phase::Start;
            self.replying.d.next = false;
            self.at_bit.d.next = 0.into();
            self.wrong.d.next = false;
        }
    }
}
