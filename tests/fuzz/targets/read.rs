//! Any text can be parsed, checked, shown, planned and formatted; formatting it twice changes nothing more.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz -s none read`
#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook::diagnostic::{github, has_errors, human, json, sarif, short};
use runbook::plan::{Inputs, dry_run, plan};
use runbook::source::{SourceFile, Sources};
use runbook::syntax::{format, parse};

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let mut found = parsed.diagnostics;
    found.extend(checked.diagnostics);
    for finding in found.iter().take(20) {
        let shown = human(finding, &sources, 80, false);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "hostile text reaches the terminal");
        assert_eq!(short(finding, &sources).lines().count(), 1);
        assert_eq!(github(finding, &sources).lines().count(), 1);
    }
    json(&found, &sources);
    if let Ok(formatted) = format(&sources, file) {
        let mut again = Sources::default();
        let id = again.add(SourceFile::new("deploy.rb", formatted.as_str()));
        assert_eq!(format(&again, id).ok().as_deref(), Some(formatted.as_str()), "formatting twice changes more");
    }
    if !has_errors(&found) {
        let files = |_: &str| Ok(vec!["file".to_owned()]);
        let inputs = Inputs { values: Vec::new(), files: &files, zone: "UTC".into(), start: None };
        if let Ok(plan) = plan(&checked.model, &sources, &inputs) {
            dry_run(&plan, runbook::paint::Paint::plain(80), runbook::plan::TextDetail::Whole);
        }
    }
    sarif(&[(sources, found)]);
});
