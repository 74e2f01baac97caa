//! `doctor` and the program's own files: problems are failures, and nothing is moved.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{brokerdeck, text};

/// A home with an empty data folder, and tokens in a file.
struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.toml"), "[tokens]\nstore = \"file\"\n").unwrap();
        std::fs::DirBuilder::new().mode(0o700).create(home.path().join("data")).unwrap();
        Self { home }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join("data").join(name)
    }

    /// Writes an owner-only file.
    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.at(name), content).unwrap();
        std::fs::set_permissions(self.at(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let at = |name: &str| self.home.path().join(name).to_str().unwrap().to_owned();
        let (config, data) = (at("config.toml"), at("data"));
        let output = brokerdeck(self.home.path(), &[words, &["--config", &config, "--data-dir", &data]].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Runs `doctor`, and checks that it changes nothing in the folder but the log.
    fn doctor(&self) -> (Option<i32>, String) {
        let before = self.names();
        let (code, said, _) = self.run(&["doctor"]);
        assert_eq!(self.names(), before, "it moves and makes nothing: {said}");
        (code, said)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.path().join("data")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "brokerdeck.log")
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_damaged_file_is_a_failure_until_it_is_fixed_and_is_not_moved() {
    for (name, consequence) in [("links.json", "begins without links"), ("tokens.json", "must be linked again")] {
        let place = Place::new();
        place.write(name, "{bad");
        for _ in 0..2 {
            let (code, said) = place.doctor();
            assert!(code == Some(1) && said.contains("FAIL") && said.contains(consequence), "{name}: {said}");
            assert!(!said.contains("readable by you alone") || name != "tokens.json", "{said}");
        }
    }
    // The next ordinary start sets it aside, which is then reported.
    let place = Place::new();
    place.write("links.json", "{bad");
    place.run(&["orders"]);
    assert!(place.names().contains(&"links.json.unreadable-1".to_owned()), "{:?}", place.names());
    for _ in 0..2 {
        let (code, said) = place.doctor();
        assert!(
            code == Some(1) && said.contains("links.json.unreadable-1 is a file that an earlier start could not read"),
            "{said}"
        );
    }
    std::fs::remove_file(place.at("links.json.unreadable-1")).unwrap();
    let (code, said) = place.doctor();
    assert_eq!((code, said.contains("FAIL")), (Some(0), false), "{said}");
}

#[test]
fn a_file_of_a_later_version_is_reported_with_a_hint() {
    let place = Place::new();
    place.write("links.json", "{\"version\":99,\"links\":[]}");
    let (code, said) = place.doctor();
    assert!(code == Some(1) && said.contains("later version") && said.contains("use that version"), "{said}");
}

#[test]
fn a_log_that_cannot_be_written_is_a_failure() {
    type Spoil = fn(&Path);
    let cases: [(Spoil, &str); 3] = [
        (|path| std::fs::create_dir(path).unwrap(), "it is a folder"),
        (|path| std::os::unix::fs::symlink("/dev/full", path).unwrap(), "it is a symbolic link"),
        (
            |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
            "it is not a regular file",
        ),
    ];
    for (spoil, what) in cases {
        let place = Place::new();
        spoil(&place.at("brokerdeck.log"));
        let (code, said) = place.doctor();
        let line = said.lines().find(|line| line.contains("brokerdeck.log")).unwrap();
        assert!(code == Some(1) && line.starts_with("FAIL  nothing is logged") && line.contains(what), "{said}");
        assert!(!said.contains("ok    log"), "{said}");
    }
}

#[test]
fn doctor_prints_one_json_document_as_documented() {
    let place = Place::new();
    let (_, lines, _) = place.run(&["doctor"]);
    let (code, out, _) = place.run(&["doctor", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["ok"]), (Some(0), &true.into()), "{out}");
    let checks = document["checks"].as_array().unwrap();
    assert_eq!(checks.len(), lines.lines().count(), "the same as for people");
    for check in checks {
        assert_eq!((&check["ok"], &check["hint"]), (&true.into(), &serde_json::Value::Null), "{check}");
        assert!(lines.contains(check["text"].as_str().unwrap()), "{check}");
    }
    place.write("links.json", "{bad");
    let (code, out, _) = place.run(&["doctor", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["ok"]), (Some(1), &false.into()), "{out}");
    let failed: Vec<_> = document["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    assert!(failed.len() == 1 && failed[0]["hint"].as_str().unwrap().contains("good copy"), "{failed:?}");
}

#[test]
fn the_hint_is_a_full_sentence_when_the_data_folder_is_a_file() {
    let place = Place::new();
    let file = place.at("file");
    std::fs::write(&file, "").unwrap();
    let output = brokerdeck(place.home.path(), &["keys", "--data-dir", file.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert!(
        said.contains("is not a folder") && said.contains("hint: name a folder of your own with --data-dir"),
        "{said}"
    );
}

/// A file of authorities without a certificate is a failure: only the built-in ones would be trusted.
#[test]
fn a_file_of_authorities_without_one_is_a_failure() {
    let place = Place::new();
    let junk = place.home.path().join("authorities.pem");
    std::fs::write(&junk, "nonsense\n").unwrap();
    let unusable = place.home.path().join("unusable.pem");
    std::fs::write(&unusable, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let empty = place.home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let cases = [
        ("SSL_CERT_FILE", junk.to_str().unwrap(), "holds no certificate"),
        ("SSL_CERT_FILE", unusable.to_str().unwrap(), "SSL_CERT_FILE: 0 authorities trusted"),
        ("SSL_CERT_FILE", empty.to_str().unwrap(), "it is not a regular file"),
        ("SSL_CERT_FILE", "", "is set but empty"),
        ("SSL_CERT_DIR", empty.to_str().unwrap(), "no certificate was found"),
    ];
    for (variable, named, fault) in cases {
        let mut command = super::command(place.home.path());
        command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE").env(variable, named);
        command.args(["doctor", "--config"]).arg(place.home.path().join("config.toml"));
        let said = text(&command.arg("--data-dir").arg(place.home.path().join("data")).output().unwrap().stdout);
        assert!(said.contains("FAIL") && said.contains(fault), "{variable} {named}: {said}");
    }
}

#[test]
fn a_folder_in_place_of_the_configuration_has_a_hint() {
    let place = Place::new();
    let folder = place.home.path().to_str().unwrap();
    let output = brokerdeck(place.home.path(), &["config", "check", "--config", folder]);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("name another with --config"), "{said}");
}

/// Relinking through a broker that is not configured cannot work.
#[test]
fn an_account_whose_broker_is_gone_has_a_hint_that_works() {
    let place = Place::new();
    let mut link = serde_json::to_value(crate::fixture::paper()).unwrap();
    link["broker"] = "gone".into();
    place.write("links.json", &serde_json::json!({"version": 1, "links": [link]}).to_string());
    let (code, said) = place.doctor();
    assert!(code == Some(1) && said.contains("add the broker \"gone\""), "{said}");
    assert!(!said.contains("brokerdeck link gone"), "{said}");
}
