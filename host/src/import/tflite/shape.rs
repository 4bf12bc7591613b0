//! Shapes of TFLite's tensors on the card, and operators that only change shapes.

use super::build::{Builder, Value};
use super::model::Operator;
use crate::graph::{HostOp, Op, Pad, Tensor};
use crate::import::error::Fault;

/// Height, width and channels of a shape with a batch of 1; missing dimensions are 1. A single dimension counts as
/// channels without a batch. `None` for more, or for one without elements.
pub fn hwc(shape: &[usize]) -> Option<[usize; 3]> {
    if shape.contains(&0) {
        return None;
    }
    match *shape {
        [channels] | [1, channels] => Some([1, 1, channels]),
        [1, width, channels] => Some([1, width, channels]),
        [1, height, width, channels] => Some([height, width, channels]),
        _ => None,
    }
}

/// A shape without its batch of 1.
pub fn without_batch(shape: &[usize]) -> Vec<usize> {
    match shape {
        [1, rest @ ..] if !rest.is_empty() => rest.to_vec(),
        all => all.to_vec(),
    }
}

/// A value as an image of the card, [height, width, channels] as the file has it. Where it lies there in another shape,
/// the host reshapes it.
///
/// # Errors
/// A shape that is no image.
pub fn image(b: &mut Builder, op: &Operator, value: &Value) -> Result<(usize, [usize; 3]), Fault> {
    let hwc = hwc(&value.shape).ok_or_else(|| {
        op.unsupported(format!("an input of shape {:?}", value.shape), "up to 4 dimensions, the first a batch of 1")
    })?;
    let tensor = &b.tensors[value.tensor];
    if tensor.hwc == hwc && tensor.host.is_none() {
        return Ok((value.tensor, hwc));
    }
    let name = format!("{}/reshape", op.name);
    let to = Tensor::card(&name, hwc);
    Ok((b.push_host(op, &name, vec![value.tensor], to, HostOp::Reshape), hwc))
}

/// `RESHAPE`, `SQUEEZE`, `EXPAND_DIMS`: the same tensor under another shape. Who reads it takes it as it lies.
pub fn reshape(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let value = b.any_input(op, 0)?;
    let to = b.model.tensors[op.outputs[0]].shape.clone();
    if to.iter().product::<usize>() != b.tensors[value.tensor].elements() {
        return Err(op.fault(format!("it changes shape {:?} to {to:?}", value.shape)));
    }
    // Nothing else has looked at the input yet: on the card it may as well have the new shape.
    let only_reader = b.readers[op.input(0)?] == 1;
    if let Some(hwc) = hwc(&to).filter(|_| only_reader) {
        if let Some((id, info)) = b.input_port(value.tensor) {
            info.hwc = hwc;
            let id = *id;
            b.tensors[id].hwc = hwc;
        }
    }
    Ok(Value { shape: to, ..value })
}

/// `PAD` and `PADV2`: constant padding, of zeros where no value is given.
pub fn pad(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let (value, quant) = b.bytes_input(op, 0)?;
    let (input, from) = image(b, op, &value)?;
    let pads = b.ints(op, 1)?;
    let to = b.model.tensors[op.outputs[0]].shape.clone();
    let rank = value.shape.len();
    let small = pads.iter().all(|p| (0..=crate::graph::MAX_EXTENT as i64).contains(p));
    if pads.len() != 2 * rank || !small || rank > 4 {
        return Err(op.fault(format!("paddings {pads:?} of shape {:?}", value.shape)));
    }
    let fill = match op.optional(2) {
        None => quant.zero_point,
        Some(_) => {
            let given = b.ints(op, 2)?;
            let offset = if value.unsigned { 128 } else { 0 };
            let only = given.first().filter(|_| given.len() == 1);
            only.and_then(|v| i8::try_from(v.checked_sub(offset)?).ok())
                .ok_or_else(|| op.fault("its padding is no byte".to_string()))?
        }
    };
    // The batch has no padding; the others are the last of [height, width, channels].
    let at = |axis: usize, side: usize| {
        (axis + rank).checked_sub(3).filter(|&d| rank < 4 || d > 0).map_or(0, |d| pads[2 * d + side] as usize)
    };
    if rank == 4 && pads[..2] != [0, 0] || rank < 4 && rank > 1 && value.shape[0] == 1 && pads[..2] != [0, 0] {
        return Err(op.unsupported("it pads the batch", "padding of rows, columns and channels"));
    }
    let before = [0, 1, 2].map(|axis| at(axis, 0));
    let hwc = [0, 1, 2].map(|axis| from[axis] + before[axis] + at(axis, 1));
    if hwc.iter().product::<usize>() != to.iter().product::<usize>() {
        return Err(op.fault(format!("it pads shape {:?} to {to:?} by {pads:?}", value.shape)));
    }
    Ok(b.push(op, vec![input], hwc, Op::Pad(Pad { before, value: fill })))
}
