//! Card memory as a kernel sees it: bytes at addresses, with an answer to every access that hits no buffer.

use std::collections::BTreeMap;
use std::fmt;

/// An access that card memory answered with an error: part of it lies outside every buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError {
    /// First byte of the access.
    pub address: u64,
    /// Its length in bytes.
    pub bytes: usize,
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:#x} are in no buffer of the card", self.bytes, self.address)
    }
}

impl std::error::Error for BusError {}

/// Memory that a kernel reads and writes through its AXI master.
pub trait CardMemory {
    /// Fills `bytes` from `address` on.
    ///
    /// # Errors
    /// [`BusError`] if any of it lies outside every buffer; `bytes` is then unspecified.
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), BusError>;

    /// Writes `bytes` from `address` on.
    ///
    /// # Errors
    /// [`BusError`] if any of it lies outside every buffer; nothing is then written.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), BusError>;
}

/// Card memory made of buffers that do not touch: every access must lie inside one of them.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    buffers: BTreeMap<u64, Vec<u8>>,
    next: u64,
}

impl Buffers {
    /// Memory without buffers.
    pub fn new() -> Self {
        Self { buffers: BTreeMap::new(), next: isa::control::BUFFER_ALIGN }
    }

    /// Adds a buffer that holds `bytes` and returns its address: a multiple of [`isa::control::BUFFER_ALIGN`], never 0.
    /// A page stays free behind each buffer, so that running over one end does not reach the next.
    pub fn add(&mut self, bytes: Vec<u8>) -> u64 {
        let align = isa::control::BUFFER_ALIGN;
        let address = self.next;
        self.next += (bytes.len() as u64).next_multiple_of(align) + align;
        self.buffers.insert(address, bytes);
        address
    }

    /// The buffer that starts at `address`.
    pub fn get(&self, address: u64) -> Option<&[u8]> {
        self.buffers.get(&address).map(Vec::as_slice)
    }

    /// The buffers and their addresses, for a card that works on them in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Vec<u8>)> {
        self.buffers.iter_mut().map(|(address, bytes)| (*address, bytes))
    }

    fn slice(&mut self, address: u64, bytes: usize) -> Result<&mut [u8], BusError> {
        self.buffers
            .range_mut(..=address)
            .next_back()
            .and_then(|(start, buffer)| {
                let from = usize::try_from(address - start).ok()?;
                buffer.get_mut(from..from.checked_add(bytes)?)
            })
            .ok_or(BusError { address, bytes })
    }
}

impl CardMemory for Buffers {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), BusError> {
        bytes.copy_from_slice(self.slice(address, bytes.len())?);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), BusError> {
        self.slice(address, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_over_the_end_of_a_buffer_is_an_error_and_writes_nothing() {
        let mut memory = Buffers::new();
        let a = memory.add(vec![1; 10]);
        let b = memory.add(vec![2; 10]);
        assert_eq!(b % isa::control::BUFFER_ALIGN, 0);
        assert_eq!(memory.write(a + 8, &[9; 3]), Err(BusError { address: a + 8, bytes: 3 }));
        assert_eq!(memory.get(a), Some(&[1; 10][..]));
        let mut two = [0; 2];
        assert!(memory.read(a + 8, &mut two).is_ok());
        assert!(memory.read(0, &mut two).is_err());
        assert!(memory.read(u64::MAX, &mut two).is_err());
    }
}
