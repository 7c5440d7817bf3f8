//! Moments for people: local time, UTC, and relative to T+0.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::value::offset_text;

/// A moment relative to T+0, to the second: `T+1m5s`, `T-30s`. What is shorter than a second is kept below ten seconds.
pub fn relative_text(offset: SignedDuration) -> String {
    if offset.abs() < SignedDuration::from_secs(10) {
        let tenths = offset.as_millis() / 100;
        if tenths % 10 != 0 {
            let sign = if tenths < 0 { '-' } else { '+' };
            return format!("T{sign}{}.{}s", tenths.abs() / 10, tenths.abs() % 10);
        }
    }
    offset_text(SignedDuration::from_secs(offset.as_secs()))
}

/// The zone of a name; UTC if the machine does not know it.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// An instant as the plan shows it: `Tue 2025-11-18 10:00:00 PST`.
pub fn local_text(instant: Timestamp, zone: &TimeZone) -> String {
    instant.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The time of day of an instant in a zone and in UTC: `10:00:00 PST, 18:00:00 UTC`; in UTC alone, once.
pub fn clock_text(instant: Timestamp, zone: &TimeZone) -> String {
    let local = instant.to_zoned(zone.clone());
    let utc = instant.to_zoned(TimeZone::UTC);
    if local.offset().is_zero() {
        return utc.strftime("%H:%M:%S UTC").to_string();
    }
    let day = if local.date() == utc.date() { "" } else { "%a " };
    format!("{}, {}", local.strftime("%H:%M:%S %Z"), utc.strftime(&format!("{day}%H:%M:%S UTC")))
}

/// The time of day of an instant in a zone and in UTC; with its date if that is not the date of `near` in the zone.
pub fn day_text(instant: Timestamp, near: Timestamp, zone: &TimeZone) -> String {
    let local = instant.to_zoned(zone.clone());
    let clock = clock_text(instant, zone);
    if local.date() == near.to_zoned(zone.clone()).date() {
        return clock;
    }
    format!("{} {clock}", local.strftime("%a %Y-%m-%d"))
}

/// A change of the clock between two instants: when it happens, and by how much.
pub fn clock_change(from: Timestamp, to: Timestamp, zone: &TimeZone) -> Option<(Timestamp, SignedDuration)> {
    let transition = zone.following(from).next()?;
    if transition.timestamp() > to {
        return None;
    }
    let before = zone.to_offset(from).seconds();
    let by = SignedDuration::from_secs(i64::from(transition.offset().seconds() - before));
    (!by.is_zero()).then(|| (transition.timestamp(), by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_short_and_exact_enough() {
        let ms = SignedDuration::from_millis;
        assert_eq!(relative_text(ms(0)), "T+0");
        assert_eq!(relative_text(ms(1_500)), "T+1.5s");
        assert_eq!(relative_text(ms(-1_500)), "T-1.5s");
        assert_eq!(relative_text(ms(65_900)), "T+1m5s");
        assert_eq!(relative_text(ms(2_000)), "T+2s");
    }

    #[test]
    fn a_change_of_the_clock_is_found() {
        let zone = zone("Europe/Berlin");
        let at = |t: &str| t.parse::<Timestamp>().expect("an instant");
        let found = clock_change(at("2025-10-25T12:00:00Z"), at("2025-10-27T12:00:00Z"), &zone);
        assert_eq!(found, Some((at("2025-10-26T01:00:00Z"), SignedDuration::from_hours(-1))));
        assert_eq!(clock_change(at("2025-11-25T12:00:00Z"), at("2025-11-27T12:00:00Z"), &zone), None);
        assert_eq!(
            clock_text(at("2025-11-18T18:00:00Z"), &super::zone("America/Los_Angeles")),
            "10:00:00 PST, 18:00:00 UTC"
        );
    }
}
