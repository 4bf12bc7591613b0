//! Single operators of TFLite against the reference kernels: models with random quantisation, their inputs, and what
//! ai-edge-litert's reference kernels gave. `scripts/tflite_ops.py` made the archive.

use npyz::npz::NpzArchive;
use std::fs::File;
use std::io::BufReader;
use systole::import::from_bytes;
use systole::reference::{self, Values};
use systole::tensor::{Dtype, TensorInfo};
use systole_tests::damaged::Verdicts;
use systole_tests::data;

type Archive = NpzArchive<BufReader<File>>;

fn archive() -> Archive {
    NpzArchive::open(data::project("tests/data/tflite_ops.npz")).expect("the archive can be read")
}

/// Names of the models.
fn models(archive: &Archive) -> Vec<String> {
    let mut names: Vec<String> =
        archive.array_names().filter_map(|n| n.strip_suffix("/model")).map(str::to_string).collect();
    names.sort();
    names
}

fn array<T: npyz::Deserialize>(archive: &mut Archive, name: &str) -> Vec<T> {
    let array = archive.by_name(name).expect("an array").unwrap_or_else(|| panic!("{name} is there"));
    array.into_vec().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// An array of the archive as int8; floats are quantised as the model says.
fn bytes(archive: &mut Archive, name: &str, info: &TensorInfo) -> Vec<i8> {
    match info.dtype {
        Dtype::Float32 => array::<f32>(archive, name).into_iter().map(|v| info.quantise(v)).collect(),
        _ => array(archive, name),
    }
}

/// Compares all samples of a model; the error says how many values differ.
fn compare(archive: &mut Archive, name: &str) -> Result<(), String> {
    let file: Vec<u8> = array(archive, &format!("{name}/model"));
    let graph = from_bytes(&file, name).map_err(|e| e.to_string())?;
    let mut inputs = Vec::new();
    for (i, (_, info)) in graph.inputs.iter().enumerate() {
        inputs.push(bytes(archive, &format!("{name}/input_{i}"), info));
    }
    let (to, info) = &graph.outputs[0];
    let want = bytes(archive, &format!("{name}/output"), info);
    let mut got = Vec::new();
    for sample in 0..want.len() / info.elements() {
        let values = graph.inputs.iter().zip(&inputs).map(|((_, info), all)| {
            let n = info.elements();
            Values::Card(all[sample * n..(sample + 1) * n].to_vec())
        });
        got.extend_from_slice(reference::run_all(&graph, values.collect())?[*to].bytes());
    }
    assert!(!want.is_empty() && got.len() == want.len(), "{name}");
    match got.iter().zip(&want).filter(|(a, b)| a != b).count() {
        0 => Ok(()),
        differ => Err(format!("{differ} of {} values differ", want.len())),
    }
}

#[test]
fn every_operator_gives_what_the_reference_kernel_gives() {
    let mut archive = archive();
    let models = models(&archive);
    assert!(models.len() > 60, "{} models", models.len());
    let failed = |name: &String| compare(&mut archive, name).err().map(|what| format!("{name}: {what}"));
    let faults: Vec<String> = models.iter().filter_map(failed).collect();
    assert!(faults.is_empty(), "{} of {} models:\n{}", faults.len(), models.len(), faults.join("\n"));
}

/// Bytes changed anywhere in small models, where most bytes are structure.
#[test]
fn damaged_models_of_one_operator_never_panic() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(13);
    let mut archive = archive();
    let mut verdicts = Verdicts::default();
    for name in models(&archive) {
        let file: Vec<u8> = array(&mut archive, &format!("{name}/model"));
        for _ in 0..100 {
            let mut bad = file.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(8..bad.len());
                match rng.random_range(0..3) {
                    0 => bad[at] ^= 1 << rng.random_range(0..8),
                    1 => bad[at] = [0, 1, 2, 0x7f, 0x80, 0xff][rng.random_range(0..6)],
                    _ => bad[at] = rng.random(),
                }
            }
            verdicts.judge(&bad);
        }
    }
    assert!(verdicts.read > 500 && verdicts.refused > 500, "{verdicts:?}");
}
