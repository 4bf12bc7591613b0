//! Pools.

use super::build::{Builder, Value};
use super::conv::{window, Steps};
use super::model::Operator;
use super::numbers;
use super::shape::image;
use crate::graph::{Op, Output, Pool, PoolKind, Requant, Window};
use crate::import::error::Fault;
use tract_tflite::tflite::BuiltinOperator as Kind;

/// `AVERAGE_POOL_2D` and `MAX_POOL_2D`. The bytes themselves are pooled: both sides have one quantisation.
pub fn pool(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let options = op.options.builtin_options_as_pool_2_doptions();
    let options = options.ok_or_else(|| op.fault("it has no options; the file is damaged"))?;
    let (value, quant) = b.bytes_input(op, 0)?;
    let (_, to) = b.output(op)?;
    if quant != to {
        return Err(op.unsupported("its output has another quantisation than its input", "the same on both sides"));
    }
    let (input, from) = image(b, op, &value)?;
    let positive = |v: i32| usize::try_from(v).ok().filter(|&v| v > 0);
    let (Some(rows), Some(columns)) = (positive(options.filter_height()), positive(options.filter_width())) else {
        let kernel = [options.filter_height(), options.filter_width()];
        return Err(op.fault(format!("its kernel is {kernel:?}; it must be 1 or more each way")));
    };
    let steps =
        Steps { padding: options.padding(), stride: [options.stride_h(), options.stride_w()], dilation: [1, 1] };
    let (window, extent) = window(op, [from[0], from[1]], [rows, columns], steps)?;
    let (low, high) = numbers::range(op, options.fused_activation_function(), to)?;
    let hwc = [extent[0], extent[1], from[2]];
    let pool = match op.kind {
        Kind::MAX_POOL_2D => {
            let output = Output { low, high, ..Output::plain() };
            Pool { kind: PoolKind::Max, window, pad: -128, bias: 0, output }
        }
        _ => average(op, window, from, hwc, (low, high))?,
    };
    Ok(b.push(op, vec![input], hwc, Op::Pool(pool)))
}

/// An average of bytes: the sum over the elements inside the input, divided by their number, half away from zero.
fn average(
    op: &Operator,
    window: Window,
    from: [usize; 3],
    to: [usize; 3],
    (low, high): (i8, i8),
) -> Result<Pool, Fault> {
    let inside = (0..2).all(|axis| {
        let reached = (to[axis] - 1) * window.stride[axis] + window.kernel[axis];
        window.before[axis] == 0 && reached <= from[axis]
    });
    let refuse = || op.fault(format!("an average of {} elements", window.taps()));
    let mean = |count: usize| Requant::mean(count).ok_or_else(refuse);
    let (kind, requant) = match inside {
        true => (PoolKind::Sum, vec![mean(window.taps())?]),
        false => (PoolKind::Mean, (1..=window.taps()).map(mean).collect::<Result<_, _>>()?),
    };
    Ok(Pool { kind, window, pad: 0, bias: 0, output: Output { requant, zero_point: 0, low, high } })
}

/// `MEAN` over rows and columns: a global average that may change the quantisation. TFLite's kernel rounds twice, with
/// the division in the multiplier.
pub fn mean(b: &mut Builder, op: &Operator) -> Result<Value, Fault> {
    let (value, quant) = b.bytes_input(op, 0)?;
    let (_, to) = b.output(op)?;
    let mut axes = b.ints(op, 1)?;
    let rank = value.shape.len() as i64;
    axes.iter_mut().filter(|a| **a < 0).for_each(|a| *a += rank);
    axes.sort_unstable();
    if axes != [1, 2] || rank != 4 {
        let why = format!("it averages axes {axes:?} of shape {:?}", value.shape);
        return Err(op.unsupported(why, "axes 1 and 2 of 4: rows and columns"));
    }
    let (input, from) = image(b, op, &value)?;
    let window = Window { kernel: [from[0], from[1]], ..Window::POINT };
    let count = window.taps();
    let real = f64::from(quant.scale) / f64::from(to.scale);
    let multiplier = Requant::mean_of(real, count)
        .ok_or_else(|| op.fault(format!("its multiplier is {real} / {count}; quantise the model again")))?;
    let output = Output { requant: vec![multiplier], zero_point: to.zero_point, low: -128, high: 127 };
    let bias = -i32::from(quant.zero_point) * count as i32;
    let pool = Pool { kind: PoolKind::Sum, window, pad: quant.zero_point, bias, output };
    Ok(b.push(op, vec![input], [1, 1, from[2]], Op::Pool(pool)))
}
