//! `systole allocate` on the cpu: the shared problems and the article's example, whole command, and what it prints.

use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use systole_tests::command::{model, succeeds, systole_without_card};
use systole_tests::data::shared;

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn allocate(arguments: &[&str], files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    succeeds(systole_without_card(folder.path()).arg("allocate").args(arguments))
}

/// Whether the levels of `found` are an assignment for `problem` (of the form of the shared file) at its cost.
fn feasible(problem: &Value, found: &Value) {
    let levels = found["levels"].as_array().expect("levels");
    let tables = problem["cost"].as_array().expect("tables");
    assert_eq!(levels.len(), tables.len());
    let level = |l: &Value| l.as_u64().expect("a level") as usize;
    let cost: u64 = tables.iter().zip(levels).map(|(t, l)| t[level(l)].as_u64().expect("an allowed level")).sum();
    let used: usize = levels.iter().map(level).sum();
    assert_eq!((found["cost"].as_u64(), found["used"].as_u64()), (Some(cost), Some(used as u64)), "{found}");
    let budget = problem["budget"].as_u64().expect("a budget") as usize;
    assert!(if problem["mode"] == "equal" { used == budget } else { used <= budget }, "{found}");
}

#[test]
fn the_shared_problems_have_the_cost_that_was_proven_optimal() {
    let Some(file) = shared("allocate/problems.jsonl") else { return };
    let problems = objects(&std::fs::read_to_string(&file).unwrap());
    let found = objects(&allocate(&[&file.display().to_string(), "--json"], &[]));
    assert_eq!((problems.len(), found.len()), (36, 36));
    for (problem, found) in problems.iter().zip(&found) {
        assert_eq!(problem["name"], found["name"]);
        assert_eq!(problem["optimum"], found["cost"], "{}", problem["name"]);
        if problem["optimum"].is_null() {
            assert_eq!(found["status"], "infeasible");
        } else {
            assert_eq!(found["status"], "optimal");
            feasible(problem, found);
        }
    }
}

#[test]
fn the_five_devices_cost_what_the_model_says() {
    let text = std::fs::read_to_string(model("five-devices.yaml")).unwrap();
    for (weight, cost) in [(0, 1220), (1, 1380), (5, 2020), (10, 2820), (48, 8900)] {
        for least in [0, 1] {
            let weighted =
                text.replace("}", &format!(", weight: {weight}}}")).replace("least: 0", &format!("least: {least}"));
            let found = &objects(&allocate(&["five.yaml", "--json"], &[("five.yaml", &weighted)]))[0];
            assert_eq!((found["cost"].as_u64(), found["used"].as_u64()), (Some(cost), Some(48)), "{found}");
        }
    }
}

/// Programs rely on these names.
#[test]
fn the_names_of_the_json_object_stay() {
    let text = "name: x\nmode: equal\nbudget: 9\ndevices: [{name: a, cost: [1, 5, 2]}]\n";
    let found = &objects(&allocate(&["x.yaml", "--json"], &[("x.yaml", text)]))[0];
    let names: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["cost", "cycles", "device", "energy", "levels", "method", "name", "status", "time_s", "used"]);
    assert_eq!(
        (&found["status"], &found["cost"], &found["levels"]),
        (&"infeasible".into(), &Value::Null, &Value::Null)
    );
    assert!(found["time_s"].as_f64().unwrap() > 0.0 && found["cycles"].is_null());
    let energy = &found["energy"];
    let known = energy["joules"].as_f64();
    assert_eq!(energy["source"], if known.is_some() { "measured" } else { "unknown" });
    assert!(known.is_none_or(|j| j > 0.0) && energy["uncertainty"].is_null() == known.is_none(), "{energy}");
}

#[test]
fn several_documents_are_several_problems_and_dash_is_standard_input() {
    let text = "mode: equal\nbudget: 1\ncost: [[3, 4]]\n---\nmode: at_most\nbudget: 1\ncost: [[3, 4], [~, 0]]\n";
    let folder = tempfile::tempdir().unwrap();
    let mut command = systole_without_card(folder.path());
    command.args(["allocate", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let found = objects(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(found.iter().map(|f| f["cost"].as_u64()).collect::<Vec<_>>(), [Some(4), Some(3)]);
    assert_eq!(found[1]["name"], "standard input 2");
}

#[test]
fn an_infeasible_problem_is_said_to_be_infeasible() {
    let text = "name: short\nmode: equal\nbudget: 7\ncost: [[1, 2], [3, ~, 1]]\n";
    let said = allocate(&["short.yaml"], &[("short.yaml", text)]);
    assert!(said.contains("short: infeasible: no levels use exactly 7 units"), "{said}");
}
