//! Kernels over the whole of an image that is longer than a kernel may be, such as the average over a spectrogram of a
//! hundred rows: the same pixels in another shape, under a kernel that the card has.
//!
//! Where the input stands is no matter, for the kernel looks at all of it. A reshape that keeps the channels is free on the
//! card.

use crate::graph::{Graph, HostOp, Node, Op, Tensor, Window, MAX_CHANNELS, MAX_KERNEL};

/// Puts a reshape before each node whose kernel is its whole input and larger than [`MAX_KERNEL`] one way. Where no shape
/// fits, the node stays as it is, and [`Graph::check`] says so.
pub fn split(mut graph: Graph) -> Graph {
    let nodes = std::mem::take(&mut graph.nodes);
    for mut node in nodes {
        let reshaped = node.inputs.first().and_then(|&id| {
            let (from, tensor) = (graph.tensors.get(id)?.hwc, graph.tensors.len());
            let dense = matches!(node.op, Op::Conv(_));
            let hwc = shape(from, window(&mut node.op)?, dense)?;
            Some((id, tensor, hwc))
        });
        if let Some((id, tensor, hwc)) = reshaped {
            let name = format!("{}/reshape", node.name);
            graph.tensors.push(Tensor::card(&name, hwc));
            if let Some(window) = window(&mut node.op) {
                window.kernel = [hwc[0], hwc[1]];
            }
            let op = Op::Host(HostOp::Reshape);
            graph.nodes.push(Node { name, label: node.label.clone(), inputs: vec![id], output: tensor, op });
            node.inputs[0] = tensor;
        }
        graph.nodes.push(node);
    }
    graph
}

fn window(op: &mut Op) -> Option<&mut Window> {
    match op {
        Op::Conv(conv) => Some(&mut conv.window),
        Op::Pool(pool) => Some(&mut pool.window),
        _ => None,
    }
}

/// The shape that the input takes, if it needs another one: as square as may be, so that neither way is long. The channels
/// stay; those of a convolution may also be all that there is.
fn shape([height, width, channels]: [usize; 3], window: &Window, dense: bool) -> Option<[usize; 3]> {
    let whole = window.kernel == [height, width] && window.before == [0, 0];
    if !whole || height.max(width) <= MAX_KERNEL {
        return None;
    }
    let pixels = height.checked_mul(width)?;
    let rows = (1..=MAX_KERNEL).filter(|rows| pixels % rows == 0 && pixels / rows <= MAX_KERNEL).max();
    match rows {
        Some(rows) => Some([pixels / rows, rows, channels]),
        None if dense && pixels.checked_mul(channels)? <= MAX_CHANNELS => Some([1, 1, pixels * channels]),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_image_becomes_one_that_a_kernel_covers() {
        let whole = |h, w| Window { kernel: [h, w], ..Window::POINT };
        assert_eq!(shape([234, 1, 5], &whole(234, 1), false), Some([6, 39, 5]));
        assert_eq!(shape([64, 64, 5], &whole(64, 64), false), None);
        // 67 is prime: a product can take the elements as channels, a pool cannot.
        assert_eq!(shape([67, 1, 5], &whole(67, 1), true), Some([1, 1, 335]));
        assert_eq!(shape([67, 1, 5], &whole(67, 1), false), None);
        assert_eq!(shape([100, 1, 5], &whole(5, 1), true), None);
    }
}
