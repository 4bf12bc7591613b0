//! Buffers, without the commands on them.

use super::entries;
use crate::icd::handle::{find, publish, references, release, retain, Ref};
use crate::icd::objects::{lock, Buffer, Context, Storage};
use crate::icd::{cl, info};
use crate::raw::pointers::{self as raw, Callback, HostMemory, ObjectNotify};
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

const ACCESS: cl::Ulong = cl::MEM_READ_WRITE | cl::MEM_WRITE_ONLY | cl::MEM_READ_ONLY;
const HOST_POINTER: cl::Ulong = cl::MEM_USE_HOST_PTR | cl::MEM_ALLOC_HOST_PTR | cl::MEM_COPY_HOST_PTR;
const HOST_ACCESS: cl::Ulong = cl::MEM_HOST_WRITE_ONLY | cl::MEM_HOST_READ_ONLY | cl::MEM_HOST_NO_ACCESS;

const BUFFER_CREATE_TYPE_REGION: cl::Uint = 0x1220;
const MEM_OBJECT_BUFFER: cl::Uint = 0x10f0;

/// `cl_buffer_region`: first byte and bytes.
type BufferRegion = [usize; 2];

fn check_flags(flags: cl::Ulong) -> Result<(), cl::Int> {
    let one_at_most = |group: cl::Ulong| (flags & group).count_ones() <= 1;
    let known = flags & !(ACCESS | HOST_POINTER | HOST_ACCESS) == 0;
    let both = flags & cl::MEM_USE_HOST_PTR != 0 && flags & (HOST_POINTER & !cl::MEM_USE_HOST_PTR) != 0;
    (known && one_at_most(ACCESS) && one_at_most(HOST_ACCESS) && !both).then_some(()).ok_or(cl::INVALID_VALUE)
}

entries! {
    fn clCreateBuffer(context: cl::Object, flags: cl::Ulong, size: usize, host: *mut c_void) -> object {
        let context = Ref::<Context>::to(context)?;
        check_flags(flags)?;
        let largest = context.devices.iter().map(|d| lock(&d.space).largest()).min().unwrap_or(0);
        if size == 0 || size as u64 > largest {
            return Err(cl::INVALID_BUFFER_SIZE);
        }
        if host.is_null() != (flags & (cl::MEM_USE_HOST_PTR | cl::MEM_COPY_HOST_PTR) == 0) {
            return Err(cl::INVALID_HOST_PTR);
        }
        let storage = Storage::new(&context.devices, size)?;
        if let Some(host) = HostMemory::new(host) {
            host.get(&mut lock(&storage.bytes)[..size]);
        }
        Ok(publish(Arc::new(Buffer {
            context,
            parent: None,
            storage: Arc::new(storage),
            origin: 0,
            size,
            flags: if flags & ACCESS == 0 { flags | cl::MEM_READ_WRITE } else { flags },
            host: HostMemory::new(host).filter(|_| flags & cl::MEM_USE_HOST_PTR != 0),
            mappings: Mutex::default(),
            destructors: Mutex::default(),
        })))
    }

    fn clCreateSubBuffer(
        buffer: cl::Object, flags: cl::Ulong, kind: cl::Uint, region: *const BufferRegion,
    ) -> object {
        let parent = Ref::<Buffer>::to(buffer)?;
        if parent.parent.is_some() {
            return Err(cl::INVALID_MEM_OBJECT);
        }
        check_flags(flags)?;
        let region = raw::read(region).filter(|_| kind == BUFFER_CREATE_TYPE_REGION).ok_or(cl::INVALID_VALUE)?;
        let [origin, size] = region;
        // What the part allows must not exceed what the whole does.
        let of_whole = |group: cl::Ulong| parent.flags & group;
        let (whole, part) = (of_whole(ACCESS), flags & ACCESS);
        if flags & HOST_POINTER != 0
            || !parent.holds(origin, size)
            || (part != 0 && part != whole && whole != cl::MEM_READ_WRITE)
            || (flags & HOST_ACCESS != 0 && of_whole(HOST_ACCESS) != 0 && flags & HOST_ACCESS != of_whole(HOST_ACCESS))
        {
            return Err(cl::INVALID_VALUE);
        }
        if size == 0 {
            return Err(cl::INVALID_BUFFER_SIZE);
        }
        if !(origin as u64).is_multiple_of(isa::control::BUFFER_ALIGN) {
            return Err(cl::MISALIGNED_SUB_BUFFER_OFFSET);
        }
        let inherited = of_whole(HOST_POINTER)
            | if part == 0 { whole } else { part }
            | if flags & HOST_ACCESS == 0 { of_whole(HOST_ACCESS) } else { flags & HOST_ACCESS };
        Ok(publish(Arc::new(Buffer {
            context: parent.context.clone(),
            storage: parent.storage.clone(),
            origin,
            size,
            flags: inherited,
            host: parent.host.map(|h| h.offset(origin)),
            mappings: Mutex::default(),
            destructors: Mutex::default(),
            parent: Some(parent),
        })))
    }

    fn clRetainMemObject(buffer: cl::Object) -> status { retain::<Buffer>(buffer) }

    fn clReleaseMemObject(buffer: cl::Object) -> status { release::<Buffer>(buffer) }

    fn clSetMemObjectDestructorCallback(
        buffer: cl::Object, notify: Option<ObjectNotify>, user_data: *mut c_void,
    ) -> status {
        let object = find::<Buffer>(buffer)?;
        let callback = Callback::new(notify.ok_or(cl::INVALID_VALUE)?, user_data);
        lock(&object.destructors).push((callback, buffer as usize));
        Ok(())
    }

    fn clGetMemObjectInfo(
        buffer: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Buffer>(buffer)?;
        let null = std::ptr::null_mut();
        let answer = match name {
            0x1100 => info::uint(MEM_OBJECT_BUFFER),
            0x1101 => info::ulong(object.flags),
            0x1102 => info::size(object.size),
            0x1103 => info::handle(object.host.map_or(null, |h| h.pointer())),
            0x1104 => info::uint(lock(&object.mappings).len() as u32),
            0x1105 => info::uint(references(buffer)),
            0x1106 => info::handle(object.context.handle()),
            0x1107 => info::handle(object.parent.as_ref().map_or(null, |p| p.handle())),
            0x1108 => info::size(object.origin),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clGetSupportedImageFormats(
        context: cl::Object, _flags: cl::Ulong, _kind: cl::Uint, _count: cl::Uint, _formats: *mut c_void,
        found: *mut cl::Uint,
    ) -> status {
        find::<Context>(context)?;
        raw::write(found, 0);
        Ok(())
    }
}
