//! `shift`, `set` and `ramp`: a share is moved, read again, and moved back to where it was found.

use jiff::{SignedDuration, Timestamp};
use runbook::drive::virtual_time::{Answer, Script, simulate};
use runbook::engine::state::Run;
use runbook::engine::{ActionResult, Captured, Done, Effect, EffectId, Failure, FailureSort};
use runbook::plan::{ActionKind, command_text};
use runbook::value::Value;

use crate::support::{START, World, begin, plan_of};

/// A world with switches: `get NAME` prints what holds, `set NAME SHARE` changes it, unless it only says so.
#[derive(Default)]
struct Switches {
    inner: World,
    shares: std::collections::BTreeMap<String, String>,
    lies: Option<&'static str>,
    done: Vec<String>,
}

impl Script for Switches {
    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        let Effect::Action(action) = &effect else { return self.inner.perform(id, effect, now) };
        let ActionKind::Command(command) = &action.kind else { return self.inner.perform(id, effect, now) };
        let text = command_text(command);
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["set", name, share] => {
                self.done.push(text.clone());
                if self.lies != Some(name) {
                    self.shares.insert(name.into(), share.trim_matches('\'').into());
                }
                Answer::After(SignedDuration::ZERO, result(None, Vec::new()))
            }
            ["get", name] => {
                let share: f64 = self.shares.get(name).map_or("0", |s| s.trim_end_matches('%')).parse().unwrap();
                // What is expected of what was read is judged by the world; here by its words.
                let wanted = action.expects.first().map(|c| c.text.rsplit(' ').next().unwrap().to_owned());
                let wanted = wanted.map(|w| match w == "was" {
                    true => share,
                    false => w.trim_end_matches('%').parse().unwrap(),
                });
                let failure = wanted
                    .filter(|wanted| (*wanted - share).abs() > 0.01)
                    .map(|_| Failure::new(FailureSort::Failed, format!("it is at {share}%")));
                let captures = action
                    .captures
                    .iter()
                    .map(|c| Captured { name: c.name.clone(), value: Some(Value::Percent(share)) });
                Answer::After(SignedDuration::ZERO, result(failure, captures.collect()))
            }
            _ => {
                self.done.push(text.clone());
                self.inner.perform(id, effect, now)
            }
        }
    }
}

fn result(failure: Option<Failure>, captures: Vec<Captured>) -> Done {
    Done::Action(ActionResult { failure, note: "exit 0".into(), captures })
}

const HEAD: &str = "runbook r \"R\" {}
router edge: command { get = run \"get edge\"; set = run \"set edge ${share}\" }
flags place: command { get = run \"get ${flag}\"; set = run \"set ${flag} ${share}\" }
flag search \"Search\" { in = place; default = off }
flag chat \"Chat\" { in = place; default = off }
";

fn run(body: &str, mut world: Switches) -> (Run, Switches) {
    let plan = plan_of(&format!("{HEAD}{body}"));
    let start: Timestamp = START.parse().unwrap();
    world.inner.name_metrics(&plan);
    let (run, events, ended) = simulate(&plan, Run::new(&plan), &mut world, start, vec![(start, begin())]);
    assert_eq!(ended, Ok(()), "{}", crate::support::transcript(&plan, &events));
    assert_eq!(runbook::engine::replay(&plan, &events), run);
    (run, world)
}

fn ending(run: &Run) -> &'static str {
    run.ending().map_or("halted", |e| e.words())
}

fn world(shares: &[(&str, &str)]) -> Switches {
    Switches { shares: shares.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(), ..Switches::default() }
}

#[test]
fn what_was_found_is_restored_in_reverse_around_the_own_undo() {
    let body = "phase p: live {\n  step a { shift edge to 33%; run \"deploy\"; set search to on; set chat to 25%; undo { run \"undeploy\"; takes = 1m } }\n\
                  step b { run \"fails\"; undo none \"x\" }\n}\n";
    let start = || world(&[("edge", "7%"), ("search", "0"), ("chat", "50%")]);
    let failing = |mut w: Switches, text: &str| {
        w.inner = World::default().fails(text);
        w
    };
    let (run, after) = run(body, failing(start(), "fails"));
    assert_eq!(ending(&run), "rolled back");
    assert_eq!(
        after.done,
        [
            "set edge 33%",
            "deploy",
            "set search 100%",
            "set chat 25%",
            "fails",
            "set chat 50%",
            "set search 0%",
            "undeploy",
            "set edge 7%"
        ]
    );
    // What was never reached is not touched.
    let (run, after) = self::run(body, failing(start(), "deploy"));
    assert_eq!(ending(&run), "stuck");
    assert_eq!(after.done, ["set edge 33%", "deploy", "undeploy"]);
}

#[test]
fn a_set_that_only_claims_to_have_worked_is_found_out() {
    let body = "phase p: live {\n  step a { shift edge to 33% }\n}\n";
    let (run, after) = run(body, Switches { lies: Some("edge"), ..world(&[("edge", "7%")]) });
    assert_eq!(ending(&run), "rolled back");
    assert_eq!(after.done, ["set edge 33%", "set edge 7%"]);
}

#[test]
fn a_ramp_is_one_node_and_goes_back_in_one_move() {
    let body = "phase p: live {\n  ramp canary: edge \"Canary\" through [10%, 50%, 100%] { hold for 15m; gate { run \"look\" } }\n}\n";
    let (run, after) = run(body, world(&[("edge", "0%")]));
    assert_eq!(ending(&run), "completed");
    assert_eq!(after.done, ["set edge 10%", "set edge 50%", "set edge 100%"]);
    assert_eq!(run.now.duration_since(run.started.unwrap()).as_secs(), 45 * 60);
    let (run, after) = self::run(body, Switches { inner: World::default().fails("look"), ..world(&[("edge", "0%")]) });
    assert_eq!(ending(&run), "rolled back");
    assert_eq!(after.done, ["set edge 10%", "set edge 0%"]);
}

#[test]
fn what_a_response_has_set_stays_and_a_ramp_of_it_fails() {
    let body = "response dark within 5m else rollback { set search to off }\n\
                metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n\
                trigger high { when errors > 5%; then dark }\n\
                phase p: live {\n  step a { shift edge to 33% }\n  ramp rollout: search through [10%, 100%] { hold for 1h }\n}\n";
    let inner = World::default().metric("errors", &[(0, Some(1.0)), (60, Some(9.0))]);
    let (run, after) = run(body, Switches { inner, ..world(&[("edge", "0%"), ("search", "5%")]) });
    assert_eq!(ending(&run), "rolled back");
    assert_eq!(after.done, ["set edge 33%", "set search 10%", "set search 0%", "set edge 0%"]);
    assert_eq!(run.now.duration_since(run.started.unwrap()).as_secs(), 60);
}

#[test]
fn two_lanes_do_not_move_one_thing() {
    let body = "phase p: live {\n  parallel both {\n    step a { shift edge to 70% }\n    step b { shift edge to 50% }\n  }\n}\n";
    let text = format!("{HEAD}{body}").replace("flag chat \"Chat\" { in = place; default = off }\n", "");
    let text = text.replace("flag search \"Search\" { in = place; default = off }\n", "");
    let project =
        crate::binary::Project::with(&text.lines().filter(|l| !l.starts_with("flags")).collect::<Vec<_>>().join("\n"));
    let checked = project.runbook(&["check", "deploy.rb", "--format", "short"]);
    assert!(checked.stdout.contains("two lanes move `edge` at the same time"), "{}", checked.text());
}
