//! The URL of a request: literal text, a `url` at the beginning, and values that are encoded for where they stand.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Piece, Text};
use crate::value::{Expr, Type, Value};

use super::model::{Typed, UrlPiece};
use super::{Checker, article};

impl<'a> Checker<'a> {
    /// The pieces of a URL.
    pub(super) fn url(&mut self, text: &'a Text) -> Vec<UrlPiece> {
        let mut pieces = Vec::new();
        for (i, piece) in text.pieces.iter().enumerate() {
            match piece {
                Piece::Text(literal, span) => {
                    if i == 0 && !literal.starts_with("http://") && !literal.starts_with("https://") {
                        let finding = Diagnostic::new(
                            Code::UrlStart,
                            *span,
                            "a URL begins with `https://`, `http://` or a `url`",
                        );
                        self.push(
                            finding.label("not the beginning of a URL").help("write `https://…` or `${base_url}…`"),
                        );
                    }
                    pieces.push(UrlPiece::Text(literal.clone()));
                }
                Piece::Value(value) => {
                    let typed = self.typed(value, None);
                    pieces.push(self.url_value(typed, i == 0));
                }
            }
        }
        if text.pieces.is_empty() {
            self.missing(text.span, "there is no URL in this string", "write `https://…`");
        }
        pieces
    }

    fn url_value(&mut self, typed: Typed, first: bool) -> UrlPiece {
        let span = typed.span;
        match &typed.ty {
            Type::Secret => {
                self.push(
                    Diagnostic::new(Code::SecretLeak, span, "a secret would be seen here")
                        .label("a URL ends up in logs")
                        .help("hand it over by `header = { Authorization = \"Bearer ${…}\" }`"),
                );
                UrlPiece::Value(Typed { expr: Expr::Error, ty: Type::Error, span })
            }
            Type::Url | Type::Error if first => UrlPiece::Base(typed),
            Type::Text if first && matches!(typed.expr, Expr::Value(Value::Text(_))) => UrlPiece::Base(typed),
            ty if first => {
                let title = format!("a URL begins with a `url`, and this is {}", article(ty));
                let finding = Diagnostic::new(Code::UrlStart, span, title).label(article(ty));
                self.push(finding.help("declare it as a `url`, such as `let base_url: url = …`"));
                UrlPiece::Value(Typed { expr: Expr::Error, ty: Type::Error, span })
            }
            Type::List(_) | Type::Map(_) | Type::Record(_) => {
                let title = format!("{} is no part of a URL", article(&typed.ty));
                self.push(Diagnostic::new(Code::Mismatch, span, title).label(article(&typed.ty)));
                UrlPiece::Value(Typed { expr: Expr::Error, ty: Type::Error, span })
            }
            _ => UrlPiece::Value(typed),
        }
    }
}
