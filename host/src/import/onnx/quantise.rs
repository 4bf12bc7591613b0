//! `QuantizeLinear` and `DequantizeLinear`: where reals become integers and a pending operator gets its own.

use super::attributes;
use super::build::Builder;
use super::model::{name_of, node_fault, unsupported};
use super::proto;
use super::tensor::Constant;
use super::value::{Activation, Core, Pending, Quant, Value, Weights};
use crate::graph::{Conv, Op, Output, Pool, PoolKind, Requant, Window};
use crate::import::error::Fault;
use crate::tensor::Dtype;
use std::rc::Rc;

/// What to say where floats are left.
pub const QDQ: &str = "quantised models in QDQ form (each operator between DequantizeLinear and QuantizeLinear)";

/// Scale and zero point inputs of a node.
struct Parameters {
    scale: Vec<f32>,
    zero_point: Vec<i64>,
    /// Element type of the quantised side.
    data_type: i32,
}

fn parameters(b: &Builder, node: &proto::Node, default_type: i32) -> Result<Parameters, Fault> {
    if attributes::int(node, "block_size", 0) != 0 {
        return Err(unsupported(node, "scales by block", "one scale, or one a channel"));
    }
    let Some(scale) = b.constant(node, 1)? else { return Err(node_fault(node, "it has no scale".into())) };
    let floats = scale.floats().ok_or_else(|| node_fault(node, "its scale is no float".into()))?.to_vec();
    if floats.is_empty() {
        return Err(node_fault(node, "its scale is empty".into()));
    }
    for value in &floats {
        if !value.is_finite() || *value <= 0.0 {
            return Err(node_fault(node, format!("its scale is {value}; it must be finite and above 0")));
        }
    }
    let (zero_point, data_type) = match b.constant(node, 2)? {
        None => (vec![0], default_type),
        Some(z) => {
            let ints = z.ints().ok_or_else(|| unsupported(node, "its zero point is a float", "uint8, int8"))?;
            (ints.to_vec(), z.data_type)
        }
    };
    if zero_point.len() != 1 && zero_point.len() != floats.len() {
        return Err(node_fault(node, format!("{} scales, but {} zero points", floats.len(), zero_point.len())));
    }
    Ok(Parameters { scale: floats, zero_point, data_type })
}

impl Parameters {
    /// As the quantisation of an activation. Returns also whether it is unsigned.
    fn activation(&self, node: &proto::Node) -> Result<(Quant, bool), Fault> {
        if self.scale.len() != 1 {
            return Err(unsupported(node, "a scale a channel on activations", "one scale for a tensor of activations"));
        }
        let unsigned = match self.data_type {
            proto::UINT8 => true,
            proto::INT8 => false,
            other => {
                return Err(unsupported(node, format!("activations of element type {other}"), "uint8 (2), int8 (3)"))
            }
        };
        // The card has int8 only; uint8 less 128 has the same order and the same distances.
        let zero_point = self.zero_point[0] - if unsigned { 128 } else { 0 };
        let zero_point = i8::try_from(zero_point)
            .map_err(|_| node_fault(node, format!("zero point {} is out of range", self.zero_point[0])))?;
        Ok((Quant { scale: self.scale[0], zero_point }, unsigned))
    }
}

/// `QuantizeLinear`.
pub fn quantise(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let default_type = match attributes::int(node, "output_dtype", 0) {
        0 => proto::UINT8,
        given => given as i32,
    };
    let p = parameters(b, node, default_type)?;
    match b.value(node, 0)? {
        Value::Constant(constant) => fold(node, &constant, &p),
        Value::FloatInput(shape) => {
            let (quant, unsigned) = p.activation(node)?;
            if b.input.is_some() {
                return Err(unsupported(
                    node,
                    "it quantises the input a second time",
                    "one QuantizeLinear at the input",
                ));
            }
            Ok(Value::Quantised(b.open_input(shape, Dtype::Float32, unsigned, Some(quant))?))
        }
        Value::Real(a) => {
            let (quant, unsigned) = p.activation(node)?;
            if a.quant == Some(quant) {
                return Ok(Value::Quantised(Activation { unsigned, ..a }));
            }
            let same = real(node, &a)?;
            Ok(Value::Quantised(settle(b, node, &same, quant, unsigned)?))
        }
        Value::Pending(pending) => {
            let (quant, unsigned) = p.activation(node)?;
            Ok(Value::Quantised(settle(b, node, &pending, quant, unsigned)?))
        }
        Value::Quantised(_) | Value::Weights(_) => Err(node_fault(node, "its input is quantised already".into())),
    }
}

/// A float constant that the model quantises itself.
fn fold(node: &proto::Node, constant: &Constant, p: &Parameters) -> Result<Value, Fault> {
    let floats = constant.floats().ok_or_else(|| node_fault(node, "its input is no float".into()))?;
    let axis = axis(node, &constant.dims, p.scale.len())?;
    let (low, high) = match p.data_type {
        proto::UINT8 => (0.0, 255.0),
        proto::INT8 => (-128.0, 127.0),
        other => return Err(unsupported(node, format!("constants of element type {other}"), "uint8 (2), int8 (3)")),
    };
    let quantised = floats.iter().enumerate().map(|(i, &real)| {
        let c = channel(&constant.dims, axis, i);
        let zero_point = p.zero_point[c.min(p.zero_point.len() - 1)] as f32;
        ((real / p.scale[c.min(p.scale.len() - 1)]).round_ties_even() + zero_point).clamp(low, high) as i64
    });
    let data = super::tensor::Data::Int(quantised.collect());
    Ok(Value::Constant(Rc::new(Constant { dims: constant.dims.clone(), data_type: p.data_type, data })))
}

/// `DequantizeLinear`.
pub fn dequantise(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    match b.value(node, 0)? {
        Value::Constant(constant) => {
            let p = parameters(b, node, constant.data_type)?;
            let ints = constant.ints().ok_or_else(|| node_fault(node, "its input is no integer".into()))?;
            let axis = axis(node, &constant.dims, p.scale.len())?;
            let less =
                |(i, v): (usize, &i64)| v - p.zero_point[channel(&constant.dims, axis, i).min(p.zero_point.len() - 1)];
            let values = ints.iter().enumerate().map(less).collect();
            Ok(Value::Weights(Rc::new(Weights { dims: constant.dims.clone(), values, scale: p.scale, axis })))
        }
        Value::Quantised(a) => {
            let p = parameters(b, node, if a.unsigned { proto::UINT8 } else { proto::INT8 })?;
            let (quant, unsigned) = p.activation(node)?;
            if unsigned != a.unsigned {
                return Err(node_fault(node, "its zero point has another type than its input".into()));
            }
            if let Some((_, info)) = b.input.as_mut().filter(|(id, _)| a.quant.is_none() && *id == a.tensor) {
                // A model that takes bytes says only here what they mean.
                (info.scale, info.zero_point) = (quant.scale, quant.zero_point);
            }
            Ok(Value::Real(Activation { quant: Some(quant), ..a }))
        }
        Value::FloatInput(_) | Value::Real(_) | Value::Pending(_) | Value::Weights(_) => {
            Err(node_fault(node, "its input is not quantised".into()))
        }
    }
}

/// The dimension that several scales belong to.
fn axis(node: &proto::Node, dims: &[usize], scales: usize) -> Result<usize, Fault> {
    if scales == 1 {
        return Ok(0);
    }
    let given = attributes::int(node, "axis", 1);
    let axis = if given < 0 { given + dims.len() as i64 } else { given };
    match usize::try_from(axis).ok().filter(|&a| dims.get(a) == Some(&scales)) {
        Some(axis) => Ok(axis),
        None => Err(node_fault(node, format!("{scales} scales along axis {given} of shape {dims:?}"))),
    }
}

/// The index along `axis` of element `i` of a tensor.
pub fn channel(dims: &[usize], axis: usize, i: usize) -> usize {
    let inner: usize = dims.iter().skip(axis + 1).product();
    i / inner.max(1) % dims.get(axis).copied().unwrap_or(1).max(1)
}

/// The value itself as a pending operator.
pub fn real(node: &proto::Node, a: &Activation) -> Result<Pending, Fault> {
    let quant = a.quant.ok_or_else(|| node_fault(node, "the quantisation of its input is not known".into()))?;
    Ok(Pending {
        name: name_of(node),
        label: node.op_type.clone(),
        source: a.clone(),
        quant,
        core: Core::Pool { kind: PoolKind::Sum, window: Window::POINT },
        hwc: a.hwc,
        shape: a.shape.clone(),
        order: a.order,
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    })
}

/// Turns a pending operator into a node of the graph, now that its output's quantisation is known.
fn settle(b: &mut Builder, node: &proto::Node, p: &Pending, quant: Quant, unsigned: bool) -> Result<Activation, Fault> {
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
    let op = match &p.core {
        Core::Conv { window, weights, scale, bias } => {
            let multipliers: Result<Vec<_>, _> =
                scale.iter().map(|s| requant(f64::from(p.quant.scale) * s / f64::from(quant.scale))).collect();
            let bias: Result<Vec<i32>, _> = bias.iter().map(|&v| i32::try_from(v)).collect();
            let bias =
                bias.map_err(|_| node_fault(node, "a bias of the node before it does not fit 32 bits".into()))?;
            Op::Conv(Conv {
                window: *window,
                input_zero_point: p.quant.zero_point,
                weights: weights.clone(),
                bias,
                output: output(multipliers?, quant.zero_point),
            })
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
    let tensor = b.push(&p.name, &p.label, p.source.tensor, p.hwc, op);
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
