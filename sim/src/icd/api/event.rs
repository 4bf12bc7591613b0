//! Events.

use super::entries;
use crate::icd::handle::{find, publish, references, release, retain, Ref};
use crate::icd::objects::{Context, Event, Progress};
use crate::icd::{cl, info};
use crate::raw::pointers::{self as raw, Callback, EventNotify};
use std::ffi::c_void;
use std::sync::Arc;

entries! {
    fn clWaitForEvents(count: cl::Uint, events: *const cl::Object) -> status {
        let handles = raw::read_many(events, count as usize).filter(|e| !e.is_empty()).ok_or(cl::INVALID_VALUE)?;
        let events = handles.into_iter().map(find::<Event>).collect::<Result<Vec<_>, _>>()?;
        if events.iter().any(|e| e.context.handle() != events[0].context.handle()) {
            return Err(cl::INVALID_CONTEXT);
        }
        let mut failed = false;
        for event in events {
            event.progress.wait();
            failed |= event.progress.tell_status() < 0;
        }
        if failed { Err(cl::EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) } else { Ok(()) }
    }

    fn clRetainEvent(event: cl::Object) -> status { retain::<Event>(event) }

    fn clReleaseEvent(event: cl::Object) -> status { release::<Event>(event) }

    fn clGetEventInfo(
        event: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Event>(event)?;
        let answer = match name {
            0x11d0 => info::handle(object.queue.as_ref().map_or(std::ptr::null_mut(), |q| q.handle())),
            0x11d1 => info::uint(object.command),
            0x11d2 => info::uint(references(event)),
            0x11d3 => info::uint(object.progress.tell_status() as u32),
            0x11d4 => info::handle(object.context.handle()),
            _ => return Err(cl::INVALID_VALUE),
        };
        info::give(answer, bytes, value, bytes_ret)
    }

    fn clGetEventProfilingInfo(
        event: cl::Object, name: cl::Uint, bytes: usize, value: *mut c_void, bytes_ret: *mut usize,
    ) -> status {
        let object = find::<Event>(event)?;
        let queue = object.queue.as_ref().filter(|q| q.properties & cl::QUEUE_PROFILING != 0);
        let queue = queue.ok_or(cl::PROFILING_INFO_NOT_AVAILABLE)?;
        if object.progress.status() != cl::COMPLETE {
            return Err(cl::PROFILING_INFO_NOT_AVAILABLE);
        }
        let times = object.progress.times().ok_or(cl::PROFILING_INFO_NOT_AVAILABLE)?;
        // Queued, submitted, start, end; "complete" of OpenCL 2.0 is the end here.
        let index = name.checked_sub(0x1280).filter(|&i| i <= 4).ok_or(cl::INVALID_VALUE)?.min(3);
        info::give(info::ulong(queue.device.nanoseconds(times[index as usize])), bytes, value, bytes_ret)
    }

    fn clSetEventCallback(
        event: cl::Object, status: cl::Int, notify: Option<EventNotify>, user_data: *mut c_void,
    ) -> status {
        let reference = Ref::<Event>::to(event)?;
        if !(cl::COMPLETE..=cl::SUBMITTED).contains(&status) {
            return Err(cl::INVALID_VALUE);
        }
        let callback = Callback::new(notify.ok_or(cl::INVALID_VALUE)?, user_data);
        let progress = reference.progress.clone();
        progress.call_at(status, callback, reference);
        Ok(())
    }

    fn clCreateUserEvent(context: cl::Object) -> object {
        let context = Ref::<Context>::to(context)?;
        let event = Event { context, queue: None, command: cl::COMMAND_USER, progress: Progress::user() };
        Ok(publish(Arc::new(event)))
    }

    fn clSetUserEventStatus(event: cl::Object, status: cl::Int) -> status {
        let object = find::<Event>(event)?;
        if object.queue.is_some() {
            return Err(cl::INVALID_EVENT);
        }
        if status > cl::COMPLETE {
            return Err(cl::INVALID_VALUE);
        }
        object.progress.reach(status, 0).then_some(()).ok_or(cl::INVALID_OPERATION)
    }
}
