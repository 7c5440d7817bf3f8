//! Channels that speak to services by HTTP: what each of them gets, byte for byte in what matters; hostile values; what
//! each service answers when it does not want it.

use serde_json::{Value as Json, json};

use crate::binary::{Output, Project};
use crate::servers::{Fixed, answer};

/// A value that is markup to every service.
const HOSTILE: &str = "<!channel> *b* _i_ [a](http://x.example) <b>h</b> & @everyone <@U1> `c`\r\nBcc: x";

/// Sends one message to a channel, whose URL is in `URL`, and says what came of it.
fn send(server: &Fixed, channel: &str, notify: &str) -> Output {
    send_with(server, channel, notify, HOSTILE)
}

fn send_with(server: &Fixed, channel: &str, notify: &str, value: &str) -> Output {
    let text = format!(
        "runbook shop \"Shop \\u{{202e}}release\" {{}}\nrelease {{ version = \"1.2.0\"; start = 2099-05-01T10:00:00Z }}\nvar value: string\n\
         scope {{\n  feature \"New dashboard\"\n  feature \"Search\"\n}}\nsecret key = getenv(\"KEY\")\nsecret hook = getenv(\"HOOK\")\n\
         channel team: {}\nphase p: prepare {{\n  {notify}\n}}\n",
        channel.replace("URL", &server.url())
    );
    let project = Project::with(&text);
    let mut command =
        project.command(&["run", "--yes", "--output", "plain", "--catch-up", "--var", &format!("value={value}")]);
    command.env("KEY", "k3y-that-is-secret").env("HOOK", format!("{}/s3cret/hook", server.url()));
    crate::binary::finish(command)
}

/// The bodies that were sent, with their paths.
fn bodies(server: &Fixed) -> Vec<(String, Json)> {
    let requests = server.requests();
    let body = |request: &String| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut words = head.split_whitespace();
        let call = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        (call, serde_json::from_str(body).unwrap_or(Json::Null))
    };
    requests.iter().map(body).collect()
}

fn ok(_: &str) -> Option<String> {
    answer("200 OK", "ok")
}

const NOTIFY: &str = "notify team \"Release ${release.version}: ${value}\" \"New: ${scope.features} by ${value}, see https://x.example/d.\"";

#[test]
fn slack_gets_blocks_in_which_nothing_is_markup() {
    let server = Fixed::start(ok);
    let sent = send(&server, "slack { webhook = hook }", NOTIFY);
    assert_eq!(sent.code, 0, "{}", sent.text());
    let text = |t: &str| json!({ "type": "text", "text": t });
    let section = |parts: &[Json]| json!({ "type": "rich_text_section", "elements": parts });
    let link = |url: &str| json!({ "type": "link", "url": url });
    let subject = "Release 1.2.0: <!channel> *b* _i_ [a](http://x.example) <b>h</b> & @everyone <@U1> `c`? Bcc: x";
    let expected = json!({
        "text": "Release 1.2.0: &lt;!channel&gt; *b* _i_ [a](http://x.example) &lt;b&gt;h&lt;/b&gt; &amp; @everyone &lt;@U1&gt; `c`? Bcc: x",
        "mrkdwn": false,
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": subject, "emoji": false } },
            { "type": "rich_text", "elements": [
                section(&[text("New:")]),
                { "type": "rich_text_list", "style": "bullet",
                  "elements": [section(&[text("New dashboard")]), section(&[text("Search")])] },
                section(&[
                    text("by <!channel> *b* _i_ [a]("),
                    link("http://x.example"),
                    text(") <b>h</b> & @everyone <@U1> `c`\nBcc: x, see "),
                    link("https://x.example/d"),
                    text("."),
                ]),
            ] },
        ],
        "unfurl_links": false,
        "unfurl_media": false,
    });
    assert_eq!(bodies(&server), [("POST /s3cret/hook".to_owned(), expected)]);
}

#[test]
fn slack_makes_a_room_speaks_in_it_by_its_id_and_puts_it_away() {
    let server = Fixed::start(|request| {
        let path = request.split_whitespace().nth(1).unwrap().to_owned();
        assert!(request.contains("authorization: Bearer k3y-that-is-secret"), "{request}");
        answer(
            "200 OK",
            match path.as_str() {
                "/api/conversations.create" => r#"{"ok":true,"channel":{"id":"C1","name":"release-v1-2-0"}}"#,
                "/api/chat.postMessage" => r#"{"ok":true,"channel":"C1","ts":"1.2"}"#,
                "/api/conversations.archive" => r#"{"ok":true}"#,
                _ => r#"{"ok":false,"error":"unknown_method"}"#,
            },
        )
    });
    let text = format!(
        "runbook shop {{}}\nsecret key = getenv(\"KEY\")\n\
         channel room: slack {{ url = \"{}\"; token = key; room = \"#Release-v1.2.0\"; create = true; archive = T+2s }}\n\
         phase p: live {{\n  notify room \"one\"\n  notify room \"two\"\n  hold for 2s\n  hold for 1s\n}}\n",
        server.url()
    );
    let project = Project::with(&text);
    let mut command = project.command(&["run", "--yes", "--output", "plain"]);
    command.env("KEY", "k3y-that-is-secret");
    let ran = crate::binary::finish(command);
    assert_eq!(ran.code, 0, "{}", ran.text());
    let sent = bodies(&server);
    let calls: Vec<(&str, &Json)> =
        sent.iter().map(|(path, body)| (path.trim_start_matches("POST /api/"), &body["channel"])).collect();
    assert_eq!(
        calls,
        [
            ("conversations.create", &Json::Null),
            ("chat.postMessage", &json!("C1")),
            ("chat.postMessage", &json!("C1")),
            ("conversations.archive", &json!("C1")),
        ]
    );
    assert_eq!(sent[0].1, json!({ "name": "release-v1-2-0" }));
    // Of a room that nobody would be there to put away the plan speaks.
    let early = project.read("deploy.rb").replace("archive = T+2s", "archive = T+24h");
    project.write("deploy.rb", early);
    let checked = project.runbook(&["check", "--format", "short"]);
    assert!(
        checked.stdout.contains("the run is over before T+1d, and nobody is there who could archive"),
        "{}",
        checked.text()
    );
}

#[test]
fn teams_gets_a_card_whose_text_is_no_markdown() {
    let server = Fixed::start(|_| answer("202 Accepted", ""));
    let sent = send(&server, "teams { webhook = hook }", NOTIFY);
    assert_eq!(sent.code, 0, "{}", sent.text());
    let card = &bodies(&server)[0].1["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    let lines: Vec<String> = card["content"]["body"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| {
            assert_eq!(block["type"], "RichTextBlock");
            let runs = block["inlines"].as_array().unwrap();
            runs.iter().map(|run| format!("{}|", run["text"].as_str().unwrap())).collect()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Release 1.2.0: <!channel> *b* _i_ [a](http://x.example) <b>h</b> & @everyone <@U1> `c`? Bcc: x|",
            "New:|",
            "• |New dashboard|",
            "• |Search|",
            "by <!channel> *b* _i_ [a](|http://x.example|) <b>h</b> & @everyone <@U1> `c`|",
            "Bcc: x, see |https://x.example/d|.|",
        ]
    );
    // A connector says in the text of its answer that it did not work.
    let broken = Fixed::start(|_| answer("200 OK", "Webhook message delivery failed with error: nobody is there"));
    let sent = send(&broken, "teams { webhook = hook }", NOTIFY);
    assert!(
        sent.stdout.contains("a message could not be sent: the answer is 200: Webhook message delivery"),
        "{}",
        sent.text()
    );
}

#[test]
fn discord_gets_markdown_in_which_every_sign_is_escaped_and_nobody_is_mentioned() {
    let server = Fixed::start(ok);
    let sent = send(&server, "discord { webhook = hook }", NOTIFY);
    assert_eq!(sent.code, 0, "{}", sent.text());
    let (path, body) = bodies(&server).remove(0);
    assert_eq!(path, "POST /s3cret/hook?wait=true");
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    let value = r"\<\!channel\> \*b\* \_i\_ \[a\]\(<http://x.example>\) \<b\>h\</b\> & \@everyone \<\@U1\> \`c\`";
    let subject = value.replace("<http://x.example>", r"http\://x\.example");
    assert_eq!(
        body["content"].as_str().unwrap(),
        format!(
            "**Release 1\\.2\\.0\\: {subject}? Bcc\\: x**\nNew\\:\n- New dashboard\n- Search\nby {value}\nBcc\\: x, see <https://x.example/d>\\."
        )
    );
    // 2,000 characters, escapes included.
    let sent = send_with(&server, "discord { webhook = hook }", "notify team \"${value}\"", &"*".repeat(5_000));
    assert_eq!(sent.code, 0, "{}", sent.text());
    let content = bodies(&server).remove(1).1["content"].as_str().unwrap().to_owned();
    assert!(content.chars().count() <= 2_000 && content.len() > 1_900, "{}", content.len());
    assert!(content.ends_with("… \\(cut\\)"), "{content}");
}

#[test]
fn pagerduty_gets_one_alert_a_run_that_is_resolved_at_a_good_end() {
    let server = Fixed::start(|_| answer("202 Accepted", r#"{"status":"success"}"#));
    let text = |end: &str| {
        format!(
            "runbook shop \"Shop\" {{}}\nsecret key = getenv(\"KEY\")\nchannel oncall: pagerduty {{ url = \"{}\"; routing_key = key }}\n\
             phase p: live {{\n  notify oncall \"Going live\" \"first\" {{ severity = info }}\n  step a {{ run \"{end}\"; undo {{ run \"true\" }} }}\n}}\n\
             rollback {{ notify oncall \"Rolling back\"; undo }}\n",
            server.url()
        )
    };
    let run = |text: &str| {
        let project = Project::with(text);
        let mut command = project.command(&["run", "--yes", "--output", "plain"]);
        command.env("KEY", "k3y-that-is-secret");
        let ran = crate::binary::finish(command);
        (ran.code, project.record().run().id)
    };
    let (code, id) = run(&text("true"));
    assert_eq!(code, 0);
    let mut sent = bodies(&server);
    let timestamp = sent[0].1["payload"].as_object_mut().unwrap().shift_remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(
        sent,
        [
            (
                "POST /v2/enqueue".to_owned(),
                json!({
                    "routing_key": "k3y-that-is-secret", "event_action": "trigger", "dedup_key": id, "client": "runbook",
                    "payload": {
                        "summary": "Going live", "source": "Shop", "severity": "info",
                        "custom_details": { "run": id, "message": format!("{id}.0"), "text": "first" },
                    },
                })
            ),
            (
                "POST /v2/enqueue".to_owned(),
                json!({
                    "routing_key": "k3y-that-is-secret", "event_action": "resolve", "dedup_key": id,
                })
            ),
        ]
    );
    let (code, id) = run(&text("false"));
    assert_eq!(code, 3);
    let actions: Vec<(Json, Json)> =
        bodies(&server).into_iter().skip(2).map(|(_, b)| (b["event_action"].clone(), b["dedup_key"].clone())).collect();
    assert_eq!(actions, ["trigger", "trigger", "resolve"].map(|action| (json!(action), json!(id))));
}

#[test]
fn a_status_page_has_one_incident_a_run_and_the_words_of_its_sort() {
    let server = Fixed::start(|request| {
        assert!(request.contains("authorization: OAuth k3y-that-is-secret"), "{request}");
        let made = r#"{"id":"inc1","shortlink":"https://stspg.io/x","status":"scheduled","scheduled_for":"2099-05-01T10:00:00Z"}"#;
        answer(if request.starts_with("POST") { "201 Created" } else { "200 OK" }, made)
    });
    let notify = "notify team \"Maintenance <1.2.0>\" \"We work & ${value}\" { state = scheduled; from = T+0; to = T+45m; components = { abc = under_maintenance } }\n\
                  \x20 notify team \"${incident.id} ${incident.url}\" { state = investigating }\n  notify team \"over\" { state = resolved; components = { abc = operational } }";
    let sent = send_with(&server, "statuspage { page = \"p/1\"; token = key; url = \"URL\" }", notify, "<test>");
    assert_eq!(sent.code, 0, "{}", sent.text());
    let sent = bodies(&server);
    let calls: Vec<&str> = sent.iter().map(|(call, _)| call.as_str()).collect();
    let one = "/v1/pages/p%2F1/incidents/inc1";
    assert_eq!(
        calls,
        [
            "POST /v1/pages/p%2F1/incidents",
            &format!("GET {one}"),
            &format!("PATCH {one}"),
            &format!("GET {one}"),
            &format!("PATCH {one}")
        ]
    );
    let mut first = sent[0].1["incident"].clone();
    let run = first.as_object_mut().unwrap().shift_remove("metadata").unwrap();
    assert!(run["runbook"]["run"].as_str().unwrap().starts_with("shop-"));
    assert_eq!(
        first,
        json!({
            "body": "We work &amp; &lt;test&gt;", "component_ids": ["abc"], "components": { "abc": "under_maintenance" },
            "scheduled_for": "2099-05-01T10:00:00Z", "scheduled_until": "2099-05-01T10:45:00Z",
            "name": "Maintenance <1.2.0>", "status": "scheduled",
        })
    );
    // Of a maintenance that was planned nothing is investigated: it is in progress.
    assert_eq!(sent[2].1["incident"]["status"], "in_progress");
    assert_eq!(
        sent[4].1["incident"],
        json!({ "body": "over", "component_ids": ["abc"], "components": { "abc": "operational" }, "status": "completed" })
    );
}

#[test]
fn what_a_service_says_is_wrong_is_told_and_only_what_may_pass_is_tried_again() {
    type Reply = fn(&str) -> Option<String>;
    const SLACK: &str = "slack { webhook = hook }";
    const TOKEN: &str = "slack { url = \"URL\"; token = key; room = \"#r\" }";
    const PAGE: &str = "statuspage { page = \"p\"; token = key; url = \"URL\" }";
    const PAGER: &str = "pagerduty { routing_key = key; url = \"URL\" }";
    const CASES: &[(&str, Reply, usize, &str)] = &[
        (SLACK, |_| answer("400 Bad Request", "invalid_payload"), 1, "the answer is 400 Bad Request: invalid_payload"),
        (SLACK, |_| answer("404 Not Found", "no_service"), 1, "the answer is 404 Not Found: no_service"),
        (SLACK, |_| answer("410 Gone", "channel_is_archived"), 1, "the answer is 410 Gone: channel_is_archived"),
        (
            SLACK,
            |_| answer("503 Service Unavailable", "<html>busy</html>"),
            3,
            "the answer is 503 Service Unavailable; 3 tries",
        ),
        (
            TOKEN,
            |_| answer("200 OK", r#"{"ok":false,"error":"channel_not_found"}"#),
            1,
            "chat.postMessage: channel_not_found",
        ),
        (
            TOKEN,
            |_| answer("200 OK", r#"{"ok":false,"error":"ratelimited"}"#),
            3,
            "chat.postMessage: ratelimited; 3 tries",
        ),
        (
            TOKEN,
            |_| answer("200 OK", r#"{"ok":false,"error":"internal_error"}"#),
            1,
            "internal_error: it may have arrived, and is not sent twice",
        ),
        (
            TOKEN,
            |_| answer("200 OK", "garbage \u{1b}[2J"),
            1,
            "chat.postMessage answers 200 and not what Slack answers",
        ),
        (
            "discord { webhook = hook }",
            |_| {
                answer(
                    "429 Too Many Requests",
                    r#"{"message":"You are being rate limited.","retry_after":0.2,"global":false}"#,
                )
            },
            3,
            "You are being rate limited.; 3 tries",
        ),
        (
            "discord { webhook = hook }",
            |_| answer("404 Not Found", r#"{"message":"Unknown Webhook","code":10015}"#),
            1,
            "404 Not Found: Unknown Webhook",
        ),
        (
            "teams { webhook = hook }",
            |_| answer("200 OK", "Microsoft Teams endpoint returned HTTP error 429"),
            3,
            "Teams takes no more messages for now; 3 tries",
        ),
        (
            PAGER,
            |_| {
                answer(
                    "400 Bad Request",
                    r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect"]}"#,
                )
            },
            2,
            "Event object is invalid: Length of 'routing_key' is incorrect",
        ),
        (PAGER, |_| answer("202 Accepted", ""), 2, ""),
        (
            PAGE,
            |_| answer("401 Unauthorized", r#"{"error":"Could not authenticate k3y-that-is-secret"}"#),
            1,
            "401 Unauthorized: Could not authenticate ***",
        ),
        (PAGE, |_| answer("420 Enhance Your Calm", r#"{"error":"rate"}"#), 3, "rate; 3 tries"),
        (
            PAGE,
            |_| answer("422 Unprocessable Entity", r#"{"error":["Name can't be blank"]}"#),
            1,
            "422 Unprocessable Entity: Name can't be blank",
        ),
        (PAGE, |_| answer("201 Created", "garbage"), 1, "the answer is not what Statuspage answers"),
        (
            "webhook { url = hook }",
            |_| answer("302 Found", ""),
            1,
            "the answer is 302 Found, and redirects are not followed",
        ),
    ];
    std::thread::scope(|scope| {
        for (channel, reply, tries, why) in CASES {
            scope.spawn(move || {
                let server = Fixed::start(reply);
                let sent = send(&server, channel, "notify team \"hello\"");
                let told = if why.is_empty() { String::new() } else { format!("{why}\n") };
                let line = sent.stdout.lines().find(|l| l.contains("could not be sent")).map(|l| format!("{l}\n"));
                assert!(line.unwrap_or_default().ends_with(&told), "{channel}: {why}\n{}", sent.text());
                assert_eq!(sent.stdout.contains("could not be sent"), !why.is_empty(), "{}", sent.text());
                // A message that is not required fails nothing.
                assert_eq!(sent.code, 0, "{}", sent.text());
                assert_eq!(server.requests().len(), *tries, "{channel}: {why}\n{:#?}", server.requests());
                assert!(!sent.text().contains("k3y-that-is-secret") && !sent.text().contains("s3cret/hook"));
                assert!(!sent.text().contains('\u{1b}'));
            });
        }
    });
}

#[test]
fn a_channel_speaks_in_order_however_long_one_message_takes() {
    // The first message is refused twice.
    let server = Fixed::start(|request| {
        static TRIES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let first = request.contains("first") && TRIES.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
        if first { answer("503 Service Unavailable", "") } else { answer("200 OK", "ok") }
    });
    let sent = send(
        &server,
        "webhook { url = hook }",
        "notify team \"first\"\n  notify team \"second\"\n  notify team \"third\"",
    );
    assert_eq!(sent.code, 0, "{}", sent.text());
    let texts: Vec<Json> = bodies(&server).into_iter().map(|(_, body)| body["text"].clone()).collect();
    assert_eq!(texts, ["first", "first", "first", "second", "third"]);
    let keys: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|r| r.lines().find(|l| l.starts_with("idempotency-key: ")).map(str::to_owned))
        .collect();
    // One name however often it is tried.
    assert!(keys.len() == 5 && keys[0] == keys[2] && keys[2] != keys[3] && keys[3] != keys[4], "{keys:?}");
}

#[test]
fn what_a_channel_cannot_do_without_is_said_before_anything_starts() {
    let check = |channel: &str| {
        let text = format!(
            "runbook r {{}}\nsecret key = getenv(\"KEY\")\nsecret hook = getenv(\"HOOK\")\nchannel team: {channel}\n\
             phase p: live {{ step a {{ run \"true\"; undo none \"x\" }}\n notify team \"x\" }}\non rolled_back {{ notify team \"back\" }}\n"
        );
        Project::with(&text).runbook(&["check", "--format", "short"]).stdout
    };
    for (channel, says) in [
        ("slack { room = \"#a\" }", "a channel of the kind `slack` has a `webhook`, or a `token` and a `room`"),
        ("slack { webhook = hook; token = key; room = \"#a\" }", "a channel has a `webhook` or a `token`, not both"),
        ("slack { webhook = hook; create = true }", "a `create` needs a `token`"),
        (
            "email { smtp = \"smtp://x.example\"; from = \"a@x.example\"; to = [\"b@x.example\"]; password = key }",
            "a `password` needs a `user`",
        ),
        ("statuspage { page = \"x\" }", "a channel of the kind `statuspage` has a `token`"),
        ("pagerduty { }", "a channel of the kind `pagerduty` has a `routing_key`"),
        (
            "statuspage { page = \"x\"; token = key }\nseverity bad { then rollback; notify = [team] }",
            "`team` is a page for customers, and what a severity says by itself is not for them",
        ),
        ("sms { }", "there is no kind of channel `sms`"),
    ] {
        assert!(check(channel).contains(says), "{channel}\n{}", check(channel));
    }
    // What only the secrets tell is said when they are read.
    for (channel, says) in [
        (
            "teams { webhook = hook }",
            "the webhook of the channel `team` is none: relative URL without a base; nothing was started",
        ),
        (
            "email { smtp = \"http://x.example\"; from = \"a@x.example\"; to = [\"b@x.example\"] }",
            "the smtp of the channel `team` is none: it does not begin with `smtp://` or `smtps://`",
        ),
        (
            "email { smtp = \"smtp://u:p@x.example\"; from = \"a@x.example\"; to = [\"b@x.example\"] }",
            "it names a user: that would be shown",
        ),
    ] {
        let text = format!(
            "runbook r {{}}\nsecret hook = getenv(\"HOOK\")\nchannel team: {channel}\nphase p: prepare {{ notify team \"x\" }}\n"
        );
        let project = Project::with(&text);
        let mut command = project.command(&["run", "--yes"]);
        command.env("HOOK", "not-a-url");
        let ran = crate::binary::finish(command);
        assert_eq!(ran.code, 2, "{}", ran.text());
        assert!(ran.stderr.contains(says), "{}", ran.text());
    }
}
