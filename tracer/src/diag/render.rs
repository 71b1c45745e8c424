//! Diagnostics to text: source line, caret, code, help (annotate-snippets).
//!
//! In: a script, its name and diagnostics. Out: text. Never writes to a terminal.
