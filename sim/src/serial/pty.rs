//! A pseudo-terminal: a serial line between two programs of this machine.

use super::port::set_raw;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The side of the board. When it goes, the line is unplugged.
pub struct Pty {
    master: OwnedFd,
    path: PathBuf,
    /// Open for as long as this is: so the line stays when a host closes it.
    _slave: OwnedFd,
}

impl Pty {
    /// A pseudo-terminal that hands over bytes as they are.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        set_raw(&slave, 115_200)?;
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK)?;
        Ok(Self { master, path: name.to_string_lossy().into_owned().into(), _slave: slave })
    }

    /// The terminal that a host opens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the terminal a name that stays the same when the line is plugged in again: a symbolic link, put there at once.
    ///
    /// # Errors
    /// The link cannot be made.
    pub fn link(&self, at: &Path) -> io::Result<()> {
        let new = at.with_extension("new");
        let _ = std::fs::remove_file(&new); // of a program that was ended between these lines
        std::os::unix::fs::symlink(&self.path, &new)?;
        std::fs::rename(&new, at)
    }

    /// Appends what the host has sent, and waits for it that long.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, into: &mut Vec<u8>, timeout: Duration) -> io::Result<usize> {
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        if matches!(poll(&mut fds, Some(&timeout)), Ok(0) | Err(Errno::INTR)) {
            return Ok(0);
        }
        let mut bytes = [0; 512];
        match rustix::io::read(&self.master, &mut bytes) {
            Ok(n) => {
                into.extend(&bytes[..n]);
                Ok(n)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(e) => Err(e.into()),
        }
    }

    /// Sends bytes to the host; what nobody reads is lost when the line is full, as on a wire.
    pub fn write(&self, mut bytes: &[u8]) {
        while let (Ok(n), false) = (rustix::io::write(&self.master, bytes), bytes.is_empty()) {
            bytes = &bytes[n..];
        }
    }
}
