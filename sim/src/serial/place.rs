//! Where boards are: the variable `SYSTOLE_BOARDS`.
//!
//! One board is `LINE:BAUD` or `LINE:BAUD:CONFIG`, several are separated by commas: `/dev/ttyUSB1:1000000:small4x4`. The baud is what the
//! board's bitstream was built with. A board that is named with its configuration is listed even while it does not
//! answer, as not available; one without is left out then, since nobody knows what it is.

use std::path::PathBuf;

/// The variable.
pub const VARIABLE: &str = "SYSTOLE_BOARDS";
/// Slowest and fastest line that is taken for no mistake.
const BAUDS: std::ops::RangeInclusive<u32> = 1_200..=12_000_000;

/// A line that a board is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The terminal.
    pub line: PathBuf,
    /// Bits a second.
    pub baud: u32,
    /// Name of the configuration that is expected there.
    pub config: Option<String>,
}

/// The lines that the environment names; none if it names none.
///
/// # Errors
/// The value, and what it must look like.
pub fn from_env() -> Result<Vec<Place>, String> {
    parse(&std::env::var(VARIABLE).unwrap_or_default())
}

/// The lines in the text of the variable.
///
/// # Errors
/// As [`from_env`].
pub fn parse(text: &str) -> Result<Vec<Place>, String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(place).collect()
}

fn place(text: &str) -> Result<Place, String> {
    let wrong = || {
        format!(
            "{VARIABLE} has `{text}`; it must be LINE:BAUD or LINE:BAUD:CONFIG, such as /dev/ttyUSB1:1000000:small4x4, with a \
             baud from {} to {}",
            BAUDS.start(),
            BAUDS.end()
        )
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|baud| BAUDS.contains(baud));
    // From the right: names below /dev/serial/by-path have colons.
    let (rest, last) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (line, baud, config) = if last.bytes().all(|b| b.is_ascii_digit()) {
        (rest, last, None)
    } else {
        let (line, baud) = rest.rsplit_once(':').ok_or_else(wrong)?;
        (line, baud, Some(last.to_string()))
    };
    match number(baud) {
        Some(baud) if !line.is_empty() => Ok(Place { line: line.into(), baud, config }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_from_the_right_and_mistakes_are_named() {
        let place =
            |line: &str, baud, config: Option<&str>| Place { line: line.into(), baud, config: config.map(Into::into) };
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("/dev/ttyUSB1:1000000"), Ok(vec![place("/dev/ttyUSB1", 1_000_000, None)]));
        let two = parse("/dev/serial/by-path/pci-0:14.0-usb-0:1:1.0-port0:3000000:small4x4, b:115200").unwrap();
        let first = place("/dev/serial/by-path/pci-0:14.0-usb-0:1:1.0-port0", 3_000_000, Some("small4x4"));
        assert_eq!(two, [first, place("b", 115_200, None)]);
        for bad in ["/dev/ttyUSB1", "/dev/ttyUSB1:fast", "/dev/ttyUSB1:5", ":115200", "a:99999999999", "a:b:c", ":"] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(&format!("`{bad}`")) && error.contains("LINE:BAUD"), "{error}");
        }
    }
}
