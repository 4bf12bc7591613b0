//! Reads the Verilog that rust-hdl prints. Not a Verilog parser: it knows that one layout.

use super::{Decl, Instance, Module};

/// Which part of a module a line belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Ports,
    Params,
    Nets,
    Instances,
    Code,
}

/// The modules of rust-hdl's making, and the text of all others (black boxes and the like), each once.
pub(super) fn parse(verilog: &str) -> Result<(Vec<Module>, Vec<String>), String> {
    let lines: Vec<&str> = verilog.lines().collect();
    let (mut modules, mut foreign): (Vec<Module>, Vec<String>) = (vec![], vec![]);
    let mut at = 0;
    while at < lines.len() {
        if !lines[at].trim_start().starts_with("module ") {
            at += 1;
            continue;
        }
        let length = lines[at..].iter().position(|l| l.trim_start().starts_with("endmodule"));
        let end = at + length.ok_or_else(|| format!("line {} of rust-hdl's Verilog: no endmodule follows", at + 1))?;
        match lines[end].trim().strip_prefix("endmodule // ") {
            Some(name) => modules.push(module(name, &lines[at + 1..end])?),
            None => {
                let text = lines[at..=end].join("\n") + "\n";
                if !foreign.contains(&text) {
                    foreign.push(text);
                }
            }
        }
        at = end + 1;
    }
    Ok((modules, foreign))
}

fn module(name: &str, lines: &[&str]) -> Result<Module, String> {
    let mut module = Module { name: name.into(), ..Module::default() };
    let mut section = Section::Ports;
    let mut open: Option<Instance> = None;
    for raw in lines {
        let line = raw.trim();
        if section != Section::Code {
            section = match line {
                "// Module arguments" => Section::Ports,
                "// Constant declarations" | "// Enums" => Section::Params,
                "// Stub signals" | "// Local signals" => Section::Nets,
                "// Sub module instances" => Section::Instances,
                _ if line.starts_with("// Update code") => {
                    module.custom = line != "// Update code";
                    Section::Code
                }
                _ if line.starts_with("always @(*)") || line.starts_with("assign ") => {
                    module.code.push(raw.strip_prefix("    ").unwrap_or(raw).into());
                    Section::Code
                }
                _ => section,
            };
            if line.is_empty() || line.starts_with("//") || section == Section::Code {
                continue;
            }
        }
        let wrong = || format!("module {name}: rust-hdl's line `{line}` was not understood");
        match section {
            Section::Ports => module.ports.push(declaration(line).ok_or_else(wrong)?),
            Section::Params => module.params.push(declaration(line).ok_or_else(wrong)?),
            Section::Nets => module.nets.push(declaration(line).ok_or_else(wrong)?),
            Section::Instances => match open.as_mut() {
                None => {
                    let (kind, rest) = line.split_once(' ').ok_or_else(wrong)?;
                    let label = rest.strip_suffix('(').ok_or_else(wrong)?;
                    open = Some(Instance { module: kind.into(), name: label.trim().into(), pins: vec![] });
                }
                Some(_) if line == ");" => module.instances.extend(open.take()),
                Some(instance) => {
                    let pin = line.trim_end_matches(',').strip_prefix('.').and_then(|p| p.strip_suffix(')'));
                    let (port, net) = pin.and_then(|p| p.split_once('(')).ok_or_else(wrong)?;
                    instance.pins.push((port.into(), net.into()));
                }
            },
            Section::Code => module.code.push(raw.strip_prefix("    ").unwrap_or(raw).trim_end().into()),
        }
    }
    while module.code.last().is_some_and(|l| l.trim().is_empty()) {
        module.code.pop();
    }
    Ok(module)
}

/// Such as `output reg signed [7:0] sum;` or `localparam  WIDTH = 8'h20;`.
fn declaration(line: &str) -> Option<Decl> {
    let (head, value) = line.strip_suffix(';')?.split_once('=').unwrap_or((line.strip_suffix(';')?, ""));
    let mut words: Vec<&str> = head.split_whitespace().collect();
    let name = words.pop()?.to_string();
    let mut decl = Decl { kind: String::new(), name, signed: false, bits: 1, value: value.trim().into() };
    let mut kind = vec![];
    for word in words {
        if let Some(range) = word.strip_prefix('[') {
            decl.bits = range.strip_suffix(":0]")?.parse::<usize>().ok()? + 1;
        } else if word == "signed" {
            decl.signed = true;
        } else {
            kind.push(word);
        }
    }
    decl.kind = kind.join(" ");
    Some(decl)
}
