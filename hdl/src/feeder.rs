//! The feeder: image-to-column addressing in hardware.
//!
//! A job streams one activation word a cycle: for each tile (kernel row, kernel column, channel block; block fastest)
//! every output pixel of the job, row by row. Taps outside the input give the padding value. Addresses are running
//! sums, so nothing is multiplied, and one adder makes them all. Outputs other than `read` and `address` are registered: they stand
//! beside the word that activation memory gives, one cycle after the request.
//!
//! Which loops end with a word is known when it is asked for: of columns and rows it was found with the word before, of tiles
//! in the two cycles after the first word of a tile. A job's first word comes three cycles after its start for that reason, and
//! the first words of tiles are three cycles apart; those of tiles of two words also two cycles after the last word of the tile
//! before, which may have waited for the memory.
//!
//! In line mode (see `systole_isa::command`) the same loops stream lines of samples; two counters find those that have an
//! output, and only these go to the accumulators, where they are numbered. The last sample of a job must have one.

use crate::literal::{literal, op};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::command;

/// Feeder for A activation address bits and an array of G groups of R rows in line mode. With Z = 1, else 0, whether a word is
/// asked for comes from a register; `grant` is not looked at then, and a pixel's sum is four cycles on its way.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `set`, `op`, `value` | in | command register writes; only while not `busy` |
/// | `start`, `clear` | in | 1: start a job; forget everything (start of a run) |
/// | `busy` | out | a job is being streamed |
/// | `blocked` | out | the next accumulator bank has not been drained |
/// | `drained`, `drained_bank` | in | 1: that bank has been drained |
/// | `tile_ready`, `take` | in, out | next weight tile |
/// | `tile_next` | in | with Z = 1: `tile_ready` in the next cycle |
/// | `grant` | in | 1: activation memory serves the feeder this cycle |
/// | `read`, `address` | out | request to activation memory |
/// | `valid`, `pad`, `swap`, `first`, `max`, `bank`, `last`, `starts` | out | what the word one cycle later is |
/// | `line`, `summed` | out | it is of line mode; it has an output (always, without line mode) |
/// | `ask_line`, `line_length` | out | a sample of line mode comes in the next cycle; samples of a line less 1 |
/// | `pad_value` | out | int8 |
/// | `macs` | out | multiply-accumulates of that word |
/// | `stalled` | out | 1: wanted to stream and could not |
#[derive(LogicBlock, SmartDefault)]
pub struct Feeder<const A: usize, const G: usize, const R: usize, const Z: usize> {
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
    /// A job is being streamed.
    pub busy: Signal<Out, Bit>,
    /// The next bank is not free.
    pub blocked: Signal<Out, Bit>,
    /// A bank has been drained.
    pub drained: Signal<In, Bit>,
    /// Which.
    pub drained_bank: Signal<In, Bit>,
    /// A tile is there.
    pub tile_ready: Signal<In, Bit>,
    /// A tile is there in the next cycle.
    #[default(from_fn(|_| Default::default()))]
    pub tile_next: [Signal<In, Bit>; Z],
    /// Take it.
    pub take: Signal<Out, Bit>,
    /// Activation memory serves the feeder.
    pub grant: Signal<In, Bit>,
    /// Read request.
    pub asks: Signal<Out, Bit>,
    /// It is served.
    pub read: Signal<Out, Bit>,
    /// Activation word.
    pub address: Signal<Out, Bits<A>>,
    /// There is a word.
    pub valid: Signal<Out, Bit>,
    /// It is padding.
    pub pad: Signal<Out, Bit>,
    /// It is the first of a tile that was taken.
    pub swap: Signal<Out, Bit>,
    /// Its sums replace.
    pub first: Signal<Out, Bit>,
    /// Its sums keep the greater.
    pub max: Signal<Out, Bit>,
    /// Bank of its sums.
    pub bank: Signal<Out, Bit>,
    /// Last word of the job.
    pub last: Signal<Out, Bit>,
    /// It is the first of a tile, taken or held.
    pub starts: Signal<Out, Bit>,
    /// It is of line mode.
    pub line: Signal<Out, Bit>,
    /// It has an output.
    pub summed: Signal<Out, Bit>,
    /// A sample of line mode comes.
    pub ask_line: Signal<Out, Bit>,
    /// Samples of a line, less 1.
    pub line_length: Signal<Out, Bits<12>>,
    /// Padding value, int8.
    pub pad_value: Signal<Out, Bits<8>>,
    /// Multiply-accumulates of the word.
    pub macs: Signal<Out, Bits<12>>,
    /// Wanted to stream and could not.
    pub stalled: Signal<Out, Bit>,
    f_addr: DFF<Bits<A>>,
    f_pixel_step: DFF<Bits<A>>,
    f_row_step: DFF<Bits<A>>,
    f_kernel_step: DFF<Bits<A>>,
    f_out: DFF<Bits<24>>,
    f_kernel: DFF<Bits<24>>,
    f_origin: DFF<Bits<24>>,
    f_in: DFF<Bits<24>>,
    f_mode: DFF<Bits<24>>,
    f_macs: DFF<Bits<24>>,
    f_tap_step: DFF<Bits<A>>,
    f_line: DFF<Bits<15>>,
    // Samples of this line, and lines, before the next output.
    skip_x: DFF<Bits<6>>,
    skip_y: DFF<Bits<3>>,
    line_q: DFF<Bit>,
    output_q: DFF<Bit>,
    // Running sums: address of the kernel row, the tap, the output row, the pixel.
    kernel_row: DFF<Bits<A>>,
    tap: DFF<Bits<A>>,
    row: DFF<Bits<A>>,
    at: DFF<Bits<A>>,
    // Input coordinates of the tap at output pixel 0, and now.
    tap_x: DFF<Bits<12>>,
    tap_y: DFF<Bits<12>>,
    x: DFF<Bits<12>>,
    y: DFF<Bits<12>>,
    // Loops, innermost first; `out_x` and `out_y` number the column and the row after this one.
    out_x: DFF<Bits<12>>,
    out_y: DFF<Bits<12>>,
    block: DFF<Bits<12>>,
    kernel_x: DFF<Bits<6>>,
    kernel_y: DFF<Bits<6>>,
    // This is the last column, row, block, kernel column, kernel row.
    last_x: DFF<Bit>,
    last_y: DFF<Bit>,
    last_block: DFF<Bit>,
    last_kernel_x: DFF<Bit>,
    last_kernel_y: Signal<Local, Bit>,
    /// A tap began.
    began: DFF<Bit>,
    // The last pixel; the last block of the last kernel column, also while there is no job; the last tile.
    end_y: DFF<Bit>,
    end_kernel_x: DFF<Bit>,
    end_kernel_y: DFF<Bit>,
    active: DFF<Bit>,
    tile_start: DFF<Bit>,
    first_tile: DFF<Bit>,
    // The tile after the first is the one that is there.
    held: DFF<Bit>,
    just_started: DFF<Bit>,
    // It did so one or two cycles ago.
    apart: DFF<Bit>,
    // The word is the second of its tile.
    second: DFF<Bit>,
    // Pipelined: a word is asked for; a tile began one, two or three cycles ago.
    #[default(from_fn(|_| Default::default()))]
    goes: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    began1: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    began2: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    began3: [DFF<Bit>; Z],
    which: DFF<Bit>,
    taken0: DFF<Bit>,
    taken1: DFF<Bit>,
    valid_q: DFF<Bit>,
    pad_q: DFF<Bit>,
    swap_q: DFF<Bit>,
    first_q: DFF<Bit>,
    bank_q: DFF<Bit>,
    last_q: DFF<Bit>,
    starts_q: DFF<Bit>,
    may_start: Signal<Local, Bit>,
    starting: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    go: Signal<Local, Bit>,
    in_input: Signal<Local, Bit>,
    next_x: Signal<Local, Bit>,
    next_y: Signal<Local, Bit>,
    last_block_column: Signal<Local, Bit>,
    end_job: Signal<Local, Bit>,
    one_column: Signal<Local, Bit>,
    one_row: Signal<Local, Bit>,
    base: Signal<Local, Bits<A>>,
    step: Signal<Local, Bits<A>>,
    next_word: Signal<Local, Bits<A>>,
    next_tap_x: Signal<Local, Bits<12>>,
    next_tap_y: Signal<Local, Bits<12>>,
    lines: Signal<Local, Bit>,
    has_output: Signal<Local, Bit>,
    last_macs: Signal<Local, Bit>,
    apart_x: Signal<Local, Bits<12>>,
    apart_y: Signal<Local, Bits<12>>,
    stride_x: Signal<Local, Bits<12>>,
    stride_y: Signal<Local, Bits<12>>,
    #[default(literal(0))]
    zero: Constant<Bits<12>>,
    #[default(literal(0))]
    zero6: Constant<Bits<6>>,
    #[default(literal(63))]
    before6: Constant<Bits<6>>,
    #[default(literal(1))]
    one: Constant<Bits<12>>,
    #[default(literal(1))]
    one6: Constant<Bits<6>>,
    #[default(literal(1))]
    one_word: Constant<Bits<A>>,
    #[default(literal(0))]
    zero3: Constant<Bits<3>>,
    #[default(literal(1))]
    one3: Constant<Bits<3>>,
    #[default(literal(R as u32))]
    rows: Constant<Bits<12>>,
    #[default(literal(G as u32))]
    groups: Constant<Bits<12>>,
    #[default(op(command::F_TAP_STEP))]
    f_tap_step_op: Constant<Bits<8>>,
    #[default(op(command::F_LINE))]
    f_line_op: Constant<Bits<8>>,
    #[default(op(command::F_ADDR))]
    f_addr_op: Constant<Bits<8>>,
    #[default(op(command::F_PIXEL_STEP))]
    f_pixel_step_op: Constant<Bits<8>>,
    #[default(op(command::F_ROW_STEP))]
    f_row_step_op: Constant<Bits<8>>,
    #[default(op(command::F_KERNEL_STEP))]
    f_kernel_step_op: Constant<Bits<8>>,
    #[default(op(command::F_OUT))]
    f_out_op: Constant<Bits<8>>,
    #[default(op(command::F_KERNEL))]
    f_kernel_op: Constant<Bits<8>>,
    #[default(op(command::F_ORIGIN))]
    f_origin_op: Constant<Bits<8>>,
    #[default(op(command::F_IN))]
    f_in_op: Constant<Bits<8>>,
    #[default(op(command::F_MODE))]
    f_mode_op: Constant<Bits<8>>,
    #[default(op(command::F_MACS))]
    f_macs_op: Constant<Bits<8>>,
}

impl<const A: usize, const G: usize, const R: usize, const Z: usize> Logic for Feeder<A, G, R, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            f_addr,
            f_pixel_step,
            f_row_step,
            f_kernel_step,
            f_out,
            f_kernel,
            f_origin,
            f_in,
            f_mode,
            f_macs,
            f_tap_step,
            f_line,
            skip_x,
            skip_y,
            line_q,
            output_q,
            kernel_row,
            tap,
            row,
            at,
            tap_x,
            tap_y,
            x,
            y,
            out_x,
            out_y,
            block,
            kernel_x,
            kernel_y,
            active,
            tile_start,
            first_tile,
            held,
            just_started,
            apart,
            second,
            which,
            taken0,
            taken1,
            valid_q,
            pad_q,
            swap_q,
            first_q,
            bank_q,
            last_q,
            starts_q,
            last_x,
            last_y,
            last_block,
            last_kernel_x,
            began,
            end_y,
            end_kernel_x,
            end_kernel_y
        );
        // Command registers.
        if self.set.val() {
            if self.op.val() == self.f_addr_op.val() {
                self.f_addr.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.f_pixel_step_op.val() {
                self.f_pixel_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.f_row_step_op.val() {
                self.f_row_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.f_kernel_step_op.val() {
                self.f_kernel_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.f_out_op.val() {
                self.f_out.d.next = self.value.val();
            }
            if self.op.val() == self.f_kernel_op.val() {
                self.f_kernel.d.next = self.value.val();
            }
            if self.op.val() == self.f_origin_op.val() {
                self.f_origin.d.next = self.value.val();
            }
            if self.op.val() == self.f_in_op.val() {
                self.f_in.d.next = self.value.val();
            }
            if self.op.val() == self.f_mode_op.val() {
                self.f_mode.d.next = self.value.val();
            }
            if self.op.val() == self.f_macs_op.val() {
                self.f_macs.d.next = self.value.val();
            }
            if self.op.val() == self.f_tap_step_op.val() {
                self.f_tap_step.d.next = self.value.val().get_bits::<A>(0);
            }
            if self.op.val() == self.f_line_op.val() {
                self.f_line.d.next = self.value.val().get_bits::<15>(0);
            }
        }
        // May a word be asked for now?
        // A pixel's word must not follow the one before in the next two cycles: its sum is that long on its way.
        self.may_start.next = (self.tile_ready.val() || self.held.q.val()) && !self.apart.q.val();
        self.ready.next = self.active.q.val() && (!self.tile_start.q.val() || self.may_start.val());
        self.go.next = self.ready.val() && self.grant.val();
        self.stalled.next = self.active.q.val() && !self.go.val();
        self.take.next = self.active.q.val()
            && self.tile_start.q.val()
            && self.tile_ready.val()
            && !self.held.q.val()
            && !self.apart.q.val()
            && self.grant.val();
        for z in 0..Z {
            self.ready.next = self.goes[z].q.val();
            self.go.next = self.goes[z].q.val();
            self.stalled.next = self.active.q.val() && !self.goes[z].q.val();
            self.take.next = self.goes[z].q.val() && self.tile_start.q.val() && !self.held.q.val();
        }
        // Negative coordinates are great unsigned ones.
        self.in_input.next = (self.x.q.val() < self.f_in.q.val().get_bits::<12>(0))
            && (self.y.q.val() < self.f_in.q.val().get_bits::<12>(12));
        // Also for padding: whether a tap lies in the input is known too late to save the read.
        self.asks.next = self.ready.val();
        self.read.next = self.go.val();
        self.address.next = self.at.q.val();
        // Which loops end with this word?
        self.last_block_column.next = self.last_block.q.val() && self.last_kernel_x.q.val();
        self.end_kernel_x.d.next = self.last_block_column.val() || !self.active.q.val();
        self.last_kernel_y.next = self.kernel_y.q.val() == self.f_kernel.q.val().get_bits::<6>(6);
        self.end_kernel_y.d.next = self.last_block_column.val() && self.last_kernel_y.val();
        self.end_job.next = self.end_y.q.val() && self.end_kernel_y.q.val();
        self.one_column.next = self.f_out.q.val().get_bits::<12>(0) == self.zero.val();
        self.one_row.next = self.f_out.q.val().get_bits::<12>(12) == self.zero.val();
        self.last_block.d.next = self.block.q.val() == self.f_kernel.q.val().get_bits::<12>(12);
        self.last_kernel_x.d.next = self.kernel_x.q.val() == self.f_kernel.q.val().get_bits::<6>(0);
        // Line mode: has this sample an output?
        self.lines.next = self.f_mode.q.val().get_bit(16);
        self.has_output.next = !self.lines.val()
            || ((self.skip_x.q.val() == self.zero6.val()) && (self.skip_y.q.val() == self.zero3.val()));
        self.ask_line.next = self.go.val() && self.lines.val();
        self.line_length.next = self.f_out.q.val().get_bits::<12>(0);
        self.apart_x.next = self.one.val();
        self.apart_y.next = self.one.val();
        self.last_macs.next = self.last_block.q.val();
        if self.lines.val() {
            self.apart_x.next = self.rows.val();
            self.apart_y.next = self.groups.val();
            self.last_macs.next = self.last_kernel_x.q.val() && self.last_kernel_y.val();
        }
        // Where the next tap, row and pixel begin.
        self.stride_x.next = bit_cast::<12, 3>(self.f_mode.q.val().get_bits::<3>(8));
        self.stride_y.next = bit_cast::<12, 3>(self.f_mode.q.val().get_bits::<3>(11));
        self.base.next = self.at.q.val();
        self.step.next = self.f_pixel_step.q.val();
        self.next_tap_x.next = self.tap_x.q.val();
        self.next_tap_y.next = self.tap_y.q.val();
        if self.last_x.q.val() {
            self.base.next = self.row.q.val();
            self.step.next = self.f_row_step.q.val();
        }
        if self.end_y.q.val() {
            self.base.next = self.tap.q.val();
            self.step.next = self.one_word.val();
            if self.last_block.q.val() {
                self.step.next = self.f_tap_step.q.val();
            }
            if self.end_kernel_x.q.val() {
                self.base.next = self.kernel_row.q.val();
                self.step.next = self.f_kernel_step.q.val();
            }
        }
        self.next_word.next = self.base.val() + self.step.val();
        if self.start.val() {
            self.next_word.next = self.f_addr.q.val();
        }
        if self.last_block.q.val() {
            self.next_tap_x.next = self.tap_x.q.val() + self.apart_x.val();
        }
        if self.end_kernel_x.q.val() {
            self.next_tap_x.next = self.f_origin.q.val().get_bits::<12>(0);
            self.next_tap_y.next = self.tap_y.q.val() + self.apart_y.val();
        }
        if !self.active.q.val() {
            self.next_tap_y.next = self.f_origin.q.val().get_bits::<12>(12);
        }
        // What stands beside the word one cycle later.
        self.valid_q.d.next = self.go.val();
        self.pad_q.d.next = !self.in_input.val();
        self.swap_q.d.next = self.take.val();
        self.first_q.d.next = self.first_tile.q.val();
        self.bank_q.d.next = self.which.q.val();
        self.last_q.d.next = self.go.val() && self.end_job.val();
        self.starts_q.d.next = self.tile_start.q.val();
        self.line_q.d.next = self.go.val() && self.lines.val();
        self.output_q.d.next = self.go.val() && self.has_output.val();
        self.starting.next = self.start.val() || (self.go.val() && self.tile_start.q.val());
        self.just_started.d.next = self.starting.val();
        self.apart.d.next = self.starting.val()
            || self.just_started.q.val()
            || (self.second.q.val() && self.go.val() && self.end_y.q.val());
        for z in 0..Z {
            self.began1[z].clock.next = self.clock.val();
            self.began2[z].clock.next = self.clock.val();
            self.began3[z].clock.next = self.clock.val();
            self.began1[z].d.next = self.go.val() && self.tile_start.q.val() && !self.clear.val();
            self.began2[z].d.next = self.began1[z].q.val() && !self.clear.val();
            self.began3[z].d.next = self.began2[z].q.val() && !self.clear.val();
            self.apart.d.next =
                self.starting.val() || self.just_started.q.val() || self.began2[z].q.val() || self.began3[z].q.val();
        }
        self.next_x.next = self.out_x.q.val() == self.f_out.q.val().get_bits::<12>(0);
        self.next_y.next = self.last_y.q.val();
        if self.last_x.q.val() {
            self.next_x.next = self.one_column.val();
            self.next_y.next = self.out_y.q.val() == self.f_out.q.val().get_bits::<12>(12);
        }
        if self.end_y.q.val() {
            self.next_y.next = self.one_row.val();
        }
        // Where a tap begins is kept in the cycle after, when the first word's place is known.
        self.began.d.next = self.start.val() || (self.go.val() && self.end_y.q.val());
        if self.began.q.val() {
            self.tap.d.next = self.at.q.val();
            self.tap_y.d.next = self.y.q.val();
            if self.end_kernel_x.q.val() {
                self.kernel_row.d.next = self.at.q.val();
                self.kernel_y.d.next = self.kernel_y.q.val() + self.one6.val();
            }
        }
        // Advance.
        if self.go.val() {
            self.tile_start.d.next = self.end_y.q.val();
            self.second.d.next = self.tile_start.q.val();
            self.skip_x.d.next = self.skip_x.q.val() - self.one6.val();
            if self.skip_x.q.val() == self.zero6.val() {
                self.skip_x.d.next = bit_cast::<6, 3>(self.f_line.q.val().get_bits::<3>(6));
            }
            self.out_x.d.next = self.out_x.q.val() + self.one.val();
            self.x.d.next = self.x.q.val() + self.stride_x.val();
            self.last_x.d.next = self.next_x.val();
            self.last_y.d.next = self.next_y.val();
            self.end_y.d.next = self.next_x.val() && self.next_y.val();
            self.at.d.next = self.next_word.val();
            if self.last_x.q.val() {
                self.skip_x.d.next = self.f_line.q.val().get_bits::<6>(0);
                self.skip_y.d.next = self.skip_y.q.val() - self.one3.val();
                if self.skip_y.q.val() == self.zero3.val() {
                    self.skip_y.d.next = self.f_line.q.val().get_bits::<3>(12);
                }
                self.out_x.d.next = self.one.val();
                self.out_y.d.next = self.out_y.q.val() + self.one.val();
                self.x.d.next = self.tap_x.q.val();
                self.y.d.next = self.y.q.val() + self.stride_y.val();
                self.row.d.next = self.next_word.val();
            }
            if self.end_y.q.val() {
                self.skip_y.d.next = self.f_line.q.val().get_bits::<3>(9);
                self.out_y.d.next = self.one.val();
                self.tap_x.d.next = self.next_tap_x.val();
                self.x.d.next = self.next_tap_x.val();
                self.y.d.next = self.next_tap_y.val();
                self.first_tile.d.next = false;
                self.held.d.next = self.f_mode.q.val().get_bit(15);
                self.block.d.next = self.block.q.val() + self.one.val();
                if self.last_block.q.val() {
                    self.block.d.next = self.zero.val();
                    self.kernel_x.d.next = self.kernel_x.q.val() + self.one6.val();
                }
                if self.end_kernel_x.q.val() {
                    self.kernel_x.d.next = self.zero6.val();
                }
            }
            if self.end_job.val() {
                self.active.d.next = false;
                self.which.d.next = !self.which.q.val();
            }
        }
        // Banks.
        self.blocked.next = self.taken0.q.val();
        if self.which.q.val() {
            self.blocked.next = self.taken1.q.val();
        }
        if self.drained.val() {
            if self.drained_bank.val() {
                self.taken1.d.next = false;
            } else {
                self.taken0.d.next = false;
            }
        }
        // A new job.
        if self.start.val() {
            self.active.d.next = true;
            self.tile_start.d.next = true;
            self.first_tile.d.next = true;
            self.held.d.next = false;
            self.row.d.next = self.next_word.val();
            self.at.d.next = self.next_word.val();
            self.tap_x.d.next = self.next_tap_x.val();
            self.x.d.next = self.next_tap_x.val();
            self.y.d.next = self.next_tap_y.val();
            self.skip_x.d.next = self.f_line.q.val().get_bits::<6>(0);
            self.skip_y.d.next = self.f_line.q.val().get_bits::<3>(9);
            self.out_x.d.next = self.one.val();
            self.out_y.d.next = self.one.val();
            self.last_x.d.next = self.one_column.val();
            self.last_y.d.next = self.one_row.val();
            self.end_y.d.next = self.one_column.val() && self.one_row.val();
            self.block.d.next = self.zero.val();
            self.kernel_x.d.next = self.zero6.val();
            self.kernel_y.d.next = self.before6.val();
            if self.which.q.val() {
                self.taken1.d.next = true;
            } else {
                self.taken0.d.next = true;
            }
        }
        if self.clear.val() {
            self.active.d.next = false;
            self.end_kernel_x.d.next = true;
            self.which.d.next = false;
            self.taken0.d.next = false;
            self.taken1.d.next = false;
            self.just_started.d.next = false;
            self.apart.d.next = false;
        }
        // All that decides is known a cycle ahead; after the last of it, for the order of the text counts.
        for z in 0..Z {
            self.goes[z].clock.next = self.clock.val();
            self.goes[z].d.next = self.active.d.val()
                && (!self.tile_start.d.val()
                    || ((self.tile_next[z].val() || self.held.d.val()) && !self.apart.d.val()));
        }
        self.busy.next = self.active.q.val();
        self.valid.next = self.valid_q.q.val();
        self.pad.next = self.pad_q.q.val();
        self.swap.next = self.swap_q.q.val();
        self.line.next = self.line_q.q.val();
        self.summed.next = self.output_q.q.val();
        self.first.next = self.first_q.q.val();
        self.max.next = self.f_mode.q.val().get_bit(14);
        self.bank.next = self.bank_q.q.val();
        self.last.next = self.last_q.q.val();
        self.starts.next = self.starts_q.q.val();
        self.pad_value.next = self.f_mode.q.val().get_bits::<8>(0);
        self.macs.next = self.f_macs.q.val().get_bits::<12>(0);
        if self.last_macs.val() {
            self.macs.next = self.f_macs.q.val().get_bits::<12>(12);
        }
    }
}
