//! A program: a container that the device has checked whole.

use super::super::handle::Ref;
use super::{Context, Device};
use crate::{pack, rtl};
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
    let mut manifest = pack::manifest_of(binary)?;
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
