//! Which cards there are.

use super::driver::driver_place;
use super::error::RuntimeError;
use opencl3::device::{Device, CL_DEVICE_TYPE_ALL};
use opencl3::error_codes::ClError;
use opencl3::platform::{get_platforms, Platform};
use opencl3::types::cl_device_id;

/// A platform or device name that begins with this is one of ours.
const OURS: &str = "systole";
/// `CL_PLATFORM_NOT_FOUND_KHR`: the loader is there, but no driver.
const NO_PLATFORM: i32 = -1001;

/// A Systole card that OpenCL lists.
#[derive(Clone, Debug)]
pub struct CardInfo {
    /// Name of the OpenCL platform.
    pub platform: String,
    /// Name of the OpenCL device.
    pub name: String,
    /// Configuration of the inference kernel: the device name's word after `Systole`.
    pub config: String,
    /// Version of the driver.
    pub driver: String,
    /// Clock in MHz, rounded down as OpenCL has it.
    pub clock_mhz: u32,
    /// Card memory in bytes.
    pub memory_bytes: u64,
    /// Whether it answered when it was asked last: a board may be unplugged.
    pub available: bool,
    /// The device, for [`super::Session`].
    pub(crate) device: Device,
}

/// Every Systole card, in the order of OpenCL.
///
/// # Errors
/// No loader, no driver, or no card of ours among the devices.
pub fn cards() -> Result<Vec<CardInfo>, RuntimeError> {
    if let Err(what) = cl3::load_library() {
        return Err(RuntimeError::NoLoader { what: what.to_string().replace('\n', " ") });
    }
    let platforms = match get_platforms() {
        Ok(platforms) if !platforms.is_empty() => platforms,
        Ok(_) | Err(ClError(NO_PLATFORM)) => return Err(RuntimeError::NoDriver { place: driver_place() }),
        Err(e) => return Err(RuntimeError::NoDriver { place: format!("{} ({e})", driver_place()) }),
    };
    let mut cards = Vec::new();
    let mut others = Vec::new();
    for platform in &platforms {
        let name = platform.name().unwrap_or_default();
        // A platform of another maker that lists no device, or fails, is none of our business.
        let devices = platform.get_devices(CL_DEVICE_TYPE_ALL).unwrap_or_default();
        let found = cards.len();
        cards.extend(devices.into_iter().filter_map(|id| card(platform, id)));
        if cards.len() == found {
            others.push(format!("`{}`", name.trim()));
        }
    }
    if cards.is_empty() {
        let place = format!("OpenCL lists {} and no card of it is ours", others.join(", "));
        return Err(RuntimeError::NoCard { place });
    }
    Ok(cards)
}

/// The first card of a configuration.
///
/// # Errors
/// As [`cards`], or no card of this configuration.
pub fn card_of(config: &str) -> Result<CardInfo, RuntimeError> {
    let cards = cards()?;
    let found: Vec<_> = cards.iter().map(|c| c.config.clone()).collect();
    cards
        .into_iter()
        .find(|c| c.config == config)
        .ok_or_else(|| RuntimeError::NoConfig { config: config.into(), found: found.join(", ") })
}

/// What OpenCL says of a device, if it is ours and answers.
fn card(platform: &Platform, id: cl_device_id) -> Option<CardInfo> {
    let device = Device::new(id);
    let name = device.name().ok()?;
    let config = config_in(&name)?.to_string();
    Some(CardInfo {
        platform: platform.name().ok()?.trim().into(),
        config,
        driver: device.driver_version().ok()?.trim().into(),
        clock_mhz: device.max_clock_frequency().ok()?,
        memory_bytes: device.global_mem_size().ok()?,
        available: device.available().ok()?,
        name: name.trim().into(),
        device,
    })
}

/// The configuration in a device name such as `Systole edge8x8`; `None` if the device is not ours.
fn config_in(name: &str) -> Option<&str> {
    let mut words = name.split_whitespace();
    words.next().filter(|w| w.eq_ignore_ascii_case(OURS))?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_devices_have_a_configuration() {
        assert_eq!(config_in("Systole edge8x8 (simulated)"), Some("edge8x8"));
        assert_eq!(config_in("systole small4x4"), Some("small4x4"));
        assert_eq!(config_in("pthread-Some CPU"), None);
        assert_eq!(config_in("Systole"), None);
        assert_eq!(config_in(""), None);
    }
}
