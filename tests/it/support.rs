//! What the tests share: text in, text out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook::drive::virtual_time::{Answer, Script, simulate};
use runbook::engine::state::Run;
use runbook::engine::{
    ActionResult, Captured, Checked, Done, Effect, EffectId, Event, Failure, FailureSort, Input, Part, SampleProblem,
    Say, Slot, Truth, Who, apply,
};
use runbook::paint::Paint;
use runbook::plan::{ActionKind, Inputs, Plan, command_text, plan, request_text};
use runbook::report::{Plain, Reporter};
use runbook::source::{SourceFile, Sources};
use runbook::value::Value;

/// When every virtual run begins.
pub const START: &str = "2025-11-18T18:00:00Z";

/// The findings of a text, a line each.
pub fn findings(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let mut all = parsed.diagnostics;
    all.extend(checked.diagnostics);
    runbook::diagnostic::tidy(all).iter().map(|d| runbook::diagnostic::short(d, &sources)).collect()
}

/// The plan of a text that has nothing wrong with it.
pub fn plan_of(text: &str) -> Plan {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let found: Vec<_> = parsed.diagnostics.iter().chain(&checked.diagnostics).collect();
    let errors: Vec<_> =
        found.iter().filter(|d| d.severity() == runbook::diagnostic::Severity::Error).map(|d| &d.title).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let inputs = Inputs { values: Vec::new(), files: &|_| Ok(Vec::new()), zone: "UTC".into(), start: None };
    plan(&checked.model, &sources, &inputs).unwrap_or_else(|e| panic!("{:?} {:?}", e.usage, e.findings))
}

/// A step in one phase of the kind `live`, which most tests need.
pub fn live(body: &str) -> String {
    format!("runbook r \"R\" {{}}\nphase deployment: live {{\n{body}\n}}\n")
}

/// A scripted world. What it does not say goes well and takes no time.
#[derive(Default)]
pub struct World {
    /// What comes of a command or a request that contains a text: how long it takes, and how often it fails first.
    answers: Vec<(String, SignedDuration, Outcome, u32)>,
    /// The samples of a metric by seconds since the start: the newest one counts.
    samples: BTreeMap<String, Vec<(i64, Option<f64>)>>,
    /// What metrics were before the release.
    baselines: BTreeMap<String, f64>,
    /// The words of a flag by seconds since the start.
    words: BTreeMap<String, Vec<(i64, &'static str)>>,
    /// The metric's names in the order of the plan.
    metrics: Vec<String>,
    /// What ran, in order.
    pub ran: Vec<String>,
    /// The messages that were handed over, with the seconds since the start.
    pub sent: Vec<(i64, String, String)>,
    /// Who answers what is asked.
    people: Option<People>,
}

/// Somebody who looks at a run and may say something.
pub type People = fn(&Plan, &Run) -> Option<(&'static str, Say)>;

/// What comes of something.
#[derive(Clone, PartialEq)]
pub enum Outcome {
    Passes,
    Fails,
    Hangs,
}

impl World {
    /// What contains this text takes so many seconds.
    pub fn takes(mut self, text: &str, seconds: i64) -> Self {
        self.answers.push((text.into(), SignedDuration::from_secs(seconds), Outcome::Passes, 0));
        self
    }

    /// What contains this text fails, always.
    pub fn fails(self, text: &str) -> Self {
        self.fails_times(text, u32::MAX)
    }

    /// What contains this text fails so often.
    pub fn fails_times(mut self, text: &str, times: u32) -> Self {
        self.answers.push((text.into(), SignedDuration::ZERO, Outcome::Fails, times));
        self
    }

    /// What contains this text never ends.
    pub fn hangs(mut self, text: &str) -> Self {
        self.answers.push((text.into(), SignedDuration::ZERO, Outcome::Hangs, 0));
        self
    }

    /// The samples of a metric: from so many seconds after the start on, this value.
    pub fn metric(mut self, name: &str, samples: &[(i64, Option<f64>)]) -> Self {
        self.samples.insert(name.into(), samples.to_vec());
        self
    }

    /// What a metric was before the release, in percent.
    pub fn baseline(mut self, name: &str, percent: f64) -> Self {
        self.baselines.insert(name.into(), percent);
        self
    }

    /// What a flag is: from so many seconds after the start on, this.
    pub fn words(mut self, name: &str, words: &[(i64, &'static str)]) -> Self {
        self.words.insert(name.into(), words.to_vec());
        self
    }

    /// Somebody answers what is asked.
    pub fn people(mut self, people: People) -> Self {
        self.people = Some(people);
        self
    }

    /// Whether something other than going well is said of what contains this text.
    pub fn is_scripted(&self, text: &str) -> bool {
        self.answers.iter().any(|(part, _, outcome, _)| text.contains(part.as_str()) && *outcome != Outcome::Passes)
    }

    /// Learns the names of a plan's metrics.
    pub fn name_metrics(&mut self, plan: &Plan) {
        self.metrics = plan.metrics.iter().map(|m| m.id.clone()).collect();
    }

    fn answer(&mut self, text: &str) -> (SignedDuration, Outcome) {
        let Some(rule) = self.answers.iter_mut().rev().find(|(part, ..)| text.contains(part.as_str())) else {
            return (SignedDuration::ZERO, Outcome::Passes);
        };
        match &rule.2 {
            Outcome::Fails if rule.3 == 0 => (rule.1, Outcome::Passes),
            Outcome::Fails => {
                rule.3 = rule.3.saturating_sub(u32::from(rule.3 != u32::MAX));
                (rule.1, Outcome::Fails)
            }
            other => (rule.1, other.clone()),
        }
    }
}

/// The command or the request of a slot, as [`World::ran`] has it.
pub fn command_of(plan: &Plan, slot: Slot) -> Option<String> {
    let work = plan.node(slot.node).work()?;
    let (actions, undo) = match slot.part {
        Part::Undo => (work.undo.actions(), "undo: "),
        _ => (work.actions.as_slice(), ""),
    };
    let text = what(&actions.get(slot.action as usize)?.kind);
    (!text.is_empty()).then(|| format!("{undo}{text}"))
}

fn what(kind: &ActionKind) -> String {
    match kind {
        ActionKind::Command(command) => command_text(command),
        ActionKind::Request(request) => request_text(request),
        _ => String::new(),
    }
}

impl Script for World {
    fn say(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> Option<Input> {
        let (name, say) = self.people?(plan, run)?;
        let by = Who { user: "x".into(), claim: Some(format!("{name}@x.example")) };
        Some(Input::Say { key: format!("{now}-{}", run.heard.len()), by, say })
    }

    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        let since = now.duration_since(START.parse().unwrap()).as_secs();
        match effect {
            Effect::Lock(_) => Answer::After(SignedDuration::ZERO, Done::Lock(Ok(()))),
            Effect::Fact(fact) => Answer::After(SignedDuration::ZERO, Done::Fact(Ok(Value::Text(fact.name)))),
            Effect::Baseline(metric, _) => {
                let baseline = self.baselines.get(&metric.id).cloned();
                let answer = baseline.map(|percent| (Value::Percent(percent), "the mean of 5 of 5 points".into()));
                Answer::After(SignedDuration::ZERO, Done::Baseline(answer.ok_or_else(|| "nothing was scripted".into())))
            }
            Effect::Message(message) => {
                let text = format!("message {} {}", message.channel.id, message.text);
                self.sent.push((since, message.channel.id.clone(), message.text.clone()));
                let Some((_, takes, outcome, _)) = self
                    .answers
                    .iter()
                    .rev()
                    .find(|(part, ..)| part.starts_with("message ") && text.contains(part.as_str()))
                else {
                    return Answer::After(SignedDuration::ZERO, Done::Message(Ok(None)));
                };
                match outcome {
                    Outcome::Hangs => Answer::Hangs,
                    Outcome::Fails => Answer::After(
                        *takes,
                        Done::Message(Err(runbook::engine::Unsent {
                            why: "the answer is 503; 3 tries".into(),
                            unreachable: true,
                            held: false,
                        })),
                    ),
                    Outcome::Passes => Answer::After(*takes, Done::Message(Ok(None))),
                }
            }
            Effect::Impossible(why) => {
                let failure = Some(Failure::new(FailureSort::Error, why));
                let result = ActionResult { failure, note: String::new(), captures: vec![] };
                Answer::After(SignedDuration::ZERO, Done::Action(result))
            }
            Effect::Action(action) => {
                let text = what(&action.kind);
                let EffectId::Action(slot) = id else { unreachable!() };
                let undo = if slot.part == Part::Undo { "undo: " } else { "" };
                self.ran.push(format!("{undo}{text}"));
                let (takes, outcome) = self.answer(&text);
                if outcome == Outcome::Hangs {
                    return Answer::Hangs;
                }
                let failed = outcome == Outcome::Fails;
                let failure = failed.then(|| Failure::new(FailureSort::Failed, "exit 1"));
                let captured = |name: &String| Captured { name: name.clone(), value: Some(Value::Text("old".into())) };
                let captures =
                    if failed { vec![] } else { action.captures.iter().map(|c| captured(&c.name)).collect() };
                Answer::After(takes, Done::Action(ActionResult { failure, note: "exit 0".into(), captures }))
            }
            Effect::Look(looks) => {
                let texts: Vec<String> = looks
                    .iter()
                    .map(|l| match l {
                        runbook::plan::Look::Action(action) => what(&action.kind),
                        _ => String::new(),
                    })
                    .collect();
                let text = texts.join(" ");
                let (takes, outcome) = self.answer(&text);
                let truth = if outcome == Outcome::Fails { Truth::False } else { Truth::True };
                if outcome == Outcome::Hangs {
                    return Answer::Hangs;
                }
                Answer::After(takes, Done::Look(vec![Checked { text, truth, why: String::new() }]))
            }
            Effect::Sample(metric) if self.words.contains_key(&metric.id) => {
                let newest = self.words[&metric.id].iter().rev().find(|(at, _)| *at <= since).map(|(_, word)| *word);
                let answer = newest.map(|word| Value::Word(word.into()));
                let answer = answer.ok_or_else(|| SampleProblem::no_data("nothing was scripted".into()));
                Answer::After(SignedDuration::ZERO, Done::Sample(answer, String::new()))
            }
            Effect::Sample(metric) => {
                let series = self.samples.get(&metric.id).cloned().unwrap_or_default();
                let newest = series.iter().rev().find(|(at, _)| *at <= since).and_then(|(_, v)| *v);
                let answer =
                    newest.map(Value::Percent).ok_or_else(|| SampleProblem::no_data("nothing was scripted".into()));
                let (takes, _) = self.answer(&format!("metric {}", metric.id));
                Answer::After(takes, Done::Sample(answer, String::new()))
            }
        }
    }
}

/// What came of a virtual run.
pub struct Ran {
    pub run: Run,
    pub events: Vec<Event>,
    pub plan: Plan,
    pub world: World,
}

impl Ran {
    /// How it ended, in words.
    pub fn ending(&self) -> &'static str {
        self.run.ending().map_or("halted", |e| e.words())
    }

    /// What plain output would have shown, without the time of day.
    pub fn transcript(&self) -> String {
        transcript(&self.plan, &self.events)
    }

    /// The names of the steps that were undone, in that order.
    pub fn undone(&self) -> Vec<&str> {
        let back = self.run.back.as_ref();
        back.map(|b| b.undone.iter().map(|ix| self.plan.node(*ix).id.as_str()).collect()).unwrap_or_default()
    }
}

/// The plain lines of some events, without the time of day and without the summary.
pub fn transcript(plan: &Plan, events: &[Event]) -> String {
    let mut run = Run::new(plan);
    let mut out = Vec::new();
    for event in events {
        apply(&mut run, event);
        Plain::new(&mut out, Paint::plain(200)).event(plan, &run, event).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|l| l.get(9..).unwrap_or(l)).collect::<Vec<_>>().join("\n")
}

/// Runs a text in virtual time.
pub fn run(text: &str, world: World) -> Ran {
    run_with(text, world, vec![])
}

/// Runs a text in virtual time, with what comes from outside after so many seconds.
pub fn run_with(text: &str, mut world: World, inputs: Vec<(i64, Input)>) -> Ran {
    let plan = plan_of(text);
    world.metrics = plan.metrics.iter().map(|m| m.id.clone()).collect();
    let start: Timestamp = START.parse().unwrap();
    let begin = begin();
    let mut all = vec![(start, begin)];
    all.extend(inputs.into_iter().map(|(at, input)| (start + SignedDuration::from_secs(at), input)));
    let (run, events, result) = simulate(&plan, Run::new(&plan), &mut world, start, all);
    let ran = Ran { run, events, plan, world };
    assert_eq!(result, Ok(()), "{}", ran.transcript());
    // The state is the fold of its events, and of nothing else.
    assert_eq!(runbook::engine::replay(&ran.plan, &ran.events), ran.run);
    ran
}

/// How a run begins.
pub fn begin() -> Input {
    Input::Begin {
        run: "r1".into(),
        by: who(),
        dir: "/".into(),
        version: "0".into(),
        until: None,
        done: Vec::new(),
        parks: false,
    }
}

pub fn who() -> Who {
    Who { user: "ana".into(), claim: None }
}

/// Takes a run up again after a minute, in another world.
pub fn resume(before: Ran, world: World) -> Ran {
    take_up(before, world, Input::Resume { by: who(), doubts: Vec::new() })
}

/// A run that is over for its process is taken up by what a person says.
pub fn take_up(before: Ran, mut world: World, input: Input) -> Ran {
    let Ran { run, mut events, plan, .. } = before;
    world.metrics = plan.metrics.iter().map(|m| m.id.clone()).collect();
    let start = run.now + SignedDuration::from_mins(1);
    let inputs = vec![(start, input)];
    let (run, later, result) = simulate(&plan, run, &mut world, start, inputs);
    events.extend(later);
    let ran = Ran { run, events, plan, world };
    assert_eq!(result, Ok(()), "{}", ran.transcript());
    assert_eq!(runbook::engine::replay(&ran.plan, &ran.events), ran.run);
    ran
}
