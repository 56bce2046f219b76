//! The PNG encoder of pictures that were drawn larger.

use super::DrawError;
use super::bitmap::GRAIN;

/// Scales rows of `width` pixels down by [`GRAIN`] and encodes them as PNG.
pub(super) fn encode_png(pixels: &[[u8; 3]], width: u32) -> Result<Vec<u8>, DrawError> {
    let grain = GRAIN as usize;
    let width = width as usize;
    let (small_width, small_height) = (width / grain, pixels.len() / width.max(1) / grain);
    let mut small = Vec::with_capacity(small_width * small_height * 3);
    for rows in pixels.chunks_exact((width * grain).max(1)) {
        for from in (0..small_width).step_by(RUN) {
            let to = (from + RUN).min(small_width);
            let stretches: [&[[u8; 3]]; GRAIN as usize] = std::array::from_fn(|row| {
                &rows[row * width + from * grain..row * width + to * grain]
            });
            match stretches[0].first() {
                Some(&colour) if stretches.iter().all(|it| is_of_one(it, colour)) => {
                    small.extend_from_slice(&colour.repeat(to - from));
                }
                _ => scale_down(&stretches, &mut small),
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, small_width as u32, small_height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&small)?;
    writer.finish()?;
    Ok(bytes)
}

/// Pixels that are compared at once: most of a picture has one colour.
const RUN: usize = 32;

/// Returns whether all have one colour: each equals the one before it.
fn is_of_one(pixels: &[[u8; 3]], colour: [u8; 3]) -> bool {
    let (bytes, size) = (pixels.as_flattened(), colour.len());
    pixels.first() == Some(&colour) && bytes[size..] == bytes[..bytes.len() - size]
}

/// Appends the mean of each square block of pixels to `small`.
fn scale_down(rows: &[&[[u8; 3]]; GRAIN as usize], small: &mut Vec<u8>) {
    const BLOCK: u32 = GRAIN * GRAIN;
    for x in (0..rows[0].len()).step_by(GRAIN as usize) {
        let mut sums = [BLOCK / 2; 3];
        for row in rows {
            for pixel in &row[x..x + GRAIN as usize] {
                sums[0] += u32::from(pixel[0]);
                sums[1] += u32::from(pixel[1]);
                sums[2] += u32::from(pixel[2]);
            }
        }
        small.extend_from_slice(&sums.map(|sum| (sum / BLOCK) as u8));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("a frame");
        pixels
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_picture_is_scaled_down_to_means(
            width in 1_usize..80,
            height in 1_usize..4,
            // Long stretches of one colour, and others.
            shades in prop::collection::vec((any::<u8>(), 1_usize..200), 1..20),
        ) {
            let (wide, high) = (width * 2, height * 2);
            let shades = shades.iter().flat_map(|&(shade, count)| vec![[shade, 0, !shade]; count]);
            let pixels: Vec<[u8; 3]> =
                shades.chain(std::iter::repeat([7, 8, 9])).take(wide * high).collect();
            let drawn = decoded(&encode_png(&pixels, wide as u32).expect("a PNG"));
            for (index, &value) in drawn.iter().enumerate() {
                let (x, y, channel) = (index / 3 % width * 2, index / 3 / width * 2, index % 3);
                let at = |x: usize, y: usize| u32::from(pixels[y * wide + x][channel]);
                let sum = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
                prop_assert_eq!(u32::from(value), (sum + 2) / 4);
            }
            prop_assert_eq!(drawn.len(), width * height * 3);
        }
    }
}
