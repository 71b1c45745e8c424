//! Whether two sets of numbers are from one source: an exact permutation test on scores of the values, and the correction for
//! many of them.
//!
//! In: values of runs. Out: probabilities. A value's score is its logarithm on a grid, what lies far out drawn in; where most values
//! are equal, it is its rank, equal values sharing the mean of theirs (Wilcoxon's test with ties). The distribution of the first
//! set's sum is counted out over all ways to deal the scores to the two sets, so the probability is exact whatever the values are
//! distributed like. Above [`EXACT`] values the normal approximation takes its place. Crates that have rank tests lack exactness
//! with ties, which counts of events are full of; and ranks alone need more runs to tell a duration 1.3 times as long.
//!
//! Correction: Holm's, after leaving out tests that could not reach significance whatever the labels (Tarone): the probability of
//! any false report stays below the level, also when the tests depend on each other.

/// So many values in all are counted out.
const EXACT: usize = 60;

/// Values of two sets.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    /// Of the first.
    pub a: Vec<f64>,
    /// Of the second.
    pub b: Vec<f64>,
}

impl Test {
    /// Two sets, each with a value.
    pub fn new(a: Vec<f64>, b: Vec<f64>) -> Test {
        Test { a, b }
    }

    /// The probability of a sum at least as far from the middle, by chance; and the least that any dealing of these values can
    /// have.
    pub fn probabilities(&self) -> (f64, f64) {
        let scores = Scores::of(&self.a, &self.b);
        match scores.all.len() <= EXACT {
            true => scores.exact(self.a.len()),
            false => scores.normal(self.a.len()),
        }
    }
}

/// The tests that are significant at `alpha` in all, with their probabilities; `None` for the others.
pub fn significant<'t>(tests: impl Iterator<Item = &'t Test>, alpha: f64) -> Vec<Option<f64>> {
    let all: Vec<(f64, f64)> = tests.map(Test::probabilities).collect();
    let counted = testable(&all, alpha);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&x, &y| all[x].0.total_cmp(&all[y].0));
    let mut found = vec![None; all.len()];
    for (rank, at) in order.into_iter().enumerate() {
        let left = counted.saturating_sub(rank).max(1);
        if all[at].0 > alpha / left as f64 {
            break;
        }
        found[at] = Some(all[at].0);
    }
    found
}

/// The least k for which no more than k tests can reach alpha / k at all (Tarone 1990).
fn testable(all: &[(f64, f64)], alpha: f64) -> usize {
    let mut least: Vec<f64> = all.iter().map(|(_, least)| *least).collect();
    least.sort_by(f64::total_cmp);
    let reach = |k: usize| least.partition_point(|p| *p <= alpha / k as f64);
    (1..=all.len()).find(|&k| reach(k) <= k).unwrap_or(1)
}

/// How often a value of the second set is above one of the first, less how often below, as a share of all pairs.
pub fn delta(a: &[f64], b: &[f64]) -> f64 {
    let pairs = (a.len() * b.len()) as f64;
    let signs = a
        .iter()
        .flat_map(|x| b.iter().map(move |y| (y - x).signum() * f64::from(y != x)));
    signs.sum::<f64>() / pairs.max(1.0)
}

/// Steps from the least to the greatest score.
const GRID: f64 = 100.0;
/// Logarithms further from the middle than so many deviations count as if they were there.
const FAR: f64 = 3.0;
/// The median distance from the middle, times this, is the deviation of a normal distribution.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;

/// Scores of all values.
struct Scores {
    /// In order of the values.
    all: Vec<usize>,
    /// Of the first set, added up.
    sum: usize,
}

impl Scores {
    fn of(a: &[f64], b: &[f64]) -> Scores {
        let mut values: Vec<(f64, bool)> = a.iter().map(|x| (x.max(0.0).ln_1p(), true)).collect();
        values.extend(b.iter().map(|x| (x.max(0.0).ln_1p(), false)));
        values.sort_by(|x, y| x.0.total_cmp(&y.0));
        let sorted: Vec<f64> = values.iter().map(|(x, _)| *x).collect();
        let all = on_grid(&sorted).unwrap_or_else(|| ranks(&sorted));
        let own = all.iter().zip(&values).filter(|(_, (_, first))| *first);
        let sum = own.map(|(score, _)| score).sum();
        Scores { all, sum }
    }

    /// Counts the dealings of `n` values to the first set by their sum.
    fn exact(&self, n: usize) -> (f64, f64) {
        let total: usize = self.all.iter().sum();
        // No n of them have a larger sum.
        let most: usize = self.all.iter().rev().take(n).sum();
        // ways[k][s]: dealings of k values with sum s.
        let mut ways = vec![vec![0.0f64; most + 1]; n + 1];
        ways[0][0] = 1.0;
        let mut seen_sum = 0;
        for (seen, &score) in self.all.iter().enumerate() {
            seen_sum += score;
            for k in (1..=n.min(seen + 1)).rev() {
                let (fewer, these) = ways.split_at_mut(k);
                let end = seen_sum.min(most) + 1;
                if score < end {
                    let to = these[0][score..end].iter_mut();
                    to.zip(&fewer[k - 1]).for_each(|(to, from)| *to += from);
                }
            }
        }
        let all: f64 = ways[n].iter().sum();
        let middle = n as f64 * total as f64 / self.all.len().max(1) as f64;
        let off = |s: usize| (s as f64 - middle).abs();
        let own = off(self.sum);
        let used = || ways[n].iter().enumerate().filter(|(_, ways)| **ways > 0.0);
        let tail = |least: f64| -> f64 {
            let far = used().filter(|(s, _)| off(*s) >= least - 1e-9);
            far.map(|(_, ways)| ways).sum::<f64>() / all
        };
        let furthest = used().map(|(s, _)| off(s)).fold(0.0, f64::max);
        (tail(own), tail(furthest))
    }

    /// The normal approximation, with the variance of the scores, and half a step taken off.
    fn normal(&self, n: usize) -> (f64, f64) {
        let all = self.all.len() as f64;
        let (first, second) = (n as f64, all - n as f64);
        let mean = self.all.iter().sum::<usize>() as f64 / all;
        let spread: f64 = self.all.iter().map(|r| (*r as f64 - mean).powi(2)).sum();
        let variance = first * second * spread / (all * (all - 1.0));
        if variance <= 0.0 {
            return (1.0, 1.0);
        }
        let tail = |off: f64| {
            let z = (off - 1.0).max(0.0) / variance.sqrt();
            libm::erfc(z / std::f64::consts::SQRT_2)
        };
        let largest: usize = self.all.iter().rev().take(n).sum();
        (
            tail((self.sum as f64 - first * mean).abs()),
            tail(largest as f64 - first * mean),
        )
    }
}

/// Sorted logarithms on the grid; `None` when more than half of them are equal.
fn on_grid(sorted: &[f64]) -> Option<Vec<usize>> {
    let middle = sorted[sorted.len() / 2];
    let mut distances: Vec<f64> = sorted.iter().map(|x| (x - middle).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let far = FAR * MEDIAN_TO_DEVIATION * distances[distances.len() / 2];
    let inside: Vec<f64> = sorted
        .iter()
        .map(|x| x.clamp(middle - far, middle + far))
        .collect();
    let (least, greatest) = (*inside.first()?, *inside.last()?);
    let step = (greatest - least) / GRID;
    (far > 0.0).then(|| {
        inside
            .iter()
            .map(|x| ((x - least) / step).round() as usize)
            .collect()
    })
}

/// Ranks of sorted values, times two: equal values share the mean of theirs.
fn ranks(sorted: &[f64]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(sorted.len());
    while ranks.len() < sorted.len() {
        let start = ranks.len();
        let same = sorted[start..]
            .iter()
            .take_while(|x| **x == sorted[start])
            .count()
            .max(1);
        ranks.extend(std::iter::repeat_n(2 * start + same + 1, same));
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(a: &[f64], b: &[f64]) -> f64 {
        Test::new(a.to_vec(), b.to_vec()).probabilities().0
    }

    #[test]
    fn small_sets_are_counted_out() {
        // 1 of the 20 dealings lies at each end: 2 / C(6, 3).
        assert!((p(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 0.1).abs() < 1e-9);
        assert!((p(&[1.0, 2.0], &[1.0, 2.0]) - 1.0).abs() < 1e-12);
        // Ties: 5 5 5 against 5 5 9: three of six places for the 9 are in the second set.
        assert!((p(&[5.0; 3], &[5.0, 5.0, 9.0]) - 1.0).abs() < 1e-12);
        // Ten against ten, all apart: 2 / C(20, 10).
        let low: Vec<f64> = (0..10).map(f64::from).collect();
        let high: Vec<f64> = (10..20).map(f64::from).collect();
        assert!((p(&low, &high) - 2.0 / 184_756.0).abs() < 1e-12);
    }

    #[test]
    fn the_approximation_meets_the_counted_value() {
        let a: Vec<f64> = (0..30).map(|i| f64::from(i * 7 % 31)).collect();
        let b: Vec<f64> = (0..30).map(|i| f64::from(i * 11 % 37 + 3)).collect();
        let scores = Scores::of(&a, &b);
        let (exact, normal) = (scores.exact(30).0, scores.normal(30).0);
        assert!((exact - normal).abs() < 0.01, "{exact} {normal}");
    }

    #[test]
    fn hopeless_tests_cost_nothing() {
        let apart = Test::new(
            (0..6).map(f64::from).collect(),
            (6..12).map(f64::from).collect(),
        );
        // One run of twelve differs: no dealing of that is significant.
        let odd = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let hopeless = Test::new(odd, vec![0.0; 6]);
        let mut tests = vec![hopeless; 500];
        tests.push(apart.clone());
        let found = significant(tests.iter(), 0.01);
        assert_eq!(found.iter().flatten().count(), 1);
        // Five hundred that could all be significant take it away.
        let found = significant(vec![apart; 500].iter(), 1e-6);
        assert_eq!(found.iter().flatten().count(), 0);
    }

    #[test]
    fn delta_counts_pairs() {
        assert_eq!(delta(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(delta(&[3.0], &[1.0]), -1.0);
        assert_eq!(delta(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
    }
}
