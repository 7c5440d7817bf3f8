//! `# allow(RB702): reason`: advice that is turned off where it stands, on the line above, with a reason.
//!
//! `# allow(RB017): reason` is for its whole file: what this version does not run is known, and checked all the same; a run
//! refuses the file as before.
//!
//! Only advice can be turned off: an error is an error. An `allow` that turns nothing off is a finding itself, or it would
//! stay long after what it was for.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::{FileId, Sources, Span};
use crate::syntax::comments;

/// `# allow(CODE): reason`
struct Allow<'t> {
    span: Span,
    /// The line of the file, from 1.
    line: usize,
    code: &'t str,
    reason: &'t str,
}

/// Leaves out the advice that is turned off, and says which `allow` does nothing.
pub(super) fn apply(sources: &Sources, id: FileId, mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let file = sources.file(id);
    if !file.text.contains("allow(") {
        return findings;
    }
    let allows: Vec<Allow<'_>> = comments(id, file).into_iter().filter_map(|span| read(sources, span)).collect();
    let lines: Vec<usize> = allows.iter().map(|a| a.line).collect();
    for allow in &allows {
        let finding = |title: String| Diagnostic::new(Code::IdleAllow, allow.span, title);
        let Some(code) = Code::from_id(allow.code) else {
            let all = Code::ALL.iter().filter(|c| c.severity() == Severity::Advice).map(|c| c.id()).collect::<Vec<_>>();
            let told = finding(format!("there is no code `{}`", allow.code)).label("allows nothing");
            findings.push(told.help(format!("what can be turned off is {}", all.join(", "))));
            continue;
        };
        // What this version does not run is about the file, not about a line.
        let whole = code == Code::NotYet;
        if code.severity() != Severity::Advice && !whole {
            let told = finding(format!("{code} cannot be turned off")).label("allows nothing");
            findings.push(told.help(format!("only advice can; `runbook explain {code}` says how it is mended")));
            continue;
        }
        if allow.reason.is_empty() {
            let told = finding(format!("why is {code} turned off?")).label("without a reason");
            findings.push(told.help(format!("write `# allow({code}): the reason`")));
            continue;
        }
        // Several of them may stand above one line.
        let mut target = allow.line + 1;
        while lines.contains(&target) {
            target += 1;
        }
        let before = findings.len();
        findings.retain(|d| {
            let here = whole || file.position(d.primary.span.start as usize).line == target;
            d.code != code || d.primary.span.file != id || !here
        });
        if findings.len() == before {
            let place = if whole { "in this file" } else { "in the line below" };
            let told = finding(format!("there is no {code} {place}")).label("allows nothing");
            findings.push(told.help("remove it, or move it above the line that is meant"));
        }
    }
    findings
}

fn read(sources: &Sources, span: Span) -> Option<Allow<'_>> {
    let text = sources.text(span).trim_start_matches('#').trim();
    let (code, rest) = text.strip_prefix("allow(")?.split_once(')')?;
    let line = sources.file(span.file).position(span.start as usize).line;
    Some(Allow { span, line, code: code.trim(), reason: rest.trim_start_matches(':').trim() })
}
