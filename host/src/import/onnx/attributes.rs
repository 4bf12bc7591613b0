//! Attributes of a node: found by name, checked for range.

use super::model::{node_fault, unsupported};
use super::proto;
use crate::import::error::Fault;

/// An integer, or `default` where it is left out.
pub fn int(node: &proto::Node, name: &str, default: i64) -> i64 {
    find(node, name).map_or(default, |a| a.i)
}

/// A float, or `default` where it is left out.
pub fn float(node: &proto::Node, name: &str, default: f32) -> f32 {
    find(node, name).map_or(default, |a| a.f)
}

/// A float, if it is given.
pub fn some_float(node: &proto::Node, name: &str) -> Option<f32> {
    find(node, name).map(|a| a.f)
}

/// A string, or nothing.
pub fn text(node: &proto::Node, name: &str) -> String {
    find(node, name).map(|a| String::from_utf8_lossy(&a.s).into_owned()).unwrap_or_default()
}

/// A tensor, if it is given.
pub fn tensor<'a>(node: &'a proto::Node, name: &str) -> Option<&'a proto::Tensor> {
    find(node, name).and_then(|a| a.t.as_ref())
}

/// Integers as they stand, empty where they are left out.
pub fn raw_ints(node: &proto::Node, name: &str) -> Vec<i64> {
    find(node, name).map(|a| a.ints.clone()).unwrap_or_default()
}

/// `N` integers of 0 to `most`, or `default` where they are left out.
///
/// # Errors
/// Another number of them, or one out of range.
pub fn ints<const N: usize>(
    node: &proto::Node,
    name: &str,
    default: [usize; N],
    most: usize,
) -> Result<[usize; N], Fault> {
    let given = raw_ints(node, name);
    if given.is_empty() {
        return Ok(default);
    }
    let mut values = [0; N];
    if given.len() != N {
        return Err(unsupported(node, format!("{name} is {given:?}"), format!("{N} values: two dimensions")));
    }
    for (value, &from) in values.iter_mut().zip(&given) {
        *value = usize::try_from(from)
            .ok()
            .filter(|&v| v <= most)
            .ok_or_else(|| node_fault(node, format!("{name} is {given:?}; each must be 0 to {most}")))?;
    }
    Ok(values)
}

fn find<'a>(node: &'a proto::Node, name: &str) -> Option<&'a proto::Attribute> {
    node.attribute.iter().find(|a| a.name == name)
}
