//! What a terminal sends, cut anywhere, at any pace.

mod pasting;

use proptest::prelude::*;

use super::decoder::Decoder;
use super::*;
use crate::app::keymap::KeyCode;
use crate::domain::Mono;

/// Every kind of report, and sequences that some terminal might send.
const REPORTS: &[&[u8]] = &[
    b"\x1b]11;rgb:d0d0/d0d0/d0d0\x1b\\",
    b"\x1b]11;rgb:0000/0000/0000\x07",
    b"\x1b]4;1;rgb:dddd/0000/0000\x07",
    b"\x1b]lXXyy title of a window\x1b\\",
    b"\x1b]52;c;eHh5\x1b\\",
    b"\x1bP>|X(1)\x1b\\",
    b"\x1bP>|XTerm(390)yyLL\x1b\\",
    b"\x1bP1$r0 q\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP!|00000000\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^Xy\x1b\\",
    b"\x1bXxy\xe2\x9c\x93xy\x1b\\",
    b"\x9d11;rgb:d0d0/d0d0/d0d0\x9c",
    b"\x9b?997;1n",
    b"\xc2\x9b?997;1n",
    b"\x1b[?997;1n",
    b"\x1b[?1;2;4c",
    b"\x1b[>41;390;0c",
    b"\x1b[12;40R",
    b"\x1b[0;0R",
    b"\x1b[1;1R",
    b"\x1b[0n",
    b"\x1b[?2026;2$y",
    b"\x1b[4;2$y",
    b"\x1b[8;24;80t",
    b"\x1b[?1u",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[?1;0;256S",
    b"\x1b[<35;10;10M",
    b"\x1b[<0;10;10m",
    b"\x1b[<0;0;0M",
    b"\x1b[13;28;13;1;0;1_",
    b"\x1b[120;1:3u",
    b"\x1b[57441;1u",
    b"\x1b[>4;2m",
    b"\x1b[=1;1u",
    b"\x1b[?15;2;3n",
    b"\x1b[48;24;80;480;1600t",
    b"\x1b[3;1;1;128;7;255;128&w",
];

/// Keys as terminals send them.
const KEYS: &[(&[u8], Chord)] = &[
    (b"x", Chord::char('x')),
    (b"?", Chord::char('?')),
    (b"[", Chord::char('[')),
    (b"]", Chord::char(']')),
    (b"\\", Chord::char('\\')),
    (b"1", Chord::char('1')),
    (b"X", Chord::char('X')),
    (b"\r", Chord::key(KeyCode::Enter)),
    (b"\t", Chord::key(KeyCode::Tab)),
    (b"\x7f", Chord::key(KeyCode::Backspace)),
    (b"\x1b", Chord::key(KeyCode::Esc)),
    (b"\x03", Chord::ctrl('c')),
    (b"\x0c", Chord::ctrl('l')),
    (b"\x1a", Chord::ctrl('z')),
    (b"\x1bx", Chord { code: KeyCode::Char('x'), ctrl: false, alt: true }),
    (b"\x1b\x7f", Chord { code: KeyCode::Backspace, ctrl: false, alt: true }),
    (b"\x1b[A", Chord::key(KeyCode::Up)),
    (b"\x1bOA", Chord::key(KeyCode::Up)),
    (b"\x1b[1;5C", Chord { code: KeyCode::Right, ctrl: true, alt: false }),
    (b"\x1b[Z", Chord::key(KeyCode::BackTab)),
    (b"\x1b[3~", Chord::key(KeyCode::Delete)),
    (b"\x1b[6;1~", Chord::key(KeyCode::PageDown)),
    (b"\x1bOP", Chord::key(KeyCode::F(1))),
    (b"\x1b[[E", Chord::key(KeyCode::F(5))),
    (b"\x1b[15~", Chord::key(KeyCode::F(5))),
    (b"\x1b[24;2~", Chord::key(KeyCode::F(12))),
    (b"\x1b[99;5u", Chord::ctrl('c')),
    (b"\x1b[27;5;99~", Chord::ctrl('c')),
    (b"\x1b[120;2u", Chord::char('X')),
    (b"\x1b[120:88;2:1u", Chord::char('X')),
    (b"\x1b[57403u", Chord::char('4')),
    (b"\x1bO5A", Chord { code: KeyCode::Up, ctrl: true, alt: false }),
    (b"\x1bO2P", Chord::key(KeyCode::F(1))),
    (b"\x1b[1;3D", Chord { code: KeyCode::Left, ctrl: false, alt: true }),
    (b"\x1b[27;2;88~", Chord::char('X')),
    ("é".as_bytes(), Chord::char('é')),
    ("漢".as_bytes(), Chord::char('漢')),
];

#[derive(Default)]
struct Line {
    decoder: Decoder,
    now: u64,
    heard: Vec<InputEvent>,
    /// How often it was unclear whether what follows was typed.
    unclear: usize,
}

impl Line {
    fn count_unclear(&mut self) {
        let before = self.heard.len();
        self.heard.retain(|heard| *heard != InputEvent::Unclear);
        self.unclear += before - self.heard.len();
    }

    /// Time passes, as the reader's does: it wakes at every deadline.
    fn wait(&mut self, millis: u64) {
        let until = Mono::from_millis(self.now + millis);
        while let Some(at) = self.decoder.deadline().filter(|at| *at <= until) {
            self.decoder.expire(at, &mut self.heard);
            assert!(self.decoder.deadline() != Some(at), "a deadline that passed is cleared");
        }
        self.count_unclear();
        self.now += millis;
    }

    fn read(&mut self, bytes: &[u8]) -> &mut Self {
        self.decoder.feed(bytes, Mono::from_millis(self.now), &mut self.heard);
        self.count_unclear();
        self
    }

    /// What was heard, once everything is decided.
    fn keys(&mut self) -> Vec<Chord> {
        self.wait(10_000);
        let heard = std::mem::take(&mut self.heard);
        heard
            .into_iter()
            .filter_map(|heard| if let InputEvent::Key(chord) = heard { Some(chord) } else { None })
            .collect()
    }
}

fn keys(bytes: &[u8]) -> Vec<Chord> {
    Line::default().read(bytes).keys()
}

/// Reads pieces with silence before each.
fn pieces(cut: &[(&[u8], u64)]) -> Vec<Chord> {
    let mut line = Line::default();
    for (piece, silence) in cut {
        line.wait(*silence);
        line.read(piece);
    }
    line.keys()
}

#[test]
fn no_report_is_a_key_and_the_key_after_it_is_one() {
    for report in REPORTS {
        assert_eq!(keys(report), [], "{:?}", String::from_utf8_lossy(report));
        let both = [report, b"q".as_slice()].concat();
        assert_eq!(keys(&both), [Chord::char('q')], "{:?}", String::from_utf8_lossy(report));
    }
}

#[test]
fn a_report_cut_in_two_at_any_delay_yields_at_most_the_escape_it_began_with() {
    for report in REPORTS {
        for at in 1..report.len() {
            for delay in [0, 10, 29, 31, 49, 51, 200, 700, 1500, 5000, 60_000] {
                let found = pieces(&[(&report[..at], 0), (&report[at..], delay)]);
                if matches!(*report, b"\x1b[I" | b"\x1b[O") && at == 2 && delay > 500 {
                    // That late, it is a typed letter.
                    continue;
                }
                // An Escape so long alone is the key, and goes back one level at most.
                let escape = at == 1 && report[0] == 0x1b && delay >= 50;
                let expected: &[Chord] = if escape { &[Chord::key(KeyCode::Esc)] } else { &[] };
                assert_eq!(found, expected, "{:?} cut at {at}, {delay} ms", String::from_utf8_lossy(report));
            }
        }
    }
}

#[test]
fn a_key_cut_in_two_is_still_the_key() {
    for (bytes, chord) in KEYS {
        for at in 1..bytes.len() {
            for delay in [0, 20, 45] {
                let found = pieces(&[(&bytes[..at], 0), (&bytes[at..], delay)]);
                assert_eq!(found, [*chord], "{:?} cut at {at}, {delay} ms", String::from_utf8_lossy(bytes));
            }
        }
        assert_eq!(keys(bytes), [*chord], "{:?}", String::from_utf8_lossy(bytes));
    }
    // Over a slow line an arrow comes late behind its introducer.
    assert_eq!(pieces(&[(b"\x1b[", 0), (b"A", 300)]), [Chord::key(KeyCode::Up)]);
    assert_eq!(pieces(&[(b"\x1bO", 0), (b"A", 300)]), [Chord::key(KeyCode::Up)]);
}

/// Reads something in pieces of these lengths, with these pauses between.
fn pieces_of(line: &mut Line, bytes: &[u8], lengths: &[usize], pauses: &[u64]) {
    let mut rest = bytes;
    for (length, pause) in lengths.iter().zip(pauses) {
        let (piece, more) = rest.split_at((*length).min(rest.len()));
        line.read(piece);
        rest = more;
        if rest.is_empty() {
            return;
        }
        line.wait(*pause);
    }
    line.read(rest);
}

/// Whether Esc and these keys after it, each within half a second, are the beginning of something.
fn introduces(bytes: &[u8]) -> bool {
    matches!(bytes, b"[" | b"]" | b"X")
}

/// Pauses as networks make them.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![0_u64..60, 0_u64..500, 90_u64..110, Just(499)], 40)
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1; 40]), prop::collection::vec(1_usize..4, 40), prop::collection::vec(1_usize..20, 40)]
}

/// A CSI of any private mark, parameters, intermediate bytes and last byte that no key has.
fn any_csi() -> impl Strategy<Value = Vec<u8>> {
    ("[>=?]", "[0-9;:]{0,20}", "[ -/]{0,2}", "[@-~]")
        .prop_map(|(mark, parameters, between, last)| format!("\x1b[{mark}{parameters}{between}{last}").into_bytes())
}

proptest! {
    #[test]
    fn a_report_in_any_pieces_is_no_key(
        report in prop_oneof![prop::sample::select(REPORTS).prop_map(<[u8]>::to_vec), any_csi()],
        lengths in lengths(),
        pauses in pauses(),
    ) {
        let mut line = Line::default();
        pieces_of(&mut line, &report, &lengths, &pauses);
        // An Escape that long alone is the key.
        let escape = report[0] == 0x1b && lengths[0] == 1 && pauses[0] >= 50;
        let expected: &[Chord] = if escape { &[Chord::key(KeyCode::Esc)] } else { &[] };
        prop_assert_eq!(line.keys(), expected);
        line.read(b"q");
        prop_assert_eq!(line.keys(), [Chord::char('q')]);
    }

    #[test]
    fn a_key_in_any_pieces_is_the_key((bytes, chord) in prop::sample::select(KEYS), lengths in lengths(), pauses in pauses()) {
        let mut line = Line::default();
        pieces_of(&mut line, bytes, &lengths, &pauses);
        let late = bytes.len() > 1 && bytes[0] == 0x1b && lengths[0] == 1 && pauses[0] >= 50;
        if !late {
            prop_assert_eq!(line.keys(), [chord]);
        } else if bytes.len() > 2 {
            prop_assert_eq!(line.keys(), [Chord::key(KeyCode::Esc), chord]);
        } else {
            prop_assert_eq!(line.keys(), [Chord::key(KeyCode::Esc), Chord { alt: false, ..chord }]);
        }
    }

    #[test]
    fn a_paste_and_a_mouse_report_are_recognised_in_any_pieces(lengths in lengths(), pauses in pauses()) {
        for (bytes, what) in [
            (b"\x1b[200~yX\x1b[A\xc3\xa9[201\x1b[201~".as_slice(), InputEvent::Paste("yX\x1b[A\u{e9}[201".to_owned())),
            (b"\x1b[<0;3;5M", InputEvent::Mouse { pointer: Pointer::Press, column: 2, row: 4 }),
            (b"\x1b[M #%", InputEvent::Mouse { pointer: Pointer::Press, column: 2, row: 4 }),
            (b"\x1b]11;rgb:1e/1e/2e\x1b\\", InputEvent::Background(Background::Dark)),
        ] {
            let mut line = Line::default();
            pieces_of(&mut line, bytes, &lengths, &pauses);
            line.wait(10_000);
            line.heard.retain(|heard| *heard != InputEvent::Key(Chord::key(KeyCode::Esc)));
            prop_assert_eq!(&line.heard, &[what]);
        }
    }

    #[test]
    fn keys_at_a_hands_pace_all_survive_and_so_do_those_around_reports(
        script in prop::collection::vec((0..KEYS.len(), prop::option::of(0..REPORTS.len()), 60_u64..400), 1..20),
    ) {
        let (mut line, mut expected) = (Line::default(), Vec::new());
        for (key, report, pause) in script {
            let (bytes, chord) = KEYS[key];
            // Who types a sequence without a pause has typed one.
            let sequence = expected.last() == Some(&Chord::key(KeyCode::Esc)) && introduces(bytes);
            line.wait(if sequence { 500 } else { pause });
            line.read(bytes);
            expected.push(chord);
            if let Some(report) = report {
                line.wait(pause);
                line.read(REPORTS[report]);
            }
        }
        prop_assert_eq!(line.keys(), expected);
    }

    #[test]
    fn ctrl_c_is_recognised_after_any_input(
        bytes in prop::collection::vec(prop::sample::select(b"\x1b[]P_^XO?;0129~AMmuycn\x07\\q\x9b\x9d\xe2\x00".to_vec()), 0..40),
        silence in prop::sample::select(vec![0_u64, 60, 1200]),
    ) {
        // A paste takes what comes at once.
        let within_a_paste = bytes.windows(4).any(|part| part == b"200~");
        prop_assume!(silence > 0 || !within_a_paste);
        let mut line = Line::default();
        line.read(&bytes);
        line.wait(silence);
        line.read(b"\x03");
        prop_assert!(line.keys().contains(&Chord::ctrl('c')));
    }
}

#[test]
fn two_escapes_before_an_arrow_are_an_escape_and_an_arrow() {
    assert_eq!(keys(b"\x1b\x1b[A"), [Chord::key(KeyCode::Esc), Chord::key(KeyCode::Up)]);
    assert_eq!(keys(b"\x1b\x1b"), [Chord::key(KeyCode::Esc), Chord::key(KeyCode::Esc)]);
    assert_eq!(pieces(&[(b"\x9b200~", 0), (b"\x03", 60)]), [Chord::ctrl('c')], "no paste comes that slowly");
    assert_eq!(keys(b"\x1b\x03"), [Chord::ctrl('c')], "both pressed at once look like Alt-Ctrl-C, and Ctrl-C quits");
}

#[test]
fn alt_with_an_introducer_swallows_no_key() {
    for introducer in [b"\x1b[", b"\x1b]", b"\x1bP", b"\x1bX", b"\x1b^", b"\x1b_", b"\x1bO"] {
        for key in [b"q", b"?", b"1", b"[", b"y", b" "] {
            let found = pieces(&[(introducer, 0), (key, 700), (b"j", 200), (b"k", 2000)]);
            let expected = [Chord::char(char::from(key[0])), Chord::char('j'), Chord::char('k')];
            assert_eq!(found, expected, "{:?} {:?}", introducer.escape_ascii(), key.escape_ascii());
        }
    }
}

#[test]
fn a_report_that_never_ends_gives_the_keyboard_back() {
    let mut line = Line::default();
    line.read(b"\x1b]11;rgb:d0d0/d0");
    line.wait(1500);
    line.read(b"q");
    assert_eq!(line.keys(), [Chord::char('q')]);
    // A CSI takes one byte to its end.
    line.read(b"\x1b[?1;");
    line.wait(5000);
    line.read(b"q");
    line.wait(200);
    line.read(b"j");
    assert_eq!(line.keys(), [Chord::char('j')]);
}

#[test]
fn keys_after_an_unfinished_sequence_are_keys() {
    let typed = |text: &str| text.chars().map(Chord::char).collect::<Vec<_>>();
    for beginning in
        [b"\x1b[1;5".as_slice(), b"\x1b[?", b"\x1b[", b"\x1b]11;rgb", b"\x1bP>|", b"\x1b_Gi", b"\x1bX", b"\x9b1"]
    {
        for pause in [31, 120, 300, 499, 501, 2000] {
            let mut line = Line::default();
            line.read(beginning);
            for digit in [b"1", b"2", b"3", b";", b"9"] {
                line.wait(pause);
                line.read(digit);
            }
            assert!(line.heard.len() >= 4 || pause < 500, "held too long: {:?}", line.heard);
            assert_eq!(line.keys(), typed("123;9"), "{} {pause} ms", beginning.escape_ascii());
            line.read(b"q");
            assert_eq!(line.keys(), typed("q"), "{} {pause} ms", beginning.escape_ascii());
        }
        // An Enter, an Escape and an arrow end it at once.
        for (bytes, key) in [(b"\r".as_slice(), KeyCode::Enter), (b"\x1b", KeyCode::Esc), (b"\x1b[A", KeyCode::Up)] {
            let found = pieces(&[(beginning, 0), (b"1", 120), (b"2", 120), (bytes, 120)]);
            let mut expected = typed("12");
            expected.push(Chord::key(key));
            assert_eq!(found, expected, "{}", beginning.escape_ascii());
        }
    }
    // Without ever a pause the first ones come after 128.
    let mut line = Line::default();
    line.read(b"\x1b[1;5");
    for _ in 0..200 {
        line.wait(100);
        line.read(b"7");
    }
    assert!(line.heard.len() >= 128, "{}", line.heard.len());
    assert_eq!(line.keys().len(), 200);
}

#[test]
fn a_key_after_an_escape_that_starts_no_sequence_arrives_at_once() {
    for (escape, key) in [(b"]".as_slice(), b"j"), (b"P", b"j"), (b"[", b"j"), (b"[", b"~"), (b"O", b"q")] {
        let mut line = Line::default();
        for bytes in [b"\x1b".as_slice(), escape, key] {
            line.read(bytes);
            line.wait(150);
        }
        let typed = [escape, key].concat();
        let expected =
            std::iter::once(Chord::key(KeyCode::Esc)).chain(typed.iter().map(|key| Chord::char(char::from(*key))));
        let expected = expected.map(InputEvent::Key).collect::<Vec<_>>();
        assert_eq!(line.heard, expected);
    }
}

#[test]
fn the_answer_about_the_background_is_understood_however_late() {
    let background = |bytes: &[u8]| Line::default().read(bytes).heard.first().cloned();
    let (light, dark) =
        (Some(InputEvent::Background(Background::Light)), Some(InputEvent::Background(Background::Dark)));
    assert_eq!(background(b"\x1b]11;rgb:d0d0/d0d0/d0d0\x1b\\"), light);
    assert_eq!(background(b"\x1b]11;rgb:1e/1e/2e\x07"), dark);
    assert_eq!(background(b"\x1b]11;#ffffee\x07"), light);
    assert_eq!(background(b"\x1b]11;rgba:0000/0000/0000/ffff\x1b\\"), dark);
    assert_eq!(background(b"\x1b]11;rgb:zz/zz/zz\x07"), None);
    assert_eq!(background(b"\x1b]11;rgb:\xc3\xa9/1/1\x07"), None);
    assert_eq!(background(b"\x1b]10;rgb:ff/ff/ff\x07"), None);
    assert_eq!(background(b"\x1b[?64;1;2c"), Some(InputEvent::Attributes));
}

#[test]
fn the_mouse_is_heard_over_its_cell() {
    let mouse = |bytes: &[u8]| Line::default().read(bytes).heard.clone();
    let at = |pointer, column, row| vec![InputEvent::Mouse { pointer, column, row }];
    assert_eq!(mouse(b"\x1b[<0;1;1M"), at(Pointer::Press, 0, 0));
    assert_eq!(mouse(b"\x1b[<64;300;120M"), at(Pointer::WheelUp, 299, 119));
    assert_eq!(mouse(b"\x1b[<81;5;6M"), at(Pointer::WheelDown, 4, 5));
    assert_eq!(mouse(b"\x1b[M #%"), at(Pointer::Press, 2, 4));
    for nothing in [b"\x1b[<2;1;1M".as_slice(), b"\x1b[<0;99999;1M", b"\x1b[<0;1M", b"\x1b[<;;M", b"\x1b[M   "] {
        assert_eq!(mouse(nothing), []);
    }
}

#[test]
fn a_mouse_a_paste_and_a_key_become_messages() {
    let hit = |column, row| if (column, row) == (3, 4) { HitTarget::OverlayRow(7) } else { HitTarget::Nowhere };
    let at = |pointer| InputEvent::Mouse { pointer, column: 3, row: 4 };
    assert_eq!(message(at(Pointer::Press), hit), Some(Msg::Mouse(Mouse::Click(HitTarget::OverlayRow(7)))));
    let wheel = Mouse::Wheel { target: HitTarget::OverlayRow(7), rows: -WHEEL_ROWS };
    assert_eq!(message(at(Pointer::WheelUp), hit), Some(Msg::Mouse(wheel)));
    assert_eq!(message(InputEvent::Key(Chord::char('q')), hit), Some(Msg::Key(Chord::char('q'))));
    assert_eq!(message(InputEvent::Attributes, hit), None);
}

/// A question that is open then has to be seen again before a key answers it.
#[test]
fn a_key_after_an_unfinished_sequence_is_marked_as_unclear_and_any_other_is_not() {
    let introducers: [&[u8]; 9] =
        [b"\x1bP", b"\x1b]", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b[", b"\x1bO", b"\x9d", b"\x1b]11;"];
    for (introducer, pause) in
        introducers.into_iter().flat_map(|bytes| [30, 50, 100, 200, 400, 600].map(|pause| (bytes, pause)))
    {
        let mut line = Line::default();
        line.read(introducer).wait(pause);
        line.read(b"y").wait(200);
        line.read(b"\x1b\\");
        let keys = line.keys();
        let typed = keys.contains(&Chord::char('y'));
        assert!(!typed || line.unclear > 0, "{} after {pause}: {keys:?}", introducer.escape_ascii());
    }
    for (bytes, _) in KEYS {
        let mut line = Line::default();
        line.read(bytes).wait(200);
        line.read(b"y");
        line.keys();
        assert_eq!(line.unclear, 0, "{}", bytes.escape_ascii());
    }
}
