//! `.npz` archives in and out: a zip file of `.npy` files.

use super::npy::{self, Array};
use anyhow::{bail, Context};
use std::io::{Read, Seek, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most bytes of an array, so that a small archive cannot fill the memory.
const MOST_BYTES: u64 = 1 << 30;
/// What numpy puts behind each name.
const SUFFIX: &str = ".npy";
/// Most names in an error.
const SHOWN: usize = 8;

/// Reads an array of an archive: the one called `name`, else the only one, else the one called `usual`.
///
/// # Errors
/// The file is no archive, has no such array, or that is damaged; the message has the names that there are.
pub fn read(path: &Path, name: Option<&str>, usual: &str) -> anyhow::Result<Array> {
    let describe = || format!("input {}", path.display());
    let file = systole::runtime::raw::map_file(path).with_context(describe)?;
    parse(&file, name, usual).with_context(describe)
}

fn parse(bytes: &[u8], name: Option<&str>, usual: &str) -> anyhow::Result<Array> {
    let mut archive = ZipArchive::new(std::io::Cursor::new(bytes))
        .map_err(|e| anyhow::anyhow!("not a .npz file that numpy wrote ({e}): save it with numpy.savez"))?;
    let names: Vec<String> = archive.file_names().filter_map(|n| n.strip_suffix(SUFFIX)).map(str::to_string).collect();
    let found = match (name, &names[..]) {
        (Some(name), _) => names.iter().find(|n| *n == name),
        (None, [only]) => Some(only),
        (None, _) => names.iter().find(|n| *n == usual),
    };
    let Some(found) = found else {
        let more = if names.len() > SHOWN { ", ..." } else { "" };
        let there = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let wanted = name.unwrap_or(usual);
        bail!("no array `{wanted}`: it holds {there}{more}: name one as FILE.npz:NAME");
    };
    let entry = archive.by_name(&format!("{found}{SUFFIX}")).with_context(|| format!("array `{found}`"))?;
    let mut data = Vec::new();
    entry.take(MOST_BYTES + 1).read_to_end(&mut data).with_context(|| format!("array `{found}`: damaged"))?;
    if data.len() as u64 > MOST_BYTES {
        bail!("array `{found}` takes more than {MOST_BYTES} bytes: split it");
    }
    npy::parse(&data).with_context(|| format!("array `{found}`"))
}

/// Writes an archive of one array, which `array` writes.
pub fn write(
    to: impl Write + Seek,
    name: &str,
    array: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut archive = ZipWriter::new(to);
    // As numpy.savez has it: not compressed.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    archive.start_file(format!("{name}{SUFFIX}"), options).map_err(std::io::Error::other)?;
    array(&mut archive)?;
    archive.finish().map_err(std::io::Error::other).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::npy::Values;

    fn archive(arrays: &[(&str, Vec<i8>)]) -> Vec<u8> {
        let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, values) in arrays {
            archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            npy::write(&mut archive, &[values.len() as u64], values.iter().copied()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn the_array_is_the_one_named_the_only_one_or_the_inputs() {
        let bytes = archive(&[("a", vec![1, 2]), ("x", vec![3])]);
        assert_eq!(parse(&bytes, Some("a"), "x").unwrap().values, Values::Int8(vec![1, 2]));
        assert_eq!(parse(&bytes, None, "x").unwrap().values, Values::Int8(vec![3]));
        let error = parse(&bytes, None, "input").unwrap_err().to_string();
        assert!(error.contains("no array `input`") && error.contains("`a`, `x`"), "{error}");
        assert!(parse(&bytes, Some("b"), "x").is_err());
        assert_eq!(parse(&archive(&[("only", vec![7])]), None, "x").unwrap().values, Values::Int8(vec![7]));
    }

    #[test]
    fn what_is_written_reads_back_and_every_truncation_is_an_error() {
        let mut bytes = std::io::Cursor::new(Vec::new());
        write(&mut bytes, "output", |to| npy::write(to, &[3], [1i8, 2, 3].into_iter())).unwrap();
        let bytes = bytes.into_inner();
        assert_eq!(parse(&bytes, None, "x").unwrap().values, Values::Int8(vec![1, 2, 3]));
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut], None, "x").is_err(), "cut at {cut}");
        }
    }
}
