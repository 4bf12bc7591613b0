//! Short names for merged modules: what they are, not where their first instance lies.

use super::Module;
use std::collections::{BTreeMap, BTreeSet};

/// The name of each kept module, by its path.
pub(super) fn names(kept: &[Module], prefix: &str, top_name: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::from([top_name.to_string()]);
    let short = |m: &Module| register(m).unwrap_or_else(|| label(&m.name, 1));
    for module in kept {
        if module.name == "top" {
            names.insert(module.name.clone(), top_name.to_string());
            continue;
        }
        // Two modules of one short name get the name of what holds them in front; numbers only if that is not enough.
        let alone = kept.iter().filter(|m| short(m) == short(module)).count() == 1;
        let stem = if alone { short(module) } else { label(&module.name, 2) };
        let stem = format!("{prefix}{stem}");
        let mut name = stem.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        names.insert(module.name.clone(), name);
    }
    names
}

/// `dff_8` for a register of 8 bits that starts at zero.
fn register(module: &Module) -> Option<String> {
    let q = module.ports.iter().find(|p| p.name == "q")?;
    let code: Vec<&str> = module.code.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
    let zero = format!("q = {}'h0;", q.bits);
    let body = ["initial begin", zero.as_str(), "end", "always @(posedge clock) begin", "q <= d;", "end"];
    (module.ports.len() == 3 && code == body)
        .then(|| format!("dff_{}{}", q.bits, if q.signed { "_signed" } else { "" }))
}

/// The last `parts` names of a path, without the indices of arrays and without the top.
fn label(path: &str, parts: usize) -> String {
    let mut words: Vec<&str> =
        path.split('$').skip(1).filter(|w| !w.is_empty() && !w.chars().all(|c| c.is_ascii_digit())).collect();
    words.drain(..words.len().saturating_sub(parts));
    words.join("_")
}
