//! Charts in integer arithmetic: a small area chart of eighth blocks and a line chart of braille dots.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::draw_context::{DrawContext, cells};

/// A value's position between two others, in steps from 0 to `steps`.
pub(super) fn scale(value: Decimal, low: Decimal, high: Decimal, steps: u32) -> u32 {
    let (Some(span), Some(above)) = (high.checked_sub(low), value.checked_sub(low)) else {
        // The difference may overflow; that of the halves cannot.
        let half = |value: Decimal| value.checked_div(Decimal::TWO).unwrap_or(Decimal::ZERO);
        return scale(half(value), half(low), half(high), steps);
    };
    if span.is_zero() {
        return steps / 2;
    }
    let share = match above.checked_mul(Decimal::from(steps)) {
        Some(product) => product.checked_div(span),
        None => span.checked_div(Decimal::from(steps)).and_then(|step| above.checked_div(step)),
    };
    share.and_then(|share| share.round().to_u32()).unwrap_or(0).min(steps)
}

/// The smallest and the largest of the known values.
pub(super) fn bounds(values: &[Option<Decimal>]) -> Option<(Decimal, Decimal)> {
    let mut known = values.iter().flatten();
    let first = *known.next()?;
    Some(known.fold((first, first), |(low, high), value| (low.min(*value), high.max(*value))))
}

/// One value for each of `columns` columns: the last that falls into it. Missing values stay missing.
pub(super) fn resample(values: &[Option<Decimal>], columns: usize) -> Vec<Option<Decimal>> {
    if values.len() <= columns {
        return values.to_vec();
    }
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1);
            values.get(from..to).and_then(|bucket| bucket.iter().rev().flatten().next().copied())
        })
        .collect()
}

impl DrawContext<'_> {
    /// A line chart in braille dots, two per column and four per row; in ASCII one mark per column.
    pub(super) fn line_chart(
        &mut self,
        area: Rect,
        values: &[Option<Decimal>],
        (low, high): (Decimal, Decimal),
        style: Style,
    ) {
        if area.width == 0 || area.height == 0 {
            return;
        }
        if !self.glyphs.braille {
            for (index, value) in resample(values, usize::from(area.width)).iter().enumerate() {
                let Some(value) = value else { continue };
                let up = scale(*value, low, high, u32::from(area.height) - 1);
                let y = area.bottom() - 1 - cells(up as usize);
                self.put(area.x + cells(index), y, self.glyphs.on, style);
            }
            return;
        }
        let columns = usize::from(area.width) * 2;
        let dots = u32::from(area.height) * 4 - 1;
        let heights: Vec<Option<u32>> = stretch(values, columns)
            .iter()
            .map(|value| value.map(|value| dots - scale(value, low, high, dots)))
            .collect();
        let mut bits = vec![0_u8; usize::from(area.width) * usize::from(area.height)];
        let mut before: Option<u32> = None;
        for (column, height) in heights.iter().enumerate() {
            let Some(height) = *height else {
                before = None;
                continue;
            };
            // Connect to the previous point, so that a steep part is drawn as a line.
            let from = before.unwrap_or(height);
            let (top, bottom) = if from < height { (from + 1, height) } else { (height, from.max(height + 1) - 1) };
            for dot in top.min(height)..=bottom.max(height) {
                let (row, in_row) = ((dot / 4) as usize, dot % 4);
                let bit = match (column % 2, in_row) {
                    (0, 0) => 0x01,
                    (0, 1) => 0x02,
                    (0, 2) => 0x04,
                    (0, _) => 0x40,
                    (_, 0) => 0x08,
                    (_, 1) => 0x10,
                    (_, 2) => 0x20,
                    (_, _) => 0x80,
                };
                if let Some(cell) = bits.get_mut(row * usize::from(area.width) + column / 2) {
                    *cell |= bit;
                }
            }
            before = Some(height);
        }
        for (index, bits) in bits.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            let (row, column) = (index / usize::from(area.width), index % usize::from(area.width));
            let mark = char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ');
            self.put(area.x + cells(column), area.y + cells(row), mark, style);
        }
    }
}

/// One value for each of `columns` columns, interpolated where there are fewer values than columns.
pub(super) fn stretch(values: &[Option<Decimal>], columns: usize) -> Vec<Option<Decimal>> {
    if values.len() >= columns || values.len() < 2 {
        return resample(values, columns);
    }
    let last = values.len() - 1;
    (0..columns)
        .map(|column| {
            let at = column * last;
            let (index, part) = (at / (columns - 1), at % (columns - 1));
            let from = values.get(index).copied().flatten()?;
            if part == 0 {
                return Some(from);
            }
            let to = values.get(index + 1).copied().flatten()?;
            between(from, to, part, columns - 1)
        })
        .collect()
}

/// The value `part` / `whole` of the way from one to another; exact where the digits allow it.
pub(super) fn between(from: Decimal, to: Decimal, part: usize, whole: usize) -> Option<Decimal> {
    let (done, left, whole) = (Decimal::from(part), Decimal::from(whole.saturating_sub(part)), Decimal::from(whole));
    let exact = || from.checked_add(to.checked_sub(from)?.checked_mul(done)?.checked_div(whole)?);
    // Weight each first: the sum cannot exceed the greater of both.
    let by_shares = || {
        let share = |value: Decimal, steps: Decimal| value.checked_div(whole)?.checked_mul(steps);
        share(from, left)?.checked_add(share(to, done)?)
    };
    exact().or_else(by_shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scaled_exactly_and_a_flat_line_is_in_the_middle() {
        let decimal = Decimal::from;
        assert_eq!(scale(decimal(5), decimal(0), decimal(10), 100), 50);
        assert_eq!(scale(decimal(7), decimal(7), decimal(7), 8), 4);
        assert_eq!(scale(decimal(99), decimal(0), decimal(10), 8), 8);
    }

    #[test]
    fn the_largest_and_smallest_amounts_are_drawn() {
        let (low, high) = (Decimal::MIN, Decimal::MAX);
        assert_eq!(
            (scale(low, low, high, 8), scale(Decimal::ZERO, low, high, 8), scale(high, low, high, 8)),
            (0, 4, 8)
        );
        let values = stretch(&[Some(low), Some(high)], 5);
        assert_eq!(values.len(), 5);
        assert!(values.iter().flatten().is_sorted() && values.iter().all(Option::is_some), "{values:?}");
    }

    #[test]
    fn missing_points_stay_missing() {
        let values = [Some(Decimal::ONE), None, None, Some(Decimal::TWO)];
        assert_eq!(resample(&values, 2), vec![Some(Decimal::ONE), Some(Decimal::TWO)]);
        assert_eq!(resample(&values, 10).iter().flatten().count(), 2);
        assert_eq!(stretch(&values, 7).iter().flatten().count(), 2);
        assert_eq!(stretch(&[Some(Decimal::ZERO), Some(Decimal::TEN)], 3).get(1), Some(&Some(Decimal::from(5))));
    }
}
