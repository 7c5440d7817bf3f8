//! `runbook check`: what is wrong in files, for people or for programs.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::diagnostic::{
    Code, Diagnostic, MAX_SHOWN, Severity, fixed, github, has_errors, json, report, sarif, short, summary, tidy,
};
use crate::plan::{Inputs, PlanError, plan, sure_findings};
use crate::source::{SourceFile, Sources};

use super::inputs::inputs;
use super::screen::Screen;
use super::{Exit, files};

/// So often a file is mended and read again.
const ROUNDS: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files or folders; `-` is standard input [default: deploy.rb, runbook.rb or the only file in runbooks/]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// For whom
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Mend what can only have been meant in one way, then say what is left
    #[arg(long)]
    fix: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drawn, with the place
    Human,
    /// A line each
    Short,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
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
    let mut refused = Vec::new();
    let mut unreadable = false;
    for file in &files {
        if arguments.fix
            && let Err(why) = mend(file, screen)
        {
            screen.error(&why);
            unreadable = true;
            continue;
        }
        match files::load(file) {
            Ok(loaded) => {
                let (sources, found, not_run) = found_in(loaded);
                if not_run > 0 {
                    refused.push((file.display().to_string(), not_run));
                }
                all.push((sources, found));
            }
            Err(why) => {
                screen.error(&why);
                unreadable = true;
            }
        }
    }
    show(arguments.format, &all, screen);
    for (file, count) in refused {
        let file = crate::source::one_line(&file);
        let things = if count == 1 { "one thing".to_owned() } else { format!("{count} things") };
        screen
            .note(&format!("{file}: checked; this version does not run {things} in it, and `run` refuses it (RB017)"));
    }
    let worst = all.iter().flat_map(|(_, found)| found).map(Diagnostic::severity).min();
    match worst {
        _ if unreadable => Exit::Usage,
        Some(Severity::Error | Severity::Warning) => Exit::Findings,
        Some(Severity::Advice) | None => Exit::Done,
    }
}

/// Everything about a file: what it says, and what its plan would be, if that can be made without anything from outside.
/// Beside it, how many things this version does not run though the file says that this is known.
fn found_in(loaded: files::Loaded) -> (Sources, Vec<Diagnostic>, usize) {
    let examined = files::examine(loaded);
    let (sources, mut found) = (examined.sources, examined.diagnostics);
    // Where the findings say so themselves, it need not be said again.
    let told = found.iter().any(|d| d.code == Code::NotYet);
    let not_run = if told { 0 } else { examined.checked.model.not_run.len() };
    if examined.library || has_errors(&found) {
        return (sources, found, not_run);
    }
    // The world is not touched: a pattern of files is taken to match one.
    let one = |_: &str| Ok(vec!["file".to_owned()]);
    let inputs = Inputs { files: &one, ..inputs(Vec::new()) };
    if not_run > 0 {
        found.extend(sure_findings(&examined.checked.model, &sources, &inputs));
        return (sources, tidy(found), not_run);
    }
    if let Err(PlanError { usage, findings }) = plan(&examined.checked.model, &sources, &inputs)
        && usage.is_empty()
    {
        // With other values there may be something to do.
        found.extend(findings.into_iter().filter(|finding| finding.code != Code::Missing));
    }
    (sources, tidy(found), 0)
}

/// Mends a file, round by round, for one mistake can hide another. A change is written only if it leaves fewer errors than
/// there were.
fn mend(path: &Path, screen: &Screen) -> Result<(), String> {
    if path == Path::new("-") {
        return Err("standard input cannot be mended; name the file".into());
    }
    let mut total = 0;
    for _ in 0..ROUNDS {
        let loaded = files::load(path)?;
        let (file, name) = (loaded.file, path.display().to_string());
        let before = files::examine(loaded);
        let text = &before.sources.file(file).text;
        let (mended, count) = fixed(text, file, &before.diagnostics);
        if count == 0 {
            break;
        }
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new(name.as_str(), mended.as_str()));
        let after = files::examine(files::Loaded { sources, file, path: path.to_owned() });
        let errors = |found: &[Diagnostic]| found.iter().filter(|d| d.severity() == Severity::Error).count();
        if after.diagnostics.len() >= before.diagnostics.len()
            && errors(&after.diagnostics) >= errors(&before.diagnostics)
        {
            break;
        }
        files::replace(path, &mended).map_err(|error| format!("{name} was left as it is: {error}"))?;
        total += count;
    }
    if total > 0 {
        let what = if total == 1 { "mistake" } else { "mistakes" };
        screen.note(&format!("{}: {total} {what} mended", crate::source::one_line(&path.display().to_string())));
    }
    Ok(())
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
        Format::Sarif => screen.print(&format!("{}\n", sarif(all))),
        Format::Github => {
            for finding in all.iter().flat_map(|(sources, found)| found.iter().map(move |d| github(d, sources))) {
                screen.print(&format!("{finding}\n"));
            }
        }
        Format::Json => {
            for (sources, found) in all {
                screen.print(&format!("{}\n", json(found, sources)));
            }
        }
    }
}
