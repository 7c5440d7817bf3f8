//! What somebody meant who wrote something that does not fit.
//!
//! A line that could not be read is read again here, alone and strictly, for the exact column and for what was expected
//! there. Before that, the mistakes that people really make are recognised by their look, so that the help can say
//! what to write.

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::{FileId, Span, is_hostile};
use crate::value::{QuantityError, parse_quantity};

use super::ast::{ClauseKind, ItemKind, Keyword, Name};
use super::grammar::{Grammar, Rule, words as rule_words};

/// Explains a text that begins at byte `base` of the file and does not match `rule`. `span` is pointed at where nothing
/// better is found.
pub(super) fn explain(file: FileId, base: usize, text: &str, span: Span, rule: Rule) -> Diagnostic {
    if let Some(finding) = unquoted(file, base, text).or_else(|| telltale(file, base, text)) {
        return finding;
    }
    if deepest(text) >= 64 {
        return Diagnostic::new(Code::TooDeep, first_char(file, base, text, 0), "this is nested too deeply")
            .label("at most 64 levels are read")
            .help("take the inner part out into a `let` or a command");
    }
    if let (Rule::strict_statement, Some(finding)) = (rule, lone_word(file, base, text)) {
        return finding;
    }
    match Grammar::parse(rule, text) {
        Err(error) => of_error(file, base, text, &error),
        // It fits alone: then it is its surroundings that do not.
        Ok(_) => Diagnostic::new(Code::Unexpected, span, "this does not fit here").label("not expected here"),
    }
}

/// A finding from pest's own error: the furthest place that was reached, and what could have stood there.
pub(super) fn of_error(file: FileId, base: usize, text: &str, error: &Error<Rule>) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expectations(positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let rest = text[at..].trim_start_matches([' ', '\t']);
    let at = text.len() - rest.len();
    let expected = match expected.len() {
        0 => String::new(),
        _ => format!("expected {}", one_of(&expected)),
    };
    let Some(found) = first_word(rest) else {
        let title =
            if expected.is_empty() { "something is missing here".to_owned() } else { format!("{expected} here") };
        let end = text.trim_end().len();
        let last = text[..end].char_indices().next_back().map_or(0, |(i, _)| i);
        return Diagnostic::new(Code::Unexpected, Span::new(file, base + last, base + end), title)
            .label("the line ends too early");
    };
    let span = Span::new(file, base + at, base + at + found.len());
    let label = if expected.is_empty() { "not expected here".into() } else { expected };
    Diagnostic::new(Code::Unexpected, span, format!("`{found}` does not fit here")).label(label)
}

/// `run ./deploy.sh`, `retry: 3`: the forms of other languages.
fn unquoted(file: FileId, base: usize, text: &str) -> Option<Diagnostic> {
    let line = text.trim();
    let start = base + text.len() - text.trim_start().len();
    let (word, rest) = line.split_at(line.find(|c: char| !(c.is_alphanumeric() || c == '_'))?);
    let value = rest.trim_start_matches(':').trim();
    let is_string = value.starts_with('"') || value.is_empty();
    let span = |from: usize, to: usize| Span::new(file, start + from, start + to);
    let bare = value.starts_with(|c: char| c.is_alphanumeric() || "./~$-".contains(c));
    if let ("run" | "shell", false, true) = (word, is_string, bare) {
        let at = line.len() - value.len();
        let finding = Diagnostic::new(Code::WrongForm, span(at, line.len()), "a command stands in double quotes");
        let plain = !value.contains(['"', '\\', '{', '}']) || word == "run" && !value.contains(['"', '\\']);
        return Some(finding.label("no quotes").help_if(plain.then(|| format!("write `{word} \"{value}\"`"))));
    }
    if rest.starts_with(':')
        && Keyword::from_word(word).is_none()
        && !value.starts_with(['=', ':'])
        && !value.is_empty()
    {
        let clause = PHRASES.contains(&word) || OTHERS.contains(&word);
        let write = if clause { format!("{word} {value}") } else { format!("{word} = {value}") };
        let finding = Diagnostic::new(Code::WrongForm, span(word.len(), word.len() + 1), "`:` gives no value here");
        let label = if clause { "a clause has no sign" } else { "a setting has `=`" };
        return Some(finding.label(label).help(format!("write `{write}`")));
    }
    None
}

/// A line of one word that no statement begins with.
fn lone_word(file: FileId, base: usize, text: &str) -> Option<Diagnostic> {
    let word = text.trim();
    let begins = || PHRASES.into_iter().chain(Keyword::ALL.iter().map(|k| k.word())).chain(OTHERS);
    if word.is_empty() || word.contains(|c: char| !(c.is_alphanumeric() || c == '_')) || begins().any(|w| w == word) {
        return None;
    }
    let start = base + text.len() - text.trim_start().len();
    let span = Span::new(file, start, start + word.len());
    let finding =
        Diagnostic::new(Code::UnknownKeyword, span, format!("`{word}` begins no statement")).label("unknown word");
    Some(match did_you_mean(word, begins()) {
        Some(close) => finding.help(format!("did you mean `{close}`?")).suggest(span, close),
        None => finding,
    })
}

/// What could have stood there, in words: what is particular first, the catch-alls only where nothing else is left.
fn expectations(rules: &[Rule]) -> Vec<&'static str> {
    let behind_a_value = rules.iter().any(|r| matches!(r, Rule::compare | Rule::plus | Rule::kw_and));
    let clauses = rules.iter().filter(|r| is_clause_word(**r)).count() > 3;
    let mut named: Vec<&'static str> = Vec::new();
    for rule in rules {
        let continues_value =
            matches!(rule, Rule::kw_for | Rule::kw_in | Rule::equals | Rule::kw_every | Rule::open_brace);
        let words = match rule {
            _ if behind_a_value && continues_value && !clauses => continue,
            _ if clauses && is_clause_word(*rule) => "a clause such as `at`, `when` or `within`",
            _ => rule_words(*rule).unwrap_or_default(),
        };
        if !words.is_empty() && !named.contains(&words) {
            named.push(words);
        }
    }
    let general = ["an operator", "the end of the line", "`,`", "`:`"];
    let particular: Vec<_> = named.iter().copied().filter(|w| !general.contains(w)).collect();
    let mut chosen = if particular.is_empty() { named } else { particular };
    chosen.sort_by_key(|w| w.starts_with("a clause"));
    chosen.truncate(5);
    chosen
}

fn is_clause_word(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        kw_at
            | kw_in
            | kw_within
            | kw_on
            | kw_when
            | kw_for
            | kw_until
            | kw_from
            | kw_retry
            | kw_pass
            | kw_fail
            | kw_with
            | kw_manual
            | kw_by
            | kw_ask
            | kw_then
            | kw_no
            | kw_through
            | kw_undo
            | kw_irreversible
    )
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The first word or sign of a text, for `found …`.
fn first_word(text: &str) -> Option<&str> {
    let first = text.chars().next().filter(|c| *c != '\n' && *c != '\r')?;
    if first == '"' {
        let end = text[1..].find(['"', '\n']).map_or(text.len(), |i| i + 2).min(text.len());
        return Some(text[..end].trim_end());
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if !is_word(first) {
        return Some(&text[..first.len_utf8()]);
    }
    Some(&text[..text.find(|c| !is_word(c)).unwrap_or(text.len())])
}

fn first_char(file: FileId, base: usize, text: &str, at: usize) -> Span {
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    Span::new(file, base + at, base + at + length)
}

/// How deep brackets nest, at most.
fn deepest(text: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Words of other languages, signs that word processors put in, and invisible characters.
fn telltale(file: FileId, base: usize, text: &str) -> Option<Diagnostic> {
    let mut quoted = false;
    let mut previous = ' ';
    for (i, c) in text.char_indices() {
        if c == '"' && previous != '\\' {
            quoted = !quoted;
        }
        let before = previous;
        previous = c;
        if quoted {
            continue;
        }
        let span = first_char(file, base, text, i);
        let pair = Span { end: span.end + 1, ..span };
        let rest = &text[i..];
        let (span, title, write): (Span, &str, &str) = match c {
            '“' | '”' | '„' | '«' | '»' => (span, "a typographic quote", "\""),
            '\'' => {
                let end = text[i + 1..].find('\'').map(|e| i + 1 + e);
                let span = Span::new(file, base + i, base + end.map_or(i + 1, |e| e + 1));
                let inner = end.map_or("…", |e| &text[i + 1..e]);
                let better = format!("\"{inner}\"");
                let finding = Diagnostic::new(Code::WrongForm, span, "a string stands in double quotes")
                    .label("single quotes")
                    .help(format!("write `{better}`"));
                let plain = end.is_some() && !inner.contains(['"', '\\', '$']);
                return Some(if plain { finding.fix(span, better) } else { finding });
            }
            '–' | '—' | '−' => (span, "a long dash", "-"),
            '\u{A0}' => (span, "a no-break space", " "),
            '&' if rest.starts_with("&&") => (pair, "`&&` is not of this language", "and"),
            '|' if rest.starts_with("||") => (pair, "`||` is not of this language", "or"),
            '&' => (span, "`&` is not of this language", "and"),
            '|' => (span, "`|` is not of this language", "or"),
            '=' if rest.starts_with("=<") => (pair, "`=<` is not of this language", "<="),
            '=' if rest.starts_with("=>") && before != '=' => (pair, "`=>` is not of this language", ">="),
            '<' if rest.starts_with("<>") => (pair, "`<>` is not of this language", "!="),
            '!' if !rest.starts_with("!=") => (span, "`!` is not of this language", "not"),
            '/' if rest.starts_with("//") && before != ':' => (pair, "a comment begins with `#`", "#"),
            _ if c.is_ascii_digit() && !before.is_alphanumeric() && before != '_' => match apart(rest) {
                Some((length, write)) => {
                    let span = Span::new(file, base + i, base + i + length);
                    return Some(
                        Diagnostic::new(Code::WrongForm, span, "a quantity is written without a space")
                            .label("a space before the unit")
                            .help(format!("write `{write}`"))
                            .fix(span, write),
                    );
                }
                None => continue,
            },
            ':' if rest.starts_with(":=") => (pair, "`:=` is not of this language", "="),
            c if is_hostile(c) => {
                let title = format!("an invisible character, U+{:04X}", c as u32);
                return Some(
                    Diagnostic::new(Code::Unexpected, span, title)
                        .label("cannot be seen")
                        .help("remove it")
                        .fix(span, ""),
                );
            }
            _ => continue,
        };
        return Some(
            Diagnostic::new(Code::WrongForm, span, title)
                .label("here")
                .help(if write == " " { "write a space".into() } else { format!("write `{write}`") })
                .fix(span, write),
        );
    }
    // A quote was opened and not closed.
    if quoted {
        let open = text.rfind('"').unwrap_or(0);
        let open = first_unpaired_quote(text).unwrap_or(open);
        return Some(
            Diagnostic::new(Code::UnclosedString, first_char(file, base, text, open), "this string is never closed")
                .label("opened here")
                .help("write `\"` where it ends; text of several lines stands between `\"\"\"` and `\"\"\"`"),
        );
    }
    None
}

/// `5 min`: how long that is, and the right form.
fn apart(text: &str) -> Option<(usize, String)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let unit = text[digits..].trim_start_matches(' ');
    let start = text.len() - unit.len();
    let end = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
    let joined = format!("{}{}", &text[..digits], &unit[..end]);
    // `retry 3 times` has a word too many, and no quantity.
    if start == digits || end == 0 || &unit[..end] == "times" {
        return None;
    }
    match parse_quantity(&joined) {
        Ok(_) => Some((start + end, joined)),
        Err(QuantityError::UnknownUnit { write: Some(write), .. }) => Some((start + end, write)),
        Err(_) => None,
    }
}

fn first_unpaired_quote(text: &str) -> Option<usize> {
    let mut open = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => open = if open.is_some() { None } else { Some(i) },
            _ => {}
        }
    }
    open
}

/// The words in a text that could be names.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).map(str::to_owned)
}

/// A block behind a statement that has none.
pub(super) fn stray_block(statement: &ItemKind, brace: Span) -> Diagnostic {
    let finding =
        Diagnostic::new(Code::Unexpected, brace, "this statement has no block").label("no `{` is expected here");
    let ItemKind::Clause(clause) = statement else { return finding };
    let ClauseKind::OnHosts(event) = &clause.kind else { return finding };
    let name = event.path().unwrap_or_default();
    let help = match did_you_mean(&name, EVENTS) {
        Some(close) => format!("did you mean `on {close}`?"),
        None => format!("the events are {}", EVENTS.join(", ")),
    };
    Diagnostic::new(Code::UnknownName, event.span, format!("there is no event `{name}`"))
        .label("unknown event")
        .help(help)
}

/// What an `on` block may answer.
const EVENTS: [&str; 8] = ["started", "completed", "rolled_back", "unhealthy", "stuck", "stopped", "paused", "resumed"];

/// A keyword that does not exist, with a block.
pub(super) fn unknown_keyword(word: &str, span: Span) -> Diagnostic {
    let finding =
        Diagnostic::new(Code::UnknownKeyword, span, format!("there is no block `{word}`")).label("unknown keyword");
    let blocks = Keyword::ALL.iter().map(|k| k.word()).chain(["shell", "run", "http", "undo", "every", "for", "on"]);
    let other = match word {
        "job" | "task" | "deploy" | "action" | "play" => Some("step"),
        "pipeline" | "workflow" | "stage" | "stages" | "timeline" => Some("phase"),
        "healthcheck" | "health_check" | "probe" | "check" | "verify" => Some("gate"),
        "alert" | "alarm" | "watch" | "monitor" => Some("trigger"),
        "rollback_plan" | "revert" => Some("rollback"),
        "test" => Some("scenario"),
        "wait" | "sleep" | "bake" | "soak" => Some("hold"),
        "approval" | "manual_approval" => Some("approve"),
        "notification" | "slack" => Some("channel"),
        "team" | "person" => Some("role"),
        _ => None,
    };
    match other.or_else(|| did_you_mean(word, blocks)) {
        Some(close) => {
            let finding = finding.help(format!("did you mean `{close}`?"));
            if other.is_none() { finding.suggest(span, close) } else { finding }
        }
        None => finding
            .help("blocks of a file are `runbook`, `release`, `phase`, `gate`, `metric`, `trigger`, `rollback` …"),
    }
}

/// Clauses and phrases that begin with a word, for suggestions.
const PHRASES: [&str; 32] = [
    "at",
    "in",
    "within",
    "on",
    "when",
    "for",
    "until",
    "from",
    "retry",
    "pass",
    "fail",
    "with",
    "manual",
    "by",
    "ask",
    "then",
    "through",
    "undo",
    "irreversible",
    "describe",
    "expect",
    "capture",
    "done",
    "target",
    "warn",
    "critical",
    "level",
    "duty",
    "goal",
    "notify",
    "run",
    "shell",
];

/// Words beside [`PHRASES`] and the keywords that begin a statement.
const OTHERS: [&str; 12] =
    ["import", "var", "let", "secret", "fact", "link", "http", "shift", "set", "every", "no", "given"];

/// `by qa_lead or dev`: several people, as one says it. `before` is the statement up to there.
pub(super) fn people_in_words(before: &str, rest: &str, span: Span) -> Option<Diagnostic> {
    let mut asked = before.trim_end().rsplit(char::is_whitespace);
    let (first, asks) = (asked.next()?, asked.next()?);
    if !matches!(asks, "by" | "ask" | "level") {
        return None;
    }
    let rest = rest.trim_start();
    let joined = rest.starts_with("or ") || rest.starts_with("and ") || rest.starts_with(',');
    if !joined {
        return None;
    }
    let quorum = if rest.starts_with("and ") { "all" } else { "any" };
    let mut names = vec![first];
    for word in rest.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()) {
        match word {
            "or" | "and" => {}
            "within" | "when" | "escalate" | "else" | "on" => break,
            name if name.chars().all(|c| c.is_alphanumeric() || c == '_') => names.push(name),
            _ => break,
        }
    }
    let list = names.join(", ");
    let finding = Diagnostic::new(Code::WrongForm, span, "several people stand in brackets").label("a second one");
    Some(finding.help(format!("write `{asks} {quorum} [{list}]`")))
}

/// A word and a value that make no statement: what was meant?
pub(super) fn misused(file: FileId, word: &Name, value: &str, whole: &str) -> Diagnostic {
    let known = PHRASES.contains(&word.text.as_str()) || Keyword::from_word(&word.text).is_some();
    let strict = Grammar::parse(Rule::strict_statement, whole);
    if let (true, Err(error)) = (known, &strict) {
        return of_error(file, word.span.start as usize, whole, error);
    }
    let (title, write) = match word.text.as_str() {
        "timeout" | "deadline" | "limit" | "max_time" => {
            ("a limit is said by `within`", Some(format!("within {value}")))
        }
        "wait" | "sleep" | "delay" | "bake" | "soak" => ("waiting is a `hold`", Some(format!("hold for {value}"))),
        "command" | "exec" | "cmd" | "call" => ("a command is started by `run`", Some(format!("run {value}"))),
        "script" | "bash" | "sh" => ("a script stands after `shell`", Some(format!("shell {value}"))),
        "get" | "GET" | "fetch" | "curl" => ("a request is an `http`", Some(format!("http GET {value}"))),
        "post" | "POST" => ("a request is an `http`", Some(format!("http POST {value}"))),
        "assert" | "require" | "verify" | "check" | "ensure" => {
            ("what must be true is said by `expect`", Some(format!("expect {value}")))
        }
        "if" | "only_if" | "unless" => ("whether something is done is said by `when`", Some(format!("when {value}"))),
        "description" | "desc" | "doc" | "comment" => {
            ("a description is given by `describe`", Some(format!("describe {value}")))
        }
        "retries" | "attempts" | "repeat" => ("tries are said by `retry`", Some(format!("retry {value}"))),
        "echo" | "print" | "log" | "message" | "say" => {
            ("a message goes to a channel", Some(format!("notify CHANNEL {value}")))
        }
        "revert" | "rollback_with" => ("the way back of a step is its `undo`", Some(format!("undo {{ run {value} }}"))),
        "notify" => (
            "a message goes to a channel, whose name has no quotes",
            Some(notify_form(whole.trim().trim_start_matches("notify").trim())),
        ),
        "http" => ("a request names its method", Some(format!("http GET {value}"))),
        "set" => ("a flag is switched by `set`", Some("set FLAG to on".into())),
        "shift" => ("traffic is moved by `shift`", Some("shift ROUTER to 50%".into())),
        "escalate" => ("it stands behind a limit", Some(format!("within 30m escalate {value} else stop"))),
        "denied" | "rejected" => ("what a no leads to stands behind `on denied`", Some(format!("on denied {value}"))),
        "import" | "include" => ("a file is imported by its path, in quotes", Some("import \"lib/acme.rb\"".into())),
        "else" | "otherwise" => ("`else` stands behind a limit", Some("within 30m else rollback".into())),
        "title" | "name" => ("a title stands in the header, behind the name", None),
        "env" | "environment" => ("the environment is a map", Some("env = { NAME = value }".into())),
        _ => ("", None),
    };
    if !title.is_empty() {
        let label = match known {
            true => "not in this form".to_owned(),
            false => format!("`{}` is not a word here", word.text),
        };
        let finding = Diagnostic::new(Code::WrongForm, word.span, title).label(label);
        return finding.help_if(write.map(|w| format!("write `{w}`")));
    }
    let keywords = PHRASES.into_iter().chain(Keyword::ALL.iter().map(|k| k.word()));
    let finding = Diagnostic::new(Code::UnknownKeyword, word.span, format!("`{}` begins no statement", word.text))
        .label("unknown word");
    match did_you_mean(&word.text, keywords) {
        Some(close) if close != word.text => finding.help(format!("did you mean `{close}`?")).suggest(word.span, close),
        _ => finding.help(format!("a setting is written `{} = {value}`", word.text)),
    }
}

/// `notify "room" "done"` with its channel bare.
fn notify_form(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    match inner {
        Some((channel, rest)) if !rest.trim().is_empty() && is_name(channel) => format!("notify {channel}{rest}"),
        // A room of a chat: its channel is declared.
        Some((room, rest)) if !rest.trim().is_empty() && room.starts_with('#') => {
            let name: String = room.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
            format!("notify {name}{rest}`, with `channel {name}: slack {{ room = \"{room}\"; … }}")
        }
        _ => format!("notify CHANNEL {value}"),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `within = 5m`: a clause that was written as a setting.
pub(super) fn clause_as_setting(name: &Name, span: Span, value: &str) -> Option<Diagnostic> {
    let write = match name.text.as_str() {
        "within" | "retry" | "at" | "when" | "until" | "by" | "ask" | "then" | "through" | "expect" | "describe"
        | "escalate" | "goal" | "irreversible" | "run" => format!("{} {value}", name.text),
        "timeout" | "deadline" => format!("within {value}"),
        "retries" => format!("retry {value}"),
        "with" => return None,
        "target" | "warn" | "critical" => format!("{} > {value}", name.text),
        "undo" => match value.trim_matches('"') {
            "none" => "undo none \"why nothing is to be undone\"".into(),
            _ => format!("undo {{ run {value} }}"),
        },
        "on_failure" => format!("on failure {}", value.trim_matches('"')),
        "on_denied" => format!("on denied {}", value.trim_matches('"')),
        "title" => return Some(title_as_setting(span, value)),
        "description" => format!("describe {value}"),
        "pass_after" => format!("pass after {value} in a row"),
        "fail_after" => format!("fail after {value} failures"),
        _ => return None,
    };
    let mut finding = Diagnostic::new(Code::WrongForm, name.span, format!("`{}` is not a setting", name.text))
        .label("a clause has no `=`")
        .help(format!("write `{write}`"));
    if !matches!(name.text.as_str(), "target" | "warn" | "critical" | "undo") {
        finding = finding.fix(span, write);
    }
    Some(finding)
}

fn title_as_setting(span: Span, value: &str) -> Diagnostic {
    Diagnostic::new(Code::WrongForm, span, "a title stands in the header")
        .label("not a setting")
        .help(format!("write it behind the name: `step deploy {value} {{`"))
}
