//! The manifest of a container: what a loader must know about a bitstream before it touches a device.
//!
//! It is YAML in the container's section [`crate::container::KIND_MANIFEST`]; the reader brings the YAML.

use crate::{allocate, config::Config, control, ISA_VERSION};
use alloc::{format, string::String, vec::Vec};

/// Name of the inference kernel.
pub const KERNEL_INFER: &str = "systole_infer";

/// Board of containers for the simulated card.
pub const BOARD_SIMULATED: &str = "simulated";

/// A manifest. `E` is what the reader makes of the energy coefficients: a type of its own or a generic YAML value.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Manifest<E> {
    /// Board that the bitstream is for; [`BOARD_SIMULATED`] for the simulated card.
    pub board: String,
    /// Part on it.
    pub part: String,
    /// Configuration of the kernels, whole.
    pub config: Config,
    /// [`ISA_VERSION`] that the RTL was made with.
    pub isa_version: u32,
    /// Clock in Hz.
    pub clock_hz: u64,
    /// SHA-256 of the Verilog of the kernels in `kernels` (`<name>.v`), one after the other: 64 lower-case hexadecimal digits.
    pub rtl_digest: String,
    /// Kernels in the bitstream: `systole_infer`, and on the simulated card `systole_allocate` after it.
    pub kernels: Vec<Kernel>,
    /// What card memory does.
    pub memory: MemoryPort,
    /// Energy coefficients of the part: `constraints/<part>.yaml` as it was when this was built; null if there is none.
    pub energy: E,
}

/// The energy coefficients of a configuration, for [`Manifest::energy`], from the text of `constraints/<part>.yaml`: those of
/// its part, but for what `configurations.<name>` has otherwise.
///
/// # Errors
/// The text is no YAML.
#[cfg(feature = "yaml")]
pub fn coefficients(config: &Config, text: &str) -> Result<serde_yaml::Value, serde_yaml::Error> {
    let mut energy: serde_yaml::Value = serde_yaml::from_str(text)?;
    let others = energy.as_mapping_mut().and_then(|map| map.remove("configurations"));
    let own = others.as_ref().and_then(|others| others.get(&config.name)).and_then(|own| own.as_mapping());
    for (name, coefficient) in own.into_iter().flatten() {
        energy["coefficients"][name] = coefficient.clone();
    }
    Ok(energy)
}

/// A kernel of a bitstream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Kernel {
    /// Name, as `clCreateKernel` takes it.
    pub name: String,
    /// Names of its arguments, all pointers to card memory, in the order of `clSetKernelArg`.
    pub arguments: Vec<String>,
}

/// Card memory behind a kernel's AXI master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct MemoryPort {
    /// Clock cycles from a read address to the first word of its burst.
    pub read_latency_cycles: u32,
    /// Bytes a cycle, each way.
    pub bytes_per_cycle: u32,
}

impl Kernel {
    /// The inference kernel as this ISA version has it.
    pub fn infer() -> Self {
        Self { name: KERNEL_INFER.into(), arguments: control::ARGUMENTS.iter().map(|&a| a.into()).collect() }
    }

    /// The allocator as this ISA version has it.
    pub fn allocate() -> Self {
        Self { name: allocate::KERNEL.into(), arguments: allocate::ARGUMENTS.iter().map(|&a| a.into()).collect() }
    }
}

impl<E> Manifest<E> {
    /// Whether this build can use the bitstream; the error names the key and what it must be.
    pub fn check(&self) -> Result<(), String> {
        if self.isa_version != ISA_VERSION {
            return Err(format!("manifest: isa_version is {}; this build needs {ISA_VERSION}", self.isa_version));
        }
        self.config.check()?;
        if self.part != self.config.part {
            return Err(format!(
                "manifest: part is `{}`, but its configuration is for `{}`",
                self.part, self.config.part
            ));
        }
        if self.clock_hz == 0 {
            return Err("manifest: clock_hz is 0; it must be above 0".into());
        }
        if self.rtl_digest.len() != 64 || !self.rtl_digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err("manifest: rtl_digest must be 64 lower-case hexadecimal digits".into());
        }
        if self.memory.bytes_per_cycle as usize != self.config.bus_bytes() {
            return Err(format!(
                "manifest: memory.bytes_per_cycle is {}; the bus of `{}` has {} bytes",
                self.memory.bytes_per_cycle,
                self.config.name,
                self.config.bus_bytes()
            ));
        }
        // A small board has room for the inference kernel alone.
        let needed = if self.board == BOARD_SIMULATED { 2 } else { 1 };
        let known = [Kernel::infer(), Kernel::allocate()];
        for (i, kernel) in known.iter().enumerate() {
            match self.kernels.get(i) {
                Some(found) if found == kernel => {}
                Some(found) if found.name == kernel.name => {
                    return Err(format!("manifest: {} must have the arguments {:?}", kernel.name, kernel.arguments))
                }
                None if i >= needed => {}
                None => return Err(format!("manifest: there is no kernel {}", kernel.name)),
                Some(found) => {
                    return Err(format!(
                        "manifest: kernel {i} is `{}`; it must be {}",
                        found.name.escape_default(),
                        kernel.name
                    ))
                }
            }
        }
        if self.kernels.len() > known.len() {
            return Err(format!(
                "manifest: there are {} kernels; this build knows {}",
                self.kernels.len(),
                known.len()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Manifest<()> {
        Manifest {
            board: BOARD_SIMULATED.into(),
            part: "none".into(),
            config: Config::least(4),
            isa_version: ISA_VERSION,
            clock_hz: 1,
            rtl_digest: "0".repeat(64),
            kernels: [Kernel::infer(), Kernel::allocate()].into(),
            memory: MemoryPort { read_latency_cycles: 1, bytes_per_cycle: 4 },
            energy: (),
        }
    }

    #[test]
    fn each_wrong_key_is_named() {
        sound().check().unwrap();
        type Spoil = fn(&mut Manifest<()>);
        let wrong: [(&str, Spoil); 11] = [
            ("isa_version", |m| m.isa_version += 1),
            ("lanes", |m| m.config.lanes = 3),
            ("part", |m| m.part = "other".into()),
            ("clock_hz", |m| m.clock_hz = 0),
            ("rtl_digest", |m| m.rtl_digest = "G".repeat(64)),
            ("bytes_per_cycle", |m| m.memory.bytes_per_cycle = 8),
            ("arguments", |m| m.kernels[0].arguments.truncate(4)),
            ("no kernel systole_allocate", |m| m.kernels.truncate(1)),
            ("no kernel systole_infer", |m| m.kernels.clear()),
            ("kernel 0 is `systole_allocate`", |m| m.kernels.swap(0, 1)),
            ("there are 3 kernels", |m| m.kernels.push(Kernel::infer())),
        ];
        for (key, spoil) in wrong {
            let mut manifest = sound();
            spoil(&mut manifest);
            let error = manifest.check().unwrap_err();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_board_may_have_the_inference_kernel_alone_but_no_other_alone() {
        let board = || Manifest { board: "icebreaker".into(), ..sound() };
        board().check().unwrap();
        Manifest { kernels: [Kernel::infer()].into(), ..board() }.check().unwrap();
        let error = Manifest { kernels: [Kernel::allocate()].into(), ..board() }.check().unwrap_err();
        assert!(error.contains("must be systole_infer"), "{error}");
        let none = Manifest { kernels: Vec::new(), ..board() }.check().unwrap_err();
        assert!(none.contains("no kernel systole_infer"), "{none}");
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn what_a_configuration_has_otherwise_than_its_part_replaces_that() {
        let text = "part: p\ncoefficients: {a: 1, b: 2}\nconfigurations: {least: {b: 3}, other: {a: 4}}\n";
        let yaml = serde_yaml::to_string(&coefficients(&Config::least(4), text).unwrap()).unwrap();
        assert_eq!(yaml, "part: p\ncoefficients:\n  a: 1\n  b: 3\n");
    }
}
