//! The drain: takes a fed accumulator bank through the requantisers into activation memory.
//!
//! First it reads the parameters of the n output channels from weight memory, which usually happens under the feed.
//! Then each pixel takes `G · steps` cycles: its n sums go through L lanes in G groups. A pixel's word is written
//! `steps + 4` cycles after its last group began. `drained` comes with the last word. Lanes are serial, a digit a cycle,
//! or parallel, a value a cycle. With `uniform`, one multiplier and n biases come instead of n records.
//!
//! With `add` a pixel's word goes on into the residual lanes, beside the word of another tensor that is read in the cycle
//! in which it would have been written; the sum is written seven cycles after that. `steps` is 2 to 6 then: read and write
//! take one port of activation memory in turn.

use crate::literal::{literal, op};
use crate::ram::RamParts;
use crate::requant::Requant;
use crate::residual::Residual;
use crate::scale::Scale;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;
use systole_isa::layout::UNIFORM_WORDS;

/// Drain of N columns: WB = 8·N; L lanes, LB = 8·L; G = N / L groups, GB bits for their number (at least 1); a parameter
/// record takes PW words, PB = PW·WB bits; A activation, W weight and C accumulator address bits; LS serial or LP parallel
/// lanes, the other number is 0; NA residual lanes, none or N, whose constants take AW words, AB = AW·WB bits. With one
/// multiplier for all channels LU of the lanes take UB biases from a word: all, and N / 4, or both 0.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `set`, `op`, `value` | in | command register writes; only while not `busy` |
/// | `start`, `clear` | in | 1: start a job; forget everything |
/// | `busy`, `working` | out | a job is there; the lanes have a value |
/// | `fed`, `fed_bank` | in | 1: the last sum of a job is in that bank's pipeline |
/// | `sums` | in | N × 32 bits from the accumulators |
/// | `acc_read`, `acc_bank`, `acc_address` | out | request to them |
/// | `param_read`, `param_address`, `param_grant`, `param_word` | out, out, in, in | weight memory |
/// | `write`, `address`, `word` | out | to activation memory, always served |
/// | `add_read`, `add_address`, `add_word` | out, out, in | the other tensor of a residual addition, always served |
/// | `drained`, `drained_bank` | out | 1: that bank is free |
#[derive(LogicBlock, SmartDefault)]
pub struct Drain<
    const N: usize,
    const WB: usize,
    const L: usize,
    const LB: usize,
    const G: usize,
    const GB: usize,
    const PW: usize,
    const PB: usize,
    const A: usize,
    const W: usize,
    const C: usize,
    const LS: usize,
    const LP: usize,
    const NA: usize,
    const AW: usize,
    const AB: usize,
    const LU: usize,
    const UB: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Register write.
    pub set: Signal<In, Bit>,
    /// Register.
    pub op: Signal<In, Bits<8>>,
    /// Value.
    pub value: Signal<In, Bits<24>>,
    /// Start a job.
    pub start: Signal<In, Bit>,
    /// Forget everything.
    pub clear: Signal<In, Bit>,
    /// A job is there.
    pub busy: Signal<Out, Bit>,
    /// The lanes have a value.
    pub working: Signal<Out, Bit>,
    /// A bank has been fed.
    pub fed: Signal<In, Bit>,
    /// Which.
    pub fed_bank: Signal<In, Bit>,
    /// Accumulators, int32.
    #[default(from_fn(|_| Default::default()))]
    pub sums: [Signal<In, Bits<32>>; N],
    /// Read them.
    pub acc_read: Signal<Out, Bit>,
    /// Bank.
    pub acc_bank: Signal<Out, Bit>,
    /// Word.
    pub acc_address: Signal<Out, Bits<C>>,
    /// Read a parameter word.
    pub param_read: Signal<Out, Bit>,
    /// Weight word.
    pub param_address: Signal<Out, Bits<W>>,
    /// Read served.
    pub param_grant: Signal<In, Bit>,
    /// Weight memory's output.
    pub param_word: Signal<In, Bits<WB>>,
    /// Write a word.
    pub write: Signal<Out, Bit>,
    /// Activation word address.
    pub address: Signal<Out, Bits<A>>,
    /// Word, int8 × N.
    pub word: Signal<Out, Bits<WB>>,
    /// A bank is free.
    pub drained: Signal<Out, Bit>,
    /// Which.
    pub drained_bank: Signal<Out, Bit>,
    /// Read a word to add.
    pub add_read: Signal<Out, Bit>,
    /// Activation word address.
    pub add_address: Signal<Out, Bits<A>>,
    /// Activation memory's output.
    pub add_word: Signal<In, Bits<WB>>,
    #[default(from_fn(|_| Default::default()))]
    serial: [Requant<WB>; LS],
    #[default(from_fn(|_| Default::default()))]
    parallel: [Scale<WB>; LP],
    #[default(from_fn(|_| Default::default()))]
    residual: [Residual<WB, LS>; NA],
    #[default(from_fn(|_| Default::default()))]
    store: [RamParts<WB, PW, PB, GB, G>; L],
    d_addr: DFF<Bits<A>>,
    d_step: DFF<Bits<A>>,
    d_count: DFF<Bits<18>>,
    d_add: DFF<Bits<A>>,
    d_add_step: DFF<Bits<A>>,
    d_clamp: DFF<Bits<16>>,
    d_quant: DFF<Bits<24>>,
    d_param: DFF<Bits<W>>,
    param_at: DFF<Bits<W>>,
    // Parameters on their way: word of the record, its lane and group. One-hot registers are wider than they need be,
    // because a bit of a one-bit signal cannot be selected in Verilog; what is not read falls away.
    fetching: DFF<Bit>,
    arriving: DFF<Bit>,
    words: DFF<Bits<4>>,
    to_lane: DFF<Bits<N>>,
    to_group: DFF<Bits<GB>>,
    to_last: DFF<Bits<N>>,
    filled: DFF<Bit>,
    asked: DFF<Bits<8>>,
    // Stage 0: which value.
    running: DFF<Bit>,
    pixel: DFF<Bits<12>>,
    step: DFF<Bits<4>>,
    group: DFF<Bits<N>>,
    group_number: DFF<Bits<GB>>,
    at: DFF<Bits<A>>,
    job: DFF<Bit>,
    which: DFF<Bit>,
    ready0: DFF<Bit>,
    ready1: DFF<Bit>,
    // The stages after it.
    first1: DFF<Bit>,
    last1: DFF<Bit>,
    word1: DFF<Bit>,
    end1: DFF<Bit>,
    step1: DFF<Bits<3>>,
    group1: DFF<Bits<N>>,
    valid1: DFF<Bit>,
    valid2: DFF<Bit>,
    last2: DFF<Bit>,
    word2: DFF<Bit>,
    end2: DFF<Bit>,
    valid3: DFF<Bit>,
    last3: DFF<Bit>,
    word3: DFF<Bit>,
    end3: DFF<Bit>,
    last4: DFF<Bit>,
    word4: DFF<Bit>,
    end4: DFF<Bit>,
    last5: DFF<Bit>,
    word5: DFF<Bit>,
    end5: DFF<Bit>,
    gathered: DFF<Bits<WB>>,
    // One multiplier for all channels, once it is here.
    multiplier: DFF<Bits<64>>,
    multiplier_here: DFF<Bit>,
    // Residual addition: its constants, where it reads, and what follows stage 5.
    records_here: DFF<Bit>,
    constants: DFF<Bits<AB>>,
    add_at: DFF<Bits<A>>,
    value6: DFF<Bits<WB>>,
    adding: DFF<Bits<7>>,
    ending: DFF<Bits<7>>,
    add: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    out: Signal<Local, Bit>,
    added: Signal<Local, Bits<WB>>,
    #[default(from_fn(|_| Default::default()))]
    sums_of: [Signal<Local, Bits<WB>>; NA],
    #[default(literal(0))]
    none_adding: Constant<Bits<7>>,
    #[default(literal(1))]
    one_adding: Constant<Bits<7>>,
    #[default(literal(0))]
    no_word: Constant<Bits<WB>>,
    #[default(literal(0))]
    no_record: Constant<Bits<PB>>,
    #[default(literal((AB - WB) as u32))]
    constants_less_word: Constant<Bits<8>>,
    #[default(literal(WB as u32))]
    word_bits: Constant<Bits<8>>,
    #[default(from_fn(|_| Default::default()))]
    ys: [Signal<Local, Bits<WB>>; L],
    #[default(from_fn(|_| Default::default()))]
    y: [Signal<Local, Bits<WB>>; L],
    #[default(from_fn(|_| Default::default()))]
    lane_sum: [Signal<Local, Bits<32>>; L],
    record: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    first0: Signal<Local, Bit>,
    last0: Signal<Local, Bit>,
    end_group: Signal<Local, Bit>,
    end_pixel: Signal<Local, Bit>,
    whole: Signal<Local, Bits<WB>>,
    #[default(literal(LB as u32))]
    lanes_bits: Constant<Bits<8>>,
    #[default(literal((WB - LB) as u32))]
    word_less_lanes: Constant<Bits<8>>,
    #[default(literal(0))]
    zero_step: Constant<Bits<4>>,
    #[default(literal(1))]
    one_step: Constant<Bits<4>>,
    #[default(literal(0))]
    zero_pixel: Constant<Bits<12>>,
    #[default(literal(1))]
    one_pixel: Constant<Bits<12>>,
    #[default(literal(1))]
    one_word: Constant<Bits<W>>,
    #[default(literal(1))]
    one_asked: Constant<Bits<8>>,
    #[default(literal((N * PW) as u32 - 1))]
    records_asked: Constant<Bits<8>>,
    #[default(literal((N * PW + AW) as u32 - 1))]
    constants_asked: Constant<Bits<8>>,
    all_asked: Signal<Local, Bits<8>>,
    uniform: Signal<Local, Bit>,
    biases: Signal<Local, Bit>,
    #[default(from_fn(|_| Default::default()))]
    bias: [Signal<Local, Bits<PB>>; LU],
    #[default(from_fn(|_| Default::default()))]
    bias_here: [Signal<Local, Bit>; LU],
    #[default(from_fn(|b| literal(32 * b as u32)))]
    bias_bits: [Constant<Bits<8>>; UB],
    #[default(Constant::new(bits(0xffff_ffff)))]
    one_bias: Constant<Bits<PB>>,
    word_wide: Signal<Local, Bits<PB>>,
    multiplier_wide: Signal<Local, Bits<PB>>,
    #[default(literal(UNIFORM_WORDS as u32 - 1))]
    uniform_asked: Constant<Bits<8>>,
    #[default(literal((UNIFORM_WORDS + AW) as u32 - 1))]
    uniform_constants_asked: Constant<Bits<8>>,
    #[default(literal(0))]
    none_asked: Constant<Bits<8>>,
    #[default(literal(1))]
    first_word: Constant<Bits<4>>,
    #[default(literal(1))]
    first_lane: Constant<Bits<N>>,
    #[default(literal(1))]
    first_group: Constant<Bits<N>>,
    #[default(literal(0))]
    group_zero: Constant<Bits<GB>>,
    #[default(literal(1))]
    group_one: Constant<Bits<GB>>,
    #[default(op(command::D_ADDR))]
    d_addr_op: Constant<Bits<8>>,
    #[default(op(command::D_STEP))]
    d_step_op: Constant<Bits<8>>,
    #[default(op(command::D_COUNT))]
    d_count_op: Constant<Bits<8>>,
    #[default(op(command::D_QUANT))]
    d_quant_op: Constant<Bits<8>>,
    #[default(op(command::D_PARAM))]
    d_param_op: Constant<Bits<8>>,
    #[default(op(command::D_ADD))]
    d_add_op: Constant<Bits<8>>,
    #[default(op(command::D_ADD_STEP))]
    d_add_step_op: Constant<Bits<8>>,
    #[default(op(command::D_CLAMP))]
    d_clamp_op: Constant<Bits<8>>,
}

impl<
        const N: usize,
        const WB: usize,
        const L: usize,
        const LB: usize,
        const G: usize,
        const GB: usize,
        const PW: usize,
        const PB: usize,
        const A: usize,
        const W: usize,
        const C: usize,
        const LS: usize,
        const LP: usize,
        const NA: usize,
        const AW: usize,
        const AB: usize,
        const LU: usize,
        const UB: usize,
    > Logic for Drain<N, WB, L, LB, G, GB, PW, PB, A, W, C, LS, LP, NA, AW, AB, LU, UB>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            d_addr,
            d_step,
            d_count,
            d_add,
            d_add_step,
            d_clamp,
            d_quant,
            d_param,
            param_at,
            fetching,
            arriving,
            words,
            to_lane,
            to_group,
            to_last,
            filled,
            asked,
            running,
            pixel,
            step,
            group,
            group_number,
            at,
            job,
            which,
            ready0,
            ready1,
            first1,
            last1,
            word1,
            end1,
            step1,
            group1,
            valid1,
            valid2,
            last2,
            word2,
            end2,
            valid3,
            last3,
            word3,
            end3,
            last4,
            word4,
            end4,
            last5,
            word5,
            end5,
            gathered,
            multiplier,
            multiplier_here,
            records_here,
            constants,
            add_at,
            value6,
            adding,
            ending
        );
        if self.set.val() {
            if self.op.val() == self.d_addr_op.val() {
                self.d_addr.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.d_step_op.val() {
                self.d_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.d_count_op.val() {
                self.d_count.d.next = self.value.val().get_bits::<18>(0);
            }
            if self.op.val() == self.d_quant_op.val() {
                self.d_quant.d.next = self.value.val();
            }
            if self.op.val() == self.d_param_op.val() {
                self.d_param.d.next = self.value.val().get_bits::<W>(0);
            }
            if self.op.val() == self.d_add_op.val() {
                self.d_add.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.d_add_step_op.val() {
                self.d_add_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.d_clamp_op.val() {
                self.d_clamp.d.next = self.value.val().get_bits::<16>(0);
            }
        }
        // Without residual lanes the flag is never up, and all that it commands falls away.
        self.add.next = false;
        for i in 0..NA {
            self.add.next = self.d_count.q.val().get_bit(16);
            self.residual[i].clock.next = self.clock.val();
            self.sums_of[i].next = self.no_word.val();
        }
        self.uniform.next = false;
        for _l in 0..LU {
            self.uniform.next = self.d_count.q.val().get_bit(17);
        }
        self.all_asked.next = self.records_asked.val();
        if self.add.val() {
            self.all_asked.next = self.constants_asked.val();
        }
        if self.uniform.val() {
            self.all_asked.next = self.uniform_asked.val();
            if self.add.val() {
                self.all_asked.next = self.uniform_constants_asked.val();
            }
        }
        // Parameters: ask for N·PW words; each record of PW words goes to its lane's store, by group; then the constants.
        self.param_read.next = self.fetching.q.val();
        self.param_address.next = self.param_at.q.val();
        self.arriving.d.next = self.fetching.q.val() && self.param_grant.val();
        if self.fetching.q.val() && self.param_grant.val() {
            self.param_at.d.next = self.param_at.q.val() + self.one_word.val();
            self.asked.d.next = self.asked.q.val() + self.one_asked.val();
            if self.asked.q.val() == self.all_asked.val() {
                self.fetching.d.next = false;
            }
        }
        self.record.next = false;
        if self.arriving.q.val() {
            self.words.d.next = self.words.q.val() << 1;
            for p in PW..(PW + 1) {
                if self.words.q.val().get_bit(p - 1) {
                    self.words.d.next = self.first_word.val();
                    self.record.next = !self.records_here.q.val();
                }
            }
        }
        // Or a word with the multiplier, and four with the biases of a quarter of the lanes each.
        self.biases.next = false;
        if self.arriving.q.val() && self.uniform.val() && !self.records_here.q.val() {
            self.record.next = false;
            self.multiplier_here.d.next = true;
            self.biases.next = self.multiplier_here.q.val();
            self.words.d.next = self.first_word.val();
            if self.biases.val() {
                self.words.d.next = self.words.q.val() << 1;
                if self.words.q.val().get_bit(3) {
                    self.words.d.next = self.first_word.val();
                    self.filled.d.next = !self.add.val();
                    self.records_here.d.next = true;
                }
            }
        }
        if self.arriving.q.val() && !self.multiplier_here.q.val() {
            self.multiplier.d.next = bit_cast::<64, WB>(self.param_word.val());
        }
        self.word_wide.next = bit_cast::<PB, WB>(self.param_word.val());
        self.multiplier_wide.next = bit_cast::<PB, 64>(self.multiplier.q.val()) << 32;
        for u in UB..(UB + 1) {
            for k in 0..4 {
                for b in 0..UB {
                    self.bias[u * k + b].next = (self.word_wide.val() >> self.bias_bits[b].val()) & self.one_bias.val();
                    self.bias_here[u * k + b].next = self.biases.val() && self.words.q.val().get_bit(k);
                }
            }
        }
        if self.arriving.q.val() && self.records_here.q.val() {
            self.constants.d.next = (self.constants.q.val() >> self.word_bits.val())
                | (bit_cast::<AB, WB>(self.param_word.val()) << self.constants_less_word.val());
            self.words.d.next = self.words.q.val() << 1;
            for p in AW..(AW + 1) {
                if self.words.q.val().get_bit(p - 1) {
                    self.filled.d.next = true;
                }
            }
        }
        if self.record.val() {
            self.to_lane.d.next = self.to_lane.q.val() << 1;
            for l in L..(L + 1) {
                if self.to_lane.q.val().get_bit(l - 1) {
                    self.to_lane.d.next = self.first_lane.val();
                    self.to_group.d.next = self.to_group.q.val() + self.group_one.val();
                    self.to_last.d.next = self.to_last.q.val() << 1;
                    for g in G..(G + 1) {
                        if self.to_last.q.val().get_bit(g - 1) {
                            self.filled.d.next = !self.add.val();
                            self.records_here.d.next = true;
                        }
                    }
                }
            }
        }
        // Stage 0: one digit of one group of one pixel a cycle.
        self.ready.next = self.ready0.q.val();
        if self.which.q.val() {
            self.ready.next = self.ready1.q.val();
        }
        if self.job.q.val() && self.filled.q.val() && self.ready.val() {
            self.running.d.next = true;
            self.filled.d.next = false;
        }
        self.first0.next = self.step.q.val() == self.zero_step.val();
        self.last0.next = self.step.q.val() == self.d_count.q.val().get_bits::<4>(12);
        for g in G..(G + 1) {
            self.end_group.next = self.group.q.val().get_bit(g - 1);
        }
        self.end_pixel.next = self.pixel.q.val() == self.d_count.q.val().get_bits::<12>(0);
        if self.running.q.val() {
            self.step.d.next = self.step.q.val() + self.one_step.val();
            if self.last0.val() {
                self.step.d.next = self.zero_step.val();
                self.group.d.next = self.group.q.val() << 1;
                self.group_number.d.next = self.group_number.q.val() + self.group_one.val();
                if self.end_group.val() {
                    self.group.d.next = self.first_group.val();
                    self.group_number.d.next = self.group_zero.val();
                    self.pixel.d.next = self.pixel.q.val() + self.one_pixel.val();
                    if self.end_pixel.val() {
                        self.running.d.next = false;
                    }
                }
            }
        }
        self.acc_read.next = self.running.q.val() && self.first0.val() && self.group.q.val().get_bit(0);
        self.acc_bank.next = self.which.q.val();
        self.acc_address.next = self.pixel.q.val().get_bits::<C>(0);
        // Stages 1 to 5.
        self.valid1.d.next = self.running.q.val();
        self.first1.d.next = self.first0.val();
        self.last1.d.next = self.running.q.val() && self.last0.val();
        self.word1.d.next = self.end_group.val();
        self.end1.d.next = self.end_group.val() && self.end_pixel.val();
        self.step1.d.next = self.step.q.val().get_bits::<3>(0);
        self.group1.d.next = self.group.q.val();
        self.valid2.d.next = self.valid1.q.val();
        self.last2.d.next = self.last1.q.val();
        self.word2.d.next = self.word1.q.val();
        self.end2.d.next = self.end1.q.val();
        self.valid3.d.next = self.valid2.q.val();
        self.last3.d.next = self.last2.q.val();
        self.word3.d.next = self.word2.q.val();
        self.end3.d.next = self.end2.q.val();
        self.last4.d.next = self.last3.q.val();
        self.word4.d.next = self.word3.q.val();
        self.end4.d.next = self.end3.q.val();
        self.last5.d.next = self.last4.q.val();
        self.word5.d.next = self.word4.q.val();
        self.end5.d.next = self.end4.q.val();
        for l in 0..L {
            self.store[l].clock.next = self.clock.val();
            self.store[l].read.next = self.running.q.val() && self.first0.val();
            self.store[l].read_address.next = self.group_number.q.val();
            self.store[l].write.next =
                self.arriving.q.val() && !self.records_here.q.val() && self.to_lane.q.val().get_bit(l);
            self.store[l].part.next = self.words.q.val().get_bits::<PW>(0);
            self.store[l].write_address.next = self.to_group.q.val();
            self.store[l].data.next = self.param_word.val();
            self.store[l].all.next = false;
            self.store[l].whole.next = self.no_record.val();
            self.lane_sum[l].next = self.sums[l].val();
        }
        for l in 0..LU {
            if self.uniform.val() {
                self.store[l].write.next = self.bias_here[l].val();
                self.store[l].all.next = true;
                self.store[l].whole.next = self.bias[l].val() | self.multiplier_wide.val();
            }
        }
        for w in L..(L + 1) {
            for g in 1..G {
                for l in 0..L {
                    if self.group1.q.val().get_bit(g) {
                        self.lane_sum[l].next = self.sums[g * w + l].val();
                    }
                }
            }
        }
        for l in 0..LS {
            self.serial[l].clock.next = self.clock.val();
            self.serial[l].sum.next = self.lane_sum[l].val();
            self.serial[l].parameters.next = self.store[l].q.val().get_bits::<96>(0);
            self.serial[l].load.next = self.valid1.q.val() && self.first1.q.val();
            self.serial[l].step.next = self.step1.q.val();
            self.serial[l].multiply.next = self.valid2.q.val();
            self.serial[l].add.next = self.valid3.q.val();
            self.serial[l].finish.next = self.last4.q.val();
            self.serial[l].zero_point.next = self.d_quant.q.val().get_bits::<8>(0);
            self.serial[l].low.next = self.d_quant.q.val().get_bits::<8>(8);
            self.serial[l].high.next = self.d_quant.q.val().get_bits::<8>(16);
            self.y[l].next = self.serial[l].y.val();
        }
        for l in 0..LP {
            self.parallel[l].clock.next = self.clock.val();
            self.parallel[l].sum.next = self.lane_sum[l].val();
            self.parallel[l].parameters.next = self.store[l].q.val().get_bits::<96>(0);
            self.parallel[l].load.next = self.valid1.q.val() && self.first1.q.val();
            self.parallel[l].multiply.next = self.valid2.q.val();
            self.parallel[l].add.next = self.valid3.q.val();
            self.parallel[l].finish.next = self.last4.q.val();
            self.parallel[l].zero_point.next = self.d_quant.q.val().get_bits::<8>(0);
            self.parallel[l].low.next = self.d_quant.q.val().get_bits::<8>(8);
            self.parallel[l].high.next = self.d_quant.q.val().get_bits::<8>(16);
            self.y[l].next = self.parallel[l].y.val();
        }
        // The word: groups come in from the top.
        for w in L..(L + 1) {
            self.ys[0].next = self.y[w - 1].val();
            for l in 1..L {
                self.ys[l].next = (self.ys[l - 1].val() << 8) | self.y[w - 1 - l].val();
            }
            self.whole.next =
                (self.gathered.q.val() >> self.lanes_bits.val()) | (self.ys[w - 1].val() << self.word_less_lanes.val());
        }
        if self.last5.q.val() {
            self.gathered.d.next = self.whole.val();
        }
        // Residual addition: the value, and a cycle later the word to add, go into the lanes.
        self.add_read.next = self.last5.q.val() && self.word5.q.val() && self.add.val();
        self.add_address.next = self.add_at.q.val();
        if self.add_read.val() {
            self.value6.d.next = self.whole.val();
            self.add_at.d.next = self.add_at.q.val() + self.d_add_step.q.val();
        }
        self.adding.d.next = self.adding.q.val() << 1;
        self.ending.d.next = self.ending.q.val() << 1;
        if self.add_read.val() {
            self.adding.d.next = (self.adding.q.val() << 1) | self.one_adding.val();
        }
        if self.end5.q.val() {
            self.ending.d.next = (self.ending.q.val() << 1) | self.one_adding.val();
        }
        self.added.next = self.no_word.val();
        for i in 0..NA {
            self.residual[i].v.next = self.value6.q.val().get_bits::<8>(i * 8);
            self.residual[i].w.next = self.add_word.val().get_bits::<8>(i * 8);
            self.residual[i].a.next = self.constants.q.val().get_bits::<32>(0);
            self.residual[i].b.next = self.constants.q.val().get_bits::<32>(32);
            self.residual[i].c.next = self.constants.q.val().get_bits::<40>(64);
            self.residual[i].low.next = self.d_clamp.q.val().get_bits::<8>(0);
            self.residual[i].high.next = self.d_clamp.q.val().get_bits::<8>(8);
        }
        for w in NA..(NA + 1) {
            for i in 0..NA {
                self.sums_of[i].next = self.residual[w - 1 - i].y.val();
            }
            for i in 1..NA {
                self.sums_of[i].next = (self.sums_of[i - 1].val() << 8) | self.residual[w - 1 - i].y.val();
            }
            for i in 0..NA {
                self.added.next = self.sums_of[i].val();
            }
        }
        self.out.next = self.last5.q.val() && self.word5.q.val();
        self.done.next = self.last5.q.val() && self.end5.q.val();
        self.word.next = self.whole.val();
        if self.add.val() {
            self.out.next = self.adding.q.val().get_bit(6);
            self.done.next = self.adding.q.val().get_bit(6) && self.ending.q.val().get_bit(6);
            self.word.next = self.added.val();
        }
        self.write.next = self.out.val();
        self.address.next = self.at.q.val();
        self.drained.next = self.done.val();
        self.drained_bank.next = self.which.q.val();
        if self.out.val() {
            self.at.d.next = self.at.q.val() + self.d_step.q.val();
        }
        if self.done.val() {
            self.job.d.next = false;
            self.which.d.next = !self.which.q.val();
            if self.which.q.val() {
                self.ready1.d.next = false;
            } else {
                self.ready0.d.next = false;
            }
        }
        if self.fed.val() {
            if self.fed_bank.val() {
                self.ready1.d.next = true;
            } else {
                self.ready0.d.next = true;
            }
        }
        if self.start.val() {
            self.job.d.next = true;
            self.fetching.d.next = true;
            self.filled.d.next = false;
            self.asked.d.next = self.none_asked.val();
            self.words.d.next = self.first_word.val();
            self.to_lane.d.next = self.first_lane.val();
            self.to_group.d.next = self.group_zero.val();
            self.to_last.d.next = self.first_group.val();
            self.pixel.d.next = self.zero_pixel.val();
            self.step.d.next = self.zero_step.val();
            self.group.d.next = self.first_group.val();
            self.group_number.d.next = self.group_zero.val();
            self.at.d.next = self.d_addr.q.val();
            self.add_at.d.next = self.d_add.q.val();
            self.records_here.d.next = false;
            self.multiplier_here.d.next = false;
            // The registers stay: the next job may use the same ones.
            self.param_at.d.next = self.d_param.q.val();
        }
        if self.clear.val() {
            self.job.d.next = false;
            self.running.d.next = false;
            self.fetching.d.next = false;
            self.filled.d.next = false;
            self.which.d.next = false;
            self.ready0.d.next = false;
            self.ready1.d.next = false;
            // Values on their way write nothing and end nothing.
            self.last1.d.next = false;
            self.last2.d.next = false;
            self.last3.d.next = false;
            self.last4.d.next = false;
            self.last5.d.next = false;
            self.adding.d.next = self.none_adding.val();
        }
        self.busy.next = self.job.q.val();
        self.working.next = self.running.q.val();
    }
}
