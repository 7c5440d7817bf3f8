//! `runbook doc`: documents made from a runbook, as Markdown.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::plan::{Document, document};

use super::inputs::VarArguments;
use super::screen::Screen;
use super::{Exit, run};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The runbook [default: deploy.rb, runbook.rb or the only file in runbooks/], and which document: comms, contacts or
    /// checklists
    #[arg(value_name = "[FILE] WHAT", required = true, num_args = 1..=2)]
    words: Vec<PathBuf>,
    #[command(flatten)]
    vars: VarArguments,
}

/// The documents, as they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Comms,
    Contacts,
    Checklists,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let (file, what): (Option<&Path>, &Path) = match &arguments.words[..] {
        [file, what] => (Some(file), what),
        [what] => (None, what),
        _ => return Exit::Usage,
    };
    let which = match What::from_str(&what.to_string_lossy(), false) {
        Ok(What::Comms) => Document::Comms,
        Ok(What::Contacts) => Document::Contacts,
        Ok(What::Checklists) => Document::Checklists,
        Err(_) => {
            let shown = crate::source::one_line(&what.to_string_lossy());
            if file.is_none() && what.is_file() {
                screen.error(&format!("which document of {shown}? there are comms, contacts and checklists"));
                return Exit::Usage;
            }
            screen.error(&format!("there is no document `{shown}`; there are comms, contacts and checklists"));
            return Exit::Usage;
        }
    };
    match run::of_file(file, &arguments.vars, true, screen) {
        Ok(plan) => {
            screen.print(&document(&plan, which));
            Exit::Done
        }
        Err(exit) => exit,
    }
}
