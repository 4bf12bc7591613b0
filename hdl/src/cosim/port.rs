//! Ports of a module under test, and how a value of any width goes in and out of the rust-hdl simulation.

use rust_hdl_core::prelude::*;

/// Bits of a limb: what one value of a vector holds.
const LIMB: usize = 128;

/// A port: its name in the Verilog, its width, and how the simulation reaches it.
pub struct Port<A> {
    /// Name in the Verilog.
    pub name: String,
    /// Width.
    pub bits: usize,
    /// Writes or reads it.
    pub access: A,
}

impl<A> Port<A> {
    /// Values that a vector gives to this port.
    pub fn limbs(&self) -> usize {
        self.bits.div_ceil(LIMB)
    }

    pub(super) fn total(ports: &[Self]) -> usize {
        ports.iter().map(Self::limbs).sum()
    }

    pub(super) fn starts(ports: &[Self]) -> Vec<usize> {
        ports
            .iter()
            .scan(0, |at, port| {
                let start = *at;
                *at += port.limbs();
                Some(start)
            })
            .collect()
    }

    /// The values with all bits past the width of their port cleared, so that a test may give and compute in
    /// two's complement of any width.
    pub(super) fn masked(ports: &[Self], values: &[u128]) -> Vec<u128> {
        let widths = ports.iter().flat_map(|p| (0..p.limbs()).map(|i| (p.bits - i * LIMB).min(LIMB)));
        values.iter().zip(widths).map(|(v, w)| v & (u128::MAX >> (LIMB - w))).collect()
    }

    pub(super) fn hex(limbs: &[u128]) -> String {
        let mut text = format!("0x{:x}", limbs[limbs.len() - 1]);
        for limb in limbs.iter().rev().skip(1) {
            text += &format!("_{limb:032x}");
        }
        text
    }

    pub(super) fn named(ports: &[Self], values: &[u128]) -> Vec<String> {
        let starts = Self::starts(ports);
        ports.iter().zip(starts).map(|(p, s)| format!("{}={}", p.name, Self::hex(&values[s..s + p.limbs()]))).collect()
    }
}

/// An input port that a test can drive.
pub trait Poke {
    /// Width in bits.
    fn width(&self) -> usize;
    /// Drives it; low limb first.
    fn poke(&mut self, limbs: &[u128]);
}

/// An output port that a test can read.
pub trait Peek {
    /// Width in bits.
    fn width(&self) -> usize;
    /// Its value; low limb first.
    fn peek(&self) -> Vec<u128>;
}

fn to_bits<const N: usize>(limbs: &[u128]) -> Bits<N> {
    if N <= LIMB {
        return limbs[0].to_bits();
    }
    let mut value: Bits<N> = Bits::default();
    for (i, limb) in limbs.iter().enumerate() {
        value = value | (bit_cast::<N, 128>(limb.to_bits::<128>()) << ((i * LIMB) as LiteralType));
    }
    value
}

fn from_bits<const N: usize>(value: Bits<N>) -> Vec<u128> {
    if N <= LIMB {
        return vec![value.to_u128()];
    }
    (0..N.div_ceil(LIMB)).map(|i| value.get_bits::<128>(i * LIMB).to_u128()).collect()
}

macro_rules! port_of {
    ([$($generics:tt)*] $type:ty, $width:expr, |$limbs:ident| $poke:expr, |$value:ident| $peek:expr) => {
        impl<$($generics)*> Poke for Signal<In, $type> {
            fn width(&self) -> usize {
                $width
            }
            fn poke(&mut self, $limbs: &[u128]) {
                self.next = $poke;
            }
        }
        impl<$($generics)*> Peek for Signal<Out, $type> {
            fn width(&self) -> usize {
                $width
            }
            fn peek(&self) -> Vec<u128> {
                let $value = self.val();
                $peek
            }
        }
    };
}

port_of!([] Bit, 1, |limbs| limbs[0] & 1 == 1, |value| vec![u128::from(value)]);
port_of!([const N: usize] Bits<N>, N, |limbs| to_bits(limbs), |value| from_bits(value));
port_of!([const N: usize] Signed<N>, N, |limbs| signed_cast(to_bits(limbs)), |value| from_bits(value.inner()));
