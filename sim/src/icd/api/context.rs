//! Contexts.

use super::entries;
use super::platform::devices_of;
use crate::icd::handle::{find, publish, references, release, retain, Ref};
use crate::icd::objects::{platform, Context, Device, Platform};
use crate::icd::{cl, info};
use crate::raw::pointers::{self as raw, Callback, ContextNotify};
use std::ffi::c_void;
use std::sync::Arc;

const CONTEXT_PLATFORM: usize = 0x1084;
const CONTEXT_INTEROP_USER_SYNC: usize = 0x1085;

/// The property list with its closing zero, checked; empty for null.
fn properties_of(list: *const usize) -> Result<Vec<usize>, cl::Int> {
    let mut all = Vec::new();
    if list.is_null() {
        return Ok(all);
    }
    loop {
        let name = raw::read(list.wrapping_add(all.len())).unwrap_or(0);
        all.push(name);
        if name == 0 {
            return Ok(all);
        }
        let value = raw::read(list.wrapping_add(all.len())).unwrap_or(0);
        match name {
            _ if all[..all.len() - 1].chunks(2).any(|pair| pair[0] == name) => return Err(cl::INVALID_PROPERTY),
            CONTEXT_PLATFORM => find::<Platform>(value as cl::Object).map(drop)?,
            CONTEXT_INTEROP_USER_SYNC => (),
            _ => return Err(cl::INVALID_PROPERTY),
        }
        all.push(value);
    }
}

fn create(
    properties: *const usize,
    devices: Vec<cl::Object>,
    notify: Option<ContextNotify>,
    user_data: *mut c_void,
) -> Result<cl::Object, cl::Int> {
    if notify.is_none() && !user_data.is_null() {
        return Err(cl::INVALID_VALUE);
    }
    let properties = properties_of(properties)?;
    let mut unique: Vec<Ref<Device>> = Vec::new();
    for handle in devices {
        let device = Ref::to(handle)?;
        if unique.iter().all(|d| d.handle() != handle) {
            unique.push(device);
        }
    }
    let notify = notify.map(|function| Callback::new(function, user_data));
    let context = Context { devices: unique, properties, notify };
    // A board may have been unplugged, or plugged in again.
    for device in &context.devices {
        device.card.connect().map_err(|error| {
            context.tell(&format!("{}: {error}", device.card.name()));
            cl::DEVICE_NOT_AVAILABLE
        })?;
    }
    Ok(publish(Arc::new(context)))
}

entries! {
    fn clCreateContext(
        properties: *const usize, count: cl::Uint, devices: *const cl::Object, notify: Option<ContextNotify>,
        user_data: *mut c_void,
    ) -> object {
        let devices = raw::read_many(devices, count as usize).filter(|d| !d.is_empty()).ok_or(cl::INVALID_VALUE)?;
        create(properties, devices, notify, user_data)
    }

    fn clCreateContextFromType(
        properties: *const usize, kind: cl::Ulong, notify: Option<ContextNotify>, user_data: *mut c_void,
    ) -> object {
        if kind == 0 || (kind != cl::DEVICE_TYPE_ALL && kind & !cl::DEVICE_TYPES != 0) {
            return Err(cl::INVALID_DEVICE_TYPE);
        }
        let devices = devices_of(&*find::<Platform>(platform())?, kind);
        if devices.is_empty() {
            return Err(cl::DEVICE_NOT_FOUND);
        }
        create(properties, devices, notify, user_data)
    }

    fn clRetainContext(context: cl::Object) -> status { retain::<Context>(context) }

    fn clReleaseContext(context: cl::Object) -> status { release::<Context>(context) }

    fn clGetContextInfo(
        context: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Context>(context)?;
        let answer = match name {
            0x1080 => info::uint(references(context)),
            0x1081 => info::handles(object.devices.iter().map(|d| d.handle())),
            0x1082 => info::sizes(&object.properties),
            0x1083 => info::uint(object.devices.len() as u32),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }
}
