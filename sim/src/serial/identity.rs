//! Who is there: what a board says of itself, and whether it is what a container or a name says.

use super::link::Link;
use super::LineError;
use isa::bridge::{IDENTITY_WORDS, OP_IDENTIFY, VERSION};
use isa::config::Config;
use isa::manifest::Manifest;
use isa::ISA_VERSION;
use std::fmt;

/// The configurations, as the hardware is built from them: the one place where they stand.
const CONFIGS: &str = include_str!("../../../hdl/configs.yaml");

/// What a board answers to [`OP_IDENTIFY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Version of the contract that its kernel was made with.
    pub isa_version: u32,
    /// Side of its array.
    pub n: usize,
    /// Bytes of a word of its bus.
    pub bus_bytes: usize,
    /// Its clock.
    pub clock_hz: u64,
    /// The first bytes of its RTL digest.
    pub digest: [u8; 4],
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { isa_version, n, bus_bytes, clock_hz, digest: [a, b, c, d] } = self;
        write!(f, "{n}x{n}, {bus_bytes} bytes a bus word, {clock_hz} Hz, ISA {isa_version}, RTL {a:02x}{b:02x}{c:02x}{d:02x}...")
    }
}

impl Identity {
    /// Asks.
    ///
    /// # Errors
    /// The line, or a board that this driver cannot use.
    pub fn ask(link: &mut Link) -> Result<Self, LineError> {
        let reply = link.request(OP_IDENTIFY, &[], IDENTITY_WORDS)?;
        let identity = Self::from_words(&reply.data).map_err(LineError::Unfit)?;
        if identity.isa_version != ISA_VERSION {
            return Err(LineError::Unfit(format!(
                "its kernel is of ISA version {}, this driver needs {ISA_VERSION}; program it with a bitstream of this version",
                identity.isa_version
            )));
        }
        Ok(identity)
    }

    /// From the words of the reply.
    ///
    /// # Errors
    /// They are of another protocol, or no identity.
    pub fn from_words(words: &[u32]) -> Result<Self, String> {
        let &[versions, sizes, clock, digest] = words else {
            return Err(format!("its identity has {} words, not {IDENTITY_WORDS}", words.len()));
        };
        if versions & 0xffff != VERSION {
            return Err(format!(
                "it speaks version {} of the bridge's protocol, this driver {VERSION}",
                versions & 0xffff
            ));
        }
        let (n, bus_bytes) = ((sizes & 0xffff) as usize, (sizes >> 16) as usize);
        if clock == 0 || n == 0 || ![4, 8, 16].contains(&bus_bytes) {
            return Err(format!(
                "its identity is {n} columns, {bus_bytes} bytes a bus word, {clock} Hz: no board of ours"
            ));
        }
        let digest = digest.to_le_bytes();
        Ok(Self { isa_version: versions >> 16, n, bus_bytes, clock_hz: clock.into(), digest })
    }

    /// The words of the reply, as a board sends them.
    pub fn words(&self) -> [u32; IDENTITY_WORDS] {
        let sizes = self.n as u32 | (self.bus_bytes as u32) << 16;
        [VERSION | self.isa_version << 16, sizes, self.clock_hz as u32, u32::from_le_bytes(self.digest)]
    }

    /// What a board with this container in it says.
    pub fn of<E>(manifest: &Manifest<E>) -> Self {
        let byte = |i: usize| manifest.rtl_digest.get(2 * i..2 * i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
        Self {
            isa_version: manifest.isa_version,
            n: manifest.config.n,
            bus_bytes: manifest.config.bus_bytes(),
            clock_hz: manifest.clock_hz,
            // A manifest that was checked has 64 hexadecimal digits.
            digest: std::array::from_fn(|i| byte(i).unwrap_or(0)),
        }
    }

    /// The configuration with this array: the one that is named, or the only one.
    ///
    /// # Errors
    /// There is none, or there are several; what to do.
    pub fn config(&self, name: Option<&str>) -> Result<Config, String> {
        let fits = |c: &Config| (c.n, c.bus_bytes()) == (self.n, self.bus_bytes);
        if let Some(name) = name {
            let config = named(name)?;
            return if fits(&config) {
                Ok(config)
            } else {
                Err(format!("it has a {n}x{n} array, which `{name}` has not", n = self.n))
            };
        }
        let mut all = configs()?;
        all.retain(fits);
        let names = all.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        match all.len() {
            0 => Err(format!("it has a {n}x{n} array, which no configuration here has", n = self.n)),
            1 => Ok(all.remove(0)),
            _ => Err(format!("it may be {names}; say which: LINE:BAUD:CONFIG")),
        }
    }
}

/// The configuration of this name.
///
/// # Errors
/// There is none; which ones there are.
pub fn named(name: &str) -> Result<Config, String> {
    let all = configs()?;
    let names = all.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
    all.into_iter().find(|c| c.name == name).ok_or_else(|| format!("no configuration `{name}`; there are {names}"))
}

fn configs() -> Result<Vec<Config>, String> {
    serde_yaml::from_str(CONFIGS).map_err(|e| format!("hdl/configs.yaml, as it was when this was built: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_was_written_and_finds_its_configuration() {
        let identity =
            Identity { isa_version: ISA_VERSION, n: 4, bus_bytes: 4, clock_hz: 12_000_000, digest: [1, 2, 3, 255] };
        assert_eq!(Identity::from_words(&identity.words()), Ok(identity));
        assert_eq!(identity.config(None).unwrap().name, "small4x4");
        assert_eq!(identity.config(Some("small4x4")).unwrap().n, 4);
        assert!(identity.config(Some("edge8x8")).unwrap_err().contains("4x4 array, which `edge8x8` has not"));
        assert!(identity.config(Some("huge")).unwrap_err().contains("there are small4x4"));
        assert!(Identity { n: 5, ..identity }.config(None).unwrap_err().contains("no configuration"));
        let mut words = identity.words();
        words[0] += 1;
        assert!(Identity::from_words(&words).unwrap_err().contains("version 2"));
    }
}
