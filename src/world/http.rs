//! Requests: built, never pasted; bounded in time, redirects and size.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use percent_encoding::utf8_percent_encode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use crate::engine::{Failure, FailureSort};
use crate::plan::{Body, Request, UrlPart};
use crate::value::{Expr, Value, evaluate};

use super::mask::UNRESERVED;
use super::output::harmless_line;
use super::scope::{Answer, HandOver, Outcome};
use super::{Ran, Stop, Stopper, World};

/// The largest body that is read, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// A redirect more is one too many.
const REDIRECTS: usize = 10;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// A request with everything worked out.
pub(super) struct Prepared {
    method: reqwest::Method,
    url: url::Url,
    pub(super) headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Prepared {
    /// A GET.
    pub(super) fn get(url: url::Url) -> Self {
        Prepared { method: reqwest::Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// A POST of a form.
    pub(super) fn form(url: url::Url, body: String) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        Prepared { method: reqwest::Method::POST, url, headers, body: Some(body.into_bytes()) }
    }

    /// A POST of JSON.
    pub(super) fn json(url: url::Url, body: &serde_json::Value) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Prepared { method: reqwest::Method::POST, url, headers, body: Some(body.to_string().into_bytes()) }
    }
}

/// What every client has in common.
pub(super) fn builder() -> reqwest::ClientBuilder {
    let agent = concat!("runbook/", env!("CARGO_PKG_VERSION"));
    reqwest::Client::builder().user_agent(agent).referer(false).connect_timeout(CONNECT)
}

/// Where a redirect may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Nowhere: what may change something is sent to the one place that was named.
    None,
    /// To the same server: what was written into the header is for nobody else.
    SameServer,
    /// Anywhere.
    Any,
}

/// The clients, one for each way of redirecting, with a proxy or without, made when they are needed.
#[derive(Default)]
pub(super) struct Clients([tokio::sync::OnceCell<reqwest::Client>; 6]);

/// Whether a server is on this machine. No proxy leads there, whatever the environment names one for.
pub(super) fn is_here(url: &reqwest::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl World {
    pub(super) async fn client(&self, redirects: Redirects, url: &reqwest::Url) -> Result<&reqwest::Client, String> {
        let here = is_here(url);
        let policy = || match redirects {
            Redirects::None => Policy::none(),
            Redirects::Any => Policy::limited(REDIRECTS),
            Redirects::SameServer => Policy::custom(|attempt| {
                let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
                match same {
                    true if attempt.previous().len() > REDIRECTS => attempt.error("too many redirects"),
                    true => attempt.follow(),
                    false => attempt.stop(),
                }
            }),
        };
        let build = || async {
            let builder = builder().redirect(policy());
            if here { builder.no_proxy() } else { builder }.build()
        };
        let client = &self.clients.0[redirects as usize + 3 * usize::from(here)];
        client.get_or_try_init(build).await.map_err(|e| format!("HTTP is not available: {}", deepest(&e)))
    }

    /// Sends a request, with what its gate captured before.
    pub(super) async fn request(&self, request: &Request, captured: &[(String, Value)], mut stop: Stopper) -> Ran {
        let scope = HandOver { vault: &self.vault, captured };
        let error = |why: String| Ran::Failed(Failure::new(FailureSort::Error, self.vault.mask().text(&why)));
        let prepared = match prepare(request, &scope) {
            Ok(prepared) => prepared,
            Err(why) => return error(why),
        };
        let looks = matches!(prepared.method, reqwest::Method::GET | reqwest::Method::HEAD);
        let redirects = match looks {
            false => Redirects::None,
            true if prepared.headers.is_empty() && prepared.body.is_none() => Redirects::Any,
            true => Redirects::SameServer,
        };
        let client = match self.client(redirects, &prepared.url).await {
            Ok(client) => client,
            Err(why) => return error(why),
        };
        tokio::select! {
            answer = self.exchange(client, prepared) => match answer {
                Ok(answer) => Ran::Through(Outcome::Answer(answer)),
                Err(why) => Ran::Failed(Failure::new(FailureSort::Failed, self.vault.mask().text(&why))),
            },
            _ = stop.wait_for(|wish| *wish != Stop::No) => Ran::Cancelled,
        }
    }

    pub(super) async fn exchange(&self, client: &reqwest::Client, prepared: Prepared) -> Result<Answer, String> {
        let mut builder = client.request(prepared.method, prepared.url).headers(prepared.headers);
        if let Some(body) = prepared.body {
            builder = builder.body(body);
        }
        #[allow(clippy::disallowed_methods, reason = "the latency of a request is measured here")]
        let began = Instant::now();
        let mut response = builder.send().await.map_err(|e| unreachable(&e))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| unreachable(&e))? {
            if bytes.len() + chunk.len() > LARGEST {
                return Err(format!("the answer ({status}) is larger than 8 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let latency = SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX);
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let masked = self.vault.mask().text(&body);
        let tail = masked.lines().filter(|l| !l.trim().is_empty()).take(5).map(harmless_line).collect();
        // To the microsecond: finer than that it says nothing.
        let latency = SignedDuration::from_micros((latency.as_micros()) as i64);
        Ok(Answer { status, headers, body, latency, tail })
    }
}

fn prepare(request: &Request, scope: &HandOver<'_>) -> Result<Prepared, String> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| format!("`{}` is not a method", request.method))?;
    let url = build_url(&request.url, scope)?;
    let mut headers = HeaderMap::new();
    for (name, expr) in &request.header {
        let value = text(expr, scope)?;
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is not a name of a header"))?;
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| format!("the header `{name}` would have a character that no header may have"))?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    let (body, kind) = match &request.body {
        None => (None, None),
        Some(Body::Json(expr)) => {
            let json = evaluate(expr, scope).map_err(|e| e.to_string())?.to_json();
            (Some(json.to_string().into_bytes()), Some("application/json"))
        }
        Some(Body::Form(entries)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, expr) in entries {
                form.append_pair(name, &text(expr, scope)?);
            }
            (Some(form.finish().into_bytes()), Some("application/x-www-form-urlencoded"))
        }
        Some(Body::Text(expr)) => (Some(text(expr, scope)?.into_bytes()), None),
    };
    if let Some(kind) = kind
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(Prepared { method, url, headers, body })
}

fn text(expr: &Expr, scope: &HandOver<'_>) -> Result<String, String> {
    evaluate(expr, scope).map(|v| v.to_string()).map_err(|e| e.to_string())
}

/// The URL of its pieces: a `url` as it is, other values percent-encoded, so that none can become a host, a path or a
/// parameter of its own.
pub(super) fn build_url(parts: &[UrlPart], scope: &HandOver<'_>) -> Result<url::Url, String> {
    let mut built = String::new();
    let mut values = Vec::new();
    for part in parts {
        match part {
            UrlPart::Text(literal) => built.push_str(literal),
            UrlPart::Base(expr) => built.push_str(&text(expr, scope)?),
            UrlPart::Value(expr) => {
                let start = built.len();
                built.extend(utf8_percent_encode(&text(expr, scope)?, UNRESERVED));
                values.push(start..built.len());
            }
        }
    }
    refuse_dots(&built, &values)?;
    let url = url::Url::parse(&built).map_err(|e| format!("`{}` is not a URL: {e}", super::short(&built)))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("`{}` is not a URL of a web server", super::short(&built)));
    }
    Ok(url)
}

/// A value that makes a part of the path `.` or `..` would climb in it, and no encoding hides that.
fn refuse_dots(built: &str, values: &[std::ops::Range<usize>]) -> Result<(), String> {
    let path_end = built.find(['?', '#']).unwrap_or(built.len());
    let mut start = 0;
    for segment in built[..path_end].split('/') {
        let end = start + segment.len();
        let has_value = values.iter().any(|v| v.start <= end && v.end >= start && !v.is_empty());
        if has_value && matches!(segment, "." | "..") {
            return Err(format!("a value would make `{segment}` a part of the path, which climbs in it"));
        }
        start = end + 1;
    }
    Ok(())
}

/// Why there is no answer, in words.
pub(super) fn unreachable(error: &reqwest::Error) -> String {
    let host = error.url().map(|u| {
        let port = u.port().map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}{port}", u.host_str().unwrap_or_default())
    });
    let host = host.unwrap_or_else(|| "the server".into());
    let cause = deepest(error);
    if error.is_redirect() {
        return format!("{host} redirects more than {REDIRECTS} times");
    }
    if error.is_timeout() {
        return format!("{host} did not answer in time");
    }
    if error.is_connect() {
        return format!("{host} cannot be reached: {cause}");
    }
    format!("{host} did not answer: {cause}")
}

/// The cause at the bottom, which says most.
pub(super) fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    super::short(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::vault::Vault;

    fn built(parts: &[UrlPart]) -> Result<String, String> {
        let vault = Vault::default();
        build_url(parts, &HandOver { vault: &vault, captured: &[] }).map(|u| u.to_string())
    }

    #[test]
    fn a_value_in_a_url_is_never_more_than_a_value() {
        let base = || UrlPart::Base(Expr::text("https://api.example"));
        let value = |v: &str| UrlPart::Value(Expr::text(v));
        let text = |t: &str| UrlPart::Text(t.into());
        assert_eq!(
            built(&[base(), text("/users/"), value("a/../b?x=1&y#z @é"), text("?q="), value("&admin=1")]),
            Ok("https://api.example/users/a%2F..%2Fb%3Fx%3D1%26y%23z%20%40%C3%A9?q=%26admin%3D1".into())
        );
        // In the place of a host a value cannot bring another one.
        assert!(built(&[text("https://"), value("evil.example/"), text(".example/")]).is_err());
        assert_eq!(built(&[text("https://"), value("eu-1"), text(".example/")]), Ok("https://eu-1.example/".into()));
        assert!(built(&[UrlPart::Base(Expr::text("file:///etc/passwd"))]).is_err());
        // Nor can it climb in the path.
        assert!(built(&[base(), text("/a/"), value("..")]).is_err());
        assert!(built(&[base(), text("/a/."), value("."), text("/b")]).is_err());
        assert!(built(&[base(), text("/a/"), value("..b"), text("?x="), value("..")]).is_ok());
    }
}
