//! The tokens of a script.
//!
//! In: nothing. Out: [`Token`] (a kind and a place; the text stays in the script) and how each kind is named
//! in a message. Never holds a decoded value: that is `literal`.

use crate::diag::Span;

/// A token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// What.
    pub kind: Kind,
    /// Where.
    pub span: Span,
}

/// Kinds of token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// End of the script.
    Eof,
    /// A word.
    Ident,
    /// `$x`
    Var,
    /// `@`, `@x`
    Map,
    /// `$1`
    Positional,
    /// `$#`
    ParamCount,
    /// A number or a duration.
    Int,
    /// `'c'`
    Char,
    /// `"text"`
    Str,
    /// A line that begins with `#`, without its end.
    Directive,
    /// A whole probe, `provider:name`.
    Probe,
    /// `/regex/`
    Regex,
    /// The slash that ends a predicate: the next thing is `{`.
    EndPredicate,
    /// A sign or an operator.
    Sign(Sign),
    /// Not a token; the reason.
    Bad(Bad),
}

/// Why something is not a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// No token begins with this character.
    Character,
    /// A string that does not end on its line.
    Str,
    /// A comment that does not end.
    Comment,
    /// A character literal that does not end, or is empty.
    Char,
    /// `$` alone.
    Dollar,
}

/// Declares the signs with their text; the lexer tries them longest first.
macro_rules! signs {
    ($($name:ident $text:literal)*) => {
        /// Signs and operators.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "each is the sign in the table")]
        pub enum Sign { $($name),* }

        /// Every sign with its text, longer ones first.
        pub const SIGNS: &[(&str, Sign)] = &[$(($text, Sign::$name)),*];
    };
}

signs! {
    ShlAssign "<<=" ShrAssign ">>="
    DotDot ".." Arrow "->" PlusPlus "++" MinusMinus "--"
    PlusAssign "+=" MinusAssign "-=" StarAssign "*=" SlashAssign "/=" PercentAssign "%="
    AndAssign "&=" OrAssign "|=" XorAssign "^="
    Shl "<<" Shr ">>" Le "<=" Ge ">=" EqEq "==" NotEq "!=" AndAnd "&&" OrOr "||"
    Match "=~" NoMatch "!~"
    LParen "(" RParen ")" LBrace "{" RBrace "}" LBracket "[" RBracket "]"
    Comma "," Semicolon ";" Colon ":" Question "?" Dot "."
    Plus "+" Minus "-" Star "*" Slash "/" Percent "%"
    Lt "<" Gt ">" Assign "=" Not "!" Tilde "~" And "&" Or "|" Xor "^"
}

impl Sign {
    /// As written.
    pub fn text(self) -> &'static str {
        SIGNS
            .iter()
            .find(|(_, sign)| *sign == self)
            .map_or("", |(text, _)| text)
    }
}

impl Kind {
    /// The name of the kind, for `--dump=tokens`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Eof => "end",
            Kind::Ident => "word",
            Kind::Var => "variable",
            Kind::Map => "map",
            Kind::Positional => "parameter",
            Kind::ParamCount => "parameter-count",
            Kind::Int => "number",
            Kind::Char => "character",
            Kind::Str => "string",
            Kind::Directive => "directive",
            Kind::Probe => "probe",
            Kind::Regex => "regex",
            Kind::EndPredicate => "end-of-predicate",
            Kind::Sign(_) => "sign",
            Kind::Bad(_) => "bad",
        }
    }

    /// Whether it is this sign.
    pub fn is(self, sign: Sign) -> bool {
        self == Kind::Sign(sign)
    }
}
