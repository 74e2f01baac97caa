use super::*;

const DEPTHS: [Depth; 4] = [Depth::Mono, Depth::Ansi, Depth::Indexed, Depth::TrueColour];

#[test]
fn every_embedded_theme_parses_at_every_depth_and_sets_every_role_it_needs() {
    for (name, text) in BUILT_IN {
        for depth in DEPTHS {
            let theme = Theme::parse(text, depth).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(&theme.name, name);
            for (role, style) in theme.styles() {
                let may_be_plain = *name == "none" || depth == Depth::Mono || matches!(role, "base" | "text");
                assert!(may_be_plain || style != Style::new(), "{name} leaves {role} unset");
            }
        }
    }
}

#[test]
fn a_terminal_gets_no_colour_it_cannot_show() {
    for name in Theme::names() {
        for (role, style) in Theme::by_name(name, Depth::Ansi).unwrap().styles() {
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name}.{role} is {colour}");
            }
        }
        for (role, style) in Theme::by_name(name, Depth::Mono).unwrap().styles() {
            assert_eq!((style.fg, style.bg), (None, None), "{name}.{role} has a colour");
        }
    }
}

#[test]
fn live_and_paper_never_look_alike() {
    for name in Theme::names() {
        for depth in DEPTHS {
            let theme = Theme::by_name(name, depth).unwrap();
            assert_ne!(theme.tag_live, theme.tag_paper, "{name} at {depth:?}");
            let solid = theme.tag_live.bg.is_some() || theme.tag_live.add_modifier.contains(Modifier::REVERSED);
            assert!(solid, "{name} at {depth:?}: the live tag is not a solid block");
            assert_ne!(theme.selected, theme.selected_unfocused, "{name} at {depth:?}");
            let (flash, cursor) = (theme.flash, theme.selected);
            let same = (flash.bg, flash.add_modifier.contains(Modifier::REVERSED));
            let cursor = (cursor.bg, cursor.add_modifier.contains(Modifier::REVERSED));
            assert_ne!(same, cursor, "{name} at {depth:?}: a new fill looks like the cursor");
        }
    }
}

#[test]
fn a_mistake_in_a_theme_file_names_its_line() {
    let error = |text: &str| Theme::parse(text, Depth::TrueColour).unwrap_err();
    let unknown = error("inherits = \"dark\"\n[styles]\nlime = \"green\"\n");
    assert_eq!(unknown.line, Some(3));
    assert!(unknown.message.contains("tag_live"), "{unknown}");
    let colour = error("[styles]\ntext = \"redish\"\n");
    assert_eq!(colour.line, Some(2));
    assert_eq!(error("[ansi]\n\ntext = \"blue on\"\n").line, Some(3));
    assert_eq!(error("inherits = \"dusk\"\n").line, Some(1));
    assert_eq!(error("name = \"x\"\n[style]\n").line, Some(2));
}

#[test]
fn a_user_theme_starts_from_one_of_ours() {
    let text = "name = \"mine\"\ninherits = \"light\"\n[palette]\nsea = \"#004466\"\n[styles]\nbuy = \"sea bold\"\n";
    let theme = Theme::parse(text, Depth::TrueColour).unwrap();
    assert_eq!(theme.buy, Style::new().fg(Color::Rgb(0, 0x44, 0x66)).add_modifier(Modifier::BOLD));
    assert_eq!(theme.sell, Theme::by_name("light", Depth::TrueColour).unwrap().sell);
}

#[test]
fn the_environment_decides_the_depth() {
    assert_eq!(Depth::of(Some("1"), Some("truecolor"), Some("xterm-256color")), Depth::Mono);
    assert_eq!(Depth::of(Some(""), Some("truecolor"), None), Depth::TrueColour);
    assert_eq!(Depth::of(None, None, Some("tmux-256color")), Depth::Indexed);
    assert_eq!(Depth::of(None, None, Some("xterm")), Depth::Ansi);
    assert_eq!(Depth::of(None, None, Some("dumb")), Depth::Mono);
}

/// Relative luminance in thousandths, with 2 for the exponent of the screen's curve.
fn luminance(colour: Color) -> u32 {
    let Color::Rgb(r, g, b) = colour else { panic!("{colour} is no true colour") };
    let linear = |part: u8| u32::from(part).pow(2);
    (linear(r) * 213 + linear(g) * 715 + linear(b) * 72) / 65_025
}

/// Contrast of two colours in tenths, as the accessibility guidelines count it.
fn contrast(one: Color, other: Color) -> u32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 50) * 10 / (one.min(other) + 50)
}

#[test]
fn a_theme_with_colours_brings_the_background_along_on_which_it_can_be_read() {
    for name in Theme::names().filter(|name| *name != "none") {
        for depth in [Depth::Ansi, Depth::Indexed, Depth::TrueColour] {
            let theme = Theme::by_name(name, depth).unwrap();
            assert!(theme.base.bg.is_some_and(|colour| colour != Color::Reset), "{name} at {depth:?} paints nothing");
            assert_eq!(theme.clone().unpainted().base, Style::new());
            for (role, style) in theme.styles() {
                assert_ne!(style.fg, Some(Color::Reset), "{name}.{role} at {depth:?} is whatever the terminal has");
            }
        }
        let theme = Theme::by_name(name, Depth::TrueColour).unwrap();
        let paper = theme.base.bg.unwrap();
        for (role, style) in theme.styles() {
            let Some(ink) = style.fg else { continue };
            let least = match role {
                // Rules, missing values and keys that cannot act step back; everything else is there to be read.
                "faint" | "border" | "border_live" | "key_off" | "chart_axis" => 15,
                "stale" | "scroll" => 35,
                _ => 45,
            };
            let seen = contrast(ink, style.bg.unwrap_or(paper));
            assert!(seen >= least, "{name}.{role} has a contrast of {seen} tenths");
        }
    }
}
