//! Plan files: magic (8 bytes), format (u32), length of the body (u64), SHA-256 of the body (32), the body in postcard. All
//! of it is checked before anything in it is believed.

use super::{Plan, PlanError};
use crate::text::line;
use sha2::{Digest, Sha256};
use std::path::Path;

/// First eight bytes of a plan file.
pub const MAGIC: [u8; 8] = *b"SYSPLAN\x1a";
/// Version of the plan file; another one is refused.
pub const FORMAT: u32 = 2;
/// Bytes before the body: magic, format, length, digest.
const HEAD_BYTES: usize = 8 + 4 + 8 + 32;

impl Plan {
    /// Writes the plan to a file, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlanError> {
        let io = |source| PlanError::Io { path: path.display().to_string(), source };
        let bytes = self.to_bytes()?;
        // Beside the target and renamed, so that a full disk leaves no half plan behind.
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path)).map_err(|e| {
            let _ = std::fs::remove_file(&part);
            io(e)
        })
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// The file cannot be read, is no plan, is of another format, is damaged, or claims what cannot be.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| PlanError::Io { path: name.clone(), source })?;
        Self::from_bytes(&bytes).map_err(|what| PlanError::Damaged { path: name, what })
    }

    /// The plan as the bytes of a plan file.
    ///
    /// # Errors
    /// The plan cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PlanError> {
        let body =
            postcard::to_stdvec(self).map_err(|e| PlanError::Unusable(format!("plan cannot be encoded: {e}")))?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(Sha256::digest(&body));
        bytes.extend(body);
        Ok(bytes)
    }

    /// A plan from the bytes of a plan file; the error says what is wrong and the remedy.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        const AGAIN: &str = "compile the model again";
        if bytes.len() < 8 || bytes[..8] != MAGIC {
            return Err("not a plan: the magic at byte 0 is wrong; give a file that `systole compile` wrote".into());
        }
        if bytes.len() < HEAD_BYTES {
            return Err(format!("plan ends at byte {}, inside its head of {HEAD_BYTES}; {AGAIN}", bytes.len()));
        }
        let (head, body) = bytes.split_at(HEAD_BYTES);
        let format = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        if format != FORMAT {
            return Err(format!("plan format {format} at byte 8; this build reads format {FORMAT}; {AGAIN}"));
        }
        let length = head[12..20].iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        if length != body.len() as u64 {
            return Err(format!(
                "plan claims a body of {length} bytes at byte 12, but there are {}; {AGAIN}",
                body.len()
            ));
        }
        if Sha256::digest(body)[..] != head[20..] {
            return Err(format!("the SHA-256 of the plan's body is not the one at byte 20; {AGAIN}"));
        }
        let plan: Plan = postcard::from_bytes(body).map_err(|e| format!("plan body: {e}; {AGAIN}"))?;
        plan.check().map_err(|what| format!("{}; {AGAIN}", line(&what)))?;
        Ok(plan)
    }
}
