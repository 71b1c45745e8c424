//! A figure: one thing measured for several subjects, and what it should be.
//!
//! In: values by round. Out: medians, a verdict, a table, JSON. Never measures.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

/// What one subject showed.
pub struct Series {
    /// `tracer`, `floor`, `bpftrace`, …
    pub subject: String,
    /// One value a round.
    pub values: Vec<f64>,
}

/// What the tracer's median should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// No more than `most` above the floor's median.
    AboveFloor {
        /// In the figure's unit.
        most: f64,
        /// How many times the floor it was when it was last looked at closely (docs/performance.md).
        usual: f64,
    },
    /// Nothing is asked: the figure tells how things are.
    None,
}

/// One thing measured.
pub struct Figure {
    /// What: `syscall:* { @[comm] = count(); }, added a call`.
    pub what: String,
    /// `ns`, `ms`, `MiB`, `%`, …
    pub unit: &'static str,
    /// Of the subjects, the tracer's first.
    pub series: Vec<Series>,
    /// What the tracer's should be.
    pub goal: Goal,
}

impl Figure {
    /// The median of a subject.
    pub fn median(&self, subject: &str) -> Option<f64> {
        let series = self.series.iter().find(|series| series.subject == subject);
        series.and_then(|series| median(&series.values))
    }

    /// Whether the tracer does as well as it should; nothing when no goal is set, or what it is set against was not measured.
    pub fn meets_goal(&self) -> Option<bool> {
        let tracer = self.median("tracer")?;
        match self.goal {
            Goal::AtMost(most) => Some(tracer <= most),
            Goal::AtLeast(least) => Some(tracer >= least),
            Goal::AboveFloor { most, .. } => Some(tracer <= self.median("floor")? + most),
            Goal::None => None,
        }
    }

    /// How many times the floor it is; nothing where there is no floor.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.median("tracer")? / self.median("floor")?)
    }

    /// Whether its ratio to the floor has more than doubled. Times of their own ruin nothing: machines differ.
    pub fn is_ruined(&self) -> bool {
        match (self.goal, self.ratio()) {
            (Goal::AboveFloor { usual, .. }, Some(ratio)) => ratio > 2.0 * usual,
            _ => false,
        }
    }

    /// What [`Figure::is_ruined`] found, in one line.
    pub fn ruin(&self) -> String {
        let usual = match self.goal {
            Goal::AboveFloor { usual, .. } => number(usual),
            _ => "?".to_owned(),
        };
        let ratio = self.ratio().map_or("?".to_owned(), number);
        format!("{}: {ratio} times the floor, usually {usual}", self.what)
    }

    /// The goal in words.
    fn goal_text(&self) -> String {
        match self.goal {
            Goal::AtMost(most) => format!("<= {}", number(most)),
            Goal::AtLeast(least) => format!(">= {}", number(least)),
            Goal::AboveFloor { most, .. } => format!("<= floor + {}", number(most)),
            Goal::None => String::new(),
        }
    }

    /// What was found and what was asked, in one line.
    pub fn judged(&self) -> String {
        let of = |subject| self.median(subject).map_or("?".to_owned(), number);
        let floor = match self.goal {
            Goal::AboveFloor { .. } => format!(", floor {}", of("floor")),
            _ => String::new(),
        };
        let (tracer, goal) = (of("tracer"), self.goal_text());
        format!(
            "{}: {tracer} {}{floor}, should be {goal}",
            self.what, self.unit
        )
    }

    /// For programs: all values, so that others can look at their spread.
    pub fn json(&self) -> Value {
        let series = self.series.iter().map(|series| {
            let value = json!({ "median": median(&series.values), "values": series.values });
            (series.subject.clone(), value)
        });
        json!({
            "what": self.what,
            "unit": self.unit,
            "goal": self.goal_text(),
            "met": self.meets_goal(),
            "subjects": Value::Object(series.collect()),
        })
    }
}

/// Figures as people read them: a row each, a column for each subject.
pub fn table(figures: &[Figure]) -> String {
    let mut subjects: Vec<&str> = Vec::new();
    for series in figures.iter().flat_map(|figure| &figure.series) {
        if !subjects.contains(&series.subject.as_str()) {
            subjects.push(&series.subject);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let heads = ["", "unit"].into_iter().chain(subjects.iter().copied());
    table.set_header(heads.chain(["goal", ""]));
    for figure in figures {
        let cells = subjects
            .iter()
            .map(|subject| figure.median(subject).map_or(String::new(), number));
        let met = match figure.meets_goal() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let start = [figure.what.clone(), figure.unit.to_owned()].into_iter();
        table.add_row(
            start
                .chain(cells)
                .chain([figure.goal_text(), met.to_owned()]),
        );
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The middle one, or the mean of the two middle ones.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(tracer: f64, floor: f64) -> Figure {
        let one = |subject: &str, value| Series {
            subject: subject.to_owned(),
            values: vec![value],
        };
        Figure {
            what: "a query".to_owned(),
            unit: "ns",
            series: vec![one("tracer", tracer), one("floor", floor)],
            goal: Goal::AboveFloor {
                most: 60.0,
                usual: 1.5,
            },
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn goals_count_from_the_floor() {
        assert_eq!(figure(150.0, 90.0).meets_goal(), Some(true));
        assert_eq!(figure(151.0, 90.0).meets_goal(), Some(false));
    }

    #[test]
    fn a_ratio_that_has_more_than_doubled_is_ruin() {
        assert!(!figure(270.0, 90.0).is_ruined());
        assert!(figure(271.0, 90.0).is_ruined());
        let said = figure(360.0, 90.0).ruin();
        assert_eq!(said, "a query: 4.00 times the floor, usually 1.50");
    }

    #[test]
    fn a_goal_against_a_floor_that_was_not_measured_is_not_met_or_missed() {
        let mut figure = figure(1.0, 1.0);
        figure.series.truncate(1);
        assert_eq!(figure.meets_goal(), None);
    }

    #[test]
    fn what_was_missed_is_said_with_its_figures() {
        let said = figure(200.0, 90.0).judged();
        assert_eq!(
            said,
            "a query: 200 ns, floor 90.0, should be <= floor + 60.0"
        );
    }
}
