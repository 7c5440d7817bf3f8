//! x
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&name).unwrap();
    let mut s = runbook::source::Sources::default();
    let f = s.add(runbook::source::SourceFile::new(name, text));
    let mode = std::env::args().nth(2).unwrap_or_default();
    if mode == "fmt" { match runbook::syntax::format(&s, f) { Ok(t) => print!("{t}"), Err(e) => println!("{e:?}") } return; }
    let p = runbook::syntax::parse(&s, f);
    let mut d = p.diagnostics;
    let c = runbook::check::check(&s, f, &p.ast);
    d.extend(c.diagnostics);
    print!("{}", runbook::diagnostic::report(&runbook::diagnostic::tidy(d), &s, 100, false));
    if mode == "plan" {
        let inputs = runbook::plan::Inputs { values: vec![], files: &|_| Ok(vec![]), zone: "UTC".into() };
        match runbook::plan::plan(&c.model, &s, &inputs) { Ok(p) => if std::env::args().nth(3).is_some() { print!("{}", runbook::plan::dry_run(&p, runbook::paint::Paint::plain(std::env::args().nth(3).unwrap().parse().unwrap()))) } else { print!("{}", runbook::plan::write(&p)) }, Err(e) => { println!("{:?}", e.usage); print!("{}", runbook::diagnostic::report(&e.findings, &s, 100, false)); } }
    }
}
