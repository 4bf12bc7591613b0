//! Prints docs/operators.md: what became of the operator tests of the ONNX standard. Argument: the folder that has them.

use std::path::Path;
use systole_tests::conformance::{run, Outcome, Verdict};

fn main() {
    let folder = std::env::args().nth(1).expect("the folder with node-quant and node-support");
    println!(
        "# Operator tests of the ONNX standard\n\n\
         Written by `scripts/generate` from what runs; do not edit. The tests are those of onnx 1.22.0 \
         (`../shared/data/onnx`).\n\n\
         *card*: every operator of the test is one of the card's, and the integer reference, which the card must equal \
         bit for bit, gives what the standard says. *host*: the host's interpreter does. Integers must be equal, floats \
         within the standard's tolerance (relative 1e-3, absolute 1e-7). For *card* all inputs but the first are taken \
         as constants of a network, as weights and scales are."
    );
    for (name, about) in [
        ("node-quant", "Quantisation; the tests of int8 and uint8 must pass exactly."),
        ("node-support", "What stands between and round quantised operators."),
    ] {
        section(name, about, &run(&Path::new(&folder).join(name)));
    }
}

fn section(name: &str, about: &str, outcomes: &[Outcome]) {
    let count = |wanted: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| wanted(o)).count();
    let passed = |o: &Outcome| matches!(o.verdict, Verdict::Card | Verdict::Host);
    println!("\n## {name}\n\n{about}\n");
    println!("| | of bytes | of other types |\n|---|---|---|");
    let row = |label: &str, wanted: &dyn Fn(&Outcome) -> bool| {
        println!("| {label} | {} | {} |", count(&|o| o.bytes && wanted(o)), count(&|o| !o.bytes && wanted(o)));
    };
    row("tests", &|_| true);
    row("passed", &passed);
    row("of those on the card", &|o| o.verdict == Verdict::Card);
    row("of those on the host", &|o| o.verdict == Verdict::Host);
    row("not supported", &|o| matches!(o.verdict, Verdict::Unsupported(_)));
    row("failed", &|o| matches!(o.verdict, Verdict::Failed(_)));
    println!("\n| test | operators | types | result |\n|---|---|---|---|");
    for o in outcomes {
        let result = match &o.verdict {
            Verdict::Card => "passed on the card".to_string(),
            Verdict::Host => "passed on the host".to_string(),
            Verdict::Unsupported(why) => format!("not supported: {why}"),
            Verdict::Failed(what) => format!("**failed**: {what}"),
        };
        println!(
            "| {} | {} | {} | {} |",
            o.name.trim_start_matches("test_"),
            o.ops,
            o.types,
            result.replace('|', "\\|")
        );
    }
}
