//! Numbers, written without the machinery of formatting: most of what a FETCH of flags sends is numbers.

use bytes::BytesMut;

/// Writes `number` in decimal.
pub fn write_number(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lengths() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            let mut out = BytesMut::new();
            write_number(&mut out, number);
            assert_eq!(out, number.to_string());
        }
    }
}
