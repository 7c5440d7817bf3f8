//! The people of a rehearsal: whoever is asked answers at once and says yes, unless something else is said of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use crate::engine::state::{ActionState, Mode};
use crate::engine::{Input, Run, Say, Who, ask_of};
use crate::plan::scenario::{Deed, Happening};
use crate::plan::{AskSort, NodeIx, People, Plan, Quorum};
use crate::value::{Type, Value};

use super::stage::{empty, runner};

/// Who says what.
#[derive(Clone, Debug, Default)]
pub(super) struct Cast {
    /// What is answered to questions, by their name.
    pub(super) answers: BTreeMap<String, Value>,
    /// What the scenario answers itself: nobody else does.
    pub(super) own: BTreeSet<NodeIx>,
    /// What nobody answers, and what is answered with no.
    pub(super) silent: BTreeSet<NodeIx>,
    pub(super) denied: BTreeSet<NodeIx>,
    queue: VecDeque<Input>,
    said: BTreeSet<String>,
}

impl Cast {
    /// What is said next at this moment.
    pub(super) fn next(&mut self, plan: &Plan, run: &Run, now: Timestamp, zero: Option<Timestamp>) -> Option<Input> {
        if let Some(next) = self.queue.pop_front() {
            return Some(next);
        }
        if run.halt.is_some() {
            return None;
        }
        for ix in run.active.iter().copied() {
            let Some(work) = &run.node(ix).work else { continue };
            let Some(ActionState::Asking(asking)) = &work.state else { continue };
            if self.own.contains(&ix) || self.silent.contains(&ix) {
                continue;
            }
            let Some(ask) = ask_of(plan, ix) else { continue };
            let yes = !self.denied.contains(&ix) && self.answers.get(&plan.node(ix).id) != Some(&Value::Bool(false));
            let say = match &ask.sort {
                AskSort::Tick if !yes => continue,
                AskSort::Tick => Say::Tick { node: ix, not_applicable: false, reason: None },
                AskSort::Answer(_) if !yes => continue,
                AskSort::Answer(ty) => {
                    let value = self.answers.get(&plan.node(ix).id).cloned().unwrap_or_else(|| usual(ty));
                    Say::Answer { node: ix, yes: true, value: Some(value), reason: None }
                }
                AskSort::Approval | AskSort::Confirmation => Say::Answer { node: ix, yes, value: None, reason: None },
            };
            for by in candidates(plan, &ask.people, now, zero) {
                if asking.answers.iter().any(|a| a.by == by) {
                    continue;
                }
                let key = format!("cast-{}-{}-{}-{}", ix.0, work.attempt, asking.since, by.name());
                if self.said.insert(key.clone()) {
                    return Some(Input::Say { key, by, say });
                }
            }
        }
        None
    }

    /// Somebody does what a scenario says. It is known by the number of its line.
    pub(super) fn does(
        &mut self,
        plan: &Plan,
        run: &Run,
        now: Timestamp,
        zero: Option<Timestamp>,
        happening: &Happening,
        number: usize,
    ) {
        let Deed::Person { word, id, by, value } = &happening.deed else { return };
        let node = id.as_ref().and_then(|id| plan.named(id).into_iter().next());
        let anybody = People::anybody();
        let asked = || node.and_then(|ix| ask_of(plan, ix)).map_or(&anybody, |ask| &ask.people);
        let answer = |yes, value: Option<Value>| {
            node.map(|node| (Say::Answer { node, yes, value, reason: None }, asked().clone()))
        };
        let trigger = || plan.triggers.iter().position(|t| Some(&t.id) == id.as_ref());
        let found = match word.as_str() {
            // What a trigger asks before it acts.
            "approve" | "deny" if node.is_none() && trigger().is_some() => trigger().map(|i| {
                let people = plan.triggers[i].ask.as_ref().map_or(&anybody, |ask| &ask.people);
                (Say::Decide { trigger: i as u32, yes: word == "approve", reason: None }, people.clone())
            }),
            "approve" | "confirm" => answer(true, None),
            "deny" => answer(false, None),
            "answer" => answer(true, value.clone()),
            "tick" => node.map(|node| (Say::Tick { node, not_applicable: false, reason: None }, asked().clone())),
            "waive" => node.map(|node| (Say::Waive { node, reason: "in this rehearsal".into() }, anybody.clone())),
            "fire" => trigger().map(|i| {
                let people = plan.triggers[i].manual.clone().unwrap_or_else(People::anybody);
                (Say::Fire { trigger: i as u32, reason: None }, people)
            }),
            "resume" => {
                let people = match &run.mode {
                    Mode::Paused(pause) => pause.people.first().cloned(),
                    _ => None,
                };
                Some((Say::GoOn, people.unwrap_or_else(People::anybody)))
            }
            "rollback" => {
                let by = by.as_deref().map_or_else(runner, person);
                self.queue.push_back(Input::Rollback { by, to: id.clone(), resumes: false });
                None
            }
            _ => None,
        };
        let Some((say, people)) = found else { return };
        let who = match by {
            Some(by) => vec![person(by)],
            // One no is enough.
            None if word == "deny" => enough(plan, &people, now, zero).into_iter().take(1).collect(),
            None => enough(plan, &people, now, zero),
        };
        for (i, by) in who.into_iter().enumerate() {
            let say = say.clone();
            self.queue.push_back(Input::Say { key: format!("line-{number}-{i}"), by, say });
        }
    }
}

/// The number of the line of a scenario that a key belongs to.
pub(super) fn line_of(key: &str) -> Option<usize> {
    key.strip_prefix("line-")?.split('-').next()?.parse().ok()
}

fn person(name: &str) -> Who {
    Who { user: name.to_owned(), claim: None }
}

/// Who may answer, in the order in which they are asked.
fn candidates(plan: &Plan, people: &People, now: Timestamp, zero: Option<Timestamp>) -> Vec<Who> {
    if people.is_anybody() {
        return vec![person("somebody")];
    }
    let mut found: Vec<Who> = Vec::new();
    // The first of each role first: whoever stands in is asked when they are not enough.
    let roles: Vec<Vec<&str>> = people
        .persons
        .iter()
        .filter_map(|p| plan.roles.iter().find(|r| r.id == p.role))
        .map(|role| role.answering(now, zero))
        .collect();
    for turn in 0..roles.iter().map(Vec::len).max().unwrap_or(0) {
        for name in roles.iter().filter_map(|names| names.get(turn)) {
            let who = person(name);
            if !found.contains(&who) {
                found.push(who);
            }
        }
    }
    found
}

/// So many of them as are needed.
fn enough(plan: &Plan, people: &People, now: Timestamp, zero: Option<Timestamp>) -> Vec<Who> {
    let mut all = candidates(plan, people, now, zero);
    let needed = match people.quorum {
        Quorum::Any => 1,
        Quorum::All => people.persons.len().max(1),
        Quorum::Of(n) => n as usize,
    };
    all.truncate(needed);
    if all.is_empty() { vec![runner()] } else { all }
}

/// What is answered to a question of which nothing is said.
fn usual(ty: &str) -> Value {
    match Type::from_name(ty) {
        Some(Type::Bool) => Value::Bool(true),
        Some(Type::Enum(words)) => words.words.first().map_or(Value::None, |word| Value::Word((*word).to_owned())),
        _ => empty(Some(ty)),
    }
}
