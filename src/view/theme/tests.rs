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
