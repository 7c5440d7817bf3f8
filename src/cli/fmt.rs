//! `runbook fmt`: files in canonical form. A file is replaced whole or not at all.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, report};
use crate::syntax::{FormatError, format};

use super::screen::Screen;
use super::{Exit, files};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files or folders; `-` formats standard input to standard output [default: as for check]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write nothing; say which files are not in canonical form, and exit 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let files = match files::meant(&arguments.files) {
        Ok(files) => files,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    files.iter().map(|file| one(file, arguments.check, screen)).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Done)
}

fn one(path: &Path, check: bool, screen: &Screen) -> Exit {
    let loaded = match files::load(path) {
        Ok(loaded) => loaded,
        Err(why) => {
            screen.error(&why);
            return Exit::Usage;
        }
    };
    let name = path.display();
    let before = &loaded.sources.file(loaded.file).text;
    let formatted = match format(&loaded.sources, loaded.file) {
        Ok(formatted) => formatted,
        Err(FormatError::Unbalanced(findings)) => {
            screen.note(&report(&findings, &loaded.sources, screen.err.width, screen.err.color));
            let why = match findings.first().map(|f| f.code) {
                Some(Code::TooLarge) => "it is larger than 1 MiB",
                Some(Code::TooDeep) => "it is nested too deeply",
                _ => "its brackets or quotes do not match",
            };
            screen.error(&format!("{name} was left as it is: {why}"));
            return Exit::Findings;
        }
        Err(FormatError::Unproved(why)) => {
            screen.error(&format!("{name} was left as it is: {why}; this is a fault of runbook"));
            return Exit::Fault;
        }
    };
    let changed = formatted != *before;
    match (path == Path::new("-"), check) {
        (_, true) if changed => {
            screen.print(&format!("{name} is not in canonical form\n"));
            Exit::Findings
        }
        (_, true) => Exit::Done,
        (true, false) => {
            screen.print(&formatted);
            Exit::Done
        }
        (false, false) if !changed => Exit::Done,
        (false, false) => match files::replace(path, &formatted) {
            Ok(()) => {
                screen.note(&format!("{name} formatted"));
                Exit::Done
            }
            Err(error) => {
                screen.error(&format!("{name} was left as it is: {error}"));
                Exit::Usage
            }
        },
    }
}
