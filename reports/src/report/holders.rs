//! Holders of images in words.

use leakbench_model::LingeringImage;
use leakbench_model::text::grouped;

/// Holders of an image in words at most.
const HOLDERS_SHOWN: usize = 4;

/// An image and its holders: `inode 4711 of module 88, dropped at cycle 90: slot 17 (affine)`.
pub(crate) fn lingering_image(image: &LingeringImage) -> String {
    let holders = image.holders.iter().take(HOLDERS_SHOWN).map(ToString::to_string);
    let mut holders: Vec<String> = holders.collect();
    let more = image.holders_total.saturating_sub(holders.len() as u64);
    if holders.is_empty() {
        holders.push("no holder visible in the subject".to_owned());
    } else if more > 0 {
        holders.push(format!("{} more", grouped(more)));
    }
    format!(
        "inode {} of module {}, dropped at cycle {}: {}",
        image.object.ino,
        image.module,
        image.dropped_at_cycle,
        holders.join(", ")
    )
}
