//! What is declared beside the timeline.

use jiff::SignedDuration;

use crate::check::model::{self, Typed};
use crate::check::vocabulary::scope_sort;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{
    Channel, ChannelKind, Fact, Link, Plan, Release, Risk, Role, Runbook, ScopeItem, Secret, SecretSource,
};
use crate::value::{Expr, Part, RefKind, Value};

use super::Lowering;

/// How long a process has between SIGTERM and SIGKILL, where the runbook does not say.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// How long the answer to a fact may take that does not say.
const FACT_LIMIT: SignedDuration = SignedDuration::from_secs(60);

/// What `shell` starts, where the runbook does not say.
const SHELL: [&str; 4] = ["bash", "-euo", "pipefail", "-c"];

/// The lists of the scope that messages may name.
const SCOPE_WORDS: [&str; 9] = [
    "features",
    "fixes",
    "improvements",
    "breaking",
    "deprecations",
    "known_issues",
    "database",
    "security",
    "out_of_scope",
];

impl<'m> Lowering<'m> {
    pub(super) fn runbook(&mut self) -> Runbook {
        let model = &self.model.runbook;
        let locks = match self.texts(model.lock.as_ref()) {
            locks if locks.is_empty() => vec![model.id.text.clone()],
            locks => locks,
        };
        let shell = match self.texts(model.shell.as_ref()) {
            shell if shell.is_empty() => SHELL.iter().map(|s| (*s).to_owned()).collect(),
            shell => shell,
        };
        Runbook {
            id: model.id.text.clone(),
            title: self.title(model.title.as_ref(), &model.id.text),
            describe: self.optional_text(model.describe.as_ref()),
            owner: self.optional_text(model.owner.as_ref()),
            file: self.place(model.id.span).file,
            timezone: self.zone.clone(),
            inherit: self.texts(model.inherit.as_ref()),
            grace: self.optional_duration(model.grace.as_ref()).unwrap_or(GRACE),
            locks,
            shell,
        }
    }

    pub(super) fn release(&mut self) -> Option<Release> {
        let found = self.model.release.as_ref().map(|model| {
            let start = match model.start.as_ref().and_then(|s| self.value(s)) {
                Some(Value::Instant(start)) => self.inputs.start.or(Some(start)),
                _ => None,
            };
            Release {
                version: self.optional_text(model.version.as_ref()),
                previous: self.optional_text(model.previous.as_ref()),
                kind: self.optional_text(model.kind.as_ref()),
                strategy: self.optional_text(model.strategy.as_ref()),
                manager: model.manager.clone(),
                downtime: self.optional_duration(model.downtime.as_ref()),
                goals: model.goals.iter().filter_map(|g| self.text(g)).collect(),
                describe: self.optional_text(model.describe.as_ref()),
                start,
            }
        });
        if let (Some(model), Some(release)) = (&self.model.release, &found)
            && let Some(finding) = kind_misfit(model, release)
        {
            self.push(finding);
        }
        let release = found.clone().unwrap_or_default();
        self.learn("release.version", release.version.map(Value::Text));
        self.learn("release.previous", release.previous.map(Value::Text));
        self.learn("release.kind", release.kind.map(Value::Word));
        self.learn("release.strategy", release.strategy.map(Value::Word));
        let manager = release.manager.map(|id| {
            let role = self.model.roles.iter().find(|r| r.id.text == id);
            role.and_then(|r| r.title.clone()).map_or(id, |title| self.title(Some(&title), ""))
        });
        self.learn("release.manager", manager.map(Value::Text));
        self.learn("release.start", release.start.map(Value::Instant));
        self.learn("release.downtime", release.downtime.map(Value::Duration));
        found
    }

    pub(super) fn scope(&mut self) -> Vec<ScopeItem> {
        let items: Vec<ScopeItem> = self.model.scope.iter().map(|item| self.scope_item(item)).collect();
        for word in SCOPE_WORDS {
            let of_sort = items.iter().filter(|i| i.sort == scope_sort(word));
            let list = of_sort.map(|i| Value::Text(i.title.clone())).collect();
            self.learn(&format!("scope.{word}"), Some(Value::List(list)));
        }
        items
    }

    fn scope_item(&mut self, item: &'m model::ScopeItem) -> ScopeItem {
        let settings = item.settings.iter().filter_map(|(name, value)| {
            let value = match self.value(value)? {
                Value::List(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
                other => other.to_string(),
            };
            Some((name.clone(), value))
        });
        ScopeItem {
            sort: item.sort.clone(),
            settings: settings.collect(),
            title: self.title(Some(&item.title), ""),
            describe: self.optional_text(item.describe.as_ref()),
        }
    }

    pub(super) fn risks(&mut self) -> Vec<Risk> {
        let model = self.model;
        let of = |l: &mut Self, risk: &'m model::Risk| Risk {
            id: risk.id.text.clone(),
            title: l.title(risk.title.as_ref(), &risk.id.text),
            probability: l.optional_text(risk.probability.as_ref()),
            impact: l.optional_text(risk.impact.as_ref()),
            owner: risk.owner.clone(),
            mitigation: l.texts(risk.mitigation.as_ref()),
            contingency: l.texts(risk.contingency.as_ref()),
            covered_by: risk.covered_by.clone(),
            describe: l.optional_text(risk.describe.as_ref()),
        };
        model.risks.iter().map(|risk| of(self, risk)).collect()
    }

    pub(super) fn roles(&mut self) -> Vec<Role> {
        let mut roles = Vec::new();
        for role in &self.model.roles {
            let contact = self.entries(role.contact.as_ref());
            let contact = contact.into_iter().filter_map(|(k, v)| Some((k, v.known()?.to_string()))).collect();
            let role = Role {
                id: role.id.text.clone(),
                title: self.title(role.title.as_ref(), &role.id.text),
                members: self.texts(role.members.as_ref()),
                backup: self.texts(role.backup.as_ref()),
                describe: self.optional_text(role.describe.as_ref()),
                reach: role.reach.clone(),
                answers_own: role.answers_own,
                duties: self.duties(&role.duties),
                contact,
            };
            let list = |items: &[String]| Some(Value::List(items.iter().cloned().map(Value::Text).collect()));
            self.learn(&format!("{}.members", role.id), list(&role.members));
            self.learn(&format!("{}.backup", role.id), list(&role.backup));
            let contact = role.contact.iter().map(|(k, v)| (k.clone(), Value::Text(v.clone()))).collect();
            self.learn(&format!("{}.contact", role.id), Some(Value::Map(contact)));
            roles.push(role);
        }
        roles
    }

    pub(super) fn links(&mut self) -> Vec<Link> {
        let mut links = Vec::new();
        for link in &self.model.links {
            let url = self.optional_text(link.url.as_ref()).unwrap_or_default();
            self.learn(&format!("link.{}", link.id.text), Some(Value::Text(url.clone())));
            links.push(Link { id: link.id.text.clone(), title: self.title(Some(&link.title), &link.id.text), url });
        }
        links
    }

    pub(super) fn secrets(&mut self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for secret in &self.model.secrets {
            let source = match &secret.source {
                model::SecretSource::Env(name) => self.text(name).map(SecretSource::Env),
                model::SecretSource::File(path) => self.text(path).map(SecretSource::File),
                model::SecretSource::Exec(words) => {
                    let words: Vec<String> = words.iter().filter_map(|w| self.known_word(w, secret.id.span)).collect();
                    Some(SecretSource::Exec(words))
                }
                model::SecretSource::Error => None,
            };
            secrets.extend(source.map(|source| Secret { name: secret.id.text.clone(), source, used_by: Vec::new() }));
        }
        secrets
    }

    /// A word whose value is known now.
    fn known_word(&mut self, word: &'m model::Word, span: crate::source::Span) -> Option<String> {
        let mut text = String::new();
        for piece in self.word(word).pieces {
            match piece {
                Part::Text(literal) => text.push_str(&literal),
                Part::Value(Expr::Value(value)) => text.push_str(&value.to_string()),
                Part::Value(_) => {
                    let finding = Diagnostic::new(Code::NotKnownHere, span, "a secret is read at the start of the run");
                    self.push(finding.label("depends on what is only known later"));
                    return None;
                }
            }
        }
        Some(text)
    }

    pub(super) fn facts(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for fact in &self.model.facts {
            let Some(action) = &fact.command else { continue };
            let mut action = self.action(action);
            action.within = action.within.or(Some(FACT_LIMIT));
            action.changes = false;
            facts.push(Fact { name: fact.id.text.clone(), ty: fact.ty.to_string(), action });
        }
        facts
    }

    pub(super) fn channels(&mut self) -> Vec<Channel> {
        let mut channels = Vec::new();
        for channel in &self.model.channels {
            let (mut settings, mut header) = (Vec::new(), Vec::new());
            for (name, value) in &channel.settings {
                match name.as_str() {
                    "header" => header = self.entries(Some(value)),
                    "url" | "webhook" | "smtp" => settings.push((name.clone(), self.checked_url(value))),
                    _ => settings.push((name.clone(), self.expr(value))),
                }
            }
            let title = self.title(channel.title.as_ref(), &channel.id.text);
            let kind = channel.kind.unwrap_or(ChannelKind::Console);
            channels.push(Channel { id: channel.id.text.clone(), title, kind, settings, header });
        }
        channels
    }

    /// A URL that is tried once its text is known.
    fn checked_url(&mut self, typed: &Typed) -> Expr {
        let expr = self.expr(typed);
        if let Some(Value::Text(text)) = expr.known()
            && let Err(why) = crate::value::Type::Url.read(text)
        {
            let finding = Diagnostic::new(Code::Mismatch, typed.span, format!("`{text}` is {why}"));
            self.push(finding.label("cannot be read"));
        }
        expr
    }

    /// Says of every secret who uses it.
    pub(super) fn uses_of_secrets(&self, plan: &mut Plan) {
        let mut uses: Vec<(String, String)> = Vec::new();
        let note = |who: &str, exprs: Vec<&Expr>, uses: &mut Vec<(String, String)>| {
            for name in exprs.iter().flat_map(|e| e.names(RefKind::Secret)) {
                uses.push((name.to_owned(), who.to_owned()));
            }
        };
        for node in &plan.nodes {
            let Some(work) = node.work() else { continue };
            for action in work.actions.iter().chain(work.undo.actions()) {
                note(&node.id, action.exprs(), &mut uses);
            }
        }
        for metric in &plan.metrics {
            note(&metric.id, metric.action.exprs(), &mut uses);
        }
        for fact in &plan.facts {
            note(&fact.name, fact.action.exprs(), &mut uses);
        }
        for source in &plan.sources {
            let password = source.basic.iter().filter_map(|(_, password)| password.as_ref());
            note(&source.id, source.header.iter().map(|(_, e)| e).chain(password).collect(), &mut uses);
        }
        for channel in &plan.channels {
            note(&channel.id, channel.settings.iter().chain(&channel.header).map(|(_, e)| e).collect(), &mut uses);
        }
        for secret in &mut plan.secrets {
            for (name, who) in &uses {
                if *name == secret.name && !secret.used_by.contains(who) {
                    secret.used_by.push(who.clone());
                }
            }
        }
    }

    /// What the plan itself says: its expected duration.
    pub(super) fn complete(&mut self, plan: &mut Plan) {
        let duration = crate::plan::schedule(plan).live_duration();
        let known = Value::Duration(duration);
        plan.each_expr(&mut |e| {
            let taken = std::mem::replace(e, Expr::Error);
            *e = taken.map_refs(&mut |r| match (r.kind, r.name.as_str()) {
                (RefKind::Word, "plan.duration") => Expr::Value(known.clone()),
                _ => Expr::Ref(r),
            });
        });
    }
}

/// What a release calls itself, held against its versions.
fn kind_misfit(model: &model::Release, release: &Release) -> Option<Diagnostic> {
    let read = |text: &Option<String>| semver::Version::parse(text.as_deref()?).ok();
    let (version, previous) = (read(&release.version)?, read(&release.previous)?);
    let place = model.version.as_ref()?.span;
    if version <= previous {
        let title = format!("{version} does not come after {previous}");
        let finding = Diagnostic::new(Code::KindMisfit, place, title).label("the version that is released");
        let finding = model.previous.iter().fold(finding, |f, p| f.also(p.span, "the version before it"));
        return Some(finding.help("exchange them, or mend the one that is wrong"));
    }
    let kind = model.kind.as_ref()?;
    let is = match (version.major > previous.major, version.minor > previous.minor) {
        (true, _) => "major",
        (false, true) => "minor",
        (false, false) => "patch",
    };
    let says = release.kind.as_deref()?;
    // A hotfix is a patch that is in a hurry.
    let fits = says == is || (says == "hotfix" && is == "patch");
    (!fits).then(|| {
        Diagnostic::new(Code::KindMisfit, kind.span, format!("from {previous} to {version} it is a {is} release"))
            .label(format!("not a {says} one"))
            .help(format!("write `kind = {is}`, or mend the version"))
    })
}
