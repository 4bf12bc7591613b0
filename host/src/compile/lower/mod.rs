//! Pass: every node becomes a stage of the array, with weight tiles and parameter records in their final form.
//!
//! Tensors lie in buffers of words, row, column, block. A tensor may be part of a wider buffer (what a concatenation
//! joins is written side by side), so stages see it through a [`View`]. Each block of output channels is a [`Unit`] of
//! its stage: the words it streams, the tiles they meet, the records its sums end with.

mod conv;
mod copy;
mod depthwise;
mod fit;
mod records;

use super::add::Fused;
use super::fold::Folded;
use super::tile::Tile;
use super::Refusal;
use crate::graph::{Graph, Op, TensorId};
pub use fit::Channel;
use isa::{config::Config, layout};
pub use records::Records;

/// How a stage sees a tensor: some of the blocks of each pixel of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: usize,
    /// Height, width, channels of the tensor.
    pub hwc: [usize; 3],
    /// Words from one pixel to the next.
    pub step: usize,
    /// Block of the buffer that is the tensor's first.
    pub first: usize,
    /// Blocks of the tensor.
    pub blocks: usize,
}

impl View {
    /// A tensor that has a buffer to itself.
    fn whole(buffer: usize, hwc: [usize; 3], n: usize) -> Self {
        let blocks = layout::blocks(hwc[2], n);
        Self { buffer, hwc, step: blocks, first: 0, blocks }
    }

    /// Words of a row.
    pub fn row(&self) -> usize {
        self.hwc[1] * self.step
    }

    /// Words of all rows.
    pub fn words(&self) -> usize {
        self.hwc[0] * self.row()
    }
}

/// How a stage uses the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    /// A tile for every tap and input block; all are summed.
    Dense,
    /// One identity tile for all taps. Whether the greatest is kept instead of the sum.
    Identity {
        /// Greatest instead of sum.
        max: bool,
    },
    /// Columns are filters along lines: a tile holds `taps` columns of `lines` rows of the kernel.
    Line {
        /// Rows of the kernel in a tile.
        lines: usize,
        /// Columns of the kernel in a tile.
        taps: usize,
        /// How many of each a tile could hold: where the next one begins.
        apart: [usize; 2],
    },
}

/// What gives one block of output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// First input block.
    pub from: usize,
    /// Input blocks.
    pub blocks: usize,
    /// Output block.
    pub to: usize,
    /// Its tiles, in [`Stage::tiles`].
    pub tiles: usize,
    /// Its records, in [`Stage::records`].
    pub records: usize,
    /// Multiply-accumulates of a pixel: in all tiles but the last of a tap (or of the job, with lines), and in the last.
    pub macs: [usize; 2],
}

/// A tensor that the drain adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// The tensor.
    pub from: View,
    /// Least and greatest sum.
    pub clamp: [i8; 2],
}

/// A step of the array over a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Node that it belongs to, by its position in the graph.
    pub node: usize,
    /// What is read.
    pub input: View,
    /// What is written.
    pub output: View,
    /// The part of the output that is written.
    pub region: Tile,
    /// What is added at the end.
    pub add: Option<Residual>,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from output to output.
    pub stride: [usize; 2],
    /// Rows and columns from tap to tap; more than 1 only where no tap lies in the padding.
    pub dilation: [usize; 2],
    /// Rows and columns of padding before the input.
    pub before: [usize; 2],
    /// Use of the array.
    pub array: Array,
    /// int8 value outside the input.
    pub pad: i8,
    /// Output zero point, least and greatest output.
    pub quant: [i8; 3],
    /// Blocks of output channels.
    pub units: Vec<Unit>,
    /// Weight tiles, in words of n bytes.
    pub tiles: Vec<Vec<u8>>,
    /// Parameter records.
    pub records: Vec<Records>,
}

impl Stage {
    /// Tiles of a unit that stand in memory one after the other.
    pub fn tile_count(&self, unit: &Unit, n: usize) -> usize {
        self.tiles[unit.tiles].len() / (n * n)
    }

    /// Kernel rows and columns that the feeder counts: taps, or chunks of them with lines.
    pub fn counted_kernel(&self) -> [usize; 2] {
        match self.array {
            Array::Line { apart, .. } => [0, 1].map(|axis| self.kernel[axis].div_ceil(apart[axis])),
            _ => self.kernel,
        }
    }

    /// Input rows and columns that an output looks at: those under the kernel, and what fills up its last tiles.
    pub fn span(&self) -> [usize; 2] {
        match self.array {
            Array::Line { lines, taps, apart } => {
                let counted = self.counted_kernel();
                [(counted[0] - 1) * apart[0] + lines, (counted[1] - 1) * apart[1] + taps]
            }
            _ => [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1),
        }
    }

    /// Input rows that output rows `rows` look at, cut to the input.
    pub fn rows_for(&self, rows: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let height = self.input.hwc[0];
        let from = (rows.start * self.stride[0]).saturating_sub(self.before[0]).min(height);
        let last = (rows.end - 1) * self.stride[0] + self.span()[0];
        from..last.saturating_sub(self.before[0]).clamp(from, height)
    }
}

/// A part of a graph in terms of the array.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Words of each buffer.
    pub buffers: Vec<usize>,
    /// Stages in the order they run.
    pub stages: Vec<Stage>,
    /// Tensors that come in.
    pub inputs: Vec<View>,
    /// Tensors that go out.
    pub outputs: Vec<View>,
}

/// A part of a graph that the card runs: nodes in order, tensors that come in and go out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Nodes by their position in the graph.
    pub nodes: Vec<usize>,
    /// Tensors that come in.
    pub inputs: Vec<TensorId>,
    /// Tensors that go out.
    pub outputs: Vec<TensorId>,
}

/// Lowers a part of a sound, fused graph, some of whose inputs are folded.
///
/// # Errors
/// What the card cannot hold, with the node it belongs to.
pub fn lower(
    graph: &Graph,
    part: &Part,
    fused: &[Fused],
    folded: &[Folded],
    config: &Config,
) -> Result<Lowered, Refusal> {
    let Views { views, buffers, staging } = views(graph, part, config.n);
    let view = |id: TensorId| views[id].unwrap_or(View::whole(0, graph.tensors[id].hwc, config.n));
    let mut stages: Vec<Stage> = Vec::new();
    for &index in &part.nodes {
        if fused.iter().any(|f| f.producer == Some(index)) {
            // Its stage stands where the addition does, when both tensors are there.
            continue;
        }
        let node = &graph.nodes[index];
        let sum = fused.iter().find(|f| f.add == index);
        let from = stages.len();
        let (worked, at) = match sum.and_then(|f| f.producer) {
            Some(producer) => (&graph.nodes[producer], producer),
            None => (node, index),
        };
        let input = view(worked.inputs.first().copied().unwrap_or(0));
        let output = view(node.output);
        let job = Lowering { index: at, config, input, output, sum };
        match &worked.op {
            Op::Conv(conv) => stages.push(job.conv(conv, folded.iter().find(|f| f.node == at))?),
            Op::Depthwise(conv) => stages.push(job.depthwise(conv)?),
            Op::Pool(pool) => stages.extend(job.pool(pool)?),
            Op::Clamp { low, high } => stages.push(job.clamp(*low, *high)?),
            Op::Add(_) => stages.push(job.add()?),
            Op::Pad(pad) => stages.push(job.pad(pad)?),
            Op::Concat(concat) => {
                let inputs: Vec<View> = node.inputs.iter().map(|&id| view(id)).collect();
                let staging = staging.iter().find(|(node, _)| *node == index).map(|(_, view)| *view);
                stages.extend(job.concat(concat, &inputs, staging)?);
            }
            // A reshape that the card takes is only another view.
            Op::Host(_) => {}
        }
        for stage in &mut stages[from..] {
            if let Some(sum) = sum {
                stage.add = Some(Residual { from: view(sum.other), clamp: sum.clamp });
            }
        }
    }
    let of = |ids: &[TensorId]| ids.iter().map(|&id| view(id)).collect();
    Ok(Lowered { buffers, stages, inputs: of(&part.inputs), outputs: of(&part.outputs) })
}

/// Where tensors lie in buffers.
struct Views {
    /// The view of each tensor of the part.
    views: Vec<Option<View>>,
    /// Words of each buffer.
    buffers: Vec<usize>,
    /// Of concatenations whose inputs do not all begin at a block of channels, by their nodes: all inputs side by side,
    /// each from a block on.
    staging: Vec<(usize, View)>,
}

/// The view of each tensor of the part, and the words of each buffer.
fn views(graph: &Graph, part: &Part, n: usize) -> Views {
    let mut views: Vec<Option<View>> = vec![None; graph.tensors.len()];
    let (mut buffers, mut staging) = (Vec::new(), Vec::new());
    let own = |id: TensorId, buffers: &mut Vec<usize>| {
        let view = View::whole(buffers.len(), graph.tensors[id].hwc, n);
        buffers.push(view.words());
        view
    };
    for &id in &part.inputs {
        views[id] = Some(own(id, &mut buffers));
    }
    // Backwards, so that a concatenation within a concatenation finds the outer one's buffer.
    for &index in part.nodes.iter().rev() {
        let node = &graph.nodes[index];
        let output = match views[node.output] {
            Some(view) => view,
            None => own(node.output, &mut buffers),
        };
        views[node.output] = Some(output);
        let Op::Concat(concat) = &node.op else { continue };
        let channels = node.inputs.iter().map(|&id| graph.tensors[id].hwc[2]);
        let aligned = channels.clone().rev().skip(1).all(|c| c % n == 0);
        let mut wide = output;
        if !aligned {
            let [height, width, _] = output.hwc;
            let blocks = channels.map(|c| layout::blocks(c, n)).sum::<usize>();
            wide = View::whole(buffers.len(), [height, width, blocks * n], n);
            buffers.push(wide.words());
            staging.push((index, wide));
        }
        let mut first = wide.first;
        for (&id, joined) in node.inputs.iter().zip(&concat.parts) {
            let hwc = graph.tensors[id].hwc;
            let blocks = layout::blocks(hwc[2], n);
            // What moves the channels closer together requantises them too.
            let as_it_is = joined.is_identity() || !aligned && concat.is_uniform();
            let free = views[id].is_none() && !part.outputs.contains(&id) && as_it_is;
            if free && writes_all_blocks(graph, part, id) {
                views[id] = Some(View { hwc, first, blocks, ..wide });
            }
            first += blocks;
        }
    }
    // A reshape is another view of the same words.
    for &index in &part.nodes {
        let node = &graph.nodes[index];
        if !matches!(node.op, Op::Host(_)) {
            continue;
        }
        if let Some(input) = node.inputs.first().and_then(|&id| views[id]) {
            let whole = View::whole(input.buffer, graph.tensors[node.output].hwc, n);
            views[node.output] = Some(whole);
        }
    }
    Views { views, buffers, staging }
}

/// Whether a tensor is written by a node that can write into a wider buffer, and nothing looks at it in another shape.
fn writes_all_blocks(graph: &Graph, part: &Part, id: TensorId) -> bool {
    let mut nodes = part.nodes.iter().map(|&i| &graph.nodes[i]);
    let written = nodes.clone().any(|node| node.output == id && !node.op.is_host());
    written && !nodes.any(|node| node.op.is_host() && node.inputs.contains(&id))
}

/// A node on its way to a stage.
struct Lowering<'a> {
    index: usize,
    config: &'a Config,
    input: View,
    output: View,
    sum: Option<&'a Fused>,
}

impl Lowering<'_> {
    /// A stage with nothing in it yet but the shape of its work.
    fn stage(&self, array: Array) -> Stage {
        let [height, width, _] = self.output.hwc;
        Stage {
            node: self.index,
            input: self.input,
            output: self.output,
            region: Tile { y: 0, x: 0, height, width },
            add: None,
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            before: [0, 0],
            array,
            pad: 0,
            quant: [0, -128, 127],
            units: Vec::new(),
            tiles: Vec::new(),
            records: Vec::new(),
        }
    }

    /// The multiplier of the bias is that of the sum; what follows an addition is in the record behind them.
    fn records(&self, channels: &[Channel], quant: [i8; 3]) -> Result<Vec<Records>, Refusal> {
        records::records(self.index, channels, quant, self.sum.map(|s| s.record), self.config)
    }
}
