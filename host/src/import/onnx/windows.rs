//! How the window of a convolution or pool moves on the host: every form that the standard has, in two dimensions.

use super::model::{node_fault, unsupported};
use super::{attributes, proto};
use crate::graph::{HostWindow, MAX_ELEMENTS};
use crate::import::error::Fault;

/// A window of the whole image.
pub fn whole(image: [usize; 2]) -> (HostWindow, [usize; 2]) {
    let one = [1, 1];
    (HostWindow { kernel: image, stride: one, dilation: one, before: [0, 0], after: [0, 0] }, one)
}

/// The window of a node over an image, and the extent of its output.
///
/// # Errors
/// Attributes that are out of range, or a kernel that does not fit.
pub fn window(node: &proto::Node, image: [usize; 2], kernel: [usize; 2]) -> Result<(HostWindow, [usize; 2]), Fault> {
    let stride = attributes::ints(node, "strides", [1, 1], MAX_ELEMENTS)?;
    let dilation = attributes::ints(node, "dilations", [1, 1], MAX_ELEMENTS)?;
    let pads = attributes::ints(node, "pads", [0, 0, 0, 0], MAX_ELEMENTS)?;
    let auto_pad = attributes::text(node, "auto_pad");
    let ceil = attributes::int(node, "ceil_mode", 0) != 0;
    if [kernel, stride, dilation].concat().contains(&0) || kernel[0].max(kernel[1]) > MAX_ELEMENTS {
        let what = format!("its kernel is {kernel:?}, its strides {stride:?}, its dilations {dilation:?}");
        return Err(node_fault(node, format!("{what}; each must be 1 or more")));
    }
    let mut window = HostWindow { kernel, stride, dilation, before: [0, 0], after: [0, 0] };
    let mut extent = [0, 0];
    for axis in 0..2 {
        let (size, step) = (image[axis], stride[axis]);
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        let same = size.div_ceil(step);
        let total = (same.saturating_sub(1) * step + reach).saturating_sub(size);
        (window.before[axis], window.after[axis]) = match auto_pad.as_str() {
            "" | "NOTSET" => (pads[axis], pads[axis + 2]),
            "VALID" => (0, 0),
            "SAME_UPPER" => (total / 2, total - total / 2),
            "SAME_LOWER" => (total - total / 2, total / 2),
            other => {
                return Err(unsupported(node, format!("auto_pad is {other}"), "NOTSET, VALID, SAME_UPPER, SAME_LOWER"))
            }
        };
        let Some(room) = (size + window.before[axis] + window.after[axis]).checked_sub(reach) else {
            return Err(node_fault(node, format!("a kernel of {kernel:?} does not fit the padded input of {image:?}")));
        };
        extent[axis] = room / step + 1;
        // The last window must begin inside the input or the padding before it.
        if ceil && room % step != 0 && extent[axis] * step < size + window.before[axis] {
            extent[axis] += 1;
        }
    }
    Ok((window, extent))
}
