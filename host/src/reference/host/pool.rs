//! Pools over the last two of four dimensions, with dilation and every kind of padding.

use super::affordable;
use crate::array::{Array, Data};
use crate::graph::{HostPool, HostWindow};

/// A position of the window: where it lies in the padded input, and in the input if it is inside.
pub struct Tap {
    /// Index of the kernel's element.
    pub index: usize,
    /// Element of the image.
    pub inside: Option<usize>,
    /// Whether it lies in the input or its padding, not past that.
    pub padded: bool,
}

/// The taps of the window of one output over an image of [rows, columns].
pub fn taps(window: &HostWindow, image: [usize; 2], at: [usize; 2]) -> impl Iterator<Item = Tap> {
    let w = *window;
    (0..w.kernel[0] * w.kernel[1]).map(move |index| {
        let offset = [index / w.kernel[1], index % w.kernel[1]];
        let place = [0, 1].map(|a| at[a] * w.stride[a] + offset[a] * w.dilation[a]);
        let own = [0, 1].map(|a| place[a].checked_sub(w.before[a]).filter(|&p| p < image[a]));
        let padded = (0..2).all(|a| place[a] < w.before[a] + image[a] + w.after[a]);
        Tap { index, inside: own[0].zip(own[1]).map(|(y, x)| y * image[1] + x), padded }
    })
}

/// A pool.
pub fn pool(input: &Array, kind: HostPool, window: &HostWindow, shape: &[usize]) -> Result<Array, String> {
    let (&[n, c, h, w], &[to_n, to_c, oh, ow]) = (&input.shape[..], shape) else {
        return Err(format!("shape {:?} to {shape:?}; images have 4 dimensions", input.shape));
    };
    if [n, c] != [to_n, to_c] {
        return Err(format!("shape {:?} to {shape:?}", input.shape));
    }
    let outputs: usize = shape.iter().product();
    affordable(outputs.checked_mul(window.kernel[0] * window.kernel[1]))?;
    let (mut reals, mut integers) = (Vec::new(), Vec::new());
    for (plane, at) in (0..n * c).flat_map(|p| (0..oh).flat_map(move |y| (0..ow).map(move |x| (p, [y, x])))) {
        let (mut inside, mut padded) = (Vec::new(), 0);
        for tap in taps(window, [h, w], at) {
            inside.extend(tap.inside.map(|i| plane * h * w + i));
            padded += usize::from(tap.padded);
        }
        let nothing = || "a window lies wholly in the padding".to_string();
        match (&input.data, kind) {
            (Data::Float(v), HostPool::Max) => {
                reals.push(inside.iter().map(|&i| v[i]).reduce(f32::max).ok_or_else(nothing)?);
            }
            (Data::Int(v), HostPool::Max) => integers.push(inside.iter().map(|&i| v[i]).max().ok_or_else(nothing)?),
            (Data::Float(v), HostPool::Average { padding }) => match if padding { padded } else { inside.len() } {
                0 => return Err(nothing()),
                count => reals.push(inside.iter().map(|&i| v[i]).sum::<f32>() / count as f32),
            },
            (Data::Int(_), HostPool::Average { .. }) => return Err(format!("an average of {}", input.dtype.name())),
        }
    }
    let data = if input.dtype.is_float() { Data::Float(reals) } else { Data::Int(integers) };
    Ok(Array { dtype: input.dtype, shape: shape.to_vec(), data })
}
