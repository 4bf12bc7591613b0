//! Output files that appear whole or not at all.

use super::input::Kind;
use super::{npy, npz};
use anyhow::{bail, Context};
use std::io::Write;
use std::path::{Path, PathBuf};
use systole::plan::{Dtype, TensorInfo};
use tempfile::NamedTempFile;

/// Whether a file may be put at `path`: the rename at the end would also take the place of a device or a pipe.
pub fn may_replace(path: &Path) -> anyhow::Result<()> {
    free(path, "--out")
}

fn free(path: &Path, flag: &str) -> anyhow::Result<()> {
    if path.exists() && !path.is_file() {
        bail!("cannot write {flag} {}: it is there and is no file: give another name", path.display());
    }
    Ok(())
}

/// A file beside its place, until it is whole.
fn beside(path: &Path, flag: &str) -> anyhow::Result<NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".systole-").suffix(".part");
    #[cfg(unix)]
    {
        // As any file is made; a private temporary file would stay private when renamed.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder);
    file.with_context(|| format!("cannot write {flag} {} in {}", path.display(), folder.display()))
}

/// A report that will be written as a page; as [`OutputFile`] it is there whole or not at all.
pub struct Page {
    path: PathBuf,
    file: NamedTempFile,
}

impl Page {
    /// Opens a file to be written later.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        free(path, "--html")?;
        Ok(Self { path: path.into(), file: beside(path, "--html")? })
    }

    /// Writes the page and puts the file in its place.
    pub fn finish(mut self, text: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written
            .and_then(|()| Ok(self.file.persist(&self.path)?))
            .map(drop)
            .with_context(|| format!("cannot write --html {}", self.path.display()))
    }
}

/// A file that will be written. It is opened beside its place before the work, so that a folder that is not there is
/// found out at once; without [`OutputFile::finish`] nothing of it stays.
pub struct OutputFile {
    path: PathBuf,
    kind: Kind,
    file: NamedTempFile,
}

/// What the array is called in an archive.
const NAME: &str = "output";

impl OutputFile {
    /// Opens a file to be written later.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        may_replace(path)?;
        let Some(kind) = Kind::of(path).filter(|kind| *kind != Kind::Png) else {
            bail!("cannot write --out {}: its kind is not known: give a .npy, .npz, .bin or .raw", path.display());
        };
        let file = beside(path, "--out")?;
        Ok(Self { path: path.into(), kind, file })
    }

    /// Writes the model's outputs as the model has them (int8, uint8 or dequantised float32), shape [N, ...], and puts
    /// the file in its place. Raw are the quantised bytes, one output after the other.
    pub fn finish(mut self, info: &TensorInfo, outputs: &[Vec<i8>]) -> anyhow::Result<()> {
        let to = std::io::BufWriter::new(self.file.as_file_mut());
        match self.kind {
            Kind::Npz => npz::write(to, NAME, |to| array(to, info, outputs)),
            Kind::Raw => raw(to, info, outputs),
            Kind::Npy | Kind::Png => array(to, info, outputs),
        }
        .and_then(|()| Ok(self.file.persist(&self.path)?))
        .with_context(|| format!("cannot write --out {}", self.path.display()))?;
        Ok(())
    }
}

fn array(to: impl Write, info: &TensorInfo, outputs: &[Vec<i8>]) -> std::io::Result<()> {
    let shape: Vec<u64> = std::iter::once(outputs.len()).chain(info.shape.iter().copied()).map(|d| d as u64).collect();
    let values = outputs.iter().flatten().copied();
    match info.dtype {
        Dtype::Int8 => npy::write(to, &shape, values),
        // The card has a uint8 less 128.
        Dtype::Uint8 => npy::write(to, &shape, values.map(|v| (i16::from(v) + 128) as u8)),
        // Outputs of the card have one of three types; anything else would be an array of the host.
        _ => npy::write(to, &shape, values.map(|v| info.dequantise(v))),
    }
}

fn raw(mut to: impl Write, info: &TensorInfo, outputs: &[Vec<i8>]) -> std::io::Result<()> {
    let flip = if info.dtype == Dtype::Uint8 { 0x80 } else { 0 };
    for output in outputs {
        let bytes: Vec<u8> = output.iter().map(|&v| v as u8 ^ flip).collect();
        to.write_all(&bytes)?;
    }
    to.flush()
}
