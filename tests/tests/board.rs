//! The whole command on a board on a serial line: exact over a good line and over a bad one, and one line of error where there
//! is no line.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use systole_sim::serial::board::Board;
use systole_sim::serial::fake::{Fake, Options};
use systole_sim::serial::noise::Faults;
use systole_sim::serial::place::Place;
use systole_tests::board::{container, identity, manifest, systole_with_boards, Shell};
use systole_tests::command::{model, refused, succeeds};

/// A board of our own, its line and its container in a folder.
fn plug(folder: &Path, faults: Faults, unplug_after: Option<u64>) -> (Fake, PathBuf) {
    let manifest = manifest(&identity());
    let link = Some(folder.join("tty"));
    let options =
        Options { identity: identity(), config: manifest.config.clone(), faults, baud: None, unplug_after, link };
    (Fake::plug(options).unwrap(), container(folder, &manifest))
}

fn boards(folder: &Path) -> String {
    format!("{}:1000000:small4x4", folder.join("tty").display())
}

fn run(folder: &Path, container: &Path, batch: u32) -> std::process::Command {
    run_at(folder, container, batch, folder)
}

/// As `run`, with the line in another folder.
fn run_at(folder: &Path, container: &Path, batch: u32, line: &Path) -> std::process::Command {
    let mut command = systole_with_boards(folder, &boards(line));
    command.arg("run").arg(model("digits.onnx")).arg("--container").arg(container).arg("--input");
    command.arg(model("digits_test_x.npy")).args(["--batch", &batch.to_string(), "--check", "--json"]);
    command
}

fn check(folder: &Path, container: &Path, batch: u32) -> Value {
    check_at(folder, container, batch, folder)
}

fn check_at(folder: &Path, container: &Path, batch: u32, line: &Path) -> Value {
    let text = succeeds(&mut run_at(folder, container, batch, line));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["check"]["values"], 10 * batch);
    assert_eq!(report["device"], format!("Systole small4x4 on {}, 1000000 baud", line.join("tty").display()));
    report
}

#[test]
fn the_digits_are_exact_on_a_board_over_a_good_line_and_a_bad_one() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, container) = plug(folder.path(), Faults::default(), None);
    let good = check(folder.path(), &container, 3);
    drop(fake);
    let faults = Faults { flip: 1e-4, drop: 5e-5, truncate: 0.002, duplicate: 0.02, silence: 0.002, seed: 11 };
    let (_fake, _) = plug(folder.path(), faults, None);
    let mut command = run(folder.path(), &container, 3);
    let output = command.env("SYSTOLE_VERBOSE", "1").output().unwrap();
    let bad: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The model's times know no line, so both runs count the same cycles.
    assert_eq!((&bad["check"], &bad["cycles"], &bad["layers"]), (&good["check"], &good["cycles"], &good["layers"]));
    let said = String::from_utf8(output.stderr).unwrap();
    let told = said.lines().find(|l| l.contains("cycles by the kernel's counter")).unwrap_or_else(|| panic!("{said}"));
    assert!(told.contains("s by the host's clock") && !told.contains(" 0 sent again"), "{told}");
}

#[test]
fn a_board_is_listed_with_its_line_and_one_that_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, _) = plug(folder.path(), Faults::default(), None);
    let list = |boards: &str| {
        let text = succeeds(systole_with_boards(folder.path(), boards).args(["devices", "--json"]));
        serde_json::from_str::<Value>(&text).unwrap()["devices"].as_array().unwrap().clone()
    };
    let line = folder.path().join("tty").display().to_string();
    let devices = list(&format!("{line}:1000000"));
    assert_eq!(devices.len(), 1);
    let ours = &devices[0];
    assert_eq!(
        (&ours["config"], &ours["clock_hz"], &ours["available"]),
        (&"small4x4".into(), &12_000_000.into(), &true.into())
    );
    assert!(ours["device"].as_str().unwrap().contains(&line), "{ours}");
    drop(fake);
    assert_eq!(list(&boards(folder.path()))[0]["available"], false);
    let text = succeeds(systole_with_boards(folder.path(), &boards(folder.path())).arg("devices"));
    assert!(text.contains("no answer"), "{text}");
    // Not known to be anything: left out, with a line that says why.
    let output = systole_with_boards(folder.path(), &format!("{line}:1000000")).arg("devices").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(error.contains(&format!("Systole driver: board {line} left out: the line is gone")), "{error}");
    let output = systole_with_boards(folder.path(), "/dev/ttyUSB1").arg("devices").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("SYSTOLE_BOARDS has `/dev/ttyUSB1`; it must be LINE:BAUD or"), "{error}");
}

#[test]
fn an_unplugged_line_is_one_line_of_error_wherever_it_happens() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, file) = plug(folder.path(), Faults::default(), None);
    let one = |fake: Fake| {
        let error = refused(&mut run(folder.path(), &file, 1), folder.path());
        drop(fake);
        error
    };
    // Looking for boards takes one request; opening, the container and the run take the others.
    let silent = plug(folder.path(), Faults { silence: 1.0, ..Faults::default() }, None).0;
    let began = Instant::now();
    let error = one(silent);
    assert!(error.contains("opening it: the board's serial line is gone or brings no answer; check"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop(fake);
    for (after, at) in [(0, "opening it"), (2, "opening it"), (4, "running the kernel"), (100, "running the kernel")] {
        let error = one(plug(folder.path(), Faults::default(), Some(after)).0);
        assert!(
            error.contains(&format!("{at}: the board's serial line is gone or brings no answer;")),
            "{after}: {error}"
        );
    }
    // Nothing there at all; then plugged in again.
    let error = refused(&mut run(folder.path(), &file, 1), folder.path());
    assert!(error.contains("opening it: the board's serial line is gone"), "{error}");
    let (_fake, file) = plug(folder.path(), Faults::default(), None);
    check(folder.path(), &file, 1);
}

#[test]
fn a_container_of_what_does_not_run_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_fake, _) = plug(folder.path(), Faults::default(), None);
    let mut other = identity();
    other.digest[0] ^= 1;
    let file = container(folder.path(), &manifest(&other));
    let error = refused(&mut run(folder.path(), &file, 1), folder.path());
    assert!(
        error.contains("refuses container") && error.contains("another bitstream than the container's; program it"),
        "{error}"
    );
}

/// The RTL of the board's shell, its UART pins bit-banged behind the pseudo-terminal.
#[test]
fn the_digits_are_exact_on_the_verilated_shell() {
    let folder = tempfile::tempdir().unwrap();
    // The shell takes its link away when it ends, and a command that is refused must leave its folder as it was.
    let outside = tempfile::tempdir().unwrap();
    let line = outside.path().join("tty");
    let start = |options: &[&str]| Shell::start("icebreaker-small4x4", &line, options, "the Verilated shell");
    let Some(shell) = start(&[]) else { return };
    // What it says of itself is what its container says.
    let place = Place { line: line.clone(), baud: 1_000_000, config: None };
    let identity = Board::new(place).probe().expect("the shell answers");
    let file = container(folder.path(), &manifest(&identity));
    check_at(folder.path(), &file, 2, outside.path());
    drop(shell);
    // With one bit in 30,000 wrong, a frame in fifty is damaged.
    let Some(shell) = start(&["--flip", "0.00003", "--seed", "3"]) else { return };
    let output = run_at(folder.path(), &file, 1, outside.path()).env("SYSTOLE_VERBOSE", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(report["check"]["values"], 10);
    assert!(said.contains("cycles by the kernel's counter") && !said.contains(" 0 sent again"), "{said}");
    drop(shell);
    // Unplugged after so many bytes: amid the weights.
    let Some(_shell) = start(&["--unplug-after", "10000"]) else { return };
    let error = refused(&mut run_at(folder.path(), &file, 1, outside.path()), folder.path());
    assert!(error.contains("running the kernel: the board's serial line is gone"), "{error}");
}
