//! `ironhand config`, and the options of `ironhand serve`: from the command line, from a file, or made for this machine.

mod detect;
mod file;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ironhand_server::{BootListeners, Config, DhcpListener, RepositoryAccess, Roles};

use crate::args::{self, ConfigCommand, LeasePlace, Listening, OnOff, Role, ServeOptions};
use crate::exit::Failure;
use crate::output::{Output, line};

use file::FileOptions;

/// Where the store lies unless anybody says otherwise.
const DATA: &str = "/var/lib/ironhand";

/// Options as they hold.
pub struct Resolved {
    /// What the server is started with.
    pub config: Config,
    /// The same under the names that a file has.
    options: FileOptions,
}

/// `ironhand config`.
pub async fn config(asked: ConfigCommand, output: Output) -> Result<(), Failure> {
    match asked {
        ConfigCommand::Detect(asked) => detect::detect(&asked).await,
        ConfigCommand::Check { file } => check(&file),
        ConfigCommand::Show(asked) => show(&asked, output),
    }
}

fn check(path: &Path) -> Result<(), Failure> {
    let options = file::read(path)?;
    let resolved = settle(options)?;
    line(&format!("{}: can be used", path.display()));
    for warning in warnings(&resolved.config) {
        note!("warning: {warning}");
    }
    Ok(())
}

fn show(asked: &args::Serve, output: Output) -> Result<(), Failure> {
    output.value(&resolve(asked)?.options)
}

/// The options that hold: those of the command line before those of the file before what is usual.
pub fn resolve(asked: &args::Serve) -> Result<Resolved, Failure> {
    let from_file = asked.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
    settle(from_file.beneath(asked.options.clone()))
}

/// Puts what is usual in the place of what nobody said.
fn settle(mut options: FileOptions) -> Result<Resolved, Failure> {
    let said_of_boot = options.boot.is_some();
    let mut config = Config::new(options.data.get_or_insert_with(|| PathBuf::from(DATA)).clone());
    let roles = options.roles.get_or_insert_with(|| vec![Role::Api, Role::Bmc]);
    let has = |role| roles.contains(&role);
    config.roles = Roles { api: has(Role::Api), bmc: has(Role::Bmc), boot: has(Role::Boot) };
    if !(config.roles.api || config.roles.bmc || config.roles.boot) {
        return Err(usage("a server without roles does nothing", "name some of api, bmc and boot"));
    }
    if said_of_boot && !config.roles.boot {
        let hint = "add `boot` to the roles: --roles api,bmc,boot, or `roles: [api, bmc, boot]` in the file";
        return Err(usage(
            "listeners of network boot are given, and the server does not have the role boot",
            hint,
        ));
    }
    if options.listen.is_some() && !config.roles.api {
        return Err(usage(
            "an address of the API is given, and the server does not have the role api",
            "add `api` to the roles",
        ));
    }
    config.listen = options.listen;
    config.socket.clone_from(&options.socket);
    config.shared = options.shared;
    config.traps = options.traps;
    config.console_logs.clone_from(&options.console_logs);
    config.repositories =
        RepositoryAccess { secrets: options.repositories.secrets.clone(), local: options.repositories.local };
    if config.roles.boot {
        config.boot = listeners(options.boot.get_or_insert_default())?;
    }
    Ok(Resolved { config, options })
}

fn listeners(boot: &mut file::BootOptions) -> Result<BootListeners, Failure> {
    let usual = BootListeners::default();
    let at = |given: &mut Option<Listening>, usual: Option<SocketAddr>| match given
        .get_or_insert(usual.map_or(Listening::Off, Listening::At))
    {
        Listening::Off => None,
        Listening::At(address) => Some(*address),
    };
    let dhcp = match boot.dhcp.get_or_insert(OnOff::On) {
        OnOff::Off => None,
        OnOff::On => {
            let place = boot.leases.get_or_insert(LeasePlace::Disk);
            Some(DhcpListener { sync: *place == LeasePlace::Disk })
        }
    };
    let listeners = BootListeners {
        http: at(&mut boot.http, usual.http),
        https: at(&mut boot.https, usual.https),
        tftp: at(&mut boot.tftp, usual.tftp),
        dhcp,
    };
    if listeners.http.is_none() && listeners.tftp.is_none() {
        return Err(usage(
            "with both `http` and `tftp` off there is nothing that machines could read from",
            "leave one of them on",
        ));
    }
    Ok(listeners)
}

fn usage(message: &str, hint: &str) -> Failure {
    Failure::Usage { message: message.to_owned(), hint: Some(hint.to_owned()) }
}

/// What can be used and will probably not do what is meant.
fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.roles.boot {
        let low =
            |address: Option<SocketAddr>| address.is_some_and(|address| (1..1024).contains(&address.port()));
        let boot = &config.boot;
        let dhcp = boot.dhcp.is_some();
        if (low(boot.tftp) || low(boot.http) || dhcp) && !rustix::process::geteuid().is_root() {
            warnings.push(
                "ports below 1024 and DHCP need privileges: run the server as root, or give it CAP_NET_BIND_SERVICE and CAP_NET_RAW"
                    .to_owned(),
            );
        }
        if boot.http.is_some_and(|address| address.ip().is_loopback()) {
            warnings
                .push("`http` is at a loopback address, which machines that boot cannot reach".to_owned());
        }
        if boot.tftp.is_none() {
            warnings.push("without `tftp` only machines whose firmware boots by HTTP are served".to_owned());
        }
    }
    if !config.data_dir.is_absolute() {
        warnings.push(format!(
            "`data` is taken from the folder that the server is started in: {}",
            config.data_dir.display()
        ));
    }
    warnings
}

impl FileOptions {
    /// These, with those of the command line before them.
    fn beneath(mut self, given: ServeOptions) -> Self {
        let ServeOptions {
            data,
            listen,
            socket,
            roles,
            shared,
            traps,
            console_logs,
            repository_secrets,
            local_repositories,
            boot_http,
            boot_https,
            boot_tftp,
            boot_dhcp,
            boot_leases,
        } = given;
        fn before<T>(kept: &mut Option<T>, given: Option<T>) {
            if given.is_some() {
                *kept = given;
            }
        }
        before(&mut self.data, data);
        before(&mut self.listen, listen);
        before(&mut self.socket, socket);
        before(&mut self.roles, roles);
        self.shared |= shared;
        before(&mut self.traps, traps);
        before(&mut self.console_logs, console_logs);
        before(&mut self.repositories.secrets, repository_secrets);
        self.repositories.local |= local_repositories;
        let said = boot_http.is_some() || boot_https.is_some() || boot_tftp.is_some() || boot_dhcp.is_some();
        if said || boot_leases.is_some() {
            let boot = self.boot.get_or_insert_default();
            before(&mut boot.http, boot_http);
            before(&mut boot.https, boot_https);
            before(&mut boot.tftp, boot_tftp);
            before(&mut boot.dhcp, boot_dhcp);
            before(&mut boot.leases, boot_leases);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "data: /srv/ironhand\nlisten: 127.0.0.1:7080\nsocket: /run/ironhand/api.sock\nroles: [api, bmc, boot]\n\
        shared: true\ntraps: 0.0.0.0:162\nconsoleLogs: /var/log/conman\nrepositories: { secrets: /etc/secrets, local: true }\n\
        boot:\n  http: 10.0.0.1:8480\n  https: off\n  tftp: '[::]:69'\n  dhcp: on\n  leases: disk\n";

    fn parse(text: &str) -> Result<Resolved, Failure> {
        settle(file::parse("ironhand.yaml", text)?)
    }

    #[test]
    fn a_file_and_flags_alone_say_the_same() {
        let from_file = parse(WHOLE).unwrap();
        let flags = ServeOptions {
            data: Some("/srv/ironhand".into()),
            listen: Some("127.0.0.1:7080".parse().unwrap()),
            socket: Some("/run/ironhand/api.sock".into()),
            roles: Some(vec![Role::Api, Role::Bmc, Role::Boot]),
            shared: true,
            traps: Some("0.0.0.0:162".parse().unwrap()),
            console_logs: Some("/var/log/conman".into()),
            repository_secrets: Some("/etc/secrets".into()),
            local_repositories: true,
            boot_http: Some("10.0.0.1:8480".parse().unwrap()),
            ..ServeOptions::default()
        };
        let from_flags = resolve(&args::Serve { config: None, options: flags }).unwrap();
        assert_eq!(from_file.options, from_flags.options);
        // What is shown is a file again.
        let shown = serde_saphyr::to_string(&from_flags.options).unwrap();
        assert_eq!(parse(&shown).unwrap().options, from_flags.options);
    }

    #[test]
    fn flags_come_before_the_file() {
        let file = file::parse("a", WHOLE).unwrap();
        let flags = ServeOptions {
            boot_dhcp: Some(OnOff::Off),
            listen: Some("127.0.0.1:1".parse().unwrap()),
            ..ServeOptions::default()
        };
        let config = settle(file.beneath(flags)).unwrap().config;
        assert_eq!((config.boot.dhcp, config.listen), (None, Some("127.0.0.1:1".parse().unwrap())));
        assert_eq!(config.boot.http, Some("10.0.0.1:8480".parse().unwrap()));
    }

    #[test]
    fn nothing_boots_unless_asked() {
        let resolved = parse("").unwrap();
        assert_eq!(resolved.config.roles, Roles::default());
        assert_eq!(resolved.config.data_dir, Path::new(DATA));
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let check = |text: &str, wanted: &[&str]| {
            let told = match parse(text) {
                Err(failure) => failure.to_string(),
                Ok(_) => panic!("{text} is taken"),
            };
            for part in wanted {
                assert!(told.contains(part), "{text}: {told}");
            }
        };
        check("data: /a\nlissten: 127.0.0.1:1\n", &["ironhand.yaml", "2:1", "lissten"]);
        check("roles: [boot]\nboot:\n  htpp: off\n", &["3:3", "htpp"]);
        check("roles: [web]\n", &["1:", "web"]);
        check("roles: [boot]\nboot: { tftp: 69 }\n", &["2:", "no address with a port"]);
        check("roles: [boot]\nboot: { http: off, tftp: off }\n", &["nothing that machines could read from"]);
        check("boot: { dhcp: off }\n", &["does not have the role boot"]);
        check("roles: []\n", &["without roles"]);
    }
}
