//! The release and deployment guide of an organisation as a runbook, from eight weeks before to a month after: it runs
//! through, by real processes that park, on a clock that the test sets; and again, killed thirty times on its way.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use runbook::engine::{Event, EventKind};
use runbook::journal::Record;
use runbook::plan::{ChannelKind, Moment};
use serde_json::Value as Json;

use crate::binary::Project;
use crate::servers::{Fixed, Mail, answer};

/// How many times as fast as a real clock.
const SPEED: i64 = 100;

/// The moment at which the guide begins, and T+0.
const BEGIN: &str = "2030-03-19T16:59:00Z";
const ZERO: &str = "2030-05-14T17:00:00Z";

/// A world in which ten weeks pass: a folder, servers, people.
struct Stage {
    project: Project,
    slack: Fixed,
    hook: Fixed,
    page: Fixed,
    mail: Mail,
    /// The clock: a moment, and when it was that moment.
    clock: (Timestamp, Instant),
}

impl Stage {
    fn new() -> Option<Self> {
        let mail = Mail::start(&["plain"])?;
        let project = Project::new();
        project.write("guide.rb", include_str!("guide/guide.rb"));
        project.script("do.sh", "if [ \"$1\" = metric ]; then case \"$2\" in error_rate) echo 0.2;; p95) echo 180;; users_hit) echo 0.1;; log_errors) echo 3;; jobs) echo 40;; *) echo 2;; esac; exit 0; fi\necho ok");
        let ok = |_: &str| answer("200 OK", "ok");
        let state = std::sync::Mutex::new(Vec::<Json>::new());
        // A page that keeps its incidents.
        let page = Fixed::start(move |request| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let mut incidents = state.lock().unwrap();
            let asked: Json = serde_json::from_str(body).unwrap_or(Json::Null);
            let update = |incident: &mut Json, asked: &Json| {
                for (name, value) in asked["incident"].as_object().unwrap() {
                    incident[name] = value.clone();
                }
                let entry = serde_json::json!({ "body": asked["incident"]["body"], "status": incident["status"] });
                incident["incident_updates"].as_array_mut().unwrap().push(entry);
            };
            if head.starts_with("POST") {
                let id = format!("inc{}", incidents.len());
                let mut made = serde_json::json!({ "id": id, "shortlink": format!("https://stspg.io/{id}"), "incident_updates": [] });
                update(&mut made, &asked);
                incidents.push(made.clone());
                return answer("201 Created", &made.to_string());
            }
            if head.starts_with("GET") && head.split_whitespace().nth(1).unwrap().ends_with("/incidents") {
                return answer("200 OK", &Json::Array(incidents.clone()).to_string());
            }
            let incident = incidents.last_mut().unwrap();
            if head.starts_with("PATCH") {
                update(incident, &asked);
            }
            answer("200 OK", &incident.to_string())
        });
        Some(Stage {
            project,
            slack: Fixed::start(ok),
            hook: Fixed::start(ok),
            page,
            mail,
            clock: (BEGIN.parse().unwrap(), Instant::now()),
        })
    }

    fn now(&self) -> Timestamp {
        let (moment, since) = self.clock;
        moment + SignedDuration::from_millis(since.elapsed().as_millis() as i64 * SPEED)
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_runbook")).with_file_name("examples").join("clocked");
        let mut command = Command::new(program);
        command.args(words).current_dir(self.project.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("TZ", "UTC").env_remove("RUNBOOK_STATE");
        command.env("RUNBOOK_TEST_CLOCK", format!("{} {SPEED}", self.now()));
        for (name, value) in [
            ("SLACK_HOOK", format!("{}/hook", self.slack.url())),
            ("WAR_ROOM_HOOK", format!("{}/room", self.hook.url())),
            ("STATUS_TOKEN", "t0ken-of-the-page".to_owned()),
            ("RUNBOOK_VAR_SMTP", format!("smtp://127.0.0.1:{}", self.mail.port())),
            ("RUNBOOK_VAR_STATUS_URL", self.page.url()),
        ] {
            command.env(name, value);
        }
        command
    }

    fn status(&self) -> Json {
        let out = self.command(&["status", "--output", "json"]).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        serde_json::from_str(text.lines().next().unwrap_or("null")).unwrap_or(Json::Null)
    }

    /// Says what is asked for now, as the people of the guide would; says whether anything was.
    fn answer(&self, answers: &[Json], said: &mut BTreeMap<usize, ()>) -> bool {
        let status = self.status();
        let run = status["run"].as_str().unwrap_or_default().to_owned();
        let mut open: Vec<String> =
            status["asks"].as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        for list in status["checklists"].as_array().into_iter().flatten() {
            let items = list["items"].as_array().into_iter().flatten();
            open.extend(items.filter(|i| i["done"] == false).map(|i| i["id"].as_str().unwrap().to_owned()));
        }
        let mut any = false;
        for (i, answer) in answers.iter().enumerate() {
            let id = answer["id"].as_str().unwrap();
            if said.contains_key(&i) || !open.iter().any(|o| o == id) {
                continue;
            }
            let (verb, who) = (answer["verb"].as_str().unwrap(), answer["as"].as_str().unwrap());
            let mut words = vec![verb, &run, id];
            let value = answer["value"].as_str().map(str::to_owned).unwrap_or_else(|| answer["value"].to_string());
            if verb == "answer" {
                words.push(&value);
            }
            words.extend(["--as", who]);
            let out = self.command(&words).output().unwrap();
            if out.status.success() {
                said.insert(i, ());
                any = true;
            }
        }
        any
    }

    fn spawn(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    fn record(&self) -> Record {
        self.project.record()
    }
}

/// Runs the guide from its beginning to its end, and kills its processes so many times on the way; says how often it did.
fn through(stage: &mut Stage, kills: usize) -> usize {
    let answers: Vec<Json> = serde_json::from_str(include_str!("guide/answers.json")).unwrap();
    let mut said = BTreeMap::new();
    let mut killed = 0;
    // Kills fall all over the run; a fixed seed, so that a failure comes again.
    let mut seed = 20_301_114_u64;
    let mut random = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let mut words = vec!["run", "guide.rb", "--yes", "--park", "--output", "plain", "--as", "release@acme.example"];
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(400), "it takes too long: {}", stage.status());
        let mut child = stage.spawn(&words);
        words = vec!["resume", "--due", "--as", "release@acme.example"];
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let _read = std::io::Read::read_to_string(&mut out, &mut text);
            text
        });
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _read = std::io::Read::read_to_string(&mut err, &mut text);
            text
        });
        let spawned = Instant::now();
        let fatal =
            (killed < kills).then(|| Duration::from_millis(20 + random(if killed % 5 == 0 { 3_000 } else { 250 })));
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if fatal.is_some_and(|fatal| spawned.elapsed() > fatal) {
                // The run's own process, not only the one that started it.
                kill_in(&stage.project.path().display().to_string());
                let _gone = child.kill();
                killed += 1;
                child.wait().unwrap();
                break None;
            }
            if stage.status()["running"] == true {
                stage.answer(&answers, &mut said);
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let (text, errors) = (reader.join().unwrap(), errors.join().unwrap());
        let status = stage.status();
        let over = stage.record().run().ending();
        if over.is_some() {
            assert_eq!(over, Some(runbook::engine::Ending::Completed), "{text}{errors}\n{status}");
            return killed;
        }
        assert!(matches!(code, None | Some(0 | 6)), "{code:?}\n{text}{errors}\n{status}");
        if stage.answer(&answers, &mut said) || code.is_none() {
            continue;
        }
        // Nobody has anything to say: the next moment.
        let until: Timestamp =
            status["until"].as_str().unwrap_or_else(|| panic!("{status}\n{text}{errors}")).parse().unwrap();
        let now = stage.now();
        stage.clock = (until.max(now) + SignedDuration::from_secs(20), Instant::now());
    }
}

/// Kills what runs in a folder.
fn kill_in(folder: &str) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let there = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.display().to_string() == folder);
        let program = std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe.ends_with("examples/clocked"));
        if there && program {
            let _gone = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

/// The messages of a channel with their keys, texts and what became of them.
struct Said {
    key: usize,
    at: Timestamp,
    channel: String,
    subject: String,
    text: String,
    lost: Option<String>,
}

fn said(record: &Record) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for Event { at, kind } in &record.events {
        match kind {
            EventKind::MessageQueued { key, channel, subject, text, .. } => all.push(Said {
                key: *key as usize,
                at: *at,
                channel: channel.clone(),
                subject: subject.clone().unwrap_or_default(),
                text: text.clone(),
                lost: None,
            }),
            EventKind::MessageFailed { key, why, .. } => all[*key as usize].lost = Some(why.clone()),
            _ => {}
        }
    }
    all
}

/// What was received is what was said: each message once, and nothing else.
fn each_message_came_once(stage: &Stage) {
    let record = stage.record();
    let run = record.run();
    let all = said(&record);
    let of = |channel: &str| all.iter().filter(move |m| m.channel == channel).collect::<Vec<_>>();
    // By its key: every mail and every call of a webhook has arrived, and nothing that was not said.
    let mut mails: Vec<String> = stage
        .mail
        .mails()
        .iter()
        .map(|(_, mail)| {
            mail.lines()
                .find_map(|l| l.strip_prefix("Message-ID: <"))
                .unwrap()
                .trim_end_matches("@acme.example>")
                .to_owned()
        })
        .collect();
    mails.sort();
    mails.dedup();
    let mut wanted: Vec<String> = of("mail").iter().map(|m| format!("{}.{}", run.id, m.key)).collect();
    wanted.sort();
    assert_eq!(mails, wanted, "mail");
    assert!(wanted.len() > 50, "{}", wanted.len());
    let mut calls: Vec<String> = stage
        .hook
        .requests()
        .iter()
        .map(|r| r.lines().find_map(|l| l.strip_prefix("idempotency-key: ")).unwrap().to_owned())
        .collect();
    calls.sort();
    calls.dedup();
    let mut wanted: Vec<String> = of("hook").iter().map(|m| format!("{}.{}", run.id, m.key)).collect();
    wanted.sort();
    assert_eq!(calls, wanted, "hook");
    // Slack knows no keys: each came once; one that may not have arrived is said to be so.
    let mut left: Vec<(&Said, bool)> = of("announce").into_iter().map(|m| (m, false)).collect();
    for request in stage.slack.requests() {
        let body: Json = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let fallback = body["text"].as_str().unwrap().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let fits = |m: &Said| match m.subject.is_empty() {
            false => {
                m.subject == fallback
                    && flat(&body).contains(m.text.lines().next_back().unwrap_or_default().trim_start_matches("- "))
            }
            true => m.text.starts_with(&fallback.trim_end_matches("… (cut)")[..fallback.len().min(60)]),
        };
        let found = left.iter_mut().find(|(m, seen)| !seen && fits(m));
        let (_, seen) = found.unwrap_or_else(|| panic!("this was never said, or came twice: {body:#}"));
        *seen = true;
    }
    for (message, seen) in &left {
        let doubtful =
            message.lost.as_ref().is_some_and(|why| why.contains("it may have arrived, and is not sent twice"));
        assert!(*seen || doubtful, "{} at {}: {:?}", message.text, message.at, message.lost);
    }
    // One maintenance, with each of its updates once.
    let patched: Vec<String> = stage
        .page
        .requests()
        .iter()
        .filter(|r| !r.starts_with("GET"))
        .map(|r| r.split_once("\r\n\r\n").unwrap().1.to_owned())
        .collect();
    let states: Vec<Json> =
        patched.iter().map(|b| serde_json::from_str::<Json>(b).unwrap()["incident"]["status"].clone()).collect();
    assert_eq!(states, ["scheduled", "in_progress", "completed"], "{patched:#?}");
}

/// All texts in a message of Slack.
fn flat(body: &Json) -> String {
    match body {
        Json::Object(map) => {
            let words = map.iter().filter(|(name, _)| !matches!(name.as_str(), "type" | "style"));
            words.map(|(_, value)| flat(value)).collect()
        }
        Json::Array(list) => list.iter().map(flat).collect::<Vec<_>>().join(""),
        Json::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// Every message of `comms` with a moment was written at it.
fn each_message_came_at_its_moment(stage: &Stage, most: SignedDuration) {
    let record = stage.record();
    let zero = record.run().zero.unwrap();
    assert!(zero.duration_since(ZERO.parse().unwrap()).abs() < SignedDuration::from_mins(10), "{zero}");
    let planned: Timestamp = ZERO.parse().unwrap();
    let mut checked = 0;
    let mut announced: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for event in &record.events {
        if let EventKind::Announced { comms, skipped, .. } = &event.kind {
            assert_eq!(*skipped, None);
            announced.insert(*comms, event.at);
        }
    }
    for (i, told) in record.plan.comms.iter().enumerate() {
        let Some(Moment::Offset(offset)) = told.from else { continue };
        // Before T+0 is known for good the planned one counts.
        let zero = if offset.is_negative() { planned } else { zero };
        let at = announced[&(i as u32)];
        let late = at.duration_since(zero + offset);
        assert!(!late.is_negative() && late <= most, "{i}: {late:?} after {offset:?}");
        checked += 1;
    }
    assert_eq!(checked, 17);
    assert!(record.plan.channels.iter().any(|c| c.kind == ChannelKind::Slack));
}

#[test]
fn ten_weeks_of_a_guide_run_through_parked_and_every_message_comes_once_at_its_moment() {
    let Some(mut stage) = Stage::new() else { return };
    through(&mut stage, 0);
    each_message_came_once(&stage);
    each_message_came_at_its_moment(&stage, SignedDuration::from_mins(5));
    // The process was gone for most of it.
    let parked = stage.record().events.iter().filter(|e| matches!(e.kind, EventKind::Parked { .. })).count();
    assert!(parked > 20, "{parked}");
}

#[test]
fn thirty_kills_on_the_way_lose_no_message_and_send_none_twice() {
    let Some(mut stage) = Stage::new() else { return };
    let killed = through(&mut stage, 30);
    assert_eq!(killed, 30);
    each_message_came_once(&stage);
    each_message_came_at_its_moment(&stage, SignedDuration::from_mins(30));
}
