//! How the card runs a node, in a few words.

use super::add::Fused;
use crate::graph::{Graph, Op, PoolKind};
use isa::config::Config;

/// How the card runs a node.
pub fn how(graph: &Graph, index: usize, fused: &[Fused], config: &Config) -> String {
    let node = &graph.nodes[index];
    if let Some(sum) = fused.iter().find(|f| f.add == index) {
        return match sum.producer {
            Some(producer) => format!("in the drain of `{}`", graph.nodes[producer].name),
            None => "in the drain of a copy of its first input".into(),
        };
    }
    match &node.op {
        Op::Conv(_) => "a weight tile for every tap and block of channels".into(),
        Op::Depthwise(conv) if conv.multiplier == 1 => {
            format!("columns as filters along {} lines at once", conv.window.kernel[0].min(config.line_groups))
        }
        Op::Depthwise(_) => "as a convolution whose blocks of channels look at their own input alone".into(),
        Op::Pool(pool) if pool.kind == PoolKind::Max => "through an identity tile, keeping the greatest".into(),
        Op::Pool(_) => "through an identity tile, summing".into(),
        Op::Concat(_) => concat(graph, index, config.n),
        Op::Pad(_) | Op::Clamp { .. } => "a copy through an identity tile".into(),
        Op::Host(_) => "another view of the same words".into(),
        Op::Add(_) => "in a drain".into(),
    }
}

/// How a concatenation comes about: in place where all of its inputs begin at a block of channels.
fn concat(graph: &Graph, index: usize, n: usize) -> String {
    let channels = |&id: &usize| graph.tensors[id].hwc[2];
    let unaligned = graph.nodes[index].inputs.iter().rev().skip(1).map(channels).find(|c| c % n != 0);
    match unaligned {
        None => "written into place, or copied".into(),
        Some(c) => format!("written side by side, then moved together: {c} channels are no multiple of {n}"),
    }
}
