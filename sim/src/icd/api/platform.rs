//! Platforms and devices.

use super::entries;
use crate::icd::handle::{find, release, retain};
use crate::icd::objects::{lock, platform, Device, Platform};
use crate::icd::{cl, info};
use crate::raw::pointers as raw;
use std::ffi::c_void;

const VERSION: &str = "OpenCL 1.2 Systole";
const PROFILE: &str = "EMBEDDED_PROFILE";
const VENDOR: &str = "Systole";
const EXTENSIONS: &str = "cl_khr_icd";
/// No vendor identifier of the PCI consortium: the standard then wants something of one's own.
const VENDOR_ID: u32 = 0x5357_0001;

entries! {
    fn clGetPlatformIDs(count: cl::Uint, platforms: *mut cl::Object, found: *mut cl::Uint) -> status {
        if (count == 0 && !platforms.is_null()) || (platforms.is_null() && found.is_null()) {
            return Err(cl::INVALID_VALUE);
        }
        raw::write(platforms, platform());
        raw::write(found, 1);
        Ok(())
    }

    fn clGetPlatformInfo(
        platform: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        find::<Platform>(platform)?;
        let answer = match name {
            0x0900 => PROFILE,
            0x0901 => VERSION,
            0x0902 => "Systole",
            0x0903 => VENDOR,
            0x0904 => EXTENSIONS,
            0x0920 => "SYSTOLE", // suffix of functions, CL_PLATFORM_ICD_SUFFIX_KHR
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(info::text(answer), bytes, value, bytes_ret)
    }

    fn clGetDeviceIDs(
        platform: cl::Object, kind: cl::Ulong, count: cl::Uint, devices: *mut cl::Object, found: *mut cl::Uint,
    ) -> status {
        let platform = find::<Platform>(platform)?;
        if kind == 0 || (kind != cl::DEVICE_TYPE_ALL && kind & !cl::DEVICE_TYPES != 0) {
            return Err(cl::INVALID_DEVICE_TYPE);
        }
        if (count == 0 && !devices.is_null()) || (devices.is_null() && found.is_null()) {
            return Err(cl::INVALID_VALUE);
        }
        let matching = devices_of(&platform, kind);
        if matching.is_empty() {
            raw::write(found, 0);
            return Err(cl::DEVICE_NOT_FOUND);
        }
        if !devices.is_null() {
            for (i, &device) in matching.iter().take(count as usize).enumerate() {
                raw::write(devices.wrapping_add(i), device);
            }
        }
        raw::write(found, matching.len() as cl::Uint);
        Ok(())
    }

    fn clGetDeviceInfo(
        device: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        info::give(device_info(&*find::<Device>(device)?, name)?, bytes, value, bytes_ret)
    }

    fn clRetainDevice(device: cl::Object) -> status { retain::<Device>(device) }

    fn clReleaseDevice(device: cl::Object) -> status { release::<Device>(device) }

    fn clCreateSubDevices(
        device: cl::Object, _properties: *const isize, _count: cl::Uint, _devices: *mut cl::Object,
        _found: *mut cl::Uint,
    ) -> status {
        find::<Device>(device)?;
        // No way of partitioning is listed, so every one is an unknown one.
        Err(cl::INVALID_VALUE)
    }
}

/// Handles of the devices of a kind: all are accelerators, the first is the default.
pub fn devices_of(platform: &Platform, kind: cl::Ulong) -> Vec<cl::Object> {
    let all = platform.devices().iter().map(|d| d.handle());
    if kind & cl::DEVICE_TYPE_ACCELERATOR != 0 {
        all.collect()
    } else if kind & cl::DEVICE_TYPE_DEFAULT != 0 {
        all.take(1).collect()
    } else {
        Vec::new()
    }
}

fn device_info(device: &Device, name: cl::Uint) -> Result<Vec<u8>, cl::Int> {
    use info::{handle, size, sizes, text, uint, ulong};
    let config = device.config();
    let (all, largest) = {
        let space = lock(&device.space);
        (space.bytes(), space.largest())
    };
    Ok(match name {
        0x1000 => ulong(cl::DEVICE_TYPE_ACCELERATOR),
        0x1001 => uint(VENDOR_ID),
        0x1002 => uint(1),                                            // compute units
        0x1003 => uint(3),                   // work item dimensions: the least the standard allows
        0x1004 => size(1),                   // work group size
        0x1005 => sizes(&[1, 1, 1]),         // work item sizes
        0x1006..=0x100b | 0x1034 => uint(0), // vector widths: there is no compiler to use them
        0x1036..=0x103c => uint(0),          // native vector widths
        0x100c => uint((device.card.clock_hz() / 1_000_000) as u32), // MHz
        0x100d => uint(config.addr_bits.next_power_of_two().max(32)), // address bits: 32 or 64
        0x100e | 0x100f => uint(8),          // image arguments (no images; sizes as for embedded)
        0x1010 => ulong(largest),
        0x1011..=0x1015 => size(0),                            // image sizes
        0x1016 => uint(0),                                     // no images
        0x1017 => size(256),                                   // bytes of arguments
        0x1018 => uint(0),                                     // samplers
        0x1019 => uint(8 * isa::control::BUFFER_ALIGN as u32), // address alignment in bits
        0x101a => uint(16),                                    // smallest data type alignment in bytes
        0x101b => ulong(0),                                    // single precision: no floating point at all
        0x1032 => ulong(0),                                    // double precision
        0x1033 => ulong(0),                                    // half precision
        0x101c => uint(0),                                     // no cache of global memory
        0x101d => uint(0),
        0x101e => ulong(0),
        0x101f => ulong(all),
        0x1020 => ulong(1024), // constant buffer
        0x1021 => uint(5),     // constant arguments
        0x1022 => uint(1),     // local memory is on the chip
        0x1023 => ulong(((config.act_words() + config.weight_words()) * config.n) as u64),
        0x1024 => uint(0), // no error correction
        0x1025 => size((1_000_000_000 / device.card.clock_hz()).max(1) as usize), // ns of a profiling tick
        0x1026 => uint(1), // little endian
        0x1027 => uint(device.card.available().into()), // available
        0x1028 => uint(0), // no compiler
        0x103e => uint(0), // no linker
        0x1029 => ulong(1), // executes kernels
        0x102a => ulong(cl::QUEUE_PROFILING),
        0x102b => text(&device.card.name()),
        0x102c => text(VENDOR),
        0x102d => text(env!("CARGO_PKG_VERSION")),
        0x102e => text(PROFILE),
        0x102f => text(VERSION),
        0x1030 => text(EXTENSIONS),
        0x1031 => handle(platform()),
        0x1035 => uint(0),                      // host and card do not share memory
        0x103d => text("OpenCL C 1.2"),         // the highest that a compiler for it might take
        0x103f => text(""),                     // built-in kernels
        0x1040 | 0x1041 => size(0),             // image sizes
        0x1042 => handle(std::ptr::null_mut()), // parent device
        0x1043 => uint(0),                      // sub-devices
        0x1044 => sizes(&[0]),                  // ways to partition
        0x1045 => ulong(0),
        0x1046 => Vec::new(),       // how it was partitioned
        0x1047 => uint(1),          // references
        0x1048 => uint(1),          // the caller synchronises shared memory
        0x1049 => size(0),          // printf
        0x104a | 0x104b => uint(0), // image pitch and base alignment
        _ => return Err(cl::INVALID_VALUE),
    })
}
