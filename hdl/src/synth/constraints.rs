//! Constraint files: which port is at which pin. Names are held against the shell's ports here, locations against the package
//! by nextpnr on a module that has the ports and nothing in it, before anything long runs.

use super::part::{Family, Part};
use super::progress::Progress;
use super::tools::Tool;
use super::verilog::Port;
use anyhow::{bail, Context, Result};
use regex::Regex;
use serde_json::{json, Map, Value};
use std::path::Path;

/// A port bit at a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Name of the port bit.
    pub name: String,
    /// The pin, as the package names it.
    pub location: String,
    /// Line of the file.
    pub line: usize,
}

/// The pins of a constraint file: `set_io` of PCF, `LOCATE COMP` of LPF.
pub fn pins(text: &str, family: Family) -> Result<Vec<Pin>> {
    let form = Regex::new(match family {
        Family::Ice40 => r"^\s*set_io\s+(?:-\S+(?:\s+(?:yes|no))?\s+)*(\S+)\s+(\S+)",
        _ => r#"(?i)^\s*LOCATE\s+COMP\s+"([^"]+)"\s+SITE\s+"([^"]+)""#,
    })?;
    let pin = |(i, line): (usize, &str)| {
        let line = line.split('#').next().unwrap_or_default();
        form.captures(line).map(|c| Pin { name: c[1].to_owned(), location: c[2].to_owned(), line: i + 1 })
    };
    Ok(text.lines().enumerate().filter_map(pin).collect())
}

/// Whether the names are the ports of `module`, each once and each at a pin of its own. `file` is for the message.
pub fn check_names(file: &str, pins: &[Pin], module: &str, ports: &[Port]) -> Result<()> {
    let names: Vec<String> = ports.iter().flat_map(Port::names).collect();
    for (i, pin) in pins.iter().enumerate() {
        if !names.contains(&pin.name) {
            bail!("{file} line {}: {module} has no port `{}`; it has {}", pin.line, pin.name, names.join(", "));
        }
        if let Some(other) = pins[..i].iter().find(|p| p.name == pin.name || p.location == pin.location) {
            let what =
                if other.name == pin.name { format!("port `{}`", pin.name) } else { format!("pin {}", pin.location) };
            bail!(
                "{file} line {}: {what} stands in line {} too; give each port a pin of its own",
                pin.line,
                other.line
            );
        }
    }
    if let Some(name) = names.iter().find(|name| pins.iter().all(|pin| pin.name != **name)) {
        bail!("{file}: there is no pin for port `{name}` of {module}");
    }
    Ok(())
}

/// Whether the package has these pins: nextpnr is asked, with a module that has nothing but ports.
pub fn check_locations(
    file: &str,
    pins: &[Pin],
    ports: &[Port],
    part: &Part,
    placer: &Tool,
    folder: &Path,
    progress: &Progress,
) -> Result<()> {
    let constraints = format!("constraints.{}", part.family.constraints());
    std::fs::write(folder.join("pins.json"), empty(ports).to_string()).context("cannot write pins.json")?;
    let option = format!("--{}", part.family.constraints());
    let mut arguments = part.flags.to_vec();
    arguments.extend(["--json", "pins.json", &option, &constraints, "--pack-only"]);
    let (well, said) = placer.try_run(&arguments, folder, "pins.log", "pins", progress)?;
    if well {
        return Ok(());
    }
    let form = Regex::new(r"(?:pin named|to pin) '([^']+)'")?;
    let location = form.captures(&said).map(|c| c[1].to_owned());
    if let Some(pin) = pins.iter().find(|pin| Some(&pin.location) == location.as_ref()) {
        bail!("{file} line {}: {} has no pin {} that `{}` could be at", pin.line, part.device, pin.location, pin.name);
    }
    let line = said.lines().find(|line| line.contains("ERROR")).unwrap_or("it does not say why").trim();
    bail!("{file}: {} refuses it: {line}", placer.program)
}

/// A netlist as yosys writes it, of a module with these ports and no cells.
fn empty(ports: &[Port]) -> Value {
    let (mut all, mut nets, mut next) = (Map::new(), Map::new(), 2);
    for port in ports {
        let bits: Vec<usize> = (next..next + port.bits).collect();
        next += port.bits;
        all.insert(port.name.clone(), json!({"direction": port.direction, "bits": bits}));
        nets.insert(port.name.clone(), json!({"hide_name": 0, "bits": bits, "attributes": {}}));
    }
    let module = json!({"attributes": {"top": format!("{:032b}", 1)}, "ports": all, "cells": {}, "netnames": nets});
    json!({"creator": "systole-hdl", "modules": {"pins": module}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, bits: usize, vector: bool) -> Port {
        Port { direction: "output".into(), bits, vector, name: name.into() }
    }

    fn pcf(text: &str) -> Vec<Pin> {
        pins(text, Family::Ice40).unwrap()
    }

    #[test]
    fn both_forms_are_read() {
        let found = pcf("# set_io a 1\nset_io -nowarn clk 35 # 12 MHz\nset_io -pullup yes rx 6\nset_io led[0] 39\n");
        let brief: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.location.as_str(), p.line)).collect();
        assert_eq!(brief, [("clk", "35", 2), ("rx", "6", 3), ("led[0]", "39", 4)]);
        let text = "LOCATE COMP \"clk\" SITE \"G2\";\nIOBUF PORT \"clk\" IO_TYPE=LVCMOS33;\n";
        let found = pins(text, Family::Ecp5).unwrap();
        assert_eq!(found, [Pin { name: "clk".into(), location: "G2".into(), line: 1 }]);
    }

    #[test]
    fn a_name_that_is_no_port_a_pin_twice_and_a_port_without_pin_are_named() {
        let ports = [port("clk", 1, false), port("led", 2, true)];
        let say = |text: &str| check_names("a.pcf", &pcf(text), "shell", &ports).unwrap_err().to_string();
        let good = "set_io clk 35\nset_io led[0] 1\nset_io led[1] 2\n";
        check_names("a.pcf", &pcf(good), "shell", &ports).unwrap();
        assert_eq!(
            say(&good.replace("clk", "clock")),
            "a.pcf line 1: shell has no port `clock`; it has clk, led[0], led[1]"
        );
        assert!(say(&good.replace("led[1] 2", "led[1] 1")).contains("line 3: pin 1 stands in line 2 too"));
        assert!(say(&good.replace("led[1]", "led[0]")).contains("line 3: port `led[0]` stands in line 2 too"));
        assert_eq!(say("set_io clk 35\nset_io led[0] 1\n"), "a.pcf: there is no pin for port `led[1]` of shell");
    }
}
