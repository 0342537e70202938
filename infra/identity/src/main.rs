//! `stockline-identity`: a small OpenID provider for a local cloud. `cargo xtask up` starts it.

mod authorization;
mod codes;
mod loopback;
mod pages;
mod parameters;
mod people;
mod provider;
mod server;
mod tokens;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::net::TcpListener;
use xtask::clock;
use xtask::oidc::Identity;

use crate::provider::Provider;

/// An OpenID provider with a sign-in page, on 127.0.0.1
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the local cloud that the provider belongs to; `cargo xtask` finds the process by it
    #[arg(long, value_name = "FOLDER")]
    cloud: PathBuf,
    /// Port on 127.0.0.1
    #[arg(long)]
    port: u16,
    /// Private key that signs the tokens, as PKCS#8 in PEM; created if it does not exist
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        eprintln!(
            "identity provider of {} at {url}",
            arguments.cloud.display()
        );
        let identity = Identity::ensure(&arguments.key)?;
        let provider = Provider::new(identity, url, Box::new(clock::since_epoch));
        server::serve(listener, provider).await;
        Ok(())
    })
}
