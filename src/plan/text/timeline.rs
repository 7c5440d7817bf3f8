//! The phases and nodes of a plan, each with its moment, its work, its limits and its way back.

use jiff::tz::TimeZone;

use crate::paint::pad;
use crate::plan::moment::{clock_change, day_text, local_text, relative_text};
use crate::plan::{Action, ActionKind, Lane, NodeIx, NodeKind, Sort, Undo, Work};
use crate::source::{harmless, one_line};
use crate::value::{duration_text, offset_text, plain_text};

use super::Printer;
use super::words::*;

/// The column in which what a node does begins.
const INDENT: usize = 4;

impl Printer<'_> {
    pub(super) fn timeline(&mut self) {
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
                        &format!("the clock goes {direction} by {by} in between, at {}", local_text(at, &self.zone)),
                    );
                }
            }
            None => self.line("  ", "T+0 is the moment at which the live part starts"),
        }
        self.blackouts();
        for phase in self.plan.phases.clone() {
            self.node(phase, 0);
        }
    }

    pub(super) fn node(&mut self, ix: NodeIx, level: usize) {
        let node = self.plan.node(ix);
        let estimate = self.schedule.of(ix);
        match &node.kind {
            NodeKind::Phase { children, limit } => {
                let title = self.paint.bold(one_line(&node.title));
                let mut about = vec![format!("phase {}: {}", node.id, node.lane.word())];
                about.extend(self.moments(ix));
                about.extend(limit.as_ref().map(|l| format!("within {}", limit_text(l))));
                about.extend(node.windows.iter().map(window_text));
                self.out.push_str(&format!("\n  {title}\n"));
                self.line("    ", &about.join(" · "));
                if node.lane == Lane::Live && level == 0 {
                    let locks = &self.plan.runbook.locks;
                    let noun = if locks.len() == 1 { "lock" } else { "locks" };
                    self.line("    ", &format!("holds the {noun} {}", locks.join(", ")));
                }
                self.describe(ix);
                for child in children {
                    self.node(*child, level + 1);
                }
            }
            NodeKind::Work(work) => {
                let when = estimate.start.map_or("      ".to_owned(), relative_text);
                let (mark, word) = (self.mark(work), work.sort.word());
                let id = self.paint.name(one_line(&node.id));
                let title = if node.title == node.id { String::new() } else { one_line(&node.title) };
                let columns = 13 + [word, &node.id, &title].map(crate::paint::columns).iter().sum::<usize>() + 3;
                let fits = title.is_empty() || columns <= self.paint.width;
                let beside = if fits && !title.is_empty() { format!("  {title}") } else { String::new() };
                self.out.push_str(&format!("\n  {mark} {} {word} {id}{beside}\n", pad(&when, 8)));
                if !fits {
                    self.line(&" ".repeat(INDENT), &title);
                }
                let mut about: Vec<String> = self.moments(ix);
                about.extend(work.takes.map(|t| format!("takes about {}", duration_text(t))));
                if !about.is_empty() {
                    let text = about.join(" · ");
                    self.line(&" ".repeat(INDENT), &text);
                }
                self.describe(ix);
                self.work(work);
                self.fates(ix);
            }
            NodeKind::Parallel { lanes, limit, checklist, escalation } => {
                let when = estimate.start.map_or("      ".to_owned(), relative_text);
                let word = if *checklist { "checklist" } else { "parallel" };
                let title = if node.title == node.id { String::new() } else { one_line(&node.title) };
                let id = self.paint.name(one_line(&node.id));
                let mark = if *checklist { self.paint.good("?") } else { self.paint.dim("=") };
                self.out.push_str(format!("\n  {mark} {} {word} {id}  {title}", pad(&when, 8)).trim_end());
                self.out.push('\n');
                let about = self.moments(ix);
                if !about.is_empty() {
                    self.line(&" ".repeat(INDENT), &about.join(" · "));
                }
                self.describe(ix);
                if let Some(limit) = limit {
                    self.row("limit", &format!("{}{}", limit_text(limit), escalation_words(escalation)));
                }
                match checklist {
                    true => self.items(lanes),
                    false => {
                        self.row("", "side by side; one that fails interrupts the others:");
                        lanes.iter().for_each(|lane| self.node(*lane, level + 1));
                    }
                }
                self.fates(ix);
            }
            NodeKind::Undo { .. } => {}
        }
    }

    /// What becomes of the run if this goes wrong, where a rehearsal found that out.
    fn fates(&mut self, ix: NodeIx) {
        for fate in self.fates.get(&ix).into_iter().flatten() {
            self.row("if", fate);
        }
    }

    /// The items of a checklist, by their groups.
    fn items(&mut self, items: &[NodeIx]) {
        let mut group = None;
        for ix in items {
            let node = self.plan.node(*ix);
            let Some(work) = node.work() else { continue };
            if node.describe != group {
                group.clone_from(&node.describe);
                let title = group.as_deref().map(one_line).unwrap_or_default();
                self.line(&" ".repeat(INDENT), &title);
            }
            let short = node.id.rsplit('.').next().unwrap_or_default();
            let when = node.when.as_ref().map(|w| format!(", when {}", one_line(&w.text))).unwrap_or_default();
            let how = match work.actions.first().map(|a| &a.kind) {
                Some(ActionKind::Ask(ask)) => format!("by {}", ask.people.words()),
                _ => "ticks itself".to_owned(),
            };
            let first = format!("{}[ ] ", " ".repeat(INDENT));
            self.line(&first, &format!("{short}  {} ({how}{when})", one_line(&node.title)));
            if let Some(ActionKind::Gate(gate)) = work.actions.first().map(|a| &a.kind) {
                for line in look_lines(gate) {
                    self.line(&format!("{}- ", " ".repeat(INDENT + 8)), &line);
                }
            }
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
        let mut words: Vec<String> = at.zip(start).map(|(at, t0)| day_text(at, t0, &self.zone)).into_iter().collect();
        words.extend(node.at.map(|at| format!("at {} or later", offset_text(at))));
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
        if work.on_failure != work.limit.otherwise || own_end && !matches!(work.sort, Sort::Notify) {
            self.row("fails", &outcome_text(&work.on_failure));
        }
        if !work.done_when.is_empty() {
            self.row("done", "if its process dies in the middle, it is through when all of this is so:");
            for line in looks_lines(&work.done_when) {
                self.line(&format!("{}- ", " ".repeat(INDENT + 8)), &line);
            }
        }
        match &work.undo {
            Undo::Nothing => {}
            Undo::Excused(why) => self.row("undo", &format!("none: {}", one_line(why))),
            Undo::Irreversible(why) => {
                self.row("undo", &format!("irreversible: {}", one_line(why)));
                self.row("", "the point of no return: from here on the plain way back ends behind this step");
            }
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

    pub(super) fn row(&mut self, word: &str, text: &str) {
        let first = format!("{}{}  ", " ".repeat(INDENT), pad(word, 6));
        self.line(&first, text);
    }

    fn action(&mut self, prefix: &str, action: &Action) {
        let (word, text) = whole_action(action);
        let mut notes = Vec::new();
        if !action.expects.is_empty() {
            notes.push(format!(
                "expects {}",
                action.expects.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(", ")
            ));
        }
        for capture in action.captures.iter().filter(|_| action.builtin.is_none()) {
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
                self.line(&format!("{}- ", " ".repeat(INDENT + 8)), &line);
            }
        }
    }
}
