//! Finds the driver of the simulated card before the first OpenCL call.
//!
//! The OpenCL loader reads `/etc/OpenCL/vendors`, or what `OCL_ICD_VENDORS` names instead. `scripts/card` writes a
//! folder with `vendors/systole.icd` and one folder a configuration, and installs nothing. So that `systole run` just
//! works after it, that folder is looked for and `OCL_ICD_VENDORS` is set for this process, unless it is set already.

use std::path::{Path, PathBuf};

/// Names the folder that `scripts/card` wrote.
pub const CARD_DIR_VARIABLE: &str = "SYSTOLE_CARD_DIR";
/// The loader's own variable.
pub const VENDORS_VARIABLE: &str = "OCL_ICD_VENDORS";
/// The driver's file in the card folder.
const DRIVER: &str = "libsystole_icd.so";

/// The folder that `scripts/card` wrote: `SYSTOLE_CARD_DIR` where it is set, else the one around `OCL_ICD_VENDORS` if that
/// has our driver, else `card` beside the build that this program lies in, else `target/card` of the working directory
/// or of a folder above it.
pub fn card_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(CARD_DIR_VARIABLE) {
        return Some(PathBuf::from(dir));
    }
    if let Some(vendors) = std::env::var_os(VENDORS_VARIABLE) {
        // It may name the folder of the .icd files, or one of the files.
        let around = Path::new(&vendors).ancestors().skip(1).take(2).find(|d| d.join(DRIVER).is_file());
        if let Some(found) = around {
            return Some(found.to_path_buf());
        }
    }
    let below = |dir: &Path, name: &str| Some(dir.join(name)).filter(|d| d.join("vendors").is_dir());
    // target/release/systole → target/card, wherever the target folder is.
    let program = std::env::current_exe().and_then(|p| p.canonicalize()).ok();
    let build = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    if let Some(found) = build.and_then(|dir| below(dir, "card")) {
        return Some(found);
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().find_map(|d| below(d, "target/card"))
}

/// Lets the OpenCL loader find the simulated card. Call it first in `main`: a process's environment may only be
/// changed while it has one thread.
pub fn find_driver() {
    if std::env::var_os(VENDORS_VARIABLE).is_none() {
        if let Some(dir) = card_dir() {
            std::env::set_var(VENDORS_VARIABLE, dir.join("vendors"));
        }
    }
}

/// Where drivers are looked for, for errors.
pub fn driver_place() -> String {
    match std::env::var(VENDORS_VARIABLE) {
        Ok(vendors) => format!("OCL_ICD_VENDORS is {vendors}"),
        Err(_) => "/etc/OpenCL/vendors has none, and there is no target/card".into(),
    }
}

/// The container that `scripts/card` wrote for a configuration, if there is one.
pub fn container_of(config: &str) -> Option<PathBuf> {
    Some(card_dir()?.join(config).join("card.sbit")).filter(|p| p.is_file())
}
