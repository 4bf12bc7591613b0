//! Programs: containers, checked when they are loaded; building them only says that kernels may follow.

use super::entries;
use crate::icd::handle::{find, publish, references, release, retain, Ref};
use crate::icd::objects::{Context, Device, Kernel, Program};
use crate::icd::{cl, info};
use crate::raw::pointers::{self as raw, Callback, ObjectNotify};
use std::ffi::{c_char, c_void};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

const BUILD_NONE: i32 = -1;
const BUILD_SUCCESS: i32 = 0;
const BINARY_TYPE_NONE: u32 = 0;
const BINARY_TYPE_EXECUTABLE: u32 = 4;

/// The one device of a program, if `devices` is null or names no other.
fn check_devices(program: &Program, count: cl::Uint, devices: *const cl::Object) -> Result<(), cl::Int> {
    if (count == 0) != devices.is_null() {
        return Err(cl::INVALID_VALUE);
    }
    let devices = raw::read_many(devices, count as usize).unwrap_or_default();
    devices.iter().all(|&d| d == program.device.handle()).then_some(()).ok_or(cl::INVALID_DEVICE)
}

entries! {
    fn clCreateProgramWithBinary(
        context: cl::Object, count: cl::Uint, devices: *const cl::Object, lengths: *const usize,
        binaries: *const *const u8, binary_status: *mut cl::Int,
    ) -> object {
        let context = Ref::<Context>::to(context)?;
        let n = count as usize;
        let (Some(devices), Some(lengths), Some(binaries)) =
            (raw::read_many(devices, n), raw::read_many(lengths, n), raw::read_many(binaries, n))
        else {
            return Err(cl::INVALID_VALUE);
        };
        // A container is for one configuration, so a program is for one device.
        let ([device], [length], [binary]) = (&devices[..], &lengths[..], &binaries[..]) else {
            return Err(cl::INVALID_VALUE);
        };
        if !context.has(*device) {
            return Err(cl::INVALID_DEVICE);
        }
        let device = Ref::<Device>::to(*device)?;
        let Some(bytes) = raw::bytes(*binary, *length).filter(|b| !b.is_empty()) else {
            raw::write(binary_status, cl::INVALID_VALUE);
            return Err(cl::INVALID_VALUE);
        };
        match Program::load(context.clone(), device, bytes) {
            Ok(program) => {
                raw::write(binary_status, 0);
                Ok(publish(Arc::new(program)))
            }
            Err((code, detail)) => {
                let what = isa::failure::failure(code).map_or("container refused", |f| f.what);
                context.tell(&format!("{what} ({detail})"));
                raw::write(binary_status, code);
                Err(cl::INVALID_BINARY)
            }
        }
    }

    fn clRetainProgram(program: cl::Object) -> status { retain::<Program>(program) }

    fn clReleaseProgram(program: cl::Object) -> status { release::<Program>(program) }

    fn clBuildProgram(
        program: cl::Object, count: cl::Uint, devices: *const cl::Object, _options: *const c_char,
        notify: Option<ObjectNotify>, user_data: *mut c_void,
    ) -> status {
        let object = find::<Program>(program)?;
        if notify.is_none() && !user_data.is_null() {
            return Err(cl::INVALID_VALUE);
        }
        check_devices(&object, count, devices)?;
        object.built.store(true, Relaxed);
        if let Some(notify) = notify {
            Callback::new(notify, user_data).call(program);
        }
        Ok(())
    }

    fn clGetProgramInfo(
        program: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Program>(program)?;
        let built = object.built.load(Relaxed).then_some(()).ok_or(cl::INVALID_PROGRAM_EXECUTABLE);
        let answer = match name {
            0x1160 => info::uint(references(program)),
            0x1161 => info::handle(object.context.handle()),
            0x1162 => info::uint(1),
            0x1163 => info::handle(object.device.handle()),
            0x1164 => info::text(""), // source
            0x1165 => info::size(object.binary.len()),
            0x1166 => {
                // The value is an array of pointers to memory for each binary; null means that it is not wanted.
                if !value.is_null() {
                    if bytes < size_of::<*mut u8>() {
                        return Err(cl::INVALID_VALUE);
                    }
                    let to = raw::read(value.cast::<*mut u8>()).unwrap_or(std::ptr::null_mut());
                    raw::write_bytes(to, &object.binary);
                }
                raw::write(bytes_ret, size_of::<*mut u8>());
                return Ok(());
            }
            0x1167 => built.map(|()| info::size(object.manifest.kernels.len()))?,
            0x1168 => built.map(|()| info::text(&object.kernel_names()))?,
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clGetProgramBuildInfo(
        program: cl::Object, device: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void,
        bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Program>(program)?;
        if device != object.device.handle() {
            return Err(cl::INVALID_DEVICE);
        }
        let built = object.built.load(Relaxed);
        let answer = match name {
            0x1181 => info::uint(if built { BUILD_SUCCESS } else { BUILD_NONE } as u32),
            0x1182 | 0x1183 => info::text(""), // options, log
            0x1184 => info::uint(if built { BINARY_TYPE_EXECUTABLE } else { BINARY_TYPE_NONE }),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clCreateKernel(program: cl::Object, name: *const c_char) -> object {
        let program = Ref::<Program>::to(program)?;
        if name.is_null() {
            return Err(cl::INVALID_VALUE);
        }
        if !program.built.load(Relaxed) {
            return Err(cl::INVALID_PROGRAM_EXECUTABLE);
        }
        let name = raw::text(name).ok_or(cl::INVALID_KERNEL_NAME)?;
        let kernel = Kernel::new(program, &name).ok_or(cl::INVALID_KERNEL_NAME)?;
        Ok(publish(Arc::new(kernel)))
    }

    fn clCreateKernelsInProgram(
        program: cl::Object, count: cl::Uint, kernels: *mut cl::Object, found: *mut cl::Uint,
    ) -> status {
        let program = Ref::<Program>::to(program)?;
        if !program.built.load(Relaxed) {
            return Err(cl::INVALID_PROGRAM_EXECUTABLE);
        }
        let names = program.manifest.kernels.iter().map(|k| k.name.clone());
        if !kernels.is_null() {
            if (count as usize) < names.len() {
                return Err(cl::INVALID_VALUE);
            }
            for (i, name) in names.clone().enumerate() {
                let kernel = Kernel::new(program.clone(), &name).ok_or(cl::INVALID_KERNEL_NAME)?;
                raw::write(kernels.wrapping_add(i), publish(Arc::new(kernel)));
            }
        }
        raw::write(found, names.len() as cl::Uint);
        Ok(())
    }
}
