//! The plan for people: what a dry run prints.

mod words;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::paint::{Paint, pad};
use crate::source::{harmless, one_line};
use crate::value::{duration_text, plain_text};

use super::moment::{clock_change, clock_text, local_text, zone};
use super::{
    Action, ActionKind, ChannelKind, Lane, NodeIx, NodeKind, Plan, Schedule, SecretSource, Undo, Work, digest,
    schedule, way_back,
};
use words::*;
pub use words::{command_text, gate_words, outcome_text, request_text};

/// The column in which what a node does begins.
const INDENT: usize = 4;

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
    let mut printer =
        Printer { plan, paint, out: String::new(), zone: zone(&plan.runbook.timezone), schedule: schedule(plan) };
    printer.head();
    match detail {
        Detail::Whole => {
            printer.about();
            printer.inputs();
            printer.connections();
            printer.timeline();
            printer.triggers();
            printer.ways_back();
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
                    let settings: Vec<String> = item.settings.iter().map(|(k, v)| format!("{k} {v}")).collect();
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
            let rows: Vec<_> = plan
                .channels
                .iter()
                .map(|channel| {
                    let how = match &channel.kind {
                        ChannelKind::Console => "this terminal".to_owned(),
                        ChannelKind::Webhook { url, .. } => format!("webhook {}", plain_text(url)),
                    };
                    (channel.id.clone(), how)
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
                    let (word, text) = action_text(&metric.action);
                    let path = metric.path.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
                    let marks: Vec<String> = metric
                        .marks
                        .iter()
                        .map(|m| format!("{} {} {}", m.word, m.comparison.symbol(), m.value))
                        .collect();
                    let baseline = metric.baseline.as_ref().map(|b| format!("baseline {b}"));
                    let more: Vec<String> = marks.into_iter().chain(baseline).collect();
                    let more = if more.is_empty() { String::new() } else { format!("; {}", more.join(", ")) };
                    (metric.id.clone(), format!("{word} {text}{path}, every {}{more}", duration_text(metric.every)))
                })
                .collect();
            self.rows(&rows);
        }
    }

    fn timeline(&mut self) {
        self.heading("Timeline");
        match self.plan.release.as_ref().and_then(|r| r.start) {
            Some(start) => {
                let utc = local_text(start, &TimeZone::UTC);
                self.line("  ", &format!("T+0 is {}, {utc}", local_text(start, &self.zone)));
                let end = start + self.schedule.live_duration();
                let first =
                    self.plan.timeline().iter().filter_map(|ix| self.schedule.of(*ix).start).min().unwrap_or_default();
                let begin = start.checked_add(first).unwrap_or(start);
                if let Some((at, by)) = clock_change(begin.min(start), end, &self.zone) {
                    let direction = if by.is_negative() { "back" } else { "forward" };
                    let by = duration_text(by.abs());
                    self.line(
                        "  ",
                        &format!("the clock goes {direction} by {by} in between, at {}", clock_text(at, &self.zone)),
                    );
                }
            }
            None => self.line("  ", "T+0 is the moment at which the live part starts"),
        }
        for phase in self.plan.phases.clone() {
            self.node(phase, 0);
        }
    }

    fn node(&mut self, ix: NodeIx, level: usize) {
        let node = self.plan.node(ix);
        let estimate = self.schedule.of(ix);
        match &node.kind {
            NodeKind::Phase { children, limit } => {
                let title = self.paint.bold(one_line(&node.title));
                let mut about = vec![format!("phase {}: {}", node.id, node.lane.word())];
                about.extend(self.moments(ix));
                about.extend(limit.as_ref().map(|l| format!("within {}", limit_text(l))));
                self.out.push_str(&format!("\n  {title}  {}\n", self.paint.dim(about.join(" · "))));
                if node.lane == Lane::Live && level == 0 {
                    let locks = self.plan.runbook.locks.join(", ");
                    self.line("    ", &format!("holds the lock {locks}"));
                }
                self.describe(ix);
                for child in children {
                    self.node(*child, level + 1);
                }
            }
            NodeKind::Work(work) => {
                let when = estimate.start.map_or("      ".to_owned(), super::moment::relative_text);
                let (mark, word) = (self.mark(work), work.sort.word());
                let id = self.paint.name(one_line(&node.id));
                let title = if node.title == node.id { String::new() } else { format!("  {}", one_line(&node.title)) };
                self.out.push_str(&format!("\n  {mark} {} {word} {id}{title}\n", pad(&when, 8)));
                let mut about: Vec<String> = self.moments(ix);
                about.extend(work.takes.map(|t| format!("takes about {}", duration_text(t))));
                if !about.is_empty() {
                    let text = about.join(" · ");
                    self.line(&" ".repeat(INDENT), &text);
                }
                self.describe(ix);
                self.work(work);
            }
            NodeKind::Undo { .. } => {}
        }
    }

    /// What a node is, at a glance: `+` may change something, `?` looks, `.` waits, `>` tells.
    fn mark(&self, work: &Work) -> String {
        let changes = work.actions.iter().any(|a| a.changes);
        let looks = work.actions.iter().any(|a| matches!(a.kind, ActionKind::Gate(_)));
        let waits = work.actions.iter().any(|a| matches!(a.kind, ActionKind::Hold(_)));
        match (changes, looks, waits) {
            (true, ..) => self.paint.warn("+"),
            (_, true, _) => self.paint.good("?"),
            (.., true) => self.paint.dim("."),
            _ if work.actions.iter().any(|a| matches!(a.kind, ActionKind::Notify(_))) => self.paint.dim(">"),
            _ => self.paint.good("?"),
        }
    }

    /// The wall clock of a node, where it is known, and its condition.
    fn moments(&self, ix: NodeIx) -> Vec<String> {
        let node = self.plan.node(ix);
        let start = self.plan.release.as_ref().and_then(|r| r.start);
        let at = start.zip(self.schedule.of(ix).start).and_then(|(t0, offset)| t0.checked_add(offset).ok());
        let mut words: Vec<String> = at.map(|at| clock_text(at, &self.zone)).into_iter().collect();
        words.extend(node.at.map(|at| format!("at {} or later", crate::value::offset_text(at))));
        words.extend(node.when.as_ref().map(|w| format!("when {}", one_line(&w.text))));
        words
    }

    fn describe(&mut self, ix: NodeIx) {
        if let Some(describe) = &self.plan.node(ix).describe {
            let text = harmless(describe);
            self.line(&" ".repeat(INDENT), &text);
        }
    }

    fn work(&mut self, work: &Work) {
        for action in &work.actions {
            self.action("", action);
        }
        // A hold ends by itself, a message waits for nothing.
        let own_end = work.actions.iter().all(|a| matches!(a.kind, ActionKind::Hold(_) | ActionKind::Notify(_)));
        if !own_end {
            self.row("limit", &limit_text(&work.limit));
        }
        if let Some(retry) = &work.retry {
            self.row("retry", &retry_text(retry));
        }
        if work.on_failure != work.limit.otherwise || own_end && !matches!(work.sort, super::Sort::Notify) {
            self.row("fails", &outcome_text(&work.on_failure));
        }
        match &work.undo {
            Undo::Nothing => {}
            Undo::Excused(why) => self.row("undo", &format!("none: {}", one_line(why))),
            Undo::Actions { takes, actions } => {
                for action in actions {
                    self.action("undo ", action);
                }
                if let Some(takes) = takes {
                    self.row("", &format!("takes about {}", duration_text(*takes)));
                }
            }
        }
    }

    fn row(&mut self, word: &str, text: &str) {
        let first = format!("{}{}  ", " ".repeat(INDENT), pad(word, 6));
        self.line(&first, text);
    }

    fn action(&mut self, prefix: &str, action: &Action) {
        let (word, text) = action_text(action);
        let mut notes = Vec::new();
        if !action.expects.is_empty() {
            notes.push(format!(
                "expects {}",
                action.expects.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(", ")
            ));
        }
        for capture in &action.captures {
            let name = capture.name.rsplit('.').next().unwrap_or_default();
            notes.push(format!("keeps {name}{}", if capture.secret { " (secret)" } else { "" }));
        }
        let command = matches!(action.kind, ActionKind::Command(_) | ActionKind::Request(_));
        if let (Some(within), true) = (action.within, command && prefix.is_empty()) {
            notes.push(format!("within {}", duration_text(within)));
        }
        if let ActionKind::Command(command) = &action.kind {
            notes.extend(command.dir.as_ref().map(|d| format!("in {}", plain_text(d))));
            let names: Vec<&str> = command.env.iter().map(|(n, _)| n.as_str()).collect();
            notes.extend((!names.is_empty()).then(|| format!("with {}", names.join(", "))));
            notes.extend(command.stdout.as_ref().map(|f| format!("into {}", plain_text(f))));
        }
        let (word, text) = match prefix.is_empty() {
            true => (word, text),
            false => ("undo", format!("{word} {text}")),
        };
        self.row(word, &text);
        if !notes.is_empty() {
            let text = one_line(&notes.join("; "));
            self.row("", &text);
        }
        if let ActionKind::Gate(gate) = &action.kind {
            for line in look_lines(gate) {
                self.row("", &format!("- {line}"));
            }
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
            self.row("when", &trigger.when.text);
            let severity = trigger.severity.as_ref().map(|s| format!(" (severity {s})")).unwrap_or_default();
            self.row("then", &format!("{}{severity}", outcome_text(&trigger.outcome)));
            if let Some(from) = &trigger.from {
                self.row("from", &moment_text(self.plan, from));
            }
            if let Some(until) = &trigger.until {
                self.row("until", &moment_text(self.plan, until));
            }
            if let Some(no_data) = &trigger.no_data {
                self.row("blind", &outcome_text(no_data));
            }
            for message in &trigger.messages {
                self.row("notify", &message_text(message));
            }
        }
    }

    fn ways_back(&mut self) {
        let live: Vec<NodeIx> =
            self.plan.timeline().into_iter().filter(|ix| self.plan.node(*ix).lane == Lane::Live).collect();
        if live.is_empty() {
            return;
        }
        for (i, rollback) in self.plan.rollbacks.clone().iter().enumerate() {
            let name = if rollback.id.is_empty() { String::new() } else { format!(" `{}`", rollback.id) };
            self.heading(&format!("The way back{name} from the end of the live part: {}", one_line(&rollback.title)));
            let back = way_back(self.plan, i, &live);
            let mut position = 0;
            for ix in &rollback.nodes {
                match &self.plan.node(*ix).kind {
                    NodeKind::Undo { .. } => {
                        for undone in &back.undone {
                            position += 1;
                            self.undo_row(position, *undone);
                        }
                        if back.undone.is_empty() {
                            self.line("  ", "nothing is undone: no step of the live part has an undo");
                        }
                    }
                    _ => {
                        position += 1;
                        self.procedure_row(position, *ix);
                    }
                }
            }
            for excused in &back.excused {
                let node = self.plan.node(*excused);
                if let Some(Undo::Excused(why)) = node.work().map(|w| &w.undo) {
                    self.line("   -  ", &format!("not undone: {}, {}", node.id, one_line(why)));
                }
            }
            let rto = rollback.rto.map(|rto| format!("; it may take {}", duration_text(rto))).unwrap_or_default();
            let longest = match back.longest {
                Some(longest) => format!("at most {}", duration_text(longest)),
                None => "unknown, because not every part of it says how long it takes".into(),
            };
            self.line("  ", &format!("how long it takes: {longest}{rto}"));
        }
    }

    fn undo_row(&mut self, position: usize, ix: NodeIx) {
        let node = self.plan.node(ix);
        let Some(work) = node.work() else { return };
        let takes = match super::way_back::undo_takes(work) {
            Some(d) => format!("at most {}", duration_text(d)),
            None => "unknown".into(),
        };
        let actions: Vec<String> = work
            .undo
            .actions()
            .iter()
            .map(|a| {
                let (word, text) = action_text(a);
                format!("{word} {text}")
            })
            .collect();
        let first = format!("  {position:>2}. ");
        self.line(&first, &format!("undo {} ({takes})", node.id));
        for action in actions {
            self.line("      ", &action);
        }
    }

    fn procedure_row(&mut self, position: usize, ix: NodeIx) {
        let node = self.plan.node(ix);
        let Some(work) = node.work() else { return };
        for (i, action) in work.actions.iter().enumerate() {
            let (word, text) = action_text(action);
            let first = if i == 0 { format!("  {position:>2}. ") } else { "      ".into() };
            self.line(&first, &format!("{word} {text}"));
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
            .flat_map(|h| h.messages.iter().map(|m| (format!("on {}", h.event), message_text(m))))
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
