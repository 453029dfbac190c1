"""The report: one file that loads nothing, in which everything from elsewhere is text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from cohobate.core.errors import UserError
from cohobate.core.events import Declared, Finished, Learned, Opened, Proposed, Started
from cohobate.core.outcome import Failure, Value
from cohobate.core.trial import Note, Trial
from cohobate.ledger.ledger import memory_ledger
from cohobate.ledger.views import follow
from cohobate.view.report.about import About
from cohobate.view.report.page import page, write
from view.campaigns import XYZ, campaign

EVIL = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><svg onload=document.title='owned'>",
    "--><b>'\"&amp;&lt;",
    "<!--<script>",
    "]]></style></title>\u2028\u2029\x00\x1b[2J\u202e\ud800",
    "javascript:document.title='owned'",
    "$x^2$ {{7*7}} \\u003cb\\u003e",
)
VOID = {"meta", "input", "link", "br"}
TAGS = """
html head title style body header nav main section footer h1 h2 h3 p small a ul ol li dl dt dd div span b i code pre
details summary table caption thead tbody tr th td figure figcaption svg path text progress label select option output
button noscript script
"""
KNOWN = {*VOID, *TAGS.split()}


class Strict(HTMLParser):
    """Reads a page and fails on any tag that is unknown, unclosed or has a handler."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in KNOWN, tag
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "style", "xlink:href")]
        assert all(not value.startswith(("http", "//", "javascript")) for name, value in attrs if name == "href")
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        {"script": self.scripts, "style": self.styles}.get(where, self.texts).append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data!r}")


def read(html: str) -> Strict:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def evil_run(evil: str):
    """A run with ``evil`` wherever text can come from."""
    outputs = [
        {"is": "Output", "name": name, "goal": goal, "unit": evil}
        for name, goal in ((evil, "maximize"), ("g", "minimize"))
    ]
    variables = [[evil, {"is": "Choice", "values": [evil]}], ["smiles", {"is": "Choice", "values": ["CCO", evil]}]]
    problem = {"variables": variables, "outputs": outputs}
    generator = {"kind": evil, "settings": {evil: evil}}
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Declared({"problem": problem, "generator": generator, "simulator": evil})])
    ledger.append([Learned(evil, 1, 2, {evil: 0.5}, {evil: 1.0}, 0.5)])
    for i in range(8):
        trial = Trial(
            i, {evil: evil, "smiles": "CCO" if i % 2 else evil}, evil, Note(evil, 1, {evil: 1.0}, {evil: 0.1}, 0.2)
        )
        outcome = (
            Failure("raised", evil, f"Traceback\n{evil}\n") if i == 3 else Value({evil: float(i), "g": 1.0, "h": evil})
        )
        ledger.append(
            [Proposed(evil, i, (trial,), 1, 1.0), Started(i, 1, 1.0), Finished(i, 1, outcome, 2.0, 1.0, 1.0, evil)]
        )
    views = follow(ledger)
    manifest = {"versions": {evil: evil}, "sessions": [{"engine": evil, "command": [evil]}]}
    return views, About(evil, evil, evil, 10, evil, manifest, lambda trial: evil, 1e9)


@pytest.mark.parametrize("evil", EVIL)
def test_whatever_comes_from_elsewhere_is_text(evil, tmp_path):
    views, about = evil_run(evil)
    assert write(views, about, tmp_path / "report.html") > 10_000
    html = (tmp_path / "report.html").read_text()
    seen = read(html)
    assert len(re.findall(r"<(script|style)\b", html)) == 3
    assert "\x00" not in html
    assert "\u202e" not in html
    visible = evil[:20].split("\u2028")[0]
    assert any(visible in text for text in seen.texts)
    data = json.loads(seen.scripts[0])
    assert any(
        visible in str(cell) for column in data["columns"] for cell in column.get("words", column["cells"]) if cell
    )


def test_the_policy_lets_only_this_script_and_style_run():
    html = page(campaign(30), About("x"))
    seen = read(html)
    (policy,) = (value for name, value in seen.attributes if name == "content" and "default-src" in value)
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for rule, text in (("script-src", seen.scripts[1]), ("style-src", seen.styles[0])):
        assert rules[rule] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    assert not re.search(r"https?://|@import|url\(|fetch\(|innerHTML|insertAdjacent|eval\(", html)


def test_the_page_tells_everything():
    views = campaign(120, two=True, limit=True)
    about = About(
        "my screen", "stopped: goal reached", "120 evaluations", 120, "runs/ie", {"versions": {"numpy": "2.1"}}
    )
    seen = read(page(views, about))
    text = " ".join(" ".join(seen.texts).split())
    for said in (
        "my screen",
        "stopped: goal reached",
        "120 of 120",
        "Best candidates On the front",
        "Best ie against evaluations",
        "Best ie against run time",
        "What the model said of ie",
        "rank correlation",
        "Workers",
        "6 raised ValueError: no conformer of this molecule",
        "Traceback (most recent call last)",
        "at most 120",
        "2,521 candidates: smiles",
        "ActiveLearning",
        "numpy 2.1",
        "Pauses between sessions are left out.",
    ):
        assert said in text, said
    names = [value for name, value in seen.attributes if name == "id"]
    assert len(names) == len(set(names))
    links = {value[1:] for name, value in seen.attributes if name == "href"}
    assert links == {"best", "plots", "trials", "failures", "models", "what", "timing", "manifest"}
    assert links <= set(names)


def test_the_best_are_those_of_the_table():
    views = campaign(60, limit=True)
    seen = read(page(views, About("x")))
    best = [f"trial {row['id']}" for row in views.best(24)]
    ranks = [text.partition(", ")[2] for text in seen.texts if re.fullmatch(r"#\d+, trial \d+", text)]
    assert ranks == best


def test_molecules_are_drawn_small_and_in_the_colours_of_the_page():
    html = page(campaign(60), About("x"))
    drawings = re.findall(r'<svg class="mol".*?</svg>', html)
    assert len(drawings) == 24
    assert max(map(len, drawings)) < 6000
    assert not re.search(r"#[0-9A-Fa-f]{6}", "".join(drawings))


@pytest.mark.parametrize("missing", ["rdkit", "matplotlib"])
def test_it_needs_neither_rdkit_nor_matplotlib(monkeypatch, missing):
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    seen = read(page(campaign(30), About("x")))
    assert "Best ie against evaluations" in seen.texts


def test_an_empty_run_and_a_failed_one_have_a_report():
    ledger = memory_ledger()
    assert "Campaign" in read(page(follow(ledger), About("x"))).texts
    ledger.append([Opened(1, 0.0), Proposed("main", 1, (Trial(0, {"x": 1.0}),)), Started(0, 1, 0.0)])
    ledger.append([Finished(0, 1, Failure("raised", "no"), 1.0, 0.5, 0.5, "w")])
    assert any("1 raised" in text for text in read(page(follow(ledger), About("x"))).texts)


def test_another_suffix_or_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"ending in \.html"):
        write(campaign(3), About("x"), tmp_path / "report.pdf")
    with pytest.raises(UserError, match="cannot be written: No such file"):
        write(campaign(3), About("x"), tmp_path / "no" / "report.html")


def test_ten_thousand_trials_take_less_than_5_seconds_and_5_mb(tmp_path):
    views = campaign(10_000, workers=16, two=True)
    began = time.process_time()
    size = write(views, About("x"), tmp_path / "report.html")
    assert time.process_time() - began < 5.0
    assert size < 5e6


def test_a_table_that_would_be_too_large_says_how_much_it_holds():
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Proposed("main", 1, tuple(Trial(i, {"text": f"{i:0240d}"}) for i in range(30_000)))])
    data = json.loads(read(page(follow(ledger), About("x"))).scripts[0])
    assert data["trials"] == 30_000
    assert 5_000 < data["held"] < 30_000


BROWSER = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here; the script itself is tested without one")
@pytest.mark.parametrize("evil", [EVIL[0] + EVIL[1] + EVIL[2], EVIL[5]])
def test_a_browser_shows_it_and_runs_nothing_else(tmp_path, evil):
    views, about = evil_run(evil)
    write(views, about, tmp_path / "report.html")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    address = (tmp_path / "report.html").as_uri()
    done = subprocess.run([BROWSER, *flags, "--dump-dom", address], capture_output=True, text=True, timeout=50)
    assert "<title>owned" not in done.stdout
    assert done.stdout.count('<th scope="row" class="">') + done.stdout.count('<th scope="row" class="n">') == 8
    assert "8 of 8 trials" in done.stdout


def test_structures_are_drawn_without_rdkit(monkeypatch):
    monkeypatch.setattr("cohobate.view.report.best.can_draw", lambda: False)
    html = page(campaign(20, smiles=(XYZ,)), About("x"))
    assert 'class="mol"' not in html
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Declared({"problem": {"outputs": [{"name": "y", "goal": "minimize"}]}})])
    ledger.append([Proposed("main", 1, (Trial(0, {"structure": XYZ}),)), Started(0, 1, 1.0)])
    ledger.append([Finished(0, 1, Value({"y": 1.0}), 2.0, 1.0, 1.0, "w")])
    html = page(follow(ledger), About("x"))
    assert html.count('class="mol"') == 1
    assert "l O" in html
