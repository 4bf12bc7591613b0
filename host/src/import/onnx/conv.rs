//! Convolutions and fully connected layers, which are convolutions whose kernel is their whole input.

use super::attributes;
use super::build::Builder;
use super::elementwise;
use super::model::{name_of, node_fault, unsupported};
use super::pool::{self, spatial};
use super::proto;
use super::quantise::{self, QDQ};
use super::value::{Activation, Core, Pending, Quant, Value, Weights};
use crate::graph::{Window, MAX_CHANNELS, MAX_ELEMENTS, MAX_KERNEL};
use crate::import::error::Fault;
use crate::tensor::Order;
use std::rc::Rc;

/// Most that a bias's scale may differ from input scale times weight scale and still count as the same: the product
/// was rounded to 32 bits when the model was written.
const SAME_SCALE: f64 = 1e-5;

/// Input 0 as a real activation with its quantisation.
pub fn activation(b: &Builder, node: &proto::Node, index: usize) -> Result<(Activation, Quant), Fault> {
    match b.value(node, index)? {
        Value::Real(a) => {
            let quant = a.quant.ok_or_else(|| node_fault(node, "the quantisation of its input is not known".into()))?;
            Ok((a, quant))
        }
        Value::Pending(p) => Err(unsupported(
            node,
            format!("nothing quantises what node `{}` ({}) gives it", crate::import::error::short(&p.name), p.label),
            QDQ,
        )),
        Value::FloatInput(_) => Err(unsupported(node, "its input is float: the model is not quantised", QDQ)),
        Value::Quantised(_) => Err(unsupported(node, "its input has no DequantizeLinear", QDQ)),
        Value::Constant(_) | Value::Weights(_) => Err(unsupported(node, "its input is a constant", QDQ)),
        Value::Host(_) => Err(unsupported(node, "its input is floats of the host", QDQ)),
    }
}

/// `Conv`.
pub fn conv(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    let (source, quant) = activation(b, node, 0)?;
    let weights = b.weights(node, 1, "weights")?;
    let mut pending = convolution(node, source, quant, &weights)?;
    add_bias(b, node, &mut pending, 2)?;
    Ok(Value::Pending(Rc::new(pending)))
}

/// A convolution without its bias. Depthwise ones stay such; with other groups the weights between them are 0.
pub fn convolution(node: &proto::Node, source: Activation, quant: Quant, weights: &Weights) -> Result<Pending, Fault> {
    let [channels, ..] = pool::image(node, &source)?;
    let &[outputs, inputs, rows, columns] = &weights.dims[..] else {
        let why = format!("weights of shape {:?}", weights.dims);
        return Err(unsupported(node, why, "two-dimensional convolutions: [out, in, rows, columns]"));
    };
    let group = attributes::int(node, "group", 1);
    let groups = usize::try_from(group).ok().filter(|&g| g > 0 && inputs.checked_mul(g) == Some(channels));
    let Some(groups) = groups.filter(|g| outputs > 0 && outputs <= MAX_CHANNELS && outputs.is_multiple_of(*g)) else {
        let why = format!("weights of shape {:?} in {group} groups for {channels} channels", weights.dims);
        return Err(node_fault(node, why));
    };
    if attributes::ints(node, "kernel_shape", [rows, columns], MAX_KERNEL)? != [rows, columns] {
        return Err(node_fault(node, format!("its kernel_shape is not that of weights {:?}", weights.dims)));
    }
    let (window, extent, _) = spatial(node, [source.hwc[0], source.hwc[1]], [rows, columns])?;
    let scale = channel_scales(node, weights, 0, outputs)?;
    let hwc = [extent[0], extent[1], outputs];
    let shape = vec![outputs, extent[0], extent[1]];
    let bias = vec![0; outputs];
    let at = |o: usize, y: usize, x: usize, i: usize| ((o * inputs + i) * rows + y) * columns + x;
    let core = if groups == channels && channels > 1 {
        // [out, 1, rows, columns] to [rows, columns, out].
        let ordered = reorder(node, weights, [1, rows, columns, outputs], |_, y, x, o| Some(at(o, y, x, 0)))?;
        Core::Depthwise { window, multiplier: outputs / channels, weights: ordered, scale, bias }
    } else {
        // [out, in, rows, columns] to [out, rows, columns, in].
        let of_group = outputs / groups;
        if outputs.checked_mul(rows * columns * channels).is_none_or(|size| size > MAX_ELEMENTS) {
            return Err(unsupported(node, format!("weights of shape {:?}", weights.dims), "fewer weights"));
        }
        let from =
            |o: usize, y: usize, x: usize, c: usize| (c / inputs == o / of_group).then(|| at(o, y, x, c % inputs));
        let ordered = reorder(node, weights, [outputs, rows, columns, channels], from)?;
        Core::Conv { window, weights: ordered, scale, bias }
    };
    Ok(layer(node, source, quant, core, hwc, shape))
}

/// `Gemm`: `A · B + C`.
pub fn gemm(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    for (name, value) in
        [("alpha", attributes::float(node, "alpha", 1.0)), ("beta", attributes::float(node, "beta", 1.0))]
    {
        if value != 1.0 {
            return Err(unsupported(node, format!("{name} is {value}"), "1"));
        }
    }
    if attributes::int(node, "transA", 0) != 0 {
        return Err(unsupported(node, "transA is set", "activations as they are"));
    }
    let mut pending = product(b, node, attributes::int(node, "transB", 0) != 0)?;
    add_bias(b, node, &mut pending, 2)?;
    Ok(Value::Pending(Rc::new(pending)))
}

/// `MatMul`: activations times constant weights.
pub fn matmul(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    Ok(Value::Pending(Rc::new(product(b, node, false)?)))
}

/// A matrix product with the weights [in, out], or [out, in] if they are transposed.
fn product(b: &mut Builder, node: &proto::Node, transposed: bool) -> Result<Pending, Fault> {
    let (source, quant) = activation(b, node, 0)?;
    let weights = b.weights(node, 1, "weights")?;
    matrix(node, source, quant, &weights, transposed)
}

/// A fully connected layer without its bias.
pub fn matrix(
    node: &proto::Node,
    source: Activation,
    quant: Quant,
    weights: &Weights,
    transposed: bool,
) -> Result<Pending, Fault> {
    let features: usize = source.hwc.iter().product();
    let (inputs, outputs) = match (&weights.dims[..], transposed) {
        (&[i, o], false) | (&[o, i], true) => (i, o),
        _ => return Err(unsupported(node, format!("weights of shape {:?}", weights.dims), "two dimensions")),
    };
    if source.shape.len() != 1 {
        let why = format!("activations of shape {:?} behind the batch", source.shape);
        return Err(unsupported(node, why, "one dimension: put a Flatten before it"));
    }
    if inputs != features || outputs == 0 || outputs > MAX_CHANNELS {
        return Err(node_fault(node, format!("weights of shape {:?} for {features} features", weights.dims)));
    }
    let [height, width, channels] = source.hwc;
    let order = source.order;
    // The model numbers features in its own order; the card takes them row, column, channel.
    let from = |o: usize, y: usize, x: usize, c: usize| {
        let feature = match order {
            Order::ChannelsFirst => (c * height + y) * width + x,
            Order::ChannelsLast => (y * width + x) * channels + c,
        };
        Some(if transposed { o * inputs + feature } else { feature * outputs + o })
    };
    let ordered = reorder(node, weights, [outputs, height, width, channels], from)?;
    let scale = channel_scales(node, weights, usize::from(!transposed), outputs)?;
    let window = Window { kernel: [height, width], ..Window::POINT };
    let core = Core::Conv { window, weights: ordered, scale, bias: vec![0; outputs] };
    Ok(layer(node, source, quant, core, [1, 1, outputs], vec![outputs]))
}

fn layer(
    node: &proto::Node,
    source: Activation,
    quant: Quant,
    core: Core,
    hwc: [usize; 3],
    shape: Vec<usize>,
) -> Pending {
    Pending {
        name: name_of(node),
        label: node.op_type.clone(),
        source,
        quant,
        core,
        hwc,
        shape,
        order: Order::ChannelsFirst,
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    }
}

/// Weights in the order [a, b, c, d], where `from` finds each in the model's; 0 where it finds none.
fn reorder(
    node: &proto::Node,
    weights: &Weights,
    [outputs, rows, columns, inputs]: [usize; 4],
    from: impl Fn(usize, usize, usize, usize) -> Option<usize>,
) -> Result<Vec<i8>, Fault> {
    let mut ordered = Vec::with_capacity(weights.values.len());
    for o in 0..outputs {
        for y in 0..rows {
            for x in 0..columns {
                for i in 0..inputs {
                    let value = from(o, y, x, i).map_or(0, |at| weights.values[at]);
                    ordered.push(i8::try_from(value).map_err(|_| {
                        let why = format!("weight {value}, less its zero point, does not fit 8 bits");
                        unsupported(node, why, "symmetric int8 weights")
                    })?);
                }
            }
        }
    }
    Ok(ordered)
}

/// The weights' scale for each output channel.
fn channel_scales(node: &proto::Node, weights: &Weights, axis: usize, outputs: usize) -> Result<Vec<f64>, Fault> {
    match weights.scale.len() {
        1 => Ok(vec![f64::from(weights.scale[0]); outputs]),
        _ if weights.axis == axis => Ok(weights.scale.iter().map(|&s| f64::from(s)).collect()),
        _ => {
            Err(unsupported(node, format!("scales along axis {}", weights.axis), "one scale, or one an output channel"))
        }
    }
}

/// `Add` of a constant behind a product or a convolution: a bias.
pub fn add(b: &mut Builder, node: &proto::Node) -> Result<Value, Fault> {
    for (layer, bias) in [(0, 1), (1, 0)] {
        let (Value::Pending(pending), constant) = (b.value(node, layer)?, b.value(node, bias)?) else { continue };
        let unclamped = pending.low == f64::NEG_INFINITY && pending.high == f64::INFINITY;
        let is_constant = matches!(constant, Value::Weights(_) | Value::Constant(_));
        if is_constant && unclamped && matches!(pending.core, Core::Conv { .. } | Core::Depthwise { .. }) {
            let mut pending = (*pending).clone();
            add_bias(b, node, &mut pending, bias)?;
            return Ok(Value::Pending(Rc::new(pending)));
        }
    }
    elementwise::add(b, node)
}

/// Adds input `index`, if it is given, to the bias of a pending layer.
fn add_bias(b: &Builder, node: &proto::Node, pending: &mut Pending, index: usize) -> Result<(), Fault> {
    let Some(value) = b.optional(node, index) else { return Ok(()) };
    let (Core::Conv { scale, bias, .. } | Core::Depthwise { scale, bias, .. }) = &mut pending.core else {
        return Ok(());
    };
    // (steps, real value of a step) of each element; floats count as steps of 1.
    let (dims, elements): (&[usize], Vec<(f64, f64)>) = match &value {
        Value::Constant(c) => match c.floats() {
            Some(floats) => (&c.dims, floats.iter().map(|&f| (f64::from(f), 1.0)).collect()),
            None => return Err(unsupported(node, "its bias is integers without a scale", QDQ)),
        },
        Value::Weights(w) => {
            let scale = |i| w.scale[quantise::channel(&w.dims, w.axis, i).min(w.scale.len() - 1)];
            (&w.dims, w.values.iter().enumerate().map(|(i, &v)| (v as f64, f64::from(scale(i)))).collect())
        }
        _ => return Err(unsupported(node, "its bias is computed", "a constant")),
    };
    // One for each output channel, or one for all; other dimensions must be 1.
    let channels = bias.len();
    if elements.len() != 1 && elements.len() != channels || dims.iter().filter(|&&d| d != 1).count() > 1 {
        return Err(unsupported(
            node,
            format!("bias of shape {dims:?}"),
            format!("one value for each of {channels} channels"),
        ));
    }
    for (c, bias) in bias.iter_mut().enumerate() {
        let (steps, step) = elements[c.min(elements.len() - 1)];
        let own = f64::from(pending.quant.scale) * scale[c];
        let ratio = step / own;
        let units = if (ratio - 1.0).abs() < SAME_SCALE { steps } else { (steps * ratio).round() };
        if !units.is_finite() || units.abs() > f64::from(i32::MAX) {
            return Err(node_fault(node, format!("bias {} of channel {c} does not fit 32 bits", steps * step)));
        }
        *bias += units as i64;
    }
    Ok(())
}
