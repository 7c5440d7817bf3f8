//! The probe: whether everything is there that a release needs, before the night. It looks and changes nothing: facts,
//! metrics, gates and what routers and flags are at now are asked, everything else is only looked for.

mod judge;
mod programs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use crate::engine::{
    Checked, Done, Effect, EffectId, Event, EventKind, Part, Run, SPARSE, Sample, Slot, Truth, apply, effect,
    judge_now, look_at,
};
use crate::plan::{ActionKind, Gate, Look, NodeIx, Plan, Request, SecretSource, Touch};
use crate::value::{RefKind, Value, duration_text, evaluate};

use super::channel::{address_setting, place};
use super::scope::HandOver;
use super::{Stopper, World, short};

use judge::{of_gate, sampled, unlimited};
use programs::{each_action, find, program_of};

/// How long a connection may take, or what is asked that has no limit of its own.
const LIMIT: Duration = Duration::from_secs(10);

/// So many things are looked at at once.
const AT_ONCE: usize = 16;

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is.
    Ready,
    /// It is, and somebody should look at it.
    Remark,
    /// Only the run can know.
    Unknown,
    /// It is not.
    Missing,
}

/// Something that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// What sort of thing: `secret`, `program`, `metric`, …
    pub sort: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub readiness: Readiness,
    /// What was found, or why not, masked.
    pub text: String,
}

impl Probed {
    /// What was found of something.
    pub fn new(sort: &'static str, name: impl Into<String>, readiness: Readiness, text: impl Into<String>) -> Self {
        Probed { sort, name: name.into(), readiness, text: text.into() }
    }
}

impl World {
    /// Looks for everything that a plan needs, secrets aside: whoever made the world has read those.
    pub async fn probe(self: &Arc<Self>, plan: &Plan, stop: Stopper) -> Vec<Probed> {
        let world = Asking { world: Arc::clone(self), stop };
        world.probe(plan).await.into_iter().map(|p| Probed { text: self.vault.mask().text(&p.text), ..p }).collect()
    }
}

/// A world that is asked, until somebody stops it.
struct Asking {
    world: Arc<World>,
    stop: Stopper,
}

impl std::ops::Deref for Asking {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Asking {
    async fn probe(&self, plan: &Plan) -> Vec<Probed> {
        let mut run = Run::new(plan);
        let mut found = self.probe_facts(plan, &mut run).await;
        found.extend(self.probe_programs(plan));
        found.extend(self.probe_hosts(plan, &run).await);
        found.extend(self.probe_channels(plan).await);
        found.extend(self.probe_shares(plan, &run).await);
        found.extend(self.probe_metrics(plan, &mut run).await);
        found.extend(self.probe_gates(plan, &mut run).await);
        found
    }

    async fn ask_effect(&self, id: EffectId, wish: Effect) -> Done {
        Arc::clone(&self.world).perform(id, wish, self.stop.clone()).await
    }

    /// Facts are asked first: what follows may need them.
    async fn probe_facts(&self, plan: &Plan, run: &mut Run) -> Vec<Probed> {
        let mut found = BTreeMap::new();
        // A fact may need another one that stands behind it.
        for _ in 0..plan.facts.len() {
            let before = run.facts.len();
            for (i, fact) in
                plan.facts.iter().enumerate().filter(|(_, f)| !run.facts.contains_key(&f.name)).collect::<Vec<_>>()
            {
                let id = EffectId::Fact(i as u32);
                let probed = match self.ask_effect(id, effect(plan, run, id, now())).await {
                    Done::Fact(Ok(value)) => {
                        let text = format!("is {value}");
                        tell(run, EventKind::FactRead { name: fact.name.clone(), value });
                        Probed::new("fact", &fact.name, Readiness::Ready, text)
                    }
                    Done::Fact(Err(why)) => Probed::new("fact", &fact.name, Readiness::Missing, why),
                    _ => Probed::new("fact", &fact.name, Readiness::Unknown, "was not answered"),
                };
                found.insert(i, probed);
            }
            // One that failed may have needed one that has come; if none has, nothing changes any more.
            let known = run.facts.len();
            if known == plan.facts.len() || known == before {
                break;
            }
        }
        found.into_values().collect()
    }

    /// Every program, once, and who needs it.
    fn probe_programs(&self, plan: &Plan) -> Vec<Probed> {
        let mut all: BTreeMap<(Option<String>, Option<PathBuf>), Vec<String>> = BTreeMap::new();
        each_action(plan, &mut |who, action| {
            if let ActionKind::Command(command) = &action.kind {
                let dir = match &command.dir {
                    Some(dir) => dir.known().map(|dir| self.dir.join(dir.to_string())),
                    None => Some(self.dir.clone()),
                };
                let users = all.entry((program_of(command), dir)).or_default();
                if !users.contains(&who.to_owned()) {
                    users.push(who.to_owned());
                }
            }
        });
        let probed = |((program, dir), users): ((Option<String>, Option<PathBuf>), Vec<String>)| {
            let used = format!("for {}", first_few(&users));
            match (program, dir) {
                (None, _) => {
                    Probed::new("program", "…", Readiness::Unknown, format!("only known during the run, {used}"))
                }
                (Some(program), Some(dir)) if !dir.is_dir() => Probed::new(
                    "program",
                    program,
                    Readiness::Missing,
                    format!("there is no directory `{}`, {used}", dir.display()),
                ),
                (Some(program), dir) => match find(&program, dir.as_deref().unwrap_or(&self.dir)) {
                    Ok(path) => {
                        Probed::new("program", program, Readiness::Ready, format!("{}, {used}", path.display()))
                    }
                    Err(why) => Probed::new("program", program, Readiness::Missing, format!("{why}, {used}")),
                },
            }
        };
        all.into_iter().map(probed).collect()
    }

    /// The servers that steps send requests to: whether they listen. What gates ask is asked.
    async fn probe_hosts(&self, plan: &Plan, run: &Run) -> Vec<Probed> {
        let mut all: BTreeMap<Result<(String, u16), String>, Vec<String>> = BTreeMap::new();
        for (i, node) in plan.nodes.iter().enumerate() {
            let Some(work) = node.work() else { continue };
            let parts = [(Part::Forward, work.actions.as_slice()), (Part::Undo, work.undo.actions())];
            for (part, actions) in parts {
                for (n, action) in actions.iter().enumerate() {
                    if !matches!(action.kind, ActionKind::Request(_)) {
                        continue;
                    }
                    let slot = Slot { node: NodeIx(i as u32), part, attempt: 1, action: n as u32 };
                    let host = match effect(plan, run, EffectId::Action(slot), now()) {
                        Effect::Action(action) => match &action.kind {
                            ActionKind::Request(request) => self.host_of(request),
                            _ => continue,
                        },
                        Effect::Impossible(why) => Err(why),
                        _ => continue,
                    };
                    let users = all.entry(host).or_default();
                    if !users.contains(&node.id) {
                        users.push(node.id.clone());
                    }
                }
            }
        }
        let looked = all.into_iter().map(|(host, users)| async move {
            let used = format!("for {}", first_few(&users));
            match host {
                Err(why) => Probed::new("server", "…", Readiness::Unknown, format!("{why}, {used}")),
                Ok((host, port)) => {
                    let name = format!("{host}:{port}");
                    match within(tokio::net::TcpStream::connect((host.as_str(), port))).await {
                        Ok(_) => Probed::new("server", name, Readiness::Ready, format!("listens, {used}")),
                        Err(why) => Probed::new("server", name, Readiness::Missing, format!("{why}, {used}")),
                    }
                }
            }
        });
        stream::iter(looked).buffered(AT_ONCE).collect().await
    }

    fn host_of(&self, request: &Request) -> Result<(String, u16), String> {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        let url = super::http::build_url(&request.url, &scope)?;
        address_of(&url).ok_or_else(|| "its URL has no server".into())
    }

    /// Whether the hosts of channels can be resolved: nothing is sent.
    async fn probe_channels(&self, plan: &Plan) -> Vec<Probed> {
        let looked = plan.channels.iter().map(|channel| {
            // Of an address that is a secret nothing is shown, not even its host.
            let setting = address_setting(channel).and_then(|name| channel.setting(name));
            let secret = setting.is_some_and(|address| address.mentions(RefKind::Secret));
            let scope = HandOver { vault: &self.vault, captured: &[] };
            let unknown = setting.and_then(|address| evaluate(address, &scope).err());
            let place = place(channel, &self.vault);
            async move {
                let name = &channel.id;
                if let Some(why) = unknown {
                    return Probed::new("channel", name, Readiness::Unknown, why.to_string());
                }
                let (host, port) = match place {
                    None => return Probed::new("channel", name, Readiness::Ready, "this terminal"),
                    Some(Err(why)) => {
                        let why = self.vault.mask().text(&format!("its address is none: {why}"));
                        return Probed::new("channel", name, Readiness::Missing, why);
                    }
                    Some(Ok(found)) => found,
                };
                let shown = if secret { "its host".to_owned() } else { host.clone() };
                let found =
                    within(tokio::net::lookup_host((host.as_str(), port))).await.map(|mut all| all.next().is_some());
                match found {
                    Ok(true) => Probed::new(
                        "channel",
                        name,
                        Readiness::Ready,
                        format!("{shown} has an address; nothing was sent"),
                    ),
                    Ok(false) => Probed::new("channel", name, Readiness::Missing, format!("{shown} has no address")),
                    Err(why) => Probed::new("channel", name, Readiness::Missing, format!("{shown}: {why}")),
                }
            }
        });
        stream::iter(looked).buffered(AT_ONCE).collect().await
    }

    /// What routers and flags are at now.
    async fn probe_shares(&self, plan: &Plan, run: &Run) -> Vec<Probed> {
        let mut asked: BTreeMap<String, EffectId> = BTreeMap::new();
        for (i, node) in plan.nodes.iter().enumerate() {
            let actions = node.work().map(|work| work.actions.as_slice()).unwrap_or_default();
            for (n, action) in actions.iter().enumerate() {
                if let Some(builtin) = action.builtin.as_ref().filter(|b| b.touch == Touch::Finds) {
                    let slot = Slot { node: NodeIx(i as u32), part: Part::Forward, attempt: 1, action: n as u32 };
                    asked.entry(builtin.subject.clone()).or_insert(EffectId::Action(slot));
                }
            }
        }
        let looked = asked.into_iter().map(|(subject, id)| async move {
            let mut wish = effect(plan, run, id, now());
            if let Effect::Action(action) = &mut wish {
                action.within.get_or_insert(SignedDuration::from_secs(10));
            }
            match within_time(self.ask_effect(id, wish)).await {
                Ok(Done::Action(result)) => match result.failure {
                    Some(failure) => Probed::new("share", subject, Readiness::Missing, failure.text),
                    None => {
                        let value = result.captures.first().and_then(|c| c.value.as_ref()).map(Value::to_string);
                        Probed::new("share", subject, Readiness::Ready, format!("is at {}", value.unwrap_or_default()))
                    }
                },
                Ok(_) => Probed::new("share", subject, Readiness::Unknown, "was not answered"),
                Err(why) => Probed::new("share", subject, Readiness::Missing, why),
            }
        });
        stream::iter(looked).buffered(AT_ONCE).collect().await
    }

    /// One sample of each metric, and its baseline.
    async fn probe_metrics(&self, plan: &Plan, run: &mut Run) -> Vec<Probed> {
        let known: &Run = run;
        let asked = plan.metrics.iter().enumerate().filter(|(_, m)| m.gate().is_none());
        let looked = asked.map(|(i, metric)| async move {
            let id = EffectId::Sample(i as u32, 0);
            let past = EffectId::Baseline(i as u32);
            let answer = self.ask_effect(id, effect(plan, known, id, now())).await;
            let baseline = match metric.past {
                Some(_) => Some(self.ask_effect(past, effect(plan, known, past, now())).await),
                None => None,
            };
            (i as u32, metric, answer, baseline)
        });
        let answers: Vec<_> = stream::iter(looked).buffered(AT_ONCE).collect().await;
        let mut found = Vec::new();
        for (i, metric, answer, baseline) in answers {
            if let Done::Sample(answer, raw) = answer {
                found.push(sampled(metric, &answer));
                let (value, why, error) = match answer {
                    Ok(value) => (value, None, false),
                    Err(problem) => (Value::None, Some(problem.why), problem.error),
                };
                let sample = Sample { at: now(), value, why, error, raw };
                tell(run, EventKind::Sampled { metric: i, sample, judged: Vec::new() });
            }
            if let Some(Done::Baseline(answer)) = baseline {
                let (value, why, readiness) = match answer {
                    Ok((value, made_of)) => (value, made_of, Readiness::Ready),
                    Err(why) => (Value::None, why, Readiness::Missing),
                };
                let readiness = if why.contains(SPARSE) { Readiness::Remark } else { readiness };
                let text = match &metric.floor {
                    _ if value == Value::None => why.clone(),
                    Some(floor) if value.magnitude() < floor.magnitude() => {
                        format!("{}, {why}; it counts as its floor of {floor}", value.brief())
                    }
                    _ => format!("{}, {why}", value.brief()),
                };
                found.push(Probed::new("baseline", &metric.id, readiness, text));
                tell(run, EventKind::BaselineRead { metric: i, value, why });
            }
        }
        found
    }

    /// Every gate is looked at once. One that fails now may be meant to: it looks at what the release brings.
    async fn probe_gates<'p>(&self, plan: &'p Plan, run: &mut Run) -> Vec<Probed> {
        let mut gates: Vec<(String, &'p Gate)> = Vec::new();
        let mut add = |who: &str, gate: &'p Gate| {
            // A gate in a condition is the same one, with limits for what it looks at.
            if !gates.iter().any(|(_, other)| unlimited(other) == unlimited(gate)) {
                gates.push((if gate.id.is_empty() { who.to_owned() } else { gate.id.clone() }, gate));
            }
        };
        for node in &plan.nodes {
            let work = node.work();
            let actions = work.into_iter().flat_map(|work| work.actions.iter().chain(work.undo.actions()));
            for action in actions {
                if let ActionKind::Gate(gate) = &action.kind {
                    add(&node.id, gate);
                }
            }
        }
        plan.metrics.iter().filter_map(|m| Some((m.id.as_str(), m.gate()?))).for_each(|(id, gate)| add(id, gate));
        // Gates in conditions first, and those before all that others are judged by.
        let mut waiting: Vec<u32> =
            (0..plan.metrics.len() as u32).filter(|m| plan.metrics[*m as usize].gate().is_some()).collect();
        while !waiting.is_empty() {
            let is_waiting = |name: &str| waiting.iter().any(|w| plan.metrics[*w as usize].id == name);
            let needs = |m: &u32| plan.metrics[*m as usize].watched().into_iter().any(is_waiting);
            let Some(next) = waiting.iter().position(|m| !needs(m)) else { break };
            let metric = waiting.remove(next);
            let gate = plan.metrics[metric as usize].gate();
            let checks = match gate {
                Some(gate) => self.checks(plan, run, gate).await.unwrap_or_default(),
                None => Vec::new(),
            };
            let worst = |truth| checks.iter().any(|c| c.truth == truth);
            let unsure = checks.is_empty() || worst(Truth::Error) || worst(Truth::NoData);
            let value = match (worst(Truth::False), unsure) {
                (true, _) => Value::Bool(false),
                (false, true) => Value::None,
                (false, false) => Value::Bool(true),
            };
            let sample = Sample { at: now(), value, why: None, error: worst(Truth::Error), raw: String::new() };
            tell(run, EventKind::Sampled { metric, sample, judged: Vec::new() });
        }
        let run: &Run = run;
        let looked = gates.into_iter().map(|(name, gate)| async move {
            match self.checks(plan, run, gate).await {
                Ok(checks) => of_gate(name, &checks),
                Err(why) => Probed::new("gate", name, Readiness::Unknown, why),
            }
        });
        stream::iter(looked).buffered(AT_ONCE).collect().await
    }

    /// What a gate looks at, once.
    async fn checks(&self, plan: &Plan, run: &Run, gate: &Gate) -> Result<Vec<Checked>, String> {
        let mut checks = match look_at(&gate.looks, plan, run, now()) {
            Effect::Impossible(why) => return Err(why),
            wish => match within_time(self.ask_effect(EffectId::Sample(u32::MAX, 0), wish)).await? {
                Done::Look(checks) => checks,
                _ => return Err("was not answered".into()),
            },
        };
        checks.extend(gate.looks.iter().filter_map(|look| match look {
            Look::Metric(check) => Some(judge_now(plan, run, check, now())),
            Look::Action(_) | Look::Expect(_) => None,
        }));
        Ok(checks)
    }
}

/// Where a secret would be read from, in words.
pub fn secret_place(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("from the variable {name}"),
        SecretSource::File(path) => format!("from the file {path}"),
        SecretSource::Exec(words) => format!("from what `{}` prints", words.join(" ")),
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn tell(run: &mut Run, kind: EventKind) {
    apply(run, &Event { at: now(), kind });
}

async fn within<T>(asked: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(short(&error.to_string())),
        Err(_) => Err(format!("did not answer within {}s", LIMIT.as_secs())),
    }
}

async fn within_time<T>(asked: impl Future<Output = T>) -> Result<T, String> {
    let limit = LIMIT * 3;
    let late =
        || format!("did not answer within {}", duration_text(SignedDuration::try_from(limit).unwrap_or_default()));
    tokio::time::timeout(limit, asked).await.map_err(|_| late())
}

fn address_of(url: &url::Url) -> Option<(String, u16)> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some((host, url.port_or_known_default()?))
}

fn first_few(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
