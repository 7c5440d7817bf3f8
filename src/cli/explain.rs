//! `runbook explain`: the page of a code, or the list of all.

use crate::diagnostic::{Code, did_you_mean};

use super::Exit;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A code such as RB401; without one all are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen) -> Exit {
    let Some(id) = &arguments.code else {
        screen.print(&list(screen));
        return Exit::Done;
    };
    match Code::from_id(id) {
        Some(code) => {
            screen.print(code.page());
            Exit::Done
        }
        None => {
            let close = did_you_mean(&id.to_uppercase(), Code::ALL.iter().map(|c| c.id()));
            let help = close.map_or("`runbook explain` lists all".into(), |c| format!("did you mean {c}?"));
            screen.error(&format!("there is no code `{id}`; {help}"));
            Exit::Usage
        }
    }
}

fn list(screen: &Screen) -> String {
    let mut text = String::new();
    let mut area = None;
    for code in Code::ALL {
        if area != Some(code.area()) {
            area = Some(code.area());
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", screen.out.bold(code.area().0)));
        }
        text.push_str(&format!("  {}  {}\n", screen.out.name(code.id()), code.title()));
    }
    text
}
