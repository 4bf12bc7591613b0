//! Random networks of the kinds that run on small devices. Sizes are odd and channel counts multiples of nothing, because
//! those are what a compiler gets wrong.

use super::{Clamp, Net, Steps};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The kinds of networks there are.
const FAMILIES: [fn(&mut StdRng) -> Net; 10] =
    [mobilenet_v1, mobilenet_v2, ds_cnn, wake_word, squeezenet, inception, resnet, autoencoder, lenet, mixed];

/// The network of a seed.
pub fn random(seed: u64) -> Net {
    let mut rng = StdRng::seed_from_u64(seed);
    let make = FAMILIES[seed as usize % FAMILIES.len()];
    make(&mut rng)
}

fn same(kernel: [usize; 2], stride: [usize; 2]) -> Steps {
    Steps { kernel, stride, same: true }
}

fn valid(kernel: [usize; 2], stride: [usize; 2]) -> Steps {
    Steps { kernel, stride, same: false }
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// An image of one or three channels.
fn image(rng: &mut StdRng, least: usize, most: usize) -> [usize; 3] {
    [rng.random_range(least..=most), rng.random_range(least..=most), pick(rng, &[1, 3])]
}

/// A square window, padded or not.
fn square(rng: &mut StdRng, kernels: &[usize], stride: usize) -> Steps {
    let kernel = pick(rng, kernels);
    Steps { kernel: [kernel; 2], stride: [stride; 2], same: rng.random_range(0..4) > 0 }
}

/// Average over all, fully connected, often softmax.
fn head(rng: &mut StdRng, net: &mut Net) {
    let last = net.last();
    let last = match rng.random_range(0..3) {
        0 => net.global(rng, last, false),
        1 => net.global(rng, last, true),
        _ => {
            let [height, width, _] = net.hwc(last);
            net.pool(last, false, valid([height, width], [pick(rng, &[1, 2, height]), pick(rng, &[1, 2, width])]))
        }
    };
    let classes = rng.random_range(2..=13);
    let last = net.dense(rng, last, classes, Clamp::None);
    if rng.random() {
        net.softmax(last);
    }
}

fn mobilenet_v1(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 15, 33);
    let mut net = Net::new(rng, "mobilenet-v1", hwc);
    let mut channels = rng.random_range(3..=10);
    let mut last = net.conv(rng, 0, channels, same([3, 3], [2, 2]), Clamp::Relu6);
    for _ in 0..rng.random_range(2..=5) {
        let (stride, times) = (pick(rng, &[1, 1, 2]), pick(rng, &[1, 1, 1, 2]));
        let steps = square(rng, &[3, 3, 5], stride);
        last = net.depthwise(rng, last, times, steps, Clamp::Relu6);
        channels = (channels * pick(rng, &[1, 2]) + rng.random_range(0..3)).min(41);
        last = net.conv(rng, last, channels, same([1, 1], [1, 1]), Clamp::Relu6);
    }
    head(rng, &mut net);
    net
}

fn mobilenet_v2(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 13, 27);
    let mut net = Net::new(rng, "mobilenet-v2", hwc);
    let mut channels = rng.random_range(3..=9);
    let mut last = net.conv(rng, 0, channels, same([3, 3], [2, 2]), Clamp::Relu6);
    for _ in 0..rng.random_range(2..=4) {
        let (stride, from) = (pick(rng, &[1, 1, 2]), last);
        let outputs = if stride == 1 && rng.random() { channels } else { rng.random_range(4..=18) };
        let wide = channels * pick(rng, &[2, 3, 6]);
        last = net.conv(rng, last, wide, same([1, 1], [1, 1]), Clamp::Relu6);
        let kernel = pick(rng, &[3, 5]);
        last = net.depthwise(rng, last, 1, same([kernel; 2], [stride; 2]), Clamp::Relu6);
        last = net.conv(rng, last, outputs, same([1, 1], [1, 1]), Clamp::None);
        if net.hwc(last) == net.hwc(from) {
            last = net.add(rng, from, last, Clamp::None);
        }
        channels = outputs;
    }
    head(rng, &mut net);
    net
}

fn ds_cnn(rng: &mut StdRng) -> Net {
    let hwc = [rng.random_range(20..=49), rng.random_range(8..=12), 1];
    let mut net = Net::new(rng, "ds-cnn", hwc);
    let channels = rng.random_range(5..=21);
    let steps = Steps { kernel: [10, 4], stride: [2, pick(rng, &[1, 2])], same: rng.random() };
    let mut last = net.conv(rng, 0, channels, steps, Clamp::Relu);
    for _ in 0..rng.random_range(1..=4) {
        last = net.depthwise(rng, last, 1, same([3, 3], [1, 1]), Clamp::Relu);
        last = net.conv(rng, last, channels, same([1, 1], [1, 1]), Clamp::Relu);
    }
    head(rng, &mut net);
    net
}

/// Convolutions along one line: over time, features as channels.
fn wake_word(rng: &mut StdRng) -> Net {
    let (time, features, rows) = (rng.random_range(20..=64), rng.random_range(5..=21), rng.random());
    let along = |k: usize| if rows { [k, 1] } else { [1, k] };
    let mut net = Net::new(rng, "wake-word", [along(time)[0], along(time)[1], features]);
    let mut last = 0;
    if rng.random() {
        // As spectrograms come: an image of one channel, given another shape.
        net.acts[0].hwc = [time, features, 1];
        last = net.reshape(0, [along(time)[0], along(time)[1], features]);
    }
    for _ in 0..rng.random_range(2..=5) {
        let (kernel, stride, padded) = (rng.random_range(1..=9), pick(rng, &[1, 1, 2, 3]), rng.random());
        let steps = Steps { kernel: along(kernel), stride: along(stride), same: padded };
        last = match rng.random_range(0..4) {
            0 => net.depthwise(rng, last, pick(&mut rng.clone(), &[1, 2]), steps, Clamp::Relu),
            1 => net.pool(last, true, Steps { kernel: along(2), stride: along(2), same: padded }),
            _ => {
                let outputs = rng.random_range(3..=30);
                net.conv(rng, last, outputs, steps, Clamp::Relu)
            }
        };
    }
    head(rng, &mut net);
    net
}

fn squeezenet(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 12, 24);
    let mut net = Net::new(rng, "squeezenet", hwc);
    let outputs = rng.random_range(4..=13);
    let steps = square(rng, &[3, 5, 7], 2);
    let mut last = net.conv(rng, 0, outputs, steps, Clamp::Relu);
    for _ in 0..rng.random_range(1..=3) {
        let [thin, left, right] = [rng.random_range(2..=7), rng.random_range(3..=14), rng.random_range(3..=14)];
        let squeezed = net.conv(rng, last, thin, same([1, 1], [1, 1]), Clamp::Relu);
        let left = net.conv(rng, squeezed, left, same([1, 1], [1, 1]), Clamp::Relu);
        let right = net.conv(rng, squeezed, right, same([3, 3], [1, 1]), Clamp::Relu);
        last = net.concat(&[left, right]);
        if rng.random() && net.hwc(last)[0] > 3 && net.hwc(last)[1] > 3 {
            last = net.pool(last, true, Steps { kernel: [3, 3], stride: [2, 2], same: rng.random() });
        }
    }
    head(rng, &mut net);
    net
}

fn inception(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 9, 17);
    let mut net = Net::new(rng, "inception", hwc);
    let first = rng.random_range(4..=12);
    let mut last = net.conv(rng, 0, first, same([3, 3], [1, 1]), Clamp::Relu);
    for _ in 0..rng.random_range(1..=2) {
        let mut branches = Vec::new();
        for kernel in [1, 3, 5] {
            let mut branch = last;
            if kernel > 1 && rng.random() {
                let thin = rng.random_range(2..=6);
                branch = net.conv(rng, branch, thin, same([1, 1], [1, 1]), Clamp::Relu);
            }
            let outputs = rng.random_range(1..=9);
            branches.push(net.conv(rng, branch, outputs, same([kernel; 2], [1, 1]), Clamp::Relu));
        }
        let pooled = net.pool(last, rng.random(), same([3, 3], [1, 1]));
        let outputs = rng.random_range(1..=9);
        branches.push(net.conv(rng, pooled, outputs, same([1, 1], [1, 1]), Clamp::Relu));
        last = net.concat(&branches);
        if rng.random() {
            last = net.pool(last, rng.random(), same([2, 2], [2, 2]));
        }
    }
    head(rng, &mut net);
    net
}

fn resnet(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 10, 20);
    let mut net = Net::new(rng, "resnet", hwc);
    let mut channels = rng.random_range(4..=10);
    let mut last = net.conv(rng, 0, channels, same([3, 3], [1, 1]), Clamp::Relu);
    for _ in 0..rng.random_range(1..=3) {
        let (stride, from) = (pick(rng, &[1, 2]), last);
        let outputs = if stride == 1 { channels } else { rng.random_range(channels..=channels * 2 + 3) };
        last = net.conv(rng, last, outputs, same([3, 3], [stride; 2]), Clamp::Relu);
        last = net.conv(rng, last, outputs, same([3, 3], [1, 1]), Clamp::None);
        let short = match stride {
            1 => from,
            _ => net.conv(rng, from, outputs, same([1, 1], [2, 2]), Clamp::None),
        };
        last = net.add(rng, short, last, Clamp::Relu);
        channels = outputs;
    }
    head(rng, &mut net);
    net
}

fn autoencoder(rng: &mut StdRng) -> Net {
    let width = rng.random_range(20..=150);
    let mut net = Net::new(rng, "autoencoder", [1, 1, width]);
    net.acts[0].vector = true;
    let mut last = 0;
    for outputs in [rng.random_range(20..=70), rng.random_range(20..=70), rng.random_range(3..=9)] {
        last = net.dense(rng, last, outputs, Clamp::Relu);
    }
    let wide = rng.random_range(20..=70);
    last = net.dense(rng, last, wide, Clamp::Relu);
    net.dense(rng, last, width, Clamp::None);
    net
}

fn lenet(rng: &mut StdRng) -> Net {
    let hwc = image(rng, 12, 22);
    let mut net = Net::new(rng, "lenet", hwc);
    let mut last = 0;
    for _ in 0..rng.random_range(1..=2) {
        let outputs = rng.random_range(2..=15);
        let steps = square(rng, &[3, 5], 1);
        last = net.conv(rng, last, outputs, steps, Clamp::Relu);
        last = net.pool(last, rng.random(), Steps { kernel: [2, 2], stride: [2, 2], same: rng.random() });
    }
    let hidden = rng.random_range(5..=30);
    last = net.dense(rng, last, hidden, Clamp::Relu);
    let classes = rng.random_range(2..=10);
    net.dense(rng, last, classes, Clamp::None);
    net
}

/// Layers in any order, those among them that stand alone in few networks.
fn mixed(rng: &mut StdRng) -> Net {
    let hwc = [rng.random_range(3..=14), rng.random_range(3..=14), rng.random_range(1..=9)];
    let mut net = Net::new(rng, "mixed", hwc);
    for _ in 0..rng.random_range(3..=8) {
        let from = net.last();
        let [height, width, channels] = net.hwc(from);
        let stride = [rng.random_range(1..=3), rng.random_range(1..=3)];
        let kernel = [rng.random_range(1..=5), rng.random_range(1..=5)];
        let steps = Steps { kernel, stride, same: rng.random() };
        match rng.random_range(0..10) {
            0 | 1 => {
                let outputs = rng.random_range(1..=20);
                net.conv(rng, from, outputs, steps, pick(&mut rng.clone(), &[Clamp::None, Clamp::Relu, Clamp::Relu6]))
            }
            2 => net.depthwise(rng, from, pick(&mut rng.clone(), &[1, 1, 2, 3]), steps, Clamp::Relu6),
            3 => net.pool(from, true, steps),
            4 => net.pool(from, false, steps),
            5 => {
                let mut side = || [rng.random_range(0..3), rng.random_range(0..3)];
                let [rows, columns, deep] = [side(), side(), side()];
                let deep = if rng.random_range(0..3) == 0 { deep } else { [0, 0] };
                net.pad(from, [rows, columns, deep])
            }
            6 => {
                let quant = net.acts[from].quant;
                let other = systole::graph::Quant { scale: quant.scale * rng.random_range(0.5..1.7), zero_point: -128 };
                let clamp = pick(rng, &[Clamp::None, Clamp::Relu, Clamp::Relu6]);
                // A clamp alone keeps the quantisation.
                net.rescale(from, if clamp != Clamp::None && rng.random() { quant } else { other }, clamp)
            }
            7 => {
                let fit = (1..=channels).filter(|c| (height * width * channels) % c == 0).collect::<Vec<_>>();
                let deep = pick(rng, &fit);
                let pixels = height * width * channels / deep;
                let rows = pick(rng, &(1..=pixels).filter(|r| pixels % r == 0).collect::<Vec<_>>());
                net.reshape(from, [rows, pixels / rows, deep])
            }
            8 => {
                let like = |&id: &usize| net.hwc(id) == net.hwc(from);
                let others = (0..=from).filter(like).collect::<Vec<_>>();
                let other = pick(rng, &others);
                net.add(rng, from, other, Clamp::None)
            }
            _ => {
                let like = |&id: &usize| net.hwc(id)[..2] == net.hwc(from)[..2];
                let others = (0..=from).filter(like).collect::<Vec<_>>();
                let other = pick(rng, &others);
                net.concat(&[from, other])
            }
        };
    }
    if rng.random() {
        let outputs = rng.random_range(1..=12);
        let last = net.last();
        net.dense(rng, last, outputs, Clamp::None);
    }
    net
}

/// MobileNet v1 of a size in pixels and a width in percent, with a thousand classes or two.
pub fn whole_mobilenet_v1(rng: &mut StdRng, size: usize, width: usize, classes: usize) -> Net {
    let wide = |channels: usize| (channels * width / 100).max(1);
    let mut net = Net::new(rng, "mobilenet-v1", [size, size, 3]);
    let mut last = net.conv(rng, 0, wide(32), same([3, 3], [2, 2]), Clamp::Relu6);
    let layers = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)];
    let layers = layers.into_iter().chain([(1, 512); 5]).chain([(2, 1024), (1, 1024)]);
    for (stride, outputs) in layers {
        last = net.depthwise(rng, last, 1, same([3, 3], [stride; 2]), Clamp::Relu6);
        last = net.conv(rng, last, wide(outputs), same([1, 1], [1, 1]), Clamp::Relu6);
    }
    let last = net.global(rng, last, false);
    let last = net.dense(rng, last, classes, Clamp::None);
    net.softmax(last);
    net
}

/// MobileNet v2 of a size in pixels and a width in percent: inverted residuals.
pub fn whole_mobilenet_v2(rng: &mut StdRng, size: usize, width: usize, classes: usize) -> Net {
    let wide = |channels: usize| (channels * width / 100).max(1);
    let mut net = Net::new(rng, "mobilenet-v2", [size, size, 3]);
    let mut last = net.conv(rng, 0, wide(32), same([3, 3], [2, 2]), Clamp::Relu6);
    let blocks =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    for (expand, outputs, count, stride) in blocks {
        for i in 0..count {
            let (from, channels) = (last, net.hwc(last)[2]);
            if expand > 1 {
                last = net.conv(rng, last, channels * expand, same([1, 1], [1, 1]), Clamp::Relu6);
            }
            let stride = if i == 0 { stride } else { 1 };
            last = net.depthwise(rng, last, 1, same([3, 3], [stride; 2]), Clamp::Relu6);
            last = net.conv(rng, last, wide(outputs), same([1, 1], [1, 1]), Clamp::None);
            if i > 0 {
                last = net.add(rng, from, last, Clamp::None);
            }
        }
    }
    last = net.conv(rng, last, wide(1280), same([1, 1], [1, 1]), Clamp::Relu6);
    let last = net.global(rng, last, false);
    net.dense(rng, last, classes, Clamp::None);
    net
}
