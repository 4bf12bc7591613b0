//! From rust-hdl's Verilog to Verilog that a person can read.
//!
//! rust-hdl prints one module for each instance, with the path of the instance as its name. Here modules with equal
//! bodies become one, from the leaves up, under a short name; wires that only rename another wire go; a declaration, a
//! port list and an instance take one line each; `$` in names becomes `_`. What a module computes does not change, and
//! [`cosim`](mod@crate::cosim) runs on the result, not on rust-hdl's text.

mod keywords;
mod naming;
mod parse;
mod print;
mod tidy;

use std::collections::BTreeMap;

/// A module as rust-hdl printed it, in parts.
#[derive(Clone, Debug, Default)]
struct Module {
    /// Path of the instance, joined by `$`.
    name: String,
    ports: Vec<Decl>,
    params: Vec<Decl>,
    nets: Vec<Decl>,
    instances: Vec<Instance>,
    /// Lines of behaviour, indented relative to the module.
    code: Vec<String>,
    /// The code was written by hand: its expressions are left alone.
    custom: bool,
}

/// A declaration. `kind` is such as `input wire`, `reg`, `localparam`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decl {
    kind: String,
    name: String,
    signed: bool,
    bits: usize,
    /// Value of a parameter.
    value: String,
}

#[derive(Clone, Debug)]
struct Instance {
    module: String,
    name: String,
    /// Port of the module, net outside.
    pins: Vec<(String, String)>,
}

/// Rewrites rust-hdl's `verilog`, whose top module is `top`; the top module will be called `top_name`, and every other
/// name begins with `prefix`. The error says what was not understood, or which name is a keyword of SystemVerilog.
pub fn merge(verilog: &str, prefix: &str, top_name: &str) -> Result<String, String> {
    let (modules, foreign) = parse::parse(verilog)?;
    let mut by_path: BTreeMap<String, Module> = BTreeMap::new();
    for mut module in modules {
        tidy::tidy(&mut module);
        by_path.insert(module.name.clone(), module);
    }
    let mut merged = Merged::default();
    merged.add("top", &by_path)?;
    let names = naming::names(&merged.kept, prefix, top_name);
    keywords::check(&merged.kept, &names)?;
    merged.kept.iter_mut().for_each(tidy::shorten);
    // The top first: who reads from the start sees the whole before the parts.
    let mut out = merged.kept.iter().rev().map(|m| print::module(m, &names) + "\n").collect::<String>();
    for text in foreign {
        out += &text;
        out.push('\n');
    }
    Ok(out)
}

/// Modules kept so far, children before parents, and which of them stands for each path.
#[derive(Default)]
struct Merged {
    kept: Vec<Module>,
    by_body: BTreeMap<String, usize>,
    stands_for: BTreeMap<String, String>,
}

impl Merged {
    fn add(&mut self, path: &str, all: &BTreeMap<String, Module>) -> Result<(), String> {
        // A module that is not there is foreign (a black box or a vendor's): it keeps its name.
        let Some(module) = all.get(path) else { return Ok(()) };
        let mut module = module.clone();
        for instance in &mut module.instances {
            if !self.stands_for.contains_key(&instance.module) {
                self.add(&instance.module.clone(), all)?;
            }
            if let Some(kept) = self.stands_for.get(&instance.module) {
                instance.module.clone_from(kept);
            }
        }
        let body =
            format!("{:?}{:?}{:?}{:?}{:?}", module.ports, module.params, module.nets, module.instances, module.code);
        let index = *self.by_body.entry(body).or_insert_with(|| {
            self.kept.push(module);
            self.kept.len() - 1
        });
        let stands = self.kept[index].name.clone();
        self.stands_for.insert(path.into(), stands);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
