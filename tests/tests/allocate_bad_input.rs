//! Everything that can be wrong with a problem, one case each: one line that names the device and the field, exit status 2,
//! no output. All of it is found before a card is touched: there is none here.

use systole_tests::command::{refused, systole_without_card};

/// The error of `systole allocate` on a file with this text.
fn error_of(name: &str, text: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    refused(systole_without_card(folder.path()).args(["allocate", name]), folder.path())
}

/// The error where this stands for the second of three costs of the second device.
fn error_of_cost(cost: &str) -> String {
    let text = format!(
        "name: p\nmode: equal\nbudget: 2\ndevices:\n- {{name: a, cost: [1]}}\n- {{name: b, cost: [1, {cost}, 3]}}\n"
    );
    error_of("p.yaml", text.as_bytes())
}

fn has(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn a_cost_that_is_no_whole_number_from_0_up_names_device_level_and_value() {
    for (written, shown) in [
        ("-5", "is -5;"),
        (".nan", "is NaN;"),
        ("NaN", "is NaN;"),
        (".inf", "is inf;"),
        ("1.5", "is 1.5;"),
        ("1e30", "is 1"),
        ("18446744073709551616", "is 1844674407370955161"),
        ("true", "is true;"),
        ("cheap", "is cheap;"),
        ("'7'", "is 7;"),
    ] {
        let error = error_of_cost(written);
        has(&error, &["problem `p`: device `b`: cost[1]", shown, "it must be a whole number from 0 up"]);
    }
}

#[test]
fn costs_whose_sum_overflows_name_the_device() {
    has(&error_of_cost("18446744073709551615"), &["device `b`: cost may bring the total beyond"]);
    has(&error_of_cost("4611686018427387903"), &["device `b`: cost may bring the total beyond"]);
}

#[test]
fn json_lines_name_the_problem_and_the_device_by_number() {
    let good = r#"{"name": "one", "mode": "equal", "budget": 1, "cost": [[1, 2]]}"#;
    for (bad, parts) in [
        (
            r#"{"name": "two", "mode": "equal", "budget": 1, "cost": [[1, 2], [1, -2]]}"#,
            &["problem `two`: device `1`: cost[1] is -2"][..],
        ),
        (
            r#"{"name": "two", "mode": "equal", "budget": 1, "cost": [[1, NaN]]}"#,
            &["problem `two`: device `0`: cost[1] is NaN"],
        ),
        (r#"{"name": "two", "mode": "equal", "budget": 1, "cost": [[1, 2]"#, &["p.jsonl", "EOF while parsing"]),
        (
            r#"{"name": "two", "mode": "equal", "budget": 1, "cost": [[]]}"#,
            &["problem `two`: device `0`: cost is empty"],
        ),
        (r#"{"name": "two", "mode": "equal", "budget": 1, "cost": []}"#, &["problem `two`: devices are none"]),
        (r#"{"name": "two", "mode": "less", "budget": 1, "cost": [[1]]}"#, &["p.jsonl", "less", "at_most", "line 2"]),
        (r#"{"name": "two", "mode": "equal", "cost": [[1]]}"#, &["p.jsonl", "missing field `budget`"]),
        (r#"{"mode": "equal", "budget": -1, "cost": [[1]]}"#, &["problem `p 2`: budget is -1"]),
        ("[1, 2]", &["p.jsonl", "line 2"]),
    ] {
        has(&error_of("p.jsonl", format!("{good}\n{bad}\n").as_bytes()), parts);
    }
}

#[test]
fn what_cannot_be_in_a_yaml_problem_is_named() {
    let head = "name: p\nmode: equal\nbudget: 4\n";
    for (body, parts) in [
        ("devices: [{name: a, cost: [1]}, {name: a, cost: [1]}]", &["device `a`: name is there twice"][..]),
        ("devices: [{name: a, cost: []}]", &["device `a`: cost is empty"]),
        ("devices: [{name: a}]", &["device `a`: cost is missing"]),
        ("devices: []", &["devices are none"]),
        ("devices: [{name: '', cost: [1]}]", &["device ``: name is empty"]),
        ("devices: [{name: a, cost: [1], wieght: 3}]", &["p.yaml", "unknown field `wieght`"]),
        ("devices: [{name: a, cost: [1], weight: -3}]", &["device `a`: weight is -3"]),
        ("devices: [{name: a, cost: [1], longest: 3}]", &["device `a`: longest is for devices with power"]),
        ("devices: [{name: a, power: 5}]", &["device `a`: longest is missing"]),
        ("devices: [{name: a, power: .nan, longest: 3}]", &["device `a`: power is NaN"]),
        ("devices: [{name: a, power: 5, longest: -1}]", &["device `a`: longest is -1"]),
        ("devices: [{name: a, power: 9223372036854775807, longest: 4}]", &["device `a`: power is 9223372036854775807"]),
        ("devices: [{name: a, power: 5, longest: 3}, {name: b, cost: [1]}]", &["device `b`: cost is there, but other"]),
        ("power_max: 4\ndevices: [{name: a, power: 5, longest: 3}]", &["device `a`: power is 5, above power_max 4"]),
        ("least: 1\ndevices: [{name: a, power: 5, longest: 0}]", &["device `a`: longest is 0"]),
        ("least: 2\ndevices: [{name: a, power: 5, longest: 3}]", &["problem `p`: least is 2; it must be 0 or 1"]),
        ("least: 1\ndevices: [{name: a, cost: [1]}]", &["problem `p`: least is for devices with power"]),
        ("cost: [[1]]\ndevices: [{name: a, cost: [1]}]", &["problem `p`: cost and devices are both there"]),
        ("", &["problem `p`: devices are missing"]),
        ("devices: 5", &["p.yaml", "devices"]),
    ] {
        has(&error_of("p.yaml", format!("{head}{body}\n").as_bytes()), parts);
    }
}

#[test]
fn a_budget_beyond_the_limits_is_refused_before_tables_are_made() {
    let huge = "name: p\nmode: equal\nbudget: 18446744073709551615\ndevices: [{name: a, power: 1, longest: 18446744073709551615}]\n";
    has(
        &error_of("p.yaml", huge.as_bytes()),
        &["problem `p`: budget is 18446744073709551615; the solver takes at most"],
    );
    let long = huge.replace("budget: 18446744073709551615", "budget: 9000");
    has(&error_of("p.yaml", long.as_bytes()), &["device `a`: longest is 18446744073709551615; at most 4095"]);
}

#[test]
fn more_work_than_can_be_done_is_refused() {
    let cost: Vec<String> = (0..4096).map(|k| (k * 7919 % 1000).to_string()).collect();
    let row = format!("[{}]", cost.join(","));
    let table = vec![row; 2000].join(",");
    let text = format!("{{\"name\": \"big\", \"mode\": \"equal\", \"budget\": 262144, \"cost\": [{table}]}}");
    has(&error_of("big.json", text.as_bytes()), &["problem `big`: devices × budget × levels is"]);
}

#[test]
fn a_file_that_is_no_problem() {
    for text in [&b""[..], b"\n\n", b"just words\n", b"- 1\n", b"{", b"{}", b"a: [", &[0xff; 16], b"name: p\n"] {
        has(&error_of("p.yaml", text), &["p.yaml"]);
    }
    let folder = tempfile::tempdir().unwrap();
    for file in ["none.yaml", "."] {
        has(&refused(systole_without_card(folder.path()).args(["allocate", file]), folder.path()), &[file]);
    }
}

#[test]
fn what_is_beyond_a_card_is_refused_before_the_card_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let on_card = |text: &str| {
        std::fs::write(folder.path().join("p.yaml"), text).unwrap();
        let mut command = systole_without_card(folder.path());
        refused(command.args(["allocate", "p.yaml", "--on", "card", "--config", "edge8x8"]), folder.path())
    };
    let many = vec!["[1]"; 1025].join(",");
    for (body, parts) in [
        (
            format!("budget: 9\ncost: [{many}]"),
            &["device `1024`: is one too many", "a card of `edge8x8` takes at most 1024"][..],
        ),
        ("budget: 5000\ncost: [[1]]".into(), &["problem `p`: budget is 5000; a card of `edge8x8` takes at most"]),
        (format!("budget: 99\ncost: [[{}]]", ["1"; 65].join(",")), &["device `0`: cost has 65 levels; a card of"]),
        ("budget: 9\ncost: [[4294967295]]".into(), &["device `0`: cost[0] is 4294967295; a card of", "--on cpu"]),
        // Nothing wrong with it: now the card is looked for.
        ("budget: 0\ncost: [[1]]".into(), &["no OpenCL driver", "scripts/card"]),
    ] {
        has(&on_card(&format!("mode: equal\n{body}\n")), parts);
    }
}

#[test]
fn a_configuration_without_a_card_is_a_misunderstanding() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), "mode: equal\nbudget: 0\ncost: [[1]]\n").unwrap();
    let mut command = systole_without_card(folder.path());
    has(&refused(command.args(["allocate", "p.yaml", "--config", "edge8x8"]), folder.path()), &["--on card"]);
}
