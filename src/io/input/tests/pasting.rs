//! Pastes with and without an end, and who types into them.

use super::*;

fn pasted(line: &mut Line) -> Vec<String> {
    line.wait(10_000);
    let heard = std::mem::take(&mut line.heard);
    heard
        .into_iter()
        .map(|heard| match heard {
            InputEvent::Paste(text) => text,
            other => panic!("{other:?} is no paste"),
        })
        .collect()
}

#[test]
fn a_paste_is_one_text_whatever_it_contains() {
    let whole = b"\x1b[200~y\x1b[A\x03\x1b]11;?\x07L\x1b[201~";
    for at in 1..whole.len() {
        let mut line = Line::default();
        line.read(&whole[..at]);
        line.wait(20);
        line.read(&whole[at..]);
        assert_eq!(pasted(&mut line), ["y\x1b[A\x03\x1b]11;?\x07L"], "cut at {at}");
    }
}

#[test]
fn a_paste_without_an_end_ends_by_itself_and_its_rest_is_no_key() {
    let mut line = Line::default();
    line.read(b"\x1b[200~http://local");
    assert_eq!(pasted(&mut line), ["http://local"]);
    line.read(b"host/callback?yLy\x1b[201~");
    assert_eq!(line.keys(), []);
    line.read(b"q");
    assert_eq!(line.keys(), [Chord::char('q')]);
    // Typed into one that hangs.
    line.read(b"\x1b[200~abc");
    line.wait(400);
    line.read(b"\x03");
    assert_eq!(line.keys(), [Chord::ctrl('c')]);
}

#[test]
fn keys_typed_into_an_endless_paste_arrive_soon() {
    let paste = |text: &str| InputEvent::Paste(text.to_owned());
    let key = |ch| InputEvent::Key(Chord::char(ch));
    for pause in [31, 120, 300, 499, 700, 1900] {
        for (bytes, chord) in KEYS.iter().filter(|(bytes, _)| *bytes != b"\x03") {
            let mut line = Line::default();
            line.read(b"\x1b[200~hello");
            line.wait(pause);
            line.read(bytes);
            line.wait(550);
            assert_eq!(line.heard, [paste("hello"), InputEvent::Key(*chord)], "{} after {pause}", bytes.escape_ascii());
        }
    }
    // Every 0.7 s, as a user in a hurry.
    let mut line = Line::default();
    line.read(b"\x1b[200~hello");
    for key in [b"?".as_slice(), b"\x1b", b"q", b"\x1b[A", b"j"] {
        line.wait(700);
        line.read(key);
    }
    let expected =
        [Chord::char('?'), Chord::key(KeyCode::Esc), Chord::char('q'), Chord::key(KeyCode::Up), Chord::char('j')];
    assert_eq!(line.keys(), expected);
    // Escape twice, or with another key behind it, is no end mark whatever the pace.
    for (more, behind) in [(b"\x1b".as_slice(), InputEvent::Key(Chord::key(KeyCode::Esc))), (b"q", key('q'))] {
        let mut line = Line::default();
        line.read(b"\x1b[200~hello");
        line.wait(200);
        line.read(b"\x1b");
        line.wait(200);
        line.read(more);
        line.wait(60);
        assert_eq!(line.heard, [paste("hello"), InputEvent::Key(Chord::key(KeyCode::Esc)), behind]);
    }
    // Without ever a pause.
    let mut line = Line::default();
    line.read(b"\x1b[200~hello");
    for _ in 0..50 {
        line.wait(100);
        line.read(b"7");
    }
    assert!(line.heard.len() >= 32, "{}", line.heard.len());
    line.wait(2000);
    assert_eq!(line.heard.len(), 51);
    assert_eq!(line.heard.first(), Some(&paste("hello")));
}

#[test]
fn a_slow_paste_in_chunks_is_one_paste() {
    for pause in [31, 400, 700, 1900] {
        let mut line = Line::default();
        for chunk in
            [b"\x1b[200~http://local".as_slice(), b"host:41972/callback", b"?code=ab", b"cd&state=xyz\x1b[2", b"01~"]
        {
            line.read(chunk);
            line.wait(pause);
        }
        let Some(InputEvent::Paste(text)) = line.heard.first() else { panic!("{:?}", line.heard) };
        assert_eq!(
            (text.as_str(), line.heard.len()),
            ("http://localhost:41972/callback?code=abcd&state=xyz", 1),
            "{pause}"
        );
        line.read(b"q");
        assert_eq!(line.heard.get(1), Some(&InputEvent::Key(Chord::char('q'))));
    }
}

#[test]
fn a_huge_paste_is_cut_at_a_character_and_takes_no_more_room() {
    let mut line = Line::default();
    line.read(b"\x1b[200~");
    for _ in 0..50 {
        line.read("é".repeat(2000).as_bytes());
    }
    line.read(b"\x1b[201~q");
    let Some(InputEvent::Paste(text)) = line.heard.first() else { panic!("a paste") };
    assert!(text.len() <= 16 * 1024 && text.chars().all(|ch| ch == 'é') && text.len() > 16_000);
    assert_eq!(line.keys(), [Chord::char('q')]);
    // Ctrl-C ends what is too long for a paste.
    line.read(b"\x1b[200~");
    for _ in 0..20 {
        line.read(&vec![b'y'; 64 * 1024]);
    }
    line.read(b"\x03");
    assert_eq!(line.keys(), [Chord::ctrl('c')]);
}
