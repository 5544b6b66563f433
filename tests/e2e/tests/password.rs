//! A stranger logs in with the password that Ironhand has set, and with no other.

use std::time::Duration;

use e2e::{PASSWORD, Served, accepts, wait_until};
use ironhand_api::{Host, JobState, Name, PasswordRequest, Reach};
use ironhand_client::{Client, Endpoint};
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use ironhand_store::{KeySource, Store};
use secrecy::ExposeSecret;

const GIVEN: &str = "Given-to-the-BMC";

#[test]
fn ipmitool_logs_in_with_the_new_password_and_not_with_the_old_one() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bmcs = BmcFleet::start(BmcFleetConfig { password: PASSWORD.into(), ..BmcFleetConfig::new(1) })
        .expect("a simulated BMC");
    let bmc = bmcs.address(0).expect("its address");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Served::start(folder.path());
    server.apply(&format!(
        "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: fleet }}\n\
         spec: {{ username: admin, password: {{ fromEnv: IRONHAND_PASSWORD }} }}\n---\n\
         apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: rotated }}\nspec:\n  credentials: [fleet]\n  \
         connectors:\n    - {{ type: ipmi, address: {}, port: {} }}\n",
        bmc.ip(),
        bmc.port()
    ));
    let host: Name = "rotated".parse().expect("a name");
    let client = Client::new(Endpoint::Unix(folder.path().join("api.sock"))).expect("a client");
    wait_until("the host is read", Duration::from_secs(60), || {
        let read = runtime.block_on(client.get::<Host>(&host)).map_err(|error| error.to_string())?;
        let reach = read.status.and_then(|status| status.reach).map(|reach| reach.value);
        if reach == Some(Reach::Ok) { Ok(()) } else { Err(format!("{reach:?}")) }
    });
    accepts(bmc, PASSWORD).expect("the first password is valid");

    let rotate = |new: Option<&str>| {
        let request = PasswordRequest { user: None, new: new.map(Into::into), wait: true };
        let job = runtime.block_on(client.rotate_password(&host, &request)).expect("it is changed");
        assert_eq!(job.state, JobState::Done, "{job:#?}");
    };
    rotate(Some(GIVEN));
    accepts(bmc, GIVEN).expect("the given password is valid");
    accepts(bmc, PASSWORD).expect_err("the first password is valid no longer");

    rotate(None);
    drop(server);
    let made = runtime.block_on(async {
        let store = Store::open(&folder.path().join("data"), KeySource::File).await.expect("the store");
        store.host_secrets(&host).await.expect("the passwords of the host").remove(0).password
    });
    accepts(bmc, made.expose_secret()).expect("the password that was made is valid");
    accepts(bmc, GIVEN).expect_err("the given password is valid no longer");
}
