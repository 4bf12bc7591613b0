//! Whether a graph is sound. Importers are not believed: whatever a file said has to pass here.

use super::*;
use crate::text::short;

/// Most bits that a multiplier drops: the product with a sum has 63.
const MAX_SHIFT: u32 = 62;

impl Graph {
    /// Whether every index, shape and limit holds, so that compiler and reference need not ask again. The error names
    /// the node or tensor, the value and what it may be.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), String> {
        for tensor in &self.tensors {
            check_tensor(tensor)?;
        }
        let mut known: Vec<bool> = self.tensors.iter().map(|t| t.value().is_some()).collect();
        let define = |known: &mut Vec<bool>, id: TensorId, who: &str| match known.get_mut(id) {
            Some(d) if !*d => {
                *d = true;
                Ok(())
            }
            _ => Err(format!("{who}: tensor {id} is unknown or written twice")),
        };
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return Err(format!("it has {} inputs and {} outputs", self.inputs.len(), self.outputs.len()));
        }
        for (id, info) in &self.inputs {
            define(&mut known, *id, &short(&info.name))?;
        }
        for node in &self.nodes {
            let fault = |what: String| format!("node `{}` ({}): {what}", short(&node.name), short(&node.label));
            if node.inputs.iter().any(|&id| known.get(id) != Some(&true)) {
                return Err(fault("an input of it is computed after it".into()));
            }
            define(&mut known, node.output, &short(&node.name))?;
            self.check_node(node).map_err(fault)?;
        }
        if self.outputs.iter().any(|(id, _)| known.get(*id) != Some(&true)) {
            return Err("an output is computed by no node".into());
        }
        for (id, info) in self.inputs.iter().chain(&self.outputs) {
            let elements = info.shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s));
            // The tensor's own shape has passed above, so its product is no trouble.
            let same = info.hwc == self.tensors[*id].hwc && elements == Some(info.elements());
            if !same || info.shape.len() > MAX_RANK {
                return Err(format!("tensor `{}`: shape {:?} is not {:?}", short(&info.name), info.shape, info.hwc));
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &Node) -> Result<(), String> {
        if node.op.is_host() {
            // The host's interpreter checks what it is given.
            return Ok(());
        }
        let inputs: Vec<[usize; 3]> = node.inputs.iter().map(|&id| self.tensors[id].hwc).collect();
        if let Some(&id) = node.inputs.iter().chain([&node.output]).find(|&&id| self.tensors[id].host.is_some()) {
            return Err(format!(
                "tensor `{}` is the host's, but the card would have to see it",
                short(&self.tensors[id].name)
            ));
        }
        let wanted = match &node.op {
            Op::Add(_) => 2,
            Op::Concat(concat) => concat.parts.len(),
            _ => 1,
        };
        if inputs.len() != wanted || wanted == 0 {
            return Err(format!("{} inputs where there must be {wanted}", inputs.len()));
        }
        check_op(&node.op, &inputs, self.tensors[node.output].hwc)
    }
}

/// Whether an operator of the card fits its shapes.
fn check_op(op: &Op, inputs: &[[usize; 3]], output: [usize; 3]) -> Result<(), String> {
    let input = inputs[0];
    let same_shape = || match inputs.iter().find(|&&hwc| hwc != output) {
        None => Ok(()),
        Some(hwc) => Err(format!("it changes shape {hwc:?} to {output:?}")),
    };
    match op {
        Op::Conv(conv) => {
            // The window first: the number of weights is the product of its extents.
            check_window(&conv.window, input, output)?;
            check_filters(output[2] * conv.window.taps() * input[2], &conv.weights, &conv.bias, input, output)?;
            check_requants(&conv.output, output[2])
        }
        Op::Depthwise(conv) => {
            if conv.multiplier == 0 || input[2].checked_mul(conv.multiplier) != Some(output[2]) {
                return Err(format!("{} channels times {} are not {}", input[2], conv.multiplier, output[2]));
            }
            check_window(&conv.window, input, output)?;
            check_filters(output[2] * conv.window.taps(), &conv.weights, &conv.bias, input, output)?;
            check_requants(&conv.output, output[2])
        }
        Op::Pool(pool) => {
            if input[2] != output[2] {
                return Err(format!("a pool changes {} channels to {}", input[2], output[2]));
            }
            check_window(&pool.window, input, output)?;
            match pool.kind {
                PoolKind::Mean if pool.output.requant.len() != pool.window.taps() => {
                    Err(format!("{} multipliers for {} elements", pool.output.requant.len(), pool.window.taps()))
                }
                PoolKind::Mean => check_multipliers(&pool.output.requant),
                _ => check_requants(&pool.output, output[2]),
            }
        }
        Op::Add(add) => {
            if add.left_shift > MAX_LEFT_SHIFT {
                return Err(format!("a left shift of {}; at most {MAX_LEFT_SHIFT}", add.left_shift));
            }
            check_requants(&add.output, 1)?;
            check_multipliers(&add.addends.map(|addend| addend.requant))?;
            same_shape()
        }
        Op::Concat(concat) => {
            let channels: usize = inputs.iter().map(|hwc| hwc[2]).sum();
            if inputs.iter().any(|hwc| hwc[..2] != output[..2]) || channels != output[2] {
                return Err(format!("it joins shapes {inputs:?} to {output:?}"));
            }
            concat.parts.iter().try_for_each(|part| check_requants(&part.output, 1))
        }
        Op::Pad(pad) => match (0..3)
            .all(|axis| pad.before[axis] <= output[axis].saturating_sub(input[axis]) && input[axis] <= output[axis])
        {
            true => Ok(()),
            false => Err(format!("it pads {input:?} by {:?} to {output:?}", pad.before)),
        },
        Op::Clamp { .. } => same_shape(),
        Op::Host(_) => Ok(()),
    }
}

fn check_filters(
    size: usize,
    weights: &[i8],
    bias: &[i32],
    input: [usize; 3],
    output: [usize; 3],
) -> Result<(), String> {
    if weights.len() != size || bias.len() != output[2] {
        return Err(format!(
            "{} weights and {} biases; shapes {input:?} to {output:?} take {size} and {}",
            weights.len(),
            bias.len(),
            output[2]
        ));
    }
    Ok(())
}

fn check_requants(output: &Output, channels: usize) -> Result<(), String> {
    check_multipliers(&output.requant)?;
    match output.requant.len() {
        1 => Ok(()),
        count if count == channels => Ok(()),
        count => Err(format!("{count} multipliers for {channels} channels")),
    }
}

/// Whether the products of all multipliers with a 32-bit sum fit 64 bits.
fn check_multipliers(requants: &[Requant]) -> Result<(), String> {
    match requants.iter().find(|r| r.m >= 1 << 31 || !(1..=MAX_SHIFT).contains(&r.t)) {
        None => Ok(()),
        Some(r) => Err(format!("multiplier {} / 2^{}; it must be below 2^31 / 2^1 to 2^{MAX_SHIFT}", r.m, r.t)),
    }
}

fn check_tensor(tensor: &Tensor) -> Result<(), String> {
    if let Some(host) = &tensor.host {
        if host.shape.len() > MAX_RANK {
            let (name, rank) = (short(&tensor.name), host.shape.len());
            return Err(format!("tensor `{name}`: {rank} dimensions; at most {MAX_RANK}"));
        }
        let elements = host.shape.iter().try_fold(1usize, |p, &s| p.checked_mul(s)).filter(|&e| e <= MAX_ELEMENTS);
        let Some(elements) = elements else {
            return Err(format!(
                "tensor `{}`: shape {:?} has more than {MAX_ELEMENTS} elements",
                short(&tensor.name),
                host.shape
            ));
        };
        let fits = |v: &Array| v.shape == host.shape && v.dtype == host.dtype && v.data.len() == elements;
        if tensor.hwc != [1, 1, elements] || host.value.as_ref().is_some_and(|v| !fits(v)) {
            return Err(format!(
                "tensor `{}`: its elements are not those of shape {:?}",
                short(&tensor.name),
                host.shape
            ));
        }
        return Ok(());
    }
    let [height, width, channels] = tensor.hwc;
    for (what, value, most) in
        [("height", height, MAX_EXTENT), ("width", width, MAX_EXTENT), ("channels", channels, MAX_CHANNELS)]
    {
        if value == 0 || value > most {
            return Err(format!("tensor `{}`: {what} is {value}; it must be 1 to {most}", short(&tensor.name)));
        }
    }
    match height.checked_mul(width).and_then(|p| p.checked_mul(channels)) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(()),
        _ => Err(format!(
            "tensor `{}`: shape {:?} has more than {MAX_ELEMENTS} elements",
            short(&tensor.name),
            tensor.hwc
        )),
    }
}

fn check_window(window: &Window, input: [usize; 3], output: [usize; 3]) -> Result<(), String> {
    for axis in 0..2 {
        let (kernel, stride, before) = (window.kernel[axis], window.stride[axis], window.before[axis]);
        let name = ["height", "width"][axis];
        if kernel == 0 || kernel > MAX_KERNEL {
            return Err(format!("kernel {name} is {kernel}; supported: 1 to {MAX_KERNEL}"));
        }
        if stride == 0 || stride > MAX_STRIDE {
            return Err(format!("stride over the {name} is {stride}; supported: 1 to {MAX_STRIDE}"));
        }
        // Every window must touch the input: a window of padding alone has no maximum, and the card's coordinates end.
        let last = (output[axis] - 1) * stride;
        if before >= kernel || last >= input[axis] + before {
            return Err(format!(
                "a window lies wholly in the padding: input {name} {}, kernel {kernel}, stride {stride}, padding \
                 {before} before, output {name} {}",
                input[axis], output[axis]
            ));
        }
    }
    Ok(())
}
