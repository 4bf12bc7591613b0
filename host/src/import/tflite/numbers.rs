//! The numbers that TFLite's kernels work out from scales before they run.

use crate::graph::{Output, Quant, Requant};
use crate::import::error::Fault;
use tract_tflite::tflite::ActivationFunctionType;

use super::model::Operator;

/// Least and greatest value of an operator's output with its fused activation. Each bound is rounded as a value would
/// be, in 32-bit floats and half away from zero.
///
/// # Errors
/// An activation that is no clamp.
pub fn range(op: &Operator, activation: ActivationFunctionType, output: Quant) -> Result<(i8, i8), Fault> {
    let step = |real: f32| {
        let steps = (real / output.scale).round() as i64;
        steps.saturating_add(i64::from(output.zero_point)).clamp(-128, 127) as i8
    };
    Ok(match activation {
        ActivationFunctionType::NONE => (-128, 127),
        ActivationFunctionType::RELU => (step(0.0), 127),
        ActivationFunctionType::RELU6 => (step(0.0), step(6.0)),
        ActivationFunctionType::RELU_N1_TO_1 => (step(-1.0), step(1.0)),
        other => {
            let name = other.variant_name().unwrap_or("unknown");
            return Err(op.unsupported(format!("its activation is {name}"), "NONE, RELU, RELU6, RELU_N1_TO_1"));
        }
    })
}

/// The integer form of a real multiplier.
///
/// # Errors
/// One that the card's digits cannot hold.
pub fn requant(op: &Operator, real: f64) -> Result<Requant, Fault> {
    Requant::from_real(real)
        .ok_or_else(|| op.fault(format!("its multiplier is {real}; it must be below 64: quantise the model again")))
}

/// As [`requant`], rounding twice: what all kernels do but that of fully connected layers.
///
/// # Errors
/// One that the card's digits cannot hold.
pub fn requant_twice(op: &Operator, real: f64) -> Result<Requant, Fault> {
    requant(op, real)?;
    Requant::from_real_twice(real).ok_or_else(|| op.fault(format!("its multiplier is {real}")))
}

/// A requantisation with one multiplier, which rounds twice.
///
/// # Errors
/// One that the card's digits cannot hold.
pub fn output(op: &Operator, real: f64, quant: Quant, (low, high): (i8, i8)) -> Result<Output, Fault> {
    Ok(Output { requant: vec![requant_twice(op, real)?], zero_point: quant.zero_point, low, high })
}
