//! From emitted RTL to a container: what `scripts/card` needs besides Verilator.

use isa::config::Config;
use isa::container::{Container, KIND_MANIFEST};
use isa::manifest::{coefficients, Kernel, Manifest, MemoryPort, BOARD_SIMULATED};
use isa::{container, control, failure};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

/// Cycles from a read address to the first word in the memory of the simulated card. An assumption about a memory
/// controller with DRAM behind it; every container states it, and the simulated card follows the container.
pub const READ_LATENCY_CYCLES: u32 = 24;

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; container::DIGEST_BYTES] {
    Sha256::digest(bytes).into()
}

/// A digest as lower-case hexadecimal digits.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The configuration in the text of a `config.yaml`.
///
/// # Errors
/// The YAML is no configuration, or one that cannot be built.
pub fn config_of(yaml: &str) -> Result<Config, String> {
    let config: Config = serde_yaml::from_str(yaml).map_err(|e| format!("config.yaml: {e}"))?;
    config.check()?;
    Ok(config)
}

/// The RTL in a folder that `systole-hdl emit` wrote: the Verilog of all kernels, one after the other, which is what the
/// RTL digest covers.
///
/// # Errors
/// A file cannot be read.
pub fn rtl(folder: &Path) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for kernel in [control::INFER_KERNEL, isa::allocate::KERNEL] {
        all.extend(std::fs::read(folder.join(format!("{kernel}.v")))?);
    }
    Ok(all)
}

/// `card_identity.h` for the shim: which RTL this is, and where its registers are.
pub fn identity(config_yaml: &str, verilog: &[u8]) -> String {
    let mut out = String::from("// Written by `systole-card identity`.\n");
    let text = config_yaml.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let _ = writeln!(out, "#define SYSTOLE_CONFIG \"{text}\"");
    let _ = writeln!(out, "#define SYSTOLE_RTL_DIGEST \"{}\"", hex(&sha256(verilog)));
    for (name, value) in [
        ("CONTROL", control::CONTROL),
        ("GLOBAL_INTERRUPT", control::GLOBAL_INTERRUPT),
        ("INTERRUPT_ENABLE", control::INTERRUPT_ENABLE),
        ("INTERRUPT_STATUS", control::INTERRUPT_STATUS),
        ("ARGUMENT_BASE", control::ARGUMENT_BASE),
        ("ARGUMENT_STRIDE", control::ARGUMENT_STRIDE),
        ("STATUS", control::STATUS),
    ] {
        let _ = writeln!(out, "#define SYSTOLE_REG_{name} {value:#x}");
    }
    out
}

/// The container of a simulated card. `energy` is the text of `constraints/<part>.yaml`, if there is one.
///
/// # Errors
/// One of the texts is no YAML, or the manifest would be refused.
pub fn container(config: &Config, verilog: &[u8], energy: Option<&str>) -> Result<Vec<u8>, String> {
    let energy = match energy {
        None => serde_yaml::Value::Null,
        Some(text) => coefficients(config, text).map_err(|e| format!("energy coefficients of {}: {e}", config.part))?,
    };
    let manifest = Manifest {
        board: BOARD_SIMULATED.into(),
        part: config.part.clone(),
        config: config.clone(),
        isa_version: isa::ISA_VERSION,
        clock_hz: config.clock_hz,
        rtl_digest: hex(&sha256(verilog)),
        kernels: vec![Kernel::infer(), Kernel::allocate()],
        memory: MemoryPort { read_latency_cycles: READ_LATENCY_CYCLES, bytes_per_cycle: config.bus_bytes() as u32 },
        energy,
    };
    manifest.check()?;
    let yaml = serde_yaml::to_string(&manifest).map_err(|e| e.to_string())?;
    let sections: [(u32, &[u8]); 2] = [(container::KIND_MANIFEST, yaml.as_bytes()), (container::KIND_BITSTREAM, &[])];
    Ok(container::write(&sections, sha256))
}

/// The manifest of a container whose structure and digests are sound.
///
/// # Errors
/// A code of [`isa::failure`], with details.
pub fn manifest_of(file: &[u8]) -> Result<Manifest<serde_yaml::Value>, (i32, String)> {
    let container = Container::parse(file).map_err(|e| (failure::CONTAINER_DAMAGED, e))?;
    container.check(sha256).map_err(|e| (failure::CONTAINER_DAMAGED, e))?;
    let manifest = container.section(KIND_MANIFEST).map_or(&[][..], |s| s.bytes);
    std::str::from_utf8(manifest)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_yaml::from_str(text).map_err(|e| e.to_string()))
        .map_err(|e| (failure::CONTAINER_MANIFEST, format!("manifest: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "name: t\npart: p\nclock_hz: 1\nn: 4\nact_words_log2: 9\nweight_words_log2: 9\n\
                          acc_words_log2: 6\nlanes: 1\naddr_bits: 32\nports: 1\npipelined: false\n\
                          multiplier: fitted\nresidual: false\nline_groups: 1\nline_words_log2: 8\n\
                          allocate_lanes: 8\nallocate_budget: 63\n\
                          low_power: {next_tile: true, drain: true, counters: true}\n";

    #[test]
    fn a_packed_container_reads_back_with_its_digests() {
        let config = config_of(CONFIG).unwrap();
        let file = container(&config, b"module", Some("part: p\nstatic_w: {value: 1.0e-3}\n")).unwrap();
        let parsed = container::Container::parse(&file).unwrap();
        assert_eq!(parsed.table_digest, sha256(parsed.head));
        let section = parsed.section(container::KIND_MANIFEST).unwrap();
        assert_eq!(section.digest, sha256(section.bytes));
        let manifest: Manifest<serde_yaml::Value> = serde_yaml::from_slice(section.bytes).unwrap();
        assert_eq!(manifest.config, config);
        assert_eq!(manifest.energy["static_w"]["value"], serde_yaml::Value::from(1.0e-3));
        // SHA-256 of "module", by another implementation.
        assert_eq!(manifest.rtl_digest, "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9");
    }

    #[test]
    fn the_identity_quotes_what_c_would_take_for_the_end() {
        let header = identity("a: \"b\\c\"\n", b"");
        assert!(header.contains(r#"#define SYSTOLE_CONFIG "a: \"b\\c\"\n""#), "{header}");
    }
}
