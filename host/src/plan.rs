//! What the compiler hands to the runtime: commands, weight image and layer table for one model on one configuration.
//!
//! A plan knows nothing of files that models come in and nothing of OpenCL. It holds two command streams: that of the
//! first inference of a run, which also brings onto the chip what stays there, and that of every other one;
//! [`Plan::commands`] unrolls them for a batch. A `MARK` stands at the start and after every layer of every inference;
//! [`Plan::marks`] says which is which.
//!
//! A plan file is: magic (8 bytes), format (u32), length of the body (u64), SHA-256 of the body (32), the body in
//! postcard. All of it is checked before anything in it is believed.

pub use crate::tensor::{Dtype, Fold, Order, Rounding, TensorInfo};
use isa::{command, config::Config, layout};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// First eight bytes of a plan file.
pub const MAGIC: [u8; 8] = *b"SYSPLAN\x1a";
/// Version of the plan file; another one is refused.
pub const FORMAT: u32 = 2;
/// Bytes before the body: magic, format, length, digest.
const HEAD_BYTES: usize = 8 + 4 + 8 + 32;

/// Why a plan cannot be read, written or used. One line: what, where, which value, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no plan, or a damaged one.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// A batch, or a buffer, that the plan cannot serve.
    #[error("{0}")]
    Unusable(String),
}

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
    /// Index into [`Plan::layers`].
    pub layer: usize,
    /// Snapshot before it.
    pub from: usize,
    /// Snapshot after it.
    pub to: usize,
}

/// A model compiled for one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Stem of the model's file name.
    pub model: String,
    /// Configuration it was compiled for.
    pub config: Config,
    /// Weight image: the `weights` argument, in bus words.
    pub weights: Vec<u8>,
    /// The model's input.
    pub input: TensorInfo,
    /// How the input lies on the card.
    pub fold: Fold,
    /// The model's output.
    pub output: TensorInfo,
    /// Layers in the order they run; one `MARK` ends each.
    pub layers: Vec<LayerInfo>,
    /// Commands of the first inference of a run, with a `MARK` after each layer.
    pub first: Stream,
    /// Commands of every other one.
    pub next: Stream,
    /// Bus words of the output argument before the first output, for what does not fit on the chip.
    pub scratch: usize,
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

impl Plan {
    /// Bus words of one input.
    fn input_words(&self) -> usize {
        self.fold.words(self.config.n)
    }

    /// Bus words of one output.
    fn output_words(&self) -> usize {
        self.output.words(self.config.n)
    }

    /// Bytes of one input in card memory.
    pub fn input_bytes(&self) -> usize {
        self.input_words() * self.config.bus_bytes()
    }

    /// Bytes of one output in card memory.
    pub fn output_bytes(&self) -> usize {
        self.output_words() * self.config.bus_bytes()
    }

    /// Multiply-accumulates of one inference.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(|l| l.macs).sum()
    }

    /// Greatest batch of one run: offsets in the input and output buffers are 24 bits of bus words.
    pub fn max_batch(&self) -> usize {
        let words = self.input_words().max(self.output_words()).max(1);
        (command::VALUE_MASK as usize + 1).saturating_sub(self.scratch) / words
    }

    /// Snapshots that a run of this batch writes.
    pub fn mark_count(&self, batch: usize) -> usize {
        1 + batch * self.layers.len()
    }

    /// Bytes of the output argument for a batch.
    pub fn output_area_bytes(&self, batch: usize) -> usize {
        self.scratch * self.config.bus_bytes() + batch * self.output_bytes()
    }

    /// Outputs of a batch, in model order, from the output argument.
    ///
    /// # Errors
    /// Fewer bytes than [`Plan::output_area_bytes`].
    pub fn unpack_outputs(&self, area: &[u8], batch: usize) -> Result<Vec<Vec<i8>>, PlanError> {
        let short = || PlanError::Unusable(format!("an output argument of {} bytes for {batch} outputs", area.len()));
        let outputs = area.get(self.scratch * self.config.bus_bytes()..).ok_or_else(short)?;
        if outputs.len() < batch * self.output_bytes() {
            return Err(short());
        }
        outputs.chunks(self.output_bytes().max(1)).take(batch).map(|o| self.unpack_output(o)).collect()
    }

    /// Which snapshots enclose each layer of each inference, in the order they run.
    pub fn marks(&self, batch: usize) -> Vec<Span> {
        let span = |i: usize| Span { image: i / self.layers.len(), layer: i % self.layers.len(), from: i, to: i + 1 };
        (0..batch * self.layers.len()).map(span).collect()
    }

    /// The whole command stream for a batch: mark, each inference, end. In card memory at least
    /// [`layout::COMMAND_READ_AHEAD`] zero bytes must follow it; they are not part of what is returned.
    ///
    /// # Errors
    /// A batch of 0 or above [`Plan::max_batch`].
    pub fn commands(&self, batch: usize) -> Result<Vec<u32>, PlanError> {
        if batch == 0 || batch > self.max_batch() {
            return Err(PlanError::Unusable(format!(
                "batch {batch} is out of 1..={} for model `{}` on `{}`; run it in several batches",
                self.max_batch(),
                self.model,
                self.config.name
            )));
        }
        let length = self.first.commands.len() + (batch - 1) * self.next.commands.len() + 2;
        let mut words = Vec::with_capacity(length);
        words.push(command::word(command::MARK, 1));
        for image in 0..batch {
            let stream = if image == 0 { &self.first } else { &self.next };
            let start = words.len();
            words.extend(&stream.commands);
            for (positions, step) in
                [(&stream.input_offsets, self.input_words()), (&stream.output_offsets, self.output_words())]
            {
                for &position in positions {
                    // Reading a plan checks the positions; in range, the sum fits because of max_batch.
                    let (op, value) = command::unpack(words[start + position as usize]);
                    words[start + position as usize] = command::word(op, value + (image * step) as u32);
                }
            }
        }
        words.push(command::word(command::END, 0));
        Ok(words)
    }

    /// One input in card memory form: int8 in model order to bus words, NHWC blocks. Bytes past the channels are 0.
    ///
    /// # Errors
    /// A slice of another length than [`TensorInfo::elements`].
    pub fn pack_input(&self, values: &[i8]) -> Result<Vec<u8>, PlanError> {
        if values.len() != self.input.elements() {
            return Err(PlanError::Unusable(format!(
                "input `{}` takes {} values (shape {:?}), but there are {}",
                self.input.name,
                self.input.elements(),
                self.input.shape,
                values.len()
            )));
        }
        let mut card = vec![0; self.input_bytes()];
        let [height, width, channels] = self.fold.hwc;
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for c in 0..channels {
                let value = match self.fold.source(self.input.hwc, y, x, c) {
                    Some([y, x, c]) => values[self.input.position(y, x, c)],
                    None => self.fold.pad,
                };
                card[self.byte(self.fold.hwc, y, x, c)] = value as u8;
            }
        }
        Ok(card)
    }

    /// One output from card memory form: bus words to int8 in model order.
    ///
    /// # Errors
    /// A slice of another length than [`Plan::output_bytes`].
    pub fn unpack_output(&self, card: &[u8]) -> Result<Vec<i8>, PlanError> {
        if card.len() != self.output_bytes() {
            return Err(PlanError::Unusable(format!(
                "output `{}` takes {} bytes on the card, but there are {}",
                self.output.name,
                self.output_bytes(),
                card.len()
            )));
        }
        let mut values = vec![0; self.output.elements()];
        let [height, width, channels] = self.output.hwc;
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for c in 0..channels {
                let byte = self.byte(self.output.hwc, y, x, c);
                values[self.output.position(y, x, c)] = card[byte] as i8;
            }
        }
        Ok(values)
    }

    /// Byte in card memory of channel `c` of pixel (y, x) of a tensor: NHWC blocks, a bus word for each on-chip word.
    fn byte(&self, hwc: [usize; 3], y: usize, x: usize, c: usize) -> usize {
        let n = self.config.n;
        let word = (y * hwc[1] + x) * layout::blocks(hwc[2], n) + c / n;
        word * self.config.bus_bytes() + c % n
    }

    /// Writes the plan to a file, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlanError> {
        let io = |source| PlanError::Io { path: path.display().to_string(), source };
        let bytes = self.to_bytes()?;
        // Beside the target and renamed, so that a full disk leaves no half plan behind.
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path)).map_err(|e| {
            let _ = std::fs::remove_file(&part);
            io(e)
        })
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// The file cannot be read, is no plan, is of another format, is damaged, or claims what cannot be.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| PlanError::Io { path: name.clone(), source })?;
        Self::from_bytes(&bytes).map_err(|what| PlanError::Damaged { path: name, what })
    }

    /// The plan as the bytes of a plan file.
    ///
    /// # Errors
    /// The plan cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PlanError> {
        let body =
            postcard::to_stdvec(self).map_err(|e| PlanError::Unusable(format!("plan cannot be encoded: {e}")))?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(Sha256::digest(&body));
        bytes.extend(body);
        Ok(bytes)
    }

    /// A plan from the bytes of a plan file; the error says what is wrong and the remedy.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        const AGAIN: &str = "compile the model again";
        if bytes.len() < 8 || bytes[..8] != MAGIC {
            return Err("not a plan: the magic at byte 0 is wrong; give a file that `systole compile` wrote".into());
        }
        if bytes.len() < HEAD_BYTES {
            return Err(format!("plan ends at byte {}, inside its head of {HEAD_BYTES}; {AGAIN}", bytes.len()));
        }
        let (head, body) = bytes.split_at(HEAD_BYTES);
        let format = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        if format != FORMAT {
            return Err(format!("plan format {format} at byte 8; this build reads format {FORMAT}; {AGAIN}"));
        }
        let length = head[12..20].iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        if length != body.len() as u64 {
            return Err(format!(
                "plan claims a body of {length} bytes at byte 12, but there are {}; {AGAIN}",
                body.len()
            ));
        }
        if Sha256::digest(body)[..] != head[20..] {
            return Err(format!("the SHA-256 of the plan's body is not the one at byte 20; {AGAIN}"));
        }
        let plan: Plan = postcard::from_bytes(body).map_err(|e| format!("plan body: {e}; {AGAIN}"))?;
        plan.check().map_err(|what| format!("{what}; {AGAIN}"))?;
        Ok(plan)
    }

    /// Whether the parts fit each other, so that no later arithmetic on them can go wrong.
    fn check(&self) -> Result<(), String> {
        self.config.check()?;
        for tensor in [&self.input, &self.output] {
            let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |p, &s| p.checked_mul(s));
            let elements = product(&tensor.hwc).filter(|&e| e > 0 && e <= command::VALUE_MASK as usize);
            if elements.is_none() || elements != product(&tensor.shape) {
                return Err(format!("tensor `{}`: shape {:?} is not {:?}", tensor.name, tensor.shape, tensor.hwc));
            }
            if !tensor.scale.is_finite() || tensor.scale <= 0.0 {
                return Err(format!("tensor `{}`: scale {} is not above 0", tensor.name, tensor.scale));
            }
        }
        let taps = self.fold.kernel[0].checked_mul(self.fold.kernel[1]);
        let folded = taps.and_then(|t| t.checked_mul(self.input.hwc[2])) == Some(self.fold.hwc[2]);
        let limit = command::VALUE_MASK as usize;
        let small = |values: &[usize]| values.iter().all(|&v| (1..=limit).contains(&v));
        let elements = self.fold.hwc.iter().try_fold(1usize, |p, &s| p.checked_mul(s)).filter(|&e| e <= limit);
        if !folded
            || elements.is_none()
            || !small(&self.fold.kernel)
            || !small(&self.fold.stride)
            || !small(&self.fold.hwc)
        {
            return Err(format!("input `{}`: {:?} does not fit {:?}", self.input.name, self.fold, self.input.hwc));
        }
        if self.layers.is_empty() || self.scratch > limit {
            return Err(format!("it has {} layers and {} words of scratch", self.layers.len(), self.scratch));
        }
        for stream in [&self.first, &self.next] {
            stream.check(self.layers.len())?;
        }
        Ok(())
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
