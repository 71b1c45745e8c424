//! A query as SQL over the Parquet export.
//!
//! In: a typed program. Out: a statement for each of its maps, in DuckDB's dialect; or diagnostics about what SQL does not say: statements
//! that depend on each other, printing, memory beyond strings. Never runs it.

mod expr;

use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{
    Clause, Expr, ExprKind, MapId, MapValue, Phase, Probe, Program, Stmt, StmtKind, SyscallSet,
};
use crate::tables::syscalls;
use crate::types::{Abi, AggKind, HistShape, Type};
use expr::Writer;

/// The statements.
///
/// # Errors
/// Places that SQL cannot say.
pub fn text(program: &Program) -> Result<String, Vec<Diagnostic>> {
    let mut out = String::from(
        "-- CREATE VIEW recording AS SELECT * FROM 'FILE.parquet';  (tracer export FILE --parquet FILE.parquet)\n",
    );
    let mut wrong = Vec::new();
    let mut asked: Vec<Question> = Vec::new();
    for clause in &program.clauses {
        for stmt in &clause.body {
            let (conditions, stmt) = under_conditions(stmt);
            let found = question(clause, &conditions, stmt);
            // A clause on many calls comes as several: its statements are told once.
            if let Err(diagnostic) = found.and_then(|one| add(&mut asked, one))
                && !wrong.contains(&*diagnostic)
            {
                wrong.push(*diagnostic);
            }
        }
    }
    for question in &asked {
        out.push_str(&select(program, question));
    }
    match wrong.is_empty() {
        true => Ok(out),
        false => Err(wrong),
    }
}

/// Why SQL does not say it.
type Unsaid = Box<Diagnostic>;

fn unsaid(span: Span, what: &str) -> Unsaid {
    let message = format!("SQL cannot say {what}");
    let help = "aggregations of calls by keys can be asked in SQL; anything else without --sql";
    Box::new(Diagnostic::error(codes::NOT_SQL, span, message).help(help))
}

/// A statement behind the conditions that it stands under, when nothing else does: `if`, and what guards a duration.
fn under_conditions(stmt: &Stmt) -> (Vec<&Expr>, &Stmt) {
    let (mut conditions, mut stmt) = (Vec::new(), stmt);
    while let StmtKind::If {
        cond,
        then,
        otherwise,
    } = &stmt.kind
    {
        let counts = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Count(_));
        let [only] = then.as_slice() else { break };
        if !otherwise.iter().all(counts) {
            break;
        }
        conditions.push(cond);
        stmt = only;
    }
    (conditions, stmt)
}

/// What one statement of the script asks.
struct Question {
    map: MapId,
    span: Span,
    keys: Vec<String>,
    value: Option<String>,
    /// One of them holds. A clause on many calls comes as several, by the ends at which they fire.
    conditions: Vec<String>,
}

/// Adds what is asked; the same statement in another clause that was made of its clause adds a condition.
fn add(asked: &mut Vec<Question>, one: Question) -> Result<(), Unsaid> {
    let Some(same) = asked.iter_mut().find(|other| other.map == one.map) else {
        asked.push(one);
        return Ok(());
    };
    let fits = same.span == one.span && same.keys == one.keys && same.value == one.value;
    if !fits {
        return Err(unsaid(one.span, "what several statements add to one map"));
    }
    same.conditions.extend(one.conditions);
    Ok(())
}

/// What a statement of a clause asks: an aggregation, or a count by `++`.
fn question(clause: &Clause, under: &[&Expr], stmt: &Stmt) -> Result<Question, Unsaid> {
    let (map, key, value) = match &stmt.kind {
        StmtKind::Aggregate { map, key, value } => (*map, key, value.as_ref()),
        StmtKind::Expr(Expr {
            kind: ExprKind::StepMap {
                map, key, delta: 1, ..
            },
            ..
        }) => (*map, key, None),
        _ => return Err(unsaid(stmt.span, "this statement")),
    };
    if value.is_some_and(|value| matches!(value.ty, Type::Tuple(_))) {
        return Err(unsaid(stmt.span, "what a series keeps"));
    }
    let writer = Writer { clause };
    let mut conditions = vec![writer.probes()?];
    for condition in clause.predicate.iter().chain(under.iter().copied()) {
        conditions.push(writer.text(condition)?);
    }
    let keys: Vec<String> = key
        .iter()
        .map(|part| writer.text(part))
        .collect::<Result<_, _>>()?;
    let value = value.map(|value| writer.text(value)).transpose()?;
    Ok(Question {
        map,
        span: stmt.span,
        keys,
        value,
        conditions: vec![conditions.join("\n  AND ")],
    })
}

/// A statement that gives the rows of a map, in the order in which they are printed.
fn select(program: &Program, question: &Question) -> String {
    let declared = &program.maps[question.map.0 as usize];
    let x = question.value.as_deref().unwrap_or("1");
    let mut columns: Vec<String> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for (n, key) in question.keys.iter().enumerate() {
        columns.push(format!("{key} AS key{n}"));
        groups.push(format!("key{n}"));
    }
    let values: Vec<String> = match &declared.value {
        MapValue::Agg(AggKind::Sum { .. }) => vec![format!("sum({x}) AS value")],
        MapValue::Agg(AggKind::Min { .. }) => vec![format!("min({x}) AS value")],
        MapValue::Agg(AggKind::Max { .. }) => vec![format!("max({x}) AS value")],
        MapValue::Agg(AggKind::Avg { .. }) => vec![format!("sum({x}) // count(*) AS value")],
        MapValue::Agg(AggKind::Stats { .. }) => vec![
            "count(*) AS count".to_owned(),
            format!("sum({x}) // count(*) AS average"),
            format!("sum({x}) AS total"),
        ],
        MapValue::Agg(AggKind::Stddev { .. }) => vec![format!("stddev_pop({x}) AS value")],
        MapValue::Agg(AggKind::Hist(shape)) => {
            columns.push(format!("{} AS low", bucket(*shape, x)));
            groups.push("low".to_owned());
            vec!["count(*) AS value".to_owned()]
        }
        // A series is no question that gets here.
        MapValue::Agg(AggKind::Count | AggKind::Series(_)) | MapValue::Plain(_) => {
            vec!["count(*) AS value".to_owned()]
        }
    };
    columns.extend(values);
    let by_value = !matches!(
        declared.value,
        MapValue::Agg(AggKind::Hist(_) | AggKind::Stats { .. })
    );
    let first = by_value.then(|| "value".to_owned());
    let order: Vec<String> = first.into_iter().chain(groups.iter().cloned()).collect();
    let mut out = format!(
        "\n-- @{}\nSELECT {}\nFROM recording\nWHERE {}\n",
        declared.name,
        columns.join(", "),
        question.conditions.join("\n  OR "),
    );
    if !groups.is_empty() {
        out += &format!("GROUP BY {}\n", groups.join(", "));
    }
    if !order.is_empty() && !groups.is_empty() {
        out += &format!("ORDER BY {}\n", order.join(", "));
    }
    out.truncate(out.trim_end().len());
    out + ";\n"
}

/// The lower bound of the bucket of a value; NULL below the lowest.
fn bucket(shape: HistShape, x: &str) -> String {
    match shape {
        HistShape::Log2 { bits: 0, .. } => format!(
            "CASE WHEN {x} < 0 THEN NULL WHEN {x} = 0 THEN 0 ELSE 1::HUGEINT << (length(bin({x})) - 1) END"
        ),
        HistShape::Log2 { bits, .. } => format!(
            "CASE WHEN {x} < 0 THEN NULL WHEN {x} < {least} THEN {x} \
             ELSE ({x} >> (length(bin({x})) - {kept})) << (length(bin({x})) - {kept}) END",
            least = 1u64 << bits,
            kept = bits + 1,
        ),
        HistShape::Linear { min, max, step } => format!(
            "CASE WHEN {x} < {min} THEN NULL WHEN {x} >= {max} THEN {max} \
             ELSE {min} + ({x} - {min}) // {step} * {step} END"
        ),
    }
}

impl Writer<'_> {
    /// Which rows the clause's probes fire for.
    fn probes(&self) -> Result<String, Unsaid> {
        let mut all = Vec::new();
        for probe in &self.clause.probes {
            let Probe::Syscall { calls, phase } = probe else {
                return Err(unsaid(self.clause.span, "what this probe does"));
            };
            let ended = "kind IN ('call', 'no_entry')";
            let begun =
                "(kind IN ('no_exit', 'unfinished') OR kind = 'call' AND duration_ns IS NOT NULL)";
            let phase = match phase {
                Phase::Whole | Phase::Return => ended,
                Phase::Entry => begun,
            };
            all.push(match some(calls) {
                None => phase.to_owned(),
                Some(calls) => format!("{phase} AND {calls}"),
            });
        }
        all.sort();
        all.dedup();
        Ok(match all.as_slice() {
            [one] => one.clone(),
            several => {
                let several: Vec<String> = several.iter().map(|one| format!("({one})")).collect();
                format!("({})", several.join(" OR "))
            }
        })
    }
}

/// Which calls; nothing when it is all. A set that holds unknown calls too is told by what it lacks.
fn some(set: &SyscallSet) -> Option<String> {
    if !set.unknown {
        let list = listed(&|call| set.calls.contains(&call));
        return Some(list.unwrap_or_else(|| "false".to_owned()));
    }
    let lacking = listed(&|call| !set.calls.contains(&call));
    lacking.map(|list| format!("NOT {list}"))
}

/// Known calls of a sort, as a condition in brackets; nothing when there are none.
fn listed(is_meant: &dyn Fn((Abi, u32)) -> bool) -> Option<String> {
    let of = |abi, name: &str| {
        let known = syscalls::all(abi).map(|(nr, _)| nr);
        let numbers: Vec<String> = known
            .filter(|nr| is_meant((abi, *nr)))
            .map(|nr| nr.to_string())
            .collect();
        let list = numbers.join(", ");
        (!numbers.is_empty()).then(|| format!("abi = '{name}' AND nr IN ({list})"))
    };
    let both = [of(Abi::Native, "x86_64"), of(Abi::I386, "i386")];
    let both: Vec<String> = both.into_iter().flatten().collect();
    (!both.is_empty()).then(|| format!("({})", both.join(" OR ")))
}
