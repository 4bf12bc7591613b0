//! `.npy` files in and out, with the little that is needed of them: C order, integers and floats.

use anyhow::{bail, Context};
use npyz::{AutoSerialize, NpyFile, TypeChar, WriterBuilder};
use std::io::Write;
use std::path::Path;

/// Longest header that is looked at, and deepest nesting: an array of numbers needs about 80 bytes and 3 levels, and
/// the parser must not be led into recursion or gigabytes by a file that is no such thing.
const HEADER_LIMITS: (usize, usize) = (4096, 8);

/// The elements of an array.
#[derive(Debug, PartialEq)]
pub enum Values {
    /// int8.
    Int8(Vec<i8>),
    /// uint8.
    Uint8(Vec<u8>),
    /// Wider integers.
    Wide(Vec<i64>),
    /// float32, or float64 rounded to it.
    Float(Vec<f32>),
}

/// An array from a file.
#[derive(Debug)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its element type as numpy names it.
    pub dtype: String,
    /// Its elements in C order.
    pub values: Values,
}

/// Reads an array. `role` names the file's purpose in errors, such as `input`.
pub fn read(path: &Path, role: &str) -> anyhow::Result<Array> {
    let describe = || format!("{role} {}", path.display());
    let bytes = systole::runtime::raw::map_file(path).with_context(describe)?;
    parse(&bytes).with_context(describe)
}

/// An array from the bytes of a file.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Array> {
    check_header(bytes)?;
    let file = NpyFile::new(bytes).context("not a .npy file that numpy wrote")?;
    let shape = file.shape().iter().map(|&d| usize::try_from(d)).collect::<Result<Vec<_>, _>>()?;
    let npyz::DType::Plain(element) = file.dtype() else {
        bail!("it holds records: save an array of numbers");
    };
    if file.order() == npyz::Order::Fortran && shape.len() > 1 {
        bail!("it is in Fortran order: save it with numpy.ascontiguousarray");
    }
    let size = element.size_field();
    let (kind, expected) = (element.type_char(), file.len().saturating_mul(size));
    let header = bytes.len() as u64 - data_bytes(bytes);
    if expected != bytes.len() as u64 - header {
        let there = bytes.len() as u64 - header;
        bail!(
            "shape {shape:?} takes {expected} bytes, but {there} follow the header: the file is truncated or damaged"
        );
    }
    let wide = |v: Vec<i64>| Values::Wide(v);
    let (dtype, values) = match (kind, size) {
        (TypeChar::Int, 1) => ("int8", Values::Int8(file.into_vec()?)),
        (TypeChar::Uint, 1) => ("uint8", Values::Uint8(file.into_vec()?)),
        (TypeChar::Int, 2) => ("int16", wide(file.into_vec::<i16>()?.into_iter().map(i64::from).collect())),
        (TypeChar::Uint, 2) => ("uint16", wide(file.into_vec::<u16>()?.into_iter().map(i64::from).collect())),
        (TypeChar::Int, 4) => ("int32", wide(file.into_vec::<i32>()?.into_iter().map(i64::from).collect())),
        (TypeChar::Uint, 4) => ("uint32", wide(file.into_vec::<u32>()?.into_iter().map(i64::from).collect())),
        (TypeChar::Int, 8) => ("int64", wide(file.into_vec()?)),
        (TypeChar::Float, 4) => ("float32", Values::Float(file.into_vec()?)),
        (TypeChar::Float, 8) => {
            ("float64", Values::Float(file.into_vec::<f64>()?.into_iter().map(|v| v as f32).collect()))
        }
        _ => bail!("its elements are `{element}`: save it as int8, uint8 or float32"),
    };
    Ok(Array { shape, dtype: dtype.into(), values })
}

/// Bytes of the header's text and where it starts, from the file's first bytes.
fn header_text(bytes: &[u8]) -> Option<(usize, usize)> {
    let (start, length): (usize, usize) = match (bytes.get(..6)?, bytes.get(6)?) {
        (b"\x93NUMPY", 1) => (10, usize::from(u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?))),
        (b"\x93NUMPY", 2 | 3) => (12, u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize),
        _ => return None,
    };
    (bytes.len() >= start.checked_add(length)?).then_some((start, length))
}

/// Bytes after the header of a file that [`check_header`] has let through.
fn data_bytes(bytes: &[u8]) -> u64 {
    header_text(bytes).map_or(0, |(start, length)| (bytes.len() - start - length) as u64)
}

/// Refuses headers that the parser should not see: longer, deeper, or with more elements than any array of ours.
fn check_header(bytes: &[u8]) -> anyhow::Result<()> {
    let Some((start, length)) = header_text(bytes) else {
        bail!("not a whole .npy file: save it with numpy.save");
    };
    let text = &bytes[start..start + length];
    let opened = text.iter().filter(|b| b"([{".contains(b)).count();
    // Every number in the header, the shape's among them, multiplied: the parser multiplies the shape unchecked.
    let numbers = text.split(|b| !b.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let product = numbers
        .map(|d| std::str::from_utf8(d).ok()?.parse::<u64>().ok())
        .try_fold(1u64, |p, n| p.checked_mul(n?.max(1)));
    if length > HEADER_LIMITS.0 || opened > HEADER_LIMITS.1 || product.is_none() {
        bail!("its header is not that of an array of numbers: save it with numpy.save");
    }
    Ok(())
}

/// Writes an array of this shape in C order.
pub fn write<T: AutoSerialize>(to: impl Write, shape: &[u64], values: impl Iterator<Item = T>) -> std::io::Result<()> {
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(to).begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<T: AutoSerialize>(shape: &[u64], values: Vec<T>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, shape, values.into_iter()).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_reads_back() {
        let array = parse(&file(&[2, 3], vec![-1i8, 0, 1, 2, 3, 127])).unwrap();
        assert_eq!((array.shape, array.dtype.as_str()), (vec![2, 3], "int8"));
        assert_eq!(array.values, Values::Int8(vec![-1, 0, 1, 2, 3, 127]));
        assert_eq!(parse(&file(&[2], vec![0.5f64, -1.0])).unwrap().values, Values::Float(vec![0.5, -1.0]));
        assert_eq!(parse(&file(&[1], vec![70_000i32])).unwrap().values, Values::Wide(vec![70_000]));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = file(&[4], vec![1.0f32, 2.0, 3.0, 4.0]);
        for n in 0..whole.len() {
            assert!(parse(&whole[..n]).is_err(), "cut at {n}");
        }
    }

    fn with_header(text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.bytes());
        bytes
    }

    #[test]
    fn hostile_headers_are_errors_and_not_overflows() {
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }";
        let negative = "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }";
        let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }";
        let text = "{'descr': '<U4', 'fortran_order': False, 'shape': (), }";
        for header in [huge, negative, records, text, &"(".repeat(3000), ""] {
            assert!(parse(&with_header(header)).is_err(), "{header}");
        }
    }

    #[test]
    fn fortran_order_is_named_with_its_remedy() {
        let bytes = with_header("{'descr': '|i1', 'fortran_order': True, 'shape': (1, 1), }");
        assert!(parse(&bytes).unwrap_err().to_string().contains("ascontiguousarray"));
    }
}
