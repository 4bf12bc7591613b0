//! `systole_infer`: the inference kernel, ports as Vitis RTL kernels have them.
//!
//! A start on the AXI4-Lite slave makes the fetch unit read commands over AXI4; the sequencer executes them on the
//! datapath, the load and the store unit. A drained word has the activation memory's port, so the read channel of the
//! bus waits for it.

use crate::axi_read::AxiRead;
use crate::control::Control;
use crate::counters::Counters;
use crate::datapath::Datapath;
use crate::fetch::Fetch;
use crate::literal::literal;
use crate::load::Load;
use crate::sequencer::Sequencer;
use crate::store::Store;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::DFF;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::config::Config;
use systole_isa::control;

/// The kernel; the const generics are computed by `build.rs`, which names each.
#[allow(missing_docs)] // the ports have the names that AXI gives them
#[derive(LogicBlock, SmartDefault)]
pub struct Infer<
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
    const T: usize,
    const AW: usize,
    const BUS: usize,
    const BB: usize,
    const BS: usize,
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
    fetch: Fetch<AW, BUS, Z>,
    bus: AxiRead<AW>,
    load: Load<AW, BUS, M>,
    store: Store<AW, BUS, A, Z>,
    #[default(Counters::new(N).pipelined(Z > 0))]
    counters: Counters<T>,
    sequencer: Sequencer<Z>,
    data: Datapath<
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
    >,
    reset: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    clear: Signal<Local, Bit>,
    /// Pipelined: a cycle later, for it goes a long way; the first command is farther off.
    #[default(from_fn(|_| Default::default()))]
    cleared: [DFF<Bit>; Z],
    taking: Signal<Local, Bit>,
    status: Signal<Local, Bits<3>>,
    illegal: Signal<Local, Bits<3>>,
    read_error: Signal<Local, Bits<3>>,
    write_error: Signal<Local, Bits<3>>,
    #[default(literal(0))]
    no_status: Constant<Bits<3>>,
    #[default(literal(control::STATUS_ILLEGAL))]
    status_illegal: Constant<Bits<3>>,
    #[default(literal(control::STATUS_READ_ERROR))]
    status_read: Constant<Bits<3>>,
    #[default(literal(control::STATUS_WRITE_ERROR))]
    status_write: Constant<Bits<3>>,
    idle: Signal<Local, Bit>,
    #[default(literal(0))]
    none_read: Constant<Bits<2>>,
    #[default(literal(1))]
    one_read: Constant<Bits<2>>,
    #[default(literal(2))]
    two_read: Constant<Bits<2>>,
    #[default(literal(BS as u32))]
    beat_size: Constant<Bits<3>>,
    #[default(literal(((1u64 << BB) - 1) as u32))]
    all_bytes: Constant<Bits<BB>>,
    /// AXI burst type INCR.
    #[default(literal(1))]
    incrementing: Constant<Bits<2>>,
    /// Switches of `systole_isa::config::LowPower` that are off.
    #[default(Constant::new(false))]
    tile_eager: Constant<Bit>,
    #[default(Constant::new(false))]
    drain_eager: Constant<Bit>,
    #[default(Constant::new(false))]
    counters_eager: Constant<Bit>,
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
        const T: usize,
        const AW: usize,
        const BUS: usize,
        const BB: usize,
        const BS: usize,
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
    for Infer<
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
        T,
        AW,
        BUS,
        BB,
        BS,
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
        clock!(self, ap_clk, control, fetch, bus, load, store, counters, sequencer, data);
        self.reset.next = !self.ap_rst_n.val();
        self.control.reset.next = self.reset.val();
        self.fetch.reset.next = self.reset.val();
        self.bus.reset.next = self.reset.val();
        self.load.reset.next = self.reset.val();
        self.store.reset.next = self.reset.val();
        self.counters.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.start.next = self.control.start.val();
        self.clear.next = self.reset.val() || self.control.start.val();
        self.data.clear.next = self.clear.val();
        for z in 0..Z {
            self.cleared[z].clock.next = self.ap_clk.val();
            self.cleared[z].d.next = self.clear.val();
            self.data.clear.next = self.cleared[z].q.val();
        }
        self.data.tile_eager.next = self.tile_eager.val();
        self.data.drain_eager.next = self.drain_eager.val();
        self.counters.eager.next = self.counters_eager.val();
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
        self.control.done.next = self.sequencer.done.val();
        self.illegal.next = self.no_status.val();
        self.read_error.next = self.no_status.val();
        self.write_error.next = self.no_status.val();
        if self.sequencer.illegal.val() {
            self.illegal.next = self.status_illegal.val();
        }
        if self.bus.read_error.val() {
            self.read_error.next = self.status_read.val();
        }
        if self.store.write_error.val() {
            self.write_error.next = self.status_write.val();
        }
        self.status.next = self.illegal.val() | self.read_error.val() | self.write_error.val();
        self.control.status.next = self.status.val();
        // Commands.
        self.fetch.start.next = self.start.val();
        self.fetch.base.next = self.control.commands_at.val();
        self.fetch.flush.next = self.sequencer.flush.val();
        self.fetch.cmd_ready.next = self.sequencer.cmd_ready.val();
        self.sequencer.start.next = self.start.val();
        self.sequencer.cmd_valid.next = self.fetch.cmd_valid.val();
        self.sequencer.cmd.next = self.fetch.cmd.val();
        self.sequencer.fetch_busy.next = self.fetch.busy.val();
        self.sequencer.feed_busy.next = self.data.feed_busy.val();
        self.sequencer.feed_blocked.next = self.data.feed_blocked.val();
        self.sequencer.drain_busy.next = self.data.drain_busy.val();
        self.sequencer.load_busy.next = self.load.busy.val();
        self.sequencer.load_full.next = self.load.full.val();
        self.sequencer.load_older.next = self.load.older.val();
        self.sequencer.read_error.next = self.bus.read_error.val();
        self.sequencer.store_busy.next = self.store.busy.val();
        self.sequencer.marking.next = self.store.marking.val();
        self.data.set.next = self.sequencer.set.val();
        self.data.op.next = self.sequencer.op.val();
        self.data.value.next = self.sequencer.value.val();
        self.data.start_feed.next = self.sequencer.start_feed.val();
        self.data.start_drain.next = self.sequencer.start_drain.val();
        self.load.set.next = self.sequencer.set.val();
        self.load.op.next = self.sequencer.op.val();
        self.load.value.next = self.sequencer.value.val();
        self.load.start.next = self.sequencer.start_load.val();
        self.store.set.next = self.sequencer.set.val();
        self.store.op.next = self.sequencer.op.val();
        self.store.value.next = self.sequencer.value.val();
        self.store.start.next = self.sequencer.start_store.val();
        self.store.mark.next = self.sequencer.mark.val();
        self.store.gently.next = self.sequencer.gently.val();
        self.store.new_run.next = self.start.val();
        // Read channel. A drained word takes the activation memory's port, so the channel waits.
        self.taking.next = !self.data.load_wait.val();
        self.bus.start.next = self.start.val();
        self.bus.fetch_arvalid.next = self.fetch.arvalid.val();
        self.bus.fetch_araddr.next = self.fetch.araddr.val();
        self.fetch.arready.next = self.bus.fetch_arready.val();
        self.bus.load_arvalid.next = self.load.arvalid.val();
        self.bus.load_araddr.next = self.load.araddr.val();
        self.bus.load_arlen.next = self.load.arlen.val();
        self.load.arready.next = self.bus.load_arready.val();
        self.m_axi_gmem_arvalid.next = self.bus.arvalid.val();
        self.bus.arready.next = self.m_axi_gmem_arready.val();
        self.m_axi_gmem_arid.next = self.bus.arid.val();
        self.m_axi_gmem_araddr.next = self.bus.araddr.val();
        self.m_axi_gmem_arlen.next = self.bus.arlen.val();
        self.m_axi_gmem_arsize.next = self.beat_size.val();
        self.m_axi_gmem_arburst.next = self.incrementing.val();
        self.m_axi_gmem_rready.next = self.taking.val();
        self.bus.rvalid.next = self.m_axi_gmem_rvalid.val() && self.taking.val();
        self.bus.rid.next = self.m_axi_gmem_rid.val();
        self.bus.rresp.next = self.m_axi_gmem_rresp.val();
        self.fetch.rvalid.next = self.bus.fetch_rvalid.val();
        for z in 0..Z {
            self.fetch.offered[z].next = self.m_axi_gmem_rvalid.val() && !self.m_axi_gmem_rid.val();
        }
        self.fetch.rdata.next = self.m_axi_gmem_rdata.val();
        self.load.rvalid.next = self.bus.load_rvalid.val();
        self.load.weights_at.next = self.control.weights_at.val();
        self.load.input_at.next = self.control.input_at.val();
        self.load.output_at.next = self.control.output_at.val();
        // Not by way of `taking`: with one port the feeder's grant hangs on it.
        self.data.beat.next = self.m_axi_gmem_rvalid.val();
        self.data.load_to_act.next = self.load.to_act.val();
        self.data.load_act.next = self.m_axi_gmem_rvalid.val() && self.m_axi_gmem_rid.val() && self.load.to_act.val();
        self.data.load_weight.next = self.load.weight_write.val();
        self.data.load_address.next = self.load.address.val();
        self.data.load_word.next = self.m_axi_gmem_rdata.val().get_bits::<WB>(0);
        // Write channel.
        self.store.output_at.next = self.control.output_at.val();
        self.store.counters_at.next = self.control.counters_at.val();
        self.data.store_read.next = self.store.act_read.val();
        self.data.store_address.next = self.store.act_address.val();
        self.store.act_grant.next = self.data.store_grant.val();
        self.store.act_data.next = bit_cast::<BUS, WB>(self.data.store_word.val());
        self.m_axi_gmem_awvalid.next = self.store.awvalid.val();
        self.store.awready.next = self.m_axi_gmem_awready.val();
        self.m_axi_gmem_awid.next = false;
        self.m_axi_gmem_awaddr.next = self.store.awaddr.val();
        self.m_axi_gmem_awlen.next = bit_cast::<8, 4>(self.store.awlen.val());
        self.m_axi_gmem_awsize.next = self.beat_size.val();
        self.m_axi_gmem_awburst.next = self.incrementing.val();
        self.m_axi_gmem_wvalid.next = self.store.wvalid.val();
        self.store.wready.next = self.m_axi_gmem_wready.val();
        self.m_axi_gmem_wdata.next = self.store.wdata.val();
        self.m_axi_gmem_wstrb.next = self.all_bytes.val();
        self.m_axi_gmem_wlast.next = self.store.wlast.val();
        self.store.bvalid.next = self.m_axi_gmem_bvalid.val();
        self.m_axi_gmem_bready.next = self.store.bready.val();
        self.store.bresp.next = self.m_axi_gmem_bresp.val();
        // Counters.
        self.idle.next =
            !(self.data.feed_busy.val() || self.data.drain_busy.val() || self.load.busy.val() || self.store.busy.val());
        self.counters.new_run.next = self.start.val();
        self.counters.cycles.next = self.sequencer.running.val();
        self.counters.busy.next = self.data.fed.val();
        self.counters.macs.next = self.data.macs.val();
        self.counters.zero_products.next = self.data.zero_products.val();
        self.counters.idle.next = self.sequencer.running.val() && self.idle.val();
        self.counters.act_reads.next = self.data.act_read.val();
        self.counters.act_writes.next = self.data.act_write.val();
        self.counters.weight_reads.next = self.data.weight_read.val();
        self.counters.weight_writes.next = self.data.weight_write.val();
        self.counters.acc_reads.next = self.none_read.val();
        if self.data.acc_read.val() || self.data.acc_drain.val() {
            self.counters.acc_reads.next = self.one_read.val();
        }
        if self.data.acc_read.val() && self.data.acc_drain.val() {
            self.counters.acc_reads.next = self.two_read.val();
        }
        self.counters.acc_writes.next = self.data.acc_write.val();
        self.counters.bus_reads.next = self.m_axi_gmem_rvalid.val() && self.taking.val();
        self.counters.bus_writes.next = self.store.wvalid.val() && self.m_axi_gmem_wready.val();
        self.counters.drain_busy.next = self.data.draining.val();
        self.counters.commands.next = self.sequencer.executed.val();
        self.counters.stalls.next = self.data.stalled.val();
        self.store.slot.next = self.counters.slot.val();
        self.store.count.next = self.counters.count.val();
    }
}

/// The Verilog of a kernel with these const generics and the switches of the configuration.
macro_rules! raw {
    ($kernel:ty, $config:expr) => {{
        let (mut kernel, low_power) = (<$kernel>::default(), &$config.low_power);
        kernel.tile_eager = Constant::new(!low_power.next_tile);
        kernel.drain_eager = Constant::new(!low_power.drain);
        kernel.counters_eager = Constant::new(!low_power.counters);
        kernel.connect_all();
        generate_verilog(&kernel)
    }};
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// rust-hdl's own Verilog of a configuration, before [`crate::merge`] makes it readable; the top module is `top`.
pub fn raw_verilog(config: &Config) -> Result<String, String> {
    kernel(config).ok_or_else(|| format!("configuration `{}` was not built in; run cargo build again", config.name))
}
