//! The `systole` command: what a person types, checked once here; the work is in the library.
//!
//! Every command ends with 0 and its output on stdout, or with 2 and one line on stderr that says what is wrong, where,
//! and the remedy.

mod cmd;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// Exit status of a command that could not do what it was asked.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    // First of all: the environment may only be changed while there is one thread.
    systole::runtime::find_driver();
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string().replace('\n', " ");
        let _ = writeln!(std::io::stderr(), "systole: internal error: {text}: report it with the command you gave");
    }));
    match cmd::run(&cmd::Cli::parse()) {
        Ok(text) => print(&text),
        Err(e) => {
            // A cause may bring its own line breaks; the user gets one line.
            let line = format!("{e:#}").split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(std::io::stderr(), "systole: {line}");
            ExitCode::from(FAILED)
        }
    }
}

/// Prints a command's output. A reader that has gone (`| head`) is no error; a full disk is.
fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "systole: writing to standard output: {e}: is the disk full?");
            ExitCode::from(FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}
