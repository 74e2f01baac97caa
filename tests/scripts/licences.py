"""Checks the licence and source of every dependency, and that banned crates are absent; reads `cargo metadata` only."""
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "WTFPL", "Zlib",
}
BANNED = {"openssl-sys", "native-tls", "libdbus-sys"}


def allowed(expression):
    """True when every AND-part has an OR-alternative that is allowed."""
    text = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ")
    tokens = re.findall(r"\(|\)|AND|OR|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", text)

    def any_of(tokens):
        left = all_of(tokens)
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            right = all_of(tokens)
            left = left or right
        return left

    def all_of(tokens):
        left = atom(tokens)
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            right = atom(tokens)
            left = left and right
        return left

    def atom(tokens):
        token = tokens.pop(0)
        if token == "(":
            inner = any_of(tokens)
            tokens.pop(0)
            return inner
        return " ".join(token.split()) in ALLOWED

    return any_of(tokens)


metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True).stdout)
wrong = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    if package["source"] is None:
        continue
    if not package["source"].startswith("registry+"):
        wrong.append(f"{name} comes from {package['source']}")
    if package["name"] in BANNED:
        wrong.append(f"{name} is banned: it needs a system library")
    if not package["license"] or not allowed(package["license"]):
        wrong.append(f"{name} has the licence {package['license']!r}")
print("\n".join(wrong))
print(f"licences: {len(metadata['packages']) - len(wrong)} passed, {len(wrong)} failed")
sys.exit(bool(wrong))
