//! Reads the next weight tile into the array's shadow registers while the array works on this one.
//!
//! The address runs on from tile to tile; writing `W_ADDR` sets it and drops what was read ahead. A tile takes n cycles
//! of the weight memory's port; `take` to the next `ready` is n cycles when nobody else reads, so tiles of n words follow
//! each other without a gap. Row r of the next tile reaches the array at the earliest with the swap of row r, which
//! still takes what was there before.

use crate::literal::{literal, op};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;

/// Tile reader for N rows and A address bits; Z = 1 if the memory's words come two cycles later, else 0.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `set`, `op`, `value` | in | command register writes |
/// | `clear` | in | 1: forget everything (start of a run) |
/// | `take` | in | 1: the array swaps to the tile read ahead |
/// | `ready` | out | 1: a tile is there to be taken |
/// | `ready_next` | out | with Z = 1: `ready` in the next cycle |
/// | `read`, `address` | out | request to weight memory |
/// | `grant` | in | 1: the request was served |
/// | `row_write` | out | N bits: the memory's output is this row (one cycle after the request, or three) |
#[derive(LogicBlock, SmartDefault)]
pub struct Tiles<const N: usize, const A: usize, const Z: usize> {
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
    /// The array takes the tile.
    pub take: Signal<In, Bit>,
    /// A tile is there.
    pub ready: Signal<Out, Bit>,
    /// One is there in the next cycle.
    #[default(from_fn(|_| Default::default()))]
    pub ready_next: [Signal<Out, Bit>; Z],
    /// Read request.
    pub read: Signal<Out, Bit>,
    /// Weight word.
    pub address: Signal<Out, Bits<A>>,
    /// Request served.
    pub grant: Signal<In, Bit>,
    /// Row that the memory's output is.
    pub row_write: Signal<Out, Bits<N>>,
    next: DFF<Bits<A>>,
    row: DFF<Bits<N>>,
    #[default(from_fn(|_| Default::default()))]
    asked: [DFF<Bits<N>>; Z],
    #[default(from_fn(|_| Default::default()))]
    coming: [DFF<Bits<N>>; Z],
    arriving: DFF<Bits<N>>,
    full: DFF<Bit>,
    armed: DFF<Bit>,
    request: Signal<Local, Bit>,
    #[default(op(command::W_ADDR))]
    w_addr: Constant<Bits<8>>,
    #[default(literal(0))]
    none: Constant<Bits<N>>,
    #[default(literal(1))]
    first_row: Constant<Bits<N>>,
    #[default(literal(1))]
    one: Constant<Bits<A>>,
}

impl<const N: usize, const A: usize, const Z: usize> Logic for Tiles<N, A, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next, row, arriving, full, armed);
        self.request.next = self.armed.q.val() && (!self.full.q.val() || self.take.val());
        self.read.next = self.request.val();
        self.address.next = self.next.q.val();
        self.row_write.next = self.arriving.q.val();
        self.ready.next = self.full.q.val();
        self.arriving.d.next = self.none.val();
        if self.take.val() {
            self.full.d.next = false;
        }
        if self.request.val() && self.grant.val() {
            self.arriving.d.next = self.row.q.val();
            self.next.d.next = self.next.q.val() + self.one.val();
            self.row.d.next = self.row.q.val() << 1;
            for n in N..(N + 1) {
                if self.row.q.val().get_bit(n - 1) {
                    self.row.d.next = self.first_row.val();
                    self.full.d.next = true;
                }
            }
        }
        for z in 0..Z {
            self.asked[z].clock.next = self.clock.val();
            self.coming[z].clock.next = self.clock.val();
            self.asked[z].d.next = self.none.val();
            if self.request.val() && self.grant.val() {
                self.asked[z].d.next = self.row.q.val();
            }
            self.coming[z].d.next = self.asked[z].q.val();
            self.arriving.d.next = self.coming[z].q.val();
        }
        if self.set.val() && (self.op.val() == self.w_addr.val()) {
            self.next.d.next = self.value.val().get_bits::<A>(0);
            self.row.d.next = self.first_row.val();
            self.full.d.next = false;
            self.armed.d.next = true;
        }
        if self.clear.val() {
            self.armed.d.next = false;
            self.full.d.next = false;
        }
        for z in 0..Z {
            self.ready_next[z].next = self.full.d.val();
        }
    }
}
