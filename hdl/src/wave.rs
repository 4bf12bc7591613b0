//! The control wave: holds what stands beside a word until the sums of that word leave the array, and numbers the sums of
//! each tile: only those that are there count.

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// A delay of S cycles for the controls of an accumulator of C address bits. Latency S.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `valid_in`, `first_in`, `max_in`, `bank_in`, `last_in`, `starts_in` | in | beside a word |
/// | `valid`, `first`, `max`, `bank`, `last` | out | the same, S cycles later |
/// | `pixel` | out | with `valid`: sums before it since the last `starts_in` |
#[derive(LogicBlock, SmartDefault)]
pub struct Wave<const C: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// There is a word.
    pub valid_in: Signal<In, Bit>,
    /// Its sums replace.
    pub first_in: Signal<In, Bit>,
    /// Its sums keep the greater.
    pub max_in: Signal<In, Bit>,
    /// Bank of its sums.
    pub bank_in: Signal<In, Bit>,
    /// Last word of a job.
    pub last_in: Signal<In, Bit>,
    /// First word of a tile.
    pub starts_in: Signal<In, Bit>,
    /// There are sums.
    pub valid: Signal<Out, Bit>,
    /// They replace.
    pub first: Signal<Out, Bit>,
    /// They keep the greater.
    pub max: Signal<Out, Bit>,
    /// Their bank.
    pub bank: Signal<Out, Bit>,
    /// Last of a job.
    pub last: Signal<Out, Bit>,
    /// Their word.
    pub pixel: Signal<Out, Bits<C>>,
    valids: DFF<Bits<S>>,
    firsts: DFF<Bits<S>>,
    maxima: DFF<Bits<S>>,
    banks: DFF<Bits<S>>,
    lasts: DFF<Bits<S>>,
    starts: DFF<Bits<S>>,
    number: DFF<Bits<C>>,
    #[default(literal(1))]
    one: Constant<Bits<S>>,
}

impl<const C: usize, const S: usize> Logic for Wave<C, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valids, firsts, maxima, banks, lasts, starts, number);
        self.valids.d.next = self.valids.q.val() << 1;
        self.firsts.d.next = self.firsts.q.val() << 1;
        self.maxima.d.next = self.maxima.q.val() << 1;
        self.banks.d.next = self.banks.q.val() << 1;
        self.lasts.d.next = self.lasts.q.val() << 1;
        if self.valid_in.val() {
            self.valids.d.next = (self.valids.q.val() << 1) | self.one.val();
        }
        if self.first_in.val() {
            self.firsts.d.next = (self.firsts.q.val() << 1) | self.one.val();
        }
        if self.max_in.val() {
            self.maxima.d.next = (self.maxima.q.val() << 1) | self.one.val();
        }
        if self.bank_in.val() {
            self.banks.d.next = (self.banks.q.val() << 1) | self.one.val();
        }
        if self.last_in.val() {
            self.lasts.d.next = (self.lasts.q.val() << 1) | self.one.val();
        }
        self.starts.d.next = self.starts.q.val() << 1;
        if self.starts_in.val() {
            self.starts.d.next = (self.starts.q.val() << 1) | self.one.val();
        }
        for s in S..(S + 1) {
            self.valid.next = self.valids.q.val().get_bit(s - 1);
            self.first.next = self.firsts.q.val().get_bit(s - 1);
            self.max.next = self.maxima.q.val().get_bit(s - 1);
            self.bank.next = self.banks.q.val().get_bit(s - 1);
            self.last.next = self.lasts.q.val().get_bit(s - 1);
            self.pixel.next = self.number.q.val();
            // Known a cycle ahead, for the word that comes out then.
            if self.valids.q.val().get_bit(s - 1) {
                self.number.d.next = self.number.q.val() + 1;
            }
            if self.starts.q.val().get_bit(s - 2) {
                self.number.d.next = 0.into();
            }
        }
    }
}
