//! `bitstreams/<board>-<config>/`: what a build leaves, and whether what is there is that of today's source.

use super::flow::Placed;
use super::report::{Timing, Utilisation};
use super::tools::Tool;
use anyhow::{bail, Context, Result};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use systole_hdl::board::Board;
use systole_isa::bridge;
use systole_isa::config::Config;
use systole_isa::container::{self, Container, KIND_BITSTREAM_ZLIB, KIND_MANIFEST};
use systole_isa::manifest::{coefficients, Kernel, Manifest, MemoryPort, KERNEL_INFER};
use systole_isa::ISA_VERSION;

/// Names and texts of source files.
pub type Files = BTreeMap<String, String>;

/// `build.json`: from what and by what the bitstream was made, and what it must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// The command that makes it again.
    pub command: String,
    /// The programs, in the order in which they ran.
    pub tools: Vec<Tool>,
    /// SHA-256 of every source file: emitted Verilog, constraints, energy coefficients.
    pub inputs: BTreeMap<String, String>,
    /// Length of the bitstream as the board's loader takes it.
    pub bitstream_bytes: usize,
    /// Its SHA-256.
    pub bitstream_sha256: String,
    /// SHA-256 of the other files of this folder.
    pub files: BTreeMap<String, String>,
}

/// A build before it is written.
pub struct Built {
    /// Files of the folder by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its clocks.
    pub timing: Timing,
    /// What it takes.
    pub utilisation: Utilisation,
    /// How it was made.
    pub build: Build,
}

/// Name of a build: that of its folder and its container.
pub fn name(board: &Board, config: &Config) -> String {
    format!("{}-{}", board.name, config.name)
}

/// Cycles of its clock until the kernel has the first word of a read: the host asks for the state, and sends the word that it is told
/// to; eight data bits, a start and a stop bit for each byte of the three frames.
fn read_latency_cycles(board: &Board, config: &Config) -> u32 {
    let (empty, state) = (5, 4 * bridge::STATE_WORDS as u64);
    let bits = 10 * (3 * empty + state + config.bus_bytes() as u64);
    u32::try_from((bits * board.kernel_hz(config)).div_ceil(board.baud)).unwrap_or(u32::MAX)
}

/// The manifest of a board's container.
fn manifest(board: &Board, config: &Config, sources: &Files, energy: &str) -> Result<Manifest<serde_yaml::Value>> {
    let kernel = sources.get(&format!("{KERNEL_INFER}.v")).context("no Verilog of the kernel")?;
    let manifest = Manifest {
        board: board.name.clone(),
        part: config.part.clone(),
        config: config.clone(),
        isa_version: ISA_VERSION,
        clock_hz: board.kernel_hz(config),
        rtl_digest: digest(kernel.as_bytes()),
        kernels: vec![Kernel::infer()],
        memory: MemoryPort {
            read_latency_cycles: read_latency_cycles(board, config),
            bytes_per_cycle: config.bus_bytes() as u32,
        },
        energy: coefficients(config, energy).with_context(|| format!("constraints/{}.yaml", config.part))?,
    };
    manifest.check().map_err(anyhow::Error::msg)?;
    Ok(manifest)
}

/// Everything of a build but the writing.
pub fn assemble(
    board: &Board,
    config: &Config,
    sources: &Files,
    command: String,
    tools: &[&Tool],
    placed: Placed,
    bitstream: &[u8],
) -> Result<Built> {
    let energy = sources.get(&format!("{}.yaml", config.part)).context("no energy coefficients")?;
    let yaml = serde_yaml::to_string(&manifest(board, config, sources, energy)?)?;
    // miniz_oxide has no code of the processor's own, so that the bytes are the same everywhere.
    let mut packed = (bitstream.len() as u64).to_le_bytes().to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec_zlib(bitstream, 9));
    let sections: [(u32, &[u8]); 2] = [(KIND_MANIFEST, yaml.as_bytes()), (KIND_BITSTREAM_ZLIB, &packed)];
    let mut files = BTreeMap::from([
        (format!("{}.sbit", name(board, config)), container::write(&sections, |b| Sha256::digest(b).into())),
        ("manifest.yaml".into(), yaml.into_bytes()),
        ("timing.json".into(), json(&placed.timing)?),
        ("utilisation.json".into(), json(&placed.utilisation)?),
    ]);
    let build = Build {
        command,
        tools: tools.iter().map(|&tool| tool.clone()).collect(),
        inputs: digests(sources),
        bitstream_bytes: bitstream.len(),
        bitstream_sha256: digest(bitstream),
        files: files.iter().map(|(name, bytes)| (name.clone(), digest(bytes))).collect(),
    };
    files.insert("build.json".into(), json(&build)?);
    Ok(Built { files, timing: placed.timing, utilisation: placed.utilisation, build })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    Ok((serde_json::to_string_pretty(value)? + "\n").into_bytes())
}

/// SHA-256 as hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digests(sources: &Files) -> BTreeMap<String, String> {
    sources.iter().map(|(name, text)| (name.clone(), digest(text.as_bytes()))).collect()
}

/// Writes the files as `place/name`, whole or not at all, in the place of an older build.
pub fn write(files: &BTreeMap<String, Vec<u8>>, place: &Path, name: &str) -> Result<()> {
    let say = || format!("cannot write {}", place.join(name).display());
    std::fs::create_dir_all(place).with_context(say)?;
    let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(place).with_context(say)?;
    for (file, bytes) in files {
        std::fs::write(fresh.path().join(file), bytes).with_context(say)?;
    }
    // A temporary folder is for its owner only; a build is for everybody.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(fresh.path(), std::fs::Permissions::from_mode(0o755)).with_context(say)?;
    }
    let folder = place.join(name);
    let old = tempfile::Builder::new().prefix(".old-").tempdir_in(place).with_context(say)?;
    if folder.exists() {
        std::fs::rename(&folder, old.path().join(name)).with_context(say)?;
    }
    std::fs::rename(fresh.keep(), &folder).with_context(say)
}

/// The files of `folder` that are not as in `files`: changed, missing, or too many.
pub fn differing(files: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<Vec<String>> {
    let mut differing: Vec<String> = files
        .iter()
        .filter(|(name, bytes)| std::fs::read(folder.join(name)).ok().as_ref() != Some(bytes))
        .map(|(name, _)| name.clone())
        .collect();
    let there = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in there {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !files.contains_key(&name) {
            differing.push(name);
        }
    }
    Ok(differing)
}

/// Whether a build is sound and that of `sources`; a line about it. The error says what is wrong and the command that mends it.
pub fn check(folder: &Path, board: &Board, config: &Config, sources: &Files) -> Result<String> {
    let build: Build = parsed(folder, "build.json")?;
    let again = || format!("build it again: {}", build.command);
    let mut bytes = BTreeMap::new();
    for (file, wanted) in &build.files {
        let path = folder.join(file);
        let found = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if digest(&found) != *wanted {
            bail!("{}: its SHA-256 is {}, not the {wanted} of build.json; {}", path.display(), digest(&found), again());
        }
        bytes.insert(file.clone(), found);
    }
    let today = digests(sources);
    if let Some(name) = today.keys().chain(build.inputs.keys()).find(|name| today.get(*name) != build.inputs.get(*name))
    {
        bail!("{}: {name} is not what it was built from; {}", folder.display(), again());
    }
    let file = format!("{}.sbit", name(board, config));
    let Some(sbit) = bytes.get(&file) else { bail!("{}: there is no {file}", folder.display()) };
    let inside = unpack(sbit).with_context(|| folder.join(&file).display().to_string())?;
    if (inside.bitstream.len(), digest(&inside.bitstream)) != (build.bitstream_bytes, build.bitstream_sha256.clone()) {
        bail!("{}: its bitstream is not the one of build.json; {}", folder.join(&file).display(), again());
    }
    if Some(&inside.manifest.clone().into_bytes()) != bytes.get("manifest.yaml") {
        bail!("{}: its manifest is not manifest.yaml; {}", folder.join(&file).display(), again());
    }
    let manifest: Manifest<serde_yaml::Value> = serde_yaml::from_str(&inside.manifest)?;
    manifest.check().map_err(|e| anyhow::anyhow!("{}: {e}; {}", folder.display(), again()))?;
    let kernel = today.get(&format!("{KERNEL_INFER}.v"));
    if Some(&manifest.rtl_digest) != kernel || manifest.config != *config || manifest.board != board.name {
        bail!("{}: its manifest is not that of today's source; {}", folder.display(), again());
    }
    let (timing, used): (Timing, Utilisation) = (parsed(folder, "timing.json")?, parsed(folder, "utilisation.json")?);
    let row = used.resources.first().context("utilisation.json has no row")?;
    Ok(format!(
        "{}: sound, from today's source; {:.2} MHz of {} wanted, {} of {} {}",
        folder.display(),
        timing.fmax_mhz,
        timing.wanted_mhz,
        row.used,
        row.available,
        row.resource
    ))
}

/// The timing of a build.
pub fn timing(folder: &Path) -> Result<Timing> {
    parsed(folder, "timing.json")
}

fn parsed<T: DeserializeOwned>(folder: &Path, file: &str) -> Result<T> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// What is in a board's container.
pub struct Unpacked {
    /// The manifest's YAML.
    pub manifest: String,
    /// The bitstream as the board's loader takes it.
    pub bitstream: Vec<u8>,
}

/// Unpacks a container whose digests are right.
pub fn unpack(file: &[u8]) -> Result<Unpacked> {
    let container = Container::parse(file).map_err(anyhow::Error::msg)?;
    container.check(|b| Sha256::digest(b).into()).map_err(|e| anyhow::anyhow!("{e}: the file is damaged"))?;
    let manifest = container.section(KIND_MANIFEST).context("there is no manifest")?;
    let Some(section) = container.section(KIND_BITSTREAM_ZLIB) else {
        bail!("there is no bitstream in it: it is not a board's container")
    };
    let (length, stream) = container::packed(section.bytes).map_err(anyhow::Error::msg)?;
    let bitstream = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(stream, length);
    let bitstream = bitstream.map_err(|e| anyhow::anyhow!("the bitstream does not unpack: {:?}", e.status))?;
    if bitstream.len() != length {
        bail!("the bitstream has {} bytes, {length} claimed", bitstream.len());
    }
    Ok(Unpacked { manifest: String::from_utf8(manifest.bytes.to_vec())?, bitstream })
}
