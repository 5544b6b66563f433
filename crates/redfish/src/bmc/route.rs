//! Which function answers which path and method, and who may ask.

use super::flavour::Flavour;
use super::message::Refusal;
use super::{
    Call, Outcome, Service, account, bios, chassis, controller, event, idrac, log, media, root, session,
    system, task,
};

/// What answers a request.
pub(super) type Handler = fn(&mut Service, &mut Call<'_>) -> Outcome;

/// What a caller needs to be allowed (DSP0266 section 13.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privilege {
    /// Nothing: not even to be logged in.
    None,
    /// To be logged in.
    Login,
    /// To work the machine.
    ConfigureComponents,
    /// To change accounts other than one's own.
    ConfigureUsers,
    /// To change the controller.
    ConfigureManager,
}

/// What a caller needs, and what answers.
type Way = (Privilege, Handler);

/// A resource, or several that are alike, and what can be done to it.
pub(super) struct Route {
    /// The path below `/redfish/v1` in parts: a part in braces is the flavour's own word for it, an asterisk stands for any.
    pattern: &'static str,
    get: Option<Way>,
    post: Option<Way>,
    patch: Option<Way>,
    delete: Option<Way>,
}

impl Route {
    /// A resource that who is logged in may read.
    pub(super) const fn new(pattern: &'static str, get: Handler) -> Self {
        Self { pattern, get: Some((Privilege::Login, get)), post: None, patch: None, delete: None }
    }

    /// A resource that anybody may read.
    pub(super) const fn open(pattern: &'static str, get: Handler) -> Self {
        Self { get: Some((Privilege::None, get)), ..Self::new(pattern, get) }
    }

    /// The target of an action.
    pub(super) const fn action(pattern: &'static str, needs: Privilege, post: Handler) -> Self {
        Self { pattern, get: None, post: Some((needs, post)), patch: None, delete: None }
    }

    /// The same, and something can be created below it.
    pub(super) const fn post(self, needs: Privilege, post: Handler) -> Self {
        Self { post: Some((needs, post)), ..self }
    }

    /// The same, and it can be changed.
    pub(super) const fn patch(self, needs: Privilege, patch: Handler) -> Self {
        Self { patch: Some((needs, patch)), ..self }
    }

    /// The same, and it can be deleted.
    pub(super) const fn delete(self, needs: Privilege, delete: Handler) -> Self {
        Self { delete: Some((needs, delete)), ..self }
    }

    fn way(&self, method: &str) -> Option<Way> {
        match method {
            "GET" | "HEAD" => self.get,
            "POST" => self.post,
            "PATCH" => self.patch,
            "DELETE" => self.delete,
            _ => None,
        }
    }

    /// What answers this method.
    pub(super) fn handler(&self, method: &str) -> Result<Handler, Refusal> {
        self.way(method).map(|(_, handler)| handler).ok_or_else(|| {
            Refusal::new(405, "OperationNotAllowed", format!("{method} is not allowed here."))
                .with("Allow", self.allow())
        })
    }

    /// The methods that the resource takes, for the `Allow` header.
    pub(super) fn allow(&self) -> String {
        let methods = [
            ("GET, HEAD", self.get.is_some()),
            ("POST", self.post.is_some()),
            ("PATCH", self.patch.is_some()),
            ("DELETE", self.delete.is_some()),
        ];
        let allowed: Vec<&str> = methods.iter().filter(|(_, can)| *can).map(|(method, _)| *method).collect();
        allowed.join(", ")
    }

    /// What a caller of this method needs.
    pub(super) fn privilege(&self, method: &str) -> Privilege {
        self.way(method).map_or(Privilege::Login, |(privilege, _)| privilege)
    }

    /// Whether who is not logged in may ask.
    pub(super) fn is_open_to_all(&self, method: &str) -> bool {
        self.privilege(method) == Privilege::None
    }
}

/// All routes: a table for each subject.
const TABLES: &[&[Route]] = &[
    root::ROUTES,
    session::ROUTES,
    system::ROUTES,
    bios::ROUTES,
    log::ROUTES,
    controller::ROUTES,
    idrac::ROUTES,
    media::ROUTES,
    chassis::ROUTES,
    account::ROUTES,
    event::ROUTES,
    task::ROUTES,
];

/// The route of a path, with what stands where its pattern has asterisks.
pub(super) fn find<'p>(flavour: &Flavour, path: &'p str) -> Option<(&'static Route, Vec<&'p str>)> {
    let below = match path {
        "/redfish" => "versions",
        _ => path.strip_prefix("/redfish/v1")?,
    };
    TABLES.iter().copied().flatten().find_map(|route| matched(route, flavour, below).map(|ids| (route, ids)))
}

fn matched<'p>(route: &Route, flavour: &Flavour, below: &'p str) -> Option<Vec<&'p str>> {
    let mut ids = Vec::new();
    let mut parts = below.split('/').filter(|part| !part.is_empty());
    for wanted in route.pattern.split('/').filter(|part| !part.is_empty()) {
        let part = parts.next()?;
        match wanted {
            "*" => ids.push(part),
            "{system}" if part == flavour.system => {}
            "{manager}" if part == flavour.manager => {}
            "{chassis}" if part == flavour.chassis => {}
            _ if part == wanted => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(ids)
}
