//! BTF types as C text, for listings and messages.
//!
//! In: a [`TypeId`]. Out: `struct task_struct *`, `char name[16]`, `int (*fn)(void *)`. Never prints.

use super::{Btf, Kind, TypeId};

/// Types that one text may mention; real ones have a dozen. Malformed ones can mention themselves many times.
const MAX_TYPES: u32 = 256;

impl Btf {
    /// The type as C writes it, without a name: `const char *`, `u64`, `struct list_head`.
    pub fn c_type(&self, id: TypeId) -> String {
        self.declare(id, "")
    }

    /// A declaration of `name` with the type: `const char *path`, `char comm[16]`, `int (*fn)(void *)`.
    pub fn declare(&self, id: TypeId, name: &str) -> String {
        let mut writer = Writer {
            btf: self,
            left: MAX_TYPES,
        };
        writer.declare(id, name.to_string())
    }
}

struct Writer<'a> {
    btf: &'a Btf,
    /// Types that may still be mentioned; then `...` stands for the rest.
    left: u32,
}

impl Writer<'_> {
    /// C declarations are written inside out: `declarator` is what has been read so far, from the name outward.
    fn declare(&mut self, id: TypeId, declarator: String) -> String {
        if self.left == 0 {
            return "...".to_string();
        }
        self.left -= 1;
        match self.btf.kind(id) {
            Kind::Pointer(to) => {
                let inner = format!("*{declarator}");
                // `*` binds weaker than `[]` and `()`.
                let inner = match self.btf.kind(to) {
                    Kind::Array { .. } | Kind::FuncProto => format!("({inner})"),
                    _ => inner,
                };
                self.declare(to, inner)
            }
            Kind::Array { elem, len } => self.declare(elem, format!("{declarator}[{len}]")),
            Kind::FuncProto => self.function(id, &declarator),
            Kind::Const(to) => self.qualify("const", to, declarator),
            Kind::Volatile(to) => self.qualify("volatile", to, declarator),
            Kind::Restrict(to) => self.qualify("restrict", to, declarator),
            Kind::TypeTag(to) => self.declare(to, declarator),
            _ => join(&self.base(id), &declarator),
        }
    }

    /// A qualifier stands before a base type, but behind the `*` of a pointer.
    fn qualify(&mut self, word: &str, to: TypeId, declarator: String) -> String {
        match self.btf.kind(to) {
            Kind::Pointer(_) => self.declare(to, join(word, &declarator)),
            _ => format!("{word} {}", self.declare(to, declarator)),
        }
    }

    fn function(&mut self, id: TypeId, declarator: &str) -> String {
        let Some(proto) = self.btf.proto(id) else {
            return "...".to_string();
        };
        let mut list = Vec::new();
        for param in &proto.params {
            list.push(self.declare(param.ty, String::new()));
            if self.left == 0 {
                break;
            }
        }
        if proto.variadic {
            list.push("...".to_string());
        }
        if list.is_empty() {
            list.push("void".to_string());
        }
        self.declare(proto.ret, format!("{declarator}({})", list.join(", ")))
    }

    fn base(&self, id: TypeId) -> String {
        let tag = match self.btf.kind(id) {
            Kind::Void => return "void".to_string(),
            Kind::Struct | Kind::Forward { union: false } => "struct",
            Kind::Union | Kind::Forward { union: true } => "union",
            Kind::Enum { .. } => "enum",
            _ => return self.btf.name(id).to_string(),
        };
        match self.btf.name(id) {
            "" => format!("{tag} {{...}}"),
            name => format!("{tag} {name}"),
        }
    }
}

/// `[` follows its type without a space, as in `char[16]`; everything else has one.
fn join(base: &str, declarator: &str) -> String {
    match declarator.chars().next() {
        None => base.to_string(),
        Some('[') => format!("{base}{declarator}"),
        Some(_) => format!("{base} {declarator}"),
    }
}
