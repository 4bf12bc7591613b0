//! Pass: where all layers are fully connected, several samples become the pixels of one image, so that the weights are read
//! once for all of them.

use super::lower::Part;
use crate::graph::{Graph, Op, Window};

/// Puts up to `batch` samples beside each other and returns how many.
pub fn widen(graph: &mut Graph, part: &Part, batch: usize) -> usize {
    let point = |op: &Op| match op {
        Op::Conv(conv) => conv.window == Window::POINT,
        Op::Depthwise(conv) => conv.window == Window::POINT,
        Op::Pool(pool) => pool.window == Window::POINT,
        Op::Add(_) | Op::Concat(_) | Op::Clamp { .. } => true,
        Op::Pad(_) | Op::Host(_) => false,
    };
    let written = part.nodes.iter().map(|&i| graph.nodes[i].output);
    let mut tensors: Vec<usize> = part.inputs.iter().copied().chain(written).collect();
    let single = |&id: &usize| graph.tensors[id].hwc[..2] == [1, 1];
    if batch < 2 || !part.nodes.iter().all(|&i| point(&graph.nodes[i].op)) || !tensors.iter().all(single) {
        return 1;
    }
    tensors.sort_unstable();
    tensors.dedup();
    tensors.into_iter().for_each(|id| graph.tensors[id].hwc[1] = batch);
    batch
}
