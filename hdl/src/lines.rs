//! The line memories: give the groups of rows below the top one the samples of earlier lines, in line mode.
//!
//! A sample is asked for in one cycle and stands at the array's mouth in the next; beside it stands the sample one line
//! before, two lines before, and so on. Lines have 3 samples at least, so that none is read while it is written.

use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// LM line memories of LD = 2^LA samples of WB bits; Z = 1 in a pipelined kernel, else 0.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `ask` | in | 1: a sample of line mode will be here in the next cycle, or the one after that if pipelined |
/// | `word`, `valid` | in | that sample, and that it is there |
/// | `length` | in | samples of a line, less 1 |
/// | `earlier` | out | the samples 1 to LM lines before, beside `word` |
#[derive(LogicBlock, SmartDefault)]
pub struct Lines<const WB: usize, const LM: usize, const LA: usize, const LD: usize, const Z: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A sample comes.
    pub ask: Signal<In, Bit>,
    /// The sample.
    pub word: Signal<In, Bits<WB>>,
    /// It is there.
    pub valid: Signal<In, Bit>,
    /// Samples of a line, less 1.
    pub length: Signal<In, Bits<LA>>,
    /// Samples of earlier lines.
    #[default(from_fn(|_| Default::default()))]
    pub earlier: [Signal<Out, Bits<WB>>; LM],
    #[default(from_fn(|_| Ram2::registered(Z > 0)))]
    memory: [Ram2<WB, LA, LD>; LM],
    asked: DFF<Bits<LA>>,
    here: DFF<Bits<LA>>,
    // Pipelined: where the sample of a line ago is, of the sample that comes next; a job's first one comes cycles after its length.
    #[default(from_fn(|_| Default::default()))]
    ago: [DFF<Bits<LA>>; Z],
    #[default(from_fn(|_| Default::default()))]
    here_later: [DFF<Bits<LA>>; Z],
    line_ago: Signal<Local, Bits<LA>>,
    #[default(literal(1))]
    one: Constant<Bits<LA>>,
}

impl<const WB: usize, const LM: usize, const LA: usize, const LD: usize, const Z: usize> Logic
    for Lines<WB, LM, LA, LD, Z>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asked, here);
        self.line_ago.next = self.asked.q.val() - self.length.val() - self.one.val();
        if self.ask.val() {
            self.asked.d.next = self.asked.q.val() + self.one.val();
            self.here.d.next = self.asked.q.val();
        }
        for z in 0..Z {
            self.ago[z].clock.next = self.clock.val();
            self.ago[z].d.next = self.asked.q.val() - self.length.val() - self.one.val();
            if self.ask.val() {
                self.ago[z].d.next = self.ago[z].q.val() + self.one.val();
            }
            self.line_ago.next = self.ago[z].q.val();
            self.here_later[z].clock.next = self.clock.val();
            self.here_later[z].d.next = self.here.q.val();
        }
        for i in 0..LM {
            self.memory[i].clock.next = self.clock.val();
            self.memory[i].read.next = self.ask.val();
            self.memory[i].read_address.next = self.line_ago.val();
            self.memory[i].write.next = self.valid.val();
            self.memory[i].write_address.next = self.here.q.val();
            for z in 0..Z {
                self.memory[i].write_address.next = self.here_later[z].q.val();
            }
            self.memory[i].data.next = self.word.val();
            self.earlier[i].next = self.memory[i].q.val();
        }
        // The sample two lines before is the one that was one line before a line ago.
        for i in 1..LM {
            self.memory[i].data.next = self.memory[i - 1].q.val();
        }
    }
}
