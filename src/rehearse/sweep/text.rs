//! A sweep, for people and for programs.

use serde_json::json;

use crate::paint::{Paint, columns, cut, pad};
use crate::plan::Plan;
use crate::value::duration_text;

use super::{Fate, Place, Sweep, Trouble};

/// The version of the JSON document.
const FORMAT: u32 = 1;

/// So many faults are listed one by one where they end badly, for each ending.
const LISTED: usize = 40;

/// So many faults are named in a finding.
const NAMED: usize = 4;

/// As a table: by where it ends, the worst first.
pub fn sweep_as_text(plan: &Plan, sweep: &Sweep, paint: Paint) -> String {
    let mut text = Text { plan, paint, out: String::new() };
    text.line(0, &format!("the happy path is {} at {}", sweep.happy.0.words(), sweep.happy.1));
    let mut from = 0;
    while let Some(first) = sweep.fates.get(from) {
        let count = sweep.fates[from..].iter().take_while(|fate| fate.place == first.place).count();
        text.place(first.place, &sweep.fates[from..from + count]);
        from += count;
    }
    text.ways_back(&sweep.fates);
    text.out
}

struct Text<'a> {
    plan: &'a Plan,
    paint: Paint,
    out: String,
}

impl Text<'_> {
    fn line(&mut self, depth: usize, line: &str) {
        let indent = "  ".repeat(depth);
        self.out.push_str(indent.as_str());
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn place(&mut self, place: Place, fates: &[Fate]) {
        let paint = self.paint;
        let words = match place {
            Place::Endless | Place::Stuck | Place::Unhealthy => paint.bad(place.words()),
            Place::Paused | Place::Stopped | Place::Reservations => paint.warn(place.words()),
            Place::RolledBack | Place::Completed => paint.good(place.words()),
        };
        self.out.push('\n');
        let faults = if fates.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", fates.len()) };
        self.line(0, &format!("{}  {faults}", paint.bold(words)));
        if place <= Place::Paused {
            self.listed(fates);
        } else {
            self.grouped(fates);
        }
    }

    /// One by one: each of them costs somebody a night.
    fn listed(&mut self, fates: &[Fate]) {
        let shown = &fates[..fates.len().min(LISTED)];
        let what: Vec<String> = shown.iter().map(|fate| self.words(fate)).collect();
        let width = what.iter().map(|w| columns(w)).max().unwrap_or(0).min(48);
        for (fate, what) in shown.iter().zip(what) {
            let mut more = Vec::new();
            more.extend(fate.way_back.map(|took| format!("way back {}", duration_text(took))));
            more.push(told(fate));
            if !fate.left.is_empty() {
                more.push(format!("stays: {}", self.names(fate)));
            }
            let line = format!("{}  {}  {}", pad(&cut(&what, width), width), pad(&fate.at, 10), more.join("; "));
            self.line(1, &cut(&line, self.paint.width.saturating_sub(2)));
        }
        if fates.len() > shown.len() {
            let more = format!("and {} more; --output json has all of them", fates.len() - shown.len());
            self.line(1, &self.paint.dim(more));
        }
    }

    /// By what went wrong.
    fn grouped(&mut self, fates: &[Fate]) {
        let mut sorts: Vec<(&'static str, Vec<&Fate>)> = Vec::new();
        for fate in fates {
            let sort = fate.troubles[0].sort();
            match sorts.iter_mut().find(|(other, _)| *other == sort) {
                Some((_, group)) => group.push(fate),
                None => sorts.push((sort, vec![fate])),
            }
        }
        for (sort, group) in sorts {
            let longest = group.iter().filter_map(|fate| fate.way_back).max();
            let back = longest.map(|took| format!("way back up to {}", duration_text(took))).unwrap_or_default();
            let silent = group.iter().filter(|fate| fate.told.is_empty()).count();
            let silent = match (silent, fates[0].place) {
                (0, _) | (_, Place::Completed) => String::new(),
                (n, _) if n == group.len() => "nobody is told".into(),
                (n, _) => format!("nobody is told after {n} of them"),
            };
            let more = [back, silent].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            self.line(1, &format!("{}  {:>5}  {more}", pad(sort, 24), group.len()));
        }
    }

    /// How long each way back takes at most, against what it may.
    fn ways_back(&mut self, fates: &[Fate]) {
        for (index, rollback) in self.plan.rollbacks.iter().enumerate() {
            let own = fates.iter().filter(|fate| fate.rollback == Some(index) && fate.has_returned());
            let name = if rollback.id.is_empty() { "the way back" } else { &rollback.id };
            let Some((took, fate)) = own.filter_map(|f| Some((f.way_back?, f))).max_by_key(|(took, _)| *took) else {
                continue;
            };
            let rto = match rollback.rto {
                Some(rto) if took > rto => self.paint.bad(format!("more than its rto of {}", duration_text(rto))),
                Some(rto) => format!("its rto is {}", duration_text(rto)),
                None => "it has no rto".into(),
            };
            self.out.push('\n');
            let line = format!("{name} takes {} at most, {rto}: when {}", duration_text(took), self.words(fate));
            self.line(0, &line);
        }
    }

    fn words(&self, fate: &Fate) -> String {
        fate.troubles.iter().map(|t| t.words(self.plan)).collect::<Vec<_>>().join(" and ")
    }

    fn names(&self, fate: &Fate) -> String {
        fate.left.iter().map(|ix| self.plan.node(*ix).id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn told(fate: &Fate) -> String {
    if fate.told.is_empty() {
        return "nobody is told".into();
    }
    format!("told: {}", fate.told.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// What becomes of a run, in a line: `it fails: rolled back in 4m; told: room`.
pub fn fate_in_words(plan: &Plan, fate: &Fate) -> String {
    let what = match &fate.troubles[0] {
        Trouble::Gate(..) => "its gate fails",
        Trouble::Silent(_) => "nobody answers",
        _ => "it fails",
    };
    let mut words = vec![format!("{what}: {}", fate.place.words())];
    words.extend(fate.way_back.map(|took| format!("the way back takes {}", duration_text(took))));
    words.push(told(fate));
    if !fate.left.is_empty() {
        let left: Vec<&str> = fate.left.iter().map(|ix| plan.node(*ix).id.as_str()).collect();
        words.push(format!("stays: {}", left.join(", ")));
    }
    words.join("; ")
}

/// What a finding comes from, in a few of its faults.
pub fn faults_in_words(faults: &[String]) -> String {
    let named = faults.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(NAMED) {
        0 => format!("after {named}"),
        more => format!("after {named}; and after {more} more faults"),
    }
}

/// As one JSON document.
pub fn sweep_as_json(plan: &Plan, sweep: &Sweep) -> String {
    let fate = |fate: &Fate| {
        json!({
            "faults": fate.troubles.iter().map(|t| json!({
                "sort": t.sort(), "words": t.words(plan), "node": t.node().map(|ix| plan.node(ix).id.as_str()),
            })).collect::<Vec<_>>(),
            "at": fate.at, "ending": fate.place.words(), "why": fate.why,
            "rollback": fate.rollback.map(|index| plan.rollbacks[index].id.as_str()),
            "way_back_s": fate.way_back.map(|took| took.as_secs_f64()),
            "told": fate.told,
            "stays": fate.left.iter().map(|ix| plan.node(*ix).id.as_str()).collect::<Vec<_>>(),
        })
    };
    let findings = sweep.findings.iter().map(|finding| {
        json!({
            "code": finding.sort.code(), "title": finding.title,
            "node": finding.node.map(|ix| plan.node(ix).id.as_str()), "after": finding.after,
        })
    });
    json!({
        "format": FORMAT, "file": plan.runbook.file,
        "happy_path": { "ending": sweep.happy.0.words(), "at": sweep.happy.1 },
        "fates": sweep.fates.iter().map(fate).collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
    .to_string()
}
