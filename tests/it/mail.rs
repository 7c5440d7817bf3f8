//! Mail to a real SMTP server: what arrives, byte for byte in what matters; TLS, login, refusals.

use crate::binary::{Output, Project, finish};
use crate::servers::{Mail, certificate, has};

fn send(project: &Project, port: u16, settings: &str, notify: &str, value: &str) -> Output {
    let text = format!(
        "runbook shop \"Shop\" {{}}\nrelease {{ version = \"1.2.0\" }}\nscope {{\n  feature \"New <dashboard>\"\n  feature \"Search\"\n}}\n\
         var value: string\nsecret password = getenv(\"PASSWORD\")\n\
         channel mail: email {{ {} }}\nphase p: prepare {{\n  {notify}\n}}\n",
        settings.replace("PORT", &port.to_string())
    );
    project.write("deploy.rb", text);
    let mut command = project.command(&["run", "--yes", "--output", "plain", "--var", &format!("value={value}")]);
    command.env("PASSWORD", "s3cret-enough");
    finish(command)
}

const PLAIN: &str = "smtp = \"smtp://127.0.0.1:PORT\"; from = \"release@acme.example\"; to = [\"eng@acme.example\", \"support@acme.example\"]";

/// The text of a part, with its encoding undone.
fn decoded(mail: &str, kind: &str) -> String {
    let part = mail.split(&format!("Content-Type: {kind}; charset=utf-8\r\n")).nth(1).unwrap();
    let (head, rest) = part.split_once("\r\n\r\n").unwrap();
    let body = rest.split("\r\n--").next().unwrap();
    if head.contains("base64") {
        use base64::Engine;
        let text = body.replace("\r\n", "");
        return String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap();
    }
    if !head.contains("quoted-printable") {
        return body.replace("\r\n", "\n");
    }
    let text = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        match (first, more) {
            (b'=', [a, b, tail @ ..]) => {
                let digits = [*a, *b];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_mail_arrives_as_text_and_as_html_and_no_value_becomes_a_header_or_a_tag() {
    let Some(server) = Mail::start(&["plain"]) else { return };
    let project = Project::new();
    let notify = "notify mail \"Release ${release.version} für ${value}\" \"New: ${scope.features}\n  for <b>${value}</b>, see https://x.example/d?a=1&b=2.\"".replace('\n', "\\n");
    let sent = send(&project, server.port(), PLAIN, &notify, "Zoë\r\nBcc: eve@evil.example\r\n\r\n<script>");
    assert_eq!(sent.code, 0, "{}", sent.text());
    let mails = server.mails();
    let [(about, mail), (other, same)] = &mails[..] else { panic!("{mails:#?}") };
    assert_eq!(about["from"], "release@acme.example");
    // Nobody else, whatever a value says.
    assert_eq!(about["to"], serde_json::json!(["eng@acme.example"]));
    assert_eq!((&other["to"], same), (&serde_json::json!(["support@acme.example"]), mail));
    let head = mail.split("\r\n\r\n").next().unwrap();
    let header = |name: &str| {
        let unfolded = head.replace("\r\n ", " ");
        unfolded.lines().find_map(|l| l.strip_prefix(&format!("{name}: "))).map(str::to_owned)
    };
    assert_eq!(header("Bcc"), None);
    assert_eq!(header("To").as_deref(), Some("eng@acme.example, support@acme.example"));
    let run = project.record().run().id;
    assert_eq!(header("Message-ID").unwrap(), format!("<{run}.0@acme.example>"));
    assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let subject = header("Subject").unwrap();
    assert!(subject.is_ascii() && subject.starts_with("Release 1.2.0 =?utf-8?b?"), "{subject}");
    let value = "Zoë?\nBcc: eve@evil.example?\n?\n<script>".replace('?', "");
    assert_eq!(
        decoded(mail, "text/plain"),
        format!("New:\n- New <dashboard>\n- Search\n  for <b>{value}</b>, see https://x.example/d?a=1&b=2.")
    );
    let html = decoded(mail, "text/html");
    assert!(html.contains("<ul>\n<li>New &lt;dashboard&gt;</li>\n<li>Search</li>\n</ul>"), "{html}");
    assert!(
        html.contains("for &lt;b&gt;Zoë") && html.contains("&lt;script&gt;") && !html.contains("<script>"),
        "{html}"
    );
    assert!(
        html.contains("<a href=\"https://x.example/d?a=1&amp;b=2\">https://x.example/d?a=1&amp;b=2</a>."),
        "{html}"
    );
}

#[test]
fn a_message_without_a_subject_has_its_first_line_for_one() {
    let Some(server) = Mail::start(&["plain"]) else { return };
    let project = Project::new();
    let sent = send(&project, server.port(), PLAIN, "notify mail \"It is live\\nand well\"", "x");
    assert_eq!(sent.code, 0, "{}", sent.text());
    assert!(server.mails()[0].1.contains("Subject: It is live\r\n"), "{}", server.mails()[0].1);
}

#[test]
fn starttls_tls_and_login_are_what_a_server_asks_for_and_are_never_given_in_the_clear() {
    if !has("openssl") {
        return;
    }
    let project = Project::new();
    certificate(project.path());
    let file = |name: &str| project.path().join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let login = ["release", "s3cret-enough"];
    for mode in ["starttls", "tls"] {
        let words = [mode, &cert, &key, login[0], login[1]];
        let Some(server) = Mail::start(&words) else { return };
        let scheme = if mode == "tls" { "smtps" } else { "smtp" };
        let plain = PLAIN.replace("smtp://", &format!("{scheme}://"));
        let with = |more: &str| send(&project, server.port(), &format!("{plain}; {more}"), "notify mail \"x\"", "x");
        let sent = with("ca = \"cert.pem\"; user = \"release\"; password = password");
        assert_eq!(sent.code, 0, "{}", sent.text());
        assert!(!sent.stdout.contains("could not be sent"), "{mode}: {}", sent.text());
        let (about, _) = server.mails().remove(0);
        assert_eq!((&about["tls"], &about["user"]), (&true.into(), &"release".into()), "{mode}");
        // A wrong password, no password, an authority that is not known.
        for (more, says) in
            [("ca = \"cert.pem\"; user = \"eve\"; password = password", "535"), ("ca = \"cert.pem\"", "530")]
        {
            let sent = with(more);
            let line = sent.stdout.lines().find(|l| l.contains("could not be sent")).unwrap_or_default();
            assert!(line.contains(&format!("the mail server says {says}")), "{mode} {more}: {}", sent.text());
            assert!(!sent.text().contains("s3cret-enough"));
        }
        assert_eq!(server.mails().len(), 2);
    }
    let Some(server) = Mail::start(&["tls", &cert, &key]) else { return };
    let tls = PLAIN.replace("smtp://", "smtps://");
    let sent = send(&project, server.port(), &tls, "notify mail \"x\"", "x");
    assert!(sent.stdout.contains("invalid peer certificate"), "{}", sent.text());
    let sent = send(&project, server.port(), &format!("{tls}; ca = \"deploy.rb\""), "notify mail \"x\"", "x");
    assert!(sent.stdout.contains("the file `deploy.rb`: there is no certificate in it"), "{}", sent.text());
    // Whoever asks for TLS gets no mail without it.
    let Some(server) = Mail::start(&["plain"]) else { return };
    let sent = send(&project, server.port(), &format!("{PLAIN}; ca = \"cert.pem\""), "notify mail \"x\"", "x");
    assert!(sent.stdout.contains("could not be sent"), "{}", sent.text());
    assert!(server.mails().is_empty());
}

#[test]
fn what_a_server_refuses_for_now_is_tried_again_and_what_it_refuses_for_good_is_not() {
    let Some(server) = Mail::start(&["plain"]) else { return };
    let project = Project::new();
    let to = |name: &str| PLAIN.replace("eng@", &format!("{name}@"));
    let sent = send(&project, server.port(), &to("gone"), "notify mail \"x\"", "x");
    assert!(sent.stdout.contains("the mail server says 550: "), "{}", sent.text());
    assert!(sent.stdout.contains("no such user here"), "{}", sent.text());
    let sent = send(&project, server.port(), &to("full"), "notify mail \"x\"", "x");
    assert!(sent.stdout.contains("the mail server says 452"), "{}", sent.text());
    assert!(sent.stdout.contains("; 3 tries"), "{}", sent.text());
    assert_eq!(std::fs::read_to_string(server.path().join("tries")).unwrap().lines().count(), 3);
    // Whoever is not refused has it, once.
    let had: Vec<serde_json::Value> = server.mails().into_iter().map(|(about, _)| about["to"].clone()).collect();
    assert_eq!(had, [serde_json::json!(["support@acme.example"]), serde_json::json!(["support@acme.example"])]);
    assert!(sent.stdout.contains("; all others have it"), "{}", sent.text());
    let sent = send(&project, 1, PLAIN, "notify mail \"x\" { required = true }", "x");
    assert!(sent.stdout.contains("Connection refused") && sent.stdout.contains("3 tries"), "{}", sent.text());
    assert_eq!(sent.code, 5, "{}", sent.text());
}
