//! A serial line as bytes: raw, 8 data bits, no parity, one stop bit, no flow control; every wait has an end.

use super::LineError;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{self, ControlModes, OptionalActions, QueueSelector};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

/// An open line. Closing it leaves the modem lines as they are, so that no board is reset by it.
pub struct Port {
    fd: OwnedFd,
}

impl Port {
    /// Opens a terminal for this program alone.
    ///
    /// # Errors
    /// It is not there, is no terminal, does not take the baud, or another program has it.
    pub fn open(path: &Path, baud: u32) -> Result<Self, LineError> {
        let gone = |what: &str, e: Errno| LineError::Gone(format!("{what}: {}", std::io::Error::from(e)));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| gone("it cannot be opened", e))?;
        if !termios::isatty(&fd) {
            return Err(LineError::Unfit("it is no serial line".into()));
        }
        rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive).map_err(|_| LineError::Busy)?;
        set_raw(&fd, baud).map_err(|e| gone(&format!("it does not take {baud} baud"), e))?;
        termios::tcflush(&fd, QueueSelector::IOFlush).map_err(|e| gone("it cannot be flushed", e))?;
        Ok(Self { fd })
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The line is gone, or does not take them until the deadline.
    pub fn write(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), LineError> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.fd, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::INTR) => (),
                Err(Errno::AGAIN) => {
                    if !wait(&self.fd, PollFlags::OUT, deadline)? {
                        return Err(LineError::Gone("it takes no more bytes".into()));
                    }
                }
                Err(e) => return Err(LineError::Gone(std::io::Error::from(e).to_string())),
            }
        }
        Ok(())
    }

    /// Appends what has come, and waits for it until the deadline. Returns how many bytes: 0 at the deadline.
    ///
    /// # Errors
    /// The line is gone.
    pub fn read(&mut self, into: &mut Vec<u8>, deadline: Instant) -> Result<usize, LineError> {
        let mut bytes = [0; 512];
        loop {
            match rustix::io::read(&self.fd, &mut bytes) {
                // A terminal that has hung up is at its end.
                Ok(0) => return Err(LineError::Gone("it has hung up".into())),
                Ok(n) => {
                    into.extend(&bytes[..n]);
                    return Ok(n);
                }
                Err(Errno::INTR) => (),
                Err(Errno::AGAIN) => {
                    if !wait(&self.fd, PollFlags::IN, deadline)? {
                        return Ok(0);
                    }
                }
                Err(e) => return Err(LineError::Gone(std::io::Error::from(e).to_string())),
            }
        }
    }
}

/// Waits until the terminal is ready for `what`: `false` at the deadline.
fn wait(fd: &OwnedFd, what: PollFlags, deadline: Instant) -> Result<bool, LineError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    let mut fds = [PollFd::new(fd, what)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) => Ok(false),
        Ok(_) if fds[0].revents().intersects(what) => Ok(true),
        Ok(_) => Err(LineError::Gone("it has hung up".into())),
        Err(Errno::INTR) => Ok(true),
        Err(e) => Err(LineError::Gone(std::io::Error::from(e).to_string())),
    }
}

/// Sets a terminal to bytes as they are.
///
/// # Errors
/// What the system says.
pub fn set_raw(fd: impl AsFd, baud: u32) -> Result<(), Errno> {
    let mut modes = termios::tcgetattr(&fd)?;
    modes.make_raw();
    modes.control_modes.remove(
        ControlModes::CSIZE | ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS | ControlModes::HUPCL,
    );
    modes.control_modes.insert(ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL);
    modes.set_speed(baud)?;
    termios::tcsetattr(&fd, OptionalActions::Now, &modes)
}
