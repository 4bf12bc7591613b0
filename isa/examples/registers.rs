//! Prints the register reference that stands in `docs/registers.md`; `scripts/generate` writes or compares it.

fn main() {
    print!("{}", systole_isa::markdown::registers());
}
