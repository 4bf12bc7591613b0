//! The driver with a board on a serial line: listed, opened, run, unplugged, plugged in again. One test: the driver looks for
//! boards once a process.

mod common;

use common::host::{copy_stream, end, load, time, Host};
use common::Random;
use isa::manifest::{Kernel, Manifest, MemoryPort};
use isa::{container, failure};
use std::ptr::{null, null_mut};
use systole_sim::icd::api::{context::*, platform::*, program::*, queue::*};
use systole_sim::icd::cl::{self, Object};
use systole_sim::pack::{hex, sha256};
use systole_sim::serial::fake::{Fake, Options};
use systole_sim::serial::identity::{named, Identity};
use systole_sim::serial::noise::Faults;

fn manifest() -> Manifest<serde_yaml::Value> {
    let config = named("small4x4").unwrap();
    Manifest {
        board: "trial".into(),
        part: config.part.clone(),
        isa_version: isa::ISA_VERSION,
        clock_hz: config.clock_hz,
        rtl_digest: hex(&sha256(b"module")),
        kernels: vec![Kernel::infer()],
        memory: MemoryPort { read_latency_cycles: 1, bytes_per_cycle: config.bus_bytes() as u32 },
        energy: serde_yaml::Value::Null,
        config,
    }
}

fn container(manifest: &Manifest<serde_yaml::Value>) -> Vec<u8> {
    let yaml = serde_yaml::to_string(manifest).unwrap();
    container::write(&[(container::KIND_MANIFEST, yaml.as_bytes())], sha256)
}

fn info(device: Object, name: u32) -> String {
    let mut value = [0u8; 256];
    let mut bytes = 0;
    assert_eq!(clGetDeviceInfo(device, name, 256, value.as_mut_ptr().cast(), &mut bytes), 0);
    String::from_utf8_lossy(&value[..bytes]).trim_end_matches('\0').to_string()
}

fn number(device: Object, name: u32) -> u32 {
    let mut value = 0u32;
    assert_eq!(clGetDeviceInfo(device, name, 4, (&raw mut value).cast(), null_mut()), 0);
    value
}

fn context(device: Object) -> Result<Object, cl::Int> {
    let mut status = 1;
    let context = clCreateContext(null(), 1, &device, None, null_mut(), &mut status);
    if status == 0 {
        Ok(context)
    } else {
        Err(status)
    }
}

fn host(device: Object, binary: &[u8]) -> Host {
    let context = context(device).unwrap();
    let program = load(context, device, binary).unwrap();
    assert_eq!(clBuildProgram(program, 0, null(), null(), None, null_mut()), 0);
    let mut status = 1;
    let kernel = clCreateKernel(program, c"systole_infer".as_ptr(), &mut status);
    assert_eq!(status, 0);
    let queue = clCreateCommandQueue(context, device, cl::QUEUE_PROFILING, &mut status);
    assert_eq!(status, 0);
    Host { context, device, queue, program, kernel }
}

/// Copies through the board; the event's status.
fn copy(host: &Host, seed: u64) -> cl::Int {
    let input = Random(seed).bytes(160);
    let (commands, from) = (host.buffer(&copy_stream(40)), host.buffer(&input));
    let (to, counters) = (host.buffer(&[0; 160]), host.buffer(&[0; 64]));
    host.set([commands, from, from, to, counters]);
    let event = host.start();
    let status = end(event);
    if status == 0 {
        assert_eq!(host.read(to, 160).unwrap(), input);
        // Nanoseconds of the card's clock: the times are the model's, a few hundred cycles of 83 ns, and no time of the line.
        let took = time(event, 0x1283) - time(event, 0x1282);
        assert!((5_000..100_000).contains(&took), "{took} ns");
    }
    status
}

#[test]
fn a_board_is_a_device_and_an_unplugged_one_is_an_error() {
    let folder = std::env::temp_dir().join(format!("systole-board-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (line, dead) = (folder.join("tty"), folder.join("dead"));
    let sound = manifest();
    let options = Options {
        identity: Identity::of(&sound),
        config: sound.config.clone(),
        faults: Faults { flip: 1e-4, seed: 5, ..Faults::default() },
        baud: None,
        unplug_after: None,
        link: Some(line.clone()),
    };
    let mut fake = Fake::plug(options.clone()).unwrap();
    let (line, dead) = (line.display(), dead.display());
    // The last one is not known to be anything, so it is left out.
    std::env::set_var("SYSTOLE_BOARDS", format!("{line}:1000000,{dead}:115200:edge8x8,{dead}:115200"));
    std::env::set_var("SYSTOLE_CARD_DIR", &folder);

    let mut platform = null_mut();
    assert_eq!(clGetPlatformIDs(1, &mut platform, null_mut()), 0);
    let mut devices = [null_mut(); 4];
    let mut count = 0;
    assert_eq!(clGetDeviceIDs(platform, cl::DEVICE_TYPE_ALL, 4, devices.as_mut_ptr(), &mut count), 0);
    assert_eq!(count, 2);
    let [device, absent, ..] = devices;
    assert_eq!(info(device, 0x102b), format!("Systole small4x4 on {line}, 1000000 baud"));
    assert_eq!((number(device, 0x1027), number(device, 0x100c)), (1, 12));
    assert_eq!(info(absent, 0x102b), format!("Systole edge8x8 on {dead}, 115200 baud"));
    assert_eq!(number(absent, 0x1027), 0);
    assert_eq!(context(absent), Err(cl::DEVICE_NOT_AVAILABLE));

    // Containers of what does not run there.
    let opened = context(device).unwrap();
    let refused = |spoil: fn(&mut Manifest<serde_yaml::Value>)| {
        let mut other = manifest();
        spoil(&mut other);
        load(opened, device, &container(&other)).unwrap_err()
    };
    let bitstream = (cl::INVALID_BINARY, failure::CONTAINER_BITSTREAM);
    assert_eq!(refused(|m| m.rtl_digest = hex(&sha256(b"other"))), bitstream);
    assert_eq!(refused(|m| m.clock_hz = 24_000_000), bitstream);
    assert_eq!(refused(|m| m.config.weight_words_log2 = 12), (cl::INVALID_BINARY, failure::CONTAINER_CONFIG));
    let binary = container(&sound);
    // A container may have the allocator; the board has not.
    let both = Manifest { kernels: vec![Kernel::infer(), Kernel::allocate()], ..manifest() };
    let program = load(opened, device, &container(&both)).unwrap();
    assert_eq!(clBuildProgram(program, 0, null(), null(), None, null_mut()), 0);
    let mut status = 1;
    clCreateKernel(program, c"systole_allocate".as_ptr(), &mut status);
    assert_eq!(status, cl::INVALID_KERNEL_NAME);

    let mut working = host(device, &binary);
    for seed in 0..4 {
        assert_eq!(copy(&working, seed), 0);
    }
    // Unplugged while idle, at open, and in a run; plugged in again each time.
    drop(fake);
    assert_eq!(copy(&working, 5), failure::LINE);
    assert_eq!(number(device, 0x1027), 0);
    assert_eq!(context(device), Err(cl::DEVICE_NOT_AVAILABLE));
    fake = Fake::plug(options.clone()).unwrap();
    working = host(device, &binary);
    assert_eq!((copy(&working, 6), number(device, 0x1027)), (0, 1));
    drop(fake);
    fake = Fake::plug(Options { unplug_after: Some(20), ..options.clone() }).unwrap();
    working = host(device, &binary);
    assert_eq!(copy(&working, 7), failure::LINE);
    drop(fake);
    fake = Fake::plug(options).unwrap();
    assert_eq!(copy(&host(device, &binary), 8), 0);
    drop(fake);
    std::fs::remove_dir_all(folder).unwrap();
}
