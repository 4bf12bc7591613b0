//! Pass: the network falls into segments for the card and for the host.
//!
//! Whatever the card can run it runs. A segment takes all nodes of its side that can run by then, so that there are as few
//! of them as may be.

use super::lower::Part;
use crate::graph::{Graph, HostOp, Op, Port, TensorId};
use crate::plan::{Dtype, Order, Rounding, Segment, TensorInfo};
use isa::layout;

/// Nodes of one side, in the order they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Whether they are the card's.
    pub card: bool,
    /// The nodes by their position in the graph.
    pub nodes: Vec<usize>,
}

/// Why each node has to stay with the host, as far as that can be told from the node alone; `None` for the card's.
pub fn refusals(graph: &Graph, n: usize) -> Vec<Option<String>> {
    graph
        .nodes
        .iter()
        .map(|node| match &node.op {
            Op::Host(HostOp::Reshape) if is_view(graph, node.inputs[0], node.output, n) => None,
            Op::Host(HostOp::Reshape) => Some("its words would have to move: the channels do not fill them".into()),
            Op::Host(op) => Some(format!("{} is computed by the host", op.name())),
            _ => None,
        })
        .collect()
}

/// Whether a reshape leaves the words of a tensor where they are.
fn is_view(graph: &Graph, from: TensorId, to: TensorId, n: usize) -> bool {
    let [from_tensor, to_tensor] = [from, to].map(|id| &graph.tensors[id]);
    if from_tensor.host.is_some() || to_tensor.host.is_some() {
        return false;
    }
    let (from_hwc, to_hwc) = (from_tensor.hwc, to_tensor.hwc);
    let full = |hwc: [usize; 3]| hwc[2].is_multiple_of(n);
    // The card writes it in this segment, into a buffer that is its own.
    let written = graph.nodes.iter().find(|node| node.output == from);
    written.is_some_and(|node| !node.op.is_host())
        && (from_hwc[2] == to_hwc[2] || full(from_hwc) && full(to_hwc))
        && from_hwc[0] * from_hwc[1] * layout::blocks(from_hwc[2], n)
            == to_hwc[0] * to_hwc[1] * layout::blocks(to_hwc[2], n)
}

/// The segments in the order they run. `host` says which nodes are the host's.
pub fn sides(graph: &Graph, host: &[Option<String>]) -> Vec<Side> {
    let mut known: Vec<bool> = graph.tensors.iter().map(|t| t.value().is_some()).collect();
    graph.inputs.iter().for_each(|(id, _)| known[*id] = true);
    let mut left: Vec<usize> = (0..graph.nodes.len()).collect();
    let mut sides = Vec::new();
    let mut card = false;
    while !left.is_empty() {
        let mut nodes = Vec::new();
        left.retain(|&i| {
            let node = &graph.nodes[i];
            let ready = host[i].is_none() == card && node.inputs.iter().all(|&id| known[id]);
            if ready {
                known[node.output] = true;
                nodes.push(i);
            }
            !ready
        });
        if !nodes.is_empty() {
            sides.push(Side { card, nodes });
        }
        card = !card;
    }
    sides
}

/// A side with the tensors that come in and go out.
pub fn part(graph: &Graph, side: &Side) -> Part {
    let written = |id: TensorId| side.nodes.iter().any(|&i| graph.nodes[i].output == id);
    let mut inputs: Vec<TensorId> = Vec::new();
    for &id in side.nodes.iter().flat_map(|&i| &graph.nodes[i].inputs) {
        if !written(id) && !inputs.contains(&id) && graph.tensors[id].value().is_none() {
            inputs.push(id);
        }
    }
    let others = (0..graph.nodes.len()).filter(|i| !side.nodes.contains(i));
    let read: Vec<TensorId> =
        others.flat_map(|i| graph.nodes[i].inputs.clone()).chain(graph.outputs.iter().map(|(id, _)| *id)).collect();
    let outputs = side.nodes.iter().map(|&i| graph.nodes[i].output).filter(|id| read.contains(id)).collect();
    Part { nodes: side.nodes.clone(), inputs, outputs }
}

/// A part of the graph for the host, with tensors of its own numbers.
pub fn host(graph: &Graph, part: &Part) -> Segment {
    let mut used: Vec<TensorId> = part.inputs.clone();
    for &i in &part.nodes {
        for id in graph.nodes[i].inputs.iter().copied().chain([graph.nodes[i].output]) {
            if !used.contains(&id) {
                used.push(id);
            }
        }
    }
    let own = |id: &TensorId| used.iter().position(|u| u == id).unwrap_or(0);
    let nodes = part.nodes.iter().map(|&i| {
        let mut node = graph.nodes[i].clone();
        node.inputs.iter_mut().for_each(|id| *id = own(id));
        node.output = own(&node.output);
        node
    });
    let port = |id: &TensorId| -> Port {
        let tensor = &graph.tensors[*id];
        let info = TensorInfo {
            name: tensor.name.clone(),
            shape: tensor.hwc.to_vec(),
            dtype: Dtype::Int8,
            order: Order::ChannelsLast,
            hwc: tensor.hwc,
            scale: 1.0,
            zero_point: 0,
            rounding: Rounding::TiesToEven,
        };
        (own(id), info)
    };
    let graph = Graph {
        name: graph.name.clone(),
        nodes: nodes.collect(),
        inputs: part.inputs.iter().map(port).collect(),
        outputs: part.outputs.iter().map(port).collect(),
        tensors: used.iter().map(|&id| graph.tensors[id].clone()).collect(),
    };
    Segment::Host { graph, inputs: part.inputs.clone(), outputs: part.outputs.clone() }
}
