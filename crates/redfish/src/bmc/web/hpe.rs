//! iLO 5 and later: the thumbnail.

use super::{Visit, page};
use crate::bmc::exchange::ServiceReply;
use crate::bmc::machine::PictureForm;
use crate::bmc::message::Refusal;

pub(super) fn answer(visit: &mut Visit<'_>) -> Option<ServiceReply> {
    if visit.asked() != ("GET", "/images/thumbnail.bmp") {
        return None;
    }
    let token = visit.request.header("x-auth-token").map(str::to_owned);
    if !visit.is_known(token.or_else(|| visit.cookie("sessionKey")).as_deref()) {
        return Some(Refusal::unauthorized().reply());
    }
    if visit.is_unlicensed() {
        return Some(Refusal::new(403, "iLO.2.24.LicenseKeyRequired", "A license is required.").reply());
    }
    Some(visit.picture(PictureForm::Bmp16).unwrap_or_else(|| page(404, "text/html", "")))
}
