//! What the card runs of a plan: command streams, weight image, and how tensors lie in card memory.

use super::PlanError;
use crate::graph::MAX_KERNEL;
use crate::tensor::Fold;
use isa::{command, config::Config, layout};
use serde::{Deserialize, Serialize};

/// One layer of the plan, for tables and energy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// Name of the node in the model; `input` and `output` for the transfers.
    pub name: String,
    /// Operator: `Conv`, `Gemm`, `MaxPool`, `AveragePool`, ... or `Load`, `Store` for the transfers.
    pub op: String,
    /// Multiply-accumulates of one inference, padding included; 0 for transfers and pools.
    pub macs: u64,
    /// Cycles of one inference as the compiler's simple model has them (see `compile::estimate`).
    pub estimated_cycles: u64,
}

/// Which two counter snapshots enclose a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Position in the batch; of the first of those that a stream takes together.
    pub image: usize,
    /// Index into [`Program::layers`].
    pub layer: usize,
    /// Snapshot before it.
    pub from: usize,
    /// Snapshot after it.
    pub to: usize,
}

/// A tensor in card memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardTensor {
    /// Number of the tensor in the network.
    pub tensor: usize,
    /// Height, width, channels in the network.
    pub hwc: [usize; 3],
    /// How it lies on the card.
    pub fold: Fold,
}

/// Commands of an inference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// The command words.
    pub commands: Vec<u32>,
    /// Positions of `L_SRC` commands that read the input; each inference adds its offset.
    pub input_offsets: Vec<u32>,
    /// Positions of `S_DST` and `L_SRC` commands of the output; each inference adds its offset.
    pub output_offsets: Vec<u32>,
}

/// A part of a network compiled for the card.
///
/// It holds two command streams: that of the first inference of a run, which also brings onto the chip what stays there,
/// and that of every other one; [`Program::commands`] unrolls them for a batch. A `MARK` stands at the start and after
/// every layer of every inference; [`Program::marks`] says which is which. A stream may take several samples side by
/// side, as pixels of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Rows and columns of the array, and bytes of a bus word.
    pub n: usize,
    /// Weight image: the `weights` argument, in bus words.
    pub weights: Vec<u8>,
    /// Tensors that come in, one after the other in the `input` argument.
    pub inputs: Vec<CardTensor>,
    /// Tensors that go out, one after the other in the `output` argument.
    pub outputs: Vec<CardTensor>,
    /// Layers in the order they run; one `MARK` ends each.
    pub layers: Vec<LayerInfo>,
    /// Samples that a stream takes together.
    pub group: usize,
    /// Commands of the first inference of a run, with a `MARK` after each layer.
    pub first: Stream,
    /// Commands of every other one.
    pub next: Stream,
    /// Bus words of the output argument before the first output, for what does not fit on the chip.
    pub scratch: usize,
}

impl CardTensor {
    /// Bus words of `group` samples.
    fn words(&self, n: usize, group: usize) -> usize {
        self.fold.words(n) * group
    }
}

impl Program {
    fn words(&self, tensors: &[CardTensor]) -> usize {
        tensors.iter().map(|t| t.words(self.n, self.group)).sum()
    }

    fn bus(&self) -> usize {
        layout::bus_bytes(self.n)
    }

    /// Runs of a stream that a batch takes.
    fn runs(&self, batch: usize) -> usize {
        batch.div_ceil(self.group)
    }

    /// Bytes of the input argument for a batch.
    pub fn input_bytes(&self, batch: usize) -> usize {
        self.runs(batch) * self.words(&self.inputs) * self.bus()
    }

    /// Bytes of the output argument for a batch.
    pub fn output_bytes(&self, batch: usize) -> usize {
        (self.scratch + self.runs(batch) * self.words(&self.outputs)) * self.bus()
    }

    /// Multiply-accumulates of one inference.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(|l| l.macs).sum()
    }

    /// Greatest batch of one run: offsets in the input and output buffers are 24 bits of bus words.
    pub fn max_batch(&self) -> usize {
        let words = self.words(&self.inputs).max(self.words(&self.outputs)).max(1);
        (command::VALUE_MASK as usize + 1).saturating_sub(self.scratch) / words * self.group
    }

    /// Snapshots that a run of this batch writes.
    pub fn mark_count(&self, batch: usize) -> usize {
        1 + self.runs(batch) * self.layers.len()
    }

    /// Which snapshots enclose each layer of each inference, in the order they run.
    pub fn marks(&self, batch: usize) -> Vec<Span> {
        let layers = self.layers.len();
        let span = |i: usize| Span { image: i / layers * self.group, layer: i % layers, from: i, to: i + 1 };
        (0..self.runs(batch) * layers).map(span).collect()
    }

    /// The whole command stream for a batch: mark, each inference, end. In card memory at least
    /// [`layout::COMMAND_READ_AHEAD`] zero bytes must follow it; they are not part of what is returned.
    ///
    /// # Errors
    /// A batch of 0 or above [`Program::max_batch`].
    pub fn commands(&self, batch: usize) -> Result<Vec<u32>, PlanError> {
        if batch == 0 || batch > self.max_batch() {
            return Err(PlanError::Unusable(format!(
                "batch {batch} is out of 1..={}; run it in several batches",
                self.max_batch()
            )));
        }
        let runs = self.runs(batch);
        let mut words = Vec::with_capacity(self.first.commands.len() + (runs - 1) * self.next.commands.len() + 2);
        words.push(command::word(command::MARK, 1));
        for run in 0..runs {
            let stream = if run == 0 { &self.first } else { &self.next };
            let start = words.len();
            words.extend(&stream.commands);
            for (positions, step) in
                [(&stream.input_offsets, self.words(&self.inputs)), (&stream.output_offsets, self.words(&self.outputs))]
            {
                for &position in positions {
                    // Reading a plan checks the positions; in range, the sum fits because of max_batch.
                    let (op, value) = command::unpack(words[start + position as usize]);
                    words[start + position as usize] = command::word(op, value + (run * step) as u32);
                }
            }
        }
        words.push(command::word(command::END, 0));
        Ok(words)
    }

    /// Where a tensor of a sample begins, in bytes, and how far its pixels lie apart.
    fn place(&self, tensors: &[CardTensor], port: usize, sample: usize) -> usize {
        let before: usize = tensors[..port].iter().map(|t| t.words(self.n, self.group)).sum();
        let tensor = tensors[port].fold.words(self.n);
        let words = sample / self.group * self.words(tensors) + before + sample % self.group * tensor;
        words * self.bus()
    }

    /// Writes a tensor of a sample, int8 as [height, width, channels], into the input argument. Bytes past the channels
    /// stay as they are.
    ///
    /// # Errors
    /// Values of another length, or an argument that is too small.
    pub fn pack(&self, area: &mut [u8], port: usize, sample: usize, values: &[i8]) -> Result<(), PlanError> {
        let tensor = &self.inputs[port];
        let (fold, bus) = (&tensor.fold, self.bus());
        let at = self.place(&self.inputs, port, sample);
        let Some(card) = area.get_mut(at..at + fold.words(self.n) * bus) else {
            return Err(PlanError::Unusable(format!("an input argument without room for sample {sample}")));
        };
        let elements = tensor.hwc.iter().product::<usize>();
        if values.len() != elements {
            return Err(PlanError::Unusable(format!(
                "a tensor takes {elements} values, but there are {}",
                values.len()
            )));
        }
        let [height, width, channels] = fold.hwc;
        let pixel_bytes = layout::blocks(channels, self.n) * bus;
        let run = fold.kernel[1] * tensor.hwc[2];
        let mut pixel = vec![0i8; channels];
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for row in 0..fold.kernel[0] {
                gather(fold, tensor.hwc, values, [y, x, row], &mut pixel[row * run..(row + 1) * run]);
            }
            let to = &mut card[(y * width + x) * pixel_bytes..][..pixel_bytes];
            for (to, from) in to.chunks_exact_mut(bus).zip(pixel.chunks(self.n)) {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from as u8);
            }
        }
        Ok(())
    }

    /// Reads a tensor of a sample from the output argument, int8 as [height, width, channels].
    ///
    /// # Errors
    /// An argument that is too small.
    pub fn unpack(&self, area: &[u8], port: usize, sample: usize) -> Result<Vec<i8>, PlanError> {
        let tensor = &self.outputs[port];
        let bus = self.bus();
        let at = self.scratch * bus + self.place(&self.outputs, port, sample);
        let Some(card) = area.get(at..at + tensor.fold.words(self.n) * bus) else {
            return Err(PlanError::Unusable(format!("an output argument without output {sample}")));
        };
        let [_, _, channels] = tensor.hwc;
        let mut values = Vec::with_capacity(tensor.hwc.iter().product());
        for pixel in card.chunks_exact(layout::blocks(channels, self.n) * bus) {
            for (block, word) in pixel.chunks_exact(bus).enumerate() {
                let count = self.n.min(channels - block * self.n);
                values.extend(word[..count].iter().map(|&b| b as i8));
            }
        }
        Ok(values)
    }

    /// Whether the parts fit each other, so that no later arithmetic on them can go wrong.
    pub(super) fn check(&self, config: &Config) -> Result<(), String> {
        let limit = command::VALUE_MASK as usize;
        let small = |values: &[usize]| values.iter().all(|&v| (1..=limit).contains(&v));
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |p, &s| p.checked_mul(s)).filter(|&p| p <= limit);
        for tensor in self.inputs.iter().chain(&self.outputs) {
            let Fold { kernel, stride, before, hwc, .. } = &tensor.fold;
            let channels = product(&[kernel[0], kernel[1], tensor.hwc[2]]);
            let near = before.iter().all(|&before| before < MAX_KERNEL);
            let sound = small(kernel) && small(stride) && small(hwc) && small(&tensor.hwc) && near;
            if !sound || channels != Some(hwc[2]) || product(hwc).is_none() || product(&tensor.hwc).is_none() {
                return Err(format!("tensor {}: {:?} does not fit {:?}", tensor.tensor, tensor.fold, tensor.hwc));
            }
        }
        if self.outputs.iter().any(|t| t.fold.hwc != t.hwc) {
            return Err("an output is folded".into());
        }
        let counted = !self.layers.is_empty() && (1..=limit).contains(&self.group) && self.scratch <= limit;
        if !counted || self.n != config.n || self.inputs.is_empty() || self.outputs.is_empty() {
            return Err(format!(
                "a program of {} layers and {} samples for an array of {}",
                self.layers.len(),
                self.group,
                self.n
            ));
        }
        if self.max_batch() == 0 {
            let (inputs, outputs) = (self.words(&self.inputs), self.words(&self.outputs));
            let scratch = self.scratch;
            return Err(format!(
                "a program of {inputs} bus words of inputs, {outputs} of outputs and {scratch} beside them; at most {}",
                limit + 1
            ));
        }
        [&self.first, &self.next].into_iter().try_for_each(|stream| stream.check(self.layers.len()))
    }
}

/// The channels of a pixel on the card that come from one row under its window.
fn gather(fold: &Fold, of: [usize; 3], values: &[i8], [y, x, row]: [usize; 3], to: &mut [i8]) {
    let [height, width, channels] = of;
    let Some(from) = (y * fold.stride[0] + row).checked_sub(fold.before[0]).filter(|&r| r < height) else {
        to.fill(fold.pad);
        return;
    };
    let first = (x * fold.stride[1]) as isize - fold.before[1] as isize;
    let line = &values[from * width * channels..(from + 1) * width * channels];
    match usize::try_from(first).ok().filter(|&first| first + fold.kernel[1] <= width) {
        Some(first) => to.copy_from_slice(&line[first * channels..(first + fold.kernel[1]) * channels]),
        None => {
            for (column, to) in (first..).zip(to.chunks_exact_mut(channels)) {
                match usize::try_from(column).ok().filter(|&c| c < width) {
                    Some(c) => to.copy_from_slice(&line[c * channels..(c + 1) * channels]),
                    None => to.fill(fold.pad),
                }
            }
        }
    }
}

impl Stream {
    /// Whether offsets stand where transfers are, and marks where layers end.
    fn check(&self, layers: usize) -> Result<(), String> {
        let transfers =
            [(&self.input_offsets, [command::L_SRC; 2]), (&self.output_offsets, [command::L_SRC, command::S_DST])];
        for (positions, ops) in transfers {
            for &position in positions {
                let found = self.commands.get(position as usize).map(|&word| command::unpack(word).0);
                if !found.is_some_and(|op| ops.contains(&op)) {
                    return Err(format!("command {position} is not the transfer it is said to be"));
                }
            }
        }
        let marks = self.commands.iter().filter(|&&word| command::unpack(word).0 == command::MARK).count();
        if marks != layers {
            return Err(format!("a stream has {marks} marks for {layers} layers"));
        }
        if self.commands.iter().any(|&word| command::operation(command::unpack(word).0).is_none()) {
            return Err("the plan has an unknown command".into());
        }
        Ok(())
    }
}
