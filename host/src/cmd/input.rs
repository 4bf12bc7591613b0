//! Where the inputs of a run come from: arrays, archives, raw bytes, images; by what the name ends with.

use super::image::{self, Pixels};
use super::samples::Samples;
use super::{npy, npz};
use anyhow::{bail, Context};
use std::path::{Path, PathBuf};
use systole::plan::TensorInfo;

/// Flags that say what the inputs are.
#[derive(clap::Args)]
pub struct InputArgs {
    /// Inputs: a .npy or .npz of the model's input shape, or a batch of those (float32 is quantised as the model says);
    /// .bin or .raw with the bytes of the quantised input, one after the other; a .png, or a folder of them. Of a .npz
    /// with several arrays the one named as the model's input, or FILE.npz:NAME
    /// [default: random values from a fixed seed]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Factor of a pixel of 0 to 255 of an image: the real value is (pixel - mean) * scale; one number, or one for each
    /// channel, with commas [default: 1/255]
    #[arg(long, value_name = "REAL", value_delimiter = ',', allow_negative_numbers = true)]
    scale: Vec<f32>,
    /// What is taken from a pixel of 0 to 255 of an image; as --scale [default: 0]
    #[arg(long, value_name = "REAL", value_delimiter = ',', allow_negative_numbers = true)]
    mean: Vec<f32>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An array.
    Npy,
    /// An archive of arrays.
    Npz,
    /// Bytes and nothing else.
    Raw,
    /// An image.
    Png,
}

impl Kind {
    /// By what the name ends with.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "bin" | "raw" => Some(Self::Raw),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

impl InputArgs {
    /// Reads the inputs for a model, if there is a file of them.
    ///
    /// # Errors
    /// The file is none of these kinds, damaged, or does not fit the model; flags for images with another kind.
    pub fn read(&self, info: &TensorInfo) -> anyhow::Result<Option<Samples>> {
        let pixels = !(self.scale.is_empty() && self.mean.is_empty());
        let Some(path) = &self.input else {
            if pixels {
                bail!("--scale and --mean are for images: give those with --input");
            }
            return Ok(None);
        };
        let file = path.display().to_string();
        let folder = path.is_dir();
        let (path, name) = if folder { (path.clone(), None) } else { split(path) };
        let kind = if folder { Some(Kind::Png) } else { Kind::of(&path) };
        if pixels && kind != Some(Kind::Png) {
            bail!("--scale and --mean are for images, and {file} is none: leave them out");
        }
        let array = match kind {
            Some(Kind::Npy) => npy::read(&path, "input")?,
            Some(Kind::Npz) => npz::read(&path, name.as_deref(), &info.name)?,
            Some(Kind::Raw) => {
                let bytes = std::fs::read(&path).with_context(|| format!("input {file}"))?;
                return Samples::of_bytes(&bytes, info, &file).map(Some);
            }
            Some(Kind::Png) => {
                let or = |values: &[f32], usual: f32| if values.is_empty() { vec![usual] } else { values.to_vec() };
                let pixels = Pixels { scale: or(&self.scale, 1.0 / 255.0), mean: or(&self.mean, 0.0) };
                let files = if folder { image::in_folder(&path)? } else { vec![path] };
                image::read(&files, info, &pixels)?
            }
            None => bail!("input {file}: its kind is not known: give a .npy, .npz, .bin, .raw or .png, or a folder"),
        };
        Samples::of_array(array, info, &file).map(Some)
    }
}

/// `FILE.npz:NAME` as the file and the name of the array; a file of just that name goes before.
fn split(path: &Path) -> (PathBuf, Option<String>) {
    const BETWEEN: &str = ".npz:";
    match path.to_str().and_then(|text| text.split_once(BETWEEN)) {
        Some((file, name)) if !path.exists() => (format!("{file}.npz").into(), Some(name.into())),
        _ => (path.into(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_in_the_name_and_so_is_the_array() {
        assert_eq!(Kind::of(Path::new("a/b.NPY")), Some(Kind::Npy));
        assert_eq!(Kind::of(Path::new("b.raw")), Some(Kind::Raw));
        assert_eq!(Kind::of(Path::new("png")), None);
        assert_eq!(split(Path::new("a.npz:x:y")), ("a.npz".into(), Some("x:y".into())));
        assert_eq!(split(Path::new("a.npz")), ("a.npz".into(), None));
    }
}
