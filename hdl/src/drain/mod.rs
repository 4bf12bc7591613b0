//! The drain: takes a fed accumulator bank through the requantisers into activation memory.
//!
//! First it reads the parameters of the n output channels from weight memory ([`arrival`]), which usually happens under
//! the feed. Then each pixel takes `G · steps` cycles ([`walk`]): its n sums go through L lanes in G groups. A pixel's word
//! is written K cycles after the last cycle of its last group. `drained` comes with the last word. Lanes are fitted or
//! parallel, a value a cycle; fitted ones take two for a value of two passes. With `uniform`, one multiplier and n biases
//! come instead of n records.
//!
//! With `add` a pixel's word goes on into the residual lanes, beside the word of another tensor that is read in the cycle
//! in which it would have been written; the sum is written seven cycles after that, or 13. `steps` is 2 then: read and
//! write take one port of activation memory in turn.
//!
//! Pipelined (Z = 1) the accumulators are asked a cycle later and answer in three cycles, a lane takes one more, a parameter is put into its store two cycles later, and what all
//! lanes take and stays for a job passes from lane to lane, for they lie far apart.

pub mod arrival;
pub mod walk;

use crate::copies::Replica;
use crate::fitted::Fitted;
use crate::literal::{literal, op};
use crate::ram::{Ram2, RamParts};
use crate::residual::Residual;
use crate::scale::Scale;
use arrival::Arrival;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;
use walk::Walk;

/// Drain of N columns: WB = 8·N; L lanes, LB = 8·L; G = N / L groups, GB bits for their number (at least 1); a parameter
/// record takes PW words, PB = PW·WB bits; A activation, W weight and C accumulator address bits; LS fitted or LP parallel
/// lanes, the other number is 0; NA residual lanes, none or N, whose constants take AW words, AB = AW·WB bits. With one
/// multiplier for all channels LU of the lanes take UB biases from a word: all, and N / 4, or both 0. Fitted lanes have
/// R = 2·G rows of parameters, RB bits for a row's number, RC = RB + 1, RD = 4·G. K cycles from a value to its word. Z = 1 if
/// pipelined, else 0: LZ = Z·LS, NZ = Z·NA, and LQ is 0 with parallel lanes, else 1 + Z.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `set`, `op`, `value` | in | command register writes; only while not `busy` |
/// | `start`, `clear` | in | 1: start a job; forget everything |
/// | `busy`, `working` | out | a job is there; the lanes have a value |
/// | `eager` | in | 1: fitted lanes read their constants in every cycle, wanted or not |
/// | `fed`, `fed_bank` | in | 1: the last sum of a job is in that bank's pipeline |
/// | `sums` | in | N × 32 bits from the accumulators |
/// | `acc_read`, `acc_bank`, `acc_address` | out | request to them |
/// | `param_read`, `param_address`, `param_grant`, `param_word` | out, out, in, in | weight memory |
/// | `write`, `address`, `word` | out | to activation memory, always served |
/// | `add_read`, `add_address`, `add_word` | out, out, in | the other tensor of a residual addition, always served |
/// | `uses` | out | with Z = 1: `write` or `add_read` |
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
    const R: usize,
    const RB: usize,
    const RC: usize,
    const RD: usize,
    const K: usize,
    const Z: usize,
    const LZ: usize,
    const NZ: usize,
    const LQ: usize,
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
    /// Read the constants in every cycle.
    pub eager: Signal<In, Bit>,
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
    /// With Z = 1: the memory's port is written or read.
    #[default(from_fn(|_| Default::default()))]
    pub uses: [Signal<Out, Bit>; Z],
    /// Read a word to add.
    pub add_read: Signal<Out, Bit>,
    /// Activation word address.
    pub add_address: Signal<Out, Bits<A>>,
    /// Activation memory's output.
    pub add_word: Signal<In, Bits<WB>>,
    arrival: Arrival<N, WB, L, G, PW, RB, W, AW, AB, LU, Z>,
    walk: Walk<N, G, GB, RB, C>,
    #[default(from_fn(|_| Fitted::late(Z > 0)))]
    fitted: [Fitted<WB>; LS],
    #[default(from_fn(|_| Default::default()))]
    bias: [Ram2<24, RB, R>; LS],
    #[default(from_fn(|_| Default::default()))]
    digits: [Ram2<27, RB, R>; LS],
    #[default(from_fn(|_| Default::default()))]
    constant: [Ram2<32, RC, RD>; LS],
    #[default(from_fn(|_| Default::default()))]
    parallel: [Scale<WB>; LP],
    #[default(from_fn(|_| Default::default()))]
    store: [RamParts<WB, PW, PB, GB, G>; LP],
    #[default(from_fn(|_| Default::default()))]
    residual: [Residual<WB, LQ>; NA],
    d_addr: DFF<Bits<A>>,
    d_step: DFF<Bits<A>>,
    d_count: DFF<Bits<18>>,
    d_add: DFF<Bits<A>>,
    d_add_step: DFF<Bits<A>>,
    d_clamp: DFF<Bits<16>>,
    d_quant: DFF<Bits<24>>,
    d_param: DFF<Bits<W>>,
    // The stages after the walk: bit i of `last` is a value's last cycle, i + 1 cycles ago.
    last: DFF<Bits<K>>,
    valid1: DFF<Bit>,
    first1: DFF<Bit>,
    group1: DFF<Bits<N>>,
    valid2: DFF<Bit>,
    valid3: DFF<Bit>,
    valid4: DFF<Bit>,
    row1: DFF<Bits<RB>>,
    row2: DFF<Bits<RB>>,
    row3: DFF<Bits<RB>>,
    row4: DFF<Bits<RB>>,
    // The word, and which of its groups comes next.
    at: DFF<Bits<A>>,
    gathered: DFF<Bits<WB>>,
    gathers: DFF<Bits<N>>,
    // The value that is here makes the word whole: known a cycle ahead, for the write goes a long way.
    completes: DFF<Bit>,
    // Residual addition: where it reads, and what follows the word.
    add_at: DFF<Bits<A>>,
    value6: DFF<Bits<WB>>,
    // Pipelined memories: the word to add comes two cycles later.
    #[default(from_fn(|_| Default::default()))]
    value7: [DFF<Bits<WB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    value8: [DFF<Bits<WB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    value9: [DFF<Bits<WB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    add_word9: [Replica<WB>; Z],
    #[default(from_fn(|_| Default::default()))]
    adding7: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    adding8: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending7: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending8: [DFF<Bit>; Z],
    // What was walked to in the cycle before, and what the accumulators are asked.
    #[default(from_fn(|_| Default::default()))]
    asks: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    asked_bank: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    asked_pixel: [DFF<Bits<C>>; Z],
    #[default(from_fn(|_| Default::default()))]
    valid0: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    first0: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    group0: [DFF<Bits<N>>; Z],
    #[default(from_fn(|_| Default::default()))]
    row0: [DFF<Bits<RB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    last0: [DFF<Bit>; Z],
    // And in the two before that.
    #[default(from_fn(|_| Default::default()))]
    valid_sent: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    first_sent: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    group_sent: [DFF<Bits<N>>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_sent: [DFF<Bits<RB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    last_sent: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    valid_asked: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    first_asked: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    group_asked: [DFF<Bits<N>>; Z],
    #[default(from_fn(|_| Default::default()))]
    row_asked: [DFF<Bits<RB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    last_asked: [DFF<Bit>; Z],
    // A parameter on its way into its store, in two cycles.
    #[default(from_fn(|_| Default::default()))]
    filling: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    filled: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    put_word: [Replica<WB>; Z],
    #[default(from_fn(|_| Default::default()))]
    lane_word: [Replica<WB>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_row: [Replica<RB>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_constant: [Replica<RC>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_bias: [DFF<Bit>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_digits: [DFF<Bit>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_pass: [DFF<Bit>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_shifted: [Signal<Local, Bits<WB>>; LZ],
    #[default(from_fn(|_| Default::default()))]
    put_row: [DFF<Bits<RB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    put_constant: [DFF<Bits<RC>>; Z],
    #[default(from_fn(|_| Default::default()))]
    put_bias: [DFF<Bit>; LZ],
    #[default(from_fn(|_| Default::default()))]
    put_digits: [DFF<Bit>; LZ],
    #[default(from_fn(|_| Default::default()))]
    put_pass: [DFF<Bit>; LZ],
    // What every lane needs in the same cycle: its own copy, for they lie far apart; and rows of the stages after it.
    #[default(from_fn(|_| Default::default()))]
    lane_again: [Replica<1>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_row1: [Replica<RC>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_row2: [DFF<Bits<RC>>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_row3: [DFF<Bits<RC>>; LZ],
    #[default(from_fn(|_| Default::default()))]
    lane_row4: [DFF<Bits<RC>>; LZ],
    // What passes from lane to lane: limits, a residual addition's constants and its limits.
    #[default(from_fn(|_| Default::default()))]
    limits: [DFF<Bits<16>>; LZ],
    #[default(from_fn(|_| Default::default()))]
    factors: [DFF<Bits<104>>; NZ],
    #[default(from_fn(|_| Default::default()))]
    clamps: [DFF<Bits<16>>; NZ],
    // A late residual lane: its sum comes two cycles later, and the word to add goes a cycle to the lanes.
    #[default(from_fn(|_| Default::default()))]
    adding9: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    adding10: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending9: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending10: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    adding11: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending11: [DFF<Bit>; Z],
    // And the sum goes a cycle to the memory: so reads and writes, two cycles apart each, still take its port in turn.
    #[default(from_fn(|_| Default::default()))]
    adding12: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    ending12: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    added12: [DFF<Bits<WB>>; Z],
    // The word is written, the other tensor is read: from a register, for it goes a long way.
    #[default(from_fn(|_| Default::default()))]
    writes: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    reads: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    either: [DFF<Bit>; Z],
    adding: DFF<Bits<7>>,
    ending: DFF<Bits<7>>,
    two: Signal<Local, Bit>,
    add: Signal<Local, Bit>,
    uniform: Signal<Local, Bit>,
    value_here: Signal<Local, Bit>,
    whole_word: Signal<Local, Bit>,
    gathers_next: Signal<Local, Bits<N>>,
    last_word: Signal<Local, Bit>,
    underway: Signal<Local, Bits<K>>,
    finish: Signal<Local, Bit>,
    again: DFF<Bit>,
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
    #[default(from_fn(|_| Default::default()))]
    ys: [Signal<Local, Bits<WB>>; L],
    #[default(from_fn(|_| Default::default()))]
    y: [Signal<Local, Bits<WB>>; L],
    #[default(from_fn(|_| Default::default()))]
    lane_sum: [Signal<Local, Bits<32>>; L],
    whole: Signal<Local, Bits<WB>>,
    #[default(literal(LB as u32))]
    lanes_bits: Constant<Bits<8>>,
    #[default(literal((WB - LB) as u32))]
    word_less_lanes: Constant<Bits<8>>,
    #[default(literal(1))]
    one_last: Constant<Bits<K>>,
    #[default(literal(0))]
    no_last: Constant<Bits<K>>,
    #[default(literal(1))]
    first_group: Constant<Bits<N>>,
    // Which words of a fitted record hold what: one hot, and the multiplier's place in its word.
    #[default(literal(1))]
    bias_part: Constant<Bits<4>>,
    #[default(literal(if N < 8 { 2 } else { 1 }))]
    digits_part: Constant<Bits<4>>,
    #[default(literal(if N < 8 { 0 } else { 32 }))]
    digits_place: Constant<Bits<8>>,
    #[default(literal(if N < 8 { 4 } else { 2 }))]
    positive_part: Constant<Bits<4>>,
    #[default(literal(if N < 8 { 8 } else { 4 }))]
    negative_part: Constant<Bits<4>>,
    digits_word: Signal<Local, Bits<WB>>,
    constant_word: Signal<Local, Bits<WB>>,
    to_constant: Signal<Local, Bits<RC>>,
    #[default(from_fn(|_| Default::default()))]
    row_wide: [Signal<Local, Bits<RC>>; Z],
    #[default(from_fn(|_| Default::default()))]
    of_constant: [Signal<Local, Bits<RC>>; LS],
    #[default(literal(1))]
    one_constant: Constant<Bits<RC>>,
    #[default(from_fn(|_| Default::default()))]
    biases: [Signal<Local, Bits<PB>>; LU],
    #[default(from_fn(|_| Default::default()))]
    bias_here: [Signal<Local, Bit>; LU],
    #[default(from_fn(|b| literal(32 * b as u32)))]
    bias_bits: [Constant<Bits<8>>; UB],
    #[default(Constant::new(bits(0xffff_ffff)))]
    one_bias: Constant<Bits<PB>>,
    word_wide: Signal<Local, Bits<PB>>,
    multiplier_wide: Signal<Local, Bits<PB>>,
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
        const R: usize,
        const RB: usize,
        const RC: usize,
        const RD: usize,
        const K: usize,
        const Z: usize,
        const LZ: usize,
        const NZ: usize,
        const LQ: usize,
    > Logic
    for Drain<N, WB, L, LB, G, GB, PW, PB, A, W, C, LS, LP, NA, AW, AB, LU, UB, R, RB, RC, RD, K, Z, LZ, NZ, LQ>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, d_addr, d_step, d_count, d_add, d_add_step, d_clamp, d_quant, d_param, last, valid1, first1,
            group1, valid2, valid3, valid4, row1, row2, row3, row4, at, gathered, gathers, completes, add_at, value6,
            adding, ending, again
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
        self.two.next = self.d_count.q.val().get_bit(12);
        // Parameters. Two rows a group are of fitted lanes alone.
        self.arrival.clock.next = self.clock.val();
        self.arrival.start.next = self.start.val();
        self.arrival.clear.next = self.clear.val();
        self.arrival.from.next = self.d_param.q.val();
        self.arrival.two.next = false;
        for _l in 0..LS {
            self.arrival.two.next = self.two.val();
        }
        self.arrival.add.next = self.add.val();
        self.arrival.uniform.next = self.uniform.val();
        self.arrival.grant.next = self.param_grant.val();
        self.arrival.word.next = self.param_word.val();
        self.arrival.taken.next = self.walk.begins.val();
        self.param_read.next = self.arrival.read.val();
        self.param_address.next = self.arrival.address.val();
        // Stage 0: which value.
        self.walk.clock.next = self.clock.val();
        self.walk.start.next = self.start.val();
        self.walk.clear.next = self.clear.val();
        self.walk.pixels.next = self.d_count.q.val().get_bits::<C>(0);
        self.walk.two.next = self.two.val();
        self.walk.fed.next = self.fed.val();
        self.walk.fed_bank.next = self.fed_bank.val();
        self.walk.filled.next = self.arrival.filled.val();
        self.acc_read.next = self.walk.running.val() && self.walk.first.val() && self.walk.group.val().get_bit(0);
        self.acc_bank.next = self.walk.bank.val();
        self.acc_address.next = self.walk.pixel.val();
        self.busy.next = self.walk.busy.val();
        self.working.next = self.walk.running.val();
        // The stages after it.
        self.valid1.d.next = self.walk.running.val();
        self.first1.d.next = self.walk.first.val();
        self.group1.d.next = self.walk.group.val();
        self.valid2.d.next = self.valid1.q.val();
        self.valid3.d.next = self.valid2.q.val();
        self.valid4.d.next = self.valid3.q.val();
        self.row1.d.next = self.walk.row.val();
        self.row2.d.next = self.row1.q.val();
        self.row3.d.next = self.row2.q.val();
        self.row4.d.next = self.row3.q.val();
        self.last.d.next = self.last.q.val() << 1;
        if self.walk.last.val() {
            self.last.d.next = (self.last.q.val() << 1) | self.one_last.val();
        }
        for z in 0..Z {
            self.valid0[z].clock.next = self.clock.val();
            self.first0[z].clock.next = self.clock.val();
            self.group0[z].clock.next = self.clock.val();
            self.row0[z].clock.next = self.clock.val();
            self.last0[z].clock.next = self.clock.val();
            self.asks[z].clock.next = self.clock.val();
            self.asked_bank[z].clock.next = self.clock.val();
            self.asked_pixel[z].clock.next = self.clock.val();
            self.asks[z].d.next = self.walk.running.val() && self.walk.first.val() && self.walk.group.val().get_bit(0);
            self.asked_bank[z].d.next = self.walk.bank.val();
            self.asked_pixel[z].d.next = self.walk.pixel.val();
            self.acc_read.next = self.asks[z].q.val();
            self.acc_bank.next = self.asked_bank[z].q.val();
            self.acc_address.next = self.asked_pixel[z].q.val();
            self.valid_sent[z].clock.next = self.clock.val();
            self.first_sent[z].clock.next = self.clock.val();
            self.group_sent[z].clock.next = self.clock.val();
            self.row_sent[z].clock.next = self.clock.val();
            self.last_sent[z].clock.next = self.clock.val();
            self.valid_sent[z].d.next = self.valid0[z].q.val() && !self.clear.val();
            self.first_sent[z].d.next = self.first0[z].q.val();
            self.group_sent[z].d.next = self.group0[z].q.val();
            self.row_sent[z].d.next = self.row0[z].q.val();
            self.last_sent[z].d.next = self.last0[z].q.val() && !self.clear.val();
            self.valid_asked[z].clock.next = self.clock.val();
            self.first_asked[z].clock.next = self.clock.val();
            self.group_asked[z].clock.next = self.clock.val();
            self.row_asked[z].clock.next = self.clock.val();
            self.last_asked[z].clock.next = self.clock.val();
            self.filled[z].clock.next = self.clock.val();
            self.valid0[z].d.next = self.walk.running.val() && !self.clear.val();
            self.first0[z].d.next = self.walk.first.val();
            self.group0[z].d.next = self.walk.group.val();
            self.row0[z].d.next = self.walk.row.val();
            self.last0[z].d.next = self.walk.last.val() && !self.clear.val();
            self.valid_asked[z].d.next = self.valid_sent[z].q.val() && !self.clear.val();
            self.first_asked[z].d.next = self.first_sent[z].q.val();
            self.group_asked[z].d.next = self.group_sent[z].q.val();
            self.row_asked[z].d.next = self.row_sent[z].q.val();
            self.last_asked[z].d.next = self.last_sent[z].q.val() && !self.clear.val();
            self.valid1.d.next = self.valid_asked[z].q.val();
            self.first1.d.next = self.first_asked[z].q.val();
            self.group1.d.next = self.group_asked[z].q.val();
            self.row1.d.next = self.row_asked[z].q.val();
            self.row_wide[z].next = bit_cast::<RC, RB>(self.row1.d.val());
            self.last.d.next = self.last.q.val() << 1;
            if self.last_asked[z].q.val() {
                self.last.d.next = (self.last.q.val() << 1) | self.one_last.val();
            }
            // Until they are taken; the walk begins once.
            self.filling[z].clock.next = self.clock.val();
            self.filling[z].d.next = self.arrival.filled.val() && !self.walk.begins.val() && !self.clear.val();
            self.filled[z].d.next = self.filling[z].q.val() && !self.walk.begins.val() && !self.clear.val();
            self.walk.filled.next = self.filled[z].q.val();
        }
        self.underway.next = self.last.q.val() << 1;
        self.value_here.next = false;
        self.finish.next = false;
        for k in K..(K + 1) {
            self.value_here.next = self.last.q.val().get_bit(k - 1);
            self.finish.next = self.last.q.val().get_bit(k - 2);
        }
        for l in 0..L {
            self.lane_sum[l].next = self.sums[l].val();
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
        // Fitted lanes: each parameter is read a stage before it is used.
        self.digits_word.next = self.param_word.val() >> self.digits_place.val();
        self.constant_word.next = self.param_word.val();
        self.to_constant.next = bit_cast::<RC, RB>(self.arrival.row.val()) << 1;
        if (self.arrival.part.val() & self.negative_part.val()).any() {
            self.to_constant.next = (bit_cast::<RC, RB>(self.arrival.row.val()) << 1) | self.one_constant.val();
        }
        self.again.d.next = false;
        for _l in 0..LS {
            // A second pass is the last cycle of a value that takes two.
            self.again.d.next = self.two.val() && self.last.q.val().get_bit(5);
        }
        for _l in 0..LZ {
            // A cycle ahead of the lanes' copies.
            self.again.d.next = self.two.val() && self.last.q.val().get_bit(4);
        }
        for l in 0..LS {
            self.bias[l].clock.next = self.clock.val();
            self.bias[l].read.next = self.valid1.q.val();
            self.bias[l].read_address.next = self.row1.q.val();
            self.bias[l].write.next = self.arrival.here.val()
                && self.arrival.lane.val().get_bit(l)
                && (self.arrival.part.val() & self.bias_part.val()).any();
            self.bias[l].write_address.next = self.arrival.row.val();
            self.bias[l].data.next = self.param_word.val().get_bits::<24>(0);
            self.digits[l].clock.next = self.clock.val();
            self.digits[l].read.next = self.valid2.q.val();
            self.digits[l].read_address.next = self.row2.q.val();
            self.digits[l].write.next = self.arrival.here.val()
                && self.arrival.lane.val().get_bit(l)
                && (self.arrival.part.val() & self.digits_part.val()).any();
            self.digits[l].write_address.next = self.arrival.row.val();
            self.digits[l].data.next = self.digits_word.val().get_bits::<27>(0);
            self.of_constant[l].next = bit_cast::<RC, RB>(self.row4.q.val()) << 1;
            if self.fitted[l].negative.val() {
                self.of_constant[l].next = (bit_cast::<RC, RB>(self.row4.q.val()) << 1) | self.one_constant.val();
            }
            self.constant[l].clock.next = self.clock.val();
            self.constant[l].read.next = self.eager.val() || self.valid4.q.val();
            self.constant[l].read_address.next = self.of_constant[l].val();
            self.constant[l].write.next = self.arrival.here.val()
                && self.arrival.lane.val().get_bit(l)
                && ((self.arrival.part.val() & self.positive_part.val()).any()
                    || (self.arrival.part.val() & self.negative_part.val()).any());
            self.constant[l].write_address.next = self.to_constant.val();
            self.constant[l].data.next = self.constant_word.val().get_bits::<32>(0);
            self.fitted[l].clock.next = self.clock.val();
            self.fitted[l].sum.next = self.lane_sum[l].val();
            self.fitted[l].take_sum.next = self.valid1.q.val();
            self.fitted[l].bias.next = self.bias[l].q.val();
            self.fitted[l].take_x.next = self.valid2.q.val();
            self.fitted[l].multiplier.next = self.digits[l].q.val();
            self.fitted[l].constant.next = self.constant[l].q.val();
            self.fitted[l].again.next = self.again.q.val();
            self.fitted[l].low.next = self.d_quant.q.val().get_bits::<8>(8);
            self.fitted[l].high.next = self.d_quant.q.val().get_bits::<8>(16);
            self.y[l].next = self.fitted[l].y.val();
        }
        for z in 0..Z {
            self.put_word[z].clock.next = self.clock.val();
            self.put_row[z].clock.next = self.clock.val();
            self.put_constant[z].clock.next = self.clock.val();
            self.put_word[z].d.next = self.param_word.val();
            self.put_row[z].d.next = self.arrival.row.val();
            self.put_constant[z].d.next = self.to_constant.val();
            for l in 0..LZ {
                self.put_bias[l].clock.next = self.clock.val();
                self.put_digits[l].clock.next = self.clock.val();
                self.put_pass[l].clock.next = self.clock.val();
                self.limits[l].clock.next = self.clock.val();
                self.put_bias[l].d.next = self.arrival.here.val()
                    && self.arrival.lane.val().get_bit(l)
                    && (self.arrival.part.val() & self.bias_part.val()).any();
                self.put_digits[l].d.next = self.arrival.here.val()
                    && self.arrival.lane.val().get_bit(l)
                    && (self.arrival.part.val() & self.digits_part.val()).any();
                self.put_pass[l].d.next = self.arrival.here.val()
                    && self.arrival.lane.val().get_bit(l)
                    && ((self.arrival.part.val() & self.positive_part.val()).any()
                        || (self.arrival.part.val() & self.negative_part.val()).any());
                self.lane_word[l].clock.next = self.clock.val();
                self.lane_row[l].clock.next = self.clock.val();
                self.lane_constant[l].clock.next = self.clock.val();
                self.lane_bias[l].clock.next = self.clock.val();
                self.lane_digits[l].clock.next = self.clock.val();
                self.lane_pass[l].clock.next = self.clock.val();
                self.lane_word[l].d.next = self.put_word[z].q.val();
                self.lane_row[l].d.next = self.put_row[z].q.val();
                self.lane_constant[l].d.next = self.put_constant[z].q.val();
                self.lane_bias[l].d.next = self.put_bias[l].q.val();
                self.lane_digits[l].d.next = self.put_digits[l].q.val();
                self.lane_pass[l].d.next = self.put_pass[l].q.val();
                self.lane_shifted[l].next = self.lane_word[l].q.val() >> self.digits_place.val();
                self.bias[l].write.next = self.lane_bias[l].q.val();
                self.bias[l].write_address.next = self.lane_row[l].q.val();
                self.bias[l].data.next = self.lane_word[l].q.val().get_bits::<24>(0);
                self.digits[l].write.next = self.lane_digits[l].q.val();
                self.digits[l].write_address.next = self.lane_row[l].q.val();
                self.digits[l].data.next = self.lane_shifted[l].val().get_bits::<27>(0);
                self.constant[l].write.next = self.lane_pass[l].q.val();
                self.constant[l].write_address.next = self.lane_constant[l].q.val();
                self.constant[l].data.next = self.lane_word[l].q.val().get_bits::<32>(0);
                // Every lane goes on in every cycle, wanted or not: what it holds stays the same while nothing is drained.
                self.lane_row1[l].clock.next = self.clock.val();
                self.lane_row2[l].clock.next = self.clock.val();
                self.lane_row3[l].clock.next = self.clock.val();
                self.lane_row4[l].clock.next = self.clock.val();
                self.lane_again[l].clock.next = self.clock.val();
                self.lane_row1[l].d.next = self.row_wide[z].val();
                self.lane_row2[l].d.next = self.lane_row1[l].q.val();
                self.lane_row3[l].d.next = self.lane_row2[l].q.val();
                self.lane_row4[l].d.next = self.lane_row3[l].q.val();
                self.lane_again[l].d.next = bit_cast::<1, 1>(self.again.q.val().into());
                self.fitted[l].take_sum.next = true;
                self.fitted[l].take_x.next = true;
                self.fitted[l].again.next = self.lane_again[l].q.val().any();
                self.bias[l].read.next = true;
                self.digits[l].read.next = true;
                self.constant[l].read.next = true;
                self.bias[l].read_address.next = self.lane_row1[l].q.val().get_bits::<RB>(0);
                self.digits[l].read_address.next = self.lane_row2[l].q.val().get_bits::<RB>(0);
                self.of_constant[l].next = self.lane_row4[l].q.val() << 1;
                if self.fitted[l].negative.val() {
                    self.of_constant[l].next = (self.lane_row4[l].q.val() << 1) | self.one_constant.val();
                }
                self.fitted[l].low.next = self.limits[l].q.val().get_bits::<8>(0);
                self.fitted[l].high.next = self.limits[l].q.val().get_bits::<8>(8);
            }
            self.limits[0].d.next = self.d_quant.q.val().get_bits::<16>(8);
            for l in 1..LZ {
                self.limits[l].d.next = self.limits[l - 1].q.val();
            }
        }
        // Parallel lanes: a record at once.
        self.word_wide.next = bit_cast::<PB, WB>(self.param_word.val());
        self.multiplier_wide.next = bit_cast::<PB, 64>(self.arrival.multiplier.val()) << 32;
        for u in UB..(UB + 1) {
            for k in 0..4 {
                for b in 0..UB {
                    self.biases[u * k + b].next =
                        (self.word_wide.val() >> self.bias_bits[b].val()) & self.one_bias.val();
                    self.bias_here[u * k + b].next = self.arrival.biases.val() && self.arrival.part.val().get_bit(k);
                }
            }
        }
        for l in 0..LP {
            self.store[l].clock.next = self.clock.val();
            self.store[l].read.next = self.walk.running.val() && self.walk.first.val();
            self.store[l].read_address.next = self.walk.number.val();
            self.store[l].write.next = self.arrival.here.val() && self.arrival.lane.val().get_bit(l);
            self.store[l].part.next = self.arrival.part.val().get_bits::<PW>(0);
            self.store[l].write_address.next = self.arrival.row.val().get_bits::<GB>(0);
            self.store[l].data.next = self.param_word.val();
            self.store[l].all.next = false;
            self.store[l].whole.next = self.no_record.val();
        }
        if self.uniform.val() {
            for l in 0..LU {
                self.store[l].write.next = self.bias_here[l].val();
                self.store[l].all.next = true;
                self.store[l].whole.next = self.biases[l].val() | self.multiplier_wide.val();
            }
        }
        for l in 0..LP {
            self.parallel[l].clock.next = self.clock.val();
            self.parallel[l].sum.next = self.lane_sum[l].val();
            self.parallel[l].parameters.next = self.store[l].q.val().get_bits::<96>(0);
            self.parallel[l].load.next = self.valid1.q.val() && self.first1.q.val();
            self.parallel[l].multiply.next = self.valid2.q.val();
            self.parallel[l].add.next = self.valid3.q.val();
            self.parallel[l].finish.next = self.finish.val();
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
        self.gathers_next.next = self.gathers.q.val();
        for g in G..(G + 1) {
            if self.value_here.val() {
                self.gathers_next.next = self.gathers.q.val() << 1;
                if self.gathers.q.val().get_bit(g - 1) {
                    self.gathers_next.next = self.first_group.val();
                }
            }
            self.completes.d.next = self.finish.val() && self.gathers_next.val().get_bit(g - 1);
        }
        self.gathers.d.next = self.gathers_next.val();
        self.whole_word.next = self.completes.q.val();
        if self.value_here.val() {
            self.gathered.d.next = self.whole.val();
        }
        // The last one: no other value is on its way.
        self.last_word.next = self.whole_word.val() && !self.walk.running.val() && !self.underway.val().any();
        for z in 0..Z {
            self.last_word.next = self.whole_word.val()
                && !self.valid0[z].q.val()
                && !self.valid_sent[z].q.val()
                && !self.valid_asked[z].q.val()
                && !self.underway.val().any();
        }
        // Residual addition: the value, and a cycle later the word to add, go into the lanes.
        self.add_read.next = self.whole_word.val() && self.add.val();
        for z in 0..Z {
            self.add_read.next = self.reads[z].q.val();
        }
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
        if self.last_word.val() {
            self.ending.d.next = (self.ending.q.val() << 1) | self.one_adding.val();
        }
        self.added.next = self.no_word.val();
        for i in 0..NA {
            self.residual[i].v.next = self.value6.q.val().get_bits::<8>(i * 8);
            self.residual[i].w.next = self.add_word.val().get_bits::<8>(i * 8);
            self.residual[i].a.next = self.arrival.constants.val().get_bits::<32>(0);
            self.residual[i].b.next = self.arrival.constants.val().get_bits::<32>(32);
            self.residual[i].c.next = self.arrival.constants.val().get_bits::<40>(64);
            self.residual[i].low.next = self.d_clamp.q.val().get_bits::<8>(0);
            self.residual[i].high.next = self.d_clamp.q.val().get_bits::<8>(8);
            for z in 0..Z {
                self.residual[i].v.next = self.value9[z].q.val().get_bits::<8>(i * 8);
                self.residual[i].w.next = self.add_word9[z].q.val().get_bits::<8>(i * 8);
            }
        }
        for i in 0..NZ {
            self.factors[i].clock.next = self.clock.val();
            self.clamps[i].clock.next = self.clock.val();
            self.residual[i].a.next = self.factors[i].q.val().get_bits::<32>(0);
            self.residual[i].b.next = self.factors[i].q.val().get_bits::<32>(32);
            self.residual[i].c.next = self.factors[i].q.val().get_bits::<40>(64);
            self.residual[i].low.next = self.clamps[i].q.val().get_bits::<8>(0);
            self.residual[i].high.next = self.clamps[i].q.val().get_bits::<8>(8);
            self.factors[i].d.next = self.arrival.constants.val().get_bits::<104>(0);
            self.clamps[i].d.next = self.d_clamp.q.val();
        }
        for i in 1..NZ {
            self.factors[i].d.next = self.factors[i - 1].q.val();
            self.clamps[i].d.next = self.clamps[i - 1].q.val();
        }
        for z in 0..Z {
            self.value7[z].clock.next = self.clock.val();
            self.value8[z].clock.next = self.clock.val();
            self.adding7[z].clock.next = self.clock.val();
            self.adding8[z].clock.next = self.clock.val();
            self.ending7[z].clock.next = self.clock.val();
            self.ending8[z].clock.next = self.clock.val();
            self.value7[z].d.next = self.value6.q.val();
            self.value8[z].d.next = self.value7[z].q.val();
            self.value9[z].clock.next = self.clock.val();
            self.add_word9[z].clock.next = self.clock.val();
            self.value9[z].d.next = self.value8[z].q.val();
            self.add_word9[z].d.next = self.add_word.val();
            self.adding7[z].d.next = self.adding.q.val().get_bit(6) && !self.clear.val();
            self.adding8[z].d.next = self.adding7[z].q.val() && !self.clear.val();
            self.ending7[z].d.next = self.ending.q.val().get_bit(6);
            self.ending8[z].d.next = self.ending7[z].q.val();
            self.adding9[z].clock.next = self.clock.val();
            self.adding10[z].clock.next = self.clock.val();
            self.ending9[z].clock.next = self.clock.val();
            self.ending10[z].clock.next = self.clock.val();
            self.adding9[z].d.next = self.adding8[z].q.val() && !self.clear.val();
            self.adding10[z].d.next = self.adding9[z].q.val() && !self.clear.val();
            self.ending9[z].d.next = self.ending8[z].q.val();
            self.ending10[z].d.next = self.ending9[z].q.val();
            self.adding11[z].clock.next = self.clock.val();
            self.ending11[z].clock.next = self.clock.val();
            self.adding11[z].d.next = self.adding10[z].q.val() && !self.clear.val();
            self.ending11[z].d.next = self.ending10[z].q.val();
            self.adding12[z].clock.next = self.clock.val();
            self.ending12[z].clock.next = self.clock.val();
            self.added12[z].clock.next = self.clock.val();
            self.adding12[z].d.next = self.adding11[z].q.val() && !self.clear.val();
            self.ending12[z].d.next = self.ending11[z].q.val();
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
        self.out.next = self.whole_word.val();
        self.done.next = self.last_word.val();
        self.word.next = self.whole.val();
        if self.add.val() {
            self.out.next = self.adding.q.val().get_bit(6);
            self.done.next = self.adding.q.val().get_bit(6) && self.ending.q.val().get_bit(6);
            for z in 0..Z {
                self.done.next = self.adding12[z].q.val() && self.ending12[z].q.val();
            }
            self.word.next = self.added.val();
        }
        for z in 0..Z {
            self.added12[z].d.next = self.added.val();
            if self.add.val() {
                self.word.next = self.added12[z].q.val();
            }
        }
        for z in 0..Z {
            self.out.next = self.writes[z].q.val();
        }
        self.walk.done.next = self.done.val();
        self.write.next = self.out.val();
        self.address.next = self.at.q.val();
        self.drained.next = self.done.val();
        self.drained_bank.next = self.walk.bank.val();
        if self.out.val() {
            self.at.d.next = self.at.q.val() + self.d_step.q.val();
        }
        if self.start.val() {
            // The registers stay: the next job may use the same ones.
            self.at.d.next = self.d_addr.q.val();
            self.add_at.d.next = self.d_add.q.val();
            self.gathers.d.next = self.first_group.val();
        }
        if self.clear.val() {
            // Values on their way write nothing and end nothing.
            self.last.d.next = self.no_last.val();
            self.completes.d.next = false;
            self.adding.d.next = self.none_adding.val();
        }
        for z in 0..Z {
            self.writes[z].clock.next = self.clock.val();
            self.reads[z].clock.next = self.clock.val();
            self.writes[z].d.next = self.completes.d.val();
            self.reads[z].d.next = false;
            if self.add.val() {
                self.writes[z].d.next = self.adding12[z].d.val();
                self.reads[z].d.next = self.completes.d.val();
            }
            self.either[z].clock.next = self.clock.val();
            self.either[z].d.next = self.writes[z].d.val() || self.reads[z].d.val();
            self.uses[z].next = self.either[z].q.val();
        }
    }
}
