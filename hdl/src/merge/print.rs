//! Prints a module: one line a declaration, ports declared in the port list, an instance on as few lines as fit.

use super::{Decl, Module};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Columns of a line.
pub(super) const LINE: usize = 110;

/// The Verilog of a module. `names` holds the new name of every merged module; any other is foreign and stays.
pub(super) fn module(module: &Module, names: &BTreeMap<String, String>) -> String {
    let renamed = plain_names(module);
    let plain = |name: &str| renamed.get(name).cloned().unwrap_or_else(|| name.to_string());
    let mut out = String::new();
    let own = names.get(&module.name).unwrap_or(&module.name);
    let ports = ports(module, &plain);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "module {own} (\n{}\n);", ports.join(",\n"));
    for decl in &module.params {
        let _ = writeln!(out, "    localparam {} = {};", plain(&decl.name), decl.value);
    }
    out += &nets(&module.nets, &plain);
    for instance in &module.instances {
        let kind = names.get(&instance.module).unwrap_or(&instance.module);
        let mut line = format!("    {kind} {} (", plain(&instance.name));
        for (i, (port, net)) in instance.pins.iter().enumerate() {
            let last = i + 1 == instance.pins.len();
            let pin = format!(".{}({}){}", plain_port(port), rename(net, &plain), if last { ");" } else { ", " });
            if line.len() + pin.len() > LINE {
                let _ = writeln!(out, "{}", line.trim_end());
                line = " ".repeat(8);
            }
            line += &pin;
        }
        let _ = writeln!(out, "{line}");
    }
    for line in &module.code {
        let _ = writeln!(out, "{}", format!("    {}", rename(line, &plain)).trim_end());
    }
    out + "endmodule\n"
}

fn declare(decl: &Decl, plain: &dyn Fn(&str) -> String) -> String {
    format!("{} {}", shape(decl), plain(&decl.name))
}

/// Port declarations, a line each; in modules below the top, neighbours of one shape share a line where it fits.
fn ports(module: &Module, plain: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    let mut before = None;
    for port in &module.ports {
        match lines.last_mut() {
            Some(line)
                if module.name != "top" && before == Some(shape(port)) && line.len() + port.name.len() + 3 < LINE =>
            {
                *line += &format!(", {}", plain(&port.name));
            }
            _ => lines.push(format!("    {}", declare(port, plain))),
        }
        before = Some(shape(port));
    }
    lines
}

/// Kind, sign and width.
fn shape(decl: &Decl) -> String {
    let signed = if decl.signed { " signed" } else { "" };
    let range = if decl.bits > 1 { format!(" [{}:0]", decl.bits - 1) } else { String::new() };
    format!("{}{signed}{range}", decl.kind)
}

/// Declarations of nets: those of one shape together, where the first of them stood.
fn nets(nets: &[Decl], plain: &dyn Fn(&str) -> String) -> String {
    let mut shapes: Vec<String> = vec![];
    for net in nets {
        if !shapes.contains(&shape(net)) {
            shapes.push(shape(net));
        }
    }
    let mut out = String::new();
    for wanted in shapes {
        let mut line = format!("    {wanted} ");
        let mut names = nets.iter().filter(|n| shape(n) == wanted).map(|n| plain(&n.name)).peekable();
        while let Some(name) = names.next() {
            let name = name + if names.peek().is_some() { ", " } else { ";" };
            if line.len() + name.len() > LINE {
                out += &(line.trim_end().to_string() + "\n");
                line = " ".repeat(8);
            }
            line += &name;
        }
        out += &(line + "\n");
    }
    out
}

/// A port's new name follows from its old one alone, because instances elsewhere must know it.
pub(super) fn plain_port(name: &str) -> String {
    name.replace('$', "_")
}

/// `_` for `$` in every name of the module, with a number where two names would become one.
pub(super) fn plain_names(module: &Module) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for port in &module.ports {
        taken.insert(plain_port(&port.name));
        renamed.insert(port.name.clone(), plain_port(&port.name));
    }
    let nets = module.params.iter().chain(&module.nets).map(|d| &d.name);
    for name in nets.chain(module.instances.iter().map(|i| &i.name)) {
        let stem = name.replace('$', "_");
        let mut plain = stem.clone();
        let mut number = 2;
        while !taken.insert(plain.clone()) {
            plain = format!("{stem}_{number}");
            number += 1;
        }
        renamed.insert(name.clone(), plain);
    }
    renamed
}

/// Renames every name in a line of code. A `$` that begins a word belongs to a system function.
fn rename(line: &str, plain: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$') {
        out += &rest[..start];
        let word = &rest[start..];
        let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$')).unwrap_or(word.len());
        out += &plain(&word[..end]);
        rest = &word[end..];
    }
    out + rest
}
