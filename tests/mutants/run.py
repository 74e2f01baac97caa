#!/usr/bin/env python3
"""Breaks one rule of session and blotter at a time and asks the laboratory whether it notices.

    tests/mutants/run.py [NAME...]      all mutants, or those whose name holds one of the words
    tests/mutants/run.py --check        only whether each still fits the sources

Every mutant of mutants.toml becomes a branch that a number throws, in a copy of the sources, so that one build holds all of
them and the program itself holds none. A mutant is caught when a seed goes wrong, or else a unit test of session and
domain; one that is harmless says why, and must not be caught.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# How long the tests may take with a mutant, in seconds: one of them may wait for ever for what it took away.
LONGEST = 900
SWITCH = """//! Which mutant is awake; written by tests/mutants/run.py.

static AWAKE: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
    std::env::var("BROKERDECK_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
});

pub(crate) fn on(number: u32) -> bool {
    *AWAKE == number
}
"""


def place_of(text, mutant):
    """Where the mutated piece begins: `find`, once, in `at`, which stands once in the file."""
    context = mutant.get("at", mutant["find"])
    if text.count(context) != 1:
        raise ValueError(f"{mutant['name']}: its place is found {text.count(context)} times in {mutant['file']}")
    if context.count(mutant["find"]) != 1:
        raise ValueError(f"{mutant['name']}: the piece is found {context.count(mutant['find'])} times in its place")
    return text.index(context) + context.index(mutant["find"])


def mutate(tree, mutants):
    """Writes every mutant into the copy, from the end of each file to its beginning."""
    pieces = {}
    for number, mutant in enumerate(mutants, 1):
        path = tree / mutant["file"]
        text = path.read_text()
        pieces.setdefault(path, []).append((place_of(text, mutant), number, mutant))
    for path, found in pieces.items():
        text = path.read_text()
        for start, number, mutant in sorted(found, reverse=True, key=lambda piece: piece[0]):
            old, new = mutant["find"], mutant["put"]
            if mutant.get("statement"):
                branch = f"if crate::mutants::on({number}) {{ {new} }} else {{ {old} }}"
            else:
                branch = f"(if crate::mutants::on({number}) {{ {new} }} else {{ {old} }})"
            text = text[:start] + branch + text[start + len(old) :]
        path.write_text(text)
    (tree / "src/mutants.rs").write_text(SWITCH)
    root = tree / "src/lib.rs"
    root.write_text(root.read_text() + "\npub(crate) mod mutants;\n")


def build(tree, target):
    command = ["cargo", "test", "--lib", "--no-run", "--message-format=json", "--locked"]
    env = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": os.environ.get("RUSTFLAGS", "") + " -Awarnings"}
    if not os.environ.get("RUSTFLAGS"):
        # The dependencies that are built already serve here too.
        del env["RUSTFLAGS"]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        for line in done.stdout.splitlines():
            message = json.loads(line).get("message") or {}
            if message.get("level") == "error":
                print(message.get("rendered", ""), file=sys.stderr)
        sys.exit("the mutants do not compile")
    built = [json.loads(line) for line in done.stdout.splitlines()]
    binary = next(one["executable"] for one in built if one.get("executable") and one.get("profile", {}).get("test"))
    # The compiler would take this build for one of the sources themselves.
    kept = shutil.copy(binary, target / "mutants/tests-with-mutants")
    shutil.rmtree(target / "debug/.fingerprint" / pathlib.Path(binary).stem, ignore_errors=True)
    return kept


def run(binary, tree, number, seeds, what):
    env = {**os.environ, "BROKERDECK_MUTANT": str(number), "BROKERDECK_LAB_SEEDS": str(seeds), "RUST_BACKTRACE": "0"}
    env["BROKERDECK_LAB_ENOUGH"] = "1"
    try:
        done = subprocess.run([binary, *what], cwd=tree, env=env, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return True, "it does not end"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    told = [line for line in lines if line.startswith('"') or line.endswith("FAILED")]
    return done.returncode != 0, told[0][:150] if told else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=3_000)
    parser.add_argument("--source", type=pathlib.Path, default=ROOT)
    options = parser.parse_args()
    mutants = tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]
    fitting, wrong = [], []
    for mutant in mutants:
        try:
            place_of((options.source / mutant["file"]).read_text(), mutant)
            fitting.append(mutant)
        except (OSError, ValueError) as error:
            wrong.append(str(error))
    print(f"{len(fitting)} of {len(mutants)} mutants fit the sources", *wrong, sep="\n", flush=True)
    if options.check:
        sys.exit(bool(wrong))
    mutants = fitting
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    tree = target / "mutants"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(options.source, tree, ignore=shutil.ignore_patterns("target", ".git", ".ci"))
    mutate(tree, mutants)
    binary = build(tree, target)
    spoilt, told = run(binary, tree, 0, options.seeds, ["lab::ten_thousand"])
    if spoilt:
        sys.exit(f"the laboratory finds something without any mutant: {told}")
    survivors, counts = [], {}
    for number, mutant in enumerate(mutants, 1):
        name = mutant["name"]
        if options.names and not any(word in name for word in options.names):
            continue
        began = time.monotonic()
        caught, told = run(binary, tree, number, options.seeds, ["lab::ten_thousand"])
        by = "laboratory"
        if not caught and "harmless" not in mutant:
            caught, told = run(binary, tree, number, 0, ["session::machine", "session::resync", "session::backfill", "domain::"])
            by = "unit tests"
        took = time.monotonic() - began
        if caught == ("harmless" in mutant):
            survivors.append(name)
        word = f"caught by the {by}" if caught else "harmless" if "harmless" in mutant else "SURVIVES"
        counts[word] = counts.get(word, 0) + 1
        print(f"{number:3} {took:6.1f} s  {word:24} {name}: {told}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    if wrong:
        sys.exit(f"{len(wrong)} mutants do not fit the sources any more")
    if survivors:
        sys.exit(f"not as expected: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
