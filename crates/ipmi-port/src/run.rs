//! Running a procedure on a BMC.

use ironhand_ipmi::{Answer, CompletionCode, Error, Procedure, ProcedureError, Reply, Request, Turn};

use crate::Bmc;

/// Why a procedure gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A command got no answer.
    #[error(transparent)]
    Client(#[from] Error),
    /// The BMC's answers did not lead to the procedure's end.
    #[error(transparent)]
    Procedure(#[from] ProcedureError),
}

impl Bmc {
    /// Runs a procedure to its end. Requests of others to the same BMC may go between its commands.
    ///
    /// # Errors
    ///
    /// [`RunError::Client`] where a command got no answer, [`RunError::Procedure`] where the answers led nowhere.
    pub async fn run<P: Procedure>(&self, mut procedure: P) -> Result<P::Output, RunError> {
        loop {
            match procedure.next() {
                Turn::Ask(command) => match self.request(Request::Raw(command)).await {
                    Ok(Reply::Raw(data)) => {
                        procedure.answer(Answer { code: CompletionCode::OK, data: &data });
                    }
                    Ok(_) => procedure.answer(Answer { code: CompletionCode::OK, data: &[] }),
                    Err(Error::Completion(code)) => procedure.answer(Answer { code, data: &[] }),
                    Err(error) => return Err(error.into()),
                },
                Turn::Wait(time) => tokio::time::sleep(time).await,
                Turn::Done(outcome) => return Ok(outcome?),
            }
        }
    }
}
