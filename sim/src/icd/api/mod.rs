//! The functions of the dispatch table, by kind of object.

pub mod commands;
pub mod context;
pub mod event;
pub mod kernel;
pub mod memory;
pub mod platform;
pub mod program;
pub mod queue;
pub mod rect;
pub mod refused;

use super::cl;
use super::handle::{find, Ref};
use super::objects::{Context, Event, Progress};
use crate::raw::pointers as raw;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

/// Runs a function whose result is a status. A panic must not reach C: it becomes an error.
pub fn status(body: impl FnOnce() -> Result<(), cl::Int>) -> cl::Int {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => error,
        Err(_) => cl::OUT_OF_HOST_MEMORY,
    }
}

/// Runs a function whose result is an object or a pointer, with the status beside it.
pub fn object(status: *mut cl::Int, body: impl FnOnce() -> Result<cl::Object, cl::Int>) -> cl::Object {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(cl::OUT_OF_HOST_MEMORY));
    raw::write(status, result.err().unwrap_or(0));
    result.unwrap_or(std::ptr::null_mut())
}

/// Declares functions of the dispatch table: `-> status` or, with the caller's status pointer last, `-> object`.
macro_rules! entries {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $kind:ident $body:block)+) => {
        $($crate::icd::api::entries!(@ $kind $name($($arg: $type),*) $body);)+
    };
    (@ status $name:ident($($arg:ident: $type:ty),*) $body:block) => {
        #[doc = concat!("`", stringify!($name), "` of the standard.")]
        #[allow(non_snake_case, clippy::too_many_arguments)]
        pub extern "C" fn $name($($arg: $type),*) -> cl::Int {
            $crate::icd::api::status(|| $body)
        }
    };
    (@ object $name:ident($($arg:ident: $type:ty),*) $body:block) => {
        #[doc = concat!("`", stringify!($name), "` of the standard.")]
        #[allow(non_snake_case, clippy::too_many_arguments)]
        pub extern "C" fn $name($($arg: $type,)* errcode_ret: *mut cl::Int) -> cl::Object {
            $crate::icd::api::object(errcode_ret, || $body)
        }
    };
}
pub(crate) use entries;

/// The events of a wait list, which must be of `context`.
pub fn wait_list(
    context: &Ref<Context>,
    count: cl::Uint,
    events: *const cl::Object,
) -> Result<Vec<Arc<Progress>>, cl::Int> {
    if (count == 0) != events.is_null() {
        return Err(cl::INVALID_EVENT_WAIT_LIST);
    }
    let mut progress = Vec::new();
    for handle in raw::read_many(events, count as usize).unwrap_or_default() {
        let event = find::<Event>(handle).map_err(|_| cl::INVALID_EVENT_WAIT_LIST)?;
        if event.context.handle() != context.handle() {
            return Err(cl::INVALID_CONTEXT);
        }
        progress.push(event.progress.clone());
    }
    Ok(progress)
}
