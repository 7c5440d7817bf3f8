//! Whoever is asked is there, hears of it, and need not be two people at once.
//!
//! At three in the morning a question to a role without members waits until its limit and then does what nobody wanted. A
//! question that `all` of two roles must answer, with one person in both, is one that cannot be answered.

use std::collections::{BTreeMap, HashMap};

use crate::check::model::{
    Ask, Gate, GateRef, GateUse, Limit, Model, Node, Outcome, People, Person, Quorum, Role, Trigger, Verdict,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Value, duration_text};

use super::{gate_uses, nodes, phases};

/// More roles than anybody asks at once; whether there are enough people for them is not worked out.
const MANY: usize = 200;

type Roles<'m> = HashMap<&'m str, &'m Role>;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let roles: Roles<'_> = model.roles.iter().map(|role| (role.id.text.as_str(), role)).collect();
    findings.extend(nobody_named(model));
    let mut told: Vec<(Code, &str)> = Vec::new();
    for people in every_question(model) {
        for person in &people.persons {
            let Some(role) = role(&roles, person) else { continue };
            let found = there(role, person).or_else(|| heard(model, role, person));
            if let Some(finding) = found.filter(|f| !told.contains(&(f.code, role.id.text.as_str()))) {
                told.push((finding.code, &role.id.text));
                findings.push(finding);
            }
        }
        findings.extend(enough(&roles, people));
    }
    findings.extend(never_asked(model));
    for people in model.triggers.iter().filter_map(|t| t.manual.as_ref()?.as_ref()) {
        let known = |role: &&Role| told.contains(&(Code::NobodyThere, role.id.text.as_str()));
        let asked = people.persons.iter().filter_map(|p| Some((role(&roles, p).filter(|r| !known(r))?, p)));
        findings.extend(asked.filter_map(|(role, person)| there(role, person)).collect::<Vec<_>>());
    }
}

fn role<'m>(roles: &Roles<'m>, person: &Person) -> Option<&'m Role> {
    roles.get(person.role.as_str()).copied()
}

/// A level that would be asked when the question is over: at half time the first one is, each further one when the time of the
/// one before it is over.
fn never_asked(model: &Model) -> Vec<Diagnostic> {
    let known = |limit: &Limit| match &limit.duration.expr {
        Expr::Value(Value::Duration(length)) => Some(*length),
        _ => None,
    };
    let limits = nodes(model).into_iter().filter_map(|(_, node)| match node {
        Node::Ask(ask) => ask.within.as_ref(),
        Node::Checklist(checklist) => checklist.within.as_ref(),
        _ => None,
    });
    let asks = model.severities.iter().filter_map(|s| s.ask.as_ref());
    let asks = asks.chain(model.triggers.iter().filter_map(|t| t.ask.as_ref()));
    let mut found = Vec::new();
    for limit in limits.chain(asks.filter_map(|ask| ask.within.as_ref())) {
        let named = limit.escalate.as_ref().and_then(|id| model.escalations.iter().find(|e| e.id.text == *id));
        let (Some(chain), Some(whole)) = (named, known(limit)) else { continue };
        let mut at = whole / 2;
        for (i, (people, within)) in chain.levels.iter().enumerate() {
            if at >= whole {
                let (level, of) = (i + 1, chain.levels.len());
                let title = format!("level {level} of the escalation `{}` is never asked here", chain.id.text);
                found.push(
                    Diagnostic::new(Code::NeverAsked, limit.span, title)
                        .label(format!("over after {}", duration_text(whole)))
                        .also(
                            people.span,
                            format!("level {level} of {of}, asked after {} at the earliest", duration_text(at)),
                        )
                        .help("give the question more time, the levels before it less, or name a shorter escalation"),
                );
                break;
            }
            match within.as_ref().and_then(known) {
                Some(length) => at += length,
                None => break,
            }
        }
    }
    found
}

/// A question that says nobody is for the release manager; without one nobody is asked.
fn nobody_named(model: &Model) -> Vec<Diagnostic> {
    let manager = model.release.as_ref().and_then(|r| r.manager.as_deref());
    if manager.is_some() {
        return Vec::new();
    }
    let finding = |span, what: &str| {
        Diagnostic::new(Code::NobodyThere, span, format!("{what} is for nobody"))
            .label("without a `by`, and the release has no `manager`")
            .help("write `by ROLE`, or `manager = ROLE` in the `release`")
    };
    let mut found = Vec::new();
    for (_, node) in nodes(model) {
        match node {
            Node::Ask(ask) if ask.by.is_none() && !ask.said => found.push(finding(ask.head.span, "this question")),
            Node::Checklist(checklist) => {
                let asked = checklist.items.iter().filter(|i| i.by.is_none() && i.looks.is_empty() && !i.said);
                found.extend(asked.map(|item| finding(item.id.span, "this item")));
            }
            _ => {}
        }
    }
    found
}

/// Everybody who may answer for a role; nothing where that is only known later.
fn members(role: &Role) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for list in [&role.members, &role.backup].into_iter().flatten() {
        all.extend(list.expr.known_list()?.iter().map(Value::to_string));
    }
    for duty in role.duties.iter().filter(|d| !d.away) {
        match &duty.person.expr {
            Expr::Value(person) => all.push(person.to_string()),
            _ => return None,
        }
    }
    all.sort();
    all.dedup();
    Some(all)
}

fn there(role: &Role, person: &Person) -> Option<Diagnostic> {
    members(role)?.is_empty().then(|| {
        Diagnostic::new(Code::NobodyThere, person.span, format!("the role `{}` has no members", person.role))
            .label("nobody could answer")
            .also(role.id.span, "declared here")
            .help("write `members = [\"name@example.com\"]`, or a `duty` for each of the rota")
    })
}

fn heard(model: &Model, role: &Role, person: &Person) -> Option<Diagnostic> {
    // Without a channel there is no other way than the terminal.
    if !role.reach.is_empty() || model.channels.is_empty() {
        return None;
    }
    let first = &model.channels[0].id.text;
    Some(
        Diagnostic::new(
            Code::NotReached,
            role.id.span,
            format!("the role `{}` is asked, and does not hear of it", role.id.text),
        )
        .label("has no `reach`")
        .also(person.span, "asked here")
        .help(format!("say how they are told: `reach = [{first}]`")),
    )
}

/// So many different people as must answer there are.
fn enough(roles: &Roles<'_>, people: &People) -> Option<Diagnostic> {
    let sure: Vec<&Person> = people.persons.iter().filter(|p| p.when.is_none()).collect();
    let (needed, asked) = match &people.quorum {
        Quorum::One | Quorum::Any => return None,
        Quorum::All => (sure.len(), sure),
        Quorum::Of(number) => match &number.expr {
            Expr::Value(Value::Int(n)) => (usize::try_from(*n).ok()?, people.persons.iter().collect()),
            _ => return None,
        },
    };
    let candidates: Option<Vec<Vec<String>>> = asked.iter().map(|p| members(role(roles, p)?)).collect();
    let candidates = candidates?;
    // Of a role without members that was said.
    if candidates.iter().any(Vec::is_empty) || candidates.len() > MANY {
        return None;
    }
    let most = distinct(&candidates);
    if needed == 0 {
        let finding = Diagnostic::new(Code::TooFewPeople, people.span, "nobody has to answer this");
        return Some(finding.label("needs an answer of none").help("write how many: `2 of [a, b, c]`"));
    }
    if needed <= most {
        return None;
    }
    let persons = if most == 1 { "there is only one".to_owned() } else { format!("there are only {most}") };
    let title = format!("this needs {needed} different people, and {persons}");
    let mut finding = Diagnostic::new(Code::TooFewPeople, people.span, title).label("can never be answered");
    if let [a, b, ..] = &asked[..]
        && candidates[0] == candidates[1]
        && let (Some(a), Some(b)) = (role(roles, a), role(roles, b))
    {
        finding = finding.also(a.id.span, "the same people …").also(b.id.span, "… as here");
    }
    Some(finding.help("nobody answers twice: give a role another member, or ask fewer"))
}

/// How many of several roles can be answered for by different people at most: a matching.
fn distinct(candidates: &[Vec<String>]) -> usize {
    fn place<'c>(
        i: usize,
        candidates: &'c [Vec<String>],
        seen: &mut Vec<&'c str>,
        taken: &mut BTreeMap<&'c str, usize>,
    ) -> bool {
        for person in &candidates[i] {
            if seen.contains(&person.as_str()) {
                continue;
            }
            seen.push(person);
            let free = match taken.get(person.as_str()).copied() {
                None => true,
                Some(other) => place(other, candidates, seen, taken),
            };
            if free {
                taken.insert(person, i);
                return true;
            }
        }
        false
    }
    let mut taken = BTreeMap::new();
    (0..candidates.len()).filter(|i| place(*i, candidates, &mut Vec::new(), &mut taken)).count()
}

/// PEOPLE wherever they are asked.
fn every_question(model: &Model) -> Vec<&People> {
    let mut found = Vec::new();
    let mut all: Vec<&Node> = nodes(model).into_iter().map(|(_, node)| node).collect();
    for rollback in &model.rollbacks {
        all.extend(inside(&rollback.nodes));
        all.extend(inside(&rollback.after));
        of_limit(rollback.within.as_ref(), &mut found);
    }
    for response in &model.responses {
        all.extend(inside(&response.nodes));
        of_limit(response.within.as_ref(), &mut found);
    }
    for node in all {
        of_node(node, &mut found);
    }
    for phase in phases(model) {
        of_limit(phase.within.as_ref(), &mut found);
    }
    for severity in &model.severities {
        of_ask(severity.ask.as_ref(), &mut found);
        of_outcome(severity.then.as_ref(), &mut found);
    }
    for Trigger { ask, then, no_data, .. } in &model.triggers {
        of_ask(ask.as_ref(), &mut found);
        of_outcome(then.as_ref(), &mut found);
        of_outcome(no_data.as_ref(), &mut found);
    }
    for gate in &model.gates {
        of_gate(gate, &mut found);
    }
    for used in gate_uses(model) {
        of_use(used, &mut found);
    }
    found.extend(model.escalations.iter().flat_map(|e| e.levels.iter().map(|(people, _)| people)));
    found
}

fn inside(nodes: &[Node]) -> Vec<&Node> {
    nodes.iter().flat_map(|node| std::iter::once(node).chain(inside(node.inner()))).collect()
}

fn of_node<'m>(node: &'m Node, found: &mut Vec<&'m People>) {
    match node {
        Node::Ask(ask) => {
            found.extend(&ask.by);
            of_limit(ask.within.as_ref(), found);
            of_outcome(ask.on_denied.as_ref(), found);
        }
        Node::Checklist(checklist) => {
            found.extend(checklist.items.iter().filter_map(|item| item.by.as_ref()));
            of_limit(checklist.within.as_ref(), found);
        }
        Node::Step(step) => {
            of_limit(step.within.as_ref(), found);
            of_outcome(step.on_failure.as_ref(), found);
        }
        Node::Ramp(ramp) => of_outcome(ramp.on_failure.as_ref(), found),
        _ => {}
    }
}

fn of_gate<'m>(gate: &'m Gate, found: &mut Vec<&'m People>) {
    of_outcome(gate.on_failure.as_ref(), found);
    of_outcome(gate.on_inconclusive.as_ref(), found);
    of_limit(gate.within.as_ref(), found);
}

fn of_use<'m>(used: &'m GateUse, found: &mut Vec<&'m People>) {
    of_outcome(used.on_failure.as_ref(), found);
    of_outcome(used.on_inconclusive.as_ref(), found);
    of_limit(used.within.as_ref(), found);
    if let GateRef::Inline(gate) = &used.gate {
        of_gate(gate, found);
    }
}

fn of_ask<'m>(ask: Option<&'m Ask>, found: &mut Vec<&'m People>) {
    if let Some(ask) = ask {
        found.extend(&ask.people);
        of_limit(ask.within.as_ref(), found);
    }
}

fn of_limit<'m>(limit: Option<&'m Limit>, found: &mut Vec<&'m People>) {
    of_outcome(limit.and_then(|l| l.otherwise.as_ref()), found);
}

fn of_outcome<'m>(outcome: Option<&'m Outcome>, found: &mut Vec<&'m People>) {
    if let Some(Verdict::Pause { people, otherwise, .. }) = outcome.map(|o| &o.verdict) {
        found.extend(people.as_deref());
        of_outcome(otherwise.as_deref(), found);
    }
}
