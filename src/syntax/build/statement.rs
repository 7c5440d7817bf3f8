//! Statements other than clauses: declarations, constructs, actions, phrases.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::*;
use crate::syntax::grammar::Rule;
use crate::syntax::mistake;
use crate::value::Comparison;

use super::{Builder, EXPLAINED, P};

impl<'s> Builder<'s> {
    pub(super) fn other_statement(&mut self, pair: P<'s>) -> ItemKind {
        let rule = pair.as_rule();
        let built = match rule {
            Rule::setting => self.setting(pair),
            Rule::declaration => self.declaration(pair),
            Rule::link => self.link(pair),
            Rule::for_loop => self.for_loop(pair),
            Rule::handler => self.handler(pair),
            Rule::announcer => self.announcer(pair),
            Rule::construct => {
                let word = pair.as_str();
                let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
                let keyword = Keyword::from_word(&word[..end]);
                keyword.map(|keyword| ItemKind::Construct(Box::new(self.construct(pair, keyword))))
            }
            Rule::scenario => Some(ItemKind::Construct(Box::new(self.construct(pair, Keyword::Scenario)))),
            Rule::unknown_block => Some(self.unknown_block(pair)),
            Rule::misused => Some(self.misused(pair)),
            Rule::command => Some(self.command(pair)),
            Rule::http => self.http(pair),
            Rule::shift => self.shift(pair),
            Rule::set => self.set(pair),
            Rule::notify => self.notify(pair),
            Rule::import | Rule::describe | Rule::goal => {
                let string = pair.into_inner().find(|p| p.as_rule() == Rule::string).map(|p| self.string(p));
                string.map(|text| match rule {
                    Rule::import => ItemKind::Import(text),
                    Rule::goal => ItemKind::Goal(text),
                    _ => ItemKind::Describe(text),
                })
            }
            Rule::expect => pair.into_inner().nth(1).map(|p| ItemKind::Expect(self.expression(p))),
            Rule::capture => self.capture(pair),
            Rule::undo => Some(self.undo(pair)),
            Rule::done_when => {
                let block = pair.into_inner().last().and_then(|p| self.any_block(p));
                block.map(ItemKind::DoneWhen)
            }
            Rule::mark => self.mark(pair),
            Rule::level => self.level(pair),
            Rule::duty => self.duty(pair),
            Rule::follow_up => self.follow_up(pair),
            _ => None,
        };
        built.unwrap_or(ItemKind::Bad(None))
    }

    fn setting(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::equals | Rule::comment));
        let name = parts.next()?;
        let name = self.name(&name);
        let value = self.expression(parts.next()?);
        let value_text = self.slice(value.span);
        if let Some(finding) = mistake::clause_as_setting(&name, span, value_text) {
            self.push(finding);
            return Some(ItemKind::Bad(None));
        }
        Some(ItemKind::Setting(Setting { name, value }))
    }

    fn declaration(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner();
        let sort = match parts.next()?.as_rule() {
            Rule::kw_var => Sort::Var,
            Rule::kw_let => Sort::Let,
            Rule::kw_secret => Sort::Secret,
            _ => Sort::Fact,
        };
        let name = parts.next()?;
        let name = self.declared(&name);
        let mut declaration = Declaration { sort, name, ty: None, value: None, block: None };
        for part in parts {
            match part.as_rule() {
                Rule::type_name => declaration.ty = Some(self.type_name(part)),
                Rule::expression | Rule::command => declaration.value = Some(self.expression(part)),
                Rule::block => declaration.block = Some(self.block(part)),
                _ => {}
            }
        }
        Some(ItemKind::Declaration(Box::new(declaration)))
    }

    pub(super) fn type_name(&mut self, pair: P<'s>) -> TypeName {
        let span = self.span(&pair);
        let mut name = Name { text: String::new(), span };
        let mut of = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::word => name = self.name(&part),
                Rule::type_name => of = Some(Box::new(self.type_name(part))),
                _ => {}
            }
        }
        TypeName { name, of }
    }

    fn link(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let name = parts.next()?;
        let name = self.declared(&name);
        let title = self.string(parts.next()?);
        let url = parts.next().map(|p| self.string(p));
        Some(ItemKind::Link(Link { name, title, url }))
    }

    fn for_loop(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts =
            pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::kw_for | Rule::kw_in | Rule::comment));
        let name = parts.next()?;
        let name = self.declared(&name);
        let list = self.expression(parts.next()?);
        let block = parts.next().and_then(|p| self.any_block(p));
        let Some(block) = block else {
            let end = list.span.end as usize;
            let range = self.text.get(end..).is_some_and(|rest| rest.starts_with(".."));
            self.push(match range {
                true => Diagnostic::new(Code::WrongForm, Span::new(self.file, end, end + 2), "there are no ranges")
                    .label("from here to there")
                    .help("write each value: `for n in [1, 2, 3]`"),
                false => no_block(list.span, "`for`", "write the repeated steps between `{` and `}`"),
            });
            return None;
        };
        Some(ItemKind::For(ForLoop { name, list, block }))
    }

    fn handler(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let event = parts.next()?;
        let event = self.name(&event);
        let block = self.block(parts.next()?);
        Some(ItemKind::On(Handler { event, block }))
    }

    fn announcer(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut keyword_span = self.span(&pair);
        let mut every = None;
        let mut clauses = Vec::new();
        let mut block = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_every => keyword_span = self.span(&part),
                Rule::sum => every = Some(self.expression(part)),
                Rule::block | Rule::lower_block => block = self.any_block(part),
                Rule::comment => {}
                _ => clauses.extend(self.clause(part)),
            }
        }
        if block.is_none() {
            let interval = every.as_ref().map_or("5s", |e| self.slice(e.span));
            let help = match clauses.is_empty() {
                true => format!(
                    "the interval of a gate, a hold or a metric is a setting: write `every = {interval}`; what is told again and again is `every {interval} from NODE until NODE {{ notify … }}`"
                ),
                false => format!("write `every {interval} from NODE until NODE {{ notify … }}`"),
            };
            self.push(no_block(keyword_span, "`every`", &help));
            return None;
        }
        let announcer = Announcer { keyword_span, every: every?, clauses, block: block.unwrap_or_default() };
        Some(ItemKind::Every(Box::new(announcer)))
    }

    /// A block whose keyword this language does not have.
    fn unknown_block(&mut self, pair: P<'s>) -> ItemKind {
        let construct = self.construct(pair, Keyword::Step);
        let word = self.slice(construct.keyword_span).to_owned();
        let finding = mistake::unknown_keyword(&word, construct.keyword_span);
        self.push(finding);
        self.lost_words.extend(construct.name.iter().map(|n| n.text.clone()));
        ItemKind::Bad(construct.block)
    }

    /// `timeout 45m`: a word and a value that make no statement.
    fn misused(&mut self, pair: P<'s>) -> ItemKind {
        let span = self.span(&pair);
        if self.diagnostics.len() > EXPLAINED {
            self.push(Diagnostic::new(Code::Unexpected, span, "this does not fit here"));
            return ItemKind::Bad(None);
        }
        let mut parts = pair.into_inner();
        if let (Some(word), Some(value)) = (parts.next(), parts.next()) {
            let name = self.name(&word);
            let value = self.span(&value);
            let finding = mistake::misused(self.file, &name, self.slice(value), self.slice(span));
            self.lost_words.extend(mistake::words(self.slice(span)));
            self.push(finding);
        }
        ItemKind::Bad(None)
    }

    pub(super) fn command(&mut self, pair: P<'s>) -> ItemKind {
        let span = self.span(&pair);
        let mut command = Command { text: Text { span, pieces: Vec::new() }, block: None };
        let mut shell = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_shell => shell = true,
                Rule::kw_run | Rule::comment => {}
                Rule::block => command.block = Some(self.block(part)),
                _ => command.text = self.string(part),
            }
        }
        if shell { ItemKind::Shell(Box::new(command)) } else { ItemKind::Run(Box::new(command)) }
    }

    fn http(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let method = parts.next()?;
        let method = self.name(&method);
        let url = self.string(parts.next()?);
        let block = parts.next().map(|p| self.block(p));
        Some(ItemKind::Http(Box::new(Http { method, url, block })))
    }

    fn shift(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::kw_shift | Rule::kw_to));
        let router = self.expression(parts.next()?);
        let share = self.expression(parts.next()?);
        let block = parts.next().map(|p| self.block(p));
        Some(ItemKind::Shift(Box::new(Shift { router, share, block })))
    }

    fn set(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut block = None;
        let mut values = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block => block = Some(self.block(part)),
                Rule::reference | Rule::sum => values.push(self.expression(part)),
                _ => {}
            }
        }
        let mut values = values.into_iter();
        let (flag, value) = (values.next()?, values.next()?);
        Some(ItemKind::Set(Box::new(Set { flag, value, segment: values.next(), block })))
    }

    fn notify(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut keyword_span = self.span(&pair);
        let mut channels = None;
        let mut texts = Vec::new();
        let mut clauses = Vec::new();
        let mut block = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_notify => keyword_span = self.span(&part),
                Rule::list | Rule::reference => channels = Some(self.expression(part)),
                Rule::string => texts.push(self.string(part)),
                Rule::block => block = Some(self.block(part)),
                Rule::comment => {}
                _ => clauses.extend(self.clause(part)),
            }
        }
        let notify = Notify { keyword_span, channels: channels?, texts, clauses, block };
        Some(ItemKind::Notify(Box::new(notify)))
    }

    fn capture(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let name = parts.next()?;
        let name = self.declared(&name);
        let mut ty = None;
        let mut value = None;
        for part in parts {
            match part.as_rule() {
                Rule::type_name => ty = Some(self.type_name(part)),
                Rule::expression => value = Some(self.expression(part)),
                _ => {}
            }
        }
        Some(ItemKind::Capture(Capture { name, ty, value: value? }))
    }

    fn undo(&mut self, pair: P<'s>) -> ItemKind {
        let undo = match pair.into_inner().nth(1) {
            None => Undo::All,
            Some(part) if part.as_rule() == Rule::list => Undo::These(self.expression(part)),
            Some(part) => Undo::Block(self.any_block(part).unwrap_or_default()),
        };
        ItemKind::Undo(undo)
    }

    fn mark(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner();
        let word = parts.next()?;
        let word = self.name(&word);
        let symbol = parts.next()?;
        let comparison = Comparison::from_symbol(symbol.as_str().trim_end())?;
        if !matches!(comparison, Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast) {
            let at = self.span(&symbol);
            self.push(
                Diagnostic::new(Code::WrongForm, at, "a mark is a bound")
                    .label("not a bound")
                    .help("write `<`, `<=`, `>` or `>=`"),
            );
        }
        let value = self.expression(parts.next()?);
        Some(ItemKind::Mark(Mark { word, comparison, value }))
    }

    fn level(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let people = self.people(parts.next()?);
        let within = parts.next().and_then(|p| self.within_clause(p));
        Some(ItemKind::Level(people, within.map(Box::new)))
    }

    fn duty(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let span = self.span(&pair);
        let mut away = false;
        let mut person = None;
        let mut bounds = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_away => away = true,
                Rule::string => person = Some(self.string(part)),
                Rule::sum => bounds.push(self.expression(part)),
                _ => {}
            }
        }
        let mut bounds = bounds.into_iter();
        if bounds.len() < 2 {
            let finding = Diagnostic::new(Code::Missing, span, "a duty has a first and a last moment");
            self.push(finding.label("from when to when?").help("write `from T-1d to T+3d`"));
        }
        Some(ItemKind::Duty(Duty { away, person: person?, from: bounds.next()?, to: bounds.next()? }))
    }

    fn follow_up(&mut self, pair: P<'s>) -> Option<ItemKind> {
        let mut parts = pair.into_inner().skip(1);
        let title = self.string(parts.next()?);
        let mut at = None;
        let mut block = None;
        for part in parts {
            match part.as_rule() {
                Rule::at_clause => at = part.into_inner().nth(1).map(|p| self.expression(p)),
                Rule::block => block = Some(self.block(part)),
                _ => {}
            }
        }
        Some(ItemKind::FollowUp(FollowUp { title, at, block }))
    }
}

fn no_block(span: crate::source::Span, what: &str, help: &str) -> Diagnostic {
    Diagnostic::new(Code::Missing, span, format!("{what} has a block")).label("nothing to do").help(help)
}
