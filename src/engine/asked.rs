//! Who is asked, who may answer, whether that is enough, and when they are asked again.
//!
//! Whoever is asked hears of it at once and again at half time; then the levels of an escalation are asked, one after the
//! other. A person of a level that was asked may answer for any role that has not.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::plan::{ActionKind, Ask, Level, NodeIx, NodeKind, People, Plan, Quorum, same_person};
use crate::value::{Value, evaluate};

use super::event::Who;
use super::say::{Answer, Inquiry};
use super::scene::Scene;
use super::state::{ActionState, Mode, Run};
use super::wanted::{deadline, group_deadline};

/// What is asked, of whom, since when and until when.
pub(super) struct Asked<'a> {
    /// Of whom.
    pub(super) people: Vec<&'a People>,
    /// Who else, when they do not answer.
    pub(super) escalation: &'a [Level],
    /// Since when.
    pub(super) since: Timestamp,
    /// Until when.
    pub(super) until: Timestamp,
    /// How often somebody was asked.
    pub(super) rounds: u32,
    /// How often before the run was taken up again.
    pub(super) most: u32,
}

impl Asked<'_> {
    /// When somebody is asked next; nothing if everybody was.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let half = self.since + self.until.duration_since(self.since) / 2;
        let mut at = match self.rounds {
            0 => return Some(self.since),
            1 => return Some(half).filter(|half| *half < self.until),
            _ => half,
        };
        let before = self.rounds as usize - 1;
        for level in self.escalation.iter().take(before) {
            at = at.checked_add(level.within?).ok()?;
        }
        (before < self.escalation.len() && at < self.until).then_some(at)
    }

    /// The levels that have been asked so far.
    pub(super) fn levels(&self) -> &[Level] {
        let count = (self.rounds.max(self.most) as usize).saturating_sub(1).min(self.escalation.len());
        &self.escalation[..count]
    }
}

/// What is open about an inquiry; nothing if nobody is asked.
pub(super) fn asked<'a>(plan: &'a Plan, run: &'a Run, what: Inquiry) -> Option<Asked<'a>> {
    match what {
        Inquiry::Node(ix) => match &plan.node(ix).kind {
            NodeKind::Parallel { lanes, escalation, checklist: true, .. } => {
                let state = run.node(ix);
                let open = lanes.iter().filter(|lane| !run.node(**lane).status.is_final());
                let people = open.filter_map(|lane| ask_of(plan, *lane)).map(|ask| &ask.people).collect();
                Some(Asked {
                    people,
                    escalation,
                    since: state.since?,
                    until: group_deadline(plan, run, ix)?,
                    rounds: state.rounds,
                    most: state.most,
                })
            }
            NodeKind::Work(_) => {
                let ask = ask_of(plan, ix)?;
                let work = run.node(ix).work.as_ref()?;
                let Some(ActionState::Asking(asking)) = &work.state else { return None };
                Some(Asked {
                    people: vec![&ask.people],
                    escalation: &ask.escalation,
                    since: asking.since,
                    until: deadline(plan, run, ix)?,
                    rounds: asking.rounds,
                    most: asking.most,
                })
            }
            NodeKind::Phase { .. } | NodeKind::Parallel { .. } | NodeKind::Undo { .. } => None,
        },
        Inquiry::Trigger(index) => {
            let open = run.questions.first().filter(|q| q.trigger == index)?;
            let question = plan.triggers[index as usize].ask.as_ref()?;
            let since = open.since.unwrap_or(run.now);
            Some(Asked {
                people: vec![&question.people],
                escalation: &question.escalation,
                until: since.checked_add(question.within).ok()?,
                rounds: open.rounds,
                most: open.most,
                since,
            })
        }
        Inquiry::Pause => match &run.mode {
            Mode::Paused(pause) => Some(Asked {
                people: pause.people.iter().collect(),
                escalation: &[],
                since: pause.since,
                until: pause.until,
                rounds: pause.rounds,
                most: 0,
            }),
            _ => None,
        },
    }
}

/// Who hears in a round that they are asked, counted from 1: at first and at half time those who are asked, from half time on
/// a level of the escalation.
pub fn whom<'a>(plan: &'a Plan, run: &'a Run, what: Inquiry, round: u32) -> Vec<&'a People> {
    let Some(open) = asked(plan, run, what) else { return Vec::new() };
    let level = (round as usize).checked_sub(2).and_then(|i| open.escalation.get(i));
    let mut people = if round > 2 { Vec::new() } else { open.people };
    people.extend(level.map(|level| &level.people));
    people
}

/// The question of a node.
pub fn ask_of(plan: &Plan, ix: NodeIx) -> Option<&Ask> {
    plan.node(ix).work()?.actions.iter().find_map(|action| match &action.kind {
        ActionKind::Ask(ask) => Some(ask),
        _ => None,
    })
}

/// The roles of some people that count now: each with those who may answer for it.
fn roles<'a>(plan: &'a Plan, run: &'a Run, people: &'a People, now: Timestamp) -> Vec<(&'a str, Vec<&'a str>)> {
    let scene = Scene::new(plan, run, now);
    let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start));
    // A condition that cannot be worked out takes nobody away.
    let counts = people
        .persons
        .iter()
        .filter(|p| p.when.as_ref().is_none_or(|when| evaluate(&when.expr, &scene).ok() != Some(Value::Bool(false))));
    counts
        .map(|person| {
            let role = plan.roles.iter().find(|r| r.id == person.role);
            (person.role.as_str(), role.map(|r| r.answering(now, zero)).unwrap_or_default())
        })
        .collect()
}

/// Whether a person may answer, and if not, who may.
pub(super) fn may_answer(
    plan: &Plan,
    run: &Run,
    people: &People,
    levels: &[Level],
    by: &Who,
    now: Timestamp,
) -> Result<(), String> {
    if people.is_anybody() {
        return Ok(());
    }
    let all = std::iter::once(people).chain(levels.iter().map(|l| &l.people));
    let all: Vec<_> = all.flat_map(|people| roles(plan, run, people, now)).collect();
    if all.iter().any(|(_, names)| names.iter().any(|name| is(by, name))) {
        return Ok(());
    }
    let who: Vec<String> = all.iter().map(|(role, names)| format!("{role} ({})", names.join(", "))).collect();
    let (name, who) = (by.name(), who.join("; "));
    Err(format!("{name} is none of those who are asked: {who}; `--as` says who you are"))
}

/// Whether whoever started the run would approve it alone: a second pair of eyes is meant.
pub(super) fn approves_own(plan: &Plan, run: &Run, people: &People, by: &Who, now: Timestamp) -> bool {
    let own = same_person(by.name(), run.by.name());
    let lets = |role: &str| plan.roles.iter().any(|r| r.id == role && r.answers_own);
    own && !people.is_anybody()
        && roles(plan, run, people, now)
            .iter()
            .all(|(role, names)| !names.iter().any(|name| is(by, name)) || !lets(role))
}

fn is(by: &Who, name: &str) -> bool {
    same_person(by.name(), name) || (by.claim.is_none() && same_person(&by.user, name))
}

/// Whether the answers are enough: so many roles, each by a person of its own.
pub(super) fn is_enough(
    plan: &Plan,
    run: &Run,
    people: &People,
    levels: &[Level],
    answers: &[Answer],
    now: Timestamp,
) -> bool {
    if people.is_anybody() {
        return answers.iter().any(|a| a.yes);
    }
    let roles = roles(plan, run, people, now);
    // Where every name has fallen away nobody can answer, and going on is never the default.
    let needed = match people.quorum {
        Quorum::Any => 1,
        Quorum::All => roles.len().max(1),
        Quorum::Of(n) => (n as usize).min(roles.len()).max(1),
    };
    // Who may answer is judged at the moment of the answer: a duty may have ended since.
    let at = |people, when| self::roles(plan, run, people, when);
    let mut given: Vec<&Answer> = Vec::new();
    for answer in answers.iter().filter(|a| a.yes) {
        if !given.iter().any(|g| same_person(g.by.name(), answer.by.name())) {
            given.push(answer);
        }
    }
    let fits = |role: usize, answer: usize| {
        let Answer { by, at: when, .. } = given[answer];
        let own = at(people, *when).into_iter().filter(|(name, _)| *name == roles[role].0);
        let substitutes = levels.iter().flat_map(|level| at(&level.people, *when));
        own.chain(substitutes).any(|(_, names)| names.iter().any(|name| is(by, name)))
    };
    let mut taken = BTreeMap::new();
    let matched = (0..roles.len()).filter(|role| place(*role, given.len(), &fits, &mut Vec::new(), &mut taken)).count();
    matched >= needed
}

/// Finds an answer for a role, moving others if that helps: a matching by augmenting paths.
fn place(
    role: usize,
    answers: usize,
    fits: &dyn Fn(usize, usize) -> bool,
    seen: &mut Vec<usize>,
    taken: &mut BTreeMap<usize, usize>,
) -> bool {
    for answer in 0..answers {
        if seen.contains(&answer) || !fits(role, answer) {
            continue;
        }
        seen.push(answer);
        let free = match taken.get(&answer).copied() {
            None => true,
            Some(other) => place(other, answers, fits, seen, taken),
        };
        if free {
            taken.insert(answer, role);
            return true;
        }
    }
    false
}

/// The channels on which some people are reached.
pub(super) fn reach<'a>(plan: &'a Plan, run: &'a Run, people: &[&'a People], now: Timestamp) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for (role, _) in people.iter().flat_map(|people| roles(plan, run, people, now)) {
        for channel in plan.roles.iter().filter(|r| r.id == role).flat_map(|r| &r.reach) {
            if !found.contains(&channel.as_str()) {
                found.push(channel);
            }
        }
    }
    found
}
