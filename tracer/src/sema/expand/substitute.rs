//! Names and calls to what they stand for: parameters, macros, constants of C, options.
//!
//! In: an expression as written. Out: one without them. Never puts in what is being put in already.

use super::{Argument, Env, Expander, MARK, MAX_DEPTH, MacroCall, OptionUse};
use crate::diag::{Diagnostic, Span, codes};
use crate::sema::preamble::Constant;
use crate::syntax::ast::{
    BinaryOp, Block, Define, Expr, ExprKind, Ident, Macro, Stmt, StmtKind, UnaryOp,
};
use std::collections::BTreeMap;

impl<'s> Expander<'s, '_> {
    /// An expression. Long because it is one flat match over the expressions.
    pub(super) fn expr(&mut self, e: &Expr, env: &Env, out: &mut Vec<Stmt>) -> Expr {
        if !self.within_limits(e.span) {
            return number(0, e.span);
        }
        self.height += 1;
        let made = self.expr_within(e, env, out);
        self.height -= 1;
        made
    }

    fn expr_within(&mut self, e: &Expr, env: &Env, out: &mut Vec<Stmt>) -> Expr {
        let span = e.span;
        let kind = match &e.kind {
            ExprKind::Name(name) => return self.name(name, env, span, out),
            ExprKind::Var(name) => return super::variable(&self.variable_name(name, env), span),
            ExprKind::Map { name, keys } => return self.map(name, keys.as_deref(), env, span, out),
            ExprKind::Call { name, args } => return self.call(name, args, env, span, out),
            ExprKind::Block(block) => return self.value_of(block, env, span, out),
            ExprKind::Binary { op, left, right } => {
                return self.binary(*op, [left, right], env, span, out);
            }
            ExprKind::Cond {
                cond,
                then,
                otherwise,
            } => {
                let cond = self.expr(cond, env, out);
                let then = self.apart(then, env);
                let otherwise = self.apart(otherwise, env);
                return self.pick(cond, then, otherwise, span, out);
            }
            ExprKind::Unary { op, operand } => ExprKind::Unary {
                op: *op,
                operand: Box::new(self.expr(operand, env, out)),
            },
            ExprKind::Step {
                delta,
                prefix,
                target,
            } => ExprKind::Step {
                delta: *delta,
                prefix: *prefix,
                target: Box::new(self.expr(target, env, out)),
            },
            ExprKind::Cast { ty, operand } => ExprKind::Cast {
                ty: ty.clone(),
                operand: Box::new(self.expr(operand, env, out)),
            },
            ExprKind::Member { base, name, arrow } => ExprKind::Member {
                base: Box::new(self.expr(base, env, out)),
                name: name.clone(),
                arrow: *arrow,
            },
            ExprKind::Index { base, index } => {
                let mut parts = self.exprs(&[base, index], env, out);
                let index = Box::new(parts.pop().unwrap_or_else(|| number(0, span)));
                let base = Box::new(parts.pop().unwrap_or_else(|| number(0, span)));
                ExprKind::Index { base, index }
            }
            ExprKind::Tuple(parts) => ExprKind::Tuple(self.all(parts, env, out)),
            ExprKind::ContainerOf { pointer, ty, path } => ExprKind::ContainerOf {
                pointer: Box::new(self.expr(pointer, env, out)),
                ty: ty.clone(),
                path: path.clone(),
            },
            ExprKind::Record(fields) => {
                let values: Vec<&Expr> = fields.iter().map(|(_, v)| v).collect();
                let values = self.exprs(&values, env, out);
                let names = fields.iter().map(|(name, _)| name.clone());
                ExprKind::Record(names.zip(values).collect())
            }
            // Not evaluated: nothing is done first.
            ExprKind::SizeofExpr(of) => {
                ExprKind::SizeofExpr(Box::new(self.expr(of, env, &mut Vec::new())))
            }
            ExprKind::Int(_)
            | ExprKind::Str(_)
            | ExprKind::Bool(_)
            | ExprKind::Positional { .. }
            | ExprKind::SizeofType(_)
            | ExprKind::Offsetof { .. }
            | ExprKind::Regex(_) => e.kind.clone(),
        };
        Expr { kind, span }
    }

    fn all(&mut self, exprs: &[Expr], env: &Env, out: &mut Vec<Stmt>) -> Vec<Expr> {
        let exprs: Vec<&Expr> = exprs.iter().collect();
        self.exprs(&exprs, env, out)
    }

    /// An expression that is evaluated only sometimes, with what it does first.
    fn apart(&mut self, e: &Expr, env: &Env) -> (Vec<Stmt>, Expr) {
        let mut before = Vec::new();
        let plain = self.expr(e, env, &mut before);
        (before, plain)
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        [left, right]: [&Expr; 2],
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            let left = self.expr(left, env, out);
            let right = self.apart(right, env);
            return self.lazy(op, left, right, span, out);
        }
        let mut parts = self.exprs(&[left, right], env, out);
        let right = Box::new(parts.pop().unwrap_or_else(|| number(0, span)));
        let left = Box::new(parts.pop().unwrap_or_else(|| number(0, span)));
        let kind = ExprKind::Binary { op, left, right };
        Expr { kind, span }
    }

    /// A macro's own variable has a name of its own in each call.
    pub(super) fn variable_name(&self, name: &str, env: &Env) -> String {
        match (env.params.get(&format!("${name}")), env.call) {
            (Some(Argument::Variable(given)), _) => (*given).to_owned(),
            (_, Some(call)) => format!("{name}{MARK}{call}"),
            (_, None) => name.to_owned(),
        }
    }

    /// The name in a declaration.
    pub(super) fn local(&self, name: &Ident, env: &Env) -> Ident {
        Ident {
            text: self.variable_name(&name.text, env),
            span: name.span,
        }
    }

    fn map(
        &mut self,
        name: &str,
        keys: Option<&[Expr]>,
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        let given = match (env.params.get(&format!("@{name}")), env.call) {
            (Some(Argument::Map(given)), _) => (*given).to_owned(),
            (_, Some(_)) => {
                let message = format!("`@{name}` was not given to the macro");
                let diagnostic = Diagnostic::error(codes::MACRO_HYGIENE, span, message);
                self.say(diagnostic.help(format!("add a parameter: macro …(@{name})")));
                return number(0, span);
            }
            (_, None) => name.to_owned(),
        };
        let keys = keys.map(|keys| self.all(keys, env, out));
        let kind = ExprKind::Map { name: given, keys };
        Expr { kind, span }
    }

    /// A bare name: a parameter, a macro without parameters, a constant of C, or none of these.
    fn name(&mut self, name: &str, env: &Env, span: Span, out: &mut Vec<Stmt>) -> Expr {
        if let Some(Argument::Value(argument, outer)) = env.params.get(name) {
            return self.expr(argument, outer, out);
        }
        if let Some(m) = self
            .macros
            .get(name)
            .copied()
            .filter(|m| m.params.is_empty())
        {
            return self.put_in(m, &[], env, span, out);
        }
        let plain = || Expr {
            kind: ExprKind::Name(name.to_owned()),
            span,
        };
        match self.constants.get(name) {
            Some(Constant::Enumerator(value)) => signed(*value, span),
            Some(Constant::Define(define)) if define.params.is_none() => {
                self.constant(define, &[], env, span, out)
            }
            _ => plain(),
        }
    }

    /// `NAME` or `NAME(a, b)` of a `#define`.
    fn constant(
        &mut self,
        define: &'s Define,
        args: &[Expr],
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        let name = define.name.text.as_str();
        if self.calls.contains(&name) {
            // As in C, a constant within itself is left alone.
            let kind = ExprKind::Name(name.to_owned());
            return Expr { kind, span };
        }
        let Some(value) = &define.value else {
            let message = format!("the text of `{name}` is no value");
            let diagnostic = Diagnostic::error(codes::BAD_DECLARATION, span, message);
            self.say(diagnostic.also(define.span, "defined here"));
            return number(0, span);
        };
        let params = define.params.as_deref().unwrap_or_default();
        if params.len() != args.len() {
            return self.wrong_count(name, params.len(), args.len(), span);
        }
        // As in C, the text sees what is visible where it is put in.
        let mut names = env.params.clone();
        let given = params.iter().zip(args);
        names.extend(given.map(|(p, arg)| (p.text.clone(), Argument::Value(arg, env))));
        let inner = Env {
            params: names,
            call: env.call,
        };
        self.calls.push(name);
        let made = self.expr(value, &inner, out);
        self.calls.pop();
        placed(made, span)
    }

    fn call(
        &mut self,
        name: &Ident,
        args: &[Expr],
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        let text = name.text.as_str();
        if let Some(m) = self.macros.get(text).copied() {
            return self.put_in(m, args, env, span, out);
        }
        match self.constants.get(text) {
            Some(Constant::Define(define)) if define.params.is_some() => {
                return self.constant(define, args, env, span, out);
            }
            _ => {}
        }
        if text == "getopt" {
            let args = self.all(args, env, out);
            return self.option(&args, span);
        }
        let args = self.all(args, env, out);
        if let ("len", [map]) = (text, args.as_slice())
            && matches!(map.kind, ExprKind::Map { keys: None, .. })
        {
            return self.number_of_keys(map, span, out);
        }
        let name = name.clone();
        let kind = ExprKind::Call { name, args };
        Expr { kind, span }
    }

    /// `len(@m)`: a loop over the map that counts.
    fn number_of_keys(&mut self, map: &Expr, span: Span, out: &mut Vec<Stmt>) -> Expr {
        let counter = self.declare(span, out);
        let step = ExprKind::Step {
            delta: 1,
            prefix: false,
            target: Box::new(super::variable(&counter, span)),
        };
        let step = Stmt {
            kind: StmtKind::Expr(Expr { kind: step, span }),
            span,
        };
        let var = Ident {
            text: self.temporary(),
            span,
        };
        let body = Block {
            stmts: vec![step],
            span,
        };
        let each = StmtKind::ForMap {
            var,
            map: map.clone(),
            body,
        };
        out.push(super::flatten::assign(&counter, number(0, span)));
        out.push(Stmt { kind: each, span });
        super::variable(&counter, span)
    }

    /// A macro's call for its value.
    fn put_in(
        &mut self,
        m: &'s Macro,
        args: &[Expr],
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        let made = self.with_body(m, args, env, span, |this, inner| {
            this.value_of(&m.body, inner, span, out)
        });
        made.unwrap_or_else(|| number(0, span))
    }

    /// A macro's call for what it does; `false` when the expression is none.
    pub(super) fn macro_effect(&mut self, e: &Expr, env: &Env, out: &mut Vec<Stmt>) -> bool {
        let (name, args): (&str, &[Expr]) = match &e.kind {
            ExprKind::Call { name, args } => (&name.text, args),
            ExprKind::Name(name) if !env.params.contains_key(name) => (name, &[]),
            _ => return false,
        };
        let Some(m) = self.macros.get(name).copied() else {
            return false;
        };
        let made = self.with_body(m, args, env, e.span, |this, inner| {
            this.with_value(&m.body, inner)
        });
        out.extend(made);
        true
    }

    /// Checks the arguments and reads the body with them.
    fn with_body<T>(
        &mut self,
        m: &'s Macro,
        args: &[Expr],
        env: &Env,
        span: Span,
        read: impl FnOnce(&mut Self, &Env) -> T,
    ) -> Option<T> {
        let name = m.name.text.as_str();
        let this = MacroCall {
            definition: m.span,
            call: span,
        };
        if !self.called.contains(&this) {
            self.called.push(this);
        }
        if self.calls.contains(&name) || self.calls.len() > MAX_DEPTH {
            let message = format!("the macro `{name}` calls itself");
            self.error(codes::MACRO_ENDLESS, span, message);
            return None;
        }
        if m.params.len() != args.len() {
            self.wrong_count(name, m.params.len(), args.len(), span);
            return None;
        }
        // Names that arguments stand for must outlive the body.
        let names: Vec<Option<String>> = args.iter().map(|a| self.given_name(a, env)).collect();
        let mut params = BTreeMap::new();
        for ((param, arg), name) in m.params.iter().zip(args).zip(&names) {
            let (key, argument) = self.argument(param, arg, name.as_deref(), env)?;
            params.insert(key, argument);
        }
        self.fresh += 1;
        let inner = Env {
            params,
            call: Some(self.fresh),
        };
        self.calls.push(name);
        let made = read(self, &inner);
        self.calls.pop();
        Some(made)
    }

    /// The variable or map that an argument is, after expansion.
    fn given_name(&self, arg: &Expr, env: &Env) -> Option<String> {
        match &arg.kind {
            ExprKind::Var(name) => Some(self.variable_name(name, env)),
            ExprKind::Map { name, keys: None } => {
                Some(match (env.params.get(&format!("@{name}")), env.call) {
                    (Some(Argument::Map(given)), _) => (*given).to_owned(),
                    (_, Some(_)) => return None,
                    (_, None) => name.clone(),
                })
            }
            _ => None,
        }
    }

    fn argument<'e>(
        &mut self,
        param: &Expr,
        arg: &'e Expr,
        name: Option<&'e str>,
        env: &'e Env<'e>,
    ) -> Option<(String, Argument<'e>)> {
        let wants = match (&param.kind, &arg.kind, name) {
            (ExprKind::Name(param), ..) => {
                return Some((param.clone(), Argument::Value(arg, env)));
            }
            (ExprKind::Var(param), ExprKind::Var(_), Some(name)) => {
                return Some((format!("${param}"), Argument::Variable(name)));
            }
            (ExprKind::Map { name: param, .. }, ExprKind::Map { .. }, Some(name)) => {
                return Some((format!("@{param}"), Argument::Map(name)));
            }
            (ExprKind::Var(param), ..) => format!("`${param}` takes a variable: $x"),
            (ExprKind::Map { name, .. }, ..) => format!("`@{name}` takes a whole map: @x"),
            // Said when the macro was read.
            _ => return None,
        };
        let message = format!("the macro's parameter {wants}");
        let diagnostic = Diagnostic::error(codes::MACRO_ARGUMENT, arg.span, message);
        self.say(diagnostic.also(param.span, "the parameter"));
        None
    }

    fn wrong_count(&mut self, name: &str, wanted: usize, given: usize, span: Span) -> Expr {
        let plural = if wanted == 1 { "" } else { "s" };
        let message = format!("`{name}` takes {wanted} argument{plural}, this has {given}");
        self.error(codes::MACRO_ARGUMENT, span, message);
        number(0, span)
    }

    /// `getopt("name", default, "description")`: the value that the command line gives, or the default.
    fn option(&mut self, args: &[Expr], span: Span) -> Expr {
        let text = |e: &Expr| match &e.kind {
            ExprKind::Str(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        };
        let usage = "getopt(\"name\"[, default[, \"description\"]])";
        let (name, default, description) = match args {
            [name] => (text(name), None, Some(String::new())),
            [name, default] => (text(name), Some(default), Some(String::new())),
            [name, default, description] => (text(name), Some(default), text(description)),
            _ => (None, None, None),
        };
        let (Some(name), Some(description)) = (name, description) else {
            let message = "getopt() takes a literal name, a default and a literal description";
            let diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, span, message);
            self.say(diagnostic.help(format!("it is called as {usage}")));
            return number(0, span);
        };
        let given = self.options.get(&name).cloned();
        let made = match default {
            None => self.switch(&name, given, span),
            Some(default) => self.valued(&name, given, default, span),
        };
        let option = OptionUse {
            name,
            default: default.map(written),
            description,
        };
        match self.used.iter_mut().find(|o| o.name == option.name) {
            Some(same) if same.description.is_empty() => *same = option,
            Some(_) => {}
            None => self.used.push(option),
        }
        made
    }

    fn switch(&mut self, name: &str, given: Option<Option<String>>, span: Span) -> Expr {
        let on = match given {
            None => false,
            Some(None) => true,
            Some(Some(text)) => match text.as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                other => {
                    let message = format!("the option --{name} is on or off, `{other}` is neither");
                    self.error(codes::PARAMETER_NOT_NUMBER, span, message);
                    false
                }
            },
        };
        let kind = ExprKind::Bool(on);
        Expr { kind, span }
    }

    fn valued(
        &mut self,
        name: &str,
        given: Option<Option<String>>,
        default: &Expr,
        span: Span,
    ) -> Expr {
        let Some(given) = given else {
            return placed(default.clone(), span);
        };
        let is = |kind| Expr { kind, span };
        match (&default.kind, given) {
            (ExprKind::Bool(_), given) => self.switch(name, Some(given), span),
            (ExprKind::Str(_), Some(text)) => is(ExprKind::Str(text.into_bytes())),
            (_, Some(text)) => match crate::syntax::number(&text) {
                Some(value) => signed_or_large(value, span),
                None => {
                    let message = format!("the option --{name} is a number, `{text}` is none");
                    self.error(codes::PARAMETER_NOT_NUMBER, span, message);
                    number(0, span)
                }
            },
            (_, None) => {
                let message = format!("the option --{name} needs a value: --{name}=…");
                self.error(codes::PARAMETER_NOT_NUMBER, span, message);
                number(0, span)
            }
        }
    }
}

/// The argument that a bare name stands for, and what names in it stand for.
pub(super) fn call_of<'e>(e: &Expr, env: &'e Env<'e>) -> Option<(&'e Expr, &'e Env<'e>)> {
    match &e.kind {
        ExprKind::Name(name) => match env.params.get(name)? {
            Argument::Value(argument, outer) => Some((argument, outer)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether nothing that happens in a clause changes it: it need not be kept.
pub(super) fn is_stable(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Int(_)
        | ExprKind::Str(_)
        | ExprKind::Bool(_)
        | ExprKind::Name(_)
        | ExprKind::Positional { .. }
        | ExprKind::SizeofType(_)
        | ExprKind::SizeofExpr(_)
        | ExprKind::Offsetof { .. }
        | ExprKind::Regex(_) => true,
        ExprKind::Unary { op, operand } => *op != UnaryOp::Deref && is_stable(operand),
        ExprKind::Cast { operand, .. } => is_stable(operand),
        ExprKind::Member { base, .. } | ExprKind::ContainerOf { pointer: base, .. } => {
            is_stable(base)
        }
        // A whole map as an argument is no value.
        ExprKind::Map { keys, .. } => keys.is_none(),
        _ => false,
    }
}

fn number(value: u64, span: Span) -> Expr {
    let kind = ExprKind::Int(value);
    Expr { kind, span }
}

/// A number of either sign.
fn signed(value: i64, span: Span) -> Expr {
    let size = number(value.unsigned_abs(), span);
    match value < 0 {
        true => Expr {
            kind: ExprKind::Unary {
                op: UnaryOp::Neg,
                operand: Box::new(size),
            },
            span,
        },
        false => size,
    }
}

fn signed_or_large((negative, value): (bool, u64), span: Span) -> Expr {
    match negative {
        true => signed((value as i64).wrapping_neg(), span),
        false => number(value, span),
    }
}

/// What is put in is at the place where it is asked for.
fn placed(e: Expr, span: Span) -> Expr {
    Expr { span, ..e }
}

/// A default as the help shows it.
fn written(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Str(text) => format!("{:?}", String::from_utf8_lossy(text)),
        _ => crate::syntax::dump::expression(e),
    }
}
