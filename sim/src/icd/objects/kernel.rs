//! A kernel and its arguments.

use super::super::handle::Ref;
use super::{Buffer, Program};
use std::sync::Mutex;

/// An argument: not set, null, or a buffer.
pub type Argument = Option<Option<Ref<Buffer>>>;

/// A kernel of a program.
pub struct Kernel {
    /// Its program.
    pub program: Ref<Program>,
    /// Its name.
    pub name: String,
    /// Its arguments so far.
    pub arguments: Mutex<[Argument; 5]>,
}
