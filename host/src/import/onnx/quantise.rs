//! `QuantizeLinear` and `DequantizeLinear`: where reals become integers and a pending operator gets its own.

use super::attributes;
use super::build::Builder;
use super::host;
use super::model::{name_of, node_fault, unsupported};
use super::proto;
use super::settle::settle;
use super::tensor::Constant;
use super::value::{Activation, Core, Pending, Quant, Value, Weights};
use crate::graph::{PoolKind, Window};
use crate::import::error::Fault;
use crate::tensor::Dtype;
use std::rc::Rc;

/// What to say where floats are left.
pub const QDQ: &str = "quantised models in QDQ form (each operator between DequantizeLinear and QuantizeLinear)";

/// Scale and zero point inputs of a node.
#[derive(Debug)]
pub struct Parameters {
    scale: Vec<f32>,
    zero_point: Vec<i64>,
    /// Element type of the quantised side.
    data_type: i32,
}

fn parameters(b: &Builder, node: &proto::Node, default_type: i32) -> Result<Parameters, Fault> {
    if attributes::int(node, "block_size", 0) != 0 {
        return Err(unsupported(node, "scales by block", "one scale, or one a channel"));
    }
    Parameters::at(b, node, 1, default_type)
}

fn read_parameters(b: &Builder, node: &proto::Node, at: usize, default_type: i32) -> Result<Parameters, Fault> {
    let Some(scale) = b.constant(node, at)? else { return Err(node_fault(node, "it has no scale".into())) };
    let floats = scale.floats().ok_or_else(|| node_fault(node, "its scale is no float".into()))?.to_vec();
    if floats.is_empty() {
        return Err(node_fault(node, "its scale is empty".into()));
    }
    for value in &floats {
        if !value.is_finite() || *value <= 0.0 {
            return Err(node_fault(node, format!("its scale is {value}; it must be finite and above 0")));
        }
    }
    let (zero_point, data_type) = match b.constant(node, at + 1)? {
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
    /// Scale and zero point at inputs `at` and `at + 1` of a node.
    ///
    /// # Errors
    /// They are no constants, or not sound.
    pub fn at(b: &Builder, node: &proto::Node, at: usize, default_type: i32) -> Result<Self, Fault> {
        read_parameters(b, node, at, default_type)
    }

    /// As the quantisation of an activation. Returns also whether it is unsigned.
    ///
    /// # Errors
    /// Several scales, or a type that is no byte.
    pub fn activation(&self, node: &proto::Node) -> Result<(Quant, bool), Fault> {
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
        Value::Host(id) => {
            let (quant, unsigned) = p.activation(node)?;
            host::quantise(b, node, id, quant, unsigned)
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

/// Constant weights at input `index` of a node, with scale and zero point behind them.
///
/// # Errors
/// They are no constant integers, or their scales do not fit.
pub fn weights_at(b: &Builder, node: &proto::Node, index: usize, axis: usize) -> Result<Weights, Fault> {
    let Some(constant) = b.constant(node, index)? else { return Err(node_fault(node, "it has no weights".into())) };
    let p = Parameters::at(b, node, index + 1, constant.data_type)?;
    let ints = constant.ints().ok_or_else(|| node_fault(node, "its weights are no integers".into()))?;
    if p.scale.len().max(p.zero_point.len()) > 1 && constant.dims.get(axis) != Some(&p.scale.len()) {
        return Err(node_fault(node, format!("{} scales along axis {axis} of {:?}", p.scale.len(), constant.dims)));
    }
    let less = |(i, v): (usize, &i64)| v - p.zero_point[channel(&constant.dims, axis, i).min(p.zero_point.len() - 1)];
    let values = ints.iter().enumerate().map(less).collect();
    Ok(Weights { dims: constant.dims.clone(), values, scale: p.scale, axis })
}

/// A model that takes bytes says only where they are read what they mean.
pub fn tell_input(b: &mut Builder, a: &Activation, quant: Quant) {
    if let Some((_, info)) = b.input.as_mut().filter(|(id, _)| a.quant.is_none() && *id == a.tensor) {
        (info.scale, info.zero_point) = (quant.scale, quant.zero_point);
    }
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
            tell_input(b, &a, quant);
            Ok(Value::Real(Activation { quant: Some(quant), ..a }))
        }
        Value::FloatInput(_) | Value::Real(_) | Value::Pending(_) | Value::Weights(_) | Value::Host(_) => {
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
