//! Pass: every tensor gets its place in activation memory for as long as it lives.

use super::lower::Lowered;
use super::CompileError;
use isa::config::Config;

/// When a buffer holds something that is still needed: from the step that writes it to the last that reads it, both
/// included. Step 0 loads the model's input, step i + 1 is stage i, the last step stores the model's output.
#[derive(Clone, Copy, Debug)]
struct Life {
    buffer: usize,
    words: usize,
    from: usize,
    to: usize,
}

/// The first word of each buffer; buffers that nothing uses get 0.
///
/// # Errors
/// A step whose buffers do not fit together.
pub fn assign(lowered: &Lowered, config: &Config) -> Result<Vec<usize>, CompileError> {
    let lives = lives(lowered);
    let available = config.act_words();
    for step in 0..lowered.stages.len() + 2 {
        let needed: usize = lives.iter().filter(|l| (l.from..=l.to).contains(&step)).map(|l| l.words).sum();
        if needed > available {
            return Err(too_large(lowered, config, step, needed));
        }
    }
    // Packing in time and space is hard in general. A chain always fits with its buffers at alternate ends of the
    // memory; for the rest, greatest first is as good as a simple rule gets.
    let mut by_size = lives.clone();
    by_size.sort_by_key(|l| std::cmp::Reverse(l.words));
    let mut peak = 0;
    for (order, alternate) in [(&lives, true), (&by_size, false), (&lives, false)] {
        match pack(order, lowered.buffers.len(), available, alternate) {
            Ok(places) => return Ok(places),
            Err(needed) => peak = if peak == 0 { needed } else { needed.min(peak) },
        }
    }
    // Every step fits alone, but the gaps that other tensors leave are too small.
    let worst = lives.iter().max_by_key(|l| l.words).map_or(0, |l| l.from);
    Err(too_large(lowered, config, worst, peak))
}

fn too_large(lowered: &Lowered, config: &Config, step: usize, needed: usize) -> CompileError {
    let layer = match step {
        0 => "input".to_string(),
        _ => lowered.stages.get(step - 1).map_or("output".to_string(), |s| s.name.clone()),
    };
    CompileError::Activations { layer, needed, available: config.act_words(), config: config.name.clone(), n: config.n }
}

fn lives(lowered: &Lowered) -> Vec<Life> {
    let mut lives = Vec::new();
    for (id, buffer) in lowered.buffers.iter().enumerate() {
        let written = lowered.stages.iter().position(|s| s.output == id).map(|i| i + 1);
        let Some(from) = written.or((id == lowered.input).then_some(0)) else { continue };
        let read = lowered.stages.iter().rposition(|s| s.input == id).map(|i| i + 1);
        let stored = (id == lowered.output).then_some(lowered.stages.len() + 1);
        let to = from.max(read.unwrap_or(0)).max(stored.unwrap_or(0));
        lives.push(Life { buffer: id, words: buffer.words(), from, to });
    }
    lives
}

/// Places buffers in the given order, each in the first gap among those that live with it: from the bottom of the
/// memory, or with `alternate` from the top for every second step. The error is how many words it would have taken.
fn pack(order: &[Life], buffers: usize, available: usize, alternate: bool) -> Result<Vec<usize>, usize> {
    let mut placed: Vec<(Life, usize)> = Vec::new();
    let mut places = vec![0; buffers];
    for life in order {
        let from_top = alternate && life.from % 2 == 1;
        // Seen from the end that the gap is looked for at.
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| other.from <= life.to && life.from <= other.to)
            .map(|&(other, at)| if from_top { (available - at - other.words, other.words) } else { (at, other.words) })
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, words) in taken {
            if at + life.words <= start {
                break;
            }
            at = at.max(start + words);
        }
        if at + life.words > available {
            return Err(at + life.words);
        }
        let place = if from_top { available - at - life.words } else { at };
        placed.push((*life, place));
        places[life.buffer] = place;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(words: &[usize]) -> Vec<Life> {
        words.iter().enumerate().map(|(i, &words)| Life { buffer: i, words, from: i, to: i + 1 }).collect()
    }

    #[test]
    fn a_chain_fits_whenever_every_neighbouring_pair_does() {
        for words in [&[6, 5, 4, 6][..], &[10, 1, 10, 1, 3], &[11], &[4, 7, 4, 7, 2, 9]] {
            let lives = chain(words);
            let places = pack(&lives, words.len(), 11, true).unwrap();
            for i in 1..words.len() {
                let [(a, b), (c, d)] = [i - 1, i].map(|k| (places[k], places[k] + words[k]));
                assert!(b <= c || d <= a, "{words:?}: {places:?}");
                assert!(b <= 11 && d <= 11);
            }
        }
    }

    #[test]
    fn what_does_not_fit_says_how_much_it_takes() {
        assert_eq!(pack(&chain(&[6, 6]), 2, 11, false), Err(12));
    }
}
