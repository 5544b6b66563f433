//! What a process has used so far.

use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Result;

/// What a server has used so far, or between two moments.
#[derive(Clone, Copy)]
pub struct Meter {
    /// Processor time of user and system.
    pub processor: Duration,
    /// Bytes in memory.
    pub resident: u64,
    /// Bytes that went to the disk.
    pub written: u64,
    /// Transactions that were written to its database.
    pub transactions: u32,
}

impl Meter {
    /// Of the process with this id, whose database is at this path.
    pub fn read(process: u32, database: &Path) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let (_, rest) = stat.rsplit_once(')').ok_or("a stat with the name of the program")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // proc(5), fields 14 and 15; the kernel counts in hundredths of a second for every program (USER_HZ).
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Self {
            processor: Duration::from_millis(ticks * 10),
            resident: number(&format!("/proc/{process}/status"), "VmRSS:")? * 1024,
            written: number(&format!("/proc/{process}/io"), "write_bytes:")?,
            transactions: transactions(database)?,
        })
    }

    /// What was used since an earlier moment; memory as it is now.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            processor: self.processor - earlier.processor,
            resident: self.resident,
            written: self.written - earlier.written,
            transactions: self.transactions.wrapping_sub(earlier.transactions),
        }
    }
}

/// The number after a word at the beginning of a line.
fn number(file: &str, word: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file)?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(word)).ok_or_else(|| format!("{word} in {file}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The counter of write transactions in the header of the index of a write-ahead log
/// (<https://www.sqlite.org/walformat.html#the_wal_index_header>, `iChange`).
fn transactions(database: &Path) -> Result<u32> {
    let mut index = database.as_os_str().to_owned();
    index.push("-shm");
    let bytes = std::fs::read(index)?;
    let counter = bytes.get(8..12).ok_or("the index of a write-ahead log")?;
    Ok(u32::from_ne_bytes(counter.try_into()?))
}

/// Processor time of the children that have ended.
pub fn of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(microseconds.try_into()?))
}
