//! Seeds and findings of the past, and a fixed number of mutations of each, through what the fuzz targets do: for whom
//! libFuzzer is too long.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};

/// Mutations of each file.
const MUTATIONS: usize = 60;

fn files(target: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for kind in ["seeds", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        files.extend(entries.map(|e| e.expect("an entry").path()).filter(|p| !p.ends_with(".gitkeep")));
    }
    files.sort();
    files
}

fn replay(target: &str, run: fn(&[u8])) {
    let files = files(target);
    assert!(files.len() > 4, "{} files of {target}", files.len());
    let mut rng = StdRng::seed_from_u64(1);
    let all: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).expect("a file")).collect();
    for (file, bytes) in files.iter().zip(&all) {
        println!("{}", file.display());
        run(bytes);
        for _ in 0..MUTATIONS {
            let mut bad = bytes.clone();
            for _ in 0..rng.random_range(1..5) {
                mutate(&mut rng, &mut bad, &all);
            }
            run(&bad);
        }
    }
}

/// One change: a bit, a byte that numbers end with, some bytes less, the same again, or a piece of another file.
fn mutate(rng: &mut StdRng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    if bytes.is_empty() {
        return bytes.push(rng.random());
    }
    let at = rng.random_range(0..bytes.len());
    let end = (at + rng.random_range(1..16)).min(bytes.len());
    match rng.random_range(0..6) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][rng.random_range(0..6)],
        2 => bytes[at] = rng.random(),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            let other = &others[rng.random_range(0..others.len())];
            let from = rng.random_range(0..other.len().max(1));
            let piece = other[from.min(other.len())..(from + 16).min(other.len())].to_vec();
            bytes.splice(at..end, piece);
        }
    }
}

#[test]
fn tflite_files() {
    replay("tflite", systole_fuzz::tflite);
}

#[test]
fn onnx_files() {
    replay("onnx", systole_fuzz::onnx);
}

#[test]
fn plans() {
    replay("plan", systole_fuzz::plan);
}

#[test]
fn containers() {
    replay("container", systole_fuzz::container);
}
