//! What stands beside an activation word, two cycles later: for memories whose words come two cycles later.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

/// Two registers for each output of the feeder that goes with a word. For each port `x_in` there is `x`, two cycles later.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `ask_line_in`, `valid_in` … `starts_in` | in | a bit each, as the feeder has them |
/// | `line_length_in`, `pad_value_in`, `macs_in` | in | 12, 8 and 12 bits |
/// | `ask_line`, `valid` … `macs` | out | the same, two cycles later |
/// | `swap_next`, `ask_line_next`, `line_length_next` | out | `swap` in the next cycle; those two |
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, Default)]
pub struct Beside {
    pub clock: Signal<In, Clock>,
    pub ask_line_in: Signal<In, Bit>,
    pub valid_in: Signal<In, Bit>,
    pub pad_in: Signal<In, Bit>,
    pub swap_in: Signal<In, Bit>,
    pub line_in: Signal<In, Bit>,
    pub summed_in: Signal<In, Bit>,
    pub first_in: Signal<In, Bit>,
    pub max_in: Signal<In, Bit>,
    pub bank_in: Signal<In, Bit>,
    pub last_in: Signal<In, Bit>,
    pub starts_in: Signal<In, Bit>,
    pub line_length_in: Signal<In, Bits<12>>,
    pub pad_value_in: Signal<In, Bits<8>>,
    pub macs_in: Signal<In, Bits<12>>,
    pub ask_line: Signal<Out, Bit>,
    pub valid: Signal<Out, Bit>,
    pub pad: Signal<Out, Bit>,
    pub swap: Signal<Out, Bit>,
    pub swap_next: Signal<Out, Bit>,
    pub ask_line_next: Signal<Out, Bit>,
    pub line_length_next: Signal<Out, Bits<12>>,
    pub line: Signal<Out, Bit>,
    pub summed: Signal<Out, Bit>,
    pub first: Signal<Out, Bit>,
    pub max: Signal<Out, Bit>,
    pub bank: Signal<Out, Bit>,
    pub last: Signal<Out, Bit>,
    pub starts: Signal<Out, Bit>,
    pub line_length: Signal<Out, Bits<12>>,
    pub pad_value: Signal<Out, Bits<8>>,
    pub macs: Signal<Out, Bits<12>>,
    ask_line1: DFF<Bit>,
    valid1: DFF<Bit>,
    pad1: DFF<Bit>,
    swap1: DFF<Bit>,
    line1: DFF<Bit>,
    summed1: DFF<Bit>,
    first1: DFF<Bit>,
    max1: DFF<Bit>,
    bank1: DFF<Bit>,
    last1: DFF<Bit>,
    starts1: DFF<Bit>,
    line_length1: DFF<Bits<12>>,
    pad_value1: DFF<Bits<8>>,
    macs1: DFF<Bits<12>>,
    ask_line2: DFF<Bit>,
    valid2: DFF<Bit>,
    pad2: DFF<Bit>,
    swap2: DFF<Bit>,
    line2: DFF<Bit>,
    summed2: DFF<Bit>,
    first2: DFF<Bit>,
    max2: DFF<Bit>,
    bank2: DFF<Bit>,
    last2: DFF<Bit>,
    starts2: DFF<Bit>,
    line_length2: DFF<Bits<12>>,
    pad_value2: DFF<Bits<8>>,
    macs2: DFF<Bits<12>>,
}

impl Logic for Beside {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            ask_line1,
            valid1,
            pad1,
            swap1,
            line1,
            summed1,
            first1,
            max1,
            bank1,
            last1,
            starts1,
            line_length1,
            pad_value1,
            macs1
        );
        dff_setup!(
            self,
            clock,
            ask_line2,
            valid2,
            pad2,
            swap2,
            line2,
            summed2,
            first2,
            max2,
            bank2,
            last2,
            starts2,
            line_length2,
            pad_value2,
            macs2
        );
        self.ask_line1.d.next = self.ask_line_in.val();
        self.valid1.d.next = self.valid_in.val();
        self.pad1.d.next = self.pad_in.val();
        self.swap1.d.next = self.swap_in.val();
        self.line1.d.next = self.line_in.val();
        self.summed1.d.next = self.summed_in.val();
        self.first1.d.next = self.first_in.val();
        self.max1.d.next = self.max_in.val();
        self.bank1.d.next = self.bank_in.val();
        self.last1.d.next = self.last_in.val();
        self.starts1.d.next = self.starts_in.val();
        self.line_length1.d.next = self.line_length_in.val();
        self.pad_value1.d.next = self.pad_value_in.val();
        self.macs1.d.next = self.macs_in.val();
        self.ask_line2.d.next = self.ask_line1.q.val();
        self.valid2.d.next = self.valid1.q.val();
        self.pad2.d.next = self.pad1.q.val();
        self.swap2.d.next = self.swap1.q.val();
        self.line2.d.next = self.line1.q.val();
        self.summed2.d.next = self.summed1.q.val();
        self.first2.d.next = self.first1.q.val();
        self.max2.d.next = self.max1.q.val();
        self.bank2.d.next = self.bank1.q.val();
        self.last2.d.next = self.last1.q.val();
        self.starts2.d.next = self.starts1.q.val();
        self.line_length2.d.next = self.line_length1.q.val();
        self.pad_value2.d.next = self.pad_value1.q.val();
        self.macs2.d.next = self.macs1.q.val();
        self.ask_line.next = self.ask_line2.q.val();
        self.valid.next = self.valid2.q.val();
        self.pad.next = self.pad2.q.val();
        self.swap.next = self.swap2.q.val();
        self.swap_next.next = self.swap1.q.val();
        self.ask_line_next.next = self.ask_line1.q.val();
        self.line_length_next.next = self.line_length1.q.val();
        self.line.next = self.line2.q.val();
        self.summed.next = self.summed2.q.val();
        self.first.next = self.first2.q.val();
        self.max.next = self.max2.q.val();
        self.bank.next = self.bank2.q.val();
        self.last.next = self.last2.q.val();
        self.starts.next = self.starts2.q.val();
        self.line_length.next = self.line_length2.q.val();
        self.pad_value.next = self.pad_value2.q.val();
        self.macs.next = self.macs2.q.val();
    }
}
