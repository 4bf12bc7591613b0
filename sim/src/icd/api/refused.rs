//! Entries of the dispatch table for what this platform does not have.
//!
//! They never look at their arguments but for the place of the status. Arguments stand as `usize` here: on the targets
//! of this driver the C calling convention passes every integer and pointer so.

use crate::icd::cl;
use crate::raw::pointers as raw;
use std::ptr::null_mut;

macro_rules! refused_objects {
    ($($name:ident($($arg:ident),*);)+) => {
        $(
            /// Refuses to make an object: status behind so many arguments.
            #[allow(clippy::too_many_arguments)]
            pub extern "C" fn $name($($arg: usize,)* errcode_ret: *mut cl::Int) -> cl::Object {
                $(let _ = $arg;)*
                raw::write(errcode_ret, cl::INVALID_OPERATION);
                null_mut()
            }
        )+
    };
}

refused_objects! {
    object_1(a);
    object_2(a, b);
    object_3(a, b, c);
    object_4(a, b, c, d);
    object_5(a, b, c, d, e);
    object_6(a, b, c, d, e, f);
    object_7(a, b, c, d, e, f, g);
    object_8(a, b, c, d, e, f, g, h);
    object_9(a, b, c, d, e, f, g, h, i);
    object_11(a, b, c, d, e, f, g, h, i, j, k);
}

macro_rules! refused_statuses {
    ($($name:ident = $code:expr;)+) => {
        $(
            /// Refuses with a status.
            pub extern "C" fn $name() -> cl::Int {
                $code
            }
        )+
    };
}

refused_statuses! {
    success = 0;
    invalid_operation = cl::INVALID_OPERATION;
    invalid_mem_object = cl::INVALID_MEM_OBJECT;
    invalid_sampler = cl::INVALID_SAMPLER;
    compiler_not_available = cl::COMPILER_NOT_AVAILABLE;
}

/// Refuses to allocate: null, there is no status.
pub extern "C" fn null() -> cl::Object {
    null_mut()
}

/// Does nothing, as for freeing null.
pub extern "C" fn nothing() {}
