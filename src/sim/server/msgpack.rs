//! Encodes JSON as MessagePack. Fractional JSON numbers become binary floats, because the format has no others;
//! relevant amounts are strings.

use jiff::Timestamp;
use serde_json::{Number, Value};

/// Encodes a value. Strings under `time_key` that are times become timestamps.
pub(super) fn encode(value: &Value, time_key: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(&mut out, value, time_key, false);
    out
}

fn write(out: &mut Vec<u8>, value: &Value, time_key: Option<&str>, is_time: bool) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(false) => out.push(0xc2),
        Value::Bool(true) => out.push(0xc3),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(moment) if is_time => write_time(out, moment),
            _ => write_text(out, text),
        },
        Value::Array(rows) => {
            write_length(out, rows.len(), 0x90, 0xdc);
            for row in rows {
                write(out, row, time_key, false);
            }
        }
        Value::Object(members) => {
            write_length(out, members.len(), 0x80, 0xde);
            for (name, member) in members {
                write_text(out, name);
                write(out, member, time_key, time_key == Some(name));
            }
        }
    }
}

fn write_length(out: &mut Vec<u8>, length: usize, small: u8, wide: u8) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 16 => out.push(small | length),
        (_, Ok(length)) => {
            out.push(wide);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(wide + 1);
            out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length), _) if length < 32 => out.push(0xa0 | length),
        (Ok(length), _) => out.extend([0xd9, length]),
        (_, Ok(length)) => {
            out.push(0xda);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend(text.as_bytes());
}

#[expect(clippy::disallowed_types, reason = "MessagePack has only binary fractions")]
fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(whole) = number.as_u64() {
        if whole < 128 {
            out.extend(u8::try_from(whole));
        } else {
            out.push(0xcf);
            out.extend(whole.to_be_bytes());
        }
    } else if let Some(whole) = number.as_i64() {
        out.push(0xd3);
        out.extend(whole.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend(number.to_string().parse::<f64>().unwrap_or_default().to_be_bytes());
    }
}

/// Extension type -1: nanoseconds and seconds.
fn write_time(out: &mut Vec<u8>, moment: Timestamp) {
    out.extend([0xc7, 12, 0xff]);
    out.extend(u32::try_from(moment.subsec_nanosecond()).unwrap_or(0).to_be_bytes());
    out.extend(moment.as_second().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn encoding_round_trips() {
        let long = "x".repeat(300);
        let wide: Vec<u64> = (0..200).collect();
        let value =
            json!({"a": null, "b": [true, false, -7, 12, 4_294_967_296_u64], "c": {"d": long}, "e": wide, "f": "x"});
        let back: Value = rmp_serde::from_slice(&encode(&value, None)).unwrap();
        assert_eq!(back, value);
    }

    #[test]
    fn moments_under_their_key_become_timestamps() {
        let bytes = encode(&json!({"t": "1970-01-01T00:00:01.000000002Z"}), Some("t"));
        assert_eq!(bytes, [0x81, 0xa1, b't', 0xc7, 12, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(encode(&json!({"t": "soon"}), Some("t")).first(), Some(&0x81));
    }
}
