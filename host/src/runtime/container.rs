//! A `.sbit` file: mapped into memory and checked whole before any card is touched.

use super::error::RuntimeError;
use super::raw::map_file;
use crate::energy::Coefficients;
use crate::plan::Plan;
use crate::text::line;
use isa::config::Config;
use isa::container::{packed, Container, DIGEST_BYTES, KIND_BITSTREAM_ZLIB, KIND_MANIFEST};
use isa::manifest::Manifest;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A container whose structure, digests and manifest are sound.
pub struct ContainerFile {
    path: String,
    bytes: memmap2::Mmap,
    manifest: Manifest<Option<Coefficients>>,
}

impl ContainerFile {
    /// Maps and checks a container.
    ///
    /// # Errors
    /// The file cannot be read, is no container, is damaged, or is for another version of this program.
    pub fn open(path: &Path) -> Result<Self, RuntimeError> {
        let name = path.display().to_string();
        let error = |what: String| RuntimeError::Container { path: name.clone(), what };
        let bytes = map_file(path).map_err(|e| error(format!("{e}; name a card.sbit that scripts/card wrote")))?;
        let manifest =
            check_container(&bytes).map_err(|what| error(format!("{what}; build it again with scripts/card")))?;
        if let Some(energy) = &manifest.energy {
            energy.check(&name).map_err(|e| error(e.to_string()))?;
        }
        Ok(Self { path: name, bytes, manifest })
    }

    /// The file's name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole file, as a card takes it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The configuration that the bitstream was made for.
    pub fn config(&self) -> &Config {
        &self.manifest.config
    }

    /// Clock of the card in Hz.
    pub fn clock_hz(&self) -> u64 {
        self.manifest.clock_hz
    }

    /// Cycles until card memory answers the first word of a read.
    pub fn read_latency_cycles(&self) -> u32 {
        self.manifest.memory.read_latency_cycles
    }

    /// Energy coefficients of the part, if it has any.
    pub fn coefficients(&self) -> Option<&Coefficients> {
        self.manifest.energy.as_ref()
    }

    /// Whether the container is for the configuration that was asked for.
    ///
    /// # Errors
    /// It is for another one; both are named.
    pub fn is_for(&self, config: &str) -> Result<(), RuntimeError> {
        let own = &self.manifest.config.name;
        if own == config {
            return Ok(());
        }
        let what =
            format!("it is for configuration `{own}`, not `{config}`: give --config {own}, or another container");
        Err(RuntimeError::Container { path: self.path.clone(), what })
    }

    /// Whether a card of configuration `card` with this container can run `plan`.
    ///
    /// # Errors
    /// The three are not for one configuration; the names, or the first key that differs, are in the message.
    pub fn fits(&self, card: &str, plan: &Plan) -> Result<(), RuntimeError> {
        self.is_for(card)?;
        if plan.config != self.manifest.config {
            let what = format!(
                "plan of `{}` was compiled for {}, but the container is for {}: compile the model again",
                plan.model,
                brief(&plan.config),
                brief(&self.manifest.config)
            );
            return Err(RuntimeError::Container { path: self.path.clone(), what });
        }
        Ok(())
    }
}

/// A configuration in a line, with all that a plan depends on.
fn brief(c: &Config) -> String {
    format!(
        "`{}` ({n}x{n}, 2^{} activation, 2^{} weight and 2^{} accumulator words)",
        c.name,
        c.act_words_log2,
        c.weight_words_log2,
        c.acc_words_log2,
        n = c.n
    )
}

/// Structure, digests, manifest and bitstream of a container.
///
/// # Errors
/// One line: what is wrong, and where.
pub fn check_container(bytes: &[u8]) -> Result<Manifest<Option<Coefficients>>, String> {
    let container = Container::parse(bytes)?;
    container.check(digest).map_err(|e| format!("{e}: the file is damaged"))?;
    let section = container.section(KIND_MANIFEST).ok_or("there is no manifest")?;
    let yaml = std::str::from_utf8(section.bytes).map_err(|e| format!("manifest: {e}"))?;
    let manifest: Manifest<Option<Coefficients>> =
        serde_yaml::from_str(yaml).map_err(|e| format!("manifest: {}", line(&e.to_string())))?;
    manifest.check().map_err(|e| line(&e))?;
    if let Some(section) = container.section(KIND_BITSTREAM_ZLIB) {
        unpack(section.bytes)?;
    }
    Ok(manifest)
}

/// The bytes of a packed bitstream: no more memory than its claimed length, which `packed` bounds.
fn unpack(section: &[u8]) -> Result<Vec<u8>, String> {
    let (length, stream) = packed(section)?;
    match miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(stream, length) {
        Ok(bytes) if bytes.len() == length => Ok(bytes),
        Ok(bytes) => Err(format!("bitstream: {} bytes after unpacking, {length} claimed", bytes.len())),
        Err(error) => Err(format!("bitstream: it does not unpack to {length} bytes: {:?}", error.status)),
    }
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isa::container::{write, KIND_BITSTREAM};
    use isa::control;

    fn manifest() -> String {
        format!(
            "board: simulated\npart: none\nconfig: {{name: tiny, part: none, clock_hz: 1000000, n: 4, act_words_log2: 9, \
             weight_words_log2: 9, acc_words_log2: 6, lanes: 1, addr_bits: 32, ports: 1, pipelined: false, \
             multiplier: fitted, residual: false, line_groups: 1, line_words_log2: 8, \
             allocate_lanes: 8, allocate_budget: 63, low_power: {{next_tile: true, drain: true, counters: true}}}}\nisa_version: {}\nclock_hz: 1000000\n\
             rtl_digest: '{}'\nkernels: [{{name: systole_infer, arguments: {:?}}}, {{name: systole_allocate, arguments: {:?}}}]\n\
             memory: {{read_latency_cycles: 1, bytes_per_cycle: 4}}\nenergy: null\n",
            isa::ISA_VERSION,
            "0".repeat(64),
            control::ARGUMENTS,
            isa::allocate::ARGUMENTS
        )
    }

    fn open(bytes: &[u8]) -> Result<ContainerFile, RuntimeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.sbit");
        std::fs::write(&path, bytes).unwrap();
        ContainerFile::open(&path)
    }

    fn container(manifest: &str) -> Vec<u8> {
        write(&[(KIND_MANIFEST, manifest.as_bytes()), (KIND_BITSTREAM, b"bits")], digest)
    }

    #[test]
    fn a_sound_container_says_what_it_is_for_and_a_null_energy_is_unknown() {
        let file = open(&container(&manifest())).unwrap();
        assert_eq!((file.config().name.as_str(), file.clock_hz()), ("tiny", 1_000_000));
        assert!(file.coefficients().is_none());
        file.is_for("tiny").unwrap();
        let error = file.is_for("edge8x8").unwrap_err().to_string();
        assert!(error.contains("for configuration `tiny`, not `edge8x8`"), "{error}");
    }

    #[test]
    fn a_bitstream_that_unpacks_to_more_or_less_than_it_claims_is_refused() {
        let yaml = manifest();
        let with = |claim: u64, stream: &[u8]| {
            let section = [&claim.to_le_bytes()[..], stream].concat();
            check_container(&write(&[(KIND_MANIFEST, yaml.as_bytes()), (KIND_BITSTREAM_ZLIB, &section)], digest))
        };
        let stream = miniz_oxide::deflate::compress_to_vec_zlib(&[7; 100_000], 9);
        assert!(stream.len() < 500, "a bomb of {} bytes", stream.len());
        with(100_000, &stream).unwrap();
        for (claim, stream) in
            [(99_999, &stream[..]), (100_001, &stream), (1, &stream), (100_000, b""), (100_000, &stream[..9])]
        {
            let error = with(claim, stream).unwrap_err();
            assert!(error.starts_with("bitstream: ") && !error.contains('\n'), "{error}");
        }
        assert!(with(u64::MAX, &stream).unwrap_err().contains("it may have"));
    }

    #[test]
    fn a_flip_of_any_byte_and_any_truncation_is_one_line() {
        let sound = container(&manifest());
        for i in 0..sound.len() {
            let mut bad = sound.clone();
            bad[i] ^= 1;
            for bytes in [&bad[..], &sound[..i]] {
                let error = open(bytes).err().unwrap_or_else(|| panic!("byte {i} was not noticed")).to_string();
                assert!(!error.contains('\n'), "{error}");
            }
        }
    }

    #[test]
    fn another_isa_version_and_bad_coefficients_are_named() {
        let version = manifest().replace(&format!("isa_version: {}", isa::ISA_VERSION), "isa_version: 999");
        assert!(open(&container(&version)).err().unwrap().to_string().contains("isa_version is 999"));
        let energy = manifest().replace("energy: null", "energy: {part: none, rail: core, coefficients: {}}");
        assert!(open(&container(&energy)).err().unwrap().to_string().contains("missing field `static_w`"));
    }
}
