//! Damaged model files: each is read or refused, in one line, and what is read is sound.

use systole::import::from_bytes;

/// How many files were read, and how many refused.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Read, and the graph is sound.
    pub read: usize,
    /// Refused in one line.
    pub refused: usize,
}

impl Verdicts {
    /// Imports a file and counts what came of it. Panics, as a test's assertion, if the graph is not sound or the message
    /// has several lines.
    pub fn judge(&mut self, bytes: &[u8]) {
        match from_bytes(bytes, "m") {
            Ok(graph) => {
                assert_eq!(graph.check(), Ok(()));
                self.read += 1;
            }
            Err(fault) => {
                assert!(!fault.to_string().contains('\n'), "{fault}");
                self.refused += 1;
            }
        }
    }
}
