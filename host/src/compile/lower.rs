//! Pass: every node becomes a stage of the array, with weight tiles and parameter records in their final form.
//!
//! A pool runs through the array with an identity tile that serves all its taps, one channel block at a time. The
//! feeder steps from tap to tap along a row by the number of blocks it streams, which is then one, so a pool that looks
//! sideways needs its input planar: one channel block after the other. The stage before writes it so; where that cannot
//! be (the model's input, or a tensor with other readers), a copy stage stands between.

use super::CompileError;
use crate::graph::{Conv, Graph, Node, Op, Output, Pool, PoolKind, Requant, Window};
use isa::{config::Config, layout};

/// How the words of a tensor lie in activation memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Row, column, block: what the card's own layout is.
    Interleaved,
    /// Block, row, column: what pools need.
    Planar,
}

/// A tensor in activation memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Height, width, channels.
    pub hwc: [usize; 3],
    /// Channel blocks.
    pub blocks: usize,
    /// Order of its words.
    pub form: Form,
}

impl Buffer {
    /// Words it takes.
    pub fn words(&self) -> usize {
        self.hwc[0] * self.hwc[1] * self.blocks
    }

    /// Words from one pixel to the next of the same block.
    pub fn pixel_step(&self) -> usize {
        match self.form {
            Form::Interleaved => self.blocks,
            Form::Planar => 1,
        }
    }

    /// Words from one block to the next of the same pixel.
    pub fn block_step(&self) -> usize {
        match self.form {
            Form::Interleaved => 1,
            Form::Planar => self.hwc[0] * self.hwc[1],
        }
    }
}

/// How the array is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    /// A tile for every tap and input block; all input blocks of a job are summed.
    Dense,
    /// One identity tile for all taps; each job takes one channel block. Whether the greatest tap is kept.
    Identity {
        /// Greatest instead of sum.
        max: bool,
    },
}

/// Parameter records of an output block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Digits of the multipliers.
    pub steps: u32,
    /// n records in words of n bytes.
    pub bytes: Vec<u8>,
}

/// A step of the array over a whole tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Name of the node.
    pub name: String,
    /// Its operator.
    pub label: String,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Buffer that is read.
    pub input: usize,
    /// Buffer that is written.
    pub output: usize,
    /// Kernel, strides, padding.
    pub window: Window,
    /// Use of the array.
    pub array: Array,
    /// int8 value outside the input.
    pub pad: i8,
    /// Output zero point, least and greatest output.
    pub quant: [i8; 3],
    /// Weight tiles, in words of n bytes: one entry an output block, or a single identity tile.
    pub tiles: Vec<Vec<u8>>,
    /// Parameter records: one entry an output block, or a single one for all.
    pub records: Vec<Records>,
}

impl Stage {
    /// The records of an output block.
    pub fn records_of(&self, block: usize) -> &Records {
        &self.records[block.min(self.records.len() - 1)]
    }
}

/// A graph in terms of the array.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Buffers; the first ones are the graph's tensors.
    pub buffers: Vec<Buffer>,
    /// Stages in the order they run.
    pub stages: Vec<Stage>,
    /// Buffer of the model's input.
    pub input: usize,
    /// Buffer of the model's output.
    pub output: usize,
}

/// Lowers a sound, fused graph.
///
/// # Errors
/// A multiplier that the card's digits cannot hold.
pub fn lower(graph: &Graph, config: &Config) -> Result<Lowered, CompileError> {
    let n = config.n;
    let blocks = |hwc: [usize; 3]| layout::blocks(hwc[2], n);
    let mut buffers: Vec<Buffer> =
        graph.tensors.iter().map(|t| Buffer { hwc: t.hwc, blocks: blocks(t.hwc), form: Form::Interleaved }).collect();
    for (id, buffer) in buffers.iter_mut().enumerate() {
        let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(&id)).peekable();
        let edge = id == graph.inputs[0].0 || id == graph.outputs[0].0;
        if !edge && readers.peek().is_some() && buffer.blocks > 1 && readers.all(looks_sideways) {
            buffer.form = Form::Planar;
        }
    }
    let mut stages = Vec::new();
    for node in &graph.nodes {
        let mut input = node.inputs[0];
        if looks_sideways(node) && buffers[input].blocks > 1 && buffers[input].form == Form::Interleaved {
            let planar = Buffer { form: Form::Planar, ..buffers[input].clone() };
            buffers.push(planar);
            let mut copy = identity_stage(node, &copy_pool(), n)?;
            copy.name = format!("{}/planar", node.name);
            copy.label = "Copy".into();
            (copy.input, copy.output) = (input, buffers.len() - 1);
            input = copy.output;
            stages.push(copy);
        }
        let mut stage = match &node.op {
            Op::Conv(conv) => conv_stage(graph, node, conv, n)?,
            Op::Pool(pool) if pool.kind != PoolKind::Mean => identity_stage(node, pool, n)?,
            Op::Clamp { low, high } => {
                let mut pool = copy_pool();
                (pool.output.low, pool.output.high) = (*low, *high);
                identity_stage(node, &pool, n)?
            }
            op => return Err(CompileError::Operator { layer: node.name.clone(), op: op.name() }),
        };
        stage.input = input;
        stages.push(stage);
    }
    Ok(Lowered { buffers, stages, input: graph.inputs[0].0, output: graph.outputs[0].0 })
}

/// Whether a node runs block by block and steps along rows from tap to tap.
fn looks_sideways(node: &Node) -> bool {
    matches!(&node.op, Op::Pool(pool) if pool.window.kernel[1] > 1)
}

/// A pool that changes nothing.
fn copy_pool() -> Pool {
    let output = Output { requant: vec![Requant::ONE], zero_point: 0, low: -128, high: 127 };
    Pool { kind: PoolKind::Sum, window: Window::POINT, pad: 0, bias: 0, output }
}

fn identity_stage(node: &Node, pool: &Pool, n: usize) -> Result<Stage, CompileError> {
    let mut tile = vec![0; n * n];
    for i in 0..n {
        tile[i * n + i] = 1;
    }
    let requant = &pool.output.requant;
    // One record block serves all output blocks unless the multiplier differs by channel.
    let channels: Vec<(i32, Requant)> = if requant.len() == 1 {
        vec![(pool.bias, requant[0]); n]
    } else {
        requant.iter().map(|&r| (pool.bias, r)).collect()
    };
    Ok(Stage {
        name: node.name.clone(),
        label: node.label.clone(),
        macs: 0,
        input: node.inputs[0],
        output: node.output,
        window: pool.window,
        array: Array::Identity { max: pool.kind == PoolKind::Max },
        pad: pool.pad,
        quant: quant(&pool.output),
        tiles: vec![tile],
        records: records(node, &channels, n)?,
    })
}

fn conv_stage(graph: &Graph, node: &Node, conv: &Conv, n: usize) -> Result<Stage, CompileError> {
    let (inputs, outputs) = (graph.tensors[node.inputs[0]].hwc[2], graph.tensors[node.output].hwc[2]);
    let filter = conv.weights.len() / outputs;
    let zero_point = i32::from(conv.input_zero_point);
    let channels: Vec<(i32, Requant)> = (0..outputs)
        .map(|o| {
            // Padding reads the zero point too, so one correction serves every pixel.
            let sum: i32 = conv.weights[o * filter..(o + 1) * filter].iter().map(|&w| i32::from(w)).sum();
            (conv.bias[o].wrapping_sub(zero_point.wrapping_mul(sum)), conv.output.multiplier(o))
        })
        .collect();
    let tiles = (0..layout::blocks(outputs, n)).map(|block| tiles(conv, inputs, outputs, block, n)).collect();
    Ok(Stage {
        name: node.name.clone(),
        label: node.label.clone(),
        macs: graph.node_macs(node),
        input: node.inputs[0],
        output: node.output,
        window: conv.window,
        array: Array::Dense,
        pad: conv.input_zero_point,
        quant: quant(&conv.output),
        tiles,
        records: records(node, &channels, n)?,
    })
}

fn quant(output: &Output) -> [i8; 3] {
    [output.zero_point, output.low, output.high.max(output.low)]
}

/// The tiles of an output block in the order the feeder takes them: row, column, input block.
fn tiles(conv: &Conv, inputs: usize, outputs: usize, block: usize, n: usize) -> Vec<u8> {
    let taps = conv.window.kernel[0] * conv.window.kernel[1];
    let mut bytes = Vec::with_capacity(taps * layout::blocks(inputs, n) * n * n);
    for tap in 0..taps {
        for i in 0..layout::blocks(inputs, n) * n {
            for o in block * n..(block + 1) * n {
                let inside = i < inputs && o < outputs;
                bytes.push(if inside { conv.weights[(o * taps + tap) * inputs + i] as u8 } else { 0 });
            }
        }
    }
    bytes
}

/// Parameter records of all output blocks from bias and multiplier of each channel.
fn records(node: &Node, channels: &[(i32, Requant)], n: usize) -> Result<Vec<Records>, CompileError> {
    let record_bytes = layout::param_words(n) * n;
    let mut blocks = Vec::new();
    for (block, of_block) in channels.chunks(n).enumerate() {
        let refuse = |i: usize, r: Requant| CompileError::Multiplier {
            layer: node.name.clone(),
            channel: block * n + i,
            m: r.m,
            t: r.t,
        };
        let mut steps = 1;
        for (i, &(_, requant)) in of_block.iter().enumerate() {
            if requant.twice {
                let op = "a multiplier that rounds twice";
                return Err(CompileError::Operator { layer: node.name.clone(), op });
            }
            steps = steps.max(requant.steps().ok_or_else(|| refuse(i, requant))?);
        }
        // Columns past the last channel get bias and multiplier 0.
        let mut bytes = vec![0; n * record_bytes];
        for (i, &(bias, requant)) in of_block.iter().enumerate() {
            let mult = requant.scaled(steps).ok_or_else(|| refuse(i, requant))?;
            let at = i * record_bytes;
            bytes[at..at + layout::PARAM_BYTES].copy_from_slice(&layout::param_record(bias, mult));
        }
        blocks.push(Records { steps, bytes });
    }
    Ok(blocks)
}
