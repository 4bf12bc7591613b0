//! Command queues.

use super::entries;
use crate::icd::handle::{find, publish, references, release, retain, Ref};
use crate::icd::objects::{Context, Device, Queue};
use crate::icd::{cl, info};
use crate::raw::pointers as raw;
use std::ffi::c_void;
use std::sync::Arc;

const QUEUE_PROPERTIES: u64 = 0x1093;
const QUEUE_SIZE: u64 = 0x1094;

fn create(context: cl::Object, device: cl::Object, properties: cl::Ulong) -> Result<cl::Object, cl::Int> {
    let context = Ref::<Context>::to(context)?;
    let device = Ref::<Device>::to(device)?;
    if !context.has(device.handle()) {
        return Err(cl::INVALID_DEVICE);
    }
    if properties & !(cl::QUEUE_OUT_OF_ORDER | cl::QUEUE_PROFILING) != 0 {
        return Err(cl::INVALID_VALUE);
    }
    if properties & cl::QUEUE_OUT_OF_ORDER != 0 {
        return Err(cl::INVALID_QUEUE_PROPERTIES);
    }
    Ok(publish(Arc::new(Queue::new(context, device, properties)?)))
}

entries! {
    fn clCreateCommandQueue(context: cl::Object, device: cl::Object, properties: cl::Ulong) -> object {
        create(context, device, properties)
    }

    fn clCreateCommandQueueWithProperties(
        context: cl::Object, device: cl::Object, properties: *const cl::Ulong,
    ) -> object {
        let mut bits = 0;
        let mut at = properties;
        while let Some(name) = raw::read(at).filter(|&name| name != 0) {
            let value = raw::read(at.wrapping_add(1)).unwrap_or(0);
            match name {
                QUEUE_PROPERTIES => bits = value,
                // A size is for queues on the device, which there are none of.
                QUEUE_SIZE => return Err(cl::INVALID_QUEUE_PROPERTIES),
                _ => return Err(cl::INVALID_VALUE),
            }
            at = at.wrapping_add(2);
        }
        create(context, device, bits)
    }

    fn clRetainCommandQueue(queue: cl::Object) -> status { retain::<Queue>(queue) }

    fn clReleaseCommandQueue(queue: cl::Object) -> status { release::<Queue>(queue) }

    fn clGetCommandQueueInfo(
        queue: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Queue>(queue)?;
        let answer = match name {
            0x1090 => info::handle(object.context.handle()),
            0x1091 => info::handle(object.device.handle()),
            0x1092 => info::uint(references(queue)),
            0x1093 => info::ulong(object.properties),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clSetCommandQueueProperty(
        queue: cl::Object, _properties: cl::Ulong, _enable: cl::Bool, _old: *mut cl::Ulong,
    ) -> status {
        find::<Queue>(queue)?;
        Err(cl::INVALID_OPERATION)
    }

    fn clFlush(queue: cl::Object) -> status { find::<Queue>(queue).map(drop) }

    fn clFinish(queue: cl::Object) -> status { find::<Queue>(queue)?.finish() }
}
