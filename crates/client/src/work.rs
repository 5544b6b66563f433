//! Calls for work that outlives a call, and for alerts.

use http::Method;
use ironhand_api::{
    Alert, FenceReport, FenceRequest, Job, KeyRotation, Kind, List, Name, NotifierReport, PasswordRequest,
    PowerRequest, RecoverPlan, RecoverRequest, Report, Run, ServerStatus, SyncTicket, Timestamp,
};

use crate::{Client, Error, RecordFilter};

impl Client {
    /// Uses the power button of a host without waiting for what comes of it: the job is durable, and will be done or
    /// told of.
    ///
    /// # Errors
    ///
    /// A problem that says why it is refused.
    pub async fn start_power(&self, host: &Name, request: &PowerRequest) -> Result<Job, Error> {
        self.act(host, "power", &PowerRequest { wait: false, ..*request }).await
    }

    /// Runs a flow on a host by hand. The run is durable, and goes on whether anybody waits for it or not.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where it does not begin, which says why and what to do.
    pub async fn recover(&self, host: &Name, request: &RecoverRequest) -> Result<Run, Error> {
        self.act(host, "recover", &RecoverRequest { dry_run: false, ..request.clone() }).await
    }

    /// What such a run would do. Nothing is done.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where no run could begin.
    pub async fn plan_recovery(&self, host: &Name, request: &RecoverRequest) -> Result<RecoverPlan, Error> {
        self.act(host, "recover", &RecoverRequest { dry_run: true, ..request.clone() }).await
    }

    /// Takes the power of a host away, and proves it.
    ///
    /// # Errors
    ///
    /// A problem with the code `fence.not_proven` where the host is not proven to be without power; the
    /// [job](Self::job) that it names holds what was found.
    pub async fn fence(&self, host: &Name, request: &FenceRequest) -> Result<FenceReport, Error> {
        self.act(host, "fence", request).await
    }

    /// Says that a host is no longer fenced.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such host.
    pub async fn lift_fence(&self, host: &Name) -> Result<(), Error> {
        let path = ["api", "v1", Kind::Host.plural(), host.as_str(), "fence"];
        self.call(self.request(Method::DELETE, &path, &[])).await.map(drop)
    }

    /// Changes the password of an account of a host's controller.
    ///
    /// # Errors
    ///
    /// A problem that says why it was not changed, or that nobody knows whether it was.
    pub async fn rotate_password(&self, host: &Name, request: &PasswordRequest) -> Result<Job, Error> {
        self.act(host, "password", &request.to_transport()).await
    }

    /// How the recoveries of a span of time went.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn report(&self, since: Timestamp, until: Timestamp) -> Result<Report, Error> {
        let query = [("since", since.to_string()), ("until", until.to_string())];
        self.fetch(&["api", "v1", "report"], &query).await
    }

    /// Jobs, the newest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn jobs(&self, filter: &RecordFilter) -> Result<Vec<Job>, Error> {
        self.newest("jobs", filter).await
    }

    /// The job with this id.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none, or it is no longer kept.
    pub async fn job(&self, id: u64) -> Result<Job, Error> {
        self.fetch(&["api", "v1", "jobs", &id.to_string()], &[]).await
    }

    /// Alerts, the newest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn alerts(&self, filter: &RecordFilter) -> Result<Vec<Alert>, Error> {
        self.newest("alerts", filter).await
    }

    /// The alert with this id.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none, or it is no longer kept.
    pub async fn alert(&self, id: u64) -> Result<Alert, Error> {
        self.fetch(&["api", "v1", "alerts", &id.to_string()], &[]).await
    }

    /// Tells a notifier that somebody tests whether it is told, and gives what it said.
    ///
    /// # Errors
    ///
    /// A problem that says why it could not be told.
    pub async fn test_notifier(&self, name: &Name) -> Result<NotifierReport, Error> {
        let path = ["api", "v1", Kind::Notifier.plural(), name.as_str(), "test"];
        let request = self.request(Method::POST, &path, &[]).json(&serde_json::json!({}));
        self.parse(self.call(request).await?).await
    }

    /// Has a repository looked at now. Returns the number of the request: it is answered when the status of the
    /// repository says so.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such repository.
    pub async fn sync_repository(&self, name: &Name) -> Result<SyncTicket, Error> {
        let path = ["api", "v1", Kind::Repository.plural(), name.as_str(), "sync"];
        self.parse(self.call(self.request(Method::POST, &path, &[]).json(&serde_json::json!({}))).await?)
            .await
    }

    /// The servers that share the store, and how many hosts belong to each.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn servers(&self) -> Result<Vec<ServerStatus>, Error> {
        Ok(self.fetch::<List<ServerStatus>>(&["api", "v1", "servers"], &[]).await?.items)
    }

    /// Seals everything that is sealed anew, under a new key.
    ///
    /// # Errors
    ///
    /// A problem that says why not; everything is still sealed then, under the old key or the new one.
    pub async fn rotate_key(&self) -> Result<KeyRotation, Error> {
        let request = self.request(Method::POST, &["api", "v1", "key", "rotate"], &[]);
        self.parse(self.call(request.json(&serde_json::json!({}))).await?).await
    }
}
