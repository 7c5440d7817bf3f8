//! Progress on a terminal: what happened scrolls up, what is happening stands below and moves.

use std::collections::BTreeMap;
use std::io::Write;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use crate::engine::state::{ActionState, HoldState, Mode, Run, WorkState};
use crate::engine::{Event, EventKind, Live, Slot, deadline, group_deadline, seen};
use crate::paint::{Paint, broken, cut, pad, wrap};
use crate::plan::{ActionKind, AskSort, Hold, NodeIx, Plan, Sort};
use crate::source::one_line;
use crate::value::{Expr, Value, duration_text};

use super::Reporter;
use super::lines::{actions, doing_words, spoken, stamp, words};
use super::repeats::Repeats;
use super::summary::summary;

/// How wide a bar is, in columns.
const BAR: usize = 24;

/// So many open items of a checklist are shown.
const ITEMS: usize = 8;

/// The columns before the words of a line: its moment and its sign.
const INDENT: usize = 11;

/// The columns of a label below a line, such as `samples`.
const LABEL: usize = 9;

/// So many triggers are shown.
const TRIGGERS: usize = 6;

/// Progress on a terminal.
pub struct Progress {
    bars: MultiProgress,
    rows: Vec<ProgressBar>,
    paint: Paint,
    width: fn() -> usize,
    /// The newest line that each node printed.
    printed: BTreeMap<NodeIx, String>,
    frame: usize,
    repeats: Repeats,
}

impl Progress {
    /// Progress on standard error, so that what is piped from standard output stays clean.
    /// `width` says how wide the terminal is now.
    pub fn new(paint: Paint, width: fn() -> usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(20));
        Progress {
            bars,
            rows: Vec::new(),
            paint,
            width,
            printed: BTreeMap::new(),
            frame: 0,
            repeats: Repeats::default(),
        }
    }

    /// Shows these rows below everything, and nothing else.
    fn show(&mut self, rows: &[String]) {
        for row in self.rows.drain(rows.len().min(self.rows.len())..) {
            row.finish_and_clear();
            self.bars.remove(&row);
        }
        while self.rows.len() < rows.len() {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
            self.rows.push(bar);
        }
        for (bar, text) in self.rows.iter().zip(rows) {
            bar.set_message(text.clone());
            bar.tick();
        }
    }

    fn print(&self, text: &str) -> std::io::Result<()> {
        self.bars.println(text)
    }
}

impl Reporter for Progress {
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event) -> std::io::Result<()> {
        if let EventKind::NodeEnded { node, .. } | EventKind::UndoEnded { node, .. } = &event.kind {
            self.printed.remove(node);
        }
        // What begins is seen below; what ended is told above.
        let begins = matches!(event.kind, EventKind::NodeStarted { node } if !plan.is_group(node))
            || matches!(
                event.kind,
                EventKind::ActionStarted { .. } | EventKind::NodeWaiting { .. } | EventKind::UndoStarted { .. }
            );
        if begins {
            return Ok(());
        }
        if !self.repeats.is_news(event) {
            return Ok(());
        }
        let Some(line) = words(plan, run, event) else { return Ok(()) };
        let stamp = self.paint.dim(pad(&stamp(plan, run, event.at), 9));
        let who = if line.who.is_empty() { String::new() } else { format!("{}  ", line.who) };
        let title = match &event.kind {
            EventKind::NodeEnded { node, .. } if plan.node(*node).title != line.who && !plan.is_group(*node) => {
                format!("{}  ", one_line(&plan.node(*node).title))
            }
            _ => String::new(),
        };
        // The terminal would break it in the middle of a word.
        let room = (self.width)().saturating_sub(INDENT).max(30);
        let lines = wrap(&format!("{who}{title}{}", line.text), room);
        for (i, text) in lines.iter().enumerate() {
            let named = text.strip_prefix(&line.who).filter(|_| i == 0 && !line.who.is_empty());
            let text = named.map_or(text.clone(), |rest| format!("{}{rest}", self.paint.name(&line.who)));
            match i {
                0 => self.print(&format!("{stamp}{} {text}", line.tone.sign(self.paint)))?,
                _ => self.print(&format!("{}{text}", " ".repeat(INDENT)))?,
            }
        }
        for more in &line.more {
            // Below a verdict stand rows with a label, below a failure what was printed.
            let labelled = more.is_char_boundary(LABEL) && more[..LABEL.min(more.len())].ends_with(' ');
            let (label, text) = if labelled { more.split_at(LABEL) } else { ("", more.as_str()) };
            for (i, text) in broken(text, room.saturating_sub(label.len() + 2).max(20)).iter().enumerate() {
                let label = if i == 0 { label.to_owned() } else { " ".repeat(label.len()) };
                self.print(&format!("{}{} {label}{text}", " ".repeat(INDENT), self.paint.dim("|")))?;
            }
        }
        Ok(())
    }

    fn live(&mut self, _plan: &Plan, _run: &Run, live: &Live) -> std::io::Result<()> {
        let Live::Line(crate::engine::EffectId::Action(slot), text) = live else { return Ok(()) };
        self.printed.insert(slot.node, text.clone());
        Ok(())
    }

    fn typed(&mut self, line: &str) -> std::io::Result<()> {
        // The last row is as wide as the terminal, so what is typed stands below it, and the cursor below that.
        let below = 1 + crate::paint::columns(line).div_ceil((self.width)().max(1));
        let mut err = std::io::stderr().lock();
        write!(err, "\x1b[{below}A\x1b[J")?;
        err.flush()
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.print(&self.paint.dim(one_line(text)))
    }

    fn tick(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> std::io::Result<()> {
        self.frame += 1;
        self.paint.width = (self.width)();
        let view = View { plan, run, now, paint: self.paint, frame: self.frame };
        let rows = view.rows(&self.printed);
        self.show(&rows);
        Ok(())
    }

    fn end(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> std::io::Result<()> {
        self.show(&[]);
        self.bars.clear()?;
        for line in format!("\n{}", summary(plan, run, now, self.paint)).lines() {
            self.print(line)?;
        }
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
        Ok(())
    }
}

/// What is happening now, in rows that stand still: for somebody at another terminal.
pub fn now(plan: &Plan, run: &Run, now: Timestamp, paint: Paint) -> String {
    let view = View { plan, run, now, paint, frame: 0 };
    let rows = view.rows(&BTreeMap::new());
    // Without the line above and the help below.
    let inner = rows.get(1..rows.len().saturating_sub(1)).unwrap_or_default();
    inner.iter().map(|row| format!("{}\n", row.trim_end().replace(view.spinner(), "▸"))).collect()
}

/// What is happening, in rows.
struct View<'a> {
    plan: &'a Plan,
    run: &'a Run,
    now: Timestamp,
    paint: Paint,
    frame: usize,
}

impl View<'_> {
    fn rows(&self, printed: &BTreeMap<NodeIx, String>) -> Vec<String> {
        let mut rows = vec![self.paint.dim("─".repeat(self.paint.width.min(72)))];
        rows.push(self.head());
        let busy: Vec<NodeIx> = self.run.active.iter().copied().filter(|ix| !self.plan.is_group(*ix)).collect();
        for ix in &busy {
            if self.plan.node(*ix).work().is_none_or(|work| work.sort != Sort::Item) {
                rows.extend(self.node(*ix, printed.get(ix)));
            }
        }
        rows.extend(self.people());
        if busy.is_empty() {
            rows.extend(self.waiting());
        }
        rows.extend(self.triggers());
        rows.push(self.foot());
        rows.iter().map(|row| self.fit(row)).collect()
    }

    /// A row as wide as the terminal, so that it never wraps. Its escapes take no room.
    fn fit(&self, row: &str) -> String {
        let plain = anstream::adapter::strip_str(row).to_string();
        if crate::paint::columns(&plain) < self.paint.width {
            row.to_owned()
        } else {
            cut(&plain, self.paint.width - 1)
        }
    }

    fn head(&self) -> String {
        let (done, all) = self.run.progress(self.plan);
        let time = stamp(self.plan, self.run, self.now);
        let what = match &self.run.mode {
            Mode::Back => self.paint.bad("rolling back"),
            Mode::Paused(pause) => {
                let left = pause.until.duration_since(self.now).max(SignedDuration::ZERO);
                self.paint.warn(format!("paused, {} left", spoken(left)))
            }
            Mode::Forward | Mode::Ending(..) | Mode::Ended(_) => String::new(),
        };
        let halting = self.run.halt.as_ref().map(|_| self.paint.warn("stopping what runs")).unwrap_or_default();
        format!(
            "{}  {time}  {done} of {all} nodes  {what}{halting}",
            self.paint.bold(one_line(&self.plan.runbook.title))
        )
    }

    fn spinner(&self) -> &'static str {
        ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"][self.frame % 10]
    }

    fn node(&self, ix: NodeIx, printed: Option<&String>) -> Vec<String> {
        let (node, state) = (self.plan.node(ix), self.run.node(ix));
        let Some(work) = &state.work else { return Vec::new() };
        let elapsed = spoken(self.now.duration_since(work.since).max(SignedDuration::ZERO));
        let limit = deadline(self.plan, self.run, ix).map(|d| format!(" of {}", spoken(d.duration_since(work.since))));
        let undo = if work.part == crate::engine::Part::Undo { "undo " } else { "" };
        let attempt = if work.tries > 0 { format!("  try {}", work.tries + 1) } else { String::new() };
        let title = if node.title == node.id { String::new() } else { format!("  {}", one_line(&node.title)) };
        let mut rows = vec![format!(
            "{} {undo}{}{title}  {}{attempt}",
            self.paint.name(self.spinner()),
            self.paint.name(one_line(&node.id)),
            self.paint.dim(format!("{elapsed}{}", limit.unwrap_or_default())),
        )];
        rows.extend(self.action(ix, work));
        rows.extend(printed.map(|line| format!("    {} {}", self.paint.dim("|"), self.paint.dim(line))));
        rows
    }

    fn action(&self, ix: NodeIx, work: &WorkState) -> Vec<String> {
        let Some(plan_work) = self.plan.node(ix).work() else { return Vec::new() };
        let Some(action) = actions(plan_work, work.part).get(work.action as usize) else { return Vec::new() };
        let slot = Slot { node: ix, part: work.part, attempt: work.tries + 1, action: work.action };
        let doing = doing_words(self.plan, self.run, slot, self.now).unwrap_or_default();
        match (&work.state, &action.kind) {
            (Some(ActionState::Running { stopping: Some(_), .. }), _) => {
                vec![format!("    {}", self.paint.warn("is being stopped"))]
            }
            (Some(ActionState::Gate(gate)), _) => {
                let last = gate.last.as_ref().map(|(truth, _)| match truth {
                    crate::engine::Truth::True => format!(", {} passed in a row", gate.passes),
                    crate::engine::Truth::False => format!(", {} failed", gate.failures),
                    crate::engine::Truth::NoData => ", no data".into(),
                    crate::engine::Truth::Error => ", cannot measure".into(),
                });
                vec![format!("    {doing}, attempt {}{}", gate.attempts, last.unwrap_or_default())]
            }
            (Some(ActionState::Hold(state)), ActionKind::Hold(hold)) => self.hold(hold, state),
            (None, _) if work.again.is_some_and(|a| a > self.now) => {
                let left = work.again.map(|a| a.duration_since(self.now)).unwrap_or_default();
                vec![format!("    is tried again in {}", spoken(left))]
            }
            (Some(ActionState::Asking(_)), ActionKind::Ask(ask)) => {
                let (node, said) = (self.plan.node(ix), &self.run.node(ix).said);
                let id = one_line(&node.id);
                let how = match ask.sort {
                    AskSort::Approval => format!("`approve {id}` or `deny {id} WHY`"),
                    AskSort::Confirmation => format!("`confirm {id}` or `deny {id} WHY`"),
                    AskSort::Answer(_) | AskSort::Tick => format!("`answer {id} VALUE`"),
                };
                let so_far = said.as_ref().map(|said| format!("; so far {}", one_line(said))).unwrap_or_default();
                vec![self.paint.warn(format!("    waits for {}: {how}{so_far}", ask.people.words()))]
            }
            _ => vec![format!("    {}", self.paint.dim(doing))],
        }
    }

    /// What people are asked besides by the node itself: checklists, triggers, pauses.
    fn people(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for ix in self.run.active.iter().filter(|ix| self.plan.node(**ix).is_checklist()) {
            let node = self.plan.node(*ix);
            let items = node.children().unwrap_or_default();
            let open: Vec<&NodeIx> = items.iter().filter(|item| !self.run.node(**item).status.is_final()).collect();
            let (done, all) = (items.len() - open.len(), items.len());
            let left = group_deadline(self.plan, self.run, *ix).map(|end| end.duration_since(self.now));
            let left =
                left.map(|left| format!(", {} left", spoken(left.max(SignedDuration::ZERO)))).unwrap_or_default();
            rows.push(format!(
                "{} {}  {}  {done} of {all}{left}; `tick ITEM`",
                self.paint.name(self.spinner()),
                self.paint.name(&node.id),
                one_line(&node.title)
            ));
            for item in open.iter().take(ITEMS) {
                let item = self.plan.node(**item);
                let how = match item.work().and_then(|w| w.actions.first()).map(|a| &a.kind) {
                    Some(ActionKind::Ask(ask)) => ask.people.words(),
                    _ => "ticks itself".into(),
                };
                let (id, title) = (self.paint.name(one_line(&item.id)), one_line(&item.title));
                rows.push(format!("    [ ] {id}  {title}  {}", self.paint.dim(how)));
            }
            if open.len() > ITEMS {
                rows.push(self.paint.dim(format!("    … and {} items more", open.len() - ITEMS)));
            }
        }
        if let Some(open) = self.run.questions.first() {
            let trigger = &self.plan.triggers[open.trigger as usize];
            let (id, then) = (one_line(&trigger.id), crate::plan::outcome_text(&trigger.outcome));
            let whom = trigger.ask.as_ref().map(|ask| ask.people.words()).unwrap_or_default();
            rows.push(self.paint.bad(one_line(&open.reason)));
            rows.push(self.paint.warn(format!("    asks {whom}: `approve {id}` ({then}) or `deny {id}` (it goes on)")));
        }
        if let Mode::Paused(pause) = &self.run.mode {
            let waive = self.run.stopped.first().map(|ix| format!(", `waive {} WHY`", self.plan.node(*ix).id));
            let waive = waive.unwrap_or_default();
            rows.push(self.paint.bad(one_line(&pause.reason)));
            let named: Vec<String> = pause.people.iter().filter(|p| !p.is_anybody()).map(|p| p.words()).collect();
            let whom = if named.is_empty() { String::new() } else { format!(" for {}", named.join(" and ")) };
            rows.push(self.paint.warn(format!("    waits{whom}: `resume` (again){waive} or `rollback`")));
        }
        rows
    }

    /// The bar of a hold, and every metric it watches against its mark.
    fn hold(&self, hold: &Hold, state: &HoldState) -> Vec<String> {
        let whole = state.until.duration_since(state.since).as_secs_f64().max(0.001);
        let left = state.until.duration_since(self.now).max(SignedDuration::ZERO);
        let share = (1.0 - left.as_secs_f64() / whole).clamp(0.0, 1.0);
        let full = (share * BAR as f64).round() as usize;
        let bar = format!("{}{}", "━".repeat(full), "─".repeat(BAR - full));
        let mut rows = vec![format!("    {} {} left", self.paint.good(bar), spoken(left))];
        for (i, check) in hold.checks.iter().enumerate() {
            let values = self.values(&check.expr);
            let bad = state.checks.get(&(i as u32)).map_or(0, |c| c.bad_in_row);
            let row = format!("    {values}  ({})", one_line(&check.text));
            rows.push(if bad > 0 {
                self.paint.warn(format!("{row}  bad {bad} of {}", hold.fail_after.times))
            } else {
                row
            });
        }
        rows
    }

    /// The newest values of the metrics in a condition.
    fn values(&self, expr: &Expr) -> String {
        let mut words = Vec::new();
        for name in expr.watched() {
            let value = self.plan.metrics.iter().position(|m| m.id == name).and_then(|i| {
                let sample = self.run.fresh(self.plan, i as u32, self.now)?;
                Some(sample.value.clone())
            });
            words.push(format!("{name} {}", seen(&value.unwrap_or(Value::None))));
        }
        words.join(", ")
    }

    /// The node whose moment has not come.
    fn waiting(&self) -> Option<String> {
        let waiting = self
            .plan
            .timeline()
            .into_iter()
            .find(|ix| self.run.node(*ix).status == crate::engine::state::Status::Waiting)?;
        let until = self.run.node(waiting).until?;
        let left = until.duration_since(self.now).max(SignedDuration::ZERO);
        let node = self.plan.node(waiting);
        let at = stamp(self.plan, self.run, until);
        Some(format!("{} {} waits for {at}, {} left", self.paint.dim("·"), self.paint.name(&node.id), spoken(left)))
    }

    /// The armed triggers, and how far their `for` has got.
    fn triggers(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let armed: Vec<usize> =
            (0..self.plan.triggers.len()).filter(|i| self.run.triggers[*i].armed.is_some()).collect();
        for i in armed.iter().take(TRIGGERS) {
            let (trigger, state) = (&self.plan.triggers[*i], &self.run.triggers[*i]);
            let span = state.spans.values().find(|s| s.since.is_some());
            let held = match span.and_then(|s| s.since.map(|since| (since, s.needs))) {
                Some((since, needs)) => {
                    let so_far = spoken(self.now.duration_since(since).min(needs));
                    self.paint.warn(format!("  true for {so_far} of {}", duration_text(needs)))
                }
                None => String::new(),
            };
            let Some(when) = &trigger.when else { continue };
            let row = format!("{}  {}  ({})", trigger.id, self.values(&when.expr), one_line(&when.text));
            rows.push(format!("{} {row}{held}", self.paint.dim("trigger")));
        }
        if armed.len() > TRIGGERS {
            rows.push(self.paint.dim(format!("… and {} triggers more", armed.len() - TRIGGERS)));
        }
        rows
    }

    fn foot(&self) -> String {
        let text = match &self.run.halt {
            Some(_) => "Ctrl-C again kills what runs at once",
            None if matches!(self.run.mode, Mode::Ending(..)) && !self.run.unsent.is_empty() => {
                let left: usize = self.run.unsent.values().map(std::collections::BTreeSet::len).sum();
                let messages = if left == 1 { "message is" } else { "messages are" };
                return self
                    .paint
                    .dim(format!("everything is done; {left} {messages} on the way, for a minute at most"));
            }
            None => "Ctrl-C pauses the run, nothing is undone, `runbook resume` goes on; `help` says what can be typed",
        };
        self.paint.dim(text)
    }
}
