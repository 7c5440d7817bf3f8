//! The engine under chance: random runbooks, random worlds, random people. No event is illegal, every state that is reached
//! has a next move or is final, and a final state never changes.

use jiff::{SignedDuration, Timestamp};
use runbook::drive::virtual_time::{Answer, Script, simulate};
use runbook::engine::state::{Live, Mode, Run, Status, UndoStatus};
use runbook::engine::{
    ActionResult, Captured, Checked, Done, Doubt, Effect, EffectId, Event, EventKind, Failure, FailureSort, Input,
    SampleProblem, Say, Truth, advance, apply, replay, wanted,
};
use runbook::plan::{NodeIx, Plan};
use runbook::value::Value;

use crate::support::{START, begin, plan_of, transcript, who};

/// So many runs.
const RUNS: u64 = 800;

/// Numbers that look like chance, the same every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below
    }

    fn once_in(&mut self, n: usize) -> bool {
        self.next(n) == 0
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.next(all.len())]
    }
}

/// A runbook that nobody would write, and that is right.
struct Author {
    chance: Chance,
    count: usize,
    /// Two lanes do not move one router.
    in_lanes: bool,
}

impl Author {
    fn id(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    fn runbook(&mut self) -> String {
        let mut text = String::from(
            "runbook r \"R\" {}\nrelease { version = \"1.0.0\"; manager = boss }\nchannel room: console {}\n\
             role boss \"Boss\" { members = [\"bo\"]; reach = [room] }\nrole qa \"QA\" { members = [\"quinn\", \"bo\"]; reach = [room] }\n\
             router edge: command { get = run \"get edge\"; set = run \"set edge ${share}\" }\n\
             metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
             source prod: prometheus { url = \"http://p.example\" }\n\
             metric rate: percent { source = prod; query = \"rate\"; unit = percent; every = 20s; baseline = 1h }\n\
             gate healthy { every = 15s; expect rate < 4x baseline; expect errors < 50% for 20s; run \"is healthy\" }\n\
             flags place: command { get = run \"get ${flag}\"; set = run \"set ${flag} ${share}\" }\nflag dark { in = place }\n\
             response calm \"Calm\" within 5m else rollback { run \"calm down\"\n gate { within 1m; every = 10s; run \"is calm\" } }\n\
             escalation chain { level boss }\n",
        );
        if self.chance.once_in(2) {
            text.push_str("phase before: prepare within 3d else stop {\n");
            let nodes = 1 + self.chance.next(3);
            (0..nodes).for_each(|_| text.push_str(&self.node("prepare", 0)));
            text.push_str("}\n");
        }
        text.push_str("phase deployment: live {\n  step first { run \"do first\"; undo { run \"undo first\" } }\n");
        let nodes = 1 + self.chance.next(6);
        (0..nodes).for_each(|_| text.push_str(&self.node("live", 0)));
        text.push_str("}\n");
        if self.chance.once_in(2) {
            text.push_str("phase care: after {\n");
            let nodes = 1 + self.chance.next(2);
            (0..nodes).for_each(|_| text.push_str(&self.node("after", 0)));
            text.push_str("}\n");
        }
        let then = self.chance.of(&[
            "then rollback",
            "then calm",
            "then continue",
            "ask boss within 10m else rollback",
            "ask qa within 5m else calm",
            "then pause within 5m else rollback",
        ]);
        let spell = self.chance.of(&["", " for 30s", " for 2m"]);
        text.push_str(&format!("trigger high {{ when errors > 5%{spell}; {then} }}\n"));
        let watched = self.chance.of(&[
            "not healthy for 30s",
            "healthy",
            "dark == on for 1m",
            "(rate > 2x baseline and not healthy) for 20s",
        ]);
        let then = self.chance.of(&["then rollback", "then continue", "then calm", "no data rollback"]);
        text.push_str(&format!("trigger watched {{ when {watched}; {then} }}\n"));
        text.push_str("trigger bug \"Bug\" { manual by any [boss, qa]; then rollback }\n");
        if self.chance.once_in(2) {
            text.push_str("comms { notify room \"live\" from first\n every 1m from first until done { notify room \"still\" } }\n");
        }
        if self.chance.once_in(2) {
            text.push_str("rollback \"Back\" { every 1m { notify room \"back\" }\n undo\n gate fine { run \"is fine\" }\n after { checklist evidence within 1h else continue { item logs { run \"is saved\" } } } }\n");
        }
        text
    }

    fn node(&mut self, lane: &str, depth: usize) -> String {
        let n = self.id();
        match self.chance.next(if depth > 1 { 7 } else { 11 }) {
            0..=2 => self.step(lane, n),
            3 => {
                let more = self.chance.of(&["", "", "; expect errors < 90% for 10s", "; expect healthy"]);
                format!("  gate g{n} {{ within 1m; every = 20s; run \"look {n}\"{more} }}\n")
            }
            4 => {
                let expects = ["", " { expect errors < 50% }", " { gate healthy }", " { expect rate < 3x baseline }"];
                // Before the live part nobody knows what it was before that.
                let expect = self.chance.of(&expects[..if lane == "prepare" { 3 } else { 4 }]);
                format!("  hold for 40s{expect}\n")
            }
            5 => {
                let people = self.chance.of(&["qa", "all [qa, boss]", "any [qa, boss]"]);
                let word = self.chance.of(&["approve", "confirm", "question"]);
                let otherwise = self.outcome(lane);
                let escalate = self.chance.of(&["", " escalate chain"]);
                format!("  {word} q{n} \"Q {n}\" {{ by {people}; within 20m{escalate} else {otherwise} }}\n")
            }
            6 if lane == "live" => {
                let looks = self.chance.of(&["hold for 20s", "hold for 20s; gate { run \"look ramp\" }"]);
                format!("  ramp r{n}: edge through [10%, 100%] {{ {looks} }}\n")
            }
            6 => "  notify room \"hello\"\n".into(),
            7 => {
                let otherwise = self.outcome(lane);
                format!(
                    "  checklist c{n} within 30m else {otherwise} {{\n item a {{ run \"is {n}\" }}\n item b {{ by qa }}\n item c }}\n"
                )
            }
            8 => {
                let lanes = 2 + self.chance.next(2);
                let lanes: String = (0..lanes).map(|_| self.lane(lane)).collect();
                format!("  parallel p{n} {{\n{lanes}  }}\n")
            }
            _ => {
                let inner: String = (0..1 + self.chance.next(2)).map(|_| self.node(lane, depth + 1)).collect();
                let within = match self.chance.once_in(3) {
                    true => format!(" within 10m else {}", self.outcome(lane)),
                    false => String::new(),
                };
                format!("  phase f{n}: {lane}{within} {{\n{inner}  }}\n")
            }
        }
    }

    /// What may stand side by side.
    fn lane(&mut self, lane: &str) -> String {
        let n = self.id();
        self.in_lanes = true;
        let made = match self.chance.next(4) {
            0 | 1 => self.step(lane, n),
            2 => format!("  confirm q{n} \"Q {n}\" {{ by qa; within 20m else {} }}\n", self.outcome(lane)),
            _ => {
                let (one, two) = (self.id(), self.id());
                format!("  phase f{n}: {lane} {{\n{}{}  }}\n", self.step(lane, one), self.step(lane, two))
            }
        };
        self.in_lanes = false;
        made
    }

    fn step(&mut self, lane: &str, n: usize) -> String {
        let retry = self.chance.of(&["", "", "retry 2 every 10s; "]);
        let doubt = self.chance.of(&["", "", "idempotent = true; ", "done when { run \"is done\" }\n"]);
        let failure = match self.chance.once_in(2) {
            true => format!("on failure {}; ", self.outcome(lane)),
            false => String::new(),
        };
        let undo = match lane {
            "live" => self.chance.of(&["; undo { run \"undo N\" }", "; undo { run \"undo N\" }", "; undo none \"x\""]),
            _ => "",
        };
        let shift =
            if lane == "live" && !self.in_lanes { self.chance.of(&["", "", "shift edge to 40%; "]) } else { "" };
        let undo = undo.replace('N', &n.to_string());
        format!("  step s{n} {{ {retry}{failure}{doubt}{shift}run \"do {n}\"{undo} }}\n")
    }

    fn outcome(&mut self, lane: &str) -> &'static str {
        match lane {
            "live" => self.chance.of(&[
                "rollback",
                "rollback",
                "continue",
                "calm",
                "pause within 5m else rollback",
                "pause for qa within 5m else continue",
            ]),
            "prepare" => self.chance.of(&["stop", "continue", "pause within 5m else stop"]),
            _ => self.chance.of(&["continue", "pause within 5m else continue"]),
        }
    }
}

/// A world in which anything may go wrong, and people who say anything.
struct Random {
    chance: Chance,
    /// One thing in so many goes wrong.
    trouble: usize,
    said: usize,
}

impl Random {
    fn takes(&mut self) -> SignedDuration {
        SignedDuration::from_secs([0, 0, 1, 7, 45][self.chance.next(5)])
    }

    fn fails(&mut self) -> bool {
        self.trouble > 0 && self.chance.once_in(self.trouble)
    }
}

fn say(chance: &mut Chance, plan: &Plan) -> Say {
    let node = NodeIx(chance.next(plan.nodes.len()) as u32);
    let trigger = chance.next(plan.triggers.len()) as u32;
    let reason = Some("because".to_owned());
    match chance.next(7) {
        0 | 1 => Say::Answer { node, yes: !chance.once_in(5), value: None, reason },
        2 => Say::Tick { node, not_applicable: chance.once_in(3), reason },
        3 => Say::Waive { node, reason: "because".into() },
        4 => Say::Fire { trigger, reason },
        5 => Say::Decide { trigger, yes: chance.once_in(2), reason },
        _ => Say::GoOn,
    }
}

impl Script for Random {
    fn say(&mut self, plan: &Plan, run: &Run, _now: Timestamp) -> Option<Input> {
        // Now and then somebody says something; what is asked is more often answered than not.
        if self.said > 400 || !self.chance.once_in(4) {
            return None;
        }
        self.said += 1;
        let name = self.chance.of(&["bo", "quinn", "eve"]);
        let asking = run.active.iter().copied().filter(|ix| {
            plan.node(*ix)
                .work()
                .is_some_and(|w| w.actions.iter().any(|a| matches!(a.kind, runbook::plan::ActionKind::Ask(_))))
        });
        let asking: Vec<NodeIx> = asking.collect();
        let say = match asking.is_empty() || self.chance.once_in(3) {
            true => say(&mut self.chance, plan),
            false => {
                let node = asking[self.chance.next(asking.len())];
                match self.chance.once_in(2) {
                    true => Say::Answer { node, yes: !self.chance.once_in(8), value: None, reason: None },
                    false => Say::Tick { node, not_applicable: false, reason: None },
                }
            }
        };
        let by = runbook::engine::Who { user: "x".into(), claim: Some(name.into()) };
        Some(Input::Say { key: format!("k{}", self.said), by, say })
    }

    fn perform(&mut self, _id: EffectId, effect: Effect, _now: Timestamp) -> Answer {
        let takes = self.takes();
        let fails = self.fails();
        let hangs = fails && self.chance.once_in(4);
        if hangs
            && !matches!(
                effect,
                Effect::Lock(_) | Effect::Message(_) | Effect::Fact(_) | Effect::Sample(_) | Effect::Baseline(..)
            )
        {
            return Answer::Hangs;
        }
        let done = match effect {
            Effect::Lock(_) => Done::Lock(Ok(())),
            Effect::Fact(fact) => Done::Fact(Ok(Value::Text(fact.name))),
            Effect::Message(_) => {
                Done::Message(if fails { Err(runbook::engine::Unsent::refused("gone")) } else { Ok(None) })
            }
            Effect::Sample(metric) if metric.id == "dark" => {
                let word = self.chance.of(&["on", "on", "off", "25%"]);
                Done::Sample(Ok(Value::Word(word.into())), String::new())
            }
            Effect::Sample(_) => {
                let answer = match self.chance.next(if self.trouble == 0 { 4 } else { 6 }) {
                    5 => Err(SampleProblem::no_data("nothing".into())),
                    4 => Ok(Value::Percent(9.0)),
                    _ => Ok(Value::Percent(1.0)),
                };
                Done::Sample(answer, String::new())
            }
            Effect::Baseline(..) if fails => Done::Baseline(Err("nothing".into())),
            Effect::Baseline(..) => Done::Baseline(Ok((Value::Percent(2.0), "the mean".into()))),
            Effect::Look(_) => {
                let truth = if fails { [Truth::False, Truth::Error][self.chance.next(2)] } else { Truth::True };
                Done::Look(vec![Checked { text: "it".into(), truth, why: String::new() }])
            }
            Effect::Impossible(why) => Done::Action(failed(&why)),
            Effect::Action(_) if fails => Done::Action(failed("exit 1")),
            Effect::Action(action) => {
                let captures =
                    action.captures.iter().map(|c| Captured { name: c.name.clone(), value: Some(Value::Percent(3.0)) });
                Done::Action(ActionResult { failure: None, note: String::new(), captures: captures.collect() })
            }
        };
        Answer::After(takes, done)
    }
}

fn failed(why: &str) -> ActionResult {
    let failure = Some(Failure::new(FailureSort::Failed, why));
    ActionResult { failure, note: String::new(), captures: Vec::new() }
}

/// Why an event may not happen in a state.
fn illegal(plan: &Plan, run: &Run, event: &EventKind) -> Option<String> {
    let wrong = |is: bool, why: &str| is.then(|| why.to_owned());
    let resumable =
        matches!(event, EventKind::RunResumed { .. } | EventKind::EndingReached { .. } | EventKind::RunEnded { .. });
    let said = matches!(event, EventKind::Heard { .. } | EventKind::Refused { .. } | EventKind::MessageQueued { .. });
    let back_again =
        matches!(event, EventKind::RollbackStarted { .. } | EventKind::NodeAgain { .. } | EventKind::NodeEnded { .. });
    if run.ending().is_some_and(|e| !e.can_go_on()) {
        return Some("the run has ended".into());
    }
    if run.ending().is_some() && !resumable && !said && !back_again {
        return Some("the run is stuck and nobody took it up".into());
    }
    match event {
        EventKind::NodeStarted { node } => {
            let status = run.node(*node).status;
            wrong(!matches!(status, Status::Pending | Status::Waiting), &format!("it is {status:?}"))
        }
        EventKind::NodeEnded { node, .. } => wrong(!run.active.contains(node), "it is not active"),
        EventKind::ActionStarted { slot, .. } => {
            let work = run.node(slot.node).work.as_ref();
            let fits =
                work.is_some_and(|w| w.part == slot.part && w.attempt == slot.attempt && w.action == slot.action);
            wrong(!fits, "it is not the turn of this action")
        }
        EventKind::UndoStarted { node } => {
            let state = run.node(*node);
            let fits = state.undo == UndoStatus::NotBegun && state.order > 0 && plan.in_timeline(*node);
            let alone = run.nodes.iter().all(|n| n.undo != UndoStatus::Undoing);
            wrong(!fits || !alone || run.mode != Mode::Back, "it cannot be undone now")
        }
        EventKind::UndoEnded { node, .. } => {
            wrong(run.node(*node).undo != UndoStatus::Undoing, "it is not being undone")
        }
        EventKind::LiveStarted => wrong(run.live != Live::Before || !run.locked, "the live part cannot begin"),
        EventKind::LiveEnded => wrong(run.live != Live::Running, "the live part does not run"),
        EventKind::RollbackStarted { .. } => wrong(run.live != Live::Running, "there is nothing to roll back"),
        EventKind::TriggerFired { trigger, .. } => {
            wrong(run.triggers[*trigger as usize].armed.is_none(), "it is not armed")
        }
        EventKind::Paused { .. } => wrong(matches!(run.mode, Mode::Back | Mode::Ending(..)), "it goes back"),
        _ => None,
    }
}

/// Folds the events and holds each against the state before it.
fn legal(plan: &Plan, mut run: Run, events: &[Event], told: &dyn Fn() -> String) -> Run {
    for event in events {
        if let Some(why) = illegal(plan, &run, &event.kind) {
            panic!("{:?}: {why}\n{}", event.kind, told());
        }
        apply(&mut run, event);
    }
    run
}

#[test]
fn whatever_happens_no_event_is_illegal_and_every_run_comes_to_its_end() {
    let mut endings = std::collections::BTreeMap::new();
    let mut kinds = std::collections::BTreeMap::new();
    let start: Timestamp = START.parse().unwrap();
    for seed in 1..=RUNS {
        let chance =
            |n: u64| Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ n.wrapping_mul(0xD134_2543_DE82_EF95) | 1);
        let text = Author { chance: chance(1), count: 0, in_lanes: false }.runbook();
        let plan = plan_of(&text);
        let mut world = Random { chance: chance(2), trouble: [0, 20, 6, 3][seed as usize % 4], said: 0 };
        let mut inputs = vec![(start, begin())];
        let mut mood = chance(3);
        for _ in 0..mood.next(3) {
            let at = start + SignedDuration::from_secs(mood.next(900) as i64);
            inputs.push((
                at,
                match mood.next(4) {
                    0 => Input::Rollback { by: who(), to: None, resumes: false },
                    1 => Input::Halt { by: who(), reason: "Ctrl-C".into() },
                    _ => Input::Say { key: format!("m{at}"), by: who(), say: say(&mut mood, &plan) },
                },
            ));
        }
        let (mut run, mut events, result) = simulate(&plan, Run::new(&plan), &mut world, start, inputs);
        let told =
            |events: &[Event]| format!("seed {seed}\n{text}\n{}", transcript(&plan, &events[..events.len().min(400)]));
        assert_eq!(result, Ok(()), "{}", told(&events));
        // A run that was halted or is stuck is taken up, as often as that needs.
        for round in 0..6 {
            if run.ending().is_some_and(|e| !e.can_go_on()) {
                break;
            }
            world.trouble = [world.trouble, 0][usize::from(round > 1)];
            world.said = 0;
            let doubts =
                run.in_doubt(&plan).into_iter().map(|ix| (ix, [Doubt::Again, Doubt::Done][mood.next(2)])).collect();
            let mut inputs = vec![(run.now, Input::Resume { by: who(), doubts })];
            if run.ending().is_some() {
                inputs = vec![(
                    run.now,
                    match mood.next(3) {
                        0 => Input::Rollback { by: who(), to: None, resumes: true },
                        1 => {
                            let at = run.back.as_ref().and_then(|b| b.stuck.as_ref().map(|(n, _)| *n).or(b.failed));
                            let say = Say::Waive { node: at.unwrap_or(NodeIx(0)), reason: "known".into() };
                            Input::Say { key: format!("w{round}"), by: who(), say }
                        }
                        _ => Input::Resume { by: who(), doubts: Vec::new() },
                    },
                )];
            }
            let at = run.now + SignedDuration::from_mins(1);
            inputs[0].0 = at;
            let (next, later, result) = simulate(&plan, run.clone(), &mut world, at, inputs);
            run = next;
            events.extend(later);
            assert_eq!(result, Ok(()), "{}", told(&events));
        }
        let folded = legal(&plan, Run::new(&plan), &events, &|| told(&events));
        assert_eq!(folded, run, "{}", told(&events));
        assert_eq!(replay(&plan, &events), run);
        *endings.entry(run.ending().map_or("halted", |e| e.words())).or_insert(0) += 1;
        for event in &events {
            let name = serde_json::to_value(&event.kind).unwrap()["event"].as_str().unwrap().to_owned();
            *kinds.entry(name).or_insert(0) += 1;
        }
        // A final state never changes, and wants nothing.
        if run.ending().is_some_and(|e| !e.can_go_on()) {
            for _ in 0..10 {
                let input = match mood.next(4) {
                    0 => Input::Tick,
                    1 => Input::Resume { by: who(), doubts: Vec::new() },
                    2 => Input::Rollback { by: who(), to: None, resumes: mood.once_in(2) },
                    _ => Input::Say { key: "late".into(), by: who(), say: say(&mut mood, &plan) },
                };
                let after = advance(&plan, &mut run.clone(), input.clone(), run.now + SignedDuration::from_hours(1));
                assert_eq!(after, [], "{input:?}\n{}", told(&events));
            }
            assert_eq!(wanted(&plan, &run, run.now).effects, []);
        }
    }
    println!("{endings:?}\n{kinds:?}");
    assert!(endings.len() >= 4, "{endings:?}");
    // Chance has reached everything that people and nodes can do.
    for kind in [
        "paused",
        "pause_ended",
        "response_started",
        "question_ended",
        "trigger_fired",
        "trigger_blind",
        "asked",
        "heard",
        "refused",
        "announced",
        "retry_scheduled",
        "node_again",
        "undo_skipped",
        "found_unhealthy",
        "halted",
        "run_resumed",
    ] {
        assert!(kinds.contains_key(kind), "{kind} never happened: {kinds:?}");
    }
}
