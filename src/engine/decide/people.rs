//! People: who is asked, what they say, and what follows from it.

use crate::engine::asked::{approves_own, ask_of, asked, is_enough, may_answer, reach, whom};
use crate::engine::event::{Ending, EventKind, Failure, FailureSort, Slot, Who};
use crate::engine::scene::{Happening, Scene};
use crate::engine::state::{ActionState, Asking, Live, Mode, Status};
use crate::engine::{Inquiry, Say};
use crate::plan::{
    Ask, AskSort, Message, NodeIx, NodeKind, Outcome, People, Person, Quorum, Sort, moment, same_person,
};
use crate::value::Expr;

use super::{Context, Events};

impl<'a> Context<'a> {
    /// A node that asks: a no ends it, enough answers end it, and who has not answered is asked again.
    pub(super) fn settle_ask(self, slot: Slot, ask: &'a Ask, state: &Asking) -> Events {
        if let Some(no) = state.answers.iter().find(|a| !a.yes) {
            let why = no.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            let failure = Failure::new(FailureSort::Rejected, format!("denied by {}{why}", no.by));
            let happening = Happening {
                reason: failure.text.clone(),
                by: no.by.to_string(),
                node: self.plan.node(slot.node).id.clone(),
            };
            return self.with_handler(vec![self.end_action(slot, Some(failure), "denied")], "denied", happening);
        }
        // The items of a checklist are asked for together.
        let group = self.plan.node(slot.node).parent.filter(|_| ask.sort == AskSort::Tick);
        let open = asked(self.plan, self.run, Inquiry::Node(group.unwrap_or(slot.node)));
        let levels = open.as_ref().map(|open| open.levels()).unwrap_or_default();
        if is_enough(self.plan, self.run, &ask.people, levels, &state.answers, self.now) {
            let names: Vec<String> = state.answers.iter().map(|a| a.by.to_string()).collect();
            return vec![self.end_action(slot, None, format!("by {}", names.join(", ")))];
        }
        if group.is_some() { Vec::new() } else { self.ask_again(Inquiry::Node(slot.node)) }
    }

    /// Who is to hear now that they are asked: at first, at half time, and along the escalation.
    pub(super) fn ask_again(self, what: Inquiry) -> Events {
        let Some(open) = asked(self.plan, self.run, what) else { return Vec::new() };
        if open.next().is_none_or(|next| self.now < next) {
            return Vec::new();
        }
        let people = whom(self.plan, self.run, what, open.rounds + 1);
        let channels: Vec<String> =
            reach(self.plan, self.run, &people, self.now).into_iter().map(str::to_owned).collect();
        let mut events = vec![EventKind::Asked { what, round: open.rounds + 1 }];
        let mut key = self.run.messages.len() as u32;
        for channel in channels {
            // A channel hears of what is asked of those whom it reaches.
            let own: Vec<&People> = people.iter().copied().filter(|p| self.reaches(&channel, p)).collect();
            let text = self.request(what, &own, &channel, open.until, open.rounds);
            let (subject, settings) = (None, Vec::new());
            let message =
                Message { channels: vec![channel], subject, text: Expr::text(text), required: false, settings };
            events.extend(self.queue(&message, None, &Scene::new(self.plan, self.run, self.now), &mut key));
        }
        events
    }

    /// Whether some people hear of what they are asked through a channel.
    fn reaches(self, channel: &str, people: &People) -> bool {
        reach(self.plan, self.run, &[people], self.now).contains(&channel)
    }

    /// What is asked, in words, with the commands that answer.
    fn request(self, what: Inquiry, people: &[&People], channel: &str, until: jiff::Timestamp, rounds: u32) -> String {
        let run = &self.run.id;
        let again = if rounds > 0 { "still open: " } else { "" };
        let (mut whom, mut lines): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for words in people.iter().map(|p| self.plan.titles(p)) {
            if !whom.contains(&words) {
                whom.push(words);
            }
        }
        let (title, how) = match what {
            Inquiry::Node(ix) => {
                let node = self.plan.node(ix);
                let how = match (&node.kind, ask_of(self.plan, ix).map(|a| &a.sort)) {
                    (NodeKind::Parallel { lanes, .. }, _) => {
                        // What ticks itself asks nobody; along an escalation everything that is open is asked for.
                        let open = lanes.iter().filter(|lane| !self.run.node(**lane).status.is_final());
                        let open = open.filter_map(|lane| Some((*lane, ask_of(self.plan, *lane)?)));
                        let own = open.filter(|(_, ask)| rounds > 1 || self.reaches(channel, &ask.people));
                        lines.extend(own.map(|(lane, ask)| {
                            let (node, whose) = (self.plan.node(lane), self.plan.titles(&ask.people));
                            format!("\n- {} {} ({whose})", node.id, node.title.trim_end())
                        }));
                        format!("`runbook tick {run} {}.ITEM`", node.id)
                    }
                    (_, Some(AskSort::Approval)) => {
                        format!("`runbook approve {run} {0}` or `runbook deny {run} {0}`", node.id)
                    }
                    (_, Some(AskSort::Confirmation)) => {
                        format!("`runbook confirm {run} {0}` or `runbook deny {run} {0}`", node.id)
                    }
                    _ => format!("`runbook answer {run} {} VALUE`", node.id),
                };
                (format!("{}: {}", node.id, node.title), how)
            }
            Inquiry::Trigger(index) => {
                let trigger = &self.plan.triggers[index as usize];
                let reason = self.run.questions.first().map(|q| q.reason.clone()).unwrap_or_default();
                let then = crate::plan::outcome_text(&trigger.outcome);
                let how =
                    format!("`runbook approve {run} {0}` ({then}) or `runbook deny {run} {0}` (go on)", trigger.id);
                (reason, how)
            }
            Inquiry::Pause => {
                let reason = match &self.run.mode {
                    Mode::Paused(pause) => pause.reason.clone(),
                    _ => String::new(),
                };
                let node = self.run.stopped.first().map(|ix| self.plan.node(*ix).id.as_str());
                let waive = node.map(|id| format!("`runbook waive {run} {id} --reason …`, ")).unwrap_or_default();
                let how = format!("`runbook resume {run}`, {waive}`runbook rollback {run}`");
                (format!("paused: {reason}"), how)
            }
        };
        let until = moment::local_text(until, &moment::zone(&self.plan.runbook.timezone));
        let (title, whom, lines) = (title.trim_end(), whom.join(", "), lines.concat());
        format!("{again}{}: {title}\nasked: {whom}, until {until}; answer with {how}{lines}", self.plan.runbook.title)
    }

    /// What the first of the triggers that ask leads to.
    pub(super) fn settle_question(self) -> Events {
        let Some(open) = self.run.questions.first() else { return Vec::new() };
        let trigger = &self.plan.triggers[open.trigger as usize];
        let Some(question) = &trigger.ask else { return Vec::new() };
        let no = open.answers.iter().any(|a| !a.yes);
        let levels = asked(self.plan, self.run, Inquiry::Trigger(open.trigger));
        let levels = levels.as_ref().map(|open| open.levels()).unwrap_or_default();
        if no || is_enough(self.plan, self.run, &question.people, levels, &open.answers, self.now) {
            let outcome = if no { Outcome::Ignore } else { trigger.outcome.clone() };
            let said = open.answers.iter().filter(|a| a.yes != no);
            let by: Vec<String> = said.map(|a| format!("{}{}", a.by, because(a.reason.as_deref()))).collect();
            let word = if no { "denied" } else { "approved" };
            let reason = format!("{}; {word} by {}", open.reason, by.join(", "));
            return vec![EventKind::QuestionEnded { trigger: open.trigger, yes: Some(!no), outcome, reason }];
        }
        let over = open.since.and_then(|since| since.checked_add(question.within).ok());
        if over.is_some_and(|over| self.now >= over) {
            let reason = format!("{}; nobody answered", open.reason);
            let outcome = question.otherwise.clone();
            return vec![EventKind::QuestionEnded { trigger: open.trigger, yes: None, outcome, reason }];
        }
        self.ask_again(Inquiry::Trigger(open.trigger))
    }

    /// A person says something. It counts or is refused; both are recorded, and each once.
    pub(super) fn say(self, key: &str, by: &Who, say: &Say) -> Events {
        // What names nothing of this plan comes from no runbook that could know it.
        let known = match say {
            Say::Answer { node, .. } | Say::Tick { node, .. } | Say::Waive { node, .. } => {
                node.index() < self.plan.nodes.len()
            }
            Say::Fire { trigger, .. } | Say::Decide { trigger, .. } => (*trigger as usize) < self.plan.triggers.len(),
            Say::GoOn | Say::Note { .. } | Say::Override { .. } => true,
        };
        if !known || self.run.heard.contains(key) {
            return Vec::new();
        }
        let (key, by) = (key.to_owned(), by.clone());
        match self.follows(&by, say) {
            Ok(mut events) => {
                let resumes = events.first().is_some_and(|e| matches!(e, EventKind::RunResumed { .. }));
                events.insert(usize::from(resumes), EventKind::Heard { key, by, say: say.clone() });
                events
            }
            Err(why) => vec![EventKind::Refused { key, by, say: say.clone(), why }],
        }
    }

    /// What follows at once from what a person says.
    fn follows(self, by: &Who, say: &Say) -> Result<Events, String> {
        match say {
            Say::Note { .. } => Ok(Vec::new()),
            Say::Override { name, reason } => match self.plan.calendar().any(|id| id == name) {
                _ if reason.trim().is_empty() => Err("whoever passes over a window says why".into()),
                true => Ok(Vec::new()),
                false => Err(format!("the plan has no window and no blackout `{name}`")),
            },
            Say::Answer { node, yes, value, .. } => {
                self.answered(by, *node, *yes, value.is_some()).map(|()| Vec::new())
            }
            Say::Tick { node, .. } => self.ticked(by, *node).map(|()| Vec::new()),
            Say::Waive { node, reason } => self.waived(by, *node, reason),
            Say::Fire { trigger, .. } => self.pulled(by, *trigger).map(|()| Vec::new()),
            Say::Decide { trigger, .. } => self.decided(by, *trigger).map(|()| Vec::new()),
            Say::GoOn => match &self.run.mode {
                Mode::Paused(pause) => match pause.answers.iter().any(|a| same_person(a.by.name(), by.name())) {
                    true => Err(format!("{} has said so already; others are asked as well", by.name())),
                    false => self.may_end_pause(by).map(|()| Vec::new()),
                },
                _ => Err("the run is not paused".into()),
            },
        }
    }

    fn may(self, people: &People, what: Inquiry, by: &Who) -> Result<(), String> {
        let open = asked(self.plan, self.run, what);
        let levels = open.as_ref().map(|open| open.levels()).unwrap_or_default();
        may_answer(self.plan, self.run, people, levels, by, self.now)
    }

    /// Whether a node is asking now.
    fn asking(self, ix: NodeIx) -> Result<(&'a Ask, &'a Asking), String> {
        let (id, state) = (&self.plan.node(ix).id, self.run.node(ix));
        let Some(ask) = ask_of(self.plan, ix) else { return Err(format!("`{id}` asks nothing")) };
        match state.work.as_ref().and_then(|w| w.state.as_ref()) {
            Some(ActionState::Asking(asking)) => Ok((ask, asking)),
            _ if state.status.is_final() => {
                let said = state.said.as_ref().map(|s| format!(": {s}")).unwrap_or_default();
                Err(format!("`{id}` is through already{said}"))
            }
            _ => Err(format!("`{id}` is not being asked yet")),
        }
    }

    fn answered(self, by: &Who, ix: NodeIx, yes: bool, valued: bool) -> Result<(), String> {
        let (ask, asking) = self.asking(ix)?;
        self.may(&ask.people, Inquiry::Node(ix), by)?;
        let id = &self.plan.node(ix).id;
        if matches!(ask.sort, AskSort::Answer(_)) && !valued {
            return Err(format!("`{id}` is a question: `answer` it"));
        }
        let settled = asking.answers.iter().any(|a| !a.yes);
        if settled || is_enough(self.plan, self.run, &ask.people, &[], &asking.answers, self.now) {
            return Err(format!("`{id}` has been answered"));
        }
        if yes {
            self.may_approve(ask, by, ix)?;
        }
        match asking.answers.iter().any(|a| same_person(a.by.name(), by.name()) && a.yes == yes) {
            true => Err(format!("{} has answered `{}` already", by.name(), self.plan.node(ix).id)),
            false => Ok(()),
        }
    }

    /// Whether somebody may approve what they have started.
    fn may_approve(self, ask: &Ask, by: &Who, ix: NodeIx) -> Result<(), String> {
        if ask.sort != AskSort::Approval || !approves_own(self.plan, self.run, &ask.people, by, self.now) {
            return Ok(());
        }
        let (name, id) = (by.name(), &self.plan.node(ix).id);
        Err(format!("{name} started this run, and `{id}` asks somebody else; `self = true` in the role would allow it"))
    }

    /// Whether somebody is one of those who are asked how a pause goes on.
    fn may_end_pause(self, by: &Who) -> Result<(), String> {
        let Mode::Paused(pause) = &self.run.mode else { return Ok(()) };
        let may = |people| may_answer(self.plan, self.run, people, &[], by, self.now);
        let mut refused = None;
        for people in &pause.people {
            match may(people) {
                Ok(()) => return Ok(()),
                Err(why) => refused = Some(why),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// A pause is over when everybody who is needed has said so: of each group that is asked enough.
    pub(super) fn settle_pause(self) -> Events {
        let Mode::Paused(pause) = &self.run.mode else { return Vec::new() };
        let enough = |people| is_enough(self.plan, self.run, people, &[], &pause.answers, self.now);
        match !pause.answers.is_empty() && pause.people.iter().all(enough) {
            true => vec![EventKind::PauseOver],
            false => self.ask_again(Inquiry::Pause),
        }
    }

    /// The release manager.
    fn manager(self) -> Option<People> {
        let role = self.plan.release.as_ref()?.manager.clone()?;
        let persons = vec![Person { role, when: None }];
        Some(People { quorum: Quorum::Any, persons })
    }

    fn ticked(self, by: &Who, ix: NodeIx) -> Result<(), String> {
        let node = self.plan.node(ix);
        let state = self.run.node(ix);
        if !node.work().is_some_and(|w| w.sort == Sort::Item) {
            return Err(format!("`{}` is no item of a checklist", node.id));
        }
        if state.status != Status::Running {
            let why = match state.status {
                Status::Skipped => "was left out",
                _ if state.status.is_final() => "is through already",
                _ => "is not open",
            };
            return Err(format!("`{}` {why}", node.id));
        }
        match ask_of(self.plan, ix) {
            Some(ask) => self.may(&ask.people, Inquiry::Node(node.parent.unwrap_or(ix)), by),
            None => Err(format!("`{}` ticks itself; `runbook waive` goes on without it", node.id)),
        }
    }

    /// A node that stopped the run, an item, an undo that failed: it goes on without it.
    fn waived(self, by: &Who, ix: NodeIx, reason: &str) -> Result<Events, String> {
        let (node, state) = (self.plan.node(ix), self.run.node(ix));
        if reason.trim().is_empty() {
            return Err("whoever goes on without something says why".into());
        }
        let back = self.run.back.as_ref();
        let stuck_at = back.and_then(|back| back.stuck.as_ref().map(|(node, _)| *node).or(back.failed));
        match &self.run.mode {
            Mode::Ended(Ending::Stuck) if stuck_at == Some(ix) => {
                Ok(vec![EventKind::RunResumed { by: by.clone(), doubts: Vec::new() }])
            }
            Mode::Ended(Ending::Stuck) => Err(match stuck_at {
                Some(at) => format!("the run is stuck at `{}`, not at `{}`", self.plan.node(at).id, node.id),
                None => {
                    "the run is stuck at the point of no return: `runbook rollback` says how far it goes back".into()
                }
            }),
            Mode::Paused(_) if self.run.stopped.contains(&ix) => {
                self.may_end_pause(by)?;
                // Whoever may not give an approval does not go on without it either.
                if let Some(ask) = ask_of(self.plan, ix).filter(|ask| ask.sort == AskSort::Approval) {
                    may_answer(self.plan, self.run, &ask.people, &[], by, self.now)?;
                    self.may_approve(ask, by, ix)?;
                }
                Ok(Vec::new())
            }
            _ if node.work().is_some_and(|w| w.sort == Sort::Item) && state.status == Status::Running => {
                match (ask_of(self.plan, ix), self.manager()) {
                    (Some(ask), _) => self.may(&ask.people, Inquiry::Node(node.parent.unwrap_or(ix)), by)?,
                    // What ticks itself is the release manager's affair.
                    (None, Some(manager)) => may_answer(self.plan, self.run, &manager, &[], by, self.now)?,
                    (None, None) => {}
                }
                Ok(Vec::new())
            }
            _ if state.status == Status::Overdue => Ok(Vec::new()),
            _ => Err(format!(
                "`{}` holds nothing up: only what the run waits for, or is stuck at, can be waived",
                node.id
            )),
        }
    }

    /// A trigger that people fire.
    fn pulled(self, by: &Who, index: u32) -> Result<(), String> {
        let trigger = &self.plan.triggers[index as usize];
        let Some(people) = &trigger.manual else {
            return Err(format!("`{}` fires by itself; only a `manual` trigger is fired by hand", trigger.id));
        };
        may_answer(self.plan, self.run, people, &[], by, self.now)?;
        let watching = self.run.triggers[index as usize].armed.is_some();
        if self.run.live != Live::Running || !watching {
            return Err(format!("`{}` does not watch now", trigger.id));
        }
        let state = &self.run.triggers[index as usize];
        let again = state.pulled.iter().any(|a| same_person(a.by.name(), by.name()));
        if again || self.run.questions.iter().any(|q| q.trigger == index) {
            return Err(format!("`{}` was fired, and what it asks is still open", trigger.id));
        }
        Ok(())
    }

    fn decided(self, by: &Who, index: u32) -> Result<(), String> {
        let trigger = &self.plan.triggers[index as usize];
        let open = self.run.questions.first().filter(|q| q.trigger == index);
        let (Some(open), Some(question)) = (open, &trigger.ask) else {
            let queued = self.run.questions.iter().any(|q| q.trigger == index);
            let why = if queued { "another question comes first" } else { "it asks nothing now" };
            return Err(format!("`{}`: {why}", trigger.id));
        };
        let settled = open.answers.iter().any(|a| !a.yes);
        if settled || is_enough(self.plan, self.run, &question.people, &[], &open.answers, self.now) {
            return Err(format!("`{}` has been answered", trigger.id));
        }
        self.may(&question.people, Inquiry::Trigger(index), by)
    }

    /// Whether something new may not start here: in the timeline while it is paused or a trigger asks, in a response while
    /// it is paused for something in it.
    pub(super) fn is_held(self, ix: NodeIx) -> bool {
        let paused = matches!(self.run.mode, Mode::Paused(_));
        if self.plan.in_timeline(ix) {
            return paused || !self.run.questions.is_empty();
        }
        let mut stopped = self.run.stopped.iter();
        paused && stopped.any(|other| self.plan.top(*other) == self.plan.top(ix))
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|r| format!(": {r}")).unwrap_or_default()
}
