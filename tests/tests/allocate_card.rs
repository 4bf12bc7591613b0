//! `systole allocate --on card`: the same costs as on the cpu, cycles within what the contract says, energy with its source.
//! Without a card (scripts/card) each test says so and does nothing.

use serde_json::Value;
use std::path::Path;
use systole_tests::command::{card, model, refused, succeeds, systole_with_card, systole_without_card};
use systole_tests::data::shared;

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn on_card(folder: &Path, card: &Path, file: &str) -> Vec<Value> {
    let mut command = systole_with_card(folder, card);
    objects(&succeeds(command.args(["allocate", file, "--on", "card", "--config", "edge8x8", "--json"])))
}

/// Random problems in the file's form, the same each time: holes, weights, both modes, sizes from one device up.
fn random_problems(count: u64) -> String {
    let mut state = 11u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::new();
    for i in 0..count {
        let (devices, levels) = (1 + next(20), 1 + next(24));
        let budget = next(devices * levels);
        let mode = ["equal", "at_most"][next(2) as usize];
        let weights = next(2) * 50;
        let mut rows = Vec::new();
        for d in 0..devices {
            let cost: Vec<String> = (0..1 + next(levels))
                .map(|_| if next(6) == 0 { "null".into() } else { next(100_000).to_string() })
                .collect();
            let weight = next(weights + 1);
            rows.push(format!("{{\"name\": \"d{d}\", \"cost\": [{}], \"weight\": {weight}}}", cost.join(", ")));
        }
        let rows = rows.join(", ");
        text += &format!("{{\"name\": \"r{i}\", \"mode\": \"{mode}\", \"budget\": {budget}, \"devices\": [{rows}]}}\n");
    }
    text
}

#[test]
fn the_shared_problems_have_the_cost_that_was_proven_optimal() {
    let Some(file) = shared("allocate/problems.jsonl") else { return };
    let Some(card) = card("edge8x8", "shared allocation problems") else { return };
    let folder = tempfile::tempdir().unwrap();
    let problems = objects(&std::fs::read_to_string(&file).unwrap());
    let found = on_card(folder.path(), &card, &file.display().to_string());
    assert_eq!(found.len(), 36);
    for (problem, found) in problems.iter().zip(&found) {
        // That the levels are allowed, keep the budget and cost this, the command has checked: it fails otherwise.
        assert_eq!((&problem["name"], &problem["optimum"]), (&found["name"], &found["cost"]));
        assert_eq!(found["method"], "card");
    }
}

#[test]
fn random_problems_have_the_cost_that_the_cpu_finds() {
    let Some(card) = card("edge8x8", "random allocation problems") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.jsonl"), random_problems(150)).unwrap();
    let mut command = systole_without_card(folder.path());
    let here = objects(&succeeds(command.args(["allocate", "p.jsonl", "--json"])));
    let there = on_card(folder.path(), &card, "p.jsonl");
    let key = |f: &Value| (f["name"].clone(), f["status"].clone(), f["cost"].clone());
    assert_eq!(here.iter().map(key).collect::<Vec<_>>(), there.iter().map(key).collect::<Vec<_>>());
    for status in ["optimal", "infeasible"] {
        assert!(there.iter().filter(|f| f["status"] == status).count() > 10, "both kinds are among them");
    }
}

#[test]
fn the_five_devices_cost_what_the_model_says_and_the_figures_have_their_source() {
    let Some(card) = card("edge8x8", "the five devices") else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(model("five-devices.yaml")).unwrap();
    for (weight, cost) in [(0, 1220), (1, 1380), (5, 2020), (10, 2820), (48, 8900)] {
        let weighted = text.replace('}', &format!(", weight: {weight}}}"));
        std::fs::write(folder.path().join("five.yaml"), weighted).unwrap();
        let found = &on_card(folder.path(), &card, "five.yaml")[0];
        assert_eq!((found["cost"].as_u64(), found["used"].as_u64()), (Some(cost), Some(48)), "{found}");
        // The event's time is that of the cycles, and of the little that lies outside the record.
        let (cycles, time) = (found["cycles"].as_f64().unwrap(), found["time_s"].as_f64().unwrap());
        assert!(cycles > 100.0 && time >= cycles / 50e6 && time < (cycles + 500.0) / 50e6, "{found}");
        let energy = &found["energy"];
        assert_eq!((energy["source"].as_str(), energy["rail"].as_str()), (Some("modelled"), Some("core")));
        assert!(energy["from"].as_str().unwrap().starts_with("constraints/"), "{energy}");
        let parts = energy["parts"].as_object().unwrap();
        let (sum, joules) =
            (parts.values().map(|p| p.as_f64().unwrap()).sum::<f64>(), energy["joules"].as_f64().unwrap());
        assert!(joules > 0.0 && (sum - joules).abs() < 1e-9 * joules, "{energy}");
    }
}

#[test]
fn a_cost_above_32_bits_is_no_wrong_answer() {
    let Some(card) = card("edge8x8", "an overflow") else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = "name: much\nmode: equal\nbudget: 0\ncost: [[4294967294], [1]]\n";
    std::fs::write(folder.path().join("p.yaml"), text).unwrap();
    let mut command = systole_with_card(folder.path(), &card);
    let error = refused(command.args(["allocate", "p.yaml", "--on", "card"]), folder.path());
    assert!(error.contains("problem `much`: cost of the best allocation is above 4294967294"), "{error}");
}
