//! The bridge of a small board: a serial line on one side, the kernel's two buses on the other. The protocol, and why it is so,
//! stands in [`systole_isa::bridge`].
//!
//! [`mod@line`] is the serial line, [`frame`] makes frames of its bits and bits of frames, with [`crc`] beside it and the words in a
//! [`memory`] of one bit's width; [`execute`] carries requests out. Request and reply never overlap, so one timer, one
//! checksum and one set of counters serve both directions, and everything but the buses' own registers goes a bit at a time.

pub mod crc;
pub mod execute;
pub mod frame;
pub mod line;
pub mod memory;

use crc::Crc;
use execute::Execute;
use frame::Frame;
use line::Line;
use memory::BitMemory;
use rust_hdl_core::prelude::*;
use systole_isa::bridge;

/// Name of the top module in Verilog.
pub const BRIDGE: &str = "systole_bridge";

/// The bridge with a timer of D bits a bit, BUS bits of memory bus, words counted in WB bits, A = WB + 6. The ports of the buses
/// have the names of [`execute`].
#[allow(missing_docs)] // see `execute` and `line`
#[derive(LogicBlock, Default)]
pub struct Bridge<const D: usize, const BUS: usize, const WB: usize, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub rx: Signal<In, Bit>,
    pub tx: Signal<Out, Bit>,
    /// A request or its reply is under way.
    pub busy: Signal<Out, Bit>,
    /// A burst waits for the host.
    pub waits: Signal<Out, Bit>,
    pub kernel_reset_n: Signal<Out, Bit>,
    pub interrupt: Signal<In, Bit>,
    pub c_awvalid: Signal<Out, Bit>,
    pub c_awready: Signal<In, Bit>,
    pub c_awaddr: Signal<Out, Bits<7>>,
    pub c_wvalid: Signal<Out, Bit>,
    pub c_wdata: Signal<Out, Bits<32>>,
    pub c_bvalid: Signal<In, Bit>,
    pub c_bready: Signal<Out, Bit>,
    pub c_arvalid: Signal<Out, Bit>,
    pub c_arready: Signal<In, Bit>,
    pub c_araddr: Signal<Out, Bits<7>>,
    pub c_rvalid: Signal<In, Bit>,
    pub c_rready: Signal<Out, Bit>,
    pub c_rdata: Signal<In, Bits<32>>,
    pub m_awvalid: Signal<In, Bit>,
    pub m_awready: Signal<Out, Bit>,
    pub m_awaddr: Signal<In, Bits<32>>,
    pub m_awlen: Signal<In, Bits<4>>,
    pub m_wvalid: Signal<In, Bit>,
    pub m_wready: Signal<Out, Bit>,
    pub m_wdata: Signal<In, Bits<BUS>>,
    pub m_wlast: Signal<In, Bit>,
    pub m_bvalid: Signal<Out, Bit>,
    pub m_bready: Signal<In, Bit>,
    pub m_bresp: Signal<Out, Bits<2>>,
    pub m_arvalid: Signal<In, Bit>,
    pub m_arready: Signal<Out, Bit>,
    pub m_arid: Signal<In, Bit>,
    pub m_araddr: Signal<In, Bits<32>>,
    pub m_arlen: Signal<In, Bits<4>>,
    pub m_rvalid: Signal<Out, Bit>,
    pub m_rready: Signal<In, Bit>,
    pub m_rid: Signal<Out, Bit>,
    pub m_rdata: Signal<Out, Bits<BUS>>,
    pub m_rresp: Signal<Out, Bits<2>>,
    pub m_rlast: Signal<Out, Bit>,
    line: Line<D>,
    crc: Crc,
    memory: BitMemory<A>,
    frame: Frame<WB, A>,
    execute: Execute<BUS, WB>,
}

impl<const D: usize, const BUS: usize, const WB: usize, const A: usize> Bridge<D, BUS, WB, A> {
    /// A bridge with `divider` clock cycles a bit that answers [`bridge::OP_IDENTIFY`] with `identity`.
    pub fn new(divider: u32, identity: [u32; bridge::IDENTITY_WORDS]) -> Self {
        assert!([32, 64, 128].contains(&BUS), "a bus of {BUS} bits; 32, 64 and 128 are possible");
        assert!(
            WB == 5 + (BUS / 32).ilog2() as usize && A == WB + 6,
            "{WB} bits of words and {A} of memory for {BUS} of bus"
        );
        // In a reply the identity follows the state's words.
        let first = (1 << (A - 2)) + 32 * bridge::STATE_WORDS;
        Self { line: Line::new(divider), memory: BitMemory::new(first, &identity), ..Default::default() }
    }
}

impl<const D: usize, const BUS: usize, const WB: usize, const A: usize> Logic for Bridge<D, BUS, WB, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, line, crc, memory, frame, execute);
        self.line.reset.next = self.reset.val();
        self.frame.reset.next = self.reset.val();
        self.execute.reset.next = self.reset.val();
        self.line.rx.next = self.rx.val();
        self.tx.next = self.line.tx.val();
        self.line.send.next = self.frame.send.val();
        self.line.data.next = self.frame.data.val();
        self.crc.clear.next = self.frame.sum_clear.val();
        self.crc.strobe.next = self.line.strobe.val();
        self.crc.value.next = self.line.value.val();
        self.frame.strobe.next = self.line.strobe.val();
        self.frame.value.next = self.line.value.val();
        self.frame.broken.next = self.line.broken.val();
        self.frame.silent.next = self.line.silent.val();
        self.frame.sum_next.next = self.crc.expected.val();
        self.frame.q.next = self.memory.q.val();
        self.memory.read_address.next = self.frame.read_address.val();
        self.memory.write_address.next = self.frame.write_address.val();
        self.memory.write.next = self.frame.keep.val() | self.execute.put.val();
        self.memory.data.next = self.line.value.val();
        if self.execute.put.val() {
            self.memory.data.next = self.execute.bit_out.val();
        }
        self.frame.step.next = self.execute.step.val();
        self.frame.restart.next = self.execute.restart.val();
        self.frame.region.next = self.execute.region.val();
        self.frame.done.next = self.execute.done.val();
        self.frame.reply_words.next = self.execute.reply_words.val();
        self.execute.work.next = self.frame.work.val();
        self.execute.operation.next = self.frame.operation.val();
        self.execute.sequence_bit.next = self.frame.sequence_bit.val();
        self.execute.none.next = self.frame.none.val();
        self.execute.place.next = self.frame.place.val();
        self.execute.word.next = self.frame.word.val();
        self.execute.q.next = self.memory.q.val();
        self.execute.wake.next = self.line.silent.val();
        self.busy.next = self.frame.work.val() | self.frame.send.val();
        self.waits.next = self.execute.waits.val();
        self.kernel_reset_n.next = self.execute.kernel_reset_n.val();
        self.execute.interrupt.next = self.interrupt.val();
        self.c_awvalid.next = self.execute.c_awvalid.val();
        self.execute.c_awready.next = self.c_awready.val();
        self.c_awaddr.next = self.execute.c_awaddr.val();
        self.c_wvalid.next = self.execute.c_wvalid.val();
        self.c_wdata.next = self.execute.c_wdata.val();
        self.execute.c_bvalid.next = self.c_bvalid.val();
        self.c_bready.next = self.execute.c_bready.val();
        self.c_arvalid.next = self.execute.c_arvalid.val();
        self.execute.c_arready.next = self.c_arready.val();
        self.c_araddr.next = self.execute.c_araddr.val();
        self.execute.c_rvalid.next = self.c_rvalid.val();
        self.c_rready.next = self.execute.c_rready.val();
        self.execute.c_rdata.next = self.c_rdata.val();
        self.execute.m_awvalid.next = self.m_awvalid.val();
        self.m_awready.next = self.execute.m_awready.val();
        self.execute.m_awaddr.next = self.m_awaddr.val();
        self.execute.m_awlen.next = self.m_awlen.val();
        self.execute.m_wvalid.next = self.m_wvalid.val();
        self.m_wready.next = self.execute.m_wready.val();
        self.execute.m_wdata.next = self.m_wdata.val();
        self.execute.m_wlast.next = self.m_wlast.val();
        self.m_bvalid.next = self.execute.m_bvalid.val();
        self.execute.m_bready.next = self.m_bready.val();
        self.m_bresp.next = self.execute.m_bresp.val();
        self.execute.m_arvalid.next = self.m_arvalid.val();
        self.m_arready.next = self.execute.m_arready.val();
        self.execute.m_arid.next = self.m_arid.val();
        self.execute.m_araddr.next = self.m_araddr.val();
        self.execute.m_arlen.next = self.m_arlen.val();
        self.m_rvalid.next = self.execute.m_rvalid.val();
        self.execute.m_rready.next = self.m_rready.val();
        self.m_rid.next = self.execute.m_rid.val();
        self.m_rdata.next = self.execute.m_rdata.val();
        self.m_rresp.next = self.execute.m_rresp.val();
        self.m_rlast.next = self.execute.m_rlast.val();
    }
}

/// rust-hdl's Verilog of a bridge, before [`crate::merge`] makes it readable; the top module is `top`. The timer has 4, 7 or 10
/// bits: each width takes its time to compile for each bus.
pub fn raw_verilog(divider: u32, bus_bits: usize, identity: [u32; bridge::IDENTITY_WORDS]) -> Result<String, String> {
    if !(line::LEAST_DIVIDER..=1024).contains(&divider) {
        return Err(format!("{divider} clock cycles a bit of the line; {} to 1024 are possible", line::LEAST_DIVIDER));
    }
    match (divider, bus_bits) {
        (..=16, 32) => Ok(raw(Bridge::<4, 32, 5, 11>::new(divider, identity))),
        (..=128, 32) => Ok(raw(Bridge::<7, 32, 5, 11>::new(divider, identity))),
        (_, 32) => Ok(raw(Bridge::<10, 32, 5, 11>::new(divider, identity))),
        (..=16, 64) => Ok(raw(Bridge::<4, 64, 6, 12>::new(divider, identity))),
        (..=128, 64) => Ok(raw(Bridge::<7, 64, 6, 12>::new(divider, identity))),
        (_, 64) => Ok(raw(Bridge::<10, 64, 6, 12>::new(divider, identity))),
        (..=16, 128) => Ok(raw(Bridge::<4, 128, 7, 13>::new(divider, identity))),
        (..=128, 128) => Ok(raw(Bridge::<7, 128, 7, 13>::new(divider, identity))),
        (_, 128) => Ok(raw(Bridge::<10, 128, 7, 13>::new(divider, identity))),
        _ => Err(format!("a bus of {bus_bits} bits; a bridge has 32, 64 or 128")),
    }
}

fn raw<B: Block>(mut bridge: B) -> String {
    bridge.connect_all();
    generate_verilog(&bridge)
}
