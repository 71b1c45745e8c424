//! Whether two sets of numbers are from one source: the exact rank-sum test (Wilcoxon, Mann, Whitney), ties included, and the
//! correction for many of them.
//!
//! In: values of runs. Out: probabilities. The distribution of the rank sum is counted out over all ways to deal the values to the
//! two sets, so the probability is exact whatever the values are distributed like. Above [`EXACT`] values the normal
//! approximation with the correction for ties takes its place. Crates that have the test lack one of the two: exactness with
//! ties, which counts of events are full of, or the correction.
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

    /// The probability of a rank sum at least as far from the middle, by chance; and the least that any dealing of these values can
    /// have.
    pub fn probabilities(&self) -> (f64, f64) {
        let ranks = Ranks::of(&self.a, &self.b);
        match ranks.doubled.len() <= EXACT {
            true => ranks.exact(self.a.len()),
            false => ranks.normal(self.a.len()),
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
    let reach = |k: usize| {
        all.iter()
            .filter(|(_, least)| *least <= alpha / k as f64)
            .count()
    };
    (1..=all.len())
        .find(|&k| reach(k) <= k)
        .unwrap_or(all.len().max(1))
}

/// How often a value of the second set is above one of the first, less how often below, as a share of all pairs.
pub fn delta(a: &[f64], b: &[f64]) -> f64 {
    let pairs = (a.len() * b.len()) as f64;
    let signs = a
        .iter()
        .flat_map(|x| b.iter().map(move |y| (y - x).signum() * f64::from(y != x)));
    signs.sum::<f64>() / pairs.max(1.0)
}

/// Ranks of all values, times two: equal values share the mean of theirs.
struct Ranks {
    /// In order of the values.
    doubled: Vec<usize>,
    /// Of the first set, added up.
    sum: usize,
}

impl Ranks {
    fn of(a: &[f64], b: &[f64]) -> Ranks {
        let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).collect();
        all.extend(b.iter().map(|x| (*x, false)));
        all.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut ranks = Ranks {
            doubled: Vec::with_capacity(all.len()),
            sum: 0,
        };
        let mut start = 0;
        while start < all.len() {
            let same = all[start..]
                .iter()
                .take_while(|(x, _)| *x == all[start].0)
                .count()
                .max(1);
            // Ranks start + 1 to start + same: twice their mean.
            let rank = 2 * start + same + 1;
            let own = all[start..start + same]
                .iter()
                .filter(|(_, first)| *first)
                .count();
            ranks.sum += own * rank;
            ranks.doubled.extend(std::iter::repeat_n(rank, same));
            start += same;
        }
        ranks
    }

    /// Counts the dealings of `n` values to the first set by their rank sum.
    fn exact(&self, n: usize) -> (f64, f64) {
        let most: usize = self.doubled.iter().sum();
        // ways[k][s]: dealings of k values with sum s.
        let mut ways = vec![vec![0.0f64; most + 1]; n + 1];
        ways[0][0] = 1.0;
        for (seen, &rank) in self.doubled.iter().enumerate() {
            for k in (1..=n.min(seen + 1)).rev() {
                let (fewer, these) = ways.split_at_mut(k);
                let (from, to) = (&fewer[k - 1], &mut these[0]);
                for s in (rank..=most).rev() {
                    to[s] += from[s - rank];
                }
            }
        }
        let all: f64 = ways[n].iter().sum();
        // Twice the middle, so that it is a whole number: the sum is symmetric only without ties.
        let middle = n as f64 * most as f64 / self.doubled.len().max(1) as f64;
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

    /// The normal approximation, with the variance that ties leave, and half a rank taken off.
    fn normal(&self, n: usize) -> (f64, f64) {
        let all = self.doubled.len() as f64;
        let (first, second) = (n as f64, all - n as f64);
        let mean = self.doubled.iter().sum::<usize>() as f64 / all;
        let spread: f64 = self
            .doubled
            .iter()
            .map(|r| (*r as f64 - mean).powi(2))
            .sum();
        let variance = first * second * spread / (all * (all - 1.0));
        if variance <= 0.0 {
            return (1.0, 1.0);
        }
        let tail = |off: f64| {
            let z = (off - 1.0).max(0.0) / variance.sqrt();
            libm::erfc(z / std::f64::consts::SQRT_2)
        };
        let largest: usize = self.doubled.iter().rev().take(n).sum();
        (
            tail((self.sum as f64 - first * mean).abs()),
            tail(largest as f64 - first * mean),
        )
    }
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
        assert!((p(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 0.1).abs() < 1e-12);
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
        let ranks = Ranks::of(&a, &b);
        let (exact, normal) = (ranks.exact(30).0, ranks.normal(30).0);
        assert!((exact - normal).abs() < 0.01, "{exact} {normal}");
    }

    #[test]
    fn hopeless_tests_cost_nothing() {
        let apart = Test::new(
            (0..6).map(f64::from).collect(),
            (6..12).map(f64::from).collect(),
        );
        // One run of twelve differs: no dealing of that is significant.
        let mut odd = vec![0.0; 6];
        odd[0] = 1.0;
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
