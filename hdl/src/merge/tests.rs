//! On a small design: what is shared, what is named how, and that nothing is lost.

use super::*;
use crate::cosim::{Cosim, Rng};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

/// Two equal delays and one of another width.
#[derive(LogicBlock, Default)]
struct Delays {
    clock: Signal<In, Clock>,
    a: Signal<In, Bits<8>>,
    b: Signal<In, Bits<8>>,
    c: Signal<In, Bits<3>>,
    out: Signal<Out, Bits<24>>,
    stage: [Delay<8>; 2],
    odd: Delay<3>,
}

#[derive(LogicBlock, Default)]
struct Delay<const N: usize> {
    clock: Signal<In, Clock>,
    from: Signal<In, Bits<N>>,
    to: Signal<Out, Bits<N>>,
    first: DFF<Bits<N>>,
    second: DFF<Bits<N>>,
}

impl<const N: usize> Logic for Delay<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, second);
        self.first.d.next = self.from.val();
        self.second.d.next = self.first.q.val();
        self.to.next = self.second.q.val();
    }
}

impl Logic for Delays {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, odd);
        for i in 0..2 {
            self.stage[i].clock.next = self.clock.val();
        }
        self.stage[0].from.next = self.a.val();
        self.stage[1].from.next = self.b.val();
        self.odd.from.next = self.c.val();
        self.out.next = bit_cast::<24, 8>(self.stage[0].to.val()) << 16
            | (bit_cast::<24, 8>(self.stage[1].to.val()) << 8)
            | bit_cast::<24, 3>(self.odd.to.val());
    }
}

fn bench() -> Cosim<Delays> {
    crate::cosim!(Delays::default(), inputs: [a, b, c], outputs: [out])
}

fn text() -> String {
    let mut block = Delays::default();
    block.connect_all();
    merge(&generate_verilog(&block), "systole_", "systole_delays").unwrap()
}

#[test]
fn equal_modules_are_one_and_names_say_what_they_are() {
    let text = text();
    let modules: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("module ")).collect();
    assert_eq!(modules, ["systole_delays (", "systole_odd (", "systole_dff_3 (", "systole_stage (", "systole_dff_8 ("]);
    assert!(text.contains("    systole_dff_8 first (.d(from), .q(first_q), .clock(clock));\n"), "{text}");
    assert!(text.contains("    systole_dff_8 second (.d(first_q), .q(second_q), .clock(clock));\n"), "{text}");
    assert!(!text.contains('$'), "{text}");
}

#[test]
fn the_same_design_gives_the_same_text() {
    assert_eq!(text(), text());
}

#[test]
fn the_merged_design_still_computes() {
    let mut rng = Rng::new(3);
    let mut pipe = [[0u128; 3]; 2];
    bench().check(
        100,
        |_, _| vec![rng.bits(8), rng.bits(8), rng.bits(3)],
        |i| {
            let out = pipe[1];
            pipe = [[i[0], i[1], i[2]], pipe[0]];
            vec![out[0] << 16 | out[1] << 8 | out[2]]
        },
    );
}

/// A name that Rust and rust-hdl take and SystemVerilog does not.
#[derive(LogicBlock, Default)]
struct Named {
    from: Signal<In, Bit>,
    soft: Signal<Out, Bit>,
}

impl Logic for Named {
    #[hdl_gen]
    fn update(&mut self) {
        self.soft.next = self.from.val();
    }
}

/// The same inside hand-written code.
#[derive(LogicBlock, Default)]
struct ByHand {
    from: Signal<In, Bit>,
    to: Signal<Out, Bit>,
}

impl Logic for ByHand {
    fn update(&mut self) {
        self.to.next = self.from.val();
    }

    fn connect(&mut self) {
        self.to.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("wire before = from; // soft, in a comment\nalways @(*) to = before;\n".into())
    }
}

#[test]
fn a_keyword_of_systemverilog_is_no_name() {
    fn refusal<B: Block + Default>() -> String {
        let mut block = B::default();
        block.connect_all();
        merge(&generate_verilog(&block), "systole_", "systole_named").unwrap_err()
    }
    let say = |word: &str| {
        format!("module systole_named: the name `{word}` is a keyword of SystemVerilog; give the field another name")
    };
    assert_eq!(refusal::<Named>(), say("soft"));
    assert_eq!(refusal::<ByHand>(), say("before"));
}

/// Children whose inputs are a slice, a value that is settled, and one that is assigned again further on.
#[derive(LogicBlock, Default)]
struct Pins {
    clock: Signal<In, Clock>,
    a: Signal<In, Bits<8>>,
    up: Signal<In, Bit>,
    out: Signal<Out, Bits<24>>,
    low: Delay<3>,
    whole: Delay<8>,
    early: Delay<8>,
    settled: Signal<Local, Bits<8>>,
    later: Signal<Local, Bits<8>>,
}

impl Logic for Pins {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, low, whole, early);
        self.low.from.next = self.a.val().get_bits::<3>(2);
        self.settled.next = self.a.val();
        if self.up.val() {
            self.settled.next = self.a.val() + 1;
        }
        self.whole.from.next = self.settled.val();
        self.later.next = self.a.val();
        self.early.from.next = self.later.val();
        if self.up.val() {
            self.later.next = self.a.val() + 1;
        }
        self.out.next = bit_cast::<24, 8>(self.whole.to.val()) << 16
            | (bit_cast::<24, 8>(self.early.to.val()) << 8)
            | bit_cast::<24, 3>(self.low.to.val());
    }
}

#[test]
fn a_pin_takes_a_slice_or_a_settled_value_and_no_other() {
    let mut block = Pins::default();
    block.connect_all();
    let text = merge(&generate_verilog(&block), "systole_", "systole_pins").unwrap();
    assert!(text.contains("low (.clock(clock), .from(a[4:2]), .to(low_to));\n"), "{text}");
    assert!(text.contains("whole (.clock(clock), .from(settled), .to(whole_to));\n"), "{text}");
    assert!(text.contains("early (.clock(clock), .from(early_from), .to(early_to));\n"), "{text}");
}
