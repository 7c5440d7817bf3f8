//! `runbook check`: what is wrong in files, for people or for programs.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::diagnostic::{Diagnostic, MAX_SHOWN, Severity, json, report, short, summary};
use crate::source::Sources;

use super::screen::Screen;
use super::{Exit, files};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files or folders; `-` is standard input [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// For whom
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drawn, with the place
    Human,
    /// A line each
    Short,
    /// One JSON document
    Json,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let files = match files::meant(&arguments.files) {
        Ok(files) => files,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    let mut all: Vec<(Sources, Vec<Diagnostic>)> = Vec::new();
    let mut unreadable = false;
    for file in &files {
        match files::load(file) {
            Ok(loaded) => {
                let examined = files::examine(loaded);
                all.push((examined.sources, examined.diagnostics));
            }
            Err(why) => {
                screen.error(&why);
                unreadable = true;
            }
        }
    }
    show(arguments.format, &all, screen);
    let worst = all.iter().flat_map(|(_, found)| found).map(Diagnostic::severity).min();
    match worst {
        _ if unreadable => Exit::Usage,
        Some(Severity::Error | Severity::Warning) => Exit::Findings,
        Some(Severity::Advice) | None => Exit::Done,
    }
}

fn show(format: Format, all: &[(Sources, Vec<Diagnostic>)], screen: &Screen) {
    match format {
        Format::Human => {
            for (sources, found) in all {
                screen.print(&report(found, sources, screen.out.width, screen.out.color));
            }
            let everything: Vec<Diagnostic> = all.iter().flat_map(|(_, found)| found.clone()).collect();
            let files = match all.len() {
                1 => all[0].0.iter().next().map(|(_, f)| f.name.clone()).unwrap_or_default(),
                n => format!("{n} files"),
            };
            if !all.is_empty() {
                let more =
                    if everything.is_empty() { "" } else { "; `runbook explain CODE` tells the whole story of one" };
                screen.print(&format!("{}: {}{more}\n", crate::source::one_line(&files), summary(&everything)));
            }
        }
        Format::Short => {
            for (sources, found) in all {
                for finding in found.iter().take(MAX_SHOWN) {
                    screen.print(&format!("{}\n", short(finding, sources)));
                }
                if found.len() > MAX_SHOWN {
                    screen.print(&format!("… and {} more findings\n", found.len() - MAX_SHOWN));
                }
            }
        }
        Format::Json => {
            for (sources, found) in all {
                screen.print(&format!("{}\n", json(found, sources)));
            }
        }
    }
}
