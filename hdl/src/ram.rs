//! The memories everything on the chip is made of: leaves with hand-written Verilog and a Rust twin each.
//!
//! All read with one cycle of latency and hold the last word read while the read enable is low. [`RamShared`] with one
//! port (a write wins over a read) becomes two `SB_SPRAM256KA` for each 32 bits where the iCE40 has them; a write
//! spoils their output, so take a word in the cycle after its read. [`Ram2`] has a read and a write port and becomes
//! block RAM. Who uses a [`Ram2`] sees to it that no word is read while it is being written: hardware may give anything
//! then (both simulations give the old word). [`RamParts`] is a [`Ram2`] that is written a part at a time.

use crate::copies;
use rust_hdl_core::prelude::*;

/// Words in one SPRAM of the iCE40 UltraPlus, as a power of two; each word has 16 bits.
const SPRAM_WORDS_LOG2: usize = 14;

/// Memory of 2^A words of W bits for the array (port a, reads) and for everything else (port b, reads or writes), with
/// P = 2 ports, or P = 1 that both share: then `q_a` and `q_b` are the same, and `turn_b` says whose address it takes.
/// Latency 1, or 3 for a pipelined one of two ports: a register before the memory, one behind it.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `read_a`, `address_a` | in | 1: read that word |
/// | `read_b`, `write_b`, `address_b`, `data_b` | in | 1: read that word; write it |
/// | `turn_b` | in | 1: one port takes port b's address; a write is one in its turn |
/// | `q_a`, `q_b` | out | W bits, one cycle after the read |
#[derive(LogicBlock, Default)]
pub struct RamShared<const W: usize, const A: usize, const P: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Read for the array.
    pub read_a: Signal<In, Bit>,
    /// Word.
    pub address_a: Signal<In, Bits<A>>,
    /// Read for others.
    pub read_b: Signal<In, Bit>,
    /// Write.
    pub write_b: Signal<In, Bit>,
    /// Word.
    pub address_b: Signal<In, Bits<A>>,
    /// Word to write.
    pub data_b: Signal<In, Bits<W>>,
    /// One port: port b's turn.
    pub turn_b: Signal<In, Bit>,
    /// Word read for the array.
    pub q_a: Signal<Out, Bits<W>>,
    /// Word read for others.
    pub q_b: Signal<Out, Bits<W>>,
    _words: Vec<Bits<W>>,
    _pipelined: Box<bool>,
    /// Port b reads nothing.
    _writes_b: Box<bool>,
    /// Of a pipelined one: the requests in the registers before the memory, and the words behind it.
    _requests: Box<(Request<W>, Request<W>)>,
    _behind: Box<[Bits<W>; 2]>,
}

/// A read or write of one port.
#[derive(Clone, Copy, Default)]
struct Request<const W: usize> {
    read: bool,
    write: bool,
    at: usize,
    data: Bits<W>,
}

impl<const W: usize, const A: usize, const P: usize> RamShared<W, A, P> {
    /// With registers before and behind the memory, if `yes`; only with two ports.
    pub fn pipelined(yes: bool) -> Self {
        assert!(!yes || P == 2, "a pipelined memory has two ports");
        Self { _pipelined: Box::new(yes), ..Default::default() }
    }

    /// One whose port b reads nothing: a block of a pipelined one needs no enable there but its write's, and `q_b` is 0.
    pub fn writes_b(self) -> Self {
        Self { _writes_b: Box::new(true), ..self }
    }

    /// The blocks of a pipelined memory, each of the text `part`, on the ECP5: a few of them share a copy of what they are asked.
    fn groups(&self, slice: usize, part: &str) -> String {
        let copies: String = self.requests().into_iter().map(|(name, d, bits)| copies::ecp5(name, d, bits)).collect();
        format!(
            "{}always @(posedge clock) begin\n{}end\ngenvar g;\ngenvar i;\n\
             for (g = 0; g < {W}; g = g + {share}) begin : group\n{copies}\
             for (i = g; i < {W} && i < g + {share}; i = i + {slice}) begin : slice\n{part}end\nend\n",
            self.words()[0],
            self.words()[1],
            share = SHARE * slice
        )
    }

    /// The registers before a pipelined memory, for what it is asked: name, what it takes, bits.
    fn requests(&self) -> Vec<(&'static str, &'static str, usize)> {
        let used = (!*self._writes_b).then_some(("used_b_taken", "read_b || write_b", 1));
        let (a, b) = (("read_a_taken", "read_a", 1), ("write_b_taken", "write_b", 1));
        let addresses = [("address_a_taken", "address_a", A), ("address_b_taken", "address_b", A)];
        [Some(a), used, Some(b)].into_iter().flatten().chain(addresses).collect()
    }

    /// The registers of the words: their Verilog, and what they take.
    fn words(&self) -> [String; 2] {
        let word = W - 1;
        let (behind, q_b) =
            if *self._writes_b { (String::new(), "0") } else { (format!("reg [{word}:0] word_b;\n"), "word_b") };
        [
            format!("reg [{word}:0] word_a;\n{behind}reg [{word}:0] data_b_taken;\n"),
            format!("    data_b_taken <= data_b;\n    q_a <= word_a;\n    q_b <= {q_b};\n"),
        ]
    }

    /// Verilog of all registers, one of each.
    fn registers(&self) -> String {
        let [mut registers, mut taken] = self.words();
        for (name, d, bits) in self.requests() {
            registers += &format!("reg [{}:0] {name};\n", bits - 1);
            taken += &format!("    {name} <= {d};\n");
        }
        format!("{registers}always @(posedge clock) begin\n{taken}end\n")
    }
}

impl<const W: usize, const A: usize, const P: usize> Logic for RamShared<W, A, P> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self._words.is_empty() {
                self._words = vec![Bits::<W>::default(); 1 << A];
            }
            let [mut at_a, mut at_b] = [self.address_a.val().index(), self.address_b.val().index()];
            if P == 1 {
                let at = if self.turn_b.val() { at_b } else { at_a };
                [at_a, at_b] = [at, at];
            }
            let read_a = self.read_a.val() && (P > 1 || !self.write_b.val());
            let read_b = self.read_b.val() && !self.write_b.val();
            if *self._pipelined {
                let [word_a, word_b] = *self._behind;
                self.q_a.next = word_a;
                self.q_b.next = if *self._writes_b { Bits::default() } else { word_b };
                let (a, b) = *self._requests;
                if a.read {
                    self._behind[0] = self._words[a.at];
                }
                if b.read {
                    self._behind[1] = self._words[b.at];
                }
                if b.write {
                    self._words[b.at] = b.data;
                }
                *self._requests = (
                    Request { read: read_a, at: at_a, ..Default::default() },
                    Request { read: read_b, write: self.write_b.val(), at: at_b, data: self.data_b.val() },
                );
                return;
            }
            if read_a {
                self.q_a.next = self._words[at_a];
            }
            if read_b {
                self.q_b.next = self._words[at_b];
            }
            if P == 1 && read_a {
                self.q_b.next = self._words[at_a];
            }
            if P == 1 && read_b {
                self.q_a.next = self._words[at_b];
            }
            if self.write_b.val() {
                self._words[at_b] = self.data_b.val();
            }
        }
    }

    fn connect(&mut self) {
        self.q_a.connect();
        self.q_b.connect();
    }

    fn hdl(&self) -> Verilog {
        if P > 1 {
            let last = (1usize << A) - 1;
            let (word, taken) = if *self._pipelined { ("word", "_taken") } else { ("q", "") };
            let part = |bits: usize, slice: &str| {
                let words =
                    format!("(* ram_style = \"block\", no_rw_check *) reg [{}:0] words [0:{last}];\n", bits - 1);
                if *self._pipelined && *self._writes_b {
                    return format!(
                        "{words}always @(posedge clock) begin\n    if (read_a_taken) word_a{slice} <= words[address_a_taken];\n    \
                         if (write_b_taken) words[address_b_taken] <= data_b_taken{slice};\nend\n"
                    );
                }
                // Pipelined: a block's enable of port b comes from a register too.
                let [used, end, reads] = if *self._pipelined {
                    ["if (used_b_taken) begin\n        ", "    end\n", "else"]
                } else {
                    ["", "", "else if (read_b)"]
                };
                format!(
                    "{words}always @(posedge clock) begin\n    \
                     if (read_a{taken}) {word}_a{slice} <= words[address_a{taken}];\nend\nalways @(posedge clock) begin\n    \
                     {used}if (write_b{taken}) words[address_b{taken}] <= data_b{taken}{slice};\n    \
                     {reads} {word}_b{slice} <= words[address_b{taken}];\n{end}end\n"
                )
            };
            let registers = if *self._pipelined { self.registers() } else { String::new() };
            let whole = registers + &part(W, "");
            let slice = ECP5_BLOCK >> A;
            if !(1..=4).contains(&slice) || !W.is_multiple_of(slice) {
                return Verilog::Custom(whole);
            }
            let slice_part = part(slice, &format!("[i +: {slice}]"));
            if *self._pipelined {
                let groups = self.groups(slice, &slice_part);
                return Verilog::Custom(format!("`ifdef SYSTOLE_ECP5\n{groups}`else\n{whole}`endif\n"));
            }
            let slices = format!("genvar i;\nfor (i = 0; i < {W}; i = i + {slice}) begin : slice\n{slice_part}end\n");
            return Verilog::Custom(format!("`ifdef SYSTOLE_ECP5\n{slices}`else\n{whole}`endif\n"));
        }
        let generic = format!(
            "reg [{}:0] words [0:{}];\nalways @(posedge clock) begin\n    if (write_b) words[address] <= data_b;\n    \
             else if (read_a || read_b) word <= words[address];\nend\n",
            W - 1,
            (1usize << A) - 1
        );
        let shared = format!(
            "wire [{}:0] address = turn_b ? address_b : address_a;\nalways @(*) begin\n    q_a = word;\n    \
             q_b = word;\nend\n",
            A - 1
        );
        if A != SPRAM_WORDS_LOG2 || !W.is_multiple_of(16) {
            return Verilog::Custom(format!("reg [{}:0] word;\n{shared}{generic}", W - 1));
        }
        let blocks: String = (0..W / 16)
            .map(|i| {
                format!(
                    "SB_SPRAM256KA block{i} (.ADDRESS(address), .DATAIN(data_b[{hi}:{lo}]), .MASKWREN(4'b1111),\n    \
                     .WREN(write_b), .CHIPSELECT(read_a | read_b | write_b), .CLOCK(clock), .STANDBY(1'b0),\n    \
                     .SLEEP(1'b0), .POWEROFF(1'b1), .DATAOUT(word[{hi}:{lo}]));\n",
                    hi = 16 * i + 15,
                    lo = 16 * i
                )
            })
            .collect();
        Verilog::Custom(format!(
            "`ifdef SYSTOLE_ICE40\nwire [{0}:0] word;\n{blocks}`else\nreg [{0}:0] word;\n{generic}`endif\n{shared}",
            W - 1
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "ram_shared".into(),
            clock: "clock".into(),
            inputs: ["read_a", "address_a", "read_b", "write_b", "address_b", "data_b", "turn_b"]
                .map(String::from)
                .to_vec(),
            outputs: vec!["q_a".into(), "q_b".into()],
        }]
    }
}

/// Bits of an ECP5 block RAM without those for parity. A memory that is deeper than a block of 9 bits is cut into slices as
/// deep as itself: yosys would stack blocks, and the multiplexer behind them comes after the 5.7 ns that a word takes.
const ECP5_BLOCK: usize = 1 << 14;

/// Blocks that share a copy of the registers before a pipelined memory.
const SHARE: usize = 6;

/// Words up to which a memory on the ECP5 is better off outside block RAM, which takes 5.7 ns to give a word; the RAM in
/// its logic cells takes a tenth.
const SHALLOW: usize = 32;

/// The attribute of a memory of so many words, from `few` words down made of registers.
fn ram_style(words: usize, few: usize) -> String {
    let style = |kind: &str| format!("(* ram_style = \"{kind}\", no_rw_check *) ");
    if words <= few {
        String::new()
    } else if words <= SHALLOW {
        format!("`ifdef SYSTOLE_ECP5\n{}\n`else\n{}\n`endif\n", style("distributed"), style("block"))
    } else {
        style("block")
    }
}

/// Memory of D words (at most 2^A) of W bits with a read port and a write port. Latency 1.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `read`, `read_address` | in | 1: read that word |
/// | `write`, `write_address`, `data` | in | 1: write that word |
/// | `q` | out | W bits, one cycle after `read` |
#[derive(LogicBlock, Default)]
pub struct Ram2<const W: usize, const A: usize, const D: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Read this cycle.
    pub read: Signal<In, Bit>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Write this cycle.
    pub write: Signal<In, Bit>,
    /// Word to write to.
    pub write_address: Signal<In, Bits<A>>,
    /// Word to write.
    pub data: Signal<In, Bits<W>>,
    /// Word read.
    pub q: Signal<Out, Bits<W>>,
    _words: Vec<Bits<W>>,
    /// There is a register behind the memory, and what comes into it.
    _registered: Box<bool>,
    _word: Box<Bits<W>>,
}

impl<const W: usize, const A: usize, const D: usize> Ram2<W, A, D> {
    /// With a register behind the memory, if `yes`: latency 2.
    pub fn registered(yes: bool) -> Self {
        Self { _registered: Box::new(yes), ..Default::default() }
    }
}

impl<const W: usize, const A: usize, const D: usize> Logic for Ram2<W, A, D> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self._words.is_empty() {
                self._words = vec![Bits::<W>::default(); 1 << A];
            }
            let address = |a: Bits<A>| if D == 1 { 0 } else { a.index() };
            if *self._registered {
                self.q.next = *self._word;
            }
            if self.read.val() {
                *self._word = self._words[address(self.read_address.val())];
                if !*self._registered {
                    self.q.next = *self._word;
                }
            }
            if self.write.val() {
                self._words[address(self.write_address.val())] = self.data.val();
            }
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        assert!(D <= 1 << A, "Ram2 of {D} words has {A} address bits");
        // Without `ram_style` yosys builds small memories from flip-flops; one word is better off as such. Without
        // `no_rw_check` it adds a bypass to make a collision well defined, at 140 cells for each 64 bits on the iCE40.
        let style = ram_style(D, 2);
        let (r, w) = if D == 1 { ("0", "0") } else { ("read_address", "write_address") };
        let (register, word, behind) = if *self._registered {
            (format!("reg [{}:0] word;\n", W - 1), "word", "    q <= word;\n")
        } else {
            (String::new(), "q", "")
        };
        Verilog::Custom(format!(
            "{register}{style}reg [{}:0] words [0:{}];\nalways @(posedge clock) begin\n    if (read) {word} <= words[{r}];\n{behind}    \
             if (write) words[{w}] <= data;\nend\n",
            W - 1,
            D - 1
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "ram2".into(),
            clock: "clock".into(),
            inputs: ["read", "read_address", "write", "write_address", "data"].map(String::from).to_vec(),
            outputs: vec!["q".into()],
        }]
    }
}

/// Memory of D words (at most 2^A) of P·W bits, read whole and written a part of W bits at a time. Latency 1.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `read`, `read_address` | in | 1: read that word |
/// | `write`, `part`, `write_address`, `data` | in | 1: write that part (one hot, lowest first) of that word |
/// | `all`, `whole` | in | with `write`: write the whole word |
/// | `q` | out | B = P·W bits, one cycle after `read` |
#[derive(LogicBlock, Default)]
pub struct RamParts<const W: usize, const P: usize, const B: usize, const A: usize, const D: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Read this cycle.
    pub read: Signal<In, Bit>,
    /// Word to read.
    pub read_address: Signal<In, Bits<A>>,
    /// Write this cycle.
    pub write: Signal<In, Bit>,
    /// Part to write, one hot.
    pub part: Signal<In, Bits<P>>,
    /// Word to write to.
    pub write_address: Signal<In, Bits<A>>,
    /// Part to write.
    pub data: Signal<In, Bits<W>>,
    /// Write all parts.
    pub all: Signal<In, Bit>,
    /// All of them.
    pub whole: Signal<In, Bits<B>>,
    /// Word read.
    pub q: Signal<Out, Bits<B>>,
    _words: Vec<Bits<B>>,
}

impl<const W: usize, const P: usize, const B: usize, const A: usize, const D: usize> Logic for RamParts<W, P, B, A, D> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self._words.is_empty() {
                self._words = vec![Bits::<B>::default(); 1 << A];
            }
            let address = |a: Bits<A>| if D == 1 { 0 } else { a.index() };
            if self.read.val() {
                self.q.next = self._words[address(self.read_address.val())];
            }
            if self.write.val() {
                let at = address(self.write_address.val());
                for p in (0..P).filter(|&p| self.part.val().get_bit(p)) {
                    self._words[at].set_bits::<W>(p * W, self.data.val());
                }
                if self.all.val() {
                    self._words[at] = self.whole.val();
                }
            }
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        assert!(D <= 1 << A && B == P * W, "RamParts of {D} words, {P} parts of {W} bits: {A} address bits, {B} bits");
        let style = ram_style(D, 1);
        let (r, w) = if D == 1 { ("0", "0") } else { ("read_address", "write_address") };
        let select = |p: usize| if P == 1 { "part".into() } else { format!("part[{p}]") };
        let (memories, reads): (String, String) = (0..P)
            .map(|p| {
                let (high, low) = (W * (p + 1) - 1, W * p);
                (
                    format!("{style}reg [{}:0] part{p} [0:{}];\n", W - 1, D - 1),
                    format!(
                        "    if (read) q[{high}:{low}] <= part{p}[{r}];\n    \
                         if (write && (all || {})) part{p}[{w}] <= all ? whole[{high}:{low}] : data;\n",
                        select(p)
                    ),
                )
            })
            .unzip();
        Verilog::Custom(format!("{memories}always @(posedge clock) begin\n{reads}end\n"))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "ram_parts".into(),
            clock: "clock".into(),
            inputs: ["read", "read_address", "write", "part", "write_address", "data", "all", "whole"]
                .map(String::from)
                .to_vec(),
            outputs: vec!["q".into()],
        }]
    }
}
