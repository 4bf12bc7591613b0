//! What a frame's words wait in: one block RAM, a bit wide, with a read and a write port. Latency 1.
//!
//! A leaf with hand-written Verilog and a Rust twin. The identity's words stand there from the beginning; nobody writes them.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `read_address`, `q` | in A, out | the bit there, a cycle later |
//! | `write`, `write_address`, `data` | in, in A, in | write that bit |

use rust_hdl_core::prelude::*;

/// Memory of 2^A bits; ports as in the table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, Default)]
pub struct BitMemory<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub read_address: Signal<In, Bits<A>>,
    pub write: Signal<In, Bit>,
    pub write_address: Signal<In, Bits<A>>,
    pub data: Signal<In, Bit>,
    pub q: Signal<Out, Bit>,
    _first: usize,
    _words: Vec<u32>,
    _bits: Vec<bool>,
}

impl<const A: usize> BitMemory<A> {
    /// A memory that holds `words` from bit `first` on, and zeros elsewhere.
    pub fn new(first: usize, words: &[u32]) -> Self {
        assert!(
            first + 32 * words.len() <= 1 << A,
            "{} words from bit {first} on in a memory of 2^{A} bits",
            words.len()
        );
        Self { _first: first, _words: words.to_vec(), ..Default::default() }
    }

    /// Bits that are one at the beginning.
    fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        (0..32 * self._words.len()).filter(|i| self._words[i / 32] >> (i % 32) & 1 == 1).map(|i| self._first + i)
    }
}

impl<const A: usize> Logic for BitMemory<A> {
    fn update(&mut self) {
        if self._bits.is_empty() {
            let mut bits = vec![false; 1 << A];
            self.ones().for_each(|i| bits[i] = true);
            self._bits = bits;
        }
        if self.clock.pos_edge() {
            self.q.next = self._bits[self.read_address.val().index()];
            if self.write.val() {
                self._bits[self.write_address.val().index()] = self.data.val();
            }
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let ones: String = self.ones().map(|i| format!("    bits[{i}] = 1'b1;\n")).collect();
        Verilog::Custom(format!(
            "(* ram_style = \"block\", no_rw_check *) reg bits [0:{last}];\ninteger i;\ninitial begin\n    \
             for (i = 0; i <= {last}; i = i + 1) bits[i] = 1'b0;\n{ones}end\n\
             always @(posedge clock) begin\n    q <= bits[read_address];\n    \
             if (write) bits[write_address] <= data;\nend\n",
            last = (1usize << A) - 1
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "bit_memory".into(),
            clock: "clock".into(),
            inputs: ["read_address", "write", "write_address", "data"].map(String::from).to_vec(),
            outputs: vec!["q".into()],
        }]
    }
}
