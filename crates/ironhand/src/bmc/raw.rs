//! `ironhand bmc raw`.

use ironhand_ipmi::{PrivilegeLevel, RawCommand, Reply, Request};
use serde::Serialize;

use super::{Finding, Fleet, Problem, Shown, args};
use crate::exit::Failure;
use crate::output::Output;

/// What a BMC answered, behind the completion code.
#[derive(Serialize)]
struct Raw {
    data: String,
}

impl Finding for Raw {
    fn shown(&self, _: Output) -> Shown {
        Shown::Line(if self.data.is_empty() { "done, no data".into() } else { self.data.as_str().into() })
    }
}

/// `ironhand bmc raw`.
pub async fn raw(fleet: &Fleet, asked: &args::Raw) -> Result<(), Failure> {
    let bytes = asked.bytes.iter().map(|word| byte(word)).collect::<Result<Vec<_>, _>>()?;
    let (&[netfn, cmd], data) =
        bytes.split_first_chunk().ok_or_else(|| wrong("a network function and a command"))?;
    if netfn > 0x3E || netfn & 1 == 1 {
        return Err(wrong("the network function of a request is even, 0x00 to 0x3e"));
    }
    if data.len() > RawCommand::DATA_LIMIT {
        return Err(wrong("a command has at most 248 bytes of data"));
    }
    let command = RawCommand {
        netfn,
        lun: asked.lun,
        cmd,
        data: data.to_vec(),
        privilege: fleet.config.privilege.max(PrivilegeLevel::User),
        repeatable: asked.repeatable,
    };
    fleet
        .change(async |bmc| match bmc.request(Request::Raw(command.clone())).await? {
            Reply::Raw(data) => {
                Ok(Raw { data: data.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ") })
            }
            _ => Err(Problem::failed("ipmi.protocol", "protocol error", "the BMC answered something else")),
        })
        .await
}

/// A byte: hexadecimal with `0x`, else decimal.
fn byte(word: &str) -> Result<u8, Failure> {
    let parsed = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => word.parse(),
    };
    parsed.map_err(|_| wrong(&format!("`{word}` is not a byte")))
}

fn wrong(message: &str) -> Failure {
    Failure::Usage {
        message: message.to_owned(),
        hint: Some("write NETFN CMD [DATA...], like 0x06 0x01 for Get Device ID".to_owned()),
    }
}
