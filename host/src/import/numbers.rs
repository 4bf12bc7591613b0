//! The integers of operators that both formats have: TFLite's scheme, which is also what an ONNX model means here.

use super::error::Fault;
use crate::graph::{Add, Addend, Output, Part, Quant, Requant};

/// Bits by which the bytes of a sum are shifted before they come to a common scale.
const LEFT_SHIFT: u32 = 20;

/// The integers of a sum: both inputs at half their share of the greater scale, 20 bits up.
///
/// # Errors
/// A multiplier that `requant` refuses.
pub fn sum(
    inputs: [Quant; 2],
    to: Quant,
    (low, high): (i8, i8),
    requant: impl Fn(f64) -> Result<Requant, Fault>,
) -> Result<Add, Fault> {
    let twice_greatest = 2.0 * f64::from(inputs[0].scale.max(inputs[1].scale));
    let addend =
        |q: Quant| Ok(Addend { zero_point: q.zero_point, requant: requant(f64::from(q.scale) / twice_greatest)? });
    let real = twice_greatest / (f64::from(1 << LEFT_SHIFT) * f64::from(to.scale));
    Ok(Add {
        addends: [addend(inputs[0])?, addend(inputs[1])?],
        left_shift: LEFT_SHIFT,
        output: Output { requant: vec![requant(real)?], zero_point: to.zero_point, low, high },
    })
}

/// What happens to one input of a concatenation: nothing, if both sides have one quantisation.
///
/// # Errors
/// A multiplier that `requant` refuses.
pub fn part(
    from: Quant,
    to: Quant,
    (low, high): (i8, i8),
    requant: impl Fn(f64) -> Result<Requant, Fault>,
) -> Result<Part, Fault> {
    let multiplier = match from == to {
        true => Requant::ONE,
        false => requant(f64::from(from.scale) / f64::from(to.scale))?,
    };
    let output = Output { requant: vec![multiplier], zero_point: to.zero_point, low, high };
    Ok(Part { zero_point: from.zero_point, output })
}
