//! `systole devices`: which cards OpenCL lists, and the container of each.
//!
//! ```console
//! $ systole devices
//! device           config   clock     memory   driver  state  container
//! Systole edge8x8  edge8x8  50.0 MHz  256 MiB  0.1.0   ready  /src/systole/target/card/edge8x8/card.sbit
//! ```

use super::json;
use serde::Serialize;
use systole::report::{columns, quantity};
use systole::runtime::{cards, container_of};

/// Lists the cards that OpenCL shows.
///
/// The simulated card that scripts/card built is found by itself: in `card` beside the build of this program, in
/// `target/card` of this folder or one above it, or in SYSTOLE_CARD_DIR. Where OCL_ICD_VENDORS is set, that is used.
/// Boards on serial lines are those of SYSTOLE_BOARDS (docs/howto.md).
#[derive(clap::Args)]
#[command(after_help = "Example:\n  systole devices --json")]
pub struct Args {
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    devices: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
    device: String,
    platform: String,
    config: String,
    clock_hz: u64,
    memory_bytes: u64,
    driver: String,
    /// Whether it answers; a board on a serial line may not.
    available: bool,
    /// Null where scripts/card wrote none for this configuration.
    container: Option<String>,
}

pub fn run(args: &Args) -> anyhow::Result<String> {
    let devices = cards()?.into_iter().map(|c| Device {
        container: container_of(&c.config).map(|p| p.display().to_string()),
        device: c.name,
        platform: c.platform,
        config: c.config,
        clock_hz: u64::from(c.clock_mhz) * 1_000_000,
        memory_bytes: c.memory_bytes,
        driver: c.driver,
        available: c.available,
    });
    let listing = Listing { devices: devices.collect() };
    if args.json {
        return json(&listing);
    }
    let row = |d: &Device| {
        vec![
            d.device.clone(),
            d.config.clone(),
            quantity(d.clock_hz as f64, "Hz"),
            format!("{} MiB", d.memory_bytes >> 20),
            d.driver.clone(),
            if d.available { "ready" } else { "no answer" }.into(),
            d.container.clone().unwrap_or("-".into()),
        ]
    };
    let rows: Vec<_> = listing.devices.iter().map(row).collect();
    Ok(columns(&["device", "config", "clock", "memory", "driver", "state", "container"], &rows, 7))
}
