//! The platform: the boards that the environment names and the cards found in a folder, found once.

use super::super::cl;
use super::super::handle::{publish, Ref};
use super::{Card, Device};
use crate::raw::pointers::own_file;
use crate::rtl::Built;
use crate::serial::place;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The configuration whose card comes first: what a host gets that does not choose.
const FIRST: &str = "edge8x8";

/// The platform "Systole".
pub struct Platform {
    devices: OnceLock<Vec<Ref<Device>>>,
}

/// The handle of the one platform.
pub fn platform() -> cl::Object {
    static HANDLE: OnceLock<usize> = OnceLock::new();
    let handle = *HANDLE.get_or_init(|| publish(Arc::new(Platform { devices: OnceLock::new() })) as usize);
    handle as cl::Object
}

impl Platform {
    /// The boards that `SYSTOLE_BOARDS` names, which come first: whoever names one means it. Then the cards in the folder that `SYSTOLE_CARD_DIR` names, else in the folder of this driver. A card that cannot be
    /// opened is told of on the standard error and left out.
    pub fn devices(&self) -> &[Ref<Device>] {
        self.devices.get_or_init(|| {
            let mut devices = Vec::new();
            match place::from_env() {
                Ok(places) => {
                    for place in places {
                        let line = place.line.display().to_string();
                        match Card::board(place) {
                            Ok(card) => devices.extend(Ref::to(publish(Arc::new(Device::new(card))))),
                            Err(error) => eprintln!("Systole driver: board {line} left out: {error}"),
                        }
                    }
                }
                Err(error) => eprintln!("Systole driver: no boards: {error}"),
            }
            let folder = std::env::var_os("SYSTOLE_CARD_DIR")
                .map(PathBuf::from)
                .or_else(|| own_file().and_then(|f| Some(f.parent()?.to_path_buf())));
            let entries = folder.and_then(|f| std::fs::read_dir(f).ok()).into_iter().flatten().flatten();
            // A library is what makes a folder a card; `vendors` and half-built folders have none.
            let mut folders: Vec<PathBuf> =
                entries.map(|e| e.path()).filter(|p| p.join("libcard.so").is_file()).collect();
            folders.sort_by_key(|p| (p.file_name() != Some(FIRST.as_ref()), p.clone()));
            for folder in folders {
                match Built::open(&folder) {
                    Ok(built) => devices.extend(Ref::to(publish(Arc::new(Device::new(Card::simulated(built)))))),
                    Err(error) => eprintln!("Systole driver: card left out: {error}"),
                }
            }
            devices
        })
    }
}
