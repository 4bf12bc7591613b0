//! The bridge: how a host reaches a kernel on a small board over a serial line.
//!
//! A board without a memory controller has no card memory of its own. Its card memory is the host's: every burst of the
//! kernel's AXI4 master waits in the bridge until the host has read or written it. The host asks, the board answers, one
//! frame each, and the board never speaks unasked. A frame is bytes on a line of 8 data bits, no parity, one stop bit:
//!
//! | byte | request | reply |
//! |---|---|---|
//! | 0 | [`REQUEST`] | [`REPLY`] |
//! | 1 | bit 0 sequence, bits 3..1 operation, others 0 | the same |
//! | 2 | words that follow, at most [`MAX_WORDS`] | the same |
//! | 3.. | words of 4 bytes, little endian | the same; the first two are [`State`] |
//! | last 2 | [`crc16`] of bytes 1 up to here, low byte first | the same |
//!
//! **Lost and damaged frames.** A request whose CRC is wrong, or in whose midst the line is silent for
//! [`SILENCE_BITS`] bit times, is dropped without a reply; the host sends it again after a while. A request with the
//! sequence bit of the one carried out last is a repetition: it is answered, but has no effect again. So the host toggles the bit with
//! every new request and keeps it when it repeats one. [`OP_RESET`] is carried out whatever its bit is, and its bit is then the last one.
//!
//! **Operations** without effect are harmless to repeat, and are carried out each time: [`OP_STATUS`], [`OP_REGISTER_READ`] (but for
//! registers that a read clears: the state has the interrupt), [`OP_WRITE_DATA`], [`OP_IDENTIFY`]. One that nothing waits for has no effect:
//! [`OP_READ_DATA`] without [`READ_WAITS`], [`OP_WRITE_DONE`] and [`OP_WRITE_DATA`] without [`WRITE_WAITS`].
//!
//! **Bursts.** One of at most 16 beats, so its data fits one frame. One waits at a time, and the state of a reply is the one after its
//! operation: before it answers, the board waits up to [`REPLY_WAIT_CYCLES`] for a burst or the interrupt, so that the reply to
//! one burst's data mostly has the next burst in it. Where no burst waits, beats and address of the state mean nothing.

use alloc::{format, string::String, vec::Vec};

/// Version of this protocol, in the reply to [`OP_IDENTIFY`].
pub const VERSION: u32 = 1;
/// First byte of a request.
pub const REQUEST: u8 = 0x5a;
/// First byte of a reply.
pub const REPLY: u8 = 0xa5;
/// Most words of a request: the data of a burst of 16 beats of 16 bytes. A reply has [`STATE_WORDS`] more. A board with
/// a narrower bus takes as many as one of its own bursts has, and drops longer requests.
pub const MAX_WORDS: usize = 64;
/// Words of [`State`] at the head of every reply.
pub const STATE_WORDS: usize = 2;
/// Clock cycles that a board waits for a burst or the interrupt before it replies. A write burst is taken over then, which takes a
/// cycle a bit more.
pub const REPLY_WAIT_CYCLES: u32 = 512;
/// Bit times of silence after which the board forgets the frame it was in.
pub const SILENCE_BITS: u32 = 256;

/// Operation: only the state.
pub const OP_STATUS: u8 = 0;
/// Operation: writes a register of the kernel's AXI4-Lite slave; words: byte offset, value.
pub const OP_REGISTER_WRITE: u8 = 1;
/// Operation: reads one; word: byte offset. One data word in the reply.
pub const OP_REGISTER_READ: u8 = 2;
/// Operation: the data of the read burst that waits, all its words, the first beat's low word first; or no words: the burst ends with SLVERR
/// on every beat.
pub const OP_READ_DATA: u8 = 3;
/// Operation: sends the data of the write burst that waits, all its words; it goes on waiting.
pub const OP_WRITE_DATA: u8 = 4;
/// Operation: the write burst that waits is done; word: its AXI response (0 OKAY, 2 SLVERR).
pub const OP_WRITE_DONE: u8 = 5;
/// Operation: resets the kernel; no burst waits then.
pub const OP_RESET: u8 = 6;
/// Operation: who is there. Data words: [`VERSION`] in the low half and [`crate::ISA_VERSION`] in the high half; the array's side n in the low
/// half and bytes of a bus word in the high half; the clock in Hz; the first four bytes of the RTL digest (the first byte lowest).
pub const OP_IDENTIFY: u8 = 7;
/// Data words of the reply to [`OP_IDENTIFY`].
pub const IDENTITY_WORDS: usize = 4;

/// Flag of [`State`]: a read burst waits for [`OP_READ_DATA`].
pub const READ_WAITS: u32 = 1 << 0;
/// Flag of [`State`]: a write burst, all its data here, waits for [`OP_WRITE_DONE`].
pub const WRITE_WAITS: u32 = 1 << 1;
/// Flag of [`State`]: the kernel's interrupt line is up.
pub const INTERRUPT: u32 = 1 << 2;

/// What every reply begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// [`READ_WAITS`], [`WRITE_WAITS`] (one burst waits at a time), [`INTERRUPT`]: bits 7..0 of word 0.
    pub flags: u32,
    /// Beats of the burst that waits, 1 to 16: bits 15..8 of word 0 hold one less.
    pub beats: u32,
    /// Its byte address: word 1.
    pub address: u32,
}

impl State {
    /// The two words.
    pub const fn words(&self) -> [u32; STATE_WORDS] {
        [self.flags & 0xff | (self.beats.wrapping_sub(1) & 0xff) << 8, self.address]
    }

    /// From the two words.
    pub const fn from_words(words: [u32; STATE_WORDS]) -> Self {
        Self { flags: words[0] & 0xff, beats: (words[0] >> 8 & 0xff) + 1, address: words[1] }
    }
}

/// CRC-16/MCRF4XX: polynomial x^16 + x^12 + x^5 + 1, start value 0xffff, least significant bit first, no final inversion.
/// Sent low byte first, so that the bits on the line, the CRC's own among them, leave a CRC of zero.
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffffu16;
    for byte in bytes {
        for bit in 0..8 {
            let feedback = (crc ^ u16::from(byte >> bit)) & 1;
            crc = (crc >> 1) ^ (feedback * 0x8408);
        }
    }
    crc
}

/// A frame that begins with `start` ([`REQUEST`] or [`REPLY`]). `None` for more words than one may have.
pub fn frame(start: u8, op: u8, sequence: bool, words: &[u32]) -> Option<Vec<u8>> {
    let most = if start == REPLY { MAX_WORDS + STATE_WORDS } else { MAX_WORDS };
    if words.len() > most {
        return None;
    }
    let mut bytes = Vec::with_capacity(5 + 4 * words.len());
    bytes.extend([start, (op & 7) << 1 | u8::from(sequence), words.len() as u8]);
    words.iter().for_each(|w| bytes.extend(w.to_le_bytes()));
    let crc = crc16(&bytes[1..]);
    bytes.extend(crc.to_le_bytes());
    Some(bytes)
}

/// A frame as it came: operation, sequence bit, words.
pub type Frame = (u8, bool, Vec<u32>);

/// The first whole frame in `bytes` that begins with `start`, and how many bytes it and what lies before it take. `Ok(None)`: more
/// bytes are needed. The error says what is wrong with a frame; then the bytes are to be dropped.
pub fn parse(start: u8, bytes: &[u8]) -> Result<Option<(Frame, usize)>, String> {
    let Some(at) = bytes.iter().position(|&b| b == start) else { return Ok(None) };
    let body = &bytes[at + 1..];
    let Some(&[control, count]) = body.first_chunk::<2>() else { return Ok(None) };
    let most = if start == REPLY { MAX_WORDS + STATE_WORDS } else { MAX_WORDS };
    if control > 15 || usize::from(count) > most {
        return Err(format!("a frame's head is {control:#04x} {count:#04x}; that is none of this protocol"));
    }
    let end = 2 + 4 * usize::from(count);
    let Some(sum) = body.get(end..end + 2) else { return Ok(None) };
    let (wanted, found) = (crc16(&body[..end]), u16::from_le_bytes([sum[0], sum[1]]));
    if wanted != found {
        return Err(format!("a frame's CRC is {found:#06x}; its bytes have {wanted:#06x}"));
    }
    let words = body[2..end].chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
    Ok(Some(((control >> 1, control & 1 == 1, words), at + 1 + end + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_behind_noise() {
        let state = State { flags: READ_WAITS, beats: 16, address: 0x1234_5678 };
        let sent = frame(REPLY, OP_REGISTER_READ, true, &[state.words()[0], state.words()[1], 7]).unwrap();
        let mut line = alloc::vec![0, 1, 2];
        line.extend(&sent);
        for cut in 0..line.len() {
            assert_eq!(parse(REPLY, &line[..cut]), Ok(None), "{cut}");
        }
        let ((op, sequence, words), used) = parse(REPLY, &line).unwrap().unwrap();
        assert_eq!((op, sequence, used), (OP_REGISTER_READ, true, line.len()));
        assert_eq!(State::from_words([words[0], words[1]]), state);
        assert_eq!(words[2], 7);
    }

    #[test]
    fn one_wrong_bit_is_found_wherever_it_is() {
        let sent = frame(REQUEST, OP_REGISTER_WRITE, false, &[0x10, 0x8000_0001]).unwrap();
        for bit in 8..8 * sent.len() {
            let mut spoilt = sent.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(parse(REQUEST, &spoilt), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        // CRC-16/MCRF4XX of "123456789".
        assert_eq!(crc16(b"123456789"), 0x6f91);
        let sent = frame(REQUEST, OP_STATUS, true, &[1, 2]).unwrap();
        assert_eq!(crc16(&sent[1..]), 0);
    }
}
