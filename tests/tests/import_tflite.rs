//! Import of TFLite models: what is said of those that cannot be used. What they mean is held against the golden outputs
//! (golden.rs) and against the reference kernels (tflite_ops.rs).

use rand::{Rng, SeedableRng};
use systole::graph::Op;
use systole::import::from_bytes;
use systole_tests::damaged::Verdicts;
use systole_tests::data;

const MODELS: [&str; 3] = ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant"];

fn models() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let file = |name| data::shared(&format!("mlperf-tiny/{name}.tflite")).map(|p| (name, std::fs::read(p).unwrap()));
    MODELS.into_iter().filter_map(file)
}

#[test]
fn the_networks_have_the_multiply_accumulates_that_are_said_of_them() {
    let said = [264_192, 2_656_768, 12_501_632];
    for (name, file) in models() {
        let graph = from_bytes(&file, name).unwrap();
        let at = MODELS.iter().position(|m| *m == name).unwrap();
        assert_eq!(graph.macs(), said[at], "{name}");
        let host = graph.nodes.iter().filter(|n| n.op.is_host()).map(|n| n.label.as_str()).collect::<Vec<_>>();
        assert_eq!(host, if name == "ad01_int8" { vec![] } else { vec!["Softmax"] }, "{name}");
        assert!(graph.nodes.iter().all(|n| !matches!(n.op, Op::Pad(_))), "{name}");
    }
}

/// Bits flipped and bytes replaced anywhere: the model is read or refused in one line, and what is read is sound.
#[test]
fn damaged_files_never_panic() {
    let mut rng = rand::rngs::StdRng::seed_from_u64(11);
    for (name, file) in models() {
        let mut verdicts = Verdicts::default();
        for _ in 0..400 {
            let mut bad = file.clone();
            for _ in 0..rng.random_range(1..6) {
                // Most of a file is weights; what surrounds them stands at its end and its beginning.
                let near = rng.random_range(0..bad.len().min(40_000));
                let at = if rng.random() { bad.len() - 1 - near } else { rng.random_range(0..bad.len()) };
                match rng.random_range(0..3) {
                    0 => bad[at] ^= 1 << rng.random_range(0..8),
                    1 => bad[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
                    _ => bad.truncate(rng.random_range(0..bad.len()).max(8)),
                }
            }
            verdicts.judge(&bad);
        }
        assert!(verdicts.read > 20 && verdicts.refused > 20, "{name}: {verdicts:?}");
    }
}

#[test]
fn a_truncated_file_says_how_long_it_is() {
    for (_, file) in models() {
        for length in [8, 9, 100, file.len() / 2, file.len() - 1] {
            let message = from_bytes(&file[..length], "m").unwrap_err().to_string();
            assert!(message.starts_with(&format!("damaged TFLite model ({length} bytes): ")), "{message}");
            assert!(message.ends_with("; give a whole .tflite file") && !message.contains('\n'), "{message}");
        }
    }
}
