//! Pools and clamps, and how a window moves over an image.

use super::attributes;
use super::build::Builder;
use super::conv::activation;
use super::model::{node_fault, unsupported};
use super::proto;
use super::quantise::{self, QDQ};
use super::value::{Activation, Core, Pending, Value};
use crate::graph::{Op, Output, Pool, PoolKind, Requant, Window, MAX_EXTENT, MAX_KERNEL, MAX_STRIDE};
use crate::import::error::Fault;
use crate::tensor::Order;
use std::rc::Rc;

/// Channels, height and width of an activation that an image operator reads.
pub fn image(node: &proto::Node, a: &Activation) -> Result<[usize; 3], Fault> {
    let [h, w, c] = a.hwc;
    let one_order = h * w == 1 || c == 1;
    if a.shape == [c, h, w] && (one_order || a.order == Order::ChannelsFirst) {
        return Ok([c, h, w]);
    }
    Err(unsupported(
        node,
        format!("activations of shape {:?} behind the batch", a.shape),
        "images: [channels, height, width]",
    ))
}

/// The window of a convolution or pool, the extent of its output, and whether the last windows reach past the padding
/// (`ceil_mode`).
pub fn spatial(node: &proto::Node, input: [usize; 2], kernel: [usize; 2]) -> Result<(Window, [usize; 2], bool), Fault> {
    let dilations = attributes::ints(node, "dilations", [1, 1], MAX_EXTENT)?;
    if dilations != [1, 1] {
        return Err(unsupported(node, format!("dilations are {dilations:?}"), "1"));
    }
    let strides = attributes::ints(node, "strides", [1, 1], MAX_EXTENT)?;
    let pads = attributes::ints(node, "pads", [0, 0, 0, 0], MAX_EXTENT)?;
    let auto_pad = attributes::text(node, "auto_pad");
    let ceil = attributes::int(node, "ceil_mode", 0) != 0;
    let mut window = Window { kernel, stride: strides, before: [0, 0] };
    let mut extent = [0, 0];
    let mut past = false;
    for axis in 0..2 {
        let (size, k, stride) = (input[axis], kernel[axis], strides[axis]);
        // A kernel over the whole of a long image is split later.
        if k == 0 || k > MAX_KERNEL && kernel != input {
            return Err(unsupported(node, format!("a kernel of {kernel:?}"), format!("1 to {MAX_KERNEL} each way")));
        }
        if stride == 0 {
            return Err(node_fault(node, format!("strides are {strides:?}; each must be 1 or more")));
        }
        let same = size.div_ceil(stride);
        let total = ((same - 1) * stride + k).saturating_sub(size);
        let (before, after) = match auto_pad.as_str() {
            "" | "NOTSET" => (pads[axis], pads[axis + 2]),
            "VALID" => (0, 0),
            "SAME_UPPER" => (total / 2, total - total / 2),
            "SAME_LOWER" => (total - total / 2, total / 2),
            other => {
                return Err(unsupported(node, format!("auto_pad is {other}"), "NOTSET, VALID, SAME_UPPER, SAME_LOWER"))
            }
        };
        let Some(room) = (size + before + after).checked_sub(k) else {
            return Err(node_fault(node, format!("a kernel of {kernel:?} does not fit the padded input of {input:?}")));
        };
        extent[axis] = room / stride + 1;
        if ceil && room % stride != 0 && (room / stride + 1) * stride < size + before {
            extent[axis] += 1;
            past = true;
        }
        window.before[axis] = before;
        // A single output takes no step, and a whole-image pool names one that the card has no bits for.
        if extent[axis] == 1 {
            window.stride[axis] = 1;
        }
        if window.stride[axis] > MAX_STRIDE {
            return Err(unsupported(node, format!("strides are {strides:?}"), format!("1 to {MAX_STRIDE}")));
        }
        if before >= k || (extent[axis] - 1) * window.stride[axis] >= size + before {
            let why = format!("a window lies wholly in the padding (kernel {kernel:?}, pads {pads:?})");
            return Err(unsupported(node, why, "padding smaller than the kernel"));
        }
    }
    Ok((window, extent, past))
}

/// Input 0 as a pending operator that a clamp can join.
fn pending(b: &Builder, node: &proto::Node) -> Result<Pending, Fault> {
    match b.value(node, 0)? {
        Value::Pending(p) => Ok((*p).clone()),
        Value::Real(a) => quantise::real(node, &a),
        _ => Err(unsupported(node, "its input is not a quantised model's real values", QDQ)),
    }
}

fn clamped(mut p: Pending, low: f64, high: f64) -> Value {
    p.low = p.low.max(low).min(high);
    p.high = p.high.max(low).min(high);
    Value::Pending(Rc::new(p))
}

/// `Relu`.
pub fn relu(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    Ok(clamped(pending(b, node)?, 0.0, f64::INFINITY))
}

/// `Clip`, with its bounds as attributes or as inputs.
pub fn clip(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let bound = |index: usize, name: &str, open: f64| -> Result<f64, Fault> {
        let given = match b.optional(node, index) {
            None => attributes::some_float(node, name).map(f64::from),
            Some(Value::Constant(c)) => c.floats().and_then(|f| f.first()).map(|&f| f64::from(f)),
            Some(Value::Weights(w)) => w.values.first().map(|&v| v as f64 * f64::from(w.scale[0])),
            Some(_) => return Err(unsupported(node, format!("{name} is computed"), "constants")),
        };
        match given {
            Some(v) if v.is_nan() => Err(node_fault(node, format!("{name} is not a number"))),
            Some(v) => Ok(v),
            None => Ok(open),
        }
    };
    let (low, high) = (bound(1, "min", f64::NEG_INFINITY)?, bound(2, "max", f64::INFINITY)?);
    if low > high {
        return Err(node_fault(node, format!("min {low} is above max {high}")));
    }
    Ok(clamped(pending(b, node)?, low, high))
}

/// `MaxPool`, of reals or straight of bytes.
pub fn max_pool(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    if node.output.iter().skip(1).any(|o| !o.is_empty()) {
        return Err(unsupported(node, "it gives indices too", "one output"));
    }
    let kernel = kernel(node)?;
    if let Value::Quantised(a) = b.value(node, 0)? {
        let [channels, ..] = image(node, &a)?;
        let (window, extent, _) = spatial(node, [a.hwc[0], a.hwc[1]], kernel)?;
        let hwc = [extent[0], extent[1], channels];
        let output = Output { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 };
        let op = Op::Pool(Pool { kind: PoolKind::Max, window, pad: -128, bias: 0, output });
        let tensor = b.push(&super::model::name_of(node), &node.op_type, vec![a.tensor], hwc, op);
        let shape = vec![channels, extent[0], extent[1]];
        return Ok(Value::Quantised(Activation { tensor, hwc, shape, order: Order::ChannelsFirst, open: false, ..a }));
    }
    let (source, _) = activation(b, node, 0)?;
    let [channels, ..] = image(node, &source)?;
    let (window, extent, _) = spatial(node, [source.hwc[0], source.hwc[1]], kernel)?;
    pooled(node, &source, PoolKind::Max, window, extent, channels)
}

/// `AveragePool`.
pub fn average_pool(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (source, _) = activation(b, node, 0)?;
    average(node, &source)
}

/// An average of an activation's reals.
pub fn average(node: &proto::Node, source: &Activation) -> Result<Value, Fault> {
    let [channels, ..] = image(node, source)?;
    let (window, extent, past) = spatial(node, [source.hwc[0], source.hwc[1]], kernel(node)?)?;
    let padded = (0..2).any(|axis| {
        let reached = (extent[axis] - 1) * window.stride[axis] + window.kernel[axis];
        window.before[axis] > 0 || reached > source.hwc[axis]
    });
    let padding_counts = attributes::int(node, "count_include_pad", 0) != 0;
    if past && padding_counts {
        return Err(unsupported(
            node,
            "ceil_mode lets its windows reach past the padding that counts",
            "ceil_mode = 0, or count_include_pad = 0",
        ));
    }
    let kind = if padded && !padding_counts { PoolKind::Mean } else { PoolKind::Sum };
    pooled(node, source, kind, window, extent, channels)
}

/// `GlobalAveragePool`.
pub fn global_average_pool(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (source, _) = activation(b, node, 0)?;
    global(node, &source, PoolKind::Sum)
}

/// `GlobalMaxPool`.
pub fn global_max_pool(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (source, _) = activation(b, node, 0)?;
    global(node, &source, PoolKind::Max)
}

/// `ReduceMean` over rows and columns: a global average.
pub fn reduce_mean(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (source, _) = activation(b, node, 0)?;
    let axes = match b.constant(node, 1)? {
        Some(given) => given.ints().map(<[i64]>::to_vec).unwrap_or_default(),
        None => attributes::raw_ints(node, "axes"),
    };
    let rank = source.shape.len() as i64 + 1;
    let mut axes: Vec<i64> = axes.iter().map(|&a| if a < 0 { a.saturating_add(rank) } else { a }).collect();
    axes.sort_unstable();
    if axes != [2, 3] || rank != 4 {
        return Err(unsupported(node, format!("it averages axes {axes:?} of {rank}"), "axes 2 and 3 of 4: an image"));
    }
    let value = global(node, &source, PoolKind::Sum)?;
    match (value, attributes::int(node, "keepdims", 1)) {
        (Value::Pending(p), 0) => Ok(Value::Pending(Rc::new(Pending { shape: vec![p.hwc[2]], ..(*p).clone() }))),
        (value, _) => Ok(value),
    }
}

/// A pool of the whole image.
pub fn global(node: &proto::Node, source: &Activation, kind: PoolKind) -> Result<Value, Fault> {
    let [channels, height, width] = image(node, source)?;
    let window = Window { kernel: [height, width], ..Window::POINT };
    pooled(node, source, kind, window, [1, 1], channels)
}

fn kernel(node: &proto::Node) -> Result<[usize; 2], Fault> {
    let kernel = attributes::ints(node, "kernel_shape", [0, 0], MAX_EXTENT)?;
    match kernel {
        [0, _] | [_, 0] => Err(node_fault(node, "it has no kernel_shape".into())),
        _ => Ok(kernel),
    }
}

fn pooled(
    node: &proto::Node,
    source: &Activation,
    kind: PoolKind,
    window: Window,
    extent: [usize; 2],
    channels: usize,
) -> Result<Value, Fault> {
    let pending = quantise::real(node, source)?;
    Ok(Value::Pending(Rc::new(Pending {
        core: Core::Pool { kind, window },
        hwc: [extent[0], extent[1], channels],
        shape: vec![channels, extent[0], extent[1]],
        order: Order::ChannelsFirst,
        ..pending
    })))
}
