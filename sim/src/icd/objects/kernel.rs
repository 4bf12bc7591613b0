//! A kernel and its arguments.

use super::super::handle::Ref;
use super::{Buffer, Program};
use crate::rtl;
use std::sync::Mutex;

/// An argument: not set, null, or a buffer.
pub type Argument = Option<Option<Ref<Buffer>>>;

/// A kernel of a program.
pub struct Kernel {
    /// Its program.
    pub program: Ref<Program>,
    /// Its name and the names of its arguments.
    pub declared: isa::manifest::Kernel,
    /// Which of the card's it is.
    pub kernel: rtl::Kernel,
    /// Its arguments so far.
    pub arguments: Mutex<Vec<Argument>>,
}

impl Kernel {
    /// The kernel of this name, if the program has it and the card knows it.
    pub fn new(program: Ref<Program>, name: &str) -> Option<Self> {
        let kernel = rtl::Kernel::named(name)?;
        let declared = program.manifest.kernels.iter().find(|k| k.name == name)?.clone();
        let arguments = Mutex::new(declared.arguments.iter().map(|_| None).collect());
        Some(Self { program, declared, kernel, arguments })
    }
}
