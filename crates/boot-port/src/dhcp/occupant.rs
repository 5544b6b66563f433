//! Who has a port that we want.

use std::fmt;
use std::fs;
use std::path::Path;

/// A process that has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// Its number.
    pub process: u32,
    /// The name of its program.
    pub program: String,
}

impl fmt::Display for Occupant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (process {})", self.program, self.process)
    }
}

/// Who has the UDP port in a table of the system (`udp`, `udp6`), as far as this process may see others' files.
pub(super) fn of_udp_port(table: &str, port: u16) -> Option<Occupant> {
    let table = fs::read_to_string(format!("/proc/thread-self/net/{table}")).ok()?;
    let sockets: Vec<String> =
        inodes(&table, port).into_iter().map(|inode| format!("socket:[{inode}]")).collect();
    let own = std::process::id();
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok().filter(|process| *process != own)?;
        has_open(&entry.path(), &sockets).then_some((process, entry.path()))
    });
    let (process, folder) = { processes }.next()?;
    let program = fs::read_to_string(folder.join("comm")).unwrap_or_default().trim().to_owned();
    Some(Occupant { process, program })
}

fn has_open(process: &Path, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| {
            target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target))
        })
    })
}

/// The inodes of the sockets on the port, from the text of `/proc/net/udp` (proc_pid_net(5)).
fn inodes(table: &str, port: u16) -> Vec<u64> {
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.split_once(':')?;
        (u16::from_str_radix(local, 16).ok()? == port).then(|| fields.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            10: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n\
            11: 0100007F:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n\
            12: broken\n";
        let check = |port, expected: &[u64]| assert_eq!(inodes(table, port), expected, "{port}");
        check(67, &[4711]);
        check(69, &[4712]);
        check(68, &[]);
    }
}
