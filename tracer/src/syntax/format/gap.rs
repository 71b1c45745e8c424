//! What stands between two tokens: comments and empty lines.
//!
//! In: the text between them. Out: the comments in order, each with its place. Never changes a comment's text but for
//! blanks at its end.

/// A comment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comment<'t> {
    /// With its marks, without blanks at its end.
    pub text: &'t str,
    /// `// …` (or `#!`): nothing can follow on its line.
    pub is_line: bool,
    /// A line break stands before it.
    pub own_line: bool,
    /// Empty lines before it.
    pub blank_lines: usize,
}

/// Everything between two tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gap<'t> {
    /// In order.
    pub comments: Vec<Comment<'t>>,
    /// A line break stands in it.
    pub breaks: bool,
    /// Empty lines before the token.
    pub blank_lines: usize,
}

impl<'t> Gap<'t> {
    /// Reads the text between two tokens; `first`: the script begins with it.
    pub fn read(text: &'t str, first: bool) -> Gap<'t> {
        let mut gap = Gap::default();
        let mut rest = text;
        let mut breaks = 0usize;
        while !rest.is_empty() {
            let head = first && rest.len() == text.len() && rest.starts_with("#!");
            let is_line = head || rest.starts_with("//");
            let length = match is_line {
                true => rest.find('\n').unwrap_or(rest.len()),
                false if rest.starts_with("/*") => match rest[2..].find("*/") {
                    Some(at) => at + 4,
                    None => rest.len(),
                },
                false => {
                    let c = rest.chars().next().map_or(1, char::len_utf8);
                    breaks += usize::from(rest.starts_with('\n'));
                    rest = &rest[c..];
                    continue;
                }
            };
            gap.breaks |= breaks > 0 || rest[..length].contains('\n');
            gap.comments.push(Comment {
                text: rest[..length].trim_end(),
                is_line,
                own_line: breaks > 0,
                blank_lines: breaks.saturating_sub(1),
            });
            breaks = 0;
            rest = &rest[length..];
        }
        gap.breaks |= breaks > 0;
        gap.blank_lines = breaks.saturating_sub(1);
        gap
    }
}
