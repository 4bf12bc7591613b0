//! The dispatch table that loaders expect behind the first word of every object, and the one exported function.

use crate::icd::api::refused::*;
use crate::icd::api::{
    commands::*, context::*, event::*, kernel::*, memory::*, platform::*, program::*, queue::*, rect::*,
};
use crate::icd::cl;
use crate::raw::pointers;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

/// Entries up to OpenCL 3.0: a loader may look at any of them, whatever version the platform says it has.
const ENTRIES: usize = 149;

/// Addresses of functions, in the order of the loader's `cl_icd_dispatch`.
macro_rules! table {
    ($($function:expr),+ $(,)?) => {
        [$($function as *const c_void as usize),+]
    };
}

/// The table. It never moves.
pub fn dispatch() -> &'static [usize] {
    static TABLE: OnceLock<[usize; ENTRIES]> = OnceLock::new();
    TABLE.get_or_init(|| {
        table![
            // OpenCL 1.0
            clGetPlatformIDs,
            clGetPlatformInfo,
            clGetDeviceIDs,
            clGetDeviceInfo,
            clCreateContext,
            clCreateContextFromType,
            clRetainContext,
            clReleaseContext,
            clGetContextInfo,
            clCreateCommandQueue,
            clRetainCommandQueue,
            clReleaseCommandQueue,
            clGetCommandQueueInfo,
            clSetCommandQueueProperty,
            clCreateBuffer,
            object_7, // clCreateImage2D
            object_9, // clCreateImage3D
            clRetainMemObject,
            clReleaseMemObject,
            clGetSupportedImageFormats,
            clGetMemObjectInfo,
            invalid_mem_object, // clGetImageInfo
            object_4,           // clCreateSampler
            invalid_sampler,    // clRetainSampler
            invalid_sampler,    // clReleaseSampler
            invalid_sampler,    // clGetSamplerInfo
            object_4,           // clCreateProgramWithSource
            clCreateProgramWithBinary,
            clRetainProgram,
            clReleaseProgram,
            clBuildProgram,
            success, // clUnloadCompiler: a hint
            clGetProgramInfo,
            clGetProgramBuildInfo,
            clCreateKernel,
            clCreateKernelsInProgram,
            clRetainKernel,
            clReleaseKernel,
            clSetKernelArg,
            clGetKernelInfo,
            clGetKernelWorkGroupInfo,
            clWaitForEvents,
            clGetEventInfo,
            clRetainEvent,
            clReleaseEvent,
            clGetEventProfilingInfo,
            clFlush,
            clFinish,
            clEnqueueReadBuffer,
            clEnqueueWriteBuffer,
            clEnqueueCopyBuffer,
            invalid_operation, // clEnqueueReadImage
            invalid_operation, // clEnqueueWriteImage
            invalid_operation, // clEnqueueCopyImage
            invalid_operation, // clEnqueueCopyImageToBuffer
            invalid_operation, // clEnqueueCopyBufferToImage
            clEnqueueMapBuffer,
            object_11, // clEnqueueMapImage
            clEnqueueUnmapMemObject,
            clEnqueueNDRangeKernel,
            clEnqueueTask,
            invalid_operation, // clEnqueueNativeKernel
            clEnqueueMarker,
            clEnqueueWaitForEvents,
            clEnqueueBarrier,
            clGetExtensionFunctionAddress,
            object_3,          // clCreateFromGLBuffer
            object_5,          // clCreateFromGLTexture2D
            object_5,          // clCreateFromGLTexture3D
            object_3,          // clCreateFromGLRenderbuffer
            invalid_operation, // clGetGLObjectInfo
            invalid_operation, // clGetGLTextureInfo
            invalid_operation, // clEnqueueAcquireGLObjects
            invalid_operation, // clEnqueueReleaseGLObjects
            invalid_operation, // clGetGLContextInfoKHR
            // cl_khr_d3d10_sharing
            invalid_operation, // clGetDeviceIDsFromD3D10KHR
            object_3,          // clCreateFromD3D10BufferKHR
            object_4,          // clCreateFromD3D10Texture2DKHR
            object_4,          // clCreateFromD3D10Texture3DKHR
            invalid_operation, // clEnqueueAcquireD3D10ObjectsKHR
            invalid_operation, // clEnqueueReleaseD3D10ObjectsKHR
            // OpenCL 1.1
            clSetEventCallback,
            clCreateSubBuffer,
            clSetMemObjectDestructorCallback,
            clCreateUserEvent,
            clSetUserEventStatus,
            clEnqueueReadBufferRect,
            clEnqueueWriteBufferRect,
            clEnqueueCopyBufferRect,
            // cl_ext_device_fission
            clCreateSubDevices,
            clRetainDevice,
            clReleaseDevice,
            object_2, // clCreateEventFromGLsyncKHR
            // OpenCL 1.2
            clCreateSubDevices,
            clRetainDevice,
            clReleaseDevice,
            object_5,               // clCreateImage
            object_4,               // clCreateProgramWithBuiltInKernels
            compiler_not_available, // clCompileProgram
            object_8,               // clLinkProgram
            success,                // clUnloadPlatformCompiler: a hint
            clGetKernelArgInfo,
            clEnqueueFillBuffer,
            invalid_operation, // clEnqueueFillImage
            clEnqueueMigrateMemObjects,
            clEnqueueMarkerWithWaitList,
            clEnqueueBarrierWithWaitList,
            clGetExtensionFunctionAddressForPlatform,
            object_5, // clCreateFromGLTexture
            // cl_khr_d3d11_sharing, cl_khr_dx9_media_sharing
            invalid_operation, // clGetDeviceIDsFromD3D11KHR
            object_3,          // clCreateFromD3D11BufferKHR
            object_4,          // clCreateFromD3D11Texture2DKHR
            object_4,          // clCreateFromD3D11Texture3DKHR
            object_5,          // clCreateFromDX9MediaSurfaceKHR
            invalid_operation, // clEnqueueAcquireD3D11ObjectsKHR
            invalid_operation, // clEnqueueReleaseD3D11ObjectsKHR
            invalid_operation, // clGetDeviceIDsFromDX9MediaAdapterKHR
            invalid_operation, // clEnqueueAcquireDX9MediaSurfacesKHR
            invalid_operation, // clEnqueueReleaseDX9MediaSurfacesKHR
            // cl_khr_egl_image, cl_khr_egl_event
            object_5,          // clCreateFromEGLImageKHR
            invalid_operation, // clEnqueueAcquireEGLObjectsKHR
            invalid_operation, // clEnqueueReleaseEGLObjectsKHR
            object_3,          // clCreateEventFromEGLSyncKHR
            // OpenCL 2.0
            clCreateCommandQueueWithProperties,
            object_5,           // clCreatePipe
            invalid_mem_object, // clGetPipeInfo
            null,               // clSVMAlloc
            nothing,            // clSVMFree
            invalid_operation,  // clEnqueueSVMFree
            invalid_operation,  // clEnqueueSVMMemcpy
            invalid_operation,  // clEnqueueSVMMemFill
            invalid_operation,  // clEnqueueSVMMap
            invalid_operation,  // clEnqueueSVMUnmap
            object_2,           // clCreateSamplerWithProperties
            invalid_operation,  // clSetKernelArgSVMPointer
            invalid_operation,  // clSetKernelExecInfo
            invalid_operation,  // clGetKernelSubGroupInfoKHR
            // OpenCL 2.1
            object_1,          // clCloneKernel
            object_3,          // clCreateProgramWithIL
            invalid_operation, // clEnqueueSVMMigrateMem
            invalid_operation, // clGetDeviceAndHostTimer
            invalid_operation, // clGetHostTimer
            invalid_operation, // clGetKernelSubGroupInfo
            invalid_operation, // clSetDefaultDeviceCommandQueue
            // OpenCL 2.2
            invalid_operation, // clSetProgramReleaseCallback
            invalid_operation, // clSetProgramSpecializationConstant
            // OpenCL 3.0
            object_5,          // clCreateBufferWithProperties
            object_6,          // clCreateImageWithProperties
            invalid_operation, // clSetContextDestructorCallback
        ]
    })
}

/// What the loader asks for by name: how to get at the platforms of this driver.
#[allow(non_snake_case)]
pub extern "C" fn clGetExtensionFunctionAddressForPlatform(_platform: cl::Object, name: *const c_char) -> cl::Object {
    match pointers::text(name).as_deref() {
        Some("clIcdGetPlatformIDsKHR") => clGetPlatformIDs as *const c_void as cl::Object,
        Some("clGetPlatformInfo") => clGetPlatformInfo as *const c_void as cl::Object,
        _ => null_mut(),
    }
}

/// The function by which an OpenCL loader enters this driver.
#[allow(non_snake_case)]
// SAFETY: the name is the one that the loader's interface gives to this signature, and nothing else here exports it.
#[unsafe(no_mangle)]
pub extern "C" fn clGetExtensionFunctionAddress(name: *const c_char) -> cl::Object {
    clGetExtensionFunctionAddressForPlatform(null_mut(), name)
}
