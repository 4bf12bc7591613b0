//! The `systole` command: what a person types, checked once here; the work is in the library.
//!
//! Every command ends with 0 and its output on stdout, or with 2 and one line on stderr that says what is wrong, where,
//! and the remedy.

mod cmd;

use clap::error::ErrorKind;
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
    let cli = match cmd::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version, asked for or for want of a command, are more than a line.
        Err(e) if !e.use_stderr() || e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => e.exit(),
        Err(e) => return fail(&usage(&e)),
    };
    match cmd::run(&cli) {
        Ok(text) => print(&text),
        Err(e) => fail(&format!("{e:#}")),
    }
}

/// What is wrong with the command line: the parser's message without its usage, and where to read on.
fn usage(e: &clap::Error) -> String {
    let text = e.render().to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or(&text);
    let what = what.split("\n\nFor more").next().unwrap_or(what);
    format!("{}: see systole --help", what.trim_start_matches("error: ").replace("\n\n  tip:", ";"))
}

/// Says what is wrong in one line, whatever breaks the cause brings.
fn fail(what: &str) -> ExitCode {
    let line = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(std::io::stderr(), "systole: {line}");
    ExitCode::from(FAILED)
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
