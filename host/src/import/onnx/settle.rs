//! Where a pending operator gets its integers: the quantisation of its output is known.

use super::build::Builder;
use super::model::node_fault;
use super::proto;
use super::value::{Activation, Core, Pending, Quant};
use crate::graph::{Concat, Conv, Depthwise, Op, Output, Pool, PoolKind, Requant, Window};
use crate::import::error::Fault;
use crate::import::numbers;

/// Turns a pending operator into a node of the graph, now that its output's quantisation is known.
///
/// # Errors
/// Scales whose ratio the card's digits cannot hold.
pub fn settle(
    b: &mut Builder,
    node: &proto::Node,
    p: &Pending,
    quant: Quant,
    unsigned: bool,
) -> Result<Activation, Fault> {
    // The least and greatest real value, each rounded as the value itself would be.
    let bound = |real: f64, open: f64| {
        let steps = (real / f64::from(quant.scale)).round() + f64::from(quant.zero_point);
        (if real.is_infinite() { open } else { steps.clamp(-128.0, 127.0) }) as i8
    };
    let (low, high) = (bound(p.low, -128.0), bound(p.high, 127.0));
    let refuse = |ratio: f64| {
        let (from, to) = (p.quant.scale, quant.scale);
        let why = format!(
            "its multiplier is {ratio} (input scale {from}, output scale {to}); it must be below 64: quantise the \
             model again"
        );
        Fault::Node { node: p.name.clone(), op: p.label.clone(), why }
    };
    let requant = |ratio: f64| Requant::from_real(ratio).ok_or_else(|| refuse(ratio));
    let ratio = f64::from(p.quant.scale) / f64::from(quant.scale);
    let output = |requant, zero_point| Output { requant, zero_point, low, high };
    let multipliers = |scale: &[f64]| -> Result<Vec<Requant>, Fault> {
        scale.iter().map(|s| requant(f64::from(p.quant.scale) * s / f64::from(quant.scale))).collect()
    };
    let steps = |bias: &[i64]| -> Result<Vec<i32>, Fault> {
        let fit: Result<Vec<i32>, _> = bias.iter().map(|&v| i32::try_from(v)).collect();
        fit.map_err(|_| node_fault(node, "a bias of the node before it does not fit 32 bits".into()))
    };
    let mut inputs = vec![p.source.tensor];
    let op = match &p.core {
        Core::Conv { window, weights, scale, bias } => Op::Conv(Conv {
            window: *window,
            input_zero_point: p.quant.zero_point,
            weights: weights.clone(),
            bias: steps(bias)?,
            output: output(multipliers(scale)?, quant.zero_point),
        }),
        Core::Depthwise { window, multiplier, weights, scale, bias } => Op::Depthwise(Depthwise {
            window: *window,
            multiplier: *multiplier,
            input_zero_point: p.quant.zero_point,
            weights: weights.clone(),
            bias: steps(bias)?,
            output: output(multipliers(scale)?, quant.zero_point),
        }),
        Core::Add(other, other_quant) => {
            inputs.push(other.tensor);
            Op::Add(numbers::sum([p.quant, *other_quant], quant, (low, high), requant)?)
        }
        Core::Concat(others) => {
            inputs.extend(others.iter().map(|(a, _)| a.tensor));
            let quants = [p.quant].into_iter().chain(others.iter().map(|(_, q)| *q));
            let parts: Result<Vec<_>, _> = quants.map(|q| numbers::part(q, quant, (low, high), requant)).collect();
            Op::Concat(Concat { parts: parts? })
        }
        Core::Pool { kind, window } => {
            let count = window.kernel[0] * window.kernel[1];
            let same = p.quant == quant;
            // A window of one element that skips some is no identity.
            let point = *window == Window::POINT && p.hwc == p.source.hwc;
            match kind {
                _ if same && point => Op::Clamp { low, high },
                PoolKind::Max => {
                    // The greatest byte is the greatest real, so it is taken first and requantised after.
                    let (bias, output) = match same {
                        true => (0, output(vec![Requant::ONE], 0)),
                        false => (-i32::from(p.quant.zero_point), output(vec![requant(ratio)?], quant.zero_point)),
                    };
                    Op::Pool(Pool { kind: *kind, window: *window, pad: -128, bias, output })
                }
                PoolKind::Sum => {
                    // With the same quantisation on both sides the bytes themselves are averaged, as TFLite does.
                    let (bias, output) = match same {
                        true => {
                            let mean = Requant::mean(count).ok_or_else(|| refuse(1.0 / count as f64))?;
                            (0, output(vec![mean], 0))
                        }
                        false => (
                            -i32::from(p.quant.zero_point) * count as i32,
                            output(vec![requant(ratio / count as f64)?], quant.zero_point),
                        ),
                    };
                    Op::Pool(Pool { kind: *kind, window: *window, pad: p.quant.zero_point, bias, output })
                }
                PoolKind::Mean => {
                    // One multiplier for each number of elements that a window may have.
                    let counts = 1..=count;
                    let (bias, output) = match same {
                        true => {
                            let means: Option<Vec<_>> = counts.map(Requant::mean).collect();
                            (0, output(means.ok_or_else(|| refuse(1.0 / count as f64))?, 0))
                        }
                        false => {
                            let each: Result<Vec<_>, _> = counts.map(|k| requant(ratio / k as f64)).collect();
                            (-i32::from(p.quant.zero_point), output(each?, quant.zero_point))
                        }
                    };
                    Op::Pool(Pool { kind: *kind, window: *window, pad: 0, bias, output })
                }
            }
        }
    };
    let tensor = b.push(&p.name, &p.label, inputs, p.hwc, op);
    Ok(Activation {
        tensor,
        hwc: p.hwc,
        shape: p.shape.clone(),
        order: p.order,
        unsigned,
        quant: Some(quant),
        open: false,
    })
}
