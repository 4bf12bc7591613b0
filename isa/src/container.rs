//! The `.sbit` container: a bitstream and what a loader must know, in one file.
//!
//! All integers little endian. Header of [`HEADER_BYTES`] bytes: magic (8), format version (u32), section count (u32),
//! total length of the file (u64). Then a table of [`ENTRY_BYTES`] bytes a section: kind (u32), reserved zero (u32),
//! offset from the start of the file (u64), length (u64), SHA-256 of the section's bytes (32). Then, to the end of the
//! file, a SHA-256 of header and table (32) and the sections, without gaps, in the order of the table. The manifest is
//! YAML, a board's bitstream is compressed ([`packed`]). Digests
//! are checked with the SHA-256 that the caller brings; all structure is checked, with checked arithmetic.

use alloc::{format, string::String, vec::Vec};

/// First eight bytes of a container.
pub const MAGIC: [u8; 8] = *b"SYSTOLE\x1a";
/// Version of this format.
pub const FORMAT: u32 = 1;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 24;
/// Bytes of a table entry.
pub const ENTRY_BYTES: usize = 56;
/// Bytes of a SHA-256.
pub const DIGEST_BYTES: usize = 32;
/// Most sections a container may have.
pub const MAX_SECTIONS: usize = 16;

/// Section kind: manifest, YAML in UTF-8. Exactly one.
pub const KIND_MANIFEST: u32 = 1;
/// Section kind: bitstream of the simulated card, which has none: no bytes.
pub const KIND_BITSTREAM: u32 = 2;
/// Section kind: bitstream of a board, as the board's own loader takes it: its length (u64), then its bytes as a zlib stream.
pub const KIND_BITSTREAM_ZLIB: u32 = 3;
/// Most bytes of a bitstream that is unpacked. The largest part of this project's boards takes 2 MB.
pub const MAX_BITSTREAM_BYTES: usize = 16 << 20;

/// A section: its kind, its bytes and the digest that the table claims for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// What it is: [`KIND_MANIFEST`], [`KIND_BITSTREAM`] or [`KIND_BITSTREAM_ZLIB`].
    pub kind: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The SHA-256 that the table claims.
    pub digest: [u8; DIGEST_BYTES],
}

/// A container whose structure is sound. Its digests have not been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Header and table: what `table_digest` covers.
    pub head: &'a [u8],
    /// The SHA-256 claimed for `head`.
    pub table_digest: [u8; DIGEST_BYTES],
    /// The sections in the order of the table.
    pub sections: Vec<Section<'a>>,
}

impl<'a> Container<'a> {
    /// Checks the structure of `file` and finds its sections. The error says what is wrong and where.
    pub fn parse(file: &'a [u8]) -> Result<Self, String> {
        let take = |at: usize, n: usize| -> Result<&'a [u8], String> {
            at.checked_add(n)
                .and_then(|end| file.get(at..end))
                .ok_or_else(|| format!("container ends at byte {}, inside the {n} bytes at {at}", file.len()))
        };
        if take(0, 8)? != MAGIC {
            return Err(String::from("not a .sbit container: the magic at byte 0 is wrong"));
        }
        let format = u32_at(take(8, 4)?);
        if format != FORMAT {
            return Err(format!("container format {format} at byte 8; this build reads format {FORMAT}"));
        }
        let count = u32_at(take(12, 4)?) as usize;
        if count == 0 || count > MAX_SECTIONS {
            return Err(format!("container claims {count} sections at byte 12; it may have 1 to {MAX_SECTIONS}"));
        }
        let total = u64_at(take(16, 8)?);
        if total != file.len() as u64 {
            return Err(format!("container claims {total} bytes at byte 16, but there are {}", file.len()));
        }
        let head = take(0, HEADER_BYTES + count * ENTRY_BYTES)?;
        let table_digest = digest_at(take(head.len(), DIGEST_BYTES)?);
        let mut next = head.len() + DIGEST_BYTES;
        let mut sections = Vec::with_capacity(count);
        for i in 0..count {
            let at = HEADER_BYTES + i * ENTRY_BYTES;
            let entry = take(at, ENTRY_BYTES)?;
            let (offset, length) = (u64_at(&entry[8..]), u64_at(&entry[16..]));
            if u32_at(&entry[4..]) != 0 {
                return Err(format!("section {i}: reserved word at byte {} is not zero", at + 4));
            }
            if offset != next as u64 {
                return Err(format!("section {i} claims offset {offset} at byte {}; it must be {next}", at + 8));
            }
            let length = usize::try_from(length).map_err(|_| format!("section {i}: length {length} is too great"))?;
            let bytes = take(next, length)?;
            next += length;
            sections.push(Section { kind: u32_at(entry), bytes, digest: digest_at(&entry[24..]) });
        }
        if next != file.len() {
            return Err(format!("{} bytes after the last section", file.len() - next));
        }
        if sections.iter().filter(|s| s.kind == KIND_MANIFEST).count() != 1 {
            return Err(String::from("container must have exactly one manifest"));
        }
        Ok(Self { head, table_digest, sections })
    }

    /// Holds table and sections against the SHA-256 claimed for them; the error says which is another.
    pub fn check(&self, sha256: impl Fn(&[u8]) -> [u8; DIGEST_BYTES]) -> Result<(), String> {
        if sha256(self.head) != self.table_digest {
            return Err(String::from("the SHA-256 of its section table is wrong"));
        }
        match self.sections.iter().position(|section| sha256(section.bytes) != section.digest) {
            Some(i) => Err(format!("the SHA-256 of section {i} is wrong")),
            None => Ok(()),
        }
    }

    /// The section of this kind, if there is one.
    pub fn section(&self, kind: u32) -> Option<&Section<'a>> {
        self.sections.iter().find(|s| s.kind == kind)
    }
}

/// The length and the zlib stream in a section of [`KIND_BITSTREAM_ZLIB`]. Whoever unpacks it takes no more than that length.
pub fn packed(section: &[u8]) -> Result<(usize, &[u8]), String> {
    let Some((length, stream)) = section.split_first_chunk::<8>() else {
        return Err(format!("bitstream: {} bytes are too few for its length", section.len()));
    };
    match usize::try_from(u64::from_le_bytes(*length)) {
        Ok(n) if n <= MAX_BITSTREAM_BYTES => Ok((n, stream)),
        _ => Err(format!(
            "bitstream: it claims {} bytes; it may have {MAX_BITSTREAM_BYTES}",
            u64::from_le_bytes(*length)
        )),
    }
}

/// Writes a container of `sections` (kind, bytes), with `sha256` for the digests.
pub fn write(sections: &[(u32, &[u8])], sha256: impl Fn(&[u8]) -> [u8; DIGEST_BYTES]) -> Vec<u8> {
    let head_len = HEADER_BYTES + sections.len() * ENTRY_BYTES;
    let total = head_len + DIGEST_BYTES + sections.iter().map(|s| s.1.len()).sum::<usize>();
    let mut file = Vec::with_capacity(total);
    file.extend(MAGIC);
    file.extend(FORMAT.to_le_bytes());
    file.extend((sections.len() as u32).to_le_bytes());
    file.extend((total as u64).to_le_bytes());
    let mut offset = head_len + DIGEST_BYTES;
    for (kind, bytes) in sections {
        file.extend(kind.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend((offset as u64).to_le_bytes());
        file.extend((bytes.len() as u64).to_le_bytes());
        file.extend(sha256(bytes));
        offset += bytes.len();
    }
    let digest = sha256(&file);
    file.extend(digest);
    for (_, bytes) in sections {
        file.extend(*bytes);
    }
    file
}

fn u32_at(b: &[u8]) -> u32 {
    u32::from_le_bytes([b[0], b[1], b[2], b[3]])
}

fn u64_at(b: &[u8]) -> u64 {
    u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
}

fn digest_at(b: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&b[..DIGEST_BYTES]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<u8> {
        write(&[(KIND_MANIFEST, b"a: 1\n"), (KIND_BITSTREAM, b"")], |b| [b.len() as u8; 32])
    }

    #[test]
    fn what_is_written_reads_back() {
        let file = small();
        let container = Container::parse(&file).unwrap();
        assert_eq!(container.section(KIND_MANIFEST).unwrap().bytes, b"a: 1\n");
        assert_eq!(container.section(KIND_MANIFEST).unwrap().digest, [5; 32]);
    }

    #[test]
    fn a_digest_of_other_bytes_is_named() {
        let file = small();
        let container = Container::parse(&file).unwrap();
        let length = |b: &[u8]| [b.len() as u8; DIGEST_BYTES];
        container.check(length).unwrap();
        let but = |bytes: &'static [u8]| container.check(|b| if b == bytes { [0xff; 32] } else { length(b) });
        assert_eq!(but(b"a: 1\n").unwrap_err(), "the SHA-256 of section 0 is wrong");
        assert_eq!(but(b"").unwrap_err(), "the SHA-256 of section 1 is wrong");
        assert_eq!(container.check(|_| [9; 32]).unwrap_err(), "the SHA-256 of its section table is wrong");
    }

    #[test]
    fn every_truncation_and_every_flipped_head_byte_is_an_error_or_another_digest() {
        let file = small();
        for n in 0..file.len() {
            assert!(Container::parse(&file[..n]).is_err(), "cut at {n}");
        }
        let sound = Container::parse(&file).unwrap();
        for i in 0..HEADER_BYTES + 2 * ENTRY_BYTES + DIGEST_BYTES {
            let mut bad = file.clone();
            bad[i] ^= 0x40;
            if let Ok(c) = Container::parse(&bad) {
                assert!(c.head != sound.head || c.table_digest != sound.table_digest, "byte {i}");
            }
        }
    }

    #[test]
    fn a_packed_bitstream_claims_no_more_than_the_most() {
        let mut section = 5u64.to_le_bytes().to_vec();
        section.extend(b"zlib");
        assert_eq!(packed(&section), Ok((5, &b"zlib"[..])));
        assert!(packed(&section[..7]).unwrap_err().contains("7 bytes"));
        section[..8].copy_from_slice(&(MAX_BITSTREAM_BYTES as u64 + 1).to_le_bytes());
        assert!(packed(&section).unwrap_err().contains("it may have"));
    }
}
