//! The fleet as manifests.

use std::fmt::{self, Write};
use std::path::PathBuf;

use crate::Result;
use crate::simulator::{PASSWORD, Simulator, USER};

/// How many hosts, and what is wrong with some of them.
pub struct Plan {
    pub count: usize,
    /// BMCs that answer nothing; the simulator spreads them evenly.
    pub dead: usize,
    /// Of a hundred hosts, so many whose credential has a wrong password.
    wrong_percent: usize,
}

impl Plan {
    /// Nothing is wrong.
    pub const fn well(count: usize) -> Self {
        Self { count, dead: 0, wrong_percent: 0 }
    }

    /// 5 % are dead, 1 % refuse the password.
    pub const fn mixed(count: usize) -> Self {
        Self { count, dead: count / 20, wrong_percent: 1 }
    }

    fn is_dead(&self, index: usize) -> bool {
        (index + 1) * self.dead / self.count > index * self.dead / self.count
    }

    fn is_refused(&self, index: usize) -> bool {
        index % 100 < self.wrong_percent && !self.is_dead(index)
    }

    /// Whether the host can be read.
    pub fn is_live(&self, index: usize) -> bool {
        !self.is_dead(index) && !self.is_refused(index)
    }

    /// Hosts that can be read.
    pub fn live(&self) -> usize {
        (0..self.count).filter(|index| self.is_live(*index)).count()
    }

    /// Hosts that refuse the password.
    pub fn refused(&self) -> usize {
        (0..self.count).filter(|index| self.is_refused(*index)).count()
    }

    /// The number in the name of a host.
    pub fn index(name: &str) -> Option<usize> {
        name.strip_prefix("host-")?.parse().ok()
    }

    /// A file with all manifests.
    pub fn manifests(&self, simulator: &Simulator) -> Result<PathBuf> {
        let mut text = String::new();
        for (name, password) in [("right", PASSWORD), ("wrong", "not this one")] {
            write!(
                text,
                "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: {name} }}\n\
                 spec: {{ username: {USER}, password: {password} }}\n---\n"
            )?;
        }
        for index in 0..self.count {
            let credential = if self.is_refused(index) { "wrong" } else { "right" };
            write!(
                text,
                "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: host-{index:05} }}\n\
                 spec:\n  credentials: [{credential}]\n  connectors:\n    \
                 - {{ type: ipmi, address: {}, port: {} }}\n---\n",
                simulator.address(index),
                simulator.port
            )?;
        }
        let file = simulator.path("fleet.yaml");
        std::fs::write(&file, text)?;
        Ok(file)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hosts, {} dead, {} refuse the password", self.count, self.dead, self.refused())
    }
}
