//! The plan for people: what a dry run prints.

mod back;
mod beside;
mod document;
mod timeline;
mod words;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::paint::{Paint, pad};
use crate::source::one_line;
use crate::value::duration_text;

use super::Outcome;
use super::moment::zone;
use super::{NodeIx, Plan, Schedule, SecretSource, Work, digest, schedule};
pub use document::{Document, document};
use words::*;
pub use words::{command_text, gate_words, look_words, outcome_text, query_text, request_text};

/// How much of a plan is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything that will happen, and the way back.
    Whole,
    /// What is run with which values, for the question before the start.
    Short,
}

/// The plan in words.
pub fn dry_run(plan: &Plan, paint: Paint, detail: Detail) -> String {
    dry_run_with(plan, paint, detail, &BTreeMap::new())
}

/// The plan in words, with what a rehearsal found out about some nodes: what becomes of the run if they fail.
pub fn dry_run_with(plan: &Plan, paint: Paint, detail: Detail, fates: &BTreeMap<NodeIx, Vec<String>>) -> String {
    let (zone, schedule) = (zone(&plan.runbook.timezone), schedule(plan));
    let mut printer = Printer { plan, paint, out: String::new(), zone, schedule, fates };
    printer.head();
    match detail {
        Detail::Whole => {
            printer.about();
            printer.inputs();
            printer.connections();
            printer.timeline();
            printer.triggers();
            printer.responses();
            printer.ways_back();
            printer.comms();
            printer.handlers();
            printer.summary(". Nothing was run.");
        }
        Detail::Short => {
            printer.inputs();
            printer.outline();
            printer.summary(".");
        }
    }
    printer.out
}

struct Printer<'p> {
    plan: &'p Plan,
    paint: Paint,
    out: String,
    zone: TimeZone,
    schedule: Schedule,
    fates: &'p BTreeMap<NodeIx, Vec<String>>,
}

impl Printer<'_> {
    fn heading(&mut self, text: &str) {
        self.out.push('\n');
        self.out.push_str(&self.paint.bold(text));
        self.out.push('\n');
    }

    fn line(&mut self, first: &str, text: &str) {
        self.out.push_str(&hanging(first, text, self.paint.width));
    }

    /// Rows with their first column aligned.
    fn rows(&mut self, rows: &[(String, String)]) {
        let widest = rows.iter().map(|(name, _)| crate::paint::columns(name)).max().unwrap_or(0).min(28);
        for (name, text) in rows {
            let name = one_line(name);
            self.line(&format!("  {}  ", pad(&name, widest)), text);
        }
    }

    fn head(&mut self) {
        let runbook = &self.plan.runbook;
        let title = self.paint.bold(one_line(&runbook.title));
        self.out.push_str(&format!(
            "{title}  {}\n",
            self.paint.dim(format!("{} · plan {}", runbook.file, digest(self.plan)))
        ));
        if let Some(describe) = &runbook.describe {
            self.line("", describe);
        }
        let mut facts = Vec::new();
        if let Some(release) = &self.plan.release {
            let versions = [&release.previous, &release.version].map(|v| v.as_deref().map(one_line));
            facts.push(match versions {
                [Some(previous), Some(version)] => format!("{previous} → {version}"),
                [None, Some(version)] => format!("version {version}"),
                _ => String::new(),
            });
            facts.extend(release.kind.clone());
            facts.extend(release.strategy.clone());
            facts.extend(release.downtime.map(|d| match d.is_zero() {
                true => "no downtime".to_owned(),
                false => format!("downtime {}", duration_text(d)),
            }));
        }
        facts.extend(runbook.owner.as_ref().map(|o| format!("owner {}", one_line(o))));
        facts.retain(|f| !f.is_empty());
        if !facts.is_empty() {
            self.line("", &facts.join(" · "));
        }
    }

    fn about(&mut self) {
        let plan = self.plan;
        if let Some(release) = &plan.release {
            if let Some(describe) = &release.describe {
                self.out.push('\n');
                self.line("", describe);
            }
            let manager = release.manager.as_ref().map(|id| {
                let role = plan.roles.iter().find(|r| r.id == *id);
                role.map_or(id.clone(), |r| format!("{}: {}", r.title, r.members.join(", ")))
            });
            if let Some(manager) = manager {
                self.line("", &one_line(&manager));
            }
            if !release.goals.is_empty() {
                self.heading("Goals");
                release.goals.iter().for_each(|goal| self.line("  - ", goal));
            }
        }
        if !plan.scope.is_empty() {
            self.heading("Scope");
            let rows: Vec<_> = plan
                .scope
                .iter()
                .map(|item| {
                    let settings: Vec<String> =
                        item.settings.iter().map(|(k, v)| format!("{}: {v}", k.replace('_', " "))).collect();
                    let settings =
                        if settings.is_empty() { String::new() } else { format!(" ({})", settings.join(", ")) };
                    let describe = item.describe.as_ref().map(|d| format!("\n{d}")).unwrap_or_default();
                    (item.sort.replace('_', " "), format!("{}{settings}{describe}", item.title))
                })
                .collect();
            self.rows(&rows);
        }
        if !plan.risks.is_empty() {
            self.heading("Risks");
            for risk in &plan.risks {
                let level = [("probability", &risk.probability), ("impact", &risk.impact), ("owner", &risk.owner)];
                let level: Vec<String> =
                    level.iter().filter_map(|(k, v)| v.as_ref().map(|v| format!("{k} {v}"))).collect();
                self.line("  - ", &format!("{} ({})", risk.title, level.join(", ")));
                for (word, items) in [("mitigation", &risk.mitigation), ("contingency", &risk.contingency)] {
                    items.iter().for_each(|item| self.line(&format!("    {word}: "), item));
                }
                if !risk.covered_by.is_empty() {
                    self.line("    covered by: ", &risk.covered_by.join(", "));
                }
            }
        }
        if !plan.roles.is_empty() {
            self.heading("People");
            let rows: Vec<_> = plan
                .roles
                .iter()
                .map(|role| {
                    let mut who = vec![role.members.join(", ")];
                    who.extend((!role.backup.is_empty()).then(|| format!("backup {}", role.backup.join(", "))));
                    who.extend(role.duties.iter().map(|duty| self.duty_text(duty)));
                    who.extend(role.contact.iter().map(|(k, v)| format!("{k} {v}")));
                    who.retain(|w| !w.is_empty());
                    (role.title.clone(), who.join("; "))
                })
                .collect();
            self.rows(&rows);
        }
        if !plan.links.is_empty() {
            self.heading("Links");
            let rows: Vec<_> = plan.links.iter().map(|l| (l.title.clone(), l.url.clone())).collect();
            self.rows(&rows);
        }
    }

    fn inputs(&mut self) {
        let plan = self.plan;
        if !plan.inputs.is_empty() {
            self.heading("Variables");
            let rows: Vec<_> = plan
                .inputs
                .iter()
                .map(|i| (i.name.clone(), format!("{} ({})", one_line(&i.value.to_string()), i.origin)))
                .collect();
            self.rows(&rows);
        }
        if !plan.secrets.is_empty() {
            self.heading("Secrets, read at the start of the run and never stored");
            let rows: Vec<_> = plan
                .secrets
                .iter()
                .map(|secret| {
                    let source = match &secret.source {
                        SecretSource::Env(name) => format!("from the variable {name}"),
                        SecretSource::File(path) => format!("from the file {path}"),
                        SecretSource::Exec(words) => format!("printed by `{}`", words.join(" ")),
                    };
                    (secret.name.clone(), format!("{source}; for {}", secret.used_by.join(", ")))
                })
                .collect();
            self.rows(&rows);
        }
        if !plan.facts.is_empty() {
            self.heading("Facts, asked once at the start of the live part");
            let rows: Vec<_> = plan
                .facts
                .iter()
                .map(|fact| {
                    let (word, text) = action_text(&fact.action);
                    (fact.name.clone(), format!("{word} {text}"))
                })
                .collect();
            self.rows(&rows);
        }
    }

    fn connections(&mut self) {
        let plan = self.plan;
        if !plan.channels.is_empty() {
            self.heading("Channels");
            let rows: Vec<_> =
                plan.channels.iter().map(|channel| (channel.id.clone(), channel_text(channel))).collect();
            self.rows(&rows);
        }
        if !plan.sources.is_empty() {
            self.heading("Sources");
            let rows: Vec<_> = plan
                .sources
                .iter()
                .map(|source| {
                    let (kind, within) = (source.kind.word(), duration_text(source.timeout));
                    (
                        source.id.clone(),
                        format!("{kind} at {}, within {within}, {} at once", source.url, source.concurrency),
                    )
                })
                .collect();
            self.rows(&rows);
        }
        if !plan.metrics.is_empty() {
            self.heading("Metrics");
            let rows: Vec<_> = plan
                .metrics
                .iter()
                .map(|metric| {
                    if let Some(gate) = metric.gate() {
                        let every = duration_text(metric.every);
                        return (metric.id.clone(), format!("gate, an attempt every {every}: {}", look_words(gate)));
                    }
                    let (word, text) = action_text(&metric.action);
                    let path = metric.path.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
                    let marks: Vec<String> = metric
                        .marks
                        .iter()
                        .map(|m| format!("{} {} {}", m.word, m.comparison.symbol(), m.value))
                        .collect();
                    let constant = metric.baseline.as_ref().map(|b| format!("baseline {b}"));
                    let floor = metric.floor.as_ref().map(|f| format!(", at least {f}")).unwrap_or_default();
                    let past = |past| {
                        format!("baseline its mean over the {} before the live part{floor}", duration_text(past))
                    };
                    let baseline = constant.or(metric.past.map(past));
                    let more: Vec<String> = marks.into_iter().chain(baseline).collect();
                    let more = if more.is_empty() { String::new() } else { format!("; {}", more.join(", ")) };
                    (metric.id.clone(), format!("{word} {text}{path}, every {}{more}", duration_text(metric.every)))
                })
                .collect();
            self.rows(&rows);
        }
    }

    fn triggers(&mut self) {
        if self.plan.triggers.is_empty() {
            return;
        }
        self.heading("Triggers, watching through the live part");
        for trigger in &self.plan.triggers.clone() {
            let name = self.paint.name(one_line(&trigger.id));
            let title =
                if trigger.title == trigger.id { String::new() } else { format!("  {}", one_line(&trigger.title)) };
            self.out.push_str(&format!("  {name}{title}\n"));
            if let Some(when) = &trigger.when {
                self.row("when", &when.text);
            }
            if let Some(people) = &trigger.manual {
                self.row("by", &format!("{}, with `runbook trigger RUN {}`", people.words(), trigger.id));
            }
            if let Some(ask) = &trigger.ask {
                let (people, within) = (ask.people.words(), duration_text(ask.within));
                let (levels, otherwise) = (escalation_words(&ask.escalation), trigger_outcome(&ask.otherwise));
                self.row("asks", &format!("{people}, for {within}{levels}; without an answer: {otherwise}"));
            }
            let severity = trigger.severity.as_ref().map(|s| format!(" (severity {s})")).unwrap_or_default();
            self.row("then", &format!("{}{severity}", trigger_outcome(&trigger.outcome)));
            if let Some(from) = &trigger.from {
                self.row("from", &moment_text(self.plan, from));
            }
            if let Some(until) = &trigger.until {
                self.row("until", &moment_text(self.plan, until));
            }
            if let Some(no_data) = &trigger.no_data {
                self.row("blind", &trigger_outcome(no_data));
            }
            for message in &trigger.messages {
                self.row("notify", &message_text(message));
            }
        }
    }

    fn handlers(&mut self) {
        if self.plan.handlers.is_empty() {
            return;
        }
        self.heading("Messages");
        let rows: Vec<_> = self
            .plan
            .handlers
            .iter()
            .flat_map(|h| h.messages.iter().map(|m| (format!("on {}", h.event), whole_message(m))))
            .collect();
        self.rows(&rows);
    }

    /// The nodes by name, a line each.
    fn outline(&mut self) {
        self.heading("Timeline");
        let nodes = self.plan.timeline();
        let widest = nodes.iter().map(|ix| crate::paint::columns(&self.plan.node(*ix).id)).max().unwrap_or(0).min(40);
        for ix in nodes {
            let node = self.plan.node(ix);
            let when = self.schedule.of(ix).start.map_or_else(String::new, super::moment::relative_text);
            let (indent, what) = match node.work() {
                None => ("", format!("phase: {}", node.lane.word())),
                Some(work) => ("  ", format!("{} {}", work.sort.word(), one_line(&node.title))),
            };
            let first = format!(
                "  {} {indent}{}  ",
                pad(&when, 7),
                pad(&one_line(&node.id), widest - indent.len().min(widest))
            );
            self.line(&first, &what);
        }
    }

    fn summary(&mut self, end: &str) {
        let works: Vec<&Work> = self.plan.timeline().iter().filter_map(|ix| self.plan.node(*ix).work()).collect();
        let changing = works.iter().filter(|w| w.actions.iter().any(|a| a.changes)).count();
        let nodes = match works.len() {
            1 => "1 node".to_owned(),
            n => format!("{n} nodes"),
        };
        let phases = match self.plan.phases.len() {
            1 => "1 phase".to_owned(),
            n => format!("{n} phases"),
        };
        let live = self.schedule.live_duration();
        let duration = match live == SignedDuration::ZERO {
            true => String::new(),
            false => format!("; the live part is expected to take {} or longer", duration_text(live)),
        };
        let changing = match changing {
            0 => "none of them changes anything".to_owned(),
            1 => "1 of them may change something".to_owned(),
            n => format!("{n} of them may change something"),
        };
        self.out.push('\n');
        self.line("", &format!("{nodes} in {phases}, {changing}{duration}{end}"));
    }
}

/// What a trigger leads to; one that goes on only says so, and leaves no reservation.
fn trigger_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Continue => "say so and go on".into(),
        other => outcome_text(other),
    }
}
