//! Sums, concatenations and padding of activations.

use super::attributes;
use super::build::Builder;
use super::conv::activation;
use super::model::{name_of, node_fault, unsupported};
use super::proto;
use super::quantise;
use super::value::{Activation, Core, Pending, Quant, Value};
use crate::graph::{Concat, Op, Output, Pad, Part, MAX_EXTENT};
use crate::import::error::Fault;
use crate::tensor::Order;
use std::rc::Rc;

/// `Add` of two activations of one shape.
pub fn add(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let ((left, _), (right, quant)) = (activation(b, node, 0)?, activation(b, node, 1)?);
    let pending = quantise::real(node, &left)?;
    Ok(Value::Pending(Rc::new(sum(node, pending, right, quant)?)))
}

/// A pending value plus an activation.
pub fn sum(node: &proto::Node, pending: Pending, right: Activation, quant: Quant) -> Result<Pending, Fault> {
    let left = &pending.source;
    if left.shape != right.shape || left.hwc != right.hwc || left.order != right.order {
        let why = format!("it adds shapes {:?} and {:?}", left.shape, right.shape);
        return Err(unsupported(node, why, "two activations of one shape, or the bias of a convolution or product"));
    }
    Ok(Pending { core: Core::Add(right, quant), ..pending })
}

/// `Concat` along the channels.
pub fn concat(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let bytes: Option<Vec<Activation>> = (0..node.input.len())
        .map(|i| match b.optional(node, i) {
            Some(Value::Quantised(a)) => Some(a),
            _ => None,
        })
        .collect();
    let Some(all) = bytes.filter(|all| !all.is_empty()) else {
        let all: Result<Vec<_>, _> = (0..node.input.len()).map(|i| activation(b, node, i)).collect();
        return Ok(Value::Pending(Rc::new(joined(node, all?)?)));
    };
    // Bytes are joined as they are; what they mean must be one thing.
    if all.iter().any(|a| a.quant != all[0].quant || a.unsigned != all[0].unsigned) {
        return Err(unsupported(node, "it joins bytes of different scales", "one scale, or reals"));
    }
    let quant = Quant { scale: 1.0, zero_point: 0 };
    let pending = joined(node, all.iter().map(|a| (a.clone(), quant)).collect())?;
    let parts = all.iter().map(|_| Part { zero_point: 0, output: Output::plain() }).collect();
    let inputs = all.iter().map(|a| a.tensor).collect();
    let op = Op::Concat(Concat { parts });
    let tensor = b.push(&name_of(node), &node.op_type, inputs, pending.hwc, op);
    let (hwc, shape, order) = (pending.hwc, pending.shape, pending.order);
    Ok(Value::Quantised(Activation { tensor, hwc, shape, order, open: false, ..all[0].clone() }))
}

/// Activations joined along their channels.
pub fn joined(node: &proto::Node, mut all: Vec<(Activation, Quant)>) -> Result<Pending, Fault> {
    if all.is_empty() {
        return Err(node_fault(node, "it joins nothing".into()));
    }
    let (first, quant) = all.remove(0);
    let rank = first.shape.len() as i64 + 1;
    let axis = attributes::int(node, "axis", 1);
    let axis = if axis < 0 { axis + rank } else { axis };
    let [h, w, c] = first.hwc;
    let channels_axis = match first.order {
        _ if rank == 2 => 1,
        Order::ChannelsFirst if first.shape == [c, h, w] => 1,
        Order::ChannelsLast if first.shape == [h, w, c] => 3,
        _ => 0,
    };
    let same =
        |a: &Activation| a.order == first.order && a.shape.len() == first.shape.len() && a.hwc[..2] == first.hwc[..2];
    if axis != channels_axis || !all.iter().all(|(a, _)| same(a)) || (rank == 2 && first.hwc[..2] != [1, 1]) {
        let shapes: Vec<_> = [&first].into_iter().chain(all.iter().map(|(a, _)| a)).map(|a| &a.shape).collect();
        let why = format!("it joins shapes {shapes:?} behind the batch along axis {axis}");
        return Err(unsupported(node, why, "images of one extent along their channels"));
    }
    let hwc = [h, w, all.iter().fold(c, |sum, (a, _)| sum + a.hwc[2])];
    let mut shape = first.shape.clone();
    shape[channels_axis as usize - 1] = hwc[2];
    let mut pending = quantise::real(node, &Activation { quant: Some(quant), ..first })?;
    (pending.hwc, pending.shape, pending.core) = (hwc, shape, Core::Concat(all));
    Ok(pending)
}

/// `Pad` with a constant, of reals or straight of bytes.
pub fn pad(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let mode = attributes::text(node, "mode");
    if !matches!(mode.as_str(), "" | "constant") {
        return Err(unsupported(node, format!("mode is {mode}"), "constant"));
    }
    let value = b.value(node, 0)?;
    let (Value::Real(a) | Value::Quantised(a)) = &value else {
        return activation(b, node, 0).map(|_| value);
    };
    let pads = match b.constant(node, 1)? {
        Some(given) => given.ints().map(<[i64]>::to_vec).unwrap_or_default(),
        None => attributes::raw_ints(node, "pads"),
    };
    let rank = a.shape.len() + 1;
    let in_range = pads.iter().all(|p| (0..=MAX_EXTENT as i64).contains(p));
    if b.constant(node, 3)?.is_some() || pads.len() != 2 * rank || !in_range || pads[0] != 0 || pads[rank] != 0 {
        let why = format!("pads are {pads:?} of shape {:?} behind the batch", a.shape);
        return Err(unsupported(node, why, "pads of 0 and more for every dimension, none for the batch"));
    }
    let fill = match (b.constant(node, 2)?, &value) {
        (None, Value::Real(_)) => a.quant.map_or(0, |q| q.zero_point),
        (Some(c), Value::Real(_)) => {
            let real = c.floats().and_then(|f| f.first().copied()).unwrap_or(0.0);
            let quant = a.quant.unwrap_or(Quant { scale: 1.0, zero_point: 0 });
            ((real / quant.scale).round_ties_even() + f32::from(quant.zero_point)).clamp(-128.0, 127.0) as i8
        }
        (given, _) => {
            let byte = given.and_then(|c| c.ints().and_then(|v| v.first().copied())).unwrap_or(0);
            (byte - if a.unsigned { 128 } else { 0 }).clamp(-128, 127) as i8
        }
    };
    let [h, w, c] = a.hwc;
    // Which dimension of the model is the card's row, column and channel.
    let dims = match a.shape.len() {
        3 if a.order == Order::ChannelsFirst && a.shape == [c, h, w] => [Some(2), Some(3), Some(1)],
        3 if a.order == Order::ChannelsLast && a.shape == [h, w, c] => [Some(1), Some(2), Some(3)],
        1 if h * w == 1 => [None, None, Some(1)],
        _ => return Err(unsupported(node, format!("activations of shape {:?}", a.shape), "images, or one line")),
    };
    let side = |axis: usize, after: usize| dims[axis].map_or(0, |d| pads[d + after * rank] as usize);
    let before = [0, 1, 2].map(|axis| side(axis, 0));
    let hwc = [0, 1, 2].map(|axis| a.hwc[axis] + before[axis] + side(axis, 1));
    let shape = (1..rank).map(|d| a.shape[d - 1] + (pads[d] + pads[d + rank]) as usize).collect();
    let op = Op::Pad(Pad { before, value: fill });
    let tensor = b.push(&name_of(node), &node.op_type, vec![a.tensor], hwc, op);
    let padded = Activation { tensor, hwc, shape, open: false, ..a.clone() };
    Ok(match value {
        Value::Real(_) => Value::Real(padded),
        _ => Value::Quantised(padded),
    })
}
