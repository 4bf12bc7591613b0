//! A context: devices that share objects, and whom to tell of errors.

use super::super::cl;
use super::super::handle::Ref;
use super::Device;
use crate::raw::pointers::{Callback, ContextNotify};
use crate::settings::verbose;
use std::ffi::CString;

/// A context.
pub struct Context {
    /// Its devices, at least one.
    pub devices: Vec<Ref<Device>>,
    /// The properties it was made with, with the closing zero; empty if there were none.
    pub properties: Vec<usize>,
    /// Whom to tell of errors.
    pub notify: Option<Callback<ContextNotify>>,
}

impl Context {
    /// Tells the caller of an error in words: through the function it gave, and on the standard error where
    /// `SYSTOLE_VERBOSE` is set.
    pub fn tell(&self, message: &str) {
        if verbose() {
            eprintln!("Systole driver: {message}");
        }
        if let (Some(notify), Ok(text)) = (self.notify, CString::new(message)) {
            notify.call(&text);
        }
    }

    /// Whether the device belongs to it.
    pub fn has(&self, device: cl::Object) -> bool {
        self.devices.iter().any(|d| d.handle() == device)
    }
}
