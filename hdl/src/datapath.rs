//! The datapath: on-chip memories, feeder, array, accumulators, drain, joined.
//!
//! Activation memory has one port: the drain's writes come first, then loads, the feeder, stores. Weight memory
//! likewise: loads, the drain's parameters, tiles.

use crate::accumulator::Accumulator;
use crate::array::Array;
use crate::beside::Beside;
use crate::drain::Drain;
use crate::feeder::Feeder;
use crate::lines::Lines;
use crate::literal::literal;
use crate::mouth::Mouth;
use crate::ram::RamShared;
use crate::tiles::Tiles;
use crate::wave::Wave;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// Datapath of N×N; the other sizes follow from a configuration as `build.rs` computes them.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `set`, `op`, `value` | in | command register writes |
/// | `clear` | in | 1: forget everything (start of a run) |
/// | `start_feed`, `feed_busy`, `feed_blocked` | in, out, out | feeder |
/// | `start_drain`, `drain_busy` | in, out | drain |
/// | `load_weight`, `load_address`, `load_word` | in | writes of the load unit |
/// | `load_act` | in | it has a word for activation memory, which is written unless `load_wait` |
/// | `beat`, `load_to_act` | in | a beat is there, whoever it is for; the load unit fills activation memory |
/// | `load_wait` | out | 1: no beat is taken |
/// | `store_read`, `store_address`, `store_grant`, `store_word` | in, in, out, out | reads of the store unit |
/// | `tile_eager`, `drain_eager` | in | 1: that memory is read in every cycle, wanted or not |
/// | `fed`, `macs`, `zero_products`, `…_read`, `…_write`, `draining`, `stalled` | out | what the counters count |
#[derive(LogicBlock, SmartDefault)]
pub struct Datapath<
    const N: usize,
    const H: usize,
    const NH: usize,
    const WB: usize,
    const SW: usize,
    const S: usize,
    const L: usize,
    const LB: usize,
    const G: usize,
    const GB: usize,
    const PW: usize,
    const PB: usize,
    const A: usize,
    const W: usize,
    const C: usize,
    const D: usize,
    const AB: usize,
    const M: usize,
    const P: usize,
    const LG: usize,
    const LR: usize,
    const LM: usize,
    const LK: usize,
    const LA: usize,
    const LD: usize,
    const QS: usize,
    const QP: usize,
    const NA: usize,
    const CW: usize,
    const CB: usize,
    const LU: usize,
    const UB: usize,
    const QR: usize,
    const QRB: usize,
    const QRC: usize,
    const QRD: usize,
    const QK: usize,
    const Z: usize,
    const QZ: usize,
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
    /// Forget everything.
    pub clear: Signal<In, Bit>,
    /// Read the next tile in every cycle.
    pub tile_eager: Signal<In, Bit>,
    /// Read the requantisers' constants in every cycle.
    pub drain_eager: Signal<In, Bit>,
    /// Start the feeder.
    pub start_feed: Signal<In, Bit>,
    /// It streams.
    pub feed_busy: Signal<Out, Bit>,
    /// Its next bank is not free.
    pub feed_blocked: Signal<Out, Bit>,
    /// Start the drain.
    pub start_drain: Signal<In, Bit>,
    /// It has a job.
    pub drain_busy: Signal<Out, Bit>,
    /// Write an activation word.
    pub load_act: Signal<In, Bit>,
    /// The load unit fills activation memory.
    pub load_to_act: Signal<In, Bit>,
    /// A beat is there.
    pub beat: Signal<In, Bit>,
    /// Write a weight word.
    pub load_weight: Signal<In, Bit>,
    /// Where to.
    pub load_address: Signal<In, Bits<M>>,
    /// Word.
    pub load_word: Signal<In, Bits<WB>>,
    /// Not now.
    pub load_wait: Signal<Out, Bit>,
    /// Read an activation word.
    pub store_read: Signal<In, Bit>,
    /// Which.
    pub store_address: Signal<In, Bits<A>>,
    /// Served.
    pub store_grant: Signal<Out, Bit>,
    /// It, one cycle later.
    pub store_word: Signal<Out, Bits<WB>>,
    /// The array takes a word.
    pub fed: Signal<Out, Bit>,
    /// Multiply-accumulates of it.
    pub macs: Signal<Out, Bits<12>>,
    /// Products with a zero operand.
    pub zero_products: Signal<Out, Bits<12>>,
    /// Words read from activation memory.
    pub act_read: Signal<Out, Bits<2>>,
    /// Activation memory is written.
    pub act_write: Signal<Out, Bit>,
    /// Weight memory is read.
    pub weight_read: Signal<Out, Bit>,
    /// Weight memory is written.
    pub weight_write: Signal<Out, Bit>,
    /// Accumulators are read for a sum.
    pub acc_read: Signal<Out, Bit>,
    /// Accumulators are read for the drain.
    pub acc_drain: Signal<Out, Bit>,
    /// Accumulators are written.
    pub acc_write: Signal<Out, Bit>,
    /// The requantisers work.
    pub draining: Signal<Out, Bit>,
    /// The feeder waits.
    pub stalled: Signal<Out, Bit>,
    #[default(RamShared::pipelined(Z > 0))]
    act: RamShared<WB, A, P>,
    #[default(RamShared::pipelined(Z > 0).writes_b())]
    weight: RamShared<WB, W, P>,
    feeder: Feeder<A, LG, LR, Z>,
    lines: Lines<WB, LM, LA, LD, Z>,
    tiles: Tiles<N, W, Z>,
    #[default(from_fn(|_| Default::default()))]
    beside: [Beside; Z],
    mouth: Mouth<N, WB, QZ, Z>,
    array: Array<N, H, NH, WB, SW, LG, LR, LM, LK, Z>,
    wave: Wave<C, S>,
    #[default(from_fn(|_| Default::default()))]
    acc: [Accumulator<SW, AB, C, D, Z>; H],
    drain:
        Drain<N, WB, L, LB, G, GB, PW, PB, A, W, C, QS, QP, NA, CW, CB, LU, UB, QR, QRB, QRC, QRD, QK, Z, LZ, NZ, LQ>,
    /// A beat came in the cycle before; it is a word for the one port.
    offered: DFF<Bit>,
    turn: DFF<Bit>,
    // Pipelined: a job's last sum is a cycle longer on its way.
    #[default(from_fn(|_| Default::default()))]
    fed_later: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    fed_bank_later: [DFF<Bit>; Z],
    slow: Signal<Local, Bit>,
    comes: Signal<Local, Bit>,
    load_turn: Signal<Local, Bit>,
    act_written: Signal<Local, Bit>,
    other_read: Signal<Local, Bit>,
    two_ports: Signal<Local, Bit>,
    #[default(literal(P as u32))]
    ports: Constant<Bits<2>>,
    #[default(literal(2))]
    two: Constant<Bits<2>>,
    #[default(literal(1))]
    one: Constant<Bits<2>>,
    #[default(literal(0))]
    none: Constant<Bits<2>>,
    store_served: Signal<Local, Bit>,
    param_served: Signal<Local, Bit>,
    tile_served: Signal<Local, Bit>,
    #[default(literal(0))]
    no_macs: Constant<Bits<12>>,
}

impl<
        const N: usize,
        const H: usize,
        const NH: usize,
        const WB: usize,
        const SW: usize,
        const S: usize,
        const L: usize,
        const LB: usize,
        const G: usize,
        const GB: usize,
        const PW: usize,
        const PB: usize,
        const A: usize,
        const W: usize,
        const C: usize,
        const D: usize,
        const AB: usize,
        const M: usize,
        const P: usize,
        const LG: usize,
        const LR: usize,
        const LM: usize,
        const LK: usize,
        const LA: usize,
        const LD: usize,
        const QS: usize,
        const QP: usize,
        const NA: usize,
        const CW: usize,
        const CB: usize,
        const LU: usize,
        const UB: usize,
        const QR: usize,
        const QRB: usize,
        const QRC: usize,
        const QRD: usize,
        const QK: usize,
        const Z: usize,
        const QZ: usize,
        const LZ: usize,
        const NZ: usize,
        const LQ: usize,
    > Logic
    for Datapath<
        N,
        H,
        NH,
        WB,
        SW,
        S,
        L,
        LB,
        G,
        GB,
        PW,
        PB,
        A,
        W,
        C,
        D,
        AB,
        M,
        P,
        LG,
        LR,
        LM,
        LK,
        LA,
        LD,
        QS,
        QP,
        NA,
        CW,
        CB,
        LU,
        UB,
        QR,
        QRB,
        QRC,
        QRD,
        QK,
        Z,
        QZ,
        LZ,
        NZ,
        LQ,
    >
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, offered, turn);
        self.act.clock.next = self.clock.val();
        self.weight.clock.next = self.clock.val();
        self.feeder.clock.next = self.clock.val();
        self.tiles.clock.next = self.clock.val();
        self.mouth.clock.next = self.clock.val();
        self.array.clock.next = self.clock.val();
        self.wave.clock.next = self.clock.val();
        self.drain.clock.next = self.clock.val();
        self.feeder.set.next = self.set.val();
        self.feeder.op.next = self.op.val();
        self.feeder.value.next = self.value.val();
        self.feeder.start.next = self.start_feed.val();
        self.feeder.clear.next = self.clear.val();
        self.feeder.drained.next = self.drain.drained.val();
        self.feeder.drained_bank.next = self.drain.drained_bank.val();
        self.feeder.tile_ready.next = self.tiles.ready.val();
        for z in 0..Z {
            self.feeder.tile_next[z].next = self.tiles.ready_next[z].val();
        }
        self.array.eager.next = self.tile_eager.val();
        self.drain.eager.next = self.drain_eager.val();
        self.feed_busy.next = self.feeder.busy.val();
        self.feed_blocked.next = self.feeder.blocked.val();
        self.tiles.set.next = self.set.val();
        self.tiles.op.next = self.op.val();
        self.tiles.value.next = self.value.val();
        self.tiles.clear.next = self.clear.val();
        self.tiles.take.next = self.feeder.take.val();
        self.drain.set.next = self.set.val();
        self.drain.op.next = self.op.val();
        self.drain.value.next = self.value.val();
        self.drain.start.next = self.start_drain.val();
        self.drain.clear.next = self.clear.val();
        self.drain_busy.next = self.drain.busy.val();
        // Activation memory: the feeder on port a; drain, load and store on port b. One port serves b first; whether
        // the feeder asks for a word is known too late for the store to take its turn while a job is streamed.
        self.two_ports.next = self.ports.val() == self.two.val();
        // With one port a beat is taken in the cycle after it came while a load fills activation memory: so the feeder's grant does
        // not hang on the bus, nor the bus's ready on its valid.
        self.slow.next = self.load_to_act.val() && !self.two_ports.val();
        self.comes.next = self.slow.val() && (!self.offered.q.val() || self.drain.write.val());
        self.offered.d.next = self.comes.val() && self.beat.val();
        self.turn.d.next = self.comes.val() && self.load_act.val();
        self.load_turn.next = self.turn.q.val() || (self.load_act.val() && self.two_ports.val());
        // Weight memory has no writer but the load unit: it need not wait.
        self.load_wait.next = self.load_to_act.val()
            && (self.drain.write.val()
                || self.drain.add_read.val()
                || (!self.two_ports.val() && !self.offered.q.val()));
        for z in 0..Z {
            self.load_wait.next = self.load_to_act.val() && self.drain.uses[z].val();
        }
        self.act_written.next = self.drain.write.val() || (self.load_turn.val() && !self.drain.add_read.val());
        self.feeder.grant.next = !self.act_written.val() || self.two_ports.val();
        self.store_served.next = self.store_read.val()
            && !self.act_written.val()
            && !self.drain.add_read.val()
            && (!self.feeder.busy.val() || self.two_ports.val());
        self.store_grant.next = self.store_served.val();
        self.other_read.next = self.store_served.val() || self.drain.add_read.val();
        // A write of the one port goes before a read: whether the feeder is served need not be known here.
        self.act.read_a.next = self.feeder.asks.val();
        self.act.address_a.next = self.feeder.address.val();
        self.act.read_b.next = self.other_read.val();
        self.act.write_b.next = self.act_written.val();
        self.act.turn_b.next = self.act_written.val() || !self.feeder.busy.val();
        self.act.data_b.next = self.load_word.val();
        // Whether the store asks is known late too: the address is its own where no other is.
        self.act.address_b.next = self.store_address.val();
        if self.drain.write.val() {
            self.act.data_b.next = self.drain.word.val();
            self.act.address_b.next = self.drain.address.val();
        } else if self.drain.add_read.val() {
            self.act.address_b.next = self.drain.add_address.val();
        } else if self.load_turn.val() {
            self.act.address_b.next = self.load_address.val().get_bits::<A>(0);
        }
        self.store_word.next = self.act.q_b.val();
        self.drain.add_word.next = self.act.q_b.val();
        // Weight memory: tiles and parameters on port a, load on port b.
        self.param_served.next = self.drain.param_read.val() && (!self.load_weight.val() || self.two_ports.val());
        self.tile_served.next =
            self.tiles.read.val() && (!self.load_weight.val() || self.two_ports.val()) && !self.drain.param_read.val();
        self.drain.param_grant.next = self.param_served.val();
        self.tiles.grant.next = self.tile_served.val();
        self.weight.read_a.next = self.drain.param_read.val() || self.tiles.read.val();
        self.weight.address_a.next = self.tiles.address.val();
        if self.param_served.val() {
            self.weight.address_a.next = self.drain.param_address.val();
        }
        self.weight.read_b.next = false;
        self.weight.write_b.next = self.load_weight.val();
        self.weight.turn_b.next = self.load_weight.val();
        self.weight.address_b.next = self.load_address.val().get_bits::<W>(0);
        self.weight.data_b.next = self.load_word.val();
        self.drain.param_word.next = self.weight.q_a.val();
        // Into the array.
        self.mouth.stored.next = self.act.q_a.val();
        self.mouth.valid.next = self.feeder.valid.val();
        self.mouth.pad.next = self.feeder.pad.val();
        self.mouth.swap.next = self.feeder.swap.val();
        self.mouth.line.next = self.feeder.line.val();
        self.lines.clock.next = self.clock.val();
        self.lines.ask.next = self.feeder.ask_line.val();
        self.lines.word.next = self.mouth.word.val();
        self.lines.valid.next = self.feeder.line.val();
        self.lines.length.next = self.feeder.line_length.val().get_bits::<LA>(0);
        self.array.line.next = self.feeder.line.val();
        for i in 0..LM {
            self.array.lines[i].next = self.lines.earlier[i].val();
        }
        self.mouth.pad_value.next = self.feeder.pad_value.val();
        self.mouth.weights.next = self.weight.q_a.val();
        self.mouth.row_write.next = self.tiles.row_write.val();
        self.array.word.next = self.mouth.word.val();
        self.array.swap.next = self.feeder.swap.val();
        self.array.weights.next = self.weight.q_a.val();
        self.array.row_write.next = self.tiles.row_write.val();
        self.wave.valid_in.next = self.feeder.summed.val();
        self.wave.first_in.next = self.feeder.first.val();
        self.wave.max_in.next = self.feeder.max.val();
        self.wave.bank_in.next = self.feeder.bank.val();
        self.wave.last_in.next = self.feeder.last.val();
        self.wave.starts_in.next = self.feeder.starts.val();
        for z in 0..Z {
            self.beside[z].clock.next = self.clock.val();
            self.beside[z].ask_line_in.next = self.feeder.ask_line.val();
            self.beside[z].valid_in.next = self.feeder.valid.val();
            self.beside[z].pad_in.next = self.feeder.pad.val();
            self.beside[z].swap_in.next = self.feeder.swap.val();
            self.beside[z].line_in.next = self.feeder.line.val();
            self.beside[z].summed_in.next = self.feeder.summed.val();
            self.beside[z].first_in.next = self.feeder.first.val();
            self.beside[z].max_in.next = self.feeder.max.val();
            self.beside[z].bank_in.next = self.feeder.bank.val();
            self.beside[z].last_in.next = self.feeder.last.val();
            self.beside[z].starts_in.next = self.feeder.starts.val();
            self.beside[z].line_length_in.next = self.feeder.line_length.val();
            self.beside[z].pad_value_in.next = self.feeder.pad_value.val();
            self.beside[z].macs_in.next = self.feeder.macs.val();
            self.mouth.valid.next = self.beside[z].valid.val();
            self.mouth.pad.next = self.beside[z].pad.val();
            self.mouth.swap.next = self.beside[z].swap.val();
            self.mouth.line.next = self.beside[z].line.val();
            self.mouth.pad_value.next = self.beside[z].pad_value.val();
            self.lines.ask.next = self.beside[z].ask_line_next.val();
            self.lines.valid.next = self.beside[z].line.val();
            self.lines.length.next = self.beside[z].line_length_next.val().get_bits::<LA>(0);
            self.array.line.next = self.beside[z].line.val();
            self.array.swap.next = self.beside[z].swap.val();
            self.array.swap_next[z].next = self.beside[z].swap_next.val();
            self.wave.valid_in.next = self.beside[z].summed.val();
            self.wave.first_in.next = self.beside[z].first.val();
            self.wave.max_in.next = self.beside[z].max.val();
            self.wave.bank_in.next = self.beside[z].bank.val();
            self.wave.last_in.next = self.beside[z].last.val();
            self.wave.starts_in.next = self.beside[z].starts.val();
        }
        // Out of it, and from pair to pair.
        self.acc[0].valid_in.next = self.wave.valid.val();
        self.acc[0].first_in.next = self.wave.first.val();
        self.acc[0].max_in.next = self.wave.max.val();
        self.acc[0].bank_in.next = self.wave.bank.val();
        self.acc[0].last_in.next = self.wave.last.val();
        self.acc[0].address_in.next = self.wave.pixel.val();
        for h in 1..H {
            self.acc[h].valid_in.next = self.acc[h - 1].valid_out.val();
            self.acc[h].first_in.next = self.acc[h - 1].first_out.val();
            self.acc[h].max_in.next = self.acc[h - 1].max_out.val();
            self.acc[h].bank_in.next = self.acc[h - 1].bank_out.val();
            self.acc[h].last_in.next = self.acc[h - 1].last_out.val();
            self.acc[h].address_in.next = self.acc[h - 1].address_out.val();
        }
        for h in 0..H {
            self.acc[h].clock.next = self.clock.val();
            self.acc[h].sum0.next = self.array.sums[2 * h].val();
            self.acc[h].sum1.next = self.array.sums[2 * h + 1].val();
            self.acc[h].drain_read.next = self.drain.acc_read.val();
            self.acc[h].drain_bank.next = self.drain.acc_bank.val();
            self.acc[h].drain_address.next = self.drain.acc_address.val();
            self.drain.sums[2 * h].next = self.acc[h].out0.val();
            self.drain.sums[2 * h + 1].next = self.acc[h].out1.val();
        }
        for h in H..(H + 1) {
            self.drain.fed.next = self.acc[h - 1].valid_out.val() && self.acc[h - 1].last_out.val();
            self.drain.fed_bank.next = self.acc[h - 1].bank_out.val();
            for z in 0..Z {
                self.fed_later[z].clock.next = self.clock.val();
                self.fed_bank_later[z].clock.next = self.clock.val();
                self.fed_later[z].d.next =
                    self.acc[h - 1].valid_out.val() && self.acc[h - 1].last_out.val() && !self.clear.val();
                self.fed_bank_later[z].d.next = self.acc[h - 1].bank_out.val();
                self.drain.fed.next = self.fed_later[z].q.val();
                self.drain.fed_bank.next = self.fed_bank_later[z].q.val();
            }
        }
        // What the counters count.
        self.fed.next = self.feeder.valid.val();
        self.macs.next = self.no_macs.val();
        if self.feeder.summed.val() {
            self.macs.next = self.feeder.macs.val();
        }
        for z in 0..Z {
            self.fed.next = self.beside[z].valid.val();
            self.macs.next = self.no_macs.val();
            if self.beside[z].summed.val() {
                self.macs.next = self.beside[z].macs.val();
            }
        }
        self.zero_products.next = self.mouth.zero_products.val();
        self.act_read.next = self.none.val();
        if self.feeder.read.val() || self.other_read.val() {
            self.act_read.next = self.one.val();
        }
        if self.feeder.read.val() && self.other_read.val() {
            self.act_read.next = self.two.val();
        }
        self.act_write.next = self.act_written.val();
        self.weight_read.next = self.param_served.val() || self.tile_served.val();
        self.weight_write.next = self.load_weight.val();
        self.acc_read.next = self.wave.valid.val() && !self.wave.first.val();
        self.acc_drain.next = self.drain.acc_read.val();
        self.acc_write.next = self.wave.valid.val();
        self.draining.next = self.drain.working.val();
        self.stalled.next = self.feeder.stalled.val();
    }
}
