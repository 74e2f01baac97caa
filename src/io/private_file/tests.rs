//! What a private file refuses, survives and leaves behind.

use super::*;

fn file(dir: &tempfile::TempDir) -> PrivateFile {
    PrivateFile::new(&dir.path().join("data"), "tokens.json")
}

async fn replace(file: &PrivateFile, bytes: &'static [u8]) -> Result<(), FileError> {
    file.locked(move |file| file.replace(bytes)).await
}

fn read(file: &PrivateFile) -> Option<Vec<u8>> {
    file.read().unwrap().map(|bytes| bytes.to_vec())
}

#[tokio::test]
async fn a_replaced_file_reads_back_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    assert_eq!(read(&file), None);
    replace(&file, b"one").await.unwrap();
    replace(&file, b"two").await.unwrap();
    assert_eq!(read(&file).as_deref(), Some(&b"two"[..]));
    let mut names: Vec<_> =
        std::fs::read_dir(dir.path().join("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tokens.json", "tokens.json.lock"]);
}

#[cfg(unix)]
#[tokio::test]
async fn modes_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"secret").await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file.path()), 0o600);
    assert_eq!(mode(&dir.path().join("data")), 0o700);
    assert_eq!(mode(&dir.path().join("data/tokens.json.lock")), 0o600);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_a_pipe_and_open_modes_are_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"secret").await.unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let error = file.read().unwrap_err();
        assert!(matches!(error, FileError::Untrusted { .. }) && error.hint().contains("chmod 600"), "{error}");
    }
    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(file.path(), &elsewhere).unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, file.path()).unwrap();
    let error = file.read().unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    std::fs::remove_file(file.path()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        file.path(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let error = file.read().unwrap_err();
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_place_of_the_lock_file_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"one").await.unwrap();
    let lock = dir.path().join("data").join(format!("{}.lock", file.name));
    std::fs::remove_file(&lock).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
    let refused = tokio::time::timeout(Duration::from_secs(20), replace(&file, b"two")).await.unwrap();
    assert_eq!(refused.unwrap_err().hint(), "move it away");
    assert_eq!(file.read().unwrap().unwrap().as_slice(), b"one");
}

#[cfg(unix)]
#[tokio::test]
async fn a_linked_lock_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"one").await.unwrap();
    let lock = dir.path().join("data/tokens.json.lock");
    std::fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(dir.path().join("victim"), &lock).unwrap();
    assert!(replace(&file, b"two").await.is_err());
    assert!(!dir.path().join("victim").exists());
}

#[tokio::test]
async fn temporary_files_of_a_killed_writer_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"one").await.unwrap();
    let left = dir.path().join("data/.tokens.json.x1y2z3.tmp");
    std::fs::write(&left, b"half a tok").unwrap();
    replace(&file, b"two").await.unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_waited_for_and_then_reported() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"one").await.unwrap();
    let held = File::open(dir.path().join("data/tokens.json.lock")).unwrap();
    held.lock().unwrap();
    assert!(matches!(replace(&file, b"two").await, Err(FileError::Busy { .. })));
    held.unlock().unwrap();
    replace(&file, b"three").await.unwrap();
    assert_eq!(read(&file).as_deref(), Some(&b"three"[..]));
}

#[tokio::test]
async fn concurrent_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    let append = |byte: u8| {
        let file = file.clone();
        async move {
            let work = move |file: &PrivateFile| -> Result<(), FileError> {
                let mut bytes = file.read()?.map(|bytes| bytes.to_vec()).unwrap_or_default();
                bytes.push(byte);
                file.replace(&bytes)
            };
            file.locked(work).await.unwrap();
        }
    };
    futures_util::future::join_all((0..20).map(append)).await;
    let mut bytes = read(&file).unwrap();
    bytes.sort_unstable();
    assert_eq!(bytes, (0..20).collect::<Vec<u8>>());
}

#[tokio::test]
async fn files_set_aside_never_overwrite_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    let mut places = Vec::new();
    for bytes in [b"bad one", b"bad two"] {
        replace(&file, bytes).await.unwrap();
        places.push(file.set_aside().unwrap());
    }
    assert_ne!(places[0], places[1]);
    assert_eq!(std::fs::read(&places[0]).unwrap(), b"bad one");
    assert_eq!(read(&file), None);
}

/// The writer that [`a_writer_killed_at_any_moment_leaves_a_whole_file`] kills; does nothing when run by itself.
#[tokio::test]
async fn writer_to_be_killed() {
    let Some(dir) = std::env::var_os("BROKERDECK_TEST_WRITER") else { return };
    let file = PrivateFile::new(Path::new(&dir), "tokens.json");
    for round in 0_u64.. {
        // Every version is one byte over and over, so that a torn file is seen at once.
        let bytes = vec![b'a' + u8::try_from(round % 26).unwrap(); 64 * 1024];
        file.locked(move |file| -> Result<(), FileError> { file.replace(&bytes) }).await.unwrap();
    }
}

/// `BROKERDECK_KILLS` raises the count.
#[cfg(unix)]
#[tokio::test]
async fn a_writer_killed_at_any_moment_leaves_a_whole_file() {
    use std::os::unix::fs::PermissionsExt;
    let kills = std::env::var("BROKERDECK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_u64);
    let dir = tempfile::tempdir().unwrap();
    let file = file(&dir);
    replace(&file, b"aaaa").await.unwrap();
    for kill in 0..kills {
        let mut writer = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "io::private_file::tests::writer_to_be_killed", "--nocapture"])
            .env("BROKERDECK_TEST_WRITER", dir.path().join("data"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // The first replacement tells that the writer runs; then a spread of moments.
        let before = std::fs::metadata(file.path()).unwrap().modified().unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while std::fs::metadata(file.path()).unwrap().modified().unwrap() == before {
            assert!(tokio::time::Instant::now() < deadline, "the writer never wrote");
            tokio::task::yield_now().await;
        }
        for _ in 0..kill * 37 % 400 {
            tokio::task::yield_now().await;
        }
        writer.kill().await.unwrap();
        let bytes = read(&file).unwrap();
        assert!(bytes.iter().all(|byte| *byte == bytes[0]) && [4, 64 * 1024].contains(&bytes.len()), "torn");
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    replace(&file, b"aaaa").await.unwrap();
    let left = std::fs::read_dir(dir.path().join("data")).unwrap().count();
    assert_eq!(left, 2, "the file and its lock, no half-written copies");
}
