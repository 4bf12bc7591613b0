//! Boards on serial lines for the whole command: the driver as this build has it, a container for what runs on the board, and
//! boards of our own or the Verilated shell at the other end.

use crate::command::{systole, top};
use isa::container::{self, KIND_MANIFEST};
use isa::manifest::{Kernel, Manifest, MemoryPort};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use systole_sim::pack::{hex, sha256};
use systole_sim::serial::identity::{named, Identity};

/// What a container of `small4x4` says that runs on a board which calls itself `identity`.
pub fn manifest(identity: &Identity) -> Manifest<serde_yaml::Value> {
    let config = named("small4x4").expect("small4x4 is a configuration");
    let energy = std::fs::read_to_string(top().join("constraints").join(format!("{}.yaml", config.part)));
    Manifest {
        board: "trial".into(),
        part: config.part.clone(),
        isa_version: identity.isa_version,
        clock_hz: identity.clock_hz,
        // The board knows the first bytes alone.
        rtl_digest: hex(&identity.digest) + &"0".repeat(56),
        kernels: vec![Kernel::infer()],
        memory: MemoryPort { read_latency_cycles: 1, bytes_per_cycle: config.bus_bytes() as u32 },
        energy: serde_yaml::from_str(&energy.expect("the part has coefficients")).expect("YAML"),
        config,
    }
}

/// Writes the container to a folder.
pub fn container(folder: &Path, manifest: &Manifest<serde_yaml::Value>) -> PathBuf {
    let yaml = serde_yaml::to_string(manifest).expect("a manifest is YAML");
    let path = folder.join("board.sbit");
    std::fs::write(&path, container::write(&[(KIND_MANIFEST, yaml.as_bytes())], sha256)).expect("it can be written");
    path
}

/// What a board of our own with `small4x4` says of itself.
pub fn identity() -> Identity {
    let config = named("small4x4").expect("small4x4 is a configuration");
    let digest = [0x5a, 0xa5, 0, 0xff];
    let (n, bus_bytes) = (config.n, config.bus_bytes());
    Identity { isa_version: isa::ISA_VERSION, n, bus_bytes, clock_hz: config.clock_hz, digest }
}

/// The command with the driver of this build, boards as `SYSTOLE_BOARDS` has them, and no simulated card.
pub fn systole_with_boards(folder: &Path, boards: &str) -> Command {
    // Cargo puts the driver beside the test programs.
    let program = std::env::current_exe().expect("this test has a path");
    let driver = program.with_file_name("libsystole_sim.so");
    assert!(driver.is_file(), "{} is not there", driver.display());
    let vendors = folder.join("vendors");
    std::fs::create_dir_all(&vendors).expect("a folder");
    std::fs::write(vendors.join("systole.icd"), format!("{}\n", driver.display())).expect("a file");
    let mut command = systole(folder);
    command.env("OCL_ICD_VENDORS", &vendors).env("SYSTOLE_CARD_DIR", folder.join("no-card"));
    command.env("SYSTOLE_BOARDS", boards);
    command
}

/// The Verilated shell of a board behind a pseudo-terminal; it ends with this.
pub struct Shell {
    child: Child,
}

impl Shell {
    /// Starts the shell that `scripts/shell` built, with its terminal at `link`. `None`, and a line that says so, where
    /// there is none.
    pub fn start(name: &str, link: &Path, options: &[&str], test: &str) -> Option<Self> {
        let program = top().join("target/shell").join(name).join("systole_shell");
        if !program.is_file() {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no {}; run scripts/shell", program.display());
            return None;
        }
        let mut command = Command::new(program);
        command.arg("--until-eof").arg("--link").arg(link).args(options);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the shell starts");
        // It says where its terminal is once that is there.
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.starts_with('/'), "{line:?}");
        Some(Self { child })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
