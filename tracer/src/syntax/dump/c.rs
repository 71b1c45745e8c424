//! C declarations as text: one line a declaration, members below it.
//!
//! In: declarations. Out: text for `--dump=ast` and golden tests. Never read back.

use super::{expression, line, type_name};
use crate::syntax::ast::Ident;
use crate::syntax::ast::c::{Attributes, Base, Declaration, Declarator};

/// One declaration.
pub fn declaration(out: &mut String, depth: usize, d: &Declaration) {
    let typedef = if d.typedef { "typedef " } else { "" };
    let names: Vec<String> = d.names.iter().map(declarator).collect();
    let names = names.join(", ");
    match &d.base {
        Base::Named(ty) => line(
            out,
            depth,
            format_args!("{typedef}{} {names}", type_name(ty)),
        ),
        Base::Record(r) => {
            let word = if r.union { "union" } else { "struct" };
            let tag = tag(&r.name);
            let attributes = attributes(&r.attributes);
            line(
                out,
                depth,
                format_args!("{typedef}{word}{tag}{attributes} {names}"),
            );
            r.members
                .iter()
                .for_each(|m| declaration(out, depth + 1, m));
        }
        Base::Enum(e) => {
            line(
                out,
                depth,
                format_args!("{typedef}enum{} {names}", tag(&e.name)),
            );
            for (name, value) in &e.values {
                let value = value
                    .as_ref()
                    .map_or(String::new(), |v| format!(" = {}", expression(v)));
                line(out, depth + 1, format_args!("{}{value}", name.text));
            }
        }
    }
}

fn tag(name: &Option<Ident>) -> String {
    name.as_ref()
        .map_or(String::new(), |n| format!(" {}", n.text))
}

fn attributes(a: &Attributes) -> String {
    let packed = if a.packed { " packed" } else { "" };
    let aligned = a
        .aligned
        .as_ref()
        .map_or(String::new(), |n| format!(" aligned({})", expression(n)));
    format!("{packed}{aligned}")
}

fn declarator(d: &Declarator) -> String {
    let stars = "*".repeat(d.pointers as usize);
    let name = d.name.as_ref().map_or("", |n| n.text.as_str());
    let function = if d.function { "()" } else { "" };
    let dims: String = d
        .dims
        .iter()
        .map(|dim| format!("[{}]", dim.as_ref().map_or(String::new(), expression)))
        .collect();
    let bits = d
        .bits
        .as_ref()
        .map_or(String::new(), |b| format!(" : {}", expression(b)));
    let attributes = attributes(&d.attributes);
    format!("{stars}{name}{function}{dims}{bits}{attributes}")
}
