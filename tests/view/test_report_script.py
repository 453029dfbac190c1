"""The script of the report in a JavaScript engine, on a made-up document that knows no HTML."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from py_mini_racer import MiniRacer

from cohobate.view.report import table
from cohobate.view.report.markup import embed
from view.campaigns import campaign
from view.test_report import EVIL, evil_run

DOCUMENT = """
class Element {
  constructor(name) {
    this.name = name; this.children = []; this.attributes = {}; this.listeners = {}; this.value = "";
    this.own = ""; this.className = ""; this.disabled = false;
  }
  get textContent() { return this.own + this.children.map((child) => child.textContent).join(""); }
  set textContent(text) { this.own = String(text); this.children = []; }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  append(...more) { this.children.push(...more); }
  replaceChildren(...all) { this.children = all; }
  addEventListener(kind, act) { this.listeners[kind] = act; }
  fire(kind) { this.listeners[kind](); }
}
const elements = {};
const document = {
  getElementById: (id) => elements[id] ??= new Element(id),
  createElement: (name) => new Element(name),
};
globalThis.setTimeout = (act) => { act(); return 0; };
globalThis.clearTimeout = () => {};
const cells = () => elements.rows.children.map((line) => line.children.map((cell) => cell.textContent));
"""


class Page:
    """The script started on a table; what a person does and sees."""

    def __init__(self, data: object) -> None:
        self._engine = MiniRacer()
        self._engine.eval(DOCUMENT)
        self.call(f"document.getElementById('data').textContent = {json.dumps(embed(data).html)}; 0")
        self._engine.eval(files("cohobate.view.report").joinpath("page.js").read_text())

    def call(self, code: str) -> object:
        return json.loads(self._engine.eval(f"JSON.stringify((() => {{ {_returning(code)} }})())"))

    @property
    def heads(self) -> list[str]:
        return self.call("elements.heads.children.map((head) => head.children[0].own)")

    @property
    def rows(self) -> list[dict[str, str]]:
        return [dict(zip(self.heads, row, strict=True)) for row in self.call("cells()")]

    @property
    def sorts(self) -> list[str]:
        return self.call("elements.heads.children.map((head) => head.attributes['aria-sort'])")

    @property
    def count(self) -> str:
        return self.call("elements.count.textContent")

    def sort(self, name: str) -> None:
        self.call(f"elements.heads.children[{self.heads.index(name)}].children[0].fire('click'); 0")

    def filter(self, text: str) -> None:
        self.call(f"elements.filter.value = {json.dumps(text)}; elements.filter.fire('input'); 0")

    def choose(self, status: str) -> None:
        self.call(f"elements.status.value = {json.dumps(status)}; elements.status.fire('change'); 0")

    def press(self, button: str) -> None:
        self.call(f"elements.{button}.fire('click'); 0")


def _returning(code: str) -> str:
    *before, last = code.split("; ")
    return "; ".join([*before, f"return {last};"])


@pytest.fixture(scope="module")
def views():
    return campaign(120)


@pytest.fixture
def page(views):
    return Page(table.data(views, {"ie": "eV"}))


def ids(page: Page) -> list[int]:
    return [int(row["id"]) for row in page.rows]


def test_it_shows_pages_of_all_trials(page):
    assert ids(page) == list(range(50))
    assert page.count == "120 of 120 trials"
    page.press("next")
    page.press("next")
    assert ids(page) == list(range(100, 120))
    assert page.call("[elements.previous.disabled, elements.next.disabled]") == [False, True]
    page.press("previous")
    assert ids(page) == list(range(50, 100))


def test_heads_sort_numbers_both_ways_with_what_is_missing_last(page, views):
    values = {row["id"]: row["ie"] for row in views.table()}
    known = [i for i in values if values[i] is not None]
    missing = [i for i in values if values[i] is None]
    for down in (True, False):
        page.sort("ie")
        expected = sorted(known, key=lambda i: values[i], reverse=down) + missing
        assert ids(page) == expected[:50]
        assert page.sorts[page.heads.index("ie")] == ("descending" if down else "ascending")
        page.press("next")
        page.press("next")
        assert ids(page) == expected[100:]
        page.press("previous")
    assert page.sorts.count("none") == len(page.heads) - 1


def test_text_sorts_as_text(page):
    page.sort("smiles")
    shown = [row["smiles"] for row in page.rows]
    assert shown == sorted(shown)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("conformer", lambda row: row["status"] == "raised"),
        ("CONFORMER raised", lambda row: row["status"] == "raised"),
        ("ie > 11", lambda row: (row["ie"] or 0) > 11),
        ("ie>=11 seconds<2", lambda row: (row["ie"] or 0) >= 11 and row["seconds"] < 2),
        ("status=timeout", lambda row: row["status"] == "timeout"),
        ("id = 7", lambda row: row["id"] == 7),
        ("smiles=cco", lambda row: row["smiles"] == "CCO"),
        ("nothing-like-this", lambda row: False),
        ("x=y", lambda row: False),
    ],
)
def test_filters_take_words_and_conditions(page, views, text, wanted):
    page.filter(text)
    found = [row["id"] for row in views.table() if wanted(row)]
    assert page.count == f"{len(found)} of 120 trials"
    assert ids(page) == found[:50]


def test_the_status_is_chosen_from_a_list(page):
    options = page.call("elements.status.children.map((option) => option.attributes.value)")
    assert options == ["done", "raised", "timeout"]
    page.choose("timeout")
    assert {row["status"] for row in page.rows} == {"timeout"}
    page.filter("no such thing")
    assert page.rows == []
    assert page.call("elements.place.textContent") == "page 1 of 1"


@pytest.mark.parametrize("evil", EVIL)
def test_what_is_hostile_is_shown_as_text(evil):
    views, _ = evil_run(evil)
    page = Page(table.data(views, {}))
    shown = [cell for row in page.rows for cell in row.values()]
    assert any(evil[:15] in cell for cell in [*shown, *page.heads])
    assert page.call("elements.rows.children.every((line) => line.children.every((cell) => !cell.children.length))")


def test_ten_thousand_rows_sort_at_once():
    page = Page(table.data(campaign(10_000), {}))
    page.sort("ie")
    values = [float(row["ie"]) for row in page.rows]
    assert values == sorted(values, reverse=True)
    assert page.count == "10,000 of 10,000 trials"


def test_columns_say_what_they_are(views):
    data = table.data(views, {"ie": "eV"})
    kinds = {column["name"]: column["kind"] for column in data["columns"]}
    assert kinds["ie"] == kinds["id"] == kinds["seconds"] == "number"
    assert kinds["smiles"] == kinds["status"] == "text"
    assert kinds["finished"] == kinds["proposed"] == "time"
    assert "traceback" not in kinds
    assert "cached" not in kinds
    (unit,) = (column["unit"] for column in data["columns"] if column["name"] == "ie")
    assert unit == "eV"
