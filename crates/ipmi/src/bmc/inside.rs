//! Commands from inside of the controller: what its other services, such as Redfish, and the machine's system interface
//! ask of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::bmc::Bmc;
use crate::bmc::commands::Caller;
use crate::command::RawCommand;
use crate::completion::CompletionCode;
use crate::message::Message;
use crate::privilege::PrivilegeLevel;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};

/// More turns than any procedure takes on a BMC of its own process.
const TURNS: usize = 100_000;

/// Where commands come from that came over no network.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Bmc {
    /// Carries out a command as for an administrator, outside of any session. Afterwards fetch outputs, as after
    /// [`Bmc::receive`].
    pub fn perform(&mut self, now: Instant, command: &RawCommand) -> (CompletionCode, Vec<u8>) {
        let caller =
            Caller { now, from: NOWHERE, session: None, privilege: Some(PrivilegeLevel::Administrator) };
        let request = Message::request(command.netfn, command.lun, command.cmd, 0, &command.data);
        let reply = self.answer(caller, &request);
        match Message::decode(&reply) {
            Ok(Message { data: [code, data @ ..], .. }) => (CompletionCode(*code), data.to_vec()),
            _ => (CompletionCode::UNSPECIFIED, Vec::new()),
        }
    }

    /// Runs a procedure to its end as for an administrator. Where it waits, it does so on a clock that is moved on for it.
    ///
    /// # Errors
    ///
    /// Those of the procedure.
    pub fn run<P: Procedure>(&mut self, now: Instant, mut procedure: P) -> Result<P::Output, ProcedureError> {
        let mut clock = now;
        for _ in 0..TURNS {
            match procedure.next() {
                Turn::Ask(mut command) => {
                    let (code, data) = self.perform(clock, &command);
                    command.wipe();
                    procedure.answer(Answer { code, data: &data });
                }
                Turn::Wait(time) => clock += time.max(Duration::from_millis(1)),
                Turn::Done(result) => return result,
            }
        }
        Err(ProcedureError::Impossible { doing: "run a procedure", reason: "it does not end" })
    }
}
