//! The calls, one method each.

use std::time::Duration;

use http::{Method, StatusCode};
use ironhand_api::{
    ActionReport, ApplyOutcome, BootDeviceRequest, CloudEvent, Event, Incident, KeysRequest, Kind,
    LabelSelector, List, Manifest, Name, PictureDigest, PowerRequest, Problem, Run, RunRequest, Screen,
    UnknownScreen,
};
use reqwest::{RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::resource::{self, Resource};
use crate::{Endpoint, Error, EventStream};

/// How long a connection may take to come about: the server is on this machine or near it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Resources asked for at a time: a list of ten thousand hosts takes forty calls, and no reply is over a few megabytes.
const PAGE: usize = 250;

/// A connection to one server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    endpoint: Endpoint,
}

/// Which incidents, runs, jobs or alerts a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Those of one host.
    pub host: Option<Name>,
    /// Only those that are not over.
    pub open: bool,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// Which events a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those of one host.
    pub host: Option<Name>,
    /// Those after the event with this id.
    pub after: Option<u64>,
    /// At most so many, the oldest first.
    pub limit: Option<usize>,
}

impl Client {
    /// A client of the server at `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where the HTTP library cannot be set up.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        // A proxy from the environment must not see what is meant for this machine.
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy();
        if let Some(path) = endpoint.socket() {
            builder = builder.unix_socket(path);
        }
        let http = builder
            .build()
            .map_err(|source| Error::Unreachable { endpoint: endpoint.to_string(), source })?;
        Ok(Self { http, base: endpoint.base(), endpoint })
    }

    /// Where the server is.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the server is ready to serve.
    ///
    /// # Errors
    ///
    /// Where it is not, or cannot be reached.
    pub async fn ready(&self) -> Result<(), Error> {
        self.call(self.request(Method::GET, &["readyz"], &[])).await.map(drop)
    }

    /// The resource of that name.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn get<R: Resource>(&self, name: &Name) -> Result<R, Error> {
        self.fetch(&["api", "v1", R::KIND.plural(), name.as_str()], &[]).await
    }

    /// All resources that `selector` selects, ordered by name.
    ///
    /// # Errors
    ///
    /// As the type says; a failure in the middle gives nothing.
    pub async fn list<R: Resource>(&self, selector: &LabelSelector) -> Result<Vec<R>, Error> {
        self.pages(R::KIND.plural(), selected(selector)).await
    }

    /// The resource of that kind and name as a manifest; none where there is none.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn manifest(&self, kind: Kind, name: &Name) -> Result<Option<Manifest>, Error> {
        match self.fetch(&["api", "v1", kind.plural(), name.as_str()], &[]).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.problem().is_some_and(|problem| problem.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All resources of a kind that `selector` selects as manifests, ordered by name.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn manifests(&self, kind: Kind, selector: &LabelSelector) -> Result<Vec<Manifest>, Error> {
        self.pages(kind.plural(), selected(selector)).await
    }

    /// Creates the resource that `manifest` describes, or changes it to what the manifest says.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where the manifest carries a `resourceVersion` that is no longer current, with 422
    /// where what it says cannot be.
    pub async fn apply(&self, manifest: &Manifest) -> Result<ApplyOutcome, Error> {
        self.put(manifest, &[]).await
    }

    /// What [`apply`](Self::apply) would do, and whether it would be refused; nothing changes.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub async fn apply_dry_run(&self, manifest: &Manifest) -> Result<ApplyOutcome, Error> {
        self.put(manifest, &[("dryRun", "true".to_owned())]).await
    }

    async fn put(&self, manifest: &Manifest, query: &[(&str, String)]) -> Result<ApplyOutcome, Error> {
        let path = ["api", "v1", manifest.kind().plural(), manifest.metadata().name.as_str()];
        let reply =
            self.call(self.request(Method::PUT, &path, query).json(&resource::body(manifest))).await?;
        let word = reply.headers().get(ApplyOutcome::HEADER).and_then(|value| value.to_str().ok());
        word.and_then(ApplyOutcome::from_word)
            .ok_or_else(|| self.not_ours(format!("the reply lacks the header {}", ApplyOutcome::HEADER)))
    }

    /// Removes a resource.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none, with 409 where others refer to it.
    pub async fn delete(&self, kind: Kind, name: &Name) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["api", "v1", kind.plural(), name.as_str()], &[]);
        self.call(request).await.map(drop)
    }

    /// Uses the power button of a host.
    ///
    /// # Errors
    ///
    /// A problem that says whose fault it is where the action failed; with status 504 where it was not seen to come
    /// true in time.
    pub async fn power(&self, host: &Name, request: &PowerRequest) -> Result<ActionReport, Error> {
        self.act(host, "power", request).await
    }

    /// Chooses what a host boots from.
    ///
    /// # Errors
    ///
    /// A problem that says whose fault it is.
    pub async fn boot_device(&self, host: &Name, request: &BootDeviceRequest) -> Result<ActionReport, Error> {
        self.act(host, "boot-device", request).await
    }

    /// Presses keys at a host's console.
    ///
    /// # Errors
    ///
    /// A problem that says whose fault it is; with status 422 where `keys` cannot be understood.
    pub async fn keys(&self, host: &Name, keys: &str) -> Result<ActionReport, Error> {
        self.type_keys(host, &KeysRequest::new(keys)).await
    }

    /// The same, with a secret that may be among the keys.
    ///
    /// # Errors
    ///
    /// As of [`keys`](Self::keys).
    pub async fn type_keys(&self, host: &Name, request: &KeysRequest) -> Result<ActionReport, Error> {
        self.act(host, "keys", &request.to_transport()).await
    }

    /// The last reading of a host's screen.
    ///
    /// # Errors
    ///
    /// A problem where it was never seen.
    pub async fn screen(&self, host: &Name) -> Result<Screen, Error> {
        self.fetch(&["api", "v1", "hosts", host.as_str(), "screen"], &[]).await
    }

    /// Reads a host's screen now.
    ///
    /// # Errors
    ///
    /// A problem that says why it cannot be seen.
    pub async fn read_screen(&self, host: &Name) -> Result<Screen, Error> {
        self.act(host, "screen", &serde_json::json!({})).await
    }

    /// A picture, as a PNG file.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where it is no longer, or never was, kept.
    pub async fn picture(&self, digest: &PictureDigest) -> Result<Vec<u8>, Error> {
        let reply = self.call(self.request(Method::GET, &["api", "v1", "pictures", &digest.0], &[])).await?;
        let bytes = reply.bytes().await.map_err(|source| self.unreachable(source))?;
        Ok(bytes.into())
    }

    /// Incidents, the newest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn incidents(&self, filter: &RecordFilter) -> Result<Vec<Incident>, Error> {
        self.newest("incidents", filter).await
    }

    /// The screens of unwell hosts that no flow recognises, those that are alike together; the one of most hosts first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn unknown_screens(&self) -> Result<Vec<UnknownScreen>, Error> {
        let list: List<UnknownScreen> = self.fetch(&["api", "v1", "unknown-screens"], &[]).await?;
        Ok(list.items)
    }

    /// The incident with this id.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn incident(&self, id: u64) -> Result<Incident, Error> {
        self.fetch(&["api", "v1", "incidents", &id.to_string()], &[]).await
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn runs(&self, filter: &RecordFilter) -> Result<Vec<Run>, Error> {
        self.newest("runs", filter).await
    }

    /// The run with this id.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn run(&self, id: u64) -> Result<Run, Error> {
        self.fetch(&["api", "v1", "runs", &id.to_string()], &[]).await
    }

    /// Agrees to what a run asks.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such run, 409 where it asks nothing.
    pub async fn approve(&self, run: u64, request: &RunRequest) -> Result<Run, Error> {
        self.rule(run, "approve", request).await
    }

    /// Stops a run.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such run, 409 where it is over.
    pub async fn cancel(&self, run: u64, request: &RunRequest) -> Result<Run, Error> {
        self.rule(run, "cancel", request).await
    }

    async fn rule(&self, run: u64, ruling: &str, request: &RunRequest) -> Result<Run, Error> {
        let path = ["api", "v1", "runs", &run.to_string(), ruling];
        self.parse(self.call(self.request(Method::POST, &path, &[]).json(request)).await?).await
    }

    /// Events that have happened, oldest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, Error> {
        self.event_list(filter, Vec::new()).await
    }

    /// The same as CloudEvents.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn cloud_events(&self, filter: &EventFilter) -> Result<Vec<CloudEvent>, Error> {
        self.event_list(filter, vec![cloud_format()]).await
    }

    async fn event_list<T: DeserializeOwned>(
        &self,
        filter: &EventFilter,
        mut query: Vec<(&str, String)>,
    ) -> Result<Vec<T>, Error> {
        query.extend(filter.host.as_ref().map(|host| ("host", host.to_string())));
        query.extend(filter.after.map(|id| ("after", id.to_string())));
        if let Some(limit) = filter.limit {
            query.push(("limit", limit.to_string()));
            return Ok(self.fetch::<List<T>>(&["api", "v1", "events"], &query).await?.items);
        }
        self.pages("events", query).await
    }

    /// Events as they happen: all after the one with the id `after`, or without it those from now on; of one host, or
    /// of all.
    pub fn follow(&self, after: Option<u64>, host: Option<Name>) -> EventStream {
        EventStream::new(self.clone(), after, of_host(host))
    }

    /// The same as CloudEvents.
    pub fn follow_cloud_events(&self, after: Option<u64>, host: Option<Name>) -> EventStream<CloudEvent> {
        let mut query = of_host(host);
        query.push(cloud_format());
        EventStream::new(self.clone(), after, query)
    }

    /// Incidents, runs, jobs or alerts.
    pub(crate) async fn newest<T: DeserializeOwned>(
        &self,
        plural: &str,
        filter: &RecordFilter,
    ) -> Result<Vec<T>, Error> {
        let mut query = Vec::new();
        query.extend(filter.host.as_ref().map(|host| ("host", host.to_string())));
        if filter.open {
            query.push(("open", "true".to_owned()));
        }
        if let Some(limit) = filter.limit {
            query.push(("limit", limit.to_string()));
            return Ok(self.fetch::<List<T>>(&["api", "v1", plural], &query).await?.items);
        }
        self.pages(plural, query).await
    }

    /// All pages of a list.
    async fn pages<T: DeserializeOwned>(
        &self,
        plural: &str,
        query: Vec<(&str, String)>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut query = query.clone();
            query.extend(next.take().map(|next| ("continue", next)));
            let page: List<T> = self.fetch(&["api", "v1", plural], &query).await?;
            items.extend(page.items);
            match page.next {
                Some(_) => next = page.next,
                None => return Ok(items),
            }
        }
    }

    pub(crate) async fn act<T: DeserializeOwned>(
        &self,
        host: &Name,
        action: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let request = self.request(Method::POST, &["api", "v1", "hosts", host.as_str(), action], &[]);
        self.parse(self.call(request.json(body)).await?).await
    }

    pub(crate) async fn fetch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        self.parse(self.call(self.request(Method::GET, path, query)).await?).await
    }

    pub(crate) fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        // Both forms of endpoint are http URLs, which have segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// Sends a request; a reply that is an error becomes one here.
    pub(crate) async fn call(&self, request: RequestBuilder) -> Result<Response, Error> {
        let reply = self.upgrade(request).await?;
        if reply.status().is_success() {
            return Ok(reply);
        }
        Err(self.not_ours(unexpected(reply.status())))
    }

    /// The same, where a reply may also be that the connection speaks something else from now on.
    pub(crate) async fn upgrade(&self, request: RequestBuilder) -> Result<Response, Error> {
        let reply = request.send().await.map_err(|source| self.unreachable(source))?;
        let status = reply.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(reply);
        }
        let body = reply.bytes().await.map_err(|source| self.unreachable(source))?;
        Err(serde_json::from_slice::<Problem>(&body)
            .map(|problem| Error::Problem(Box::new(problem)))
            .unwrap_or_else(|_| self.not_ours(unexpected(status))))
    }

    pub(crate) async fn parse<T: DeserializeOwned>(&self, reply: Response) -> Result<T, Error> {
        let body = reply.bytes().await.map_err(|source| self.unreachable(source))?;
        serde_json::from_slice(&body).map_err(|error| self.not_ours(error.to_string()))
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> Error {
        // The URL is a detail of how the endpoint is spoken to, and says nothing over a local socket.
        Error::Unreachable { endpoint: self.endpoint.to_string(), source: source.without_url() }
    }

    pub(crate) fn not_ours(&self, reason: String) -> Error {
        Error::NotOurs { endpoint: self.endpoint.to_string(), reason }
    }
}

fn of_host(host: Option<Name>) -> Vec<(&'static str, String)> {
    host.iter().map(|host| ("host", host.to_string())).collect()
}

/// Asks for events as CloudEvents.
fn cloud_format() -> (&'static str, String) {
    ("format", "cloudevents".to_owned())
}

/// The query of a list of what `selector` selects.
fn selected(selector: &LabelSelector) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", PAGE.to_string())];
    if !selector.is_all() {
        query.push(("labelSelector", selector.to_string()));
    }
    query
}

fn unexpected(status: StatusCode) -> String {
    format!("it replied {status} without a problem document")
}
