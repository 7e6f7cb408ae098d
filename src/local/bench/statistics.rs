//! What many figures come to: a percentile, an index of fairness, an exponent.

/// The value that this share of all values does not exceed (nearest rank); none of none.
pub(super) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = f64::from(u32::try_from(sorted.len()).ok()?);
    let rank = (share * count).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 1 to the count of the values"
    )]
    let rank = rank as usize;
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Jain's index of fairness: 1 if all are equal, 1/n if one has everything.
pub(super) fn jain(values: &[f64]) -> Option<f64> {
    let count = f64::from(u32::try_from(values.len()).ok()?);
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    (squares > 0.0).then(|| sum * sum / (count * squares))
}

/// The exponent by which a cost grows with a size: the slope of the straight line that fits the
/// logarithms best (least squares). None where there are not two different sizes, or a cost is nothing.
pub(super) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points
        .iter()
        .any(|(size, cost)| *size <= 0.0 || *cost <= 0.0)
    {
        return None;
    }
    let logs: Vec<(f64, f64)> = points
        .iter()
        .map(|(size, cost)| (size.ln(), cost.ln()))
        .collect();
    let count = f64::from(u32::try_from(logs.len()).ok()?);
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (size, cost) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - size).powi(2)).sum();
    let together: f64 = logs.iter().map(|log| (log.0 - size) * (log.1 - cost)).sum();
    (spread > 1e-9).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, wanted: f64) {
        assert!(
            found.is_some_and(|found| (found - wanted).abs() < 1e-9),
            "{found:?} instead of {wanted}"
        );
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        near(percentile(&values, 0.5), 100.0);
        near(percentile(&values, 0.99), 198.0);
        near(percentile(&values, 1.0), 200.0);
        near(percentile(&[7.0], 0.5), 7.0);
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn fairness_is_between_one_for_all_and_all_for_one() {
        near(jain(&[3.0, 3.0, 3.0]), 1.0);
        near(jain(&[6.0, 0.0, 0.0]), 1.0 / 3.0);
        near(jain(&[1.0, 3.0]), 0.8);
        assert_eq!(jain(&[]), None);
    }

    #[test]
    fn an_exponent_is_read_from_a_power() {
        let power = |exponent: f64| {
            [1000.0_f64, 5000.0, 50_000.0].map(|size| (size, 3.0 * size.powf(exponent)))
        };
        near(exponent(&power(1.0)), 1.0);
        near(exponent(&power(0.0)), 0.0);
        near(exponent(&power(1.5)), 1.5);
        assert_eq!(exponent(&[(1000.0, 1.0)]), None);
        assert_eq!(exponent(&[(1000.0, 0.0), (2000.0, 1.0)]), None);
    }
}
