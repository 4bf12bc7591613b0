//! The gate must see a difference, wherever it is.

use super::*;
use rust_hdl_widgets::prelude::*;

/// A register of any width with an enable, and its value plus one.
#[derive(LogicBlock, Default)]
struct Next<const N: usize> {
    clock: Signal<In, Clock>,
    reset: Signal<In, Bit>,
    load: Signal<In, Bit>,
    value: Signal<In, Bits<N>>,
    next: Signal<Out, Bits<N>>,
    loaded: Signal<Out, Bit>,
    held: DFF<Bits<N>>,
    valid: DFF<Bit>,
}

impl<const N: usize> Logic for Next<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, valid);
        self.valid.d.next = self.load.val();
        if self.load.val() {
            self.held.d.next = self.value.val();
        }
        self.next.next = self.held.q.val() + 1;
        self.loaded.next = self.valid.q.val();
        if self.reset.val() {
            self.held.d.next = 0.into();
            self.valid.d.next = false;
        }
    }
}

fn bench<const N: usize>() -> Cosim<Next<N>> {
    cosim!(Next::<N>::default(), inputs: [reset, load, value], outputs: [next, loaded]).gate("next", "loaded")
}

fn stimulus(limbs: usize) -> impl FnMut(usize, &[u128]) -> Vec<u128> {
    let mut rng = Rng::new(7);
    move |cycle, _| {
        let mut v = vec![u128::from(cycle == 0), u128::from(rng.chance(50))];
        v.extend((0..limbs).map(|_| rng.edgy(128)));
        v
    }
}

#[test]
fn three_models_of_a_narrow_module_agree() {
    let (mut held, mut valid) = (0u128, 0);
    bench::<13>().check(300, stimulus(1), |i| {
        let out = vec![held + 1, valid];
        held = if i[0] == 1 { 0 } else { [held, i[2]][i[1] as usize] };
        valid = i[1] & !i[0];
        out
    });
}

#[test]
fn ports_of_300_bits_pass_whole() {
    let (mut held, mut valid) = ([0u128; 3], 0);
    bench::<300>().check(200, stimulus(3), |i| {
        let low = held[0].wrapping_add(1);
        let middle = held[1].wrapping_add(u128::from(low == 0));
        let high = held[2].wrapping_add(u128::from(low == 0 && middle == 0));
        let out = vec![low, middle, high, valid];
        if i[1] == 1 {
            held = [i[2], i[3], i[4]];
        }
        if i[0] == 1 {
            held = [0; 3];
        }
        valid = i[1] & !i[0];
        out
    });
}

#[test]
#[should_panic(expected = "output next: model")]
fn a_wrong_model_is_found() {
    let (mut held, mut valid) = (0u128, 0);
    bench::<13>().check(300, stimulus(1), |i| {
        let out = vec![held + 1 + u128::from(held == 0x1fff), valid];
        held = if i[0] == 1 { 0 } else { [held, i[2]][i[1] as usize] };
        valid = i[1] & !i[0];
        out
    });
}

/// The literal is 64 bits wide in Verilog only: 255 + 1 > 5 holds there and not in the Rust simulation.
#[derive(LogicBlock, Default)]
struct Trap {
    clock: Signal<In, Clock>,
    a: Signal<In, Bits<8>>,
    b: Signal<In, Bits<8>>,
    above: Signal<Out, Bit>,
}

impl Logic for Trap {
    #[hdl_gen]
    fn update(&mut self) {
        self.above.next = self.a.val() + 1 > self.b.val();
    }
}

#[test]
#[should_panic(expected = "output above: model 0x0, rust-hdl 0x0, verilog 0x1")]
fn verilog_that_differs_from_the_rust_simulation_is_found() {
    let bench = cosim!(Trap::default(), inputs: [a, b], outputs: [above]);
    bench.check(2, |_, _| vec![255, 5], |i| vec![u128::from((i[0] + 1) & 255 > i[1])]);
}
