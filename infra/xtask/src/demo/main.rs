//! The demo: a retail day through the deployed functions. Started by `cargo xtask demo`.

use std::process::ExitCode;

use xtask::status::Cloud;

fn main() -> ExitCode {
    match Cloud::from_environment() {
        Ok(cloud) => {
            println!("{}", cloud.describe());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
