"""The widget of a started campaign: it keeps up, it stops the campaign, and it ends with it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import cohobate as co
from cohobate.core.errors import MissingExtra
from cohobate.host import extras
from cohobate.propose.learners.sequence import SequenceLearner

PNG = b"\x89PNG"


def sampler() -> Any:
    return co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")


def ended(timeout: float = 30.0) -> None:
    """Waits until no widget is renewed any more."""
    for thread in threading.enumerate():
        if thread.name == "cohobate-live":
            thread.join(timeout)
            assert not thread.is_alive()


def until(holds: Any) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_without_ipywidgets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    handle = co.Campaign(sampler(), lambda x: x, co.threads(1)).start(co.evaluations(1))
    handle.result(30)
    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"cohobate\[notebook\]"):
        co.live(handle)


@pytest.fixture
def _widgets() -> None:
    pytest.importorskip("ipywidgets", reason="the extra notebook is not installed")


@pytest.mark.usefixtures("_widgets")
class TestWidget:
    def test_the_card_keeps_up_and_ends_with_the_campaign(self):
        go_on = threading.Event()

        def held(x: float) -> float:
            if x > 0.5:
                go_on.wait(30)
            return x

        handle = co.Campaign(sampler(), held, co.threads(2)).start(co.evaluations(30))
        card, button, picture, said = co.live(handle, every=0.01, plot=False).children
        assert "Campaign: running" in card.value
        go_on.set()
        handle.result(30)
        ended()
        assert "Campaign: done" in card.value
        assert "30 of 30" in card.value
        assert (button.disabled, button.description) == (True, "Stopped")
        assert picture.layout.display == "none"
        assert said.value == ""

    def test_the_button_stops_the_campaign(self):
        handle = co.Campaign(sampler(), lambda x: x, co.threads(2)).start()
        _, button, *_ = co.live(handle, every=0.01, plot=False).children
        button.click()
        assert handle.result(30).reason == "stopped by hand"
        ended()

    def test_the_best_so_far_is_drawn(self):
        handle = co.Campaign(sampler(), lambda x: x, co.threads(2)).start(co.evaluations(20))
        *_, picture, said = co.live(handle, every=0.01).children
        handle.result(30)
        ended()
        assert bytes(picture.value[:4]) == PNG
        assert picture.layout.display == ""
        assert said.value == ""

    def test_a_generator_that_draws_itself_is_drawn_between_its_turns(self):
        drawing: list[str] = []

        class Drawn:
            problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))
            turns = threading.Lock()

            def suggest(self, n: int) -> list[dict[str, float]]:
                with self.turns:
                    return [{"x": 0.5}]

            def ingest(self, results: Any) -> None: ...

            def finalize(self) -> None: ...

            def plot(self) -> Any:
                from matplotlib.figure import Figure

                drawing.append("turn" if self.turns.locked() else "between")
                figure = Figure(figsize=(1, 1))
                figure.subplots().plot([0, 1])
                return figure

        handle = co.Campaign(Drawn(), lambda x: x, co.threads(2)).start()
        *_, picture, _ = co.live(handle, every=0.01, plot_every=0.01).children
        until(lambda: len(drawing) > 2)
        handle.cancel()
        handle.result(30)
        ended()
        assert set(drawing) == {"between"}
        assert bytes(picture.value[:4]) == PNG

    def test_where_there_is_nothing_to_draw_it_says_why(self):
        handle = co.Campaign(SequenceLearner(range(5)), float, co.threads(2)).start()
        *_, picture, said = co.live(handle, every=0.01).children
        handle.result(30)
        ended()
        assert "no plot: " in said.value
        assert "nothing to plot" in said.value
        assert picture.layout.display == "none"

    def test_a_plot_of_ones_own_that_raises_is_told_as_text(self):
        handle = co.Campaign(sampler(), lambda x: x, co.threads(2)).start(co.evaluations(3))
        *_, said = co.live(handle, every=0.01, plot=lambda: 1 / 0).children
        handle.result(30)
        ended()
        assert "ZeroDivisionError" in said.value

    def test_a_figure_of_pyplot_is_let_go_of(self):
        from matplotlib import pyplot

        def figure() -> Any:
            made, axes = pyplot.subplots()
            axes.plot([0, 1])
            return made

        handle = co.Campaign(sampler(), lambda x: x, co.threads(2)).start(co.evaluations(3))
        *_, picture, _ = co.live(handle, every=0.01, plot=figure).children
        handle.result(30)
        ended()
        assert bytes(picture.value[:4]) == PNG
        assert pyplot.get_fignums() == []
