//! `systole-hdl emit`: what it writes, and how it refuses.

use std::path::Path;
use std::process::{Command, Output};
use systole_hdl::{board, configs, emit, shell};
use systole_isa::config::{Config, LowPower};

fn systole_hdl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_systole-hdl")).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str], why: &str) {
    let output = systole_hdl(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with(why), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

type Emit = fn(&Config) -> anyhow::Result<String>;

#[test]
fn a_person_can_read_the_kernel() {
    for config in configs::configs().unwrap() {
        for (kernel, emit) in [("systole_infer", emit::verilog as Emit), ("systole_allocate", emit::allocator)] {
            let text = emit(&config).unwrap();
            assert_eq!(text, emit(&config).unwrap(), "{} {kernel}: not the same twice", config.name);
            assert!(text.contains(&format!("\nmodule {kernel} (\n")), "{}: no top module {kernel}", config.name);
            for (number, line) in text.lines().enumerate() {
                let system = line.replace("$signed(", "").replace("$unsigned(", "").replace("$clog2(", "");
                assert!(!system.contains('$'), "{} {kernel} line {}: {line}", config.name, number + 1);
            }
            if config.name == "edge8x8" {
                assert!(text.lines().count() < 4000, "{} lines", text.lines().count());
            }
        }
    }
}

#[test]
fn no_two_modules_are_the_same() {
    let config = configs::config("edge8x8").unwrap();
    for text in [emit::verilog(&config).unwrap(), emit::allocator(&config).unwrap()] {
        let mut bodies: Vec<&str> =
            text.split("\nmodule ").skip(1).filter_map(|m| m.split_once('\n')).map(|(_, body)| body).collect();
        let all = bodies.len();
        bodies.sort_unstable();
        bodies.dedup();
        assert_eq!(bodies.len(), all);
    }
}

#[test]
fn the_folder_holds_the_kernel_and_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/er");
    let output = systole_hdl(&["emit", "--config", "small4x4", "-o", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = configs::config("small4x4").unwrap();
    assert_eq!(std::fs::read_to_string(out.join("systole_infer.v")).unwrap(), emit::verilog(&config).unwrap());
    assert_eq!(std::fs::read_to_string(out.join("systole_allocate.v")).unwrap(), emit::allocator(&config).unwrap());
    let yaml = std::fs::read_to_string(out.join("config.yaml")).unwrap();
    assert_eq!(serde_yaml::from_str::<Config>(&yaml).unwrap(), config);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3, "something else was left behind");
}

#[test]
fn a_wrong_name_and_a_folder_that_cannot_be_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    refused(
        &["emit", "--config", "big", "-o", out.to_str().unwrap()],
        "systole-hdl: no configuration `big` in hdl/configs.yaml; there are small4x4, edge8x8, edge12x12, mid16x16",
    );
    assert!(!Path::new(&out).exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    refused(&["emit", "--config", "small4x4", "-o", file.to_str().unwrap()], "systole-hdl: cannot make the folder ");
}

#[test]
fn a_switch_that_is_off_is_off_in_the_verilog_and_in_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = vec![emit::verilog(&configs::config("small4x4").unwrap()).unwrap()];
    for switch in ["next_tile", "drain", "counters"] {
        let out = folder.path().join(switch);
        let output = systole_hdl(&["emit", "--config", "small4x4", "--without", switch, "-o", out.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let yaml = std::fs::read_to_string(out.join("config.yaml")).unwrap();
        let mut low_power = LowPower::ALL;
        low_power.turn_off(switch).unwrap();
        let written: Config = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(written, Config { low_power, ..configs::config("small4x4").unwrap() });
        texts.push(std::fs::read_to_string(out.join("systole_infer.v")).unwrap());
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 4);
    let out = folder.path().join("none");
    refused(
        &["emit", "--config", "small4x4", "--without", "clock", "-o", out.to_str().unwrap()],
        "systole-hdl: no low-power switch `clock`; there are next_tile, drain, counters",
    );
    assert!(!out.exists());
}

#[test]
fn a_board_gets_the_kernel_and_its_shell() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let path = out.to_str().unwrap();
    let output = systole_hdl(&["emit", "--board", "icebreaker", "-o", path]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let config = configs::config("small4x4").unwrap();
    let (kernel, text) = (read("systole_infer.v"), read("systole_shell.v"));
    assert_eq!(kernel, emit::verilog(&config).unwrap());
    let board = board::board("icebreaker").unwrap();
    assert_eq!(text, shell::verilog(&board, &config, &kernel).unwrap(), "not the same twice");
    assert!(text.contains("\nmodule systole_shell (\n") && text.contains("(12 cycles a bit)"), "{text}");
    // Its oscillator's clock needs no PLL; another clock does, and not every one can be made.
    assert!(!text.contains("PLL"));
    let quick = board::Board { clock_hz: 36_000_000, ..board.clone() };
    assert!(shell::verilog(&quick, &config, &kernel).unwrap().contains("SB_PLL40_PAD"));
    let odd = board::Board { clock_hz: 36_000_001, ..board };
    assert_eq!(
        shell::verilog(&odd, &config, &kernel).unwrap_err(),
        "constraints/boards.yaml: board `icebreaker`: clock_hz is 36000001; the PLL of ice40up5k cannot make that of 12000000 Hz"
    );
    let known = "systole-hdl: no board `arty` in constraints/boards.yaml; there are icebreaker, up5k-b-evn, ulx3s-85f";
    refused(&["emit", "--board", "arty", "-o", path], known);
    refused(
        &["emit", "--board", "icebreaker", "--config", "edge8x8", "-o", path],
        "systole-hdl: no configuration `edge8x8` for board `icebreaker`; there are small4x4",
    );
    refused(
        &["emit", "--board", "icebreaker", "--baud", "5000000", "-o", path],
        "systole-hdl: constraints/boards.yaml: board `icebreaker`: baud is 5000000; it must be 11719 to 3000000",
    );
}
