//! The AXI4-Lite slave of a kernel: `ap_ctrl_hs` as Vitis RTL kernels have it, then the pointer arguments.

/// Who may do what with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write.
    ReadWrite,
    /// Read only; writes are ignored.
    ReadOnly,
    /// Writing a one toggles the bit (interrupt status).
    ToggleOnWrite,
}

/// A bit field of a 32-bit register.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in lower case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u32,
    /// Number of bits.
    pub bits: u32,
    /// What it does.
    pub what: &'static str,
}

/// A 32-bit register on the AXI4-Lite slave.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Name in lower case.
    pub name: &'static str,
    /// Byte offset.
    pub offset: u32,
    /// Who may do what.
    pub access: Access,
    /// Its fields.
    pub fields: &'static [Field],
}

/// Width of the AXI4-Lite address in bits.
pub const ADDRESS_BITS: u32 = 7;

/// Control: start, done, idle, ready.
pub const CONTROL: u32 = 0x00;
/// Global interrupt enable.
pub const GLOBAL_INTERRUPT: u32 = 0x04;
/// Interrupt enable.
pub const INTERRUPT_ENABLE: u32 = 0x08;
/// Interrupt status.
pub const INTERRUPT_STATUS: u32 = 0x0c;
/// Pointer arguments in the order of [`ARGUMENTS`]: low word here, high word at +4; the next one 12 bytes on.
pub const ARGUMENT_BASE: u32 = 0x10;
/// Distance between two pointer arguments in bytes (low, high, reserved).
pub const ARGUMENT_STRIDE: u32 = 0x0c;
/// Error bits of the last run.
pub const STATUS: u32 = 0x4c;

/// Control bit: write one to start; reads one until the kernel has taken it.
pub const AP_START: u32 = 1 << 0;
/// Control bit: the run has ended; cleared by reading.
pub const AP_DONE: u32 = 1 << 1;
/// Control bit: nothing runs.
pub const AP_IDLE: u32 = 1 << 2;
/// Control bit: the kernel takes a new start; cleared by reading.
pub const AP_READY: u32 = 1 << 3;

/// Status bit: an unknown command word was met, or an allocation problem outside the limits; the run ended there.
pub const STATUS_ILLEGAL: u32 = 1 << 0;
/// Status bit: card memory answered a read with an error.
pub const STATUS_READ_ERROR: u32 = 1 << 1;
/// Status bit: card memory answered a write with an error.
pub const STATUS_WRITE_ERROR: u32 = 1 << 2;

/// Arguments of the kernel `systole_infer`, all pointers to card memory, in the order of `clSetKernelArg`.
pub const ARGUMENTS: [&str; 5] = ["commands", "weights", "input", "output", "counters"];

/// Name of the inference kernel.
pub const INFER_KERNEL: &str = "systole_infer";

/// Byte offset of the low word of pointer argument `index`.
pub const fn argument_offset(index: u32) -> u32 {
    ARGUMENT_BASE + index * ARGUMENT_STRIDE
}

const fn field(name: &'static str, lsb: u32, bits: u32, what: &'static str) -> Field {
    Field { name, lsb, bits, what }
}

const fn pointer(name: &'static str, index: u32, fields: &'static [Field]) -> Register {
    Register { name, offset: argument_offset(index), access: Access::ReadWrite, fields }
}

/// Every register, by offset. The upper half of each pointer follows at +4.
pub const REGISTERS: &[Register] = &[
    Register {
        name: "control",
        offset: CONTROL,
        access: Access::ReadWrite,
        fields: &[
            field("ap_start", 0, 1, "write 1 to start; reads 1 until the run has ended"),
            field("ap_done", 1, 1, "the run has ended; cleared by reading"),
            field("ap_idle", 2, 1, "nothing runs"),
            field("ap_ready", 3, 1, "a new start may be given; cleared by reading"),
        ],
    },
    Register {
        name: "global_interrupt",
        offset: GLOBAL_INTERRUPT,
        access: Access::ReadWrite,
        fields: &[field("enable", 0, 1, "lets the interrupt line rise")],
    },
    Register {
        name: "interrupt_enable",
        offset: INTERRUPT_ENABLE,
        access: Access::ReadWrite,
        fields: &[field("done", 0, 1, "interrupt when a run ends")],
    },
    Register {
        name: "interrupt_status",
        offset: INTERRUPT_STATUS,
        access: Access::ToggleOnWrite,
        fields: &[field("done", 0, 1, "a run has ended; write 1 to clear")],
    },
    pointer("commands", 0, &[field("address", 0, 32, "command stream; a multiple of 4096")]),
    pointer("weights", 1, &[field("address", 0, 32, "weight image; a multiple of 4096")]),
    pointer("input", 2, &[field("address", 0, 32, "input activations; a multiple of 4096")]),
    pointer("output", 3, &[field("address", 0, 32, "output activations; a multiple of 4096")]),
    pointer("counters", 4, &[field("address", 0, 32, "counter snapshots; a multiple of 4096")]),
    Register {
        name: "status",
        offset: STATUS,
        access: Access::ReadOnly,
        fields: &[
            field("illegal", 0, 1, "an unknown command, or a problem outside the limits, ended the run"),
            field("read_error", 1, 1, "card memory answered a read with an error"),
            field("write_error", 2, 1, "card memory answered a write with an error"),
        ],
    },
];

/// Pointers and buffers start at a multiple of this many bytes in card memory.
pub const BUFFER_ALIGN: u64 = 4096;
