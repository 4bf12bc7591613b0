//! Takes the noise out of one module: wires that only rename, unused parameters, parentheses and sizes that say nothing.

use super::print::LINE;
use super::Module;
use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) fn tidy(module: &mut Module) {
    let constants: BTreeMap<String, usize> =
        module.params.iter().filter_map(|p| Some((p.name.clone(), number(&p.value)?))).collect();
    if module.custom {
        fit_initial_value(module);
    } else {
        drop_overwritten(&mut module.code);
        connect_directly(module);
        let widths: BTreeMap<String, usize> =
            module.ports.iter().chain(&module.nets).map(|d| (d.name.clone(), d.bits)).collect();
        for line in &mut module.code {
            *line = expressions(line, &widths, &constants);
        }
        // Now slices have their short form.
        connect_directly(module);
        drop_empty_blocks(&mut module.code);
        join_short_branches(&mut module.code);
    }
    let code = module.code.join("\n");
    module.params.retain(|p| mentions(&code, &p.name) > 0);
}

/// Hand-written bodies, which most register modules have, in fewer lines.
pub(super) fn shorten(module: &mut Module) {
    if module.custom {
        module.code.retain(|line| !line.trim().is_empty());
        join_short_branches(&mut module.code);
    }
}

/// A pattern. All of them stand in this file and are compiled by its test, so none can fail.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|e| unreachable!("{e}"))
}

/// Characters of a name in rust-hdl's Verilog.
fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// How often `name` stands in `text` as a whole name.
fn mentions(text: &str, name: &str) -> usize {
    text.match_indices(name)
        .filter(|(at, _)| !text[..*at].ends_with(in_name) && !text[at + name.len()..].starts_with(in_name))
        .count()
}

/// `net = expression;` outside of any branch: indentation, net, expression.
fn plain_assignment(line: &str) -> Option<(&str, &str)> {
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^    ([\w$]+) = (.*);$"));
    PLAIN.captures(line).and_then(|c| Some((c.get(1)?.as_str(), c.get(2)?.as_str())))
}

/// A plain assignment whose value nothing reads before the next plain assignment to the same net. rust-hdl wants a
/// default for every register input (`d = q`), also where the next line replaces it.
fn drop_overwritten(code: &mut Vec<String>) {
    let overwritten = |at: usize| {
        let (net, _) = plain_assignment(&code[at])?;
        let next = code[at + 1..].iter().find(|l| mentions(l, net) > 0)?;
        let (again, value) = plain_assignment(next)?;
        Some(again == net && mentions(value, net) == 0)
    };
    let keep: Vec<bool> = (0..code.len()).map(|at| overwritten(at) != Some(true)).collect();
    let mut keep = keep.into_iter();
    code.retain(|_| keep.next().unwrap_or(true));
}

/// `child$port = wire;` or a constant slice of it, where that is the only mention of `child$port` and nothing assigns `wire`
/// further on in the process: the pin takes the wire. Besides reading better, a clock then passes no process, which event-driven simulators need.
fn connect_directly(module: &mut Module) {
    static WIRE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([\w$]+)(?:\[\d+(?::\d+)?\])?$"));
    let alias = |line: &str| {
        let (stub, source) = plain_assignment(line)?;
        let wire = WIRE.captures(source)?[1].to_string();
        Some((stub.to_string(), source.to_string(), wire))
    };
    let code = module.code.join("\n");
    let steady = |name: &str| {
        module.ports.iter().any(|p| p.name == name && p.kind == "input wire")
            || module.nets.iter().any(|n| n.name == name && n.kind == "wire")
    };
    let assigned_after = |at: usize, name: &str| {
        let assigns = |line: &String| line.split_once(" = ").is_some_and(|(target, _)| mentions(target, name) > 0);
        module.code[at + 1..].iter().any(assigns)
    };
    let mut direct: BTreeMap<String, String> = BTreeMap::new();
    for (at, (stub, source, wire)) in module.code.iter().enumerate().filter_map(|(at, l)| Some((at, alias(l)?))) {
        let is_net = |name: &str| module.nets.iter().any(|n| n.name == name);
        if is_net(&stub)
            && (steady(&wire) || is_net(&wire) && !assigned_after(at, &wire))
            && mentions(&code, &stub) == 1
        {
            direct.insert(stub, source);
        }
    }
    module.code.retain(|l| alias(l).is_none_or(|(stub, ..)| !direct.contains_key(&stub)));
    module.nets.retain(|n| !direct.contains_key(&n.name));
    for (_, net) in module.instances.iter_mut().flat_map(|i| &mut i.pins) {
        if let Some(source) = direct.get(net) {
            net.clone_from(source);
        }
    }
}

/// Sizes and parentheses: a literal's 32 bits came from the Rust literal's type, not from the design.
fn expressions(line: &str, widths: &BTreeMap<String, usize>, constants: &BTreeMap<String, usize>) -> String {
    static LITERAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:32|64)'h([0-9a-f]{1,7})\b"));
    static SLICE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[\(([0-9+*() -]+)\)\+:\((\d+)\)\]"));
    static RUNNING: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[\(([\w$]+)\)\+:\((\d+)\)\]"));
    static INDEX: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([0-9+*() -]+)\]"));
    static CAST: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\(\(([\w$]+)(?:\[(\d+)(?::(\d+))?\])?\) & (\d+)'h([0-9a-f]+)\)"));
    static UNSIGNED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\(\(\$unsigned\(([\w$]+)\)\) & (\d+)'h([0-9a-f]+)\)"));
    let line = LITERAL.replace_all(line, |c: &Captures| {
        // Seven hexadecimal digits always fit.
        u32::from_str_radix(&c[1], 16).unwrap_or_default().to_string()
    });
    let line = UNSIGNED.replace_all(&line, |c: &Captures| match (widths.get(&c[1]), c[2].parse::<usize>()) {
        // In braces a name has no sign.
        (Some(&has), Ok(bits)) if bits > has && c[3].len() == bits.div_ceil(4) => {
            format!("{{{}'h0, {}}}", bits - has, &c[1])
        }
        _ => c[0].into(),
    });
    let line = SLICE.replace_all(&line, |c: &Captures| match (constant(&c[1]), c[2].parse::<usize>()) {
        (Some(low), Ok(bits)) if bits > 1 => format!("[{}:{low}]", low + bits - 1),
        (Some(low), Ok(_)) => format!("[{low}]"),
        _ => c[0].into(),
    });
    let line = RUNNING.replace_all(&line, |c: &Captures| match (constants.get(&c[1]), c[2].parse::<usize>()) {
        (Some(low), Ok(bits)) if bits > 1 => format!("[{}:{low}]", low + bits - 1),
        _ => format!("[{} +: {}]", &c[1], &c[2]),
    });
    let line = INDEX.replace_all(&line, |c: &Captures| constant(&c[1]).map_or(c[0].into(), |i| format!("[{i}]")));
    let line = CAST.replace_all(&line, |c: &Captures| {
        let number = |i: usize| c.get(i).and_then(|m| m.as_str().parse::<usize>().ok());
        let (Some(bits), name) = (number(4), &c[1]) else { return c[0].into() };
        let declared = widths.get(name).copied();
        let (has, low, sliced) = match (number(2), number(3)) {
            (Some(high), Some(low)) => (high - low + 1, low, true),
            (Some(bit), None) => (1, bit, true),
            _ => (declared.unwrap_or(0), 0, false),
        };
        let full = c[5].len() == bits.div_ceil(4) && declared.is_some();
        let whole = if sliced { c[0][2..c[0].find(')').unwrap_or(2)].to_string() } else { name.to_string() };
        // A slice of one bit is already as narrow as can be; `a[0:0]` of a scalar is no Verilog.
        match bits {
            _ if !full => c[0].into(),
            _ if bits == has => whole,
            _ if bits > has => format!("{{{}'h0, {whole}}}", bits - has),
            1 => format!("{name}[{low}]"),
            _ => format!("{name}[{}:{low}]", low + bits - 1),
        }
    });
    signed_copy(&line, widths).unwrap_or_else(|| line.into_owned())
}

/// `y = $signed(x);` between different widths: the copies of the sign, or the part, that the assignment means.
fn signed_copy(line: &str, widths: &BTreeMap<String, usize>) -> Option<String> {
    static COPY: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^( *)([\w$]+) = \$signed\(([\w$]+)(?:\[(\d+):(\d+)\])?\);$"));
    let copy = COPY.captures(line)?;
    let number = |i: usize| copy.get(i).and_then(|m| m.as_str().parse::<usize>().ok());
    let (indent, target, source) = (&copy[1], &copy[2], &copy[3]);
    let (wide, declared) = (*widths.get(target)?, *widths.get(source)?);
    let (high, low) = (number(4).unwrap_or(declared.checked_sub(1)?), number(5).unwrap_or(0));
    let has = high - low + 1;
    let part = |high: usize| {
        if low == 0 && high + 1 == declared {
            source.to_string()
        } else {
            format!("{source}[{high}:{low}]")
        }
    };
    // A single bit has no index to take its sign by.
    if has < 2 || wide < 2 {
        return None;
    }
    Some(if wide > has {
        format!("{indent}{target} = {{{{{}{{{source}[{high}]}}}}, {}}};", wide - has, part(high))
    } else {
        format!("{indent}{target} = {};", part(low + wide - 1))
    })
}

/// The value of a sized literal such as `4'b101`.
fn number(literal: &str) -> Option<usize> {
    let (_, digits) = literal.split_once('\'')?;
    let radix = if digits.starts_with('b') { 2 } else { 16 };
    usize::from_str_radix(digits.get(1..)?, radix).ok()
}

/// A register that holds an enumeration starts with a literal of 64 bits, whatever its width.
fn fit_initial_value(module: &mut Module) {
    if let Some(q) = module.ports.iter().find(|p| p.name == "q" && p.bits < 64) {
        for line in &mut module.code {
            if line.trim_start().starts_with("q = 64'h") {
                *line = line.replacen("64'h", &format!("{}'h", q.bits), 1);
            }
        }
    }
}

/// The value of a constant expression of numbers, `+`, `-`, `*` and parentheses, as unrolled loops leave them.
fn constant(text: &str) -> Option<usize> {
    fn sum(rest: &mut &str) -> Option<i64> {
        let mut total = product(rest)?;
        loop {
            *rest = rest.trim_start();
            match rest.chars().next() {
                Some('+') => *rest = &rest[1..],
                Some('-') => {
                    *rest = &rest[1..];
                    total -= product(rest)?;
                    continue;
                }
                _ => return Some(total),
            }
            total += product(rest)?;
        }
    }
    fn product(rest: &mut &str) -> Option<i64> {
        let mut total = atom(rest)?;
        while let Some(after) = rest.trim_start().strip_prefix('*') {
            *rest = after;
            total *= atom(rest)?;
        }
        Some(total)
    }
    fn atom(rest: &mut &str) -> Option<i64> {
        *rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('(') {
            *rest = inner;
            let value = sum(rest)?;
            *rest = rest.trim_start().strip_prefix(')')?;
            return Some(value);
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let value = rest[..digits].parse().ok()?;
        *rest = &rest[digits..];
        Some(value)
    }
    let mut rest = text;
    let value = sum(&mut rest)?;
    usize::try_from(value).ok().filter(|_| rest.trim().is_empty())
}

/// `always @(*) begin` directly followed by its `end`.
fn drop_empty_blocks(code: &mut Vec<String>) {
    while let Some(at) = code.windows(2).position(|w| w[0] == "always @(*) begin" && w[1] == "end") {
        code.drain(at..at + 2);
    }
}

/// `if (a) begin`, one assignment, `end`: one line, where it fits; a process of one assignment likewise. Only blocks of one plain
/// assignment lose their `begin` and `end`, so no `else` can change its `if`.
fn join_short_branches(code: &mut Vec<String>) {
    let mut joined: Vec<String> = Vec::with_capacity(code.len());
    for line in code.drain(..) {
        joined.push(line);
        let n = joined.len();
        if n < 3 || joined[n - 1].trim() != "end" {
            continue;
        }
        let (head, body) = (joined[n - 3].trim_start(), joined[n - 2].trim());
        let branch = ["if (", "else ", "initial ", "always "].iter().any(|w| head.starts_with(w));
        let plain = body.ends_with(';') && !["if (", "else ", "case ", "//"].iter().any(|w| body.starts_with(w));
        if let Some(condition) = joined[n - 3].strip_suffix(" begin") {
            let whole = format!("{condition} {body}");
            if branch && plain && whole.len() + 4 <= LINE {
                joined.truncate(n - 3);
                joined.push(whole);
            }
        }
    }
    *code = joined;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_else_keeps_its_if() {
        let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
        let mut code = lines("if (a) begin\n  if (b) begin\n    x = 1;\n  end\nend\nelse begin\n  x = 2;\nend");
        join_short_branches(&mut code);
        assert_eq!(code, ["if (a) begin", "  if (b) x = 1;", "end", "else x = 2;"]);
        let mut code = lines("initial begin\n  q = 0;\nend\nalways @(posedge clock) begin\n  q <= d;\nend");
        join_short_branches(&mut code);
        assert_eq!(code, ["initial q = 0;", "always @(posedge clock) q <= d;"]);
    }

    #[test]
    fn noise_goes_and_meaning_stays() {
        let widths = BTreeMap::from([("a".to_string(), 8), ("b$q".to_string(), 24)]);
        let constants = BTreeMap::from([("at".to_string(), number("4'b110").unwrap())]);
        for (from, to) in [
            ("x = a + 32'h1;", "x = a + 1;"),
            ("x = a[(32'h8 * 3)+:(4)];", "x = a[27:24];"),
            ("x = a[((2 + 1) * 4 - 32'h1)+:(1)];", "x = a[11];"),
            ("x = a[32'h3];", "x = a[3];"),
            ("x = a[(i$q)+:(4)];", "x = a[i$q +: 4];"),
            ("x = b$q[(at)+:(4)];", "x = b$q[9:6];"),
            ("x = ((a) & 24'hffffff);", "x = {16'h0, a};"),
            ("x = ((b$q) & 8'hff);", "x = b$q[7:0];"),
            ("x = ((b$q) & 24'hffffff);", "x = b$q;"),
            ("x = ((b$q[(32'h4)+:(4)]) & 8'hff);", "x = {4'h0, b$q[7:4]};"),
            ("x = ((a + b) & 8'hff);", "x = ((a + b) & 8'hff);"),
            ("    b$q = $signed(a);", "    b$q = {{16{a[7]}}, a};"),
            ("    b$q = $signed(a[6:3]);", "    b$q = {{20{a[6]}}, a[6:3]};"),
            ("    a = $signed(b$q);", "    a = b$q[7:0];"),
            ("    a = $signed(b$q[19:8]);", "    a = b$q[15:8];"),
            ("    a = $signed(b$q[15:8]);", "    a = b$q[15:8];"),
            ("    x = $signed(a);", "    x = $signed(a);"),
            ("x = (($unsigned(a)) & 24'hffffff);", "x = {16'h0, a};"),
            ("x = (($unsigned(a)) & 40'hffffffffff);", "x = {32'h0, a};"),
            ("x = ((a) & 40'hffffffffff);", "x = {32'h0, a};"),
            ("x = a == 12'hfff;", "x = a == 12'hfff;"),
        ] {
            assert_eq!(expressions(from, &widths, &constants), to);
        }
    }
}
