use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use png::{BitDepth, ColorType, Encoder, EncodingError, Filter};

use resvg::{
    tiny_skia::{Color, Pixmap, PremultipliedColorU8, Transform},
    usvg::{
        Options, Tree,
        fontdb::{Database, Source},
    },
};
use typst_kit::fonts;

use super::{Chart, svg};
use crate::{ReportError, locale::Language};

/// Higher pictures are not drawn; none of ours comes near it.
const HIGHEST: f32 = 4000.0;

/// The letters that the pages of a report are set in.
static LETTERS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut letters = Database::new();
    // A collection is one file of several fonts: it is there once.
    for (font, _) in fonts::embedded().filter(|(font, _)| font.index() == 0) {
        letters.load_font_source(Source::Binary(Arc::new(font.data().clone())));
    }
    Arc::new(letters)
});

/// A chart as pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// A PNG file, of twice as many pixels each way, for screens that are fine.
    pub png: Vec<u8>,
    /// How wide it is shown, in units of 1/96 inch.
    pub width: u32,
    /// How high.
    pub height: u32,
}

/// A chart as PNG, dark on white, to be shown so many units of 1/96 inch wide: for what shows no SVG, as most
/// programs for mail.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sizes of pictures"
)]
pub fn png(chart: &Chart, width: u32, language: Language) -> Result<Picture, ReportError> {
    let failed = |why: String| ReportError::Picture(why);
    let options = Options { fontdb: Arc::clone(&LETTERS), ..Options::default() };
    let tree = Tree::from_str(&svg(chart, "p", language), &options);
    let tree = tree.map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let scale = width as f32 / size.width();
    if size.height() * scale > HIGHEST {
        return Err(failed(format!("it would be {} high", size.height() * scale)));
    }
    let height = (size.height() * scale).ceil() as u32;
    let pixmap = Pixmap::new(width * 2, height * 2);
    let mut pixmap = pixmap.ok_or_else(|| failed("it has no size".to_owned()))?;
    pixmap.fill(Color::WHITE);
    let transform = Transform::from_scale(scale * 2.0, scale * 2.0);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    let png = file(&pixmap).map_err(|error| failed(error.to_string()))?;
    Ok(Picture { png, width, height })
}

/// A picture of few colours as PNG: a byte for each pixel that names one of them, a quarter of what all their
/// parts would be.
fn file(pixmap: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let (palette, places) = named(pixmap.pixels());
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&places)?;
    writer.finish()?;
    Ok(file)
}

/// At most 256 colours, as bytes of red, green and blue, and for each pixel its colour's place. Edges have many
/// shades: they are told as finely as there is room for; at two bits a part there are 64.
fn named(pixels: &[PremultipliedColorU8]) -> (Vec<u8>, Vec<u8>) {
    (2..=6).rev().find_map(|bits| rounded(pixels, bits)).unwrap_or_default()
}

/// The same with so many bits for each part of a colour; nothing where that makes too many colours.
fn rounded(pixels: &[PremultipliedColorU8], bits: u32) -> Option<(Vec<u8>, Vec<u8>)> {
    let most = (1_u32 << bits) - 1;
    let round = |part: u8| {
        let level = (u32::from(part) * most + 127) / 255;
        u8::try_from(level * 255 / most).unwrap_or(u8::MAX)
    };
    let (mut palette, mut known) = (Vec::new(), HashMap::new());
    let mut places = Vec::with_capacity(pixels.len());
    let mut last = None;
    for pixel in pixels {
        let place = match last {
            Some((same, place)) if same == *pixel => place,
            _ => {
                let colour = [pixel.red(), pixel.green(), pixel.blue()].map(round);
                let next = u8::try_from(known.len());
                let place = match known.get(&colour) {
                    Some(place) => *place,
                    None => {
                        palette.extend(colour);
                        *known.entry(colour).or_insert(next.ok()?)
                    }
                };
                last = Some((*pixel, place));
                place
            }
        };
        places.push(place);
    }
    Some((palette, places))
}
