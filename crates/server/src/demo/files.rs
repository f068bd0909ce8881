//! Files for the demo's attachments, made from nothing: a PNG of three stripes, a PDF of one page.

/// A picture of three horizontal stripes (PNG, ISO/IEC 15948). Its data is stored, not compressed.
pub fn png(width: u32, height: u32, colours: [[u8; 3]; 3]) -> Vec<u8> {
    let mut pixels = Vec::new();
    for row in 0..height {
        let colour = colours[(row * 3 / height.max(1)) as usize % 3];
        pixels.push(0);
        for _ in 0..width {
            pixels.extend(colour);
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Eight bits a channel, red green blue, no filter method but 0, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &zlib_stored(&pixels));
    chunk(&mut png, *b"IEND", &[]);
    png
}

/// A page with lines of text (PDF 1.4, ISO 32000), its cross-reference table in order.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    let mut text = String::from("BT /F1 12 Tf 72 770 Td 16 TL\n");
    for line in lines {
        let escaped = line
            .replace('\\', "\\\\")
            .replace('(', "\\(")
            .replace(')', "\\)");
        add(&mut text, format_args!("({escaped}) Tj T*\n"));
    }
    text.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}endstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        add(
            &mut pdf,
            format_args!("{} 0 obj\n{object}\nendobj\n", number + 1),
        );
    }
    let table = pdf.len();
    add(
        &mut pdf,
        format_args!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1),
    );
    for place in places {
        add(&mut pdf, format_args!("{place:010} 00000 n \n"));
    }
    add(
        &mut pdf,
        format_args!(
            "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
            objects.len() + 1
        ),
    );
    pdf.into_bytes()
}

fn add(text: &mut String, piece: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = std::fmt::Write::write_fmt(text, piece);
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc32(&png[from..]);
    png.extend(sum.to_be_bytes());
}

/// RFC 1950 around RFC 1951 §3.2.4 blocks.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff).count();
    for (number, block) in data.chunks(0xffff).enumerate() {
        out.push(u8::from(number + 1 == blocks));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    high << 16 | low
}

fn crc32(data: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in data {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_standard_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_picture_and_a_page_have_their_parts() {
        let png = png(200, 150, [[1, 2, 3]; 3]);
        assert!(png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xae\x42\x60\x82"));
        let pdf = String::from_utf8(pdf(&["a (b)", "c"])).unwrap();
        let place = pdf.rfind("startxref\n").unwrap();
        let number: usize = pdf[place + 10..].lines().next().unwrap().parse().unwrap();
        assert!(pdf[number..].starts_with("xref\n"));
    }
}
