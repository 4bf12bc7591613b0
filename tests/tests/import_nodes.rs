//! The operator tests of the ONNX standard.

use std::collections::HashMap;
use systole::array::Array;
use systole::graph::Graph;
use systole::import::{from_bytes, onnx};
use systole::reference::{self, Values};
use systole::tensor::TensorInfo;
use systole_tests::conformance::{run, Outcome, Verdict};
use systole_tests::data;

fn failures(outcomes: &[Outcome]) -> Vec<String> {
    let failed = |o: &&Outcome| matches!(o.verdict, Verdict::Failed(_) | Verdict::Unsupported(_));
    outcomes.iter().filter(failed).map(|o| format!("{} ({}): {:?}", o.name, o.types, o.verdict)).collect()
}

#[test]
fn all_quantised_operators_of_bytes_give_exactly_what_the_standard_says() {
    let Some(folder) = data::shared("onnx/node-quant") else { return };
    let outcomes = run(&folder);
    let bytes: Vec<Outcome> = outcomes.iter().filter(|o| o.bytes).cloned().collect();
    assert_eq!((outcomes.len(), bytes.len()), (45, 24));
    assert_eq!(failures(&bytes), Vec::<String>::new());
    // What is left out is left out for its element type, and says so.
    for other in outcomes.iter().filter(|o| !o.bytes) {
        match &other.verdict {
            Verdict::Card | Verdict::Host => {}
            Verdict::Unsupported(why) => assert!(why.contains("element type float"), "{}: {why}", other.name),
            Verdict::Failed(what) => panic!("{}: {what}", other.name),
        }
    }
}

#[test]
fn all_supporting_operators_are_within_the_standards_tolerance() {
    let Some(folder) = data::shared("onnx/node-support") else { return };
    let outcomes = run(&folder);
    assert_eq!(outcomes.len(), 98);
    assert_eq!(failures(&outcomes), Vec::<String>::new());
}

/// Bytes changed anywhere: read or refused in one line, for the card and for the host; what the host takes it also runs,
/// or says why not.
#[test]
fn damaged_models_never_panic() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(17);
    let (mut read, mut refused) = (0, 0);
    for folder in ["onnx/node-quant", "onnx/node-support"] {
        let Some(folder) = data::shared(folder) else { return };
        for test in std::fs::read_dir(folder).unwrap() {
            let file = std::fs::read(test.unwrap().path().join("model.onnx")).unwrap();
            for _ in 0..40 {
                let mut bad = file.clone();
                for _ in 0..rng.random_range(1..4) {
                    let at = rng.random_range(0..bad.len());
                    bad[at] = if rng.random() { bad[at] ^ (1 << rng.random_range(0..8)) } else { rng.random() };
                }
                for result in [from_bytes(&bad, "m"), onnx::for_host(&bad, &HashMap::new(), "m")] {
                    match result {
                        Ok(graph) => {
                            read += 1;
                            runs(&graph);
                        }
                        Err(fault) => {
                            refused += 1;
                            assert!(!fault.to_string().contains('\n'), "{fault}");
                        }
                    }
                }
            }
        }
    }
    assert!(read > 300 && refused > 1000, "{read} read, {refused} refused");
}

/// Runs a small graph on zeros; an error is fine.
fn runs(graph: &Graph) {
    if graph.tensors.iter().any(|t| t.elements() > 1 << 16) {
        return;
    }
    let zeros = |(id, _): &(usize, TensorInfo)| {
        let t = &graph.tensors[*id];
        match (&t.host, t.dtype().is_float()) {
            (None, _) => Values::Card(vec![0; t.elements()]),
            (Some(_), true) => Values::Host(Array::float(&t.shape(), vec![0.0; t.elements()])),
            (Some(_), false) => Values::Host(Array::int(t.dtype(), &t.shape(), vec![0; t.elements()])),
        }
    };
    if let Err(what) = reference::run_all(graph, graph.inputs.iter().map(zeros).collect()) {
        assert!(!what.is_empty());
    }
}
