//! Documents made from a plan, as Markdown: who is told what when, who is who, what is ticked.
//!
//! They are pasted into wikis and tickets, so nothing in them that comes from the file is markup.

mod checklists;
mod comms;
mod contacts;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::paint::Paint;
use crate::plan::moment::{local_text, zone};
use crate::plan::{NodeIx, Plan, Schedule, schedule};
use crate::source::harmless;
use crate::value::offset_text;

/// The documents that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Who is told what, when and through what.
    Comms,
    /// Who is who, and how they are reached.
    Contacts,
    /// What is ticked, by whom.
    Checklists,
}

/// A document in Markdown.
pub fn document(plan: &Plan, which: Document) -> String {
    let mut page = Page {
        plan,
        out: String::new(),
        zone: zone(&plan.runbook.timezone),
        schedule: schedule(plan),
        start: plan.release.as_ref().and_then(|r| r.start),
    };
    match which {
        Document::Comms => page.comms(),
        Document::Contacts => page.contacts(),
        Document::Checklists => page.checklists(),
    }
    page.out
}

struct Page<'p> {
    plan: &'p Plan,
    out: String,
    zone: TimeZone,
    schedule: Schedule,
    start: Option<Timestamp>,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// The title of the document: what, of which version, T+0.
    fn head(&mut self, what: &str) {
        let plan = self.plan;
        let version = plan.release.as_ref().and_then(|r| r.version.as_ref()).map(|v| format!(" {v}"));
        let title = md(&format!("{}{}", plan.runbook.title, version.unwrap_or_default()));
        self.line(&format!("# {title}: {what}"));
        self.line("");
        if let Some(start) = self.start {
            let when = format!("T+0 is {}.", local_text(start, &self.zone));
            self.line(&md(&when));
            self.line("");
        }
    }

    /// A table; nothing if it has no rows.
    fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        self.line(&format!("| {} |", heads.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(heads.len())));
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")));
        }
        self.line("");
    }

    /// An offset, and the local time if T+0 is known.
    fn when(&self, offset: SignedDuration) -> String {
        let relative = offset_text(offset);
        match self.start.and_then(|start| start.checked_add(offset).ok()) {
            Some(at) => format!("{relative}, {}", at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z")),
            None => relative,
        }
    }

    /// When a node is expected to begin.
    fn expected(&self, ix: NodeIx) -> Option<SignedDuration> {
        self.schedule.of(ix).start
    }

    /// The title of a channel and its kind.
    fn channel(&self, id: &str) -> String {
        let Some(channel) = self.plan.channels.iter().find(|c| c.id == id) else { return id.to_owned() };
        let kind = channel.kind.word();
        if channel.title == channel.id { format!("{id} ({kind})") } else { format!("{} ({kind})", channel.title) }
    }
}

/// Text as Markdown shows it: no sign of it means anything, and it stays in its line.
fn md(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in harmless(text.trim()).chars() {
        match c {
            '\n' => escaped.push_str("<br>"),
            '\t' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// As a terminal that is as wide as it has to be.
fn plain() -> Paint {
    Paint { color: false, width: usize::MAX }
}

#[cfg(test)]
mod tests {
    use super::md;

    #[test]
    fn no_value_is_markup() {
        assert_eq!(md("a|b *c* <d>\n# e"), r"a\|b \*c\* \<d\><br>\# e");
        assert_eq!(md("[x](y) & `z`\u{202e}"), "\\[x\\](y) \\& \\`z\\`\u{fffd}");
    }
}
