//! `shift`, `set` and `ramp`: a share of a router or a flag is moved, and moved back.
//!
//! Each is made of commands of the router or of the flag's place: what holds now is read and kept, the new share is set, and
//! it is read again, because what a command claims is not believed. The way back sets what was found, and reads it again too.

use jiff::SignedDuration;

use crate::check::model::{self, ActionKind as ModelKind, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{
    Action, ActionKind, Builtin, Capture, Check, Command, Hold, HoldLength, NodeIx, NodeKind, Outcome, Sort, Touch,
    Undo, Word,
};
use crate::source::Span;
use crate::value::{Comparison, Expr, Function, Part, Ref, RefKind, Value};

use super::Lowering;

/// What is moved: its name, and the connection whose commands move it.
struct Subject<'m> {
    name: String,
    connection: &'m model::Connection,
    span: Span,
}

impl<'m> Lowering<'m> {
    /// The actions of a step, those that are built in taken apart; and how they are undone, with the step's own undo in the
    /// place of its first own change.
    pub(super) fn step_actions(&mut self, actions: &'m [model::Action], own: Undo) -> (Vec<Action>, Undo) {
        let mut forward = Vec::with_capacity(actions.len());
        let (mut back, mut changed) = (Vec::new(), None);
        for action in actions {
            match self.moved(action) {
                Some((subject, share, drain)) => {
                    let found = self.capture_name(&subject.name);
                    forward.extend(self.found(&subject, &found));
                    forward.extend(self.set(&subject, &share, None));
                    forward.extend(drain.map(|drain| self.drain(drain, subject.span)));
                    back.push(self.restored(&subject, &found));
                }
                None => {
                    let lowered = self.action(action);
                    if lowered.changes && changed.is_none() {
                        changed = Some(back.len());
                        back.push(Vec::new());
                    }
                    forward.push(lowered);
                }
            }
        }
        // A plan of many steps is kept as long as it runs.
        forward.shrink_to_fit();
        if back.len() == usize::from(changed.is_some()) {
            return (forward, own);
        }
        let takes = match &own {
            Undo::Actions { takes, .. } => *takes,
            // Whoever says why something is not undone means what is built in, too.
            Undo::Irreversible(_) | Undo::Excused(_) => return (forward, own),
            Undo::Nothing => None,
        };
        match changed {
            Some(place) => back[place] = own.actions().to_vec(),
            None => back.insert(0, own.actions().to_vec()),
        }
        (forward, Undo::Actions { takes, actions: back.into_iter().rev().flatten().collect() })
    }

    /// `ramp NAME: SUBJECT through [10%, 50%, 100%] { hold …; gate … }`: one node.
    pub(super) fn ramp(&mut self, ramp: &'m model::Ramp, id: String, parent: Option<NodeIx>) -> NodeIx {
        let before = self.owner.replace(id.clone());
        let mut actions = Vec::new();
        let mut undo = Undo::Nothing;
        let shares = match ramp.through.as_ref().and_then(|through| self.value(through)) {
            Some(Value::List(shares)) => shares,
            _ => Vec::new(),
        };
        if let Some(subject) = ramp.subject.as_ref().and_then(|name| self.subject(name, ramp.head.span)) {
            let found = self.capture_name(&subject.name);
            actions.extend(self.found(&subject, &found));
            for share in shares {
                if let Value::Percent(percent) = &share
                    && !(0.0..=100.0).contains(percent)
                {
                    let finding = Diagnostic::new(Code::BadLiteral, ramp.head.span, format!("{share} is no share"));
                    self.push(finding.label("from 0 % to 100 %"));
                }
                actions.extend(self.set(&subject, &Expr::Value(share), None));
                for look in &ramp.looks {
                    match look {
                        model::Node::Hold(head, hold) => {
                            let kind = ActionKind::Hold(self.hold(hold));
                            actions.push(self.sole(kind, head));
                        }
                        model::Node::Gate(head, used) => {
                            let kind = ActionKind::Gate(self.gate(used));
                            actions.push(self.sole(kind, head));
                        }
                        _ => {}
                    }
                }
            }
            undo = Undo::Actions { takes: None, actions: self.restored(&subject, &found) };
        }
        let on_failure: Option<Outcome> = ramp.on_failure.as_ref().map(|o| self.outcome(o));
        let usual = self.usual_outcome();
        let mut work = self.work(Sort::Ramp, actions, on_failure.clone().unwrap_or(usual));
        work.takes = self.optional_duration(ramp.takes.as_ref());
        work.limit.otherwise = on_failure.unwrap_or(work.limit.otherwise);
        work.undo = undo;
        self.owner = before;
        let name = id.clone();
        self.add(&ramp.head, id, &name, parent, NodeKind::Work(Box::new(work)))
    }

    /// What an action moves, to where, and how long it waits then; nothing if it is another sort of action.
    fn moved(&mut self, action: &'m model::Action) -> Option<(Subject<'m>, Expr, Option<SignedDuration>)> {
        let (name, share, drain) = match &action.kind {
            ModelKind::Shift { router, share, drain } => (router.as_ref()?, share, drain.as_ref()),
            ModelKind::Set { flag, value, .. } => (flag.as_ref()?, value, None),
            _ => return None,
        };
        let subject = self.subject(name, action.span)?;
        let share = self.share(share);
        Some((subject, share, drain.and_then(|drain| self.duration(drain))))
    }

    /// A share: of a flag `on` is everything and `off` nothing.
    fn share(&mut self, typed: &'m Typed) -> Expr {
        match self.expr(typed) {
            Expr::Value(Value::Word(word)) => Expr::Value(Value::Percent(if word == "on" { 100.0 } else { 0.0 })),
            Expr::Value(Value::Percent(share)) if !(0.0..=100.0).contains(&share) => {
                let finding = Diagnostic::new(Code::BadLiteral, typed.span, format!("{share}% is no share"));
                self.push(finding.label("from 0 % to 100 %"));
                Expr::Error
            }
            other => other,
        }
    }

    fn subject(&mut self, name: &str, span: Span) -> Option<Subject<'m>> {
        let flag = self.model.flags.iter().find(|flag| flag.id.text == name);
        let place = flag.map_or(Some(name), |flag| flag.place.as_deref())?;
        let connection = self.model.connections.iter().find(|c| c.id.text == place)?;
        Some(Subject { name: name.to_owned(), connection, span })
    }

    /// Under which name the share that was found is kept: no capture of a file can be called so.
    fn capture_name(&self, subject: &str) -> String {
        format!("{}.@{subject}", self.owner.as_deref().unwrap_or_default())
    }

    /// One of the commands of a connection, with the share put in.
    fn command_for(&mut self, subject: &Subject<'m>, which: &str, share: &Expr) -> Option<Action> {
        let command = subject.connection.commands.iter().find(|(name, _)| name == which);
        if command.is_none() && self.rehearsed {
            return Some(self.stand_in(subject, which, share));
        }
        let (_, action) = command?;
        let params = vec![("share".to_owned(), share.clone()), ("flag".to_owned(), Expr::text(subject.name.clone()))];
        let before = std::mem::replace(&mut self.params, params);
        // What it captures would be its own; it knows no step.
        let owner = self.owner.take();
        let action = self.action(action);
        self.owner = owner;
        self.params = before;
        Some(action)
    }

    /// What stands for a service that this version does not speak to yet, in a rehearsal.
    fn stand_in(&self, subject: &Subject<'m>, which: &str, share: &Expr) -> Action {
        let word = |text: &str| Word { pieces: vec![Part::Text(text.to_owned())], may_be_option: true };
        let mut words = vec![word(&subject.connection.kind), word(which), word(&subject.name)];
        if which == "set" {
            words.push(Word { pieces: vec![Part::Value(share.clone())], may_be_option: true });
        }
        let command =
            Command { words, shell: false, dir: None, env: Vec::new(), stdin: None, stdout: None, inherit: Vec::new() };
        Action::plain(ActionKind::Command(command), self.place(subject.span))
    }

    /// Reads what holds now and keeps it.
    fn found(&mut self, subject: &Subject<'m>, name: &str) -> Option<Action> {
        let mut action = self.command_for(subject, "get", &Expr::Value(Value::None))?;
        action.changes = false;
        action.captures = vec![Capture { name: name.to_owned(), ty: None, secret: false, expr: printed_share() }];
        action.builtin = Some(Builtin { subject: subject.name.clone(), touch: Touch::Finds });
        Some(action)
    }

    /// Reads what holds of a flag, for a condition.
    pub(super) fn flag_state(&mut self, name: &str, span: Span) -> Option<Action> {
        let subject = self.subject(name, span)?;
        let mut action = self.command_for(&subject, "get", &Expr::Value(Value::None))?;
        action.changes = false;
        Some(action)
    }

    /// Sets a share, and reads whether it holds.
    fn set(&mut self, subject: &Subject<'m>, share: &Expr, needs: Option<&str>) -> Vec<Action> {
        let mut made = Vec::new();
        if let Some(mut action) = self.command_for(subject, "set", share) {
            action.changes = true;
            action.builtin = Some(Builtin { subject: subject.name.clone(), touch: Touch::Sets(share.clone()) });
            made.push(action);
        }
        if let Some(mut action) = self.command_for(subject, "get", share) {
            action.changes = false;
            let words = match share {
                Expr::Ref(_) => "what it was".to_owned(),
                other => crate::value::plain_text(other),
            };
            action.expects = vec![Check {
                text: format!("{} is at {words}", subject.name),
                expr: Expr::Compare(Comparison::Equal, Box::new(printed_share()), Box::new(share.clone())),
                place: self.place(subject.span),
            }];
            action.builtin = Some(Builtin { subject: subject.name.clone(), touch: Touch::Checks });
            made.push(action);
        }
        made.iter_mut().for_each(|action| action.needs = needs.map(str::to_owned));
        made
    }

    /// Sets what was found.
    fn restored(&mut self, subject: &Subject<'m>, found: &str) -> Vec<Action> {
        let share = Expr::Ref(Ref { kind: RefKind::Capture, name: found.to_owned() });
        self.set(subject, &share, Some(found))
    }

    /// Time for what goes on by the old way.
    fn drain(&mut self, length: SignedDuration, span: Span) -> Action {
        let hold = Hold {
            length: HoldLength::For(length),
            every: None,
            fail_after: super::gate::HOLD_FAILS,
            checks: Vec::new(),
            on_inconclusive: Outcome::Continue,
        };
        Action::plain(ActionKind::Hold(hold), self.place(span))
    }
}

/// The share that a command printed.
fn printed_share() -> Expr {
    Expr::Call(Function::Share, vec![Expr::Ref(Ref { kind: RefKind::Output, name: "stdout".into() })])
}
