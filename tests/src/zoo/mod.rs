//! Networks that nobody has seen: random ones of the kinds that run on small devices, written as the files that
//! converters write.
//!
//! A [`Net`] is built layer by layer, with shapes, weights and quantisation; [`topology`] draws whole ones, [`tflite`] and
//! [`onnx`] write the files.

pub mod onnx;
pub mod tflite;
pub mod topology;

use rand::rngs::StdRng;
use rand::Rng;
use systole::graph::Quant;

/// A tensor between layers.
#[derive(Clone, Debug)]
pub struct Act {
    /// Height, width, channels.
    pub hwc: [usize; 3],
    /// Whether it is a vector: [1, channels] in a file, not [1, height, width, channels].
    pub vector: bool,
    /// Scale and zero point.
    pub quant: Quant,
}

/// What follows a layer within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamp {
    /// Nothing.
    None,
    /// Not below 0.
    Relu,
    /// 0 to 6.
    Relu6,
}

/// How a window moves.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns between outputs.
    pub stride: [usize; 2],
    /// Whether the input is padded, as TensorFlow has SAME.
    pub same: bool,
}

impl Steps {
    /// Extent of the output and padding before and after, for each axis.
    pub fn over(&self, input: [usize; 3]) -> [(usize, [usize; 2]); 2] {
        [0, 1].map(|axis| {
            let (size, kernel, stride) = (input[axis], self.kernel[axis], self.stride[axis]);
            match self.same {
                true => {
                    let extent = size.div_ceil(stride);
                    let all = ((extent - 1) * stride + kernel).saturating_sub(size);
                    (extent, [all / 2, all - all / 2])
                }
                false => ((size + 1 - kernel).div_ceil(stride), [0, 0]),
            }
        })
    }
}

/// Weights of a layer.
#[derive(Clone, Debug)]
pub struct Weights {
    /// int8: [out, rows, columns, in], of a depthwise convolution [rows, columns, out].
    pub values: Vec<i8>,
    /// One scale, or one an output channel.
    pub scales: Vec<f32>,
    /// In steps of the accumulator.
    pub bias: Vec<i32>,
}

/// What a layer computes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Convolution.
    Conv(Steps, Weights, Clamp),
    /// Depthwise convolution with as many outputs a channel.
    Depthwise(Steps, Weights, Clamp, usize),
    /// Fully connected.
    Dense(Weights, Clamp),
    /// Sum of two.
    Add(Clamp),
    /// Channels side by side.
    Concat,
    /// Average pool.
    Average(Steps),
    /// Maximum pool.
    Max(Steps),
    /// Average over rows and columns; whether those stay with extent 1.
    Global(bool),
    /// Padding before and after rows, columns, channels.
    Pad([[usize; 2]; 3]),
    /// Another shape.
    Reshape,
    /// Clamp on its own, or another quantisation.
    Rescale(Clamp),
    /// Softmax.
    Softmax,
}

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What it computes.
    pub kind: Kind,
    /// Tensors that it reads.
    pub inputs: Vec<usize>,
    /// The tensor that it writes.
    pub output: usize,
}

/// A network of one input, tensor 0, and one output, the last tensor.
#[derive(Clone, Debug, Default)]
pub struct Net {
    /// What kind of network it is.
    pub family: &'static str,
    /// Tensors.
    pub acts: Vec<Act>,
    /// Layers in the order they run.
    pub layers: Vec<Layer>,
}

impl Net {
    /// A network that reads an image.
    pub fn new(rng: &mut StdRng, family: &'static str, hwc: [usize; 3]) -> Self {
        let quant = Quant { scale: scale(rng, 0.005, 0.1), zero_point: rng.random_range(-128..=20) };
        Self { family, acts: vec![Act { hwc, vector: false, quant }], layers: Vec::new() }
    }

    /// The tensor written last.
    pub fn last(&self) -> usize {
        self.acts.len() - 1
    }

    /// Height, width, channels of a tensor.
    pub fn hwc(&self, tensor: usize) -> [usize; 3] {
        self.acts[tensor].hwc
    }

    fn push(&mut self, kind: Kind, inputs: &[usize], act: Act) -> usize {
        self.acts.push(act);
        self.layers.push(Layer { kind, inputs: inputs.to_vec(), output: self.last() });
        self.last()
    }

    /// A convolution; a kernel larger than the input is cut to it.
    pub fn conv(&mut self, rng: &mut StdRng, from: usize, outputs: usize, steps: Steps, clamp: Clamp) -> usize {
        let (steps, hwc) = self.fit(from, steps);
        let input = self.acts[from].clone();
        let weights = weights(rng, outputs, steps.kernel[0] * steps.kernel[1] * input.hwc[2], input.quant);
        let fan = steps.kernel[0] * steps.kernel[1] * input.hwc[2];
        let quant = after(rng, &weights, fan, input.quant, clamp);
        let act = Act { hwc: [hwc[0], hwc[1], outputs], vector: false, quant };
        self.push(Kind::Conv(steps, weights, clamp), &[from], act)
    }

    /// A depthwise convolution.
    pub fn depthwise(&mut self, rng: &mut StdRng, from: usize, times: usize, steps: Steps, clamp: Clamp) -> usize {
        let (steps, hwc) = self.fit(from, steps);
        let input = self.acts[from].clone();
        let (outputs, fan) = (input.hwc[2] * times, steps.kernel[0] * steps.kernel[1]);
        let weights = weights(rng, outputs, fan, input.quant);
        let quant = after(rng, &weights, fan, input.quant, clamp);
        let act = Act { hwc: [hwc[0], hwc[1], outputs], vector: false, quant };
        self.push(Kind::Depthwise(steps, weights, clamp, times), &[from], act)
    }

    /// A fully connected layer over all of its input.
    pub fn dense(&mut self, rng: &mut StdRng, from: usize, outputs: usize, clamp: Clamp) -> usize {
        let from = if self.acts[from].vector { from } else { self.flatten(from) };
        let input = self.acts[from].clone();
        let weights = weights(rng, outputs, input.hwc[2], input.quant);
        let quant = after(rng, &weights, input.hwc[2], input.quant, clamp);
        self.push(Kind::Dense(weights, clamp), &[from], Act { hwc: [1, 1, outputs], vector: true, quant })
    }

    /// All elements as a vector.
    pub fn flatten(&mut self, from: usize) -> usize {
        let Act { hwc, quant, .. } = self.acts[from];
        self.push(Kind::Reshape, &[from], Act { hwc: [1, 1, hwc.iter().product()], vector: true, quant })
    }

    /// The same elements as an image of another shape.
    pub fn reshape(&mut self, from: usize, hwc: [usize; 3]) -> usize {
        let quant = self.acts[from].quant;
        self.push(Kind::Reshape, &[from], Act { hwc, vector: false, quant })
    }

    /// A sum of two tensors of a shape.
    pub fn add(&mut self, rng: &mut StdRng, a: usize, b: usize, clamp: Clamp) -> usize {
        let Act { hwc, vector, .. } = self.acts[a];
        let most = f32::max(self.acts[a].quant.scale, self.acts[b].quant.scale);
        let quant = Quant { scale: most * rng.random_range(0.6..1.6), zero_point: zero_point(rng, clamp) };
        self.push(Kind::Add(clamp), &[a, b], Act { hwc, vector, quant })
    }

    /// Tensors side by side, each brought to the quantisation of the first, as converters do.
    pub fn concat(&mut self, from: &[usize]) -> usize {
        let Act { hwc, vector, quant } = self.acts[from[0]];
        let inputs: Vec<usize> = from.iter().map(|&id| self.rescale(id, quant, Clamp::None)).collect();
        let channels = from.iter().map(|&id| self.hwc(id)[2]).sum();
        self.push(Kind::Concat, &inputs, Act { hwc: [hwc[0], hwc[1], channels], vector, quant })
    }

    /// The same reals in another quantisation, if it is another one.
    pub fn rescale(&mut self, from: usize, quant: Quant, clamp: Clamp) -> usize {
        let act = Act { quant, ..self.acts[from].clone() };
        if self.acts[from].quant == quant && clamp == Clamp::None {
            return from;
        }
        self.push(Kind::Rescale(clamp), &[from], act)
    }

    /// A pool, maximum or average.
    pub fn pool(&mut self, from: usize, max: bool, steps: Steps) -> usize {
        let (steps, hwc) = self.fit(from, steps);
        let act = Act { hwc: [hwc[0], hwc[1], self.hwc(from)[2]], ..self.acts[from].clone() };
        self.push(if max { Kind::Max(steps) } else { Kind::Average(steps) }, &[from], act)
    }

    /// The average over rows and columns, which may change the quantisation.
    pub fn global(&mut self, rng: &mut StdRng, from: usize, keep: bool) -> usize {
        let Act { hwc, mut quant, .. } = self.acts[from];
        if rng.random() {
            quant = Quant { scale: quant.scale * rng.random_range(0.3..1.0), zero_point: rng.random_range(-128..=20) };
        }
        self.push(Kind::Global(keep), &[from], Act { hwc: [1, 1, hwc[2]], vector: !keep, quant })
    }

    /// Zeros around.
    pub fn pad(&mut self, from: usize, sides: [[usize; 2]; 3]) -> usize {
        let mut act = self.acts[from].clone();
        (0..3).for_each(|axis| act.hwc[axis] += sides[axis][0] + sides[axis][1]);
        self.push(Kind::Pad(sides), &[from], act)
    }

    /// Softmax of a vector.
    pub fn softmax(&mut self, from: usize) -> usize {
        let quant = Quant { scale: 1.0 / 256.0, zero_point: -128 };
        let act = Act { quant, ..self.acts[from].clone() };
        self.push(Kind::Softmax, &[from], act)
    }

    /// Steps that fit the input, and the extent they lead to.
    fn fit(&self, from: usize, mut steps: Steps) -> (Steps, [usize; 2]) {
        let hwc = self.hwc(from);
        if !steps.same {
            steps.kernel = [0, 1].map(|axis| steps.kernel[axis].min(hwc[axis]));
        }
        (steps, steps.over(hwc).map(|(extent, _)| extent))
    }
}

/// A scale between two, evenly over their logarithms.
fn scale(rng: &mut StdRng, low: f32, high: f32) -> f32 {
    rng.random_range(low.ln()..high.ln()).exp()
}

fn zero_point(rng: &mut StdRng, clamp: Clamp) -> i8 {
    match clamp {
        Clamp::None => rng.random_range(-60..=60),
        // Converters use the whole range for what is not negative.
        _ if rng.random_range(0..4) > 0 => -128,
        _ => rng.random_range(-128..=0),
    }
}

fn weights(rng: &mut StdRng, outputs: usize, fan: usize, input: Quant) -> Weights {
    let channels = if rng.random_range(0..4) > 0 { outputs } else { 1 };
    let typical = scale(rng, 0.002, 0.02);
    let scales = (0..channels).map(|_| typical * rng.random_range(0.3..1.0)).collect::<Vec<f32>>();
    let reach = (40.0 * 74.0 * (fan as f32).sqrt()) as i32;
    let _ = input;
    Weights {
        values: (0..outputs * fan).map(|_| rng.random_range(-127..=127)).collect(),
        scales,
        bias: (0..outputs).map(|_| rng.random_range(-reach..=reach)).collect(),
    }
}

/// A quantisation that sums of `fan` products spread over.
fn after(rng: &mut StdRng, weights: &Weights, fan: usize, input: Quant, clamp: Clamp) -> Quant {
    let most = weights.scales.iter().fold(0f32, |a, &b| a.max(b));
    let scale = input.scale * most * (fan as f32).sqrt() * 60.0 * 2f32.powf(rng.random_range(-0.7..0.7));
    Quant { scale, zero_point: zero_point(rng, clamp) }
}
