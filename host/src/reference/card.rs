//! What the card's operators compute: textbook loops over [height, width, channels].

use crate::graph::{Add, Concat, Conv, Depthwise, Op, Output, Pad, Pool, PoolKind, Window};

/// What an operator of the card gives; each input with its shape.
pub fn run(op: &Op, inputs: &[(&[i8], [usize; 3])], to: [usize; 3]) -> Vec<i8> {
    let (input, from) = inputs[0];
    match op {
        Op::Conv(c) => conv(c, input, from, to),
        Op::Depthwise(c) => depthwise(c, input, from, to),
        Op::Pool(p) => pool(p, input, from, to),
        Op::Add(a) => input.iter().zip(inputs[1].0).map(|(&l, &r)| add(a, [l, r])).collect(),
        Op::Concat(c) => concat(c, inputs, to),
        Op::Pad(p) => pad(p, input, from, to),
        Op::Clamp { low, high } => input.iter().map(|v| (*v).max(*low).min(*high)).collect(),
        Op::Host(_) => Vec::new(),
    }
}

fn conv(conv: &Conv, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Vec<i8> {
    let mut values = Vec::with_capacity(to.iter().product());
    let zero_point = i32::from(conv.input_zero_point);
    let filter = conv.window.kernel[0] * conv.window.kernel[1] * from[2];
    for oy in 0..to[0] {
        for ox in 0..to[1] {
            for o in 0..to[2] {
                // The card's accumulators wrap at 32 bits, and so does this.
                let mut acc = conv.bias[o];
                for (tap, at) in taps(&conv.window, from, oy, ox) {
                    let Some(at) = at else { continue };
                    for i in 0..from[2] {
                        let weight = i32::from(conv.weights[o * filter + tap * from[2] + i]);
                        acc = acc.wrapping_add((i32::from(input[at + i]) - zero_point).wrapping_mul(weight));
                    }
                }
                values.push(finish(&conv.output, o, acc));
            }
        }
    }
    values
}

fn depthwise(conv: &Depthwise, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Vec<i8> {
    let mut values = Vec::with_capacity(to.iter().product());
    let zero_point = i32::from(conv.input_zero_point);
    for (oy, ox) in pixels(to) {
        for o in 0..to[2] {
            let mut acc = conv.bias[o];
            for (tap, at) in taps(&conv.window, from, oy, ox) {
                let Some(at) = at else { continue };
                let weight = i32::from(conv.weights[tap * to[2] + o]);
                let value = i32::from(input[at + o / conv.multiplier]) - zero_point;
                acc = acc.wrapping_add(value.wrapping_mul(weight));
            }
            values.push(finish(&conv.output, o, acc));
        }
    }
    values
}

fn pool(pool: &Pool, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Vec<i8> {
    let mut values = Vec::with_capacity(to.iter().product());
    for (oy, ox) in pixels(to) {
        for c in 0..to[2] {
            let inside = taps(&pool.window, from, oy, ox).map(|(_, at)| at.map(|a| i32::from(input[a + c])));
            let padded = |value: Option<i32>| value.unwrap_or(i32::from(pool.pad));
            values.push(match pool.kind {
                PoolKind::Max => {
                    let greatest = inside.map(padded).max().unwrap_or(i32::from(pool.pad));
                    finish(&pool.output, c, greatest.wrapping_add(pool.bias))
                }
                PoolKind::Sum => finish(&pool.output, c, inside.map(padded).sum::<i32>().wrapping_add(pool.bias)),
                PoolKind::Mean => {
                    let there: Vec<i32> = inside.flatten().collect();
                    let acc = there.iter().map(|v| v.wrapping_add(pool.bias)).fold(0, i32::wrapping_add);
                    // A sound graph has no window without an element.
                    finish(&pool.output, there.len().saturating_sub(1), acc)
                }
            });
        }
    }
    values
}

fn add(add: &Add, values: [i8; 2]) -> i8 {
    let scaled = |k: usize| {
        let addend = &add.addends[k];
        addend.requant.apply((i32::from(values[k]) - i32::from(addend.zero_point)) << add.left_shift)
    };
    finish(&add.output, 0, (scaled(0) + scaled(1)) as i32)
}

fn concat(concat: &Concat, inputs: &[(&[i8], [usize; 3])], to: [usize; 3]) -> Vec<i8> {
    let mut values = Vec::with_capacity(to.iter().product());
    for pixel in 0..to[0] * to[1] {
        for (part, (input, from)) in concat.parts.iter().zip(inputs) {
            let channels = &input[pixel * from[2]..(pixel + 1) * from[2]];
            let zero_point = i32::from(part.zero_point);
            values.extend(channels.iter().map(|&v| finish(&part.output, 0, i32::from(v) - zero_point)));
        }
    }
    values
}

fn pad(pad: &Pad, input: &[i8], from: [usize; 3], to: [usize; 3]) -> Vec<i8> {
    let mut values = vec![pad.value; to.iter().product()];
    for (y, x) in pixels(from) {
        let at = ((y + pad.before[0]) * to[1] + x + pad.before[1]) * to[2] + pad.before[2];
        let pixel = (y * from[1] + x) * from[2];
        values[at..at + from[2]].copy_from_slice(&input[pixel..pixel + from[2]]);
    }
    values
}

/// Rows and columns, row by row.
fn pixels(hwc: [usize; 3]) -> impl Iterator<Item = (usize, usize)> {
    (0..hwc[0]).flat_map(move |y| (0..hwc[1]).map(move |x| (y, x)))
}

/// The taps of the window of one output: number of the tap, and where its channel 0 lies, or `None` in the padding.
fn taps(window: &Window, from: [usize; 3], oy: usize, ox: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
    let Window { kernel, stride, before } = *window;
    (0..kernel[0] * kernel[1]).map(move |tap| {
        let y = (oy * stride[0] + tap / kernel[1]).checked_sub(before[0]).filter(|&y| y < from[0]);
        let x = (ox * stride[1] + tap % kernel[1]).checked_sub(before[1]).filter(|&x| x < from[1]);
        (tap, y.zip(x).map(|(y, x)| (y * from[1] + x) * from[2]))
    })
}

fn finish(output: &Output, channel: usize, acc: i32) -> i8 {
    let value = output.multiplier(channel).apply(acc) + i64::from(output.zero_point);
    value.clamp(i64::from(output.low), i64::from(output.high).max(i64::from(output.low))) as i8
}
