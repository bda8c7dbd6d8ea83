//! The way from the master to a region's replicas, drawn: boxes and lines whose state is a word, a sign and a shape.

use std::fmt::Write;

use super::text::shortened;
use crate::model::Phase;
use crate::model::view::{RegionView, ReplicaView};

/// The most replicas that are drawn; those in trouble come first.
const MOST_BOXES: usize = 6;
/// Measures of the drawing; it is as wide as a phone, so that its letters stay readable there.
const WIDTH: usize = 320;
const BOX_WIDTH: usize = 114;
const BOX_HEIGHT: usize = 44;
const TOP: usize = 38;
const ROW: usize = 54;
/// Letters that fit into a box.
const LETTERS: usize = 15;

/// How a box or a line is drawn.
#[derive(Clone, Copy)]
struct Look {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
}

const fn look(class: &'static str, sign: &'static str, word: &'static str) -> Look {
    Look { class, sign, word }
}

/// The drawing of one region.
pub fn draw(page: &mut String, view: &RegionView, master_region: &str) {
    let replicas = drawn(view);
    let rows = replicas.len().max(1);
    let more = view.replicas.len() - replicas.len();
    let height = TOP + rows * ROW + if more > 0 { 16 } else { 0 };
    let spoken: Vec<String> = replicas.iter().map(|replica| spoken(replica)).collect();
    let _ = writeln!(
        page,
        "<svg class=\"path\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}: master {}. {}. {}\">",
        shortened(master_region, 80),
        master(view).word,
        spoken.join(". "),
        users(view)
    );
    let right = WIDTH - BOX_WIDTH - 2;
    letters(page, 2, 12, "start", "soft", &shortened(master_region, LETTERS));
    letters(page, right, 12, "start", "soft", &shortened(&view.name, LETTERS));
    match view.phase {
        Phase::Remote | Phase::Suspect if view.master_up == Some(false) => {
            letters(page, 2, 28, "start", "users", "● users are sent here");
        }
        Phase::Remote | Phase::Suspect => letters(page, 2, 28, "start", "users", "● users sign in here"),
        Phase::Local => letters(page, WIDTH - 2, 28, "end", "users", "● users sign in here"),
        Phase::Switching => letters(page, WIDTH / 2, 28, "middle", "users", "● users move → to the right"),
        Phase::Returning => letters(page, WIDTH / 2, 28, "middle", "users", "● users move ← to the left"),
    }
    let middle = TOP + (rows * ROW - (ROW - BOX_HEIGHT)) / 2;
    boxed(page, 2, middle - BOX_HEIGHT / 2, "master", master(view));
    let trunk = BOX_WIDTH + 8;
    for (row, replica) in replicas.iter().enumerate() {
        let top = TOP + row * ROW;
        line(page, [trunk, right], [middle, top + BOX_HEIGHT / 2], link(replica));
        boxed(page, right, top, &replica.name, server(replica));
    }
    if more > 0 {
        letters(page, right, height - 4, "start", "soft", &format!("and {more} more below"));
    }
    page.push_str("</svg>\n");
}

/// What a person who does not see the drawing hears of where users sign in.
fn users(view: &RegionView) -> &'static str {
    match view.phase {
        Phase::Remote | Phase::Suspect if view.master_up == Some(false) => "Users are sent to the master&#39;s region",
        Phase::Remote | Phase::Suspect => "Users sign in at the master&#39;s region",
        Phase::Local => "Users sign in at the region itself",
        Phase::Switching => "Users are being moved to the region itself",
        Phase::Returning => "Users are being moved back to the master&#39;s region",
    }
}

fn spoken(replica: &ReplicaView) -> String {
    format!("{}: {}, link {}", shortened(&replica.name, 80), server(replica).word, link(replica).word)
}

/// All replicas, or the first of those in trouble and then of the others.
fn drawn(view: &RegionView) -> Vec<&ReplicaView> {
    let fine = |replica: &&ReplicaView| link(replica).class == "fine" && server(replica).class == "fine";
    let (well, ill): (Vec<_>, Vec<_>) = view.replicas.iter().partition(fine);
    if view.replicas.len() <= MOST_BOXES {
        return view.replicas.iter().collect();
    }
    ill.into_iter().chain(well).take(MOST_BOXES).collect()
}

fn master(view: &RegionView) -> Look {
    match view.master_up {
        Some(true) => look("fine", "✓", "up"),
        Some(false) if view.is_refused() => look("critical", "✕", "refuses us"),
        Some(false) => look("critical", "✕", "down"),
        None => look("unknown", "?", "not known"),
    }
}

fn server(view: &ReplicaView) -> Look {
    match (view.up, view.read_only) {
        (None, _) => look("unknown", "?", "not known"),
        (Some(false), _) => look("critical", "✕", "down"),
        (Some(true), Some(true)) => look("fine", "✓", "up, read-only"),
        (Some(true), Some(false)) => look("critical", "✕", "takes writes"),
        (Some(true), None) => look("warning", "!", "up"),
    }
}

fn link(view: &ReplicaView) -> Look {
    if view.up != Some(true) {
        return look("unknown", "?", "not known");
    }
    match (view.io_running, view.sql_running) {
        (Some(true), Some(true)) => look("fine", "✓", "copies"),
        (Some(true), Some(false)) => look("critical", "✕", "not applied"),
        (Some(false), _) if view.io_connecting == Some(true) => look("warning", "!", "connecting"),
        (Some(false), _) => look("critical", "✕", "cut"),
        _ => look("unknown", "?", "not known"),
    }
}

fn boxed(page: &mut String, x: usize, y: usize, name: &str, look: Look) {
    let Look { class, sign, word } = look;
    let _ = writeln!(
        page,
        "<rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>"
    );
    letters(page, x + 8, y + 18, "start", "name", &shortened(name, LETTERS - 1));
    letters(page, x + 8, y + 35, "start", class, &format!("{sign} {word}"));
}

/// From the master's box to a replica's: a bend at `xs[0]`, then straight to `xs[1]`.
fn line(page: &mut String, xs: [usize; 2], ys: [usize; 2], look: Look) {
    let ([bend, end], [from, to], Look { class, sign, word }) = (xs, ys, look);
    let start = BOX_WIDTH + 2;
    let _ = writeln!(page, "<path class=\"link {class}\" d=\"M{start} {from}H{bend}V{to}H{}\"/>", end - 2);
    let _ = writeln!(page, "<path class=\"tip {class}\" d=\"M{} {}l8 5l-8 5z\"/>", end - 9, to - 5);
    // between the bend and the tip
    let middle = usize::midpoint(bend, end - 8);
    letters(page, middle, to - 6, "middle", class, word);
    if class != "fine" {
        letters(page, middle, to + 15, "middle", class, sign);
    }
}

/// `words` are safe already.
fn letters(page: &mut String, x: usize, y: usize, anchor: &str, class: &str, words: &str) {
    let _ = writeln!(page, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
}
