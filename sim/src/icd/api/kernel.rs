//! Kernels and their arguments.

use super::entries;
use crate::icd::handle::{find, references, release, retain, Ref};
use crate::icd::objects::{lock, Buffer, Kernel};
use crate::icd::{cl, info};
use crate::raw::pointers as raw;
use std::ffi::c_void;

entries! {
    fn clRetainKernel(kernel: cl::Object) -> status { retain::<Kernel>(kernel) }

    fn clReleaseKernel(kernel: cl::Object) -> status { release::<Kernel>(kernel) }

    fn clSetKernelArg(kernel: cl::Object, index: cl::Uint, bytes: usize, value: *const c_void) -> status {
        let kernel = find::<Kernel>(kernel)?;
        let mut arguments = lock(&kernel.arguments);
        let argument = arguments.get_mut(index as usize).ok_or(cl::INVALID_ARG_INDEX)?;
        if bytes != size_of::<cl::Object>() {
            return Err(cl::INVALID_ARG_SIZE);
        }
        // Null, or a pointer to null, is a null pointer for the kernel.
        let handle = raw::read(value.cast::<cl::Object>()).unwrap_or(std::ptr::null_mut());
        let buffer = if handle.is_null() { None } else { Some(Ref::<Buffer>::to(handle)?) };
        if buffer.as_ref().is_some_and(|b| b.context.handle() != kernel.program.context.handle()) {
            return Err(cl::INVALID_MEM_OBJECT);
        }
        let old = argument.replace(buffer);
        drop(arguments);
        // A buffer that goes now may call a function of the caller's: not with the arguments locked.
        drop(old);
        Ok(())
    }

    fn clGetKernelInfo(
        kernel: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Kernel>(kernel)?;
        let answer = match name {
            0x1190 => info::text(&object.declared.name),
            0x1191 => info::uint(object.declared.arguments.len() as u32),
            0x1192 => info::uint(references(kernel)),
            0x1193 => info::handle(object.program.context.handle()),
            0x1194 => info::handle(object.program.handle()),
            0x1195 => info::text(""), // attributes
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clGetKernelArgInfo(
        kernel: cl::Object, index: cl::Uint, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Kernel>(kernel)?;
        let argument = object.declared.arguments.get(index as usize).ok_or(cl::INVALID_ARG_INDEX)?;
        let answer = match name {
            0x1196 => info::uint(0x119b), // in global memory
            0x1197 => info::uint(0x11a3), // no access qualifier: no image
            0x1198 => info::text("char*"),
            0x1199 => info::ulong(0),     // no type qualifier
            0x119a => info::text(argument),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clGetKernelWorkGroupInfo(
        kernel: cl::Object, device: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void,
        bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Kernel>(kernel)?;
        if !device.is_null() && device != object.program.device.handle() {
            return Err(cl::INVALID_DEVICE);
        }
        let answer = match name {
            0x11b0 | 0x11b3 => info::size(1),     // work group size, preferred multiple
            0x11b1 => info::sizes(&[1, 1, 1]),    // required work group size
            0x11b2 | 0x11b4 => info::ulong(0),    // local and private memory
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }
}
