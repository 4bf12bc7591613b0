//! `systole-hdl emit`: what it writes, and how it refuses.

use std::path::Path;
use std::process::{Command, Output};
use systole_hdl::{configs, emit};

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

type Emit = fn(&systole_isa::config::Config) -> anyhow::Result<String>;

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
                assert!(text.lines().count() < 4300, "{} lines", text.lines().count());
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
    assert_eq!(serde_yaml::from_str::<systole_isa::config::Config>(&yaml).unwrap(), config);
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
