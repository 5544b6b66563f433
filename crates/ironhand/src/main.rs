//! `ironhand`: arguments, tables and exit codes. What it commands lives in the other crates.

// Both macros panic where their reader went away: `output::line` prints, `note!` tells.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod output;

mod args;
mod bmc;
mod boot;
mod config;
mod console;
mod describe;
mod discovery;
mod events;
mod exit;
mod fence;
mod files;
mod flow;
mod get;
mod hardware;
mod heartbeat;
mod import;
mod incidents;
mod jobs;
mod learn;
mod leases;
mod manage;
mod manifests;
mod many;
mod media;
mod password;
mod pins;
mod power;
mod read;
#[cfg(feature = "recogniser")]
mod recogniser;
mod recordings;
mod recover;
mod report;
mod repository;
mod sandbox;
mod schema;
mod screen;
mod select;
mod serve;
mod servers;
mod settings;
mod sim;

use std::process::ExitCode;

use clap::Parser;
use ironhand_client::{Client, Endpoint};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, FlowCommand, Global, Media, PasswordCommand, Sim};
use crate::exit::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli.global);
    let output = Output::new(&cli.global);
    let result = match cli.command {
        Command::Read(asked) => read::read(&asked, output),
        Command::Match(asked) => flow::match_screen(&asked, output),
        Command::Flow { command: FlowCommand::Test(files) } => flow::test(&files, output),
        Command::Import { command } => import::import(&command),
        Command::Validate(files) => manifests::validate(&files),
        Command::Schema { kind } => schema::schema(kind.as_deref()),
        Command::Completions { shell } => {
            schema::completions(shell);
            Ok(())
        }
        Command::Version => {
            schema::version();
            Ok(())
        }
        // One thread answers for thousands of BMCs at half the cost of several that wake each other for each answer.
        Command::Bmc(asked) => block_on(Builder::new_current_thread(), bmc::run(asked, output)),
        Command::Discover(asked) => {
            block_on(Builder::new_current_thread(), discovery::discover(&asked, output))
        }
        Command::Audit(asked) if !asked.ranges.is_empty() => {
            block_on(Builder::new_current_thread(), discovery::audit(&asked, output))
        }
        Command::Probe(asked) => block_on(Builder::new_current_thread(), discovery::probe(&asked, output)),
        command => block_on(Builder::new_multi_thread(), waiting(command, &cli.global, output)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The commands that wait for others.
async fn waiting(command: Command, global: &Global, output: Output) -> Result<(), Failure> {
    match command {
        Command::Sandbox(asked) => return sandbox::run(asked, output).await,
        Command::Serve(asked) => return serve::run(asked).await,
        Command::Config { command } => return config::config(command, output).await,
        Command::Sim { command: Sim::Modem(asked) } => return sim::modem(asked, output).await,
        Command::Sim { command: Sim::Pdu(asked) } => return sim::pdu(asked, output).await,
        Command::Sim { command: Sim::Kvm(asked) } => return sim::kvm(asked, output).await,
        Command::Sim { command: Sim::Amt(asked) } => return sim::amt(asked, output).await,
        Command::Sim { command: Sim::Qemu(asked) } => return sim::qemu(asked, output).await,
        Command::Sim { command: Sim::Bmc(asked) } => {
            return sim::bmc(asked, output, global.verbose > 0).await;
        }
        _ => {}
    }
    let client = connect(global)?;
    match command {
        Command::Apply(asked) => manifests::apply(&client, &asked).await,
        Command::Diff(asked) => manifests::diff(&client, &asked, output).await,
        Command::Export(asked) => manifests::export(&client, &asked).await,
        Command::Edit(asked) => manifests::edit(&client, &asked).await,
        Command::Get(asked) => get::get(&client, &asked, output).await,
        Command::Describe(asked) => describe::describe(&client, &asked, output).await,
        Command::Delete(asked) => get::delete(&client, &asked).await,
        Command::Hosts(asked) => boot::hosts(&client, &asked, output).await,
        Command::Boot { command } => boot::boot(&client, &command, output).await,
        Command::Leases(asked) => leases::leases(&client, &asked, output).await,
        Command::Wake(asked) => boot::wake(&client, &asked, output).await,
        Command::Power(asked) => power::power(&client, &asked, output).await,
        Command::BootDevice(asked) => power::boot_device(&client, &asked, output).await,
        Command::Sensors(asked) => hardware::sensors(&client, &asked, output).await,
        Command::Sel(asked) => hardware::sel(&client, &asked, output).await,
        Command::Fru(asked) => hardware::fru(&client, &asked, output).await,
        Command::Inventory(asked) => hardware::inventory(&client, &asked, output).await,
        Command::Identify(asked) => hardware::identify(&client, &asked, output).await,
        Command::Media { command } => match &command {
            Media::Add(asked) => media::add(&client, asked, output).await,
            Media::List { selector } if selector.is_empty() => media::list(&client, output).await,
            Media::Ls { name, path } => media::ls(&client, name, path, output).await,
            Media::Cat { name, path } => media::cat(&client, name, path).await,
            Media::Rm { names } => media::rm(&client, names).await,
            of_hosts => hardware::media(&client, of_hosts, output).await,
        },
        Command::Manage(asked) => manage::manage(&client, &asked, output).await,
        Command::Flow { command: FlowCommand::Record(asked) } => flow::record::record(&client, &asked).await,
        Command::Recover(asked) => recover::recover(&client, &asked, output).await,
        Command::Recovery(asked) => manage::recovery(&client, &asked, output).await,
        Command::Maintenance(asked) => manage::maintenance(&client, &asked, output).await,
        Command::Fence(asked) => fence::fence(&client, &asked, output).await,
        Command::Password(asked) => {
            let PasswordCommand::Rotate(asked) = asked.command;
            password::rotate(&client, &asked, output).await
        }
        Command::Heartbeat { command } => heartbeat::heartbeat(&client, &command, output).await,
        Command::Pin { command } => pins::pin(&client, &command, output).await,
        Command::Console(asked) => console::console(&client, &asked, output).await,
        Command::Recordings(asked) => recordings::recordings(&client, &asked, output).await,
        Command::Screen(asked) => screen::screen(&client, &asked, output).await,
        Command::Type(asked) => screen::type_keys(&client, &asked, output).await,
        Command::Jobs(asked) => jobs::jobs(&client, &asked, output).await,
        Command::Alerts(asked) => jobs::alerts(&client, &asked, output).await,
        Command::Incidents(asked) => incidents::incidents(&client, &asked, output).await,
        Command::Approve(asked) => incidents::approve(&client, &asked, output).await,
        Command::Cancel(asked) => incidents::cancel(&client, &asked, output).await,
        Command::Runs(asked) => incidents::runs(&client, &asked, output).await,
        Command::Report(asked) => report::report(&client, &asked, output).await,
        Command::Events(asked) => events::events(&client, &asked, output).await,
        Command::Settings(asked) => settings::settings(&client, &asked, output).await,
        Command::Notifier { command } => servers::notifier(&client, &command, output).await,
        Command::Repository { command } => repository::repository(&client, &command).await,
        Command::Audit(asked) => discovery::audit_hosts(&client, &asked, output).await,
        Command::Servers => servers::servers(&client, output).await,
        Command::Key { command } => servers::key(&client, &command, output).await,
        _ => Ok(()),
    }
}

fn connect(global: &Global) -> Result<Client, Failure> {
    let endpoint = match &global.server {
        None => Endpoint::local(),
        Some(text) => text.parse().map_err(|error: ironhand_client::EndpointError| Failure::Usage {
            message: error.to_string(),
            hint: None,
        })?,
    };
    Ok(Client::new(endpoint)?)
}

fn block_on(mut threads: Builder, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    threads
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the threads of the program: {error}")))?
        .block_on(work)
}

/// Logs go to standard error; `RUST_LOG` overrides the number of `-v`.
fn log_to_stderr(global: &Global) {
    use std::io::IsTerminal;
    let level = match global.verbose {
        0 => "warn",
        1 => "ironhand=info,info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let color = !global.no_color && std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that nobody reads is none of an error's business; telling of it would panic.
        .log_internal_errors(false)
        .with_ansi(color)
        .init();
}
