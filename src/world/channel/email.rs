//! Mail, by SMTP: UTF-8, as text and as HTML, to all recipients at once.

use std::collections::BTreeSet;

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::engine::Outgoing;
use crate::plan::Channel;
use crate::value::{Value, evaluate};
use crate::world::World;
use crate::world::http::{deepest, is_here};
use crate::world::scope::HandOver;

use super::words::{Block, blocks, headline, html_line, text};
use super::{LIMIT, Problem, Tried};

/// The longest subject, in characters.
const SUBJECT: usize = 200;

/// The longest text, in characters.
const TEXT: usize = 100_000;

/// The host and the port of a server of mail.
///
/// # Errors
/// Says why the address is none.
pub(in crate::world) fn server(url: &url::Url, login: bool) -> Result<(String, u16), String> {
    let usual = match (url.scheme(), login) {
        ("smtps", _) => 465,
        ("smtp", true) => 587,
        ("smtp", false) => 25,
        _ => return Err("it does not begin with `smtp://` or `smtps://`".into()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it names a user: that would be shown; write `user = …` and `password = …`".into());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it has no host")?;
    Ok((host.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(usual)))
}

/// The sender and the recipients.
///
/// # Errors
/// Says which of them is no address.
pub(super) fn people(channel: &Channel, scope: &HandOver<'_>) -> Result<(Mailbox, Vec<Mailbox>), String> {
    let value = |name: &str| {
        let expr = channel.setting(name).ok_or_else(|| format!("has no `{name}`"))?;
        evaluate(expr, scope).map_err(|e| e.to_string())
    };
    let mailbox = |address: &Value| {
        let text = address.to_string();
        text.parse::<Address>().map(Mailbox::from).map_err(|why| format!("names `{text}`, which is no address: {why}"))
    };
    let to = match value("to")? {
        Value::List(items) => items.iter().map(mailbox).collect::<Result<Vec<_>, _>>()?,
        one => vec![mailbox(&one)?],
    };
    if to.is_empty() {
        return Err("goes to nobody".into());
    }
    Ok((mailbox(&value("from")?)?, to))
}

impl World {
    /// One mail, to each recipient by itself: one who is refused keeps it from nobody else. `had`: who has it from an earlier
    /// try.
    pub(super) async fn mail(&self, message: &Outgoing, had: &mut BTreeSet<String>) -> Tried {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        let (from, to) = people(&message.channel, &scope).map_err(Problem::Final)?;
        let mail = written(message, &scope).map_err(Problem::Final)?.formatted();
        let transport = self.transport(&message.channel).await?;
        let left: Vec<Mailbox> = to.into_iter().filter(|to| !had.contains(&to.email.to_string())).collect();
        let (mut refused, mut later) = (Vec::new(), None);
        for recipient in left {
            let address = recipient.email.to_string();
            let envelope = Envelope::new(Some(from.email.clone()), vec![recipient.email])
                .map_err(|e| Problem::Final(format!("cannot be written: {e}")))?;
            match tokio::time::timeout(LIMIT, transport.send_raw(&envelope, &mail)).await {
                Ok(Ok(_)) => {
                    had.insert(address);
                }
                Ok(Err(error)) => {
                    let why = match error.status() {
                        Some(code) => format!("the mail server says {code}: {}", deepest(&error)),
                        None => format!("the mail server: {}", deepest(&error)),
                    };
                    // The server itself refuses: the login, the service.
                    let code = error.status().map(u16::from);
                    let answered = code.is_some_and(|code| !matches!(code, 421 | 530 | 534 | 535 | 538));
                    match error.is_permanent() || error.is_client() || error.is_tls() {
                        true => refused.push(if answered { format!("{address}: {why}") } else { why }),
                        false => later = Some(if answered { format!("{address}: {why}") } else { why }),
                    }
                    // It refuses, or answers, nobody else in another way.
                    if !answered {
                        break;
                    }
                }
                Err(_) => {
                    later = Some("the mail server did not answer in time".to_owned());
                    break;
                }
            }
        }
        let others = if had.is_empty() { "" } else { "; all others have it" };
        match (later, refused.is_empty()) {
            (Some(why), _) => Err(Problem::Again(format!("{why}{others}"), None)),
            (None, false) => Err(Problem::Final(format!("{}{others}", refused.join(", ")))),
            (None, true) => Ok(None),
        }
    }

    async fn transport(&self, channel: &Channel) -> Result<AsyncSmtpTransport<Tokio1Executor>, Problem> {
        let url = url::Url::parse(&self.needed(channel, "smtp")?)
            .map_err(|e| Problem::Final(format!("its `smtp` is not a URL: {e}")))?;
        let (user, password) = (self.setting(channel, "user")?, self.setting(channel, "password")?);
        let (host, port) = server(&url, user.is_some()).map_err(Problem::Final)?;
        let ca = self.setting(channel, "ca")?;
        let parameters = async {
            let mut builder = TlsParameters::builder(host.clone());
            if let Some(ca) = &ca {
                let said = |why: String| format!("the file `{ca}`: {why}");
                let pem = tokio::fs::read(self.dir.join(ca)).await.map_err(|e| said(e.to_string()))?;
                if !pem.windows(17).any(|w| w == b"BEGIN CERTIFICATE") {
                    return Err(said("there is no certificate in it".into()));
                }
                let authority = Certificate::from_pem(&pem).map_err(|e| said(deepest(&e)))?;
                builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
            }
            builder.build_rustls().map_err(|e| format!("TLS is not available: {}", deepest(&e)))
        };
        let tls = match url.scheme() {
            "smtps" => Tls::Wrapper(parameters.await.map_err(Problem::Final)?),
            // Nobody listens between here and here.
            _ if is_loopback(&url) && ca.is_none() => Tls::None,
            _ if user.is_some() || ca.is_some() => Tls::Required(parameters.await.map_err(Problem::Final)?),
            _ => Tls::Opportunistic(parameters.await.map_err(Problem::Final)?),
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host).port(port).timeout(Some(LIMIT)).tls(tls);
        if let Some(user) = user {
            builder = builder.credentials(Credentials::new(user, password.unwrap_or_default()));
        }
        Ok(builder.build())
    }
}

/// Whether a server is on this machine.
fn is_loopback(url: &url::Url) -> bool {
    // Of a scheme that it does not know, a URL keeps an address as a name.
    let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok());
    address.is_some_and(|address| address.is_loopback()) || is_here(url)
}

fn written(message: &Outgoing, scope: &HandOver<'_>) -> Result<Message, String> {
    let (from, to) = people(&message.channel, scope)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .from(from)
        .subject(headline(message, SUBJECT))
        .message_id(Some(format!("<{}@{domain}>", message.id)))
        .date(std::time::SystemTime::from(message.at));
    for recipient in to {
        builder = builder.to(recipient);
    }
    // Whoever is away answers people, and not this.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let builder = builder.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    let text = text(message, TEXT);
    let page = page(&text);
    let part = |kind: ContentType, body: String| SinglePart::builder().header(kind).body(body);
    let body = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, text))
        .singlepart(part(ContentType::TEXT_HTML, page));
    builder.multipart(body).map_err(|e| format!("cannot be written: {e}"))
}

fn page(text: &str) -> String {
    let mut body = String::new();
    for block in blocks(text) {
        match block {
            Block::Lines(lines) => {
                for paragraph in lines.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()) {
                    let lines: Vec<String> = paragraph.iter().map(|line| html_line(line)).collect();
                    body.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
                }
            }
            Block::List(entries) => {
                let entries: String = entries.iter().map(|entry| format!("<li>{}</li>\n", html_line(entry))).collect();
                body.push_str(&format!("<ul>\n{entries}</ul>\n"));
            }
        }
    }
    format!("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n{body}</body></html>\n")
}
