//! Runs the `systole` command as a person does.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The checkout.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the checkout").to_path_buf()
}

/// A file of the demo network, such as `digits.onnx`.
pub fn model(name: &str) -> PathBuf {
    top().join("models").join(name)
}

/// The built command. Cargo gives a test only the commands of its own package, so this one is built here; where the
/// workspace has been built already that takes a moment.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let build =
            escargot::CargoBuild::new().manifest_path(top().join("Cargo.toml")).package("systole").bin("systole");
        let build = if cfg!(debug_assertions) { build } else { build.release() };
        build.run().expect("the command builds").path().to_path_buf()
    })
}

/// The command, in a folder of its own, with nothing of the caller's that could lead it to a card.
pub fn systole(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder);
    for variable in ["OCL_ICD_VENDORS", "SYSTOLE_CARD_DIR", "OPENCL_DYLIB_PATH", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

/// The command where there is no driver and no card.
pub fn systole_without_card(folder: &Path) -> Command {
    let mut command = systole(folder);
    command.env("SYSTOLE_CARD_DIR", folder.join("no-card")).env("OCL_ICD_VENDORS", folder.join("no-vendors"));
    command
}

/// Runs a command that must fail as bad input fails: exit status 2, one line on stderr that begins with `systole: `,
/// nothing on stdout, no file more or less in `folder`. Returns the line.
pub fn refused(command: &mut Command, folder: &Path) -> String {
    let before = files(folder);
    let output = command.output().expect("the command starts");
    let error = String::from_utf8(output.stderr).expect("UTF-8 on stderr");
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.starts_with("systole: ") && error.ends_with('\n') && error.lines().count() == 1, "{error:?}");
    assert!(!error.contains("panicked") && !error.contains("internal error"), "{error}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{error}");
    assert_eq!(files(folder), before, "a file was left behind: {error}");
    error.trim_end().to_string()
}

/// Runs a command that must succeed, with nothing on stderr. Returns its stdout.
pub fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    assert!(status.success() && stderr.is_empty(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8 on stdout")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The folder that `scripts/card` wrote, if it has a card of this configuration. Else says on the terminal itself,
/// past the capture of the test runner, that `test` was skipped.
pub fn card(config: &str, test: &str) -> Option<PathBuf> {
    let beside = program().ancestors().nth(2).map(|d| d.join("card"));
    let named = std::env::var_os("SYSTOLE_CARD_DIR").map(PathBuf::from);
    let places = [named, Some(top().join("target/card")), beside];
    let found = places.into_iter().flatten().find(|d| d.join(config).join("card.sbit").is_file());
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no card {config}; run scripts/card --config {config}");
    }
    found
}

/// The command with this card folder.
pub fn systole_with_card(folder: &Path, card: &Path) -> Command {
    let mut command = systole(folder);
    command.env("SYSTOLE_CARD_DIR", card);
    command
}

/// Writes an array to a `.npy`.
pub fn save<T: npyz::AutoSerialize>(path: &Path, shape: &[u64], values: impl IntoIterator<Item = T>) {
    use npyz::WriterBuilder;
    let file = std::fs::File::create(path).expect("the array can be written");
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().expect("a header");
    writer.extend(values).expect("values");
    writer.finish().expect("as many values as the shape says");
}

/// Reads an array from a `.npy`: shape and values.
pub fn load<T: npyz::Deserialize>(path: &Path) -> (Vec<u64>, Vec<T>) {
    let bytes = std::fs::read(path).expect("the array can be read");
    let file = npyz::NpyFile::new(&bytes[..]).expect("a .npy");
    (file.shape().to_vec(), file.into_vec().expect("elements of this type"))
}
