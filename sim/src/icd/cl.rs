//! Numbers of the OpenCL 1.2 standard that the driver uses, under the standard's names without `CL_`.
#![allow(missing_docs)]

use std::ffi::c_void;

pub type Int = i32;
pub type Uint = u32;
pub type Ulong = u64;
pub type Bool = u32;
/// Any OpenCL object as the caller sees it.
pub type Object = *mut c_void;

pub const DEVICE_NOT_FOUND: Int = -1;
pub const DEVICE_NOT_AVAILABLE: Int = -2;
pub const COMPILER_NOT_AVAILABLE: Int = -3;
pub const MEM_OBJECT_ALLOCATION_FAILURE: Int = -4;
pub const OUT_OF_RESOURCES: Int = -5;
pub const OUT_OF_HOST_MEMORY: Int = -6;
pub const PROFILING_INFO_NOT_AVAILABLE: Int = -7;
pub const MEM_COPY_OVERLAP: Int = -8;
pub const MISALIGNED_SUB_BUFFER_OFFSET: Int = -13;
pub const EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: Int = -14;
pub const KERNEL_ARG_INFO_NOT_AVAILABLE: Int = -19;
pub const INVALID_VALUE: Int = -30;
pub const INVALID_DEVICE_TYPE: Int = -31;
pub const INVALID_PLATFORM: Int = -32;
pub const INVALID_DEVICE: Int = -33;
pub const INVALID_CONTEXT: Int = -34;
pub const INVALID_QUEUE_PROPERTIES: Int = -35;
pub const INVALID_COMMAND_QUEUE: Int = -36;
pub const INVALID_HOST_PTR: Int = -37;
pub const INVALID_MEM_OBJECT: Int = -38;
pub const INVALID_SAMPLER: Int = -41;
pub const INVALID_BINARY: Int = -42;
pub const INVALID_PROGRAM: Int = -44;
pub const INVALID_PROGRAM_EXECUTABLE: Int = -45;
pub const INVALID_KERNEL_NAME: Int = -46;
pub const INVALID_KERNEL: Int = -48;
pub const INVALID_ARG_INDEX: Int = -49;
pub const INVALID_ARG_VALUE: Int = -50;
pub const INVALID_ARG_SIZE: Int = -51;
pub const INVALID_KERNEL_ARGS: Int = -52;
pub const INVALID_WORK_DIMENSION: Int = -53;
pub const INVALID_WORK_GROUP_SIZE: Int = -54;
pub const INVALID_GLOBAL_OFFSET: Int = -56;
pub const INVALID_EVENT_WAIT_LIST: Int = -57;
pub const INVALID_EVENT: Int = -58;
pub const INVALID_OPERATION: Int = -59;
pub const INVALID_BUFFER_SIZE: Int = -61;
pub const INVALID_GLOBAL_WORK_SIZE: Int = -63;
pub const INVALID_PROPERTY: Int = -64;
pub const INVALID_DEVICE_PARTITION_COUNT: Int = -68;

pub const DEVICE_TYPE_DEFAULT: Ulong = 1;
pub const DEVICE_TYPE_ACCELERATOR: Ulong = 1 << 3;
pub const DEVICE_TYPE_ALL: Ulong = 0xffff_ffff;
/// Every type bit of the standard: default, CPU, GPU, accelerator, custom.
pub const DEVICE_TYPES: Ulong = 0x1f;

pub const QUEUE_OUT_OF_ORDER: Ulong = 1;
pub const QUEUE_PROFILING: Ulong = 2;

pub const MEM_READ_WRITE: Ulong = 1;
pub const MEM_WRITE_ONLY: Ulong = 2;
pub const MEM_READ_ONLY: Ulong = 4;
pub const MEM_USE_HOST_PTR: Ulong = 8;
pub const MEM_ALLOC_HOST_PTR: Ulong = 16;
pub const MEM_COPY_HOST_PTR: Ulong = 32;
pub const MEM_HOST_WRITE_ONLY: Ulong = 1 << 7;
pub const MEM_HOST_READ_ONLY: Ulong = 1 << 8;
pub const MEM_HOST_NO_ACCESS: Ulong = 1 << 9;

pub const MAP_READ: Ulong = 1;
pub const MAP_WRITE: Ulong = 2;
pub const MAP_WRITE_INVALIDATE: Ulong = 4;

pub const COMPLETE: Int = 0;
pub const RUNNING: Int = 1;
pub const SUBMITTED: Int = 2;
pub const QUEUED: Int = 3;

pub const COMMAND_NDRANGE_KERNEL: Uint = 0x11f0;
pub const COMMAND_TASK: Uint = 0x11f1;
pub const COMMAND_READ_BUFFER: Uint = 0x11f3;
pub const COMMAND_WRITE_BUFFER: Uint = 0x11f4;
pub const COMMAND_COPY_BUFFER: Uint = 0x11f5;
pub const COMMAND_MAP_BUFFER: Uint = 0x11fb;
pub const COMMAND_UNMAP_MEM_OBJECT: Uint = 0x11fd;
pub const COMMAND_MARKER: Uint = 0x11fe;
pub const COMMAND_READ_BUFFER_RECT: Uint = 0x1201;
pub const COMMAND_WRITE_BUFFER_RECT: Uint = 0x1202;
pub const COMMAND_COPY_BUFFER_RECT: Uint = 0x1203;
pub const COMMAND_USER: Uint = 0x1204;
pub const COMMAND_BARRIER: Uint = 0x1205;
pub const COMMAND_MIGRATE_MEM_OBJECTS: Uint = 0x1206;
pub const COMMAND_FILL_BUFFER: Uint = 0x1207;
