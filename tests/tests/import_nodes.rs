//! The operator tests of the ONNX standard.

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
