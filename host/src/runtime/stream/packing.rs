//! How samples lie in a program's arguments, prepared: what [`Program::pack`] and [`Program::unpack`] do, in large steps.
//!
//! A stream packs an input for every inference while the card is busy with others, and small networks take the card less
//! than 0.1 ms. So windows that are folded into channels are copied, where they have one of the usual shapes, by code made
//! for it. All others are copied in two passes, each in steps of 16 bytes: a column of windows becomes a strip in which the
//! rows under each window follow each other, and each pixel is then one piece of its strip. All strips come before all
//! pixels: what was just written in parts is slow to read as a whole.

use crate::plan::{CardTensor, PlanError, Program};

/// Bytes that are copied at once, and slack behind every buffer that is read or written in such steps.
const STEP: usize = 16;

/// Most bytes of a padded input; a larger one is packed as the textbook has it.
const MOST_PADDED: usize = 1 << 24;

/// Packs one input tensor of a program.
pub struct Packer {
    port: usize,
    place: Place,
    way: Way,
}

/// Unpacks one output tensor of a program.
pub struct Unpacker {
    place: Place,
    /// Bytes of a pixel on the card, and of its blocks' channels.
    pixel: usize,
    word: usize,
    n: usize,
    channels: usize,
    elements: usize,
}

/// Where the samples of a tensor begin.
struct Place {
    group: usize,
    /// Bytes of all tensors of a group, before this one in a group, and of one sample of it.
    run: usize,
    before: usize,
    sample: usize,
}

enum Way {
    /// As the network has it.
    Same,
    /// Windows folded into channels, or channels that do not fill their words.
    Folded(Box<Folded>),
    /// Words with bytes to spare (n no power of two).
    Textbook,
}

struct Folded {
    /// Rows, bytes of a row, and pixel bytes of the network's tensor.
    rows: usize,
    row: usize,
    element: usize,
    /// The input as it came.
    input: Vec<u8>,
    /// Input with its padding, and slack.
    padded: Vec<u8>,
    padded_rows: usize,
    padded_row: usize,
    /// Position of the input's first byte in it, and bytes of each row that are used.
    first: usize,
    used: usize,
    /// For each column of windows `padded_rows` pieces of `piece` bytes; and slack.
    strips: Vec<u8>,
    piece: usize,
    /// Rows under a window.
    pieces: usize,
    stride: [usize; 2],
    /// Height and width on the card, bytes of a pixel, and those of its channels.
    out: [usize; 2],
    pixel: usize,
    channels: usize,
    /// A pixel at the end, whose last step would go too far; and slack.
    last: Vec<u8>,
}

impl Place {
    fn new(program: &Program, tensors: &[CardTensor], port: usize) -> Self {
        let bus = isa::layout::bus_bytes(program.n);
        let bytes = |t: &CardTensor| t.fold.words(program.n) * bus;
        let group = program.group;
        Self {
            group,
            run: tensors.iter().map(bytes).sum::<usize>() * group,
            before: tensors[..port].iter().map(bytes).sum::<usize>() * group,
            sample: bytes(&tensors[port]),
        }
    }

    fn of(&self, sample: usize) -> usize {
        sample / self.group * self.run + self.before + sample % self.group * self.sample
    }
}

impl Packer {
    /// A packer for input `port` of a program.
    pub fn new(program: &Program, port: usize) -> Self {
        let (n, tensor) = (program.n, &program.inputs[port]);
        let (fold, [height, width, channels]) = (&tensor.fold, tensor.hwc);
        let bus = isa::layout::bus_bytes(n);
        let plain = fold.kernel == [1, 1] && fold.stride == [1, 1] && fold.hwc == tensor.hwc && fold.before == [0, 0];
        let straight = plain && (channels % n == 0 || height * width == 1);
        let way = match Folded::new(tensor, n, plain) {
            _ if bus != n => Way::Textbook,
            _ if straight => Way::Same,
            Some(folded) => Way::Folded(Box::new(folded)),
            None => Way::Textbook,
        };
        Self { port, place: Place::new(program, &program.inputs, port), way }
    }

    /// Writes a tensor of a sample, int8 as [height, width, channels], into the input argument. Bytes past the channels
    /// stay as they are.
    ///
    /// # Errors
    /// As [`Program::pack`].
    pub fn pack(&mut self, program: &Program, area: &mut [u8], sample: usize, values: &[i8]) -> Result<(), PlanError> {
        let elements = program.inputs[self.port].hwc.iter().product::<usize>();
        let at = self.place.of(sample);
        let room = area.get_mut(at..at + self.place.sample).filter(|_| values.len() == elements);
        match (&mut self.way, room) {
            (Way::Same, Some(card)) => {
                card[..elements].copy_from_slice(bytemuck::cast_slice(values));
                Ok(())
            }
            (Way::Folded(folded), Some(card)) => {
                folded.pad(bytemuck::cast_slice(values));
                folded.write(card);
                Ok(())
            }
            // It knows what is wrong, or how to do it.
            _ => program.pack(area, self.port, sample, values),
        }
    }
}

impl Folded {
    /// Buffers for a tensor; pixels that are no windows (`plain`) lie in one column. `None` where this way is none: an
    /// array of another size, or windows so far apart that most of the padded input would be padding.
    fn new(tensor: &CardTensor, n: usize, plain: bool) -> Option<Self> {
        let (fold, [mut height, mut width, channels]) = (&tensor.fold, tensor.hwc);
        let [mut rows, mut columns, folded] = fold.hwc;
        if plain {
            (height, width, rows, columns) = (height * width, 1, rows * columns, 1);
        }
        let piece = fold.kernel[1] * channels;
        let padded_rows = (rows - 1).checked_mul(fold.stride[0])?.checked_add(fold.kernel[0])?;
        let padded_row = (columns - 1).checked_mul(fold.stride[1])?.checked_mul(channels)?.checked_add(piece)?;
        let area = padded_rows.checked_mul(padded_row).filter(|&a| a <= MOST_PADDED)?;
        let room = [padded_rows.checked_sub(fold.before[0])?, padded_row.checked_sub(fold.before[1] * channels)?];
        let strips = padded_rows.checked_mul(piece)?.checked_mul(columns).filter(|&a| a <= MOST_PADDED)?;
        let pixel = folded.div_ceil(n) * n;
        [4, 8, 16].contains(&n).then(|| Self {
            rows: height.min(room[0]),
            row: width * channels,
            element: channels,
            input: Vec::with_capacity(height * width * channels),
            padded: vec![fold.pad as u8; area + STEP],
            padded_rows,
            padded_row,
            first: fold.before[0] * padded_row + fold.before[1] * channels,
            used: (width * channels).min(room[1]),
            strips: vec![0; strips + STEP],
            piece,
            pieces: fold.kernel[0],
            stride: fold.stride,
            out: [rows, columns],
            pixel,
            channels: folded,
            last: vec![0; pixel + STEP],
        })
    }

    /// Puts the input between its padding. It comes from another core's cache: in one go, so that all of its lines are on
    /// their way at once, which row by row they are not.
    fn pad(&mut self, values: &[u8]) {
        self.input.clear();
        self.input.extend_from_slice(values);
        let room = self.padded.get_mut(self.first..).unwrap_or_default();
        for (to, row) in room.chunks_mut(self.padded_row).zip(self.input.chunks_exact(self.row)).take(self.rows) {
            if let (Some(to), Some(from)) = (to.get_mut(..self.used), row.get(..self.used)) {
                copy(to, from);
            }
        }
    }

    /// Writes all pixels. The usual shapes, and numbers of steps, are known to the compiler, which makes it a few times as
    /// fast.
    fn write(&mut self, card: &mut [u8]) {
        match (self.piece, self.pieces) {
            (4, 2) => return self.straight::<4, 2>(card),
            (4, 4) => return self.straight::<4, 4>(card),
            (9, 3) => return self.straight::<9, 3>(card),
            _ => {}
        }
        match self.piece.div_ceil(STEP) {
            1 => self.columns::<1>(),
            _ => self.columns::<0>(),
        }
        match self.channels.div_ceil(STEP) {
            1 => self.pixels::<1>(card),
            2 => self.pixels::<2>(card),
            3 => self.pixels::<3>(card),
            4 => self.pixels::<4>(card),
            _ => self.pixels::<0>(card),
        }
    }

    /// Copies the pieces of each pixel, PIECES of PIECE bytes, straight from the padded input.
    fn straight<const PIECE: usize, const PIECES: usize>(&self, card: &mut [u8]) {
        let (down, across) = (self.stride[0] * self.padded_row, self.stride[1] * self.element);
        for (y, line) in card.chunks_exact_mut(self.out[1] * self.pixel).enumerate() {
            let row = |k: usize| &self.padded[y * down + k * self.padded_row..][..self.padded_row];
            let rows: [&[u8]; PIECES] = std::array::from_fn(row);
            let mut at = 0;
            for pixel in line.chunks_exact_mut(self.pixel) {
                for (to, row) in pixel[..PIECE * PIECES].chunks_exact_mut(PIECE).zip(rows) {
                    to.copy_from_slice(&row[at..at + PIECE]);
                }
                at += across;
            }
        }
    }

    /// Copies what lies under each column of windows into its strip, in STEPS steps a piece (0: as many as it takes). What
    /// they write too much, the next piece covers.
    fn columns<const STEPS: usize>(&mut self) {
        let steps = if STEPS > 0 { STEPS } else { self.piece.div_ceil(STEP) };
        let across = self.stride[1] * self.element;
        let mut at = 0;
        for x in 0..self.out[1] {
            let mut from = x * across;
            for _ in 0..self.padded_rows {
                for i in (0..steps).map(|i| i * STEP) {
                    let to = self.strips.get_mut(at + i..).and_then(|t| t.first_chunk_mut::<STEP>());
                    // Both are there: the slack is as long as a step.
                    if let (Some(to), Some(from)) = (to, chunk(&self.padded, from + i)) {
                        *to = *from;
                    }
                }
                at += self.piece;
                from += self.padded_row;
            }
        }
    }

    /// Copies each pixel from its strip, in STEPS steps (0: as many as it takes). The last of them writes zeros past the
    /// channels, which the next pixel covers.
    fn pixels<const STEPS: usize>(&mut self, card: &mut [u8]) {
        let steps = if STEPS > 0 { STEPS } else { self.channels.div_ceil(STEP) };
        let (down, across) = (self.stride[0] * self.piece, self.padded_rows * self.piece);
        let whole = (steps - 1) * STEP;
        let keep: [u8; STEP] = std::array::from_fn(|i| if whole + i < self.channels { 255 } else { 0 });
        let keep = u128::from_le_bytes(keep);
        let [rows, columns] = self.out;
        let mut at = 0;
        for y in 0..rows {
            let mut first = y * down;
            for _ in 0..columns {
                let from = &self.strips[first..first + whole + STEP];
                let fits = at + whole + STEP <= card.len();
                let to = if fits { &mut card[at..at + whole + STEP] } else { &mut self.last[..whole + STEP] };
                for i in (0..steps - 1).map(|i| i * STEP) {
                    to[i..i + STEP].copy_from_slice(&from[i..i + STEP]);
                }
                if let (Some(to), Some(from)) = (to[whole..].first_chunk_mut::<STEP>(), chunk(from, whole)) {
                    *to = (u128::from_le_bytes(*from) & keep).to_le_bytes();
                }
                if !fits {
                    card[at..at + self.pixel].copy_from_slice(&self.last[..self.pixel]);
                }
                at += self.pixel;
                first += across;
            }
        }
    }
}

/// Copies as many bytes as there are on either side, without a call for the few that a row often has.
fn copy(to: &mut [u8], from: &[u8]) {
    let length = to.len();
    if let (8..=16, Some(first), Some(last)) = (length, from.first_chunk::<8>(), from.last_chunk::<8>()) {
        // The two may overlap.
        to[..8].copy_from_slice(first);
        to[length - 8..].copy_from_slice(last);
    } else {
        to.copy_from_slice(from);
    }
}

/// A step's bytes from `at` on.
fn chunk(bytes: &[u8], at: usize) -> Option<&[u8; STEP]> {
    bytes.get(at..)?.first_chunk()
}

impl Unpacker {
    /// An unpacker for output `port` of a program.
    pub fn new(program: &Program, port: usize) -> Self {
        let tensor = &program.outputs[port];
        let word = isa::layout::bus_bytes(program.n);
        let [height, width, channels] = tensor.hwc;
        Self {
            place: Place::new(program, &program.outputs, port),
            pixel: channels.div_ceil(program.n) * word,
            word,
            n: program.n,
            channels,
            elements: height * width * channels,
        }
    }

    /// A tensor of a sample, int8 as [height, width, channels], from the output argument without its scratch.
    ///
    /// # Errors
    /// An argument that is too small.
    pub fn unpack(&self, area: &[u8], sample: usize) -> Result<Vec<i8>, PlanError> {
        let at = self.place.of(sample);
        let Some(card) = area.get(at..at + self.place.sample) else {
            return Err(PlanError::Unusable(format!("an output argument without output {sample}")));
        };
        let one_pixel = self.elements == self.channels;
        if self.word == self.n && (one_pixel || self.channels.is_multiple_of(self.n)) {
            return Ok(bytemuck::cast_slice(&card[..self.elements]).to_vec());
        }
        let mut values = Vec::with_capacity(self.elements);
        for pixel in card.chunks_exact(self.pixel) {
            for (block, word) in pixel.chunks_exact(self.word).enumerate() {
                let count = self.n.min(self.channels - block * self.n);
                values.extend_from_slice(bytemuck::cast_slice(&word[..count]));
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Fold, LayerInfo};
    use proptest::prelude::*;

    fn program(n: usize, group: usize, tensors: Vec<CardTensor>, output: bool) -> Program {
        let layer = LayerInfo { name: "l".into(), op: "Conv".into(), macs: 0, estimated_cycles: 0 };
        let (inputs, outputs) = if output { (Vec::new(), tensors) } else { (tensors, Vec::new()) };
        let (first, next) = Default::default();
        Program { n, weights: vec![], inputs, outputs, layers: vec![layer], group, first, next, scratch: 0 }
    }

    fn values(elements: usize, seed: usize) -> Vec<i8> {
        (0..elements).map(|i| ((i * 37 + seed * 101) % 251) as u8 as i8).collect()
    }

    prop_compose! {
        fn folds()(
            hwc in [1usize..9, 1usize..20, 1usize..20], kernel in [1usize..5, 1usize..5], stride in [1usize..4, 1usize..4],
            before in [0usize..7, 0usize..7], out in [1usize..7, 1usize..7], pad in any::<i8>(), plain in any::<bool>(),
            usual in prop::option::of(prop::sample::select(vec![[4, 2, 1], [4, 4, 1], [2, 4, 2], [3, 3, 3]])),
        ) -> CardTensor {
            let (mut hwc, mut kernel) = (hwc, kernel);
            if let Some([rows, columns, channels]) = usual {
                (kernel, hwc[2]) = ([rows, columns], channels);
            }
            let channels = kernel[0] * kernel[1] * hwc[2];
            let fold = match plain {
                true => Fold { pad, ..Fold::none(hwc) },
                false => Fold { kernel, stride, before, pad, hwc: [out[0], out[1], channels] },
            };
            CardTensor { tensor: 0, hwc, fold }
        }
    }

    proptest! {
        #[test]
        fn packing_in_steps_is_packing(
            tensors in proptest::collection::vec(folds(), 1..3), n in prop::sample::select(vec![4usize, 8, 12, 16]),
            group in 1usize..4, samples in 1usize..5,
        ) {
            let program = program(n, group, tensors, false);
            let mut want = vec![0u8; program.input_bytes(samples)];
            let mut got = want.clone();
            for (port, tensor) in program.inputs.iter().enumerate() {
                let mut packer = Packer::new(&program, port);
                for sample in 0..samples {
                    let values = values(tensor.hwc.iter().product(), sample + port);
                    program.pack(&mut want, port, sample, &values).unwrap();
                    packer.pack(&program, &mut got, sample, &values).unwrap();
                }
                prop_assert!(packer.pack(&program, &mut got, 0, &[]).is_err());
            }
            prop_assert_eq!(got, want);
        }

        #[test]
        fn unpacking_in_steps_is_unpacking(
            shapes in proptest::collection::vec([1usize..5, 1usize..5, 1usize..40], 1..3),
            n in prop::sample::select(vec![4usize, 8, 12, 16]), group in 1usize..4, samples in 1usize..5,
        ) {
            let tensors = shapes.into_iter().map(|hwc| CardTensor { tensor: 0, hwc, fold: Fold::none(hwc) }).collect();
            let program = program(n, group, tensors, true);
            let area: Vec<u8> = values(program.output_bytes(samples), 7).into_iter().map(|v| v as u8).collect();
            for port in 0..program.outputs.len() {
                for sample in 0..samples {
                    let want = program.unpack(&area, port, sample).unwrap();
                    prop_assert_eq!(Unpacker::new(&program, port).unpack(&area, sample).unwrap(), want);
                }
            }
            prop_assert!(Unpacker::new(&program, 0).unpack(&[], 0).is_err());
        }
    }
}
