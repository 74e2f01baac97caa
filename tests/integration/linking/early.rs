//! Problems that make linking impossible are reported before the consent page is opened, and by `doctor` in the same
//! words.

use super::command::{Script, text};
use super::fixture::TEST_TIMEOUT;

/// A way to make a file unusable.
type Spoil = fn(&std::path::Path);

#[tokio::test]
async fn the_consent_page_is_not_opened_when_the_token_could_not_be_stored() {
    use std::os::unix::fs::PermissionsExt;
    let script = Script::new().await;
    let tokens = script.dir.path().join("data/tokens.json");
    std::fs::DirBuilder::new().create(script.dir.path().join("data")).unwrap();
    std::fs::set_permissions(script.dir.path().join("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let cases: [(Spoil, &str); 3] = [
        (|path| std::fs::create_dir(path).unwrap(), "remove it"),
        (|path| std::os::unix::fs::symlink("/etc/hostname", path).unwrap(), "remove the link"),
        (
            |path| {
                std::fs::write(path, "{}").unwrap();
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
            },
            "chmod 600",
        ),
    ];
    for (spoil, hint) in cases {
        spoil(&tokens);
        let linked = script.run(&["link", "acme-paper", "--no-browser", "--yes"]).await;
        let (out, err) = (text(&linked.stdout), text(&linked.stderr));
        assert_eq!((linked.status.code(), out.as_str()), (Some(1), ""), "no address: {err}");
        assert!(err.contains("is not trusted") && err.contains(hint), "{err}");
        let doctor = script.run(&["doctor"]).await;
        let said = text(&doctor.stdout);
        assert!(said.contains("FAIL") && said.contains(hint) && !said.contains("readable by you alone"), "{said}");
        let brokers = text(&script.run(&["brokers"]).await.stderr);
        assert!(brokers.contains(hint) && !brokers.contains("readable by you alone"), "{brokers}");
        std::fs::remove_dir(&tokens).or_else(|_| std::fs::remove_file(&tokens)).unwrap();
    }
    let doctor = script.run(&["doctor"]).await;
    assert!(text(&doctor.stdout).contains("readable by you alone"), "{doctor:?}");
}

#[tokio::test]
async fn doctor_names_what_is_in_a_files_place_and_leaves_it() {
    use std::os::unix::fs::PermissionsExt;
    let script = Script::new().await;
    let data = script.dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    let link_to_nothing: Spoil = |path| std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap();
    let folder: Spoil = |path| std::fs::create_dir_all(path).unwrap();
    let file: Spoil = |path| std::fs::write(path, "").unwrap();
    let cases = [
        ("tokens.json.lock", folder),
        ("tokens.json.lock", link_to_nothing),
        ("links.json.lock", folder),
        ("links.json.lock", link_to_nothing),
        ("told", file),
        ("told", link_to_nothing),
        ("told/some-link.jsonl", folder),
        ("locks", file),
        ("locks", link_to_nothing),
        ("locks/some-link.lock", folder),
    ];
    let healthy = script.run(&["doctor"]).await;
    assert_eq!(healthy.status.code(), Some(0), "{}", text(&healthy.stdout));
    for (name, spoil) in cases {
        let path = data.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        spoil(&path);
        let before = std::fs::symlink_metadata(&path).unwrap().file_type();
        let doctor = script.run(&["doctor"]).await;
        let said = text(&doctor.stdout);
        let line = format!("FAIL  {} cannot be used: it is ", path.display());
        assert!(said.contains(&line) && doctor.status.code() == Some(1), "{name}: {said}");
        assert!(said.contains("fix: move it away") || said.contains("fix: remove the link"), "{name}: {said}");
        assert_eq!(std::fs::symlink_metadata(&path).unwrap().file_type(), before, "{name} is left");
        std::fs::remove_dir(&path).or_else(|_| std::fs::remove_file(&path)).unwrap();
    }
}

#[tokio::test]
async fn the_consent_page_is_not_opened_when_the_list_of_links_could_not_be_saved() {
    let script = Script::new().await;
    let data = script.dir.path().join("data");
    assert_eq!(script.run(&["doctor"]).await.status.code(), Some(0));
    for lock in ["tokens.json.lock", "links.json.lock"] {
        std::fs::DirBuilder::new().recursive(true).create(&data).unwrap();
        std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::create_dir(data.join(lock)).unwrap();
        let linked = script.run(&["link", "acme-paper", "--no-browser", "--yes"]).await;
        let (out, err) = (text(&linked.stdout), text(&linked.stderr));
        assert_eq!((linked.status.code(), out.as_str()), (Some(1), ""), "no address: {err}");
        assert!(err.contains(lock) && err.contains("move it away"), "{err}");
        std::fs::remove_dir(data.join(lock)).unwrap();
    }
}

#[tokio::test]
async fn the_consent_page_is_not_opened_when_the_secret_is_unavailable() {
    let script = Script::new().await;
    let config = script.dir.path().join("config.toml");
    let with = std::fs::read_to_string(&config).unwrap();
    let asked = script.dir.path().join("asked");
    let command = format!("client_secret_command = [\"sh\", \"-c\", \"echo asked > '{}'\"]", asked.display());
    let cases = [
        ("client_secret_env = \"CANARY_UNSET\"", Some("is not set")),
        ("client_secret_env = \"CANARY_EMPTY\"", Some("is empty")),
        ("client_secret_env = \"CANARY_BLANK\"", Some("is empty")),
        ("client_secret_command = [\"CANARY-program\", \"word\"]", Some("there is no such file")),
        ("client_secret_command = [\"/etc/passwd\", \"word\"]", Some("is not executable")),
        ("client_secret_command = [\"/etc\", \"word\"]", Some("it is not a regular file")),
        ("client_secret_env = \"CANARY_SET\"", None),
        (command.as_str(), None),
    ];
    for (line, fault) in cases {
        std::fs::write(&config, with.replace("client_secret = \"hush-hush\"", line)).unwrap();
        let run = async |words: &[&str]| {
            let mut command = script.command(words);
            command.env("CANARY_EMPTY", "").env("CANARY_BLANK", " \t ").env("CANARY_SET", "hush-hush");
            let output = tokio::time::timeout(TEST_TIMEOUT, command.output()).await.unwrap().unwrap();
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("CANARY"), "it may be the secret itself: {said}");
            (output.status.code(), text(&output.stdout), said)
        };
        let (check, doctor, brokers) =
            (run(&["config", "check"]).await, run(&["doctor"]).await, run(&["brokers"]).await);
        assert!(!asked.exists(), "a check runs nothing");
        if let Some(fault) = fault {
            for (what, (code, _, said), wanted) in
                [("check", &check, 2), ("doctor", &doctor, 1), ("brokers", &brokers, 0)]
            {
                assert_eq!(*code, Some(wanted), "{what}, {line}: {said}");
                assert!(said.contains("client_secret_") && said.contains(fault), "{what}, {line}: {said}");
            }
            let linked = run(&["link", "acme-paper", "--yes", "--timeout", "1s"]).await;
            assert_eq!((linked.0, linked.1.as_str()), (Some(2), ""), "no address: {}", linked.2);
            assert!(linked.2.contains(fault), "{}", linked.2);
            continue;
        }
        assert_eq!((check.0, doctor.0), (Some(0), Some(0)), "{line}: {} {}", check.2, doctor.2);
        let untried = line.contains("command");
        assert_eq!(
            check.2.contains("acme-paper: ready to link; client_secret_command was not tried"),
            untried,
            "{}",
            check.2
        );
        assert_eq!(doctor.2.contains("; client_secret_command was not tried"), untried, "{}", doctor.2);
    }
    // The last command prints nothing.
    let linked = script.run(&["link", "acme-paper", "--no-browser", "--yes"]).await;
    assert_eq!((linked.status.code(), text(&linked.stdout).as_str()), (Some(2), ""), "{linked:?}");
    assert!(asked.exists() && text(&linked.stderr).contains("printed nothing"), "{linked:?}");
    // Without a secret setting the client is public, which is reported.
    std::fs::write(&config, with.replace("client_secret = \"hush-hush\"", "")).unwrap();
    let check = text(&script.run(&["config", "check"]).await.stdout);
    assert!(check.contains("acme-paper: ready to link; no client secret is set"), "{check}");
}
