//! `runbook init`: a runbook to begin with, with scenarios that pass.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::Exit;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where it is written; nothing that is there is written over
    #[arg(value_name = "FILE", default_value = "deploy.rb")]
    file: PathBuf,
    /// How the new version reaches its users
    #[arg(long, value_name = "STRATEGY", default_value = "rolling")]
    strategy: Strategy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Strategy {
    /// Machine by machine
    Rolling,
    /// Beside the old version, and the traffic moves in one step
    BlueGreen,
    /// A small share of the traffic first, then more
    Canary,
    /// The old version stops, the new one starts
    Recreate,
    /// The code is there, and is switched on for more and more users
    FeatureFlags,
    /// Work in a window, with a backup
    Maintenance,
}

impl Strategy {
    fn text(self) -> &'static str {
        match self {
            Strategy::Rolling => include_str!("templates/rolling.rb"),
            Strategy::BlueGreen => include_str!("templates/blue_green.rb"),
            Strategy::Canary => include_str!("templates/canary.rb"),
            Strategy::Recreate => include_str!("templates/recreate.rb"),
            Strategy::FeatureFlags => include_str!("templates/feature_flags.rb"),
            Strategy::Maintenance => include_str!("templates/maintenance.rb"),
        }
    }
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let path = &arguments.file;
    let shown = crate::source::one_line(&path.display().to_string());
    let text = arguments.strategy.text().replace("deploy.rb", &shown);
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            screen.print(&format!(
                "{shown} is written; `runbook test {shown}` plays its scenarios, `runbook rehearse {shown}` every fault\n"
            ));
            Exit::Done
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            screen.error(&format!("{shown} is there already and stays as it is; name another file"));
            Exit::Usage
        }
        Err(error) => {
            screen.error(&format!("{shown}: {error}"));
            Exit::Usage
        }
    }
}
