//! Shapes: the model's input, and operators that only look at the same values in another shape.
//!
//! On the card a tensor is [height, width, channels]; in the model its elements have an order, channels first or last.
//! A reshape or transpose is free where it leads from one of these two views of a tensor to the other. The model's
//! input has no shape on the card until an operator reads it, so there every reshape is free.

use super::attributes;
use super::build::Builder;
use super::model::{node_fault, unsupported};
use super::proto;
use super::value::{Activation, Pending, Value};
use crate::graph::{MAX_CHANNELS, MAX_ELEMENTS, MAX_EXTENT};
use crate::import::error::{short, Fault};
use crate::tensor::Order;
use std::rc::Rc;

/// Element type and shape, without the batch dimension, of the model's input.
///
/// # Errors
/// A shape that is unknown, dynamic but for the batch, or out of range.
pub fn of_input(info: &proto::ValueInfo) -> Result<(i32, Vec<usize>), Fault> {
    let fault = |what: String| Fault::File(format!("input `{}` {what}", short(&info.name)));
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| fault("is no tensor".into()))?;
    let dims = tensor.shape.as_ref().map(|s| &s.dim[..]);
    let Some([batch, rest @ ..]) = dims.filter(|d| (2..=4).contains(&d.len())) else {
        let rank = dims.map_or("an unknown number of".to_string(), |d| d.len().to_string());
        return Err(fault(format!("has {rank} dimensions; supported: 2 to 4, the first being the batch")));
    };
    if let Some(fixed) = batch.dim_value.filter(|v| !(0..=1).contains(v)) {
        return Err(fault(format!(
            "has a fixed batch of {fixed}; export the model with a batch of 1 or a dynamic one"
        )));
    }
    let mut shape = Vec::with_capacity(rest.len());
    let mut elements = 1usize;
    for dim in rest {
        let size = dim.dim_value.unwrap_or(0);
        let limit = MAX_EXTENT.max(MAX_CHANNELS);
        let size = usize::try_from(size).ok().filter(|s| (1..=limit).contains(s)).ok_or_else(|| {
            let found = dim.dim_param.as_ref().map_or(size.to_string(), |p| format!("`{}`", short(p)));
            fault(format!("has a dimension {found}; all but the batch must be fixed and 1 to {limit}"))
        })?;
        elements = elements.saturating_mul(size);
        shape.push(size);
    }
    if elements > MAX_ELEMENTS {
        return Err(fault(format!("has shape {shape:?}: more than {MAX_ELEMENTS} elements")));
    }
    Ok((tensor.elem_type, shape))
}

/// The shape on the card of a model's shape without batch, taken as channels first.
pub fn channels_first(shape: &[usize]) -> [usize; 3] {
    match *shape {
        [c, h, w] => [h, w, c],
        [h, w] => [h, w, 1],
        _ => [1, 1, shape.iter().product()],
    }
}

/// A view of values: what the shape operators change.
#[derive(Clone, Debug)]
struct View {
    hwc: [usize; 3],
    shape: Vec<usize>,
    order: Order,
    open: bool,
}

/// Applies `change` to the view of whatever value input 0 is.
fn apply(
    b: &mut Builder,
    node: &proto::Node,
    change: impl Fn(&mut Builder, View) -> Result<View, Fault>,
) -> Result<Value, Fault> {
    let of = |b: &mut Builder, a: Activation| {
        change(b, View { hwc: a.hwc, shape: a.shape.clone(), order: a.order, open: a.open }).map(|v| Activation {
            hwc: v.hwc,
            shape: v.shape,
            order: v.order,
            open: v.open,
            ..a
        })
    };
    match b.value(node, 0)? {
        Value::Quantised(a) => Ok(Value::Quantised(of(b, a)?)),
        Value::Real(a) => Ok(Value::Real(of(b, a)?)),
        Value::Pending(p) => {
            let v = change(b, View { hwc: p.hwc, shape: p.shape.clone(), order: p.order, open: false })?;
            Ok(Value::Pending(Rc::new(Pending { shape: v.shape, order: v.order, ..(*p).clone() })))
        }
        Value::FloatInput(_) => {
            Err(unsupported(node, "it stands before the first QuantizeLinear", "reshapes behind it"))
        }
        Value::Constant(_) | Value::Weights(_) | Value::Host(_) => {
            Err(unsupported(node, "it changes the shape of a constant", "reshapes of activations"))
        }
    }
}

/// The same elements, in the same order, under another shape.
fn reshaped(b: &mut Builder, node: &proto::Node, view: View, shape: Vec<usize>) -> Result<View, Fault> {
    let refuse =
        || unsupported(node, format!("{:?} to {shape:?}", view.shape), "flattening, and back to the same image");
    if view.open {
        if shape.len() > 3 {
            return Err(refuse());
        }
        let hwc = channels_first(&shape);
        b.settle_input(hwc, Order::ChannelsFirst);
        return Ok(View { hwc, shape, order: Order::ChannelsFirst, open: true });
    }
    let [h, w, c] = view.hwc;
    // With one pixel or one channel the two orders are one.
    let either = h * w == 1 || c == 1;
    let order = match shape[..] {
        [_] => view.order,
        [a, y, x] if [a, y, x] == [c, h, w] && (either || view.order == Order::ChannelsFirst) => Order::ChannelsFirst,
        [y, x, a] if [a, y, x] == [c, h, w] && (either || view.order == Order::ChannelsLast) => Order::ChannelsLast,
        _ => return Err(refuse()),
    };
    Ok(View { shape, order, ..view })
}

/// `Reshape`.
pub fn reshape(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let Some(target) = b.constant(node, 1)? else { return Err(node_fault(node, "it has no shape".into())) };
    let target = target.ints().ok_or_else(|| node_fault(node, "its shape is no integer".into()))?.to_vec();
    let keep_zero = attributes::int(node, "allowzero", 0) == 0;
    apply(b, node, |b, view| {
        let elements: usize = view.shape.iter().product();
        let wrong = || node_fault(node, format!("{elements} elements do not take shape {target:?}"));
        let [batch, rest @ ..] = &target[..] else { return Err(wrong()) };
        let mut shape = Vec::with_capacity(rest.len());
        let (mut known, mut open) = (1usize, None);
        for (i, &dim) in rest.iter().enumerate() {
            let size = match dim {
                -1 if open.is_none() => {
                    open = Some(i);
                    1
                }
                0 if keep_zero => *view.shape.get(i).ok_or_else(wrong)?,
                size => usize::try_from(size).map_err(|_| wrong())?,
            };
            known = known.checked_mul(size).filter(|&k| k > 0 && k <= elements).ok_or_else(wrong)?;
            shape.push(size);
        }
        if let Some(i) = open {
            shape[i] = elements / known;
            known *= shape[i];
        }
        // The batch stays: any number that leaves an element of the batch whole.
        if known != elements || shape.is_empty() || !matches!(batch, -1..=1) {
            return Err(wrong());
        }
        reshaped(b, node, view, shape)
    })
}

/// `Flatten`.
pub fn flatten(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let axis = attributes::int(node, "axis", 1);
    if axis != 1 {
        return Err(unsupported(node, format!("axis is {axis}"), "axis 1: everything but the batch"));
    }
    apply(b, node, |b, view| {
        let shape = vec![view.shape.iter().product()];
        reshaped(b, node, view, shape)
    })
}

/// `Squeeze`.
pub fn squeeze(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let given = axes(b, node)?;
    apply(b, node, |b, view| {
        let rank = view.shape.len() as i64 + 1;
        let axes: Vec<i64> = match &given {
            Some(axes) => axes.iter().map(|&a| if a < 0 { a + rank } else { a }).collect(),
            None => (1..rank).filter(|&a| view.shape[a as usize - 1] == 1).collect(),
        };
        let bad = axes.iter().find(|&&a| a < 1 || a >= rank || view.shape[a as usize - 1] != 1);
        if let Some(axis) = bad {
            return Err(node_fault(node, format!("axis {axis} of shape {:?} behind the batch is not 1", view.shape)));
        }
        let kept = (1..rank).filter(|a| !axes.contains(a)).map(|a| view.shape[a as usize - 1]);
        let mut shape: Vec<usize> = kept.collect();
        if shape.is_empty() {
            shape.push(1);
        }
        reshaped(b, node, view, shape)
    })
}

/// `Unsqueeze`.
pub fn unsqueeze(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let Some(given) = axes(b, node)? else { return Err(node_fault(node, "it has no axes".into())) };
    apply(b, node, |b, view| {
        let rank = (view.shape.len() + given.len()) as i64 + 1;
        let axes: Vec<i64> = given.iter().map(|&a| if a < 0 { a + rank } else { a }).collect();
        let mut rest = view.shape.iter();
        let mut shape = Vec::new();
        for axis in 1..rank {
            let size = if axes.contains(&axis) { Some(1) } else { rest.next().copied() };
            shape.push(size.ok_or_else(|| node_fault(node, format!("axes {given:?} for shape {:?}", view.shape)))?);
        }
        if rest.next().is_some() {
            return Err(node_fault(node, format!("axes {given:?} for shape {:?}", view.shape)));
        }
        reshaped(b, node, view, shape)
    })
}

/// Axes, which older models have as an attribute and newer ones as an input.
fn axes(b: &Builder, node: &proto::Node) -> Result<Option<Vec<i64>>, Fault> {
    match b.constant(node, 1)? {
        Some(c) => Ok(c.ints().map(<[i64]>::to_vec)),
        None => Ok(Some(attributes::raw_ints(node, "axes")).filter(|a| !a.is_empty())),
    }
}

/// `Transpose`.
pub fn transpose(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let perm = attributes::raw_ints(node, "perm");
    apply(b, node, |b, view| {
        let refuse = |view: &View| {
            unsupported(node, format!("perm {perm:?} of shape {:?}", view.shape), "channels first to last and back")
        };
        let identity: Vec<i64> = (0..=view.shape.len() as i64).collect();
        if perm == identity {
            return Ok(view);
        }
        let (shape, from, to) = match (&perm[..], &view.shape[..]) {
            ([0, 2, 3, 1], &[c, h, w]) => (vec![h, w, c], Order::ChannelsFirst, Order::ChannelsLast),
            ([0, 3, 1, 2], &[h, w, c]) => (vec![c, h, w], Order::ChannelsLast, Order::ChannelsFirst),
            _ => return Err(refuse(&view)),
        };
        if view.open && to == Order::ChannelsFirst {
            // The model takes its input channels last: that is what it has on the card.
            let [h, w, c] = [view.shape[0], view.shape[1], view.shape[2]];
            b.settle_input([h, w, c], Order::ChannelsLast);
            return Ok(View { hwc: [h, w, c], shape, order: to, open: false });
        }
        let [h, w, c] = view.hwc;
        let either = h * w == 1 || c == 1;
        let is_image = match from {
            Order::ChannelsFirst => view.shape == [c, h, w],
            Order::ChannelsLast => view.shape == [h, w, c],
        };
        if !is_image || !(either || view.order == from) {
            return Err(refuse(&view));
        }
        Ok(View { shape, order: to, open: false, ..view })
    })
}
