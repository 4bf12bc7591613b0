//! The activity counters: 16 counts of 32 bits in one small memory.
//!
//! Each event has a tally of 5 bits; those that can come more than once in a cycle have a wider one. A visitor goes round the 16 slots,
//! one a cycle, and moves the tally of the slot into the memory: no event is lost, because a tally holds what 16 cycles
//! can bring, and 16 wide counters cost one adder. In its first round after `new_run` the visitor reads words that are
//! always zero in place of the old counts. What it writes is also what a reader sees: `count` of `slot`, whole up to
//! two cycles before, every 16 cycles again. Latency from an event to its count: at most 19 cycles.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `eager` | in | 1: write counts that stay as they are too |
//! | `new_run` | in | pulse: all counts begin at zero |
//! | `cycles` … `stalls` | in | the event of that name happens in this cycle (see `systole_isa::counter`) |
//! | `macs`, `zero_products`, `acc_reads` | in 12, 12, 2 | how many in this cycle; one bank may be read for a sum and one for the drain |
//! | `slot`, `count` | out 4, out 32 | the counter that passes by, and its value |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;
use systole_isa::counter;

/// What happened since the last visit: W bits wide, `part` is zero but in a visit. Latency 1: what counts is registered, so
/// that no path of the units ends in an adder, and what a visit takes includes it, so that a visit only clears the sum.
#[derive(LogicBlock, Default)]
pub struct Tally<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forget all.
    pub clear: Signal<In, Bit>,
    /// The visitor is here; what comes in this cycle counts for the next visit.
    pub visit: Signal<In, Bit>,
    /// How many events in this cycle.
    pub events: Signal<In, Bits<W>>,
    /// In a visit, events since the last one.
    pub part: Signal<Out, Bits<W>>,
    came: DFF<Bits<W>>,
    sum: DFF<Bits<W>>,
    total: Signal<Local, Bits<W>>,
}

impl<const W: usize> Logic for Tally<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, came, sum);
        self.came.d.next = self.events.val();
        self.total.next = self.sum.q.val() + self.came.q.val();
        self.sum.d.next = self.total.val();
        self.part.next = 0.into();
        if self.visit.val() {
            self.part.next = self.total.val();
        }
        if self.visit.val() | self.clear.val() {
            self.sum.d.next = 0.into();
        }
        if self.clear.val() {
            self.came.d.next = 0.into();
        }
    }
}

/// The counts, and 16 words that stay zero. A leaf, because the zeros need an initial value. The word read is never the
/// one being written (`no_rw_check`), which spares a bypass.
#[derive(LogicBlock, Default)]
pub struct Bank {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word to read: 0 to 15 counts, 16 to 31 zero.
    pub from: Signal<In, Bits<5>>,
    /// Write: a count that stays as it is takes no access.
    pub write: Signal<In, Bit>,
    /// Count to write.
    pub to: Signal<In, Bits<4>>,
    /// Its new value.
    pub data: Signal<In, Bits<32>>,
    /// Word read, one cycle after `from`.
    pub q: Signal<Out, Bits<32>>,
    _words: [Bits<32>; 32],
    /// In logic cells on the ECP5, whose block RAM takes 5.7 ns to give a word.
    _shallow: bool,
}

impl Logic for Bank {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self._words[self.from.val().index()];
            if self.write.val() {
                self._words[self.to.val().index()] = self.data.val();
            }
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let block = "(* ram_style = \"block\", no_rw_check *) ";
        let style = if self._shallow {
            let cells = block.replace("block", "distributed");
            format!("`ifdef SYSTOLE_ECP5\n{cells}\n`else\n{block}\n`endif\n")
        } else {
            block.into()
        };
        Verilog::Custom(format!(
            "{style}reg [31:0] words [0:31];\ninteger i;\n\
             initial for (i = 0; i < 32; i = i + 1) words[i] = 0;\n\
             always @(posedge clock) begin\n    q <= words[from];\n    if (write) words[{{1'b0, to}}] <= data;\nend\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "bank".into(),
            clock: "clock".into(),
            inputs: ["from", "write", "to", "data"].map(String::from).to_vec(),
            outputs: vec!["q".into()],
        }]
    }
}

/// The counters of an array in which at most 2^(W−4) products happen in a cycle; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Counters<const W: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub eager: Signal<In, Bit>,
    pub new_run: Signal<In, Bit>,
    pub cycles: Signal<In, Bit>,
    pub busy: Signal<In, Bit>,
    pub macs: Signal<In, Bits<12>>,
    pub zero_products: Signal<In, Bits<12>>,
    pub idle: Signal<In, Bit>,
    pub act_reads: Signal<In, Bits<2>>,
    pub act_writes: Signal<In, Bit>,
    pub weight_reads: Signal<In, Bit>,
    pub weight_writes: Signal<In, Bit>,
    pub acc_reads: Signal<In, Bits<2>>,
    pub acc_writes: Signal<In, Bit>,
    pub bus_reads: Signal<In, Bit>,
    pub bus_writes: Signal<In, Bit>,
    pub drain_busy: Signal<In, Bit>,
    pub commands: Signal<In, Bit>,
    pub stalls: Signal<In, Bit>,
    pub slot: Signal<Out, Bits<4>>,
    pub count: Signal<Out, Bits<32>>,
    /// First step: choose a slot, read its count. Second step: add. Third: write, show.
    choice: DFF<Bits<4>>,
    fresh: DFF<Bit>,
    added: DFF<Bits<W>>,
    zeroed: DFF<Bit>,
    changed: DFF<Bit>,
    adding: DFF<Bits<4>>,
    sum: DFF<Bits<32>>,
    shown: DFF<Bits<4>>,
    bank: Bank,
    tally: [Tally<5>; 12],
    pair: [Tally<6>; 2],
    wide: [Tally<W>; 2],
    clear: Signal<Local, Bit>,
    narrow: Signal<Local, Bits<5>>,
    /// The slot of each tally.
    #[default(from_fn(|i| literal(NARROW[i] as u32)))]
    number: [Constant<Bits<4>>; 12],
    #[default(from_fn(|i| literal([counter::ACC_READS, counter::ACT_READS][i] as u32)))]
    pair_number: [Constant<Bits<4>>; 2],
    #[default(from_fn(|i| literal([counter::MACS, counter::ZERO_PRODUCTS][i] as u32)))]
    wide_number: [Constant<Bits<4>>; 2],
    #[default(literal(15))]
    last: Constant<Bits<4>>,
}

/// The counters that count at most one event in a cycle, in the order of the tallies.
const NARROW: [usize; 12] = [
    counter::CYCLES,
    counter::BUSY,
    counter::IDLE,
    counter::ACT_WRITES,
    counter::WEIGHT_READS,
    counter::WEIGHT_WRITES,
    counter::ACC_WRITES,
    counter::BUS_READS,
    counter::BUS_WRITES,
    counter::DRAIN_BUSY,
    counter::COMMANDS,
    counter::STALLS,
];

impl<const W: usize> Counters<W> {
    /// Counters for an array of n rows and columns.
    pub fn new(n: usize) -> Self {
        assert!(16 * n * n < 1 << W, "tallies of {W} bits do not hold 16 cycles of {} products", n * n);
        Self::default()
    }

    /// Of a pipelined kernel, if `yes`: for a faster clock.
    pub fn pipelined(mut self, yes: bool) -> Self {
        self.bank._shallow = yes;
        self
    }
}

impl<const W: usize> Logic for Counters<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, choice, fresh, added, zeroed, changed, adding, sum, shown);
        self.bank.clock.next = self.clock.val();
        self.clear.next = self.new_run.val() | self.reset.val();

        self.tally[0].events.next = bit_cast::<5, 1>(self.cycles.val().into());
        self.tally[1].events.next = bit_cast::<5, 1>(self.busy.val().into());
        self.tally[2].events.next = bit_cast::<5, 1>(self.idle.val().into());
        self.tally[3].events.next = bit_cast::<5, 1>(self.act_writes.val().into());
        self.tally[4].events.next = bit_cast::<5, 1>(self.weight_reads.val().into());
        self.tally[5].events.next = bit_cast::<5, 1>(self.weight_writes.val().into());
        self.tally[6].events.next = bit_cast::<5, 1>(self.acc_writes.val().into());
        self.tally[7].events.next = bit_cast::<5, 1>(self.bus_reads.val().into());
        self.tally[8].events.next = bit_cast::<5, 1>(self.bus_writes.val().into());
        self.tally[9].events.next = bit_cast::<5, 1>(self.drain_busy.val().into());
        self.tally[10].events.next = bit_cast::<5, 1>(self.commands.val().into());
        self.tally[11].events.next = bit_cast::<5, 1>(self.stalls.val().into());
        self.pair[0].events.next = bit_cast::<6, 2>(self.acc_reads.val());
        self.pair[1].events.next = bit_cast::<6, 2>(self.act_reads.val());
        self.wide[0].events.next = bit_cast::<W, 12>(self.macs.val());
        self.wide[1].events.next = bit_cast::<W, 12>(self.zero_products.val());

        // All parts but the visited one are zero.
        self.narrow.next = 0.into();
        for i in 0..12 {
            self.tally[i].clock.next = self.clock.val();
            self.tally[i].clear.next = self.clear.val();
            self.tally[i].visit.next = self.choice.q.val() == self.number[i].val();
            self.narrow.next = self.narrow.val() | self.tally[i].part.val();
        }
        for i in 0..2 {
            self.pair[i].clock.next = self.clock.val();
            self.pair[i].clear.next = self.clear.val();
            self.pair[i].visit.next = self.choice.q.val() == self.pair_number[i].val();
            self.wide[i].clock.next = self.clock.val();
            self.wide[i].clear.next = self.clear.val();
            self.wide[i].visit.next = self.choice.q.val() == self.wide_number[i].val();
        }
        self.added.d.next = bit_cast::<W, 5>(self.narrow.val())
            | bit_cast::<W, 6>(self.pair[0].part.val())
            | bit_cast::<W, 6>(self.pair[1].part.val())
            | self.wide[0].part.val()
            | self.wide[1].part.val();
        self.zeroed.d.next = self.fresh.q.val();
        self.adding.d.next = self.choice.q.val();
        self.choice.d.next = self.choice.q.val() + 1;
        if self.choice.q.val() == self.last.val() {
            self.fresh.d.next = false;
        }
        self.bank.from.next = bit_cast::<5, 4>(self.choice.q.val());
        if self.fresh.q.val() {
            self.bank.from.next = bit_cast::<5, 4>(self.choice.q.val()) | 16;
        }

        self.sum.d.next = self.bank.q.val() + bit_cast::<32, W>(self.added.q.val());
        self.shown.d.next = self.adding.q.val();
        // Most tallies are empty most of the time.
        self.changed.d.next = self.eager.val() | self.zeroed.q.val() | self.added.q.val().any();
        self.bank.write.next = self.changed.q.val();
        self.bank.to.next = self.shown.q.val();
        self.bank.data.next = self.sum.q.val();
        self.slot.next = self.shown.q.val();
        self.count.next = self.sum.q.val();
        if self.clear.val() {
            self.choice.d.next = 0.into();
            self.fresh.d.next = true;
        }
    }
}
