//! The gate on every hardware module: the same vectors through three models, compared output by output and cycle by
//! cycle. Test support: it panics with the first difference, because a difference is a failed test.
//!
//! The three are (a) the rust-hdl simulation of the module, (b) the Verilog that the module emits, built by Verilator,
//! (c) an integer model that the test brings. The language gets several expressions silently wrong in (b) (a literal has
//! 64 bits there, `a & b == c` binds otherwise, casts do not truncate); none of them passes here.
//!
//! A cycle: inputs change, everything settles, outputs are sampled, the clock rises. So the outputs of cycle t follow
//! from the state before the edge and from the inputs of cycle t, and the model is called as
//! `outputs = model(inputs)`: compute the outputs, then step the state.
//!
//! A port takes one `u128` in the vectors, or as many as it takes to hold it (low part first) when it is wider.
//!
//! ```ignore
//! let bench = cosim!(Adder::<8>::default(), inputs: [reset, a, b], outputs: [sum, valid]).gate("sum", "valid");
//! let mut rng = Rng::new(1);
//! bench.check(1000, |cycle, _last| vec![(cycle == 0) as u128, rng.bits(8), rng.bits(8)], |i| vec![...]);
//! ```

mod port;
mod rng;
mod verilated;

pub use port::{Peek, Poke, Port};
pub use rng::Rng;

use rust_hdl_core::prelude::*;

type Write<B> = fn(&mut B, &[u128]);
type Read<B> = fn(&B) -> Vec<u128>;

/// A module under test: how to make it, and its ports.
pub struct Cosim<B> {
    make: Box<dyn Fn() -> B>,
    clock: fn(&mut B) -> &mut Signal<In, Clock>,
    inputs: Vec<Port<Write<B>>>,
    outputs: Vec<Port<Read<B>>>,
    gates: Vec<(usize, usize)>,
}

/// Makes a [`Cosim`] from an expression that builds the module and the names of its ports. The clock is `clock` unless
/// named first: `cosim!(X::default(), clock: clk, inputs: [..], outputs: [..])`. Fields of interfaces (`bus.address`)
/// and elements of arrays (`word[3]`) are ports too.
#[macro_export]
macro_rules! cosim {
    ($make:expr, inputs: [$($input:tt)*], outputs: [$($output:tt)*] $(,)?) => {
        $crate::cosim!($make, clock: clock, inputs: [$($input)*], outputs: [$($output)*])
    };
    ($make:expr, clock: $clock:ident,
     inputs: [$($i:ident $(. $is:ident)* $([$in:literal])? ),* $(,)?],
     outputs: [$($o:ident $(. $os:ident)* $([$on:literal])? ),* $(,)?] $(,)?) => {
        $crate::cosim::Cosim::new(move || $make, |b| &mut b.$clock)
            $(.input($crate::cosim::path(stringify!($i $(. $is)* $([$in])?)),
                |b| $crate::cosim::Poke::width(&b.$i $(. $is)* $([$in])?),
                |b, v| $crate::cosim::Poke::poke(&mut b.$i $(. $is)* $([$in])?, v)))*
            $(.output($crate::cosim::path(stringify!($o $(. $os)* $([$on])?)),
                |b| $crate::cosim::Peek::width(&b.$o $(. $os)* $([$on])?),
                |b| $crate::cosim::Peek::peek(&b.$o $(. $os)* $([$on])?)))*
    };
}

/// The name that the emitted Verilog gives to a field path.
pub fn path(source: &str) -> String {
    source.replace(' ', "").replace(['.', '['], "_").replace(']', "")
}

impl<B: Block> Cosim<B> {
    /// A module without ports yet; [`cosim!`](crate::cosim!) adds them.
    pub fn new(make: impl Fn() -> B + 'static, clock: fn(&mut B) -> &mut Signal<In, Clock>) -> Self {
        Self { make: Box::new(make), clock, inputs: vec![], outputs: vec![], gates: vec![] }
    }

    /// Adds an input port.
    pub fn input(mut self, name: String, width: fn(&B) -> usize, poke: fn(&mut B, &[u128])) -> Self {
        let bits = width(&(self.make)());
        self.inputs.push(Port { name, bits, access: poke });
        self
    }

    /// Adds an output port.
    pub fn output(mut self, name: String, width: fn(&B) -> usize, peek: fn(&B) -> Vec<u128>) -> Self {
        let bits = width(&(self.make)());
        self.outputs.push(Port { name, bits, access: peek });
        self
    }

    /// The integer model answers for output `data` only where its 1-bit output `valid` is one. The two simulations are
    /// compared always.
    pub fn gate(mut self, data: &str, valid: &str) -> Self {
        let find = |name: &str| {
            let wanted = path(name);
            self.outputs.iter().position(|p| p.name == wanted).unwrap_or_else(|| panic!("no output port `{name}`"))
        };
        let gate = (find(data), find(valid));
        self.gates.push(gate);
        self
    }

    /// Runs `cycles` cycles through all three and panics at the first difference. `stimulus` gets the cycle number and
    /// the model's outputs of the cycle before (empty at first) and gives the inputs in their order.
    pub fn check(
        &self,
        cycles: usize,
        mut stimulus: impl FnMut(usize, &[u128]) -> Vec<u128>,
        mut model: impl FnMut(&[u128]) -> Vec<u128>,
    ) {
        let (in_limbs, out_limbs) = (Port::total(&self.inputs), Port::total(&self.outputs));
        let mut vectors: Vec<Vec<u128>> = Vec::with_capacity(cycles);
        let mut expected: Vec<Vec<u128>> = Vec::with_capacity(cycles);
        for cycle in 0..cycles {
            let inputs = stimulus(cycle, expected.last().map_or(&[], |v| v.as_slice()));
            assert_eq!(inputs.len(), in_limbs, "stimulus gives {} values for {in_limbs}", inputs.len());
            let inputs = Port::masked(&self.inputs, &inputs);
            let outputs = model(&inputs);
            assert_eq!(outputs.len(), out_limbs, "model gives {} values for {out_limbs}", outputs.len());
            expected.push(Port::masked(&self.outputs, &outputs));
            vectors.push(inputs);
        }
        let simulated = self.simulate(&vectors);
        let text =
            crate::merge::merge(&generate_verilog(&self.elaborated()), "", "dut").unwrap_or_else(|e| panic!("{e}"));
        let verilated = verilated::run(&text, "dut", &self.inputs, &self.outputs, &vectors);
        let verilated = match verilated {
            Ok(v) => Some(v),
            Err(verilated::Failure::Absent(why)) if std::env::var_os("SYSTOLE_NO_VERILATOR").is_some() => {
                eprintln!("skipped: the Verilog of this module ({why})");
                None
            }
            Err(why) => panic!("{why}"),
        };
        for cycle in 0..cycles {
            let v = verilated.as_ref().map(|v| v[cycle].as_slice());
            self.compare(cycle, &vectors[cycle], &expected[cycle], &simulated[cycle], v);
        }
    }

    fn elaborated(&self) -> B {
        let mut block = (self.make)();
        block.connect_all();
        block
    }

    /// The rust-hdl simulation over all vectors. Stepped by hand: its own test benches run in threads, one message a
    /// step, which takes longer than the step.
    fn simulate(&self, vectors: &[Vec<u128>]) -> Vec<Vec<u128>> {
        let mut block = self.elaborated();
        check_all(&block).unwrap_or_else(|e| panic!("rust-hdl check failed: {e:?}"));
        let settle = |block: &mut B, cycle: usize| {
            assert!(simulate(block, 200), "rust-hdl simulation does not settle in cycle {cycle}");
        };
        settle(&mut block, 0);
        let mut outputs = Vec::with_capacity(vectors.len());
        for (cycle, inputs) in vectors.iter().enumerate() {
            let mut rest = inputs.as_slice();
            for port in &self.inputs {
                let (now, later) = rest.split_at(port.limbs());
                (port.access)(&mut block, now);
                rest = later;
            }
            settle(&mut block, cycle);
            outputs.push(self.outputs.iter().flat_map(|p| (p.access)(&block)).collect());
            for level in [true, false] {
                (self.clock)(&mut block).next = level.into();
                settle(&mut block, cycle);
            }
        }
        outputs
    }

    fn compare(&self, cycle: usize, inputs: &[u128], model: &[u128], rust: &[u128], verilog: Option<&[u128]>) {
        let starts: Vec<usize> = Port::starts(&self.outputs);
        for (i, port) in self.outputs.iter().enumerate() {
            let span = starts[i]..starts[i] + port.limbs();
            let of = |values: &[u128]| values[span.clone()].to_vec();
            let gated = self.gates.iter().any(|&(data, valid)| data == i && model[starts[valid]] == 0);
            let same = (gated || of(model) == of(rust)) && verilog.is_none_or(|v| of(v) == of(rust));
            if !same {
                let show = |values: &[u128]| Port::<()>::hex(&of(values));
                let given: Vec<String> = Port::named(&self.inputs, inputs);
                panic!(
                    "cycle {cycle}, output {}: model {}, rust-hdl {}, verilog {}\n  inputs: {}",
                    port.name,
                    if gated { "(not valid)".into() } else { show(model) },
                    show(rust),
                    verilog.map_or("(skipped)".into(), show),
                    given.join(" ")
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
