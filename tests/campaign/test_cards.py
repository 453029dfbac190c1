"""What a notebook shows of a campaign, its handle and its result."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import cohobate as co
from cohobate.core.card import Card


class Text(HTMLParser):
    """Reads a card; fails on anything that could act."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open = 0

    def handle_starttag(self, tag, attrs):
        assert tag in {"div", "b", "progress", "table", "thead", "tbody", "tr", "th", "td"}
        assert {name for name, _ in attrs} <= {"style", "scope", "value", "max"}
        self.open += 1

    def handle_endtag(self, tag):
        self.open -= 1

    def handle_data(self, data):
        self.words.append(data)


def read(html: str) -> str:
    parser = Text()
    parser.feed(html)
    assert parser.open == 0
    assert len(html) < 6000
    return " ".join(parser.words)


def square(x):
    if x > 0.9:
        raise ValueError("<script>too large</script>")
    return x * x


def campaign(**more):
    return co.Campaign(co.RandomSampler({"x": co.Real(0, 1, unit="nm")}, minimize="f"), square, co.inline(), **more)


def test_a_campaign_says_what_it_will_do(tmp_path):
    made = campaign(run=tmp_path / "run", deadline=60)
    text = read(made._repr_html_())
    for said in (
        "Campaign: will run",
        "Sampler over x from 0 to 1 nm",
        "RandomSampler",
        "square",
        "f: minimize",
        "60 s",
        str(tmp_path),
    ):
        assert said in text
    assert not (tmp_path / "run").exists()
    made.run(co.evaluations(3))
    assert "has run" in read(made._repr_html_())


def test_a_pool_is_counted():
    pool = co.Pool(["CCO", "CC"], name="smiles")
    made = co.Campaign(co.RandomSampler(pool, maximize="f"), len, co.inline())
    assert "2 candidates (smiles)" in read(made._repr_html_())


def test_a_result_shows_counts_best_and_failures():
    result = campaign().run(co.evaluations(30))
    text = read(result._repr_html_())
    best = result.best(5)
    assert "30 (" in text
    assert all(f"{row['f']:.6g}" in text for row in best)
    assert "raised: ValueError: <script>too large</script>" in text


def test_a_handle_shows_how_it_stands():
    handle = campaign().start(co.evaluations(20))
    handle.result(30)
    text = read(handle._repr_html_())
    assert "Campaign: done" in text
    assert "20 of 20" in text
    assert 'value="20" max="20"' in handle._repr_html_()


@pytest.mark.parametrize("evil", ["<img src=x onerror=alert(1)>", "\"'&lt;", "a\u202e\x00", "x" * 10_000])
def test_a_card_is_text(evil):
    read(Card(evil, [(evil, evil)] * 3, (1, 2), [evil], [[evil]]).html())
