//! x
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let mut s = runbook::source::Sources::default();
    let f = s.add(runbook::source::SourceFile::new("f", text));
    if std::env::args().nth(2).as_deref() == Some("fmt") { match runbook::syntax::format(&s, f) { Ok(t) => print!("{t}"), Err(e) => println!("{e:?}") } return; }
    let p = runbook::syntax::parse(&s, f);
    if std::env::args().nth(2).is_some() { println!("{:#?}", p.ast); }
    print!("{}", runbook::diagnostic::report(&p.diagnostics, &s, 100, false));
}
