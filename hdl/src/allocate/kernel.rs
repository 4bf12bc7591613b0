//! `systole_allocate`: the allocator, ports as Vitis RTL kernels have them.
//!
//! A start on the AXI4-Lite slave makes the fetch unit read the problem; header, tables and rows follow as
//! [`super::conduct`] says. The read channel belongs to the fetch unit until it has been flushed, then to the traceback.

use super::chain::Chain;
use super::conduct::Conduct;
use super::header::Header;
use super::pack::Pack;
use super::record::Record;
use super::rows::Rows;
use super::sink::Sink;
use super::table::Table;
use super::tail::Tail;
use super::trace::Trace;
use super::OVERFLOW;
use crate::control::Control;
use crate::fetch::Fetch;
use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::config::Config;
use systole_isa::{allocate, control};

/// The kernel; the const generics are computed by `build.rs`, which names each.
#[allow(missing_docs)] // the ports have the names that AXI gives them
#[derive(LogicBlock, SmartDefault)]
pub struct Allocate<
    const L: usize,
    const P: usize,
    const A: usize,
    const D: usize,
    const AW: usize,
    const BUS: usize,
    const BB: usize,
    const BS: usize,
    const RP: usize,
    const RB: usize,
> {
    pub ap_clk: Signal<In, Clock>,
    pub ap_rst_n: Signal<In, Bit>,
    pub interrupt: Signal<Out, Bit>,
    pub s_axi_control_awvalid: Signal<In, Bit>,
    pub s_axi_control_awready: Signal<Out, Bit>,
    pub s_axi_control_awaddr: Signal<In, Bits<7>>,
    pub s_axi_control_wvalid: Signal<In, Bit>,
    pub s_axi_control_wready: Signal<Out, Bit>,
    pub s_axi_control_wdata: Signal<In, Bits<32>>,
    pub s_axi_control_wstrb: Signal<In, Bits<4>>,
    pub s_axi_control_bvalid: Signal<Out, Bit>,
    pub s_axi_control_bready: Signal<In, Bit>,
    pub s_axi_control_bresp: Signal<Out, Bits<2>>,
    pub s_axi_control_arvalid: Signal<In, Bit>,
    pub s_axi_control_arready: Signal<Out, Bit>,
    pub s_axi_control_araddr: Signal<In, Bits<7>>,
    pub s_axi_control_rvalid: Signal<Out, Bit>,
    pub s_axi_control_rready: Signal<In, Bit>,
    pub s_axi_control_rdata: Signal<Out, Bits<32>>,
    pub s_axi_control_rresp: Signal<Out, Bits<2>>,
    pub m_axi_gmem_awvalid: Signal<Out, Bit>,
    pub m_axi_gmem_awready: Signal<In, Bit>,
    pub m_axi_gmem_awid: Signal<Out, Bit>,
    pub m_axi_gmem_awaddr: Signal<Out, Bits<AW>>,
    pub m_axi_gmem_awlen: Signal<Out, Bits<8>>,
    pub m_axi_gmem_awsize: Signal<Out, Bits<3>>,
    pub m_axi_gmem_awburst: Signal<Out, Bits<2>>,
    pub m_axi_gmem_wvalid: Signal<Out, Bit>,
    pub m_axi_gmem_wready: Signal<In, Bit>,
    pub m_axi_gmem_wdata: Signal<Out, Bits<BUS>>,
    pub m_axi_gmem_wstrb: Signal<Out, Bits<BB>>,
    pub m_axi_gmem_wlast: Signal<Out, Bit>,
    pub m_axi_gmem_bvalid: Signal<In, Bit>,
    pub m_axi_gmem_bready: Signal<Out, Bit>,
    pub m_axi_gmem_bid: Signal<In, Bit>,
    pub m_axi_gmem_bresp: Signal<In, Bits<2>>,
    pub m_axi_gmem_arvalid: Signal<Out, Bit>,
    pub m_axi_gmem_arready: Signal<In, Bit>,
    pub m_axi_gmem_arid: Signal<Out, Bit>,
    pub m_axi_gmem_araddr: Signal<Out, Bits<AW>>,
    pub m_axi_gmem_arlen: Signal<Out, Bits<8>>,
    pub m_axi_gmem_arsize: Signal<Out, Bits<3>>,
    pub m_axi_gmem_arburst: Signal<Out, Bits<2>>,
    pub m_axi_gmem_rvalid: Signal<In, Bit>,
    pub m_axi_gmem_rready: Signal<Out, Bit>,
    pub m_axi_gmem_rid: Signal<In, Bit>,
    pub m_axi_gmem_rdata: Signal<In, Bits<BUS>>,
    pub m_axi_gmem_rresp: Signal<In, Bits<2>>,
    pub m_axi_gmem_rlast: Signal<In, Bit>,
    control: Control<AW>,
    fetch: Fetch<AW, BUS, 0>,
    header: Header<L, P, A, D>,
    costs: Table<L, P>,
    chain: Chain<L, P>,
    rows: Rows<P, A, D>,
    tail: Tail<A>,
    decisions: Pack<P, BUS, { allocate::CELLS_A_BEAT }, RP>,
    levels: Pack<8, BUS, BB, RB>,
    sink: Sink<AW, BUS>,
    trace: Trace<AW, BUS, P, A>,
    record: Record<BUS, A>,
    conduct: Conduct,
    /// The lanes move: passes run and card memory takes decisions.
    stepping: DFF<Bit>,
    /// Lanes with a level in the row that is sent.
    in_use: DFF<Bits<7>>,
    decided: DFF<Bits<24>>,
    read_failed: DFF<Bit>,
    reset: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    clear: Signal<Local, Bit>,
    /// Card memory takes decisions too slowly.
    held: Signal<Local, Bit>,
    solved: Signal<Local, Bit>,
    overflowed: Signal<Local, Bit>,
    outcome: Signal<Local, Bits<3>>,
    status: Signal<Local, Bits<3>>,
    #[default(literal(0))]
    no_status: Constant<Bits<3>>,
    #[default(literal(control::STATUS_ILLEGAL))]
    status_illegal: Constant<Bits<3>>,
    #[default(literal(control::STATUS_READ_ERROR))]
    status_read: Constant<Bits<3>>,
    #[default(literal(control::STATUS_WRITE_ERROR))]
    status_write: Constant<Bits<3>>,
    illegal: Signal<Local, Bits<3>>,
    read_error: Signal<Local, Bits<3>>,
    write_error: Signal<Local, Bits<3>>,
    #[default(literal(allocate::OPTIMAL))]
    optimal: Constant<Bits<3>>,
    #[default(literal(allocate::INFEASIBLE))]
    infeasible: Constant<Bits<3>>,
    #[default(literal(allocate::OVERFLOW))]
    overflow: Constant<Bits<3>>,
    #[default(literal(allocate::BAD_PROBLEM))]
    bad_problem: Constant<Bits<3>>,
    #[default(Constant::new(OVERFLOW.to_bits()))]
    overflow_cell: Constant<Bits<33>>,
    #[default(literal(allocate::SCRATCH_OFFSET as u32))]
    scratch: Constant<Bits<AW>>,
    #[default(literal((allocate::WORDS * BB) as u32))]
    levels_at: Constant<Bits<AW>>,
    scratch_at: Signal<Local, Bits<AW>>,
    #[default(literal(allocate::BURST as u32 - 1))]
    burst_length: Constant<Bits<8>>,
    #[default(literal(0))]
    one_beat: Constant<Bits<8>>,
    #[default(literal(0))]
    no_cells: Constant<Bits<7>>,
    #[default(literal(0))]
    no_word: Constant<Bits<BUS>>,
    from_decisions: Signal<Local, Bits<BUS>>,
    from_levels: Signal<Local, Bits<BUS>>,
    from_record: Signal<Local, Bits<BUS>>,
    #[default(literal(BS as u32))]
    beat_size: Constant<Bits<3>>,
    #[default(literal(((1u64 << BB) - 1) as u32))]
    all_bytes: Constant<Bits<BB>>,
    /// AXI burst type INCR.
    #[default(literal(1))]
    incrementing: Constant<Bits<2>>,
}

impl<
        const L: usize,
        const P: usize,
        const A: usize,
        const D: usize,
        const AW: usize,
        const BUS: usize,
        const BB: usize,
        const BS: usize,
        const RP: usize,
        const RB: usize,
    > Logic for Allocate<L, P, A, D, AW, BUS, BB, BS, RP, RB>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, ap_clk, stepping, in_use, decided, read_failed);
        clock!(self, ap_clk, control, fetch, header, costs, chain, rows, tail);
        clock!(self, ap_clk, decisions, levels, sink, trace, record, conduct);
        self.reset.next = !self.ap_rst_n.val();
        self.start.next = self.control.start.val();
        self.clear.next = self.reset.val() || self.control.start.val();
        self.control.reset.next = self.reset.val();
        self.fetch.reset.next = self.reset.val();
        self.conduct.reset.next = self.reset.val();
        self.costs.clear.next = self.clear.val();
        self.chain.clear.next = self.clear.val();
        self.rows.clear.next = self.clear.val();
        self.tail.clear.next = self.clear.val();
        self.decisions.clear.next = self.clear.val();
        self.levels.clear.next = self.clear.val();
        self.sink.clear.next = self.clear.val();
        self.trace.clear.next = self.clear.val();
        self.record.clear.next = self.clear.val();
        // AXI4-Lite slave.
        self.control.awvalid.next = self.s_axi_control_awvalid.val();
        self.control.awaddr.next = self.s_axi_control_awaddr.val();
        self.control.wvalid.next = self.s_axi_control_wvalid.val();
        self.control.wdata.next = self.s_axi_control_wdata.val();
        self.control.wstrb.next = self.s_axi_control_wstrb.val();
        self.control.bready.next = self.s_axi_control_bready.val();
        self.control.arvalid.next = self.s_axi_control_arvalid.val();
        self.control.araddr.next = self.s_axi_control_araddr.val();
        self.control.rready.next = self.s_axi_control_rready.val();
        self.s_axi_control_awready.next = self.control.awready.val();
        self.s_axi_control_wready.next = self.control.wready.val();
        self.s_axi_control_bvalid.next = self.control.bvalid.val();
        self.s_axi_control_bresp.next = self.control.bresp.val();
        self.s_axi_control_arready.next = self.control.arready.val();
        self.s_axi_control_rvalid.next = self.control.rvalid.val();
        self.s_axi_control_rdata.next = self.control.rdata.val();
        self.s_axi_control_rresp.next = self.control.rresp.val();
        self.interrupt.next = self.control.interrupt.val();
        self.control.done.next = self.conduct.done.val();
        self.illegal.next = self.no_status.val();
        self.read_error.next = self.no_status.val();
        self.write_error.next = self.no_status.val();
        if self.header.bad.val() {
            self.illegal.next = self.status_illegal.val();
        }
        if self.read_failed.q.val() {
            self.read_error.next = self.status_read.val();
        }
        if self.sink.write_error.val() {
            self.write_error.next = self.status_write.val();
        }
        self.status.next = self.illegal.val() | self.read_error.val() | self.write_error.val();
        self.control.status.next = self.status.val();
        // The problem: header, then tables.
        self.fetch.start.next = self.start.val();
        self.fetch.base.next = self.control.commands_at.val();
        self.fetch.flush.next = self.conduct.flush.val();
        self.fetch.cmd_ready.next = self.header.take.val() || self.costs.take.val();
        self.header.start.next = self.start.val();
        self.header.valid.next = self.fetch.cmd_valid.val();
        self.header.word.next = self.fetch.cmd.val();
        self.costs.valid.next = self.fetch.cmd_valid.val();
        self.costs.word.next = self.fetch.cmd.val();
        self.costs.enter.next = self.conduct.enter.val();
        self.costs.devices.next = self.header.devices.val();
        self.costs.levels.next = self.header.levels.val();
        self.costs.abreast.next = self.header.abreast.val();
        self.costs.level_bits.next = self.header.level_bits.val();
        self.costs.unit.next = self.header.unit.val();
        self.costs.taken.next = self.conduct.go.val();
        self.costs.arrived.next = self.stepping.q.val() && self.chain.arriving.val();
        // The lanes.
        self.stepping.d.next = self.conduct.working.val() && self.sink.room.val();
        self.chain.step.next = self.stepping.q.val();
        self.chain.load.next = self.costs.load.val();
        self.chain.cost.next = self.costs.cost.val();
        self.chain.place.next = self.costs.place.val();
        self.chain.mark.next = self.costs.mark.val();
        self.chain.first.next = self.costs.first.val();
        self.chain.turn.next = self.rows.turn.val();
        self.chain.x.next = self.rows.x.val();
        self.chain.x_path.next = self.rows.x_path.val();
        self.chain.x_row.next = self.rows.x_row.val();
        self.chain.y.next = self.rows.y.val();
        self.chain.y_path.next = self.rows.y_path.val();
        // Row memory on both sides of them.
        self.rows.step.next = self.stepping.q.val();
        self.rows.go.next = self.conduct.go.val();
        self.rows.seed.next = self.costs.seed.val();
        self.rows.partial.next = self.costs.partial.val();
        self.rows.source.next = self.conduct.source.val();
        self.rows.offset.next = self.costs.offset.val();
        self.rows.last.next = self.header.last.val();
        self.rows.write.next = self.tail.write.val();
        self.rows.write_bank.next = self.tail.write_bank.val();
        self.rows.write_at.next = self.tail.write_at.val();
        self.rows.data.next = self.chain.y_out.val();
        self.rows.path.next = self.chain.y_out_path.val().get_bits::<6>(0);
        self.tail.step.next = self.stepping.q.val();
        self.tail.go.next = self.conduct.go.val();
        self.tail.whole.next = self.costs.whole.val();
        self.tail.final_row.next = self.costs.last.val();
        self.tail.bank.next = !self.conduct.source.val();
        self.tail.arriving.next = self.chain.arriving.val();
        self.tail.y.next = self.chain.y_out.val();
        self.tail.last.next = self.header.last.val();
        self.tail.at_most.next = self.header.at_most.val();
        if self.conduct.go.val() {
            self.in_use.d.next = self.costs.used.val();
        }
        // What a run is at.
        self.solved.next = false;
        self.overflowed.next = self.tail.cost.val() == self.overflow_cell.val();
        self.outcome.next = self.optimal.val();
        if self.header.bad.val() {
            self.outcome.next = self.bad_problem.val();
        } else if self.tail.cost.val().get_bit(32) {
            self.outcome.next = self.infeasible.val();
        } else if self.overflowed.val() {
            self.outcome.next = self.overflow.val();
        } else {
            self.solved.next = true;
        }
        self.conduct.start.next = self.start.val();
        self.conduct.header_done.next = self.header.done.val();
        self.conduct.bad.next = self.header.bad.val();
        self.conduct.loaded.next = self.costs.loaded.val();
        self.conduct.whole.next = self.costs.whole.val();
        self.conduct.rows_free.next = self.rows.free.val();
        self.conduct.row_ready.next = self.tail.ready.val();
        self.conduct.ended.next = self.tail.ended.val();
        self.conduct.solved.next = self.solved.val();
        self.conduct.aligned.next = self.decisions.aligned.val() && self.levels.aligned.val();
        self.conduct.empty.next = self.sink.empty.val();
        self.conduct.fetch_busy.next = self.fetch.busy.val();
        self.conduct.trace_busy.next = self.trace.busy.val();
        self.conduct.record_busy.next = self.record.busy.val();
        // Read channel.
        self.scratch_at.next = self.control.weights_at.val() + self.scratch.val();
        self.m_axi_gmem_arvalid.next = self.fetch.arvalid.val();
        self.m_axi_gmem_araddr.next = self.fetch.araddr.val();
        self.m_axi_gmem_arlen.next = self.burst_length.val();
        self.fetch.arready.next = self.m_axi_gmem_arready.val();
        self.fetch.rvalid.next = self.m_axi_gmem_rvalid.val();
        self.trace.arready.next = false;
        self.trace.rvalid.next = false;
        if self.conduct.tracing.val() {
            self.m_axi_gmem_arvalid.next = self.trace.arvalid.val();
            self.m_axi_gmem_araddr.next = self.trace.araddr.val();
            self.m_axi_gmem_arlen.next = self.one_beat.val();
            self.fetch.arready.next = false;
            self.fetch.rvalid.next = false;
            self.trace.arready.next = self.m_axi_gmem_arready.val();
            self.trace.rvalid.next = self.m_axi_gmem_rvalid.val();
        }
        self.fetch.rdata.next = self.m_axi_gmem_rdata.val();
        self.m_axi_gmem_arid.next = false;
        self.m_axi_gmem_arsize.next = self.beat_size.val();
        self.m_axi_gmem_arburst.next = self.incrementing.val();
        self.m_axi_gmem_rready.next = true;
        // EXOKAY (1) is none; SLVERR (2) and DECERR (3) are.
        if self.m_axi_gmem_rvalid.val() && self.m_axi_gmem_rresp.val().get_bit(1) {
            self.read_failed.d.next = true;
        }
        // Traceback.
        self.trace.start.next = self.conduct.begin_trace.val();
        self.trace.at.next = self.scratch_at.val();
        self.trace.used.next = self.tail.used.val();
        self.trace.decisions.next = self.decided.q.val();
        self.trace.last.next = self.header.last.val();
        self.trace.abreast.next = self.header.abreast.val();
        self.trace.level_bits.next = self.header.level_bits.val();
        self.trace.level_mask.next = self.header.level_mask.val();
        self.trace.spare.next = self.costs.spare.val();
        self.trace.rdata.next = self.m_axi_gmem_rdata.val();
        // Decisions, levels and the record, one after the other, to card memory.
        self.decisions.push.next = self.tail.decide.val();
        self.decisions.word.next = self.chain.y_out_path.val();
        self.decisions.pad.next = self.conduct.pad.val();
        self.levels.push.next = self.trace.push.val();
        self.levels.word.next = self.trace.level.val();
        self.levels.pad.next = self.conduct.pad.val();
        if self.tail.decide.val() {
            self.decided.d.next = self.decided.q.val() + 1;
        }
        self.from_decisions.next = self.no_word.val();
        self.from_levels.next = self.no_word.val();
        self.from_record.next = self.no_word.val();
        if self.decisions.full.val() {
            self.from_decisions.next = self.decisions.beat.val();
        }
        if self.levels.full.val() {
            self.from_levels.next = self.levels.beat.val();
        }
        if self.record.push.val() {
            self.from_record.next = self.record.beat.val();
        }
        self.sink.push.next = self.decisions.full.val() || self.levels.full.val() || self.record.push.val();
        self.sink.beat.next = self.from_decisions.val() | self.from_levels.val() | self.from_record.val();
        self.sink.set.next = self.conduct.enter.val() || self.conduct.to_levels.val() || self.conduct.to_record.val();
        self.sink.at.next = self.scratch_at.val();
        if self.conduct.to_levels.val() {
            self.sink.at.next = self.control.weights_at.val() + self.levels_at.val();
        }
        if self.conduct.to_record.val() {
            self.sink.at.next = self.control.weights_at.val();
        }
        self.m_axi_gmem_awvalid.next = self.sink.awvalid.val();
        self.sink.awready.next = self.m_axi_gmem_awready.val();
        self.m_axi_gmem_awid.next = false;
        self.m_axi_gmem_awaddr.next = self.sink.awaddr.val();
        self.m_axi_gmem_awlen.next = self.burst_length.val();
        self.m_axi_gmem_awsize.next = self.beat_size.val();
        self.m_axi_gmem_awburst.next = self.incrementing.val();
        self.m_axi_gmem_wvalid.next = self.sink.wvalid.val();
        self.sink.wready.next = self.m_axi_gmem_wready.val();
        self.m_axi_gmem_wdata.next = self.sink.wdata.val();
        self.m_axi_gmem_wstrb.next = self.all_bytes.val();
        self.m_axi_gmem_wlast.next = self.sink.wlast.val();
        self.sink.bvalid.next = self.m_axi_gmem_bvalid.val();
        self.m_axi_gmem_bready.next = self.sink.bready.val();
        self.sink.bresp.next = self.m_axi_gmem_bresp.val();
        // Answer and counters.
        self.record.write.next = self.conduct.record.val();
        self.record.status.next = self.outcome.val();
        self.record.cost.next = self.tail.cost.val().get_bits::<32>(0);
        self.record.used.next = self.tail.used.val();
        self.record.cycles.next = self.conduct.counting.val();
        self.record.busy_lanes.next = self.rows.moving.val();
        self.held.next = self.conduct.working.val() & (!self.stepping.q.val());
        self.record.stalls.next = self.held.val();
        self.record.tracing.next = self.conduct.tracing.val();
        self.record.idle.next =
            self.conduct.counting.val() & (!(self.rows.moving.val() | self.conduct.tracing.val() | self.held.val()));
        self.record.passes.next = self.conduct.go.val();
        self.record.row_writes.next = self.tail.write.val();
        self.record.table_words.next = self.costs.take.val();
        self.record.decisions.next = self.tail.decide.val();
        self.record.bus_reads.next = self.m_axi_gmem_rvalid.val();
        self.record.bus_writes.next =
            self.sink.wvalid.val() && self.m_axi_gmem_wready.val() && (!self.record.busy.val());
        self.record.row_reads.next = self.rows.reads.val();
        self.record.cells.next = self.no_cells.val();
        if self.rows.moving.val() {
            self.record.cells.next = self.in_use.q.val();
        }
        if self.clear.val() {
            self.decided.d.next = 0.into();
            self.read_failed.d.next = false;
            self.stepping.d.next = false;
        }
    }
}

/// The Verilog of a kernel with these const generics; no switch is its own.
macro_rules! raw {
    ($kernel:ty, $config:expr) => {{
        let mut kernel = <$kernel>::default();
        kernel.connect_all();
        generate_verilog(&kernel)
    }};
}

include!(concat!(env!("OUT_DIR"), "/allocators.rs"));

/// rust-hdl's own Verilog of a configuration, before [`crate::merge`] makes it readable; the top module is `top`.
pub fn raw_verilog(config: &Config) -> Result<String, String> {
    kernel(config).ok_or_else(|| format!("configuration `{}` was not built in; run cargo build again", config.name))
}
