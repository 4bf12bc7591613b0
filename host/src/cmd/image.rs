//! PNG images as inputs: one, or a folder of them.
//!
//! An image must have the model's size and number of channels; it is neither resized nor recoloured, because how that is
//! done changes what the network says. A pixel of 0 to 255 becomes the real value `(pixel − mean) · scale`, which the model
//! then quantises.

use super::npy::{Array, Values};
use anyhow::{bail, Context};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use systole::plan::TensorInfo;

/// How pixels become real values.
pub struct Pixels {
    /// One for all channels, or one for each.
    pub scale: Vec<f32>,
    /// One for all channels, or one for each, in steps of a pixel.
    pub mean: Vec<f32>,
}

/// What a file of images ends with.
const SUFFIX: &str = "png";

/// The images of a folder, in the order of their names.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let describe = || format!("input {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case(SUFFIX)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("input {}: the folder holds no .png: give a folder of images, or a file", folder.display());
    }
    files.sort();
    Ok(files)
}

/// Reads images as a batch of the model's input.
///
/// # Errors
/// The first image that is none, or has another size or other colours than the model takes.
pub fn read(files: &[PathBuf], info: &TensorInfo, pixels: &Pixels) -> anyhow::Result<Array> {
    let channels = info.hwc[2];
    for (flag, values) in [("--scale", &pixels.scale), ("--mean", &pixels.mean)] {
        if ![1, channels].contains(&values.len()) {
            bail!("{flag}: {} values; input `{}` has {channels} channels: give 1 or as many", values.len(), info.name);
        }
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            bail!("{flag} {bad}: give a finite number");
        }
    }
    let of = |values: &[f32], c: usize| values.get(c).or(values.first()).copied().unwrap_or(0.0);
    let mut reals = vec![0.0; files.len() * info.elements()];
    for (path, to) in files.iter().zip(reals.chunks_exact_mut(info.elements())) {
        let image = decode(path, info).with_context(|| format!("input {}", path.display()))?;
        for (i, &pixel) in image.iter().enumerate() {
            let (at, c) = (i / channels, i % channels);
            let real = (f32::from(pixel) - of(&pixels.mean, c)) * of(&pixels.scale, c);
            to[info.position(at / info.hwc[1], at % info.hwc[1], c)] = real;
        }
    }
    let shape = std::iter::once(files.len()).chain(info.shape.iter().copied()).collect();
    Ok(Array { shape, dtype: "float32".into(), values: Values::Float(reals) })
}

/// The pixels of an image, 8 bits a channel, as [height, width, channels].
fn decode(path: &Path, info: &TensorInfo) -> anyhow::Result<Vec<u8>> {
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut image = decoder.read_info().context("not a PNG image")?;
    let [height, width, channels] = info.hwc;
    let header = image.info();
    let (wide, high) = (header.width as usize, header.height as usize);
    if (high, wide) != (height, width) {
        bail!("it is {wide} x {high} pixels, but input `{}` takes {width} x {height}: resize it", info.name);
    }
    let (colours, _) = image.output_color_type();
    if colours.samples() != channels {
        let wanted = match channels {
            1 => "save it as grey without transparency",
            3 => "save it as RGB without transparency",
            4 => "save it as RGB with transparency",
            _ => "give an array instead",
        };
        let has = colours.samples();
        bail!("it has {has} channels ({colours:?}), but input `{}` takes {channels}: {wanted}", info.name);
    }
    let mut bytes = vec![0; height * width * channels];
    image.next_frame(&mut bytes).context("not a whole PNG image")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole::plan::{Dtype, Order, Rounding};

    fn info(hwc: [usize; 3], order: Order) -> TensorInfo {
        let shape = match order {
            Order::ChannelsFirst => vec![hwc[2], hwc[0], hwc[1]],
            Order::ChannelsLast => hwc.to_vec(),
        };
        let (dtype, rounding) = (Dtype::Int8, Rounding::TiesAway);
        TensorInfo { name: "x".into(), shape, dtype, order, hwc, scale: 1.0, zero_point: -128, rounding }
    }

    fn save(path: &Path, [height, width]: [u32; 2], colours: png::ColorType, bytes: &[u8]) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), width, height);
        encoder.set_color(colours);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    }

    fn pixels(scale: &[f32], mean: &[f32]) -> Pixels {
        Pixels { scale: scale.to_vec(), mean: mean.to_vec() }
    }

    #[test]
    fn pixels_go_where_the_model_has_them_and_each_channel_has_its_own_scale() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        save(&path, [1, 2], png::ColorType::Rgb, &[10, 20, 30, 40, 50, 60]);
        let files = in_folder(folder.path()).unwrap();
        let read = |order, scale: &[f32]| read(&files, &info([1, 2, 3], order), &pixels(scale, &[10.0])).unwrap();
        let last = read(Order::ChannelsLast, &[0.5]);
        assert_eq!(
            (last.shape, last.values),
            (vec![1, 1, 2, 3], Values::Float(vec![0.0, 5.0, 10.0, 15.0, 20.0, 25.0]))
        );
        let first = read(Order::ChannelsFirst, &[1.0, 2.0, 3.0]);
        assert_eq!(first.values, Values::Float(vec![0.0, 30.0, 20.0, 80.0, 60.0, 150.0]));
    }

    #[test]
    fn another_size_other_colours_and_damage_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        save(&path, [2, 3], png::ColorType::Grayscale, &[0; 6]);
        let error = |hwc| {
            let info = info(hwc, Order::ChannelsLast);
            let result = read(std::slice::from_ref(&path), &info, &pixels(&[1.0], &[0.0]));
            format!("{:#}", result.err().unwrap())
        };
        assert!(error([3, 2, 1]).contains("3 x 2 pixels, but input `x` takes 2 x 3"), "{}", error([3, 2, 1]));
        assert!(error([2, 3, 3]).contains("1 channels (Grayscale)"), "{}", error([2, 3, 3]));
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() - 12 {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(error([2, 3, 1]).contains("PNG"), "cut at {cut}: {}", error([2, 3, 1]));
        }
        assert!(in_folder(&folder.path().join("none")).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(in_folder(folder.path()).unwrap_err().to_string().contains("no .png"));
    }
}
