//! The one namespace: what is declared where, and whether anything speaks of it.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use indexmap::IndexSet;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    Ast, Capture, Construct, Declaration, Element, ExprKind, ForLoop, Item, ItemKind, Keyword, Name, Sort,
};
use crate::value::Type;

/// The sorts of things that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Var,
    Let,
    Secret,
    Fact,
    Link,
    /// A block: a channel, a metric, a node of the timeline, …
    Block(Keyword),
}

impl Kind {
    pub(super) fn is_role(self) -> bool {
        self == Kind::Block(Keyword::Role)
    }

    /// With its article, for messages.
    pub(super) fn phrase(self) -> String {
        let word = match self {
            Kind::Var => "var",
            Kind::Let => "let",
            Kind::Secret => "secret",
            Kind::Fact => "fact",
            Kind::Link => "link",
            Kind::Block(Keyword::Flags) => "set of flags",
            Kind::Block(Keyword::Hosts) => "group of hosts",
            Kind::Block(keyword) => keyword.word(),
        };
        let an = word.starts_with(['a', 'e', 'i', 'o', 'u']);
        format!("{} {word}", if an { "an" } else { "a" })
    }
}

/// Something that has a name.
#[derive(Debug)]
pub(super) struct Symbol<'a> {
    pub(super) kind: Kind,
    pub(super) span: Span,
    pub(super) used: bool,
    /// What a step captures, in order.
    pub(super) captures: Vec<&'a Capture>,
    /// The loops in which it stands, the outermost first: with any it has instances.
    pub(super) loops: Vec<&'a ForLoop>,
    /// The names of the instances, once somebody has asked.
    named: OnceCell<Option<IndexSet<String>>>,
    /// The declaration of a var, let, secret or fact.
    pub(super) declaration: Option<&'a Declaration>,
    /// The block that declares it.
    pub(super) construct: Option<&'a Construct>,
    /// A let whose type is being worked out: meeting it again is a cycle.
    pub(super) visiting: bool,
    /// The type of a let, once it is known.
    pub(super) known_type: Option<Type>,
}

/// Every name of a file.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    symbols: BTreeMap<&'a str, Symbol<'a>>,
    duplicates: Vec<Diagnostic>,
    lost: Vec<&'a str>,
    /// Something that is imported could not be read: any name may stand there.
    incomplete: bool,
}

/// Blocks whose name is not in the namespace: `runbook`, and risks, scope items and scenarios, which are apart.
fn is_apart(keyword: Keyword) -> bool {
    use Keyword::*;
    matches!(
        keyword,
        Runbook
            | Release
            | Risk
            | Scenario
            | Scope
            | Comms
            | Group
            | Item
            | After
            | Feature
            | Fix
            | Breaking
            | Deprecation
            | KnownIssue
            | Improvement
            | Technical
            | Security
            | Performance
            | Database
            | Dependency
            | Upgrade
            | OutOfScope
            | Highlight
            | Contributor
    )
}

impl Symbol<'_> {
    /// The names of its instances, where the values of its one loop are written down.
    pub(super) fn instances(&self) -> Option<&IndexSet<String>> {
        self.named.get_or_init(|| self.name_instances()).as_ref()
    }

    fn name_instances(&self) -> Option<IndexSet<String>> {
        let [only] = &self.loops[..] else { return None };
        let ExprKind::List(elements) = &only.list.bare().kind else { return None };
        let name = |(i, element): (usize, &Element)| match &element.value.kind {
            ExprKind::Text(text) => text.plain().map(|text| instance_name(&text)),
            ExprKind::Map(_) | ExprKind::Literal(_) => Some((i + 1).to_string()),
            _ => None,
        };
        elements.iter().enumerate().map(name).collect()
    }
}

/// The part of an instance's name that stands for a string: `0015_preferences`; other characters become `-`.
pub(crate) fn instance_name(text: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.chars().map(|c| if known(c) { c } else { '-' }).collect()
}

impl<'a> Names<'a> {
    /// Collects what a file declares.
    pub(super) fn collect(ast: &'a Ast) -> Self {
        let mut names = Names { lost: ast.lost_words.iter().map(String::as_str).collect(), ..Names::default() };
        names.incomplete = ast.incomplete;
        names.items(&ast.items, &[]);
        names
    }

    pub(super) fn duplicates(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.duplicates)
    }

    fn items(&mut self, items: &'a [Item], loops: &[&'a ForLoop]) {
        for item in items {
            match &item.kind {
                ItemKind::Declaration(d) => {
                    let kind = match d.sort {
                        Sort::Var => Kind::Var,
                        Sort::Let => Kind::Let,
                        Sort::Secret => Kind::Secret,
                        Sort::Fact => Kind::Fact,
                    };
                    self.declare(&d.name, kind, loops, Some(d));
                }
                ItemKind::Link(link) => self.declare(&link.name, Kind::Link, loops, None),
                ItemKind::Construct(construct) => self.add_construct(construct, loops),
                ItemKind::For(l) => self.items(&l.block.items, &[loops, &[l]].concat()),
                ItemKind::Bad(Some(block)) => self.items(&block.items, loops),
                _ => {}
            }
        }
    }

    fn add_construct(&mut self, construct: &'a Construct, loops: &[&'a ForLoop]) {
        let keyword = construct.keyword;
        // `gate healthy` inside something uses a gate; with a block it declares one.
        let refers = matches!(
            keyword,
            Keyword::Gate | Keyword::Severity | Keyword::Source | Keyword::Channel | Keyword::Role | Keyword::Router
        ) && construct.block.is_none()
            && construct.kind.is_none();
        if let Some(name) = construct.name.as_ref().filter(|_| !refers && !is_apart(keyword)) {
            self.declare(name, Kind::Block(keyword), loops, None);
            if let Some(symbol) = self.symbols.get_mut(name.text.as_str()) {
                symbol.construct = symbol.construct.or(Some(construct));
                if keyword == Keyword::Step {
                    symbol.captures.extend(captures(construct.items()));
                }
            }
        }
        if !matches!(keyword, Keyword::Scope | Keyword::Scenario) {
            self.items(construct.items(), loops);
        }
    }

    fn declare(&mut self, name: &'a Name, kind: Kind, loops: &[&'a ForLoop], declaration: Option<&'a Declaration>) {
        let symbol = Symbol {
            kind,
            span: name.span,
            used: false,
            captures: Vec::new(),
            loops: loops.to_vec(),
            named: OnceCell::new(),
            declaration,
            construct: None,
            visiting: false,
            known_type: None,
        };
        match self.symbols.get(name.text.as_str()) {
            // A variable of one type in a runbook and in what it imports is one variable.
            Some(first) if is_shared(first, &symbol) => {}
            Some(first) => {
                let title = format!("the name `{}` is given twice", name.text);
                let finding = if first.span.file == name.span.file {
                    Diagnostic::new(Code::DuplicateName, name.span, title)
                        .label(format!("again, for {}", kind.phrase()))
                        .also(first.span, format!("first for {}", first.kind.phrase()))
                        .help("names are shared by everything in a file: give one of them another name")
                } else {
                    // What is imported is there for others too.
                    Diagnostic::new(Code::DuplicateName, first.span, title)
                        .label(format!("for {}", first.kind.phrase()))
                        .also(name.span, format!("imported, for {}", kind.phrase()))
                        .help("a file and what it imports share their names, and a `var` of both has one type: give this one another name")
                };
                self.duplicates.push(finding);
            }
            None => {
                self.symbols.insert(&name.text, symbol);
            }
        }
    }

    /// What has a name, without marking it as used.
    pub(super) fn peek(&self, name: &str) -> Option<&Symbol<'a>> {
        self.symbols.get(name)
    }

    /// What has a name; it counts as used from now on.
    pub(super) fn get(&mut self, name: &str) -> Option<&mut Symbol<'a>> {
        let symbol = self.symbols.get_mut(name)?;
        symbol.used = true;
        Some(symbol)
    }

    /// What has a name, to note something about it.
    pub(super) fn symbol_mut(&mut self, name: &str) -> Option<&mut Symbol<'a>> {
        self.symbols.get_mut(name)
    }

    /// The block that declares a name.
    pub(super) fn construct(&self, name: &str) -> Option<&'a Construct> {
        self.symbols.get(name).and_then(|s| s.construct)
    }

    /// Whether a name may have been declared in a line that could not be read.
    pub(super) fn is_lost(&self, name: &str) -> bool {
        self.incomplete || self.lost.contains(&name)
    }

    /// All names, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &Symbol<'a>)> {
        self.symbols.iter().map(|(name, symbol)| (*name, symbol))
    }
}

fn is_shared(first: &Symbol<'_>, second: &Symbol<'_>) -> bool {
    let ty = |symbol: &Symbol<'_>| {
        let ty = symbol.declaration?.ty.as_ref()?;
        Some((ty.name.text.clone(), ty.of.as_ref().map(|of| of.name.text.clone())))
    };
    let vars = first.kind == Kind::Var && second.kind == Kind::Var;
    vars && first.span.file != second.span.file && ty(first).is_some() && ty(first) == ty(second)
}

/// The captures of a step's actions.
fn captures(items: &[Item]) -> Vec<&Capture> {
    let mut found = Vec::new();
    for item in items {
        let block = match &item.kind {
            ItemKind::Run(command) | ItemKind::Shell(command) => command.block.as_ref(),
            ItemKind::Http(http) => http.block.as_ref(),
            _ => None,
        };
        for inner in block.map(|b| b.items.as_slice()).unwrap_or_default() {
            if let ItemKind::Capture(capture) = &inner.kind {
                found.push(capture);
            }
        }
    }
    found
}
