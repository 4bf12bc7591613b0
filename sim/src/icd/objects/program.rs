//! A program: a container that the device has checked whole.

use super::super::handle::Ref;
use super::{Context, Device};
use crate::pack::sha256;
use crate::rtl;
use isa::container::{Container, KIND_MANIFEST};
use isa::failure;
use isa::manifest::Manifest;
use std::sync::atomic::AtomicBool;

/// A loaded container.
pub struct Program {
    /// Its context.
    pub context: Ref<Context>,
    /// The device it was loaded for.
    pub device: Ref<Device>,
    /// The container.
    pub binary: Vec<u8>,
    /// What it says of itself.
    pub manifest: Manifest<serde_yaml::Value>,
    /// Whether `clBuildProgram` was called: kernels come after that.
    pub built: AtomicBool,
}

/// Checks a container for a device.
///
/// # Errors
/// A code of [`isa::failure`], with details.
pub fn check(binary: &[u8], device: &Device) -> Result<Manifest<serde_yaml::Value>, (i32, String)> {
    let container = Container::parse(binary).map_err(|e| (failure::CONTAINER_DAMAGED, e))?;
    if sha256(container.head) != container.table_digest {
        return Err((failure::CONTAINER_DAMAGED, "the SHA-256 of header and table is wrong".into()));
    }
    for (i, section) in container.sections.iter().enumerate() {
        if sha256(section.bytes) != section.digest {
            return Err((failure::CONTAINER_DAMAGED, format!("the SHA-256 of section {i} is wrong")));
        }
    }
    let manifest = container.section(KIND_MANIFEST).map_or(&[][..], |s| s.bytes);
    let mut manifest: Manifest<serde_yaml::Value> = std::str::from_utf8(manifest)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_yaml::from_str(text).map_err(|e| e.to_string()))
        .map_err(|e| (failure::CONTAINER_MANIFEST, format!("manifest: {e}")))?;
    manifest.check().map_err(|e| (failure::CONTAINER_MANIFEST, e))?;
    device.card.fits(&manifest)?;
    manifest.kernels.retain(|k| rtl::Kernel::named(&k.name).is_some_and(|kernel| device.card.has(kernel)));
    Ok(manifest)
}

impl Program {
    /// Loads a container.
    ///
    /// # Errors
    /// A code of [`isa::failure`], with details.
    pub fn load(context: Ref<Context>, device: Ref<Device>, binary: &[u8]) -> Result<Self, (i32, String)> {
        let manifest = check(binary, &device)?;
        Ok(Self { context, device, binary: binary.to_vec(), manifest, built: AtomicBool::new(false) })
    }

    /// Names of its kernels, as OpenCL lists them.
    pub fn kernel_names(&self) -> String {
        self.manifest.kernels.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(";")
    }
}
