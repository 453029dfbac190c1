"""The report and the pictures of a fit, from its result and from its run folder."""

from __future__ import annotations

import pytest

import cohobate as co
from cohobate.cli.picturing import report
from cohobate.core.errors import UserError
from cohobate.fit.texts import with_error
from view.test_report import read

EVIL = "<script>document.title='owned'</script>"


def fitter(run=None, name=EVIL):
    terms = [
        co.Term(
            lambda a, b: [a + b * x for x in range(6)],
            [1, 3.1, 4.9, 7.1, 9, 10.9],
            sigma=0.1,
            name=name,
            unit="eV",
            version="1",
        ),
        co.Term(lambda a, b: {"x": a * b, "y": a - b}, {"x": 2.0, "y": -1.0}, name="pair", version="1"),
    ]
    params = {"a": 0.5, "b": co.Parameter(1.0, 0.0, 3.0), "c": co.Parameter(2.0, fixed=True)}
    far = co.Term(lambda a, b: a + 9 * b, 18.7, name="far", unit="eV", version="1")
    return co.Fitter(terms, params, engine=co.inline(), run=run, validation=far)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return fitter(tmp_path_factory.mktemp("fit") / "run").least_squares()


def sections(page):
    return [value for name, value in page.attributes if name == "href" and value.startswith("#")]


def test_a_report_is_one_page_of_escaped_text_with_its_plots(result, tmp_path):
    path = result.report(tmp_path / "report.html")
    page = read(path.read_text())
    assert sections(page)[:4] == ["#fit", "#terms", "#validation", "#parity"]
    text = " ".join(page.texts)
    assert EVIL in text
    for part in ("Correlations of the parameters", "Where the loss is", "Values against targets", "Reduced chi-square"):
        assert part in text
    for name, error in result.errors.items():
        assert with_error(result.values[name], error) in text


def test_a_report_needs_a_name_of_a_page(result, tmp_path):
    with pytest.raises(UserError, match=r"ending in \.html"):
        result.report(tmp_path / "report.pdf")


def test_the_command_reports_a_fit_from_its_folder(result, tmp_path, capsys):
    folder = result.setup.place.folder
    report([tmp_path / "page.html"], folder)
    assert "report: " in capsys.readouterr().out
    page = read((tmp_path / "page.html").read_text())
    assert sections(page)[:3] == ["#fit", "#terms", "#validation"]


@pytest.mark.parametrize("kind", ["parity", "terms", "correlations", "history"])
def test_pictures_are_drawn_and_saved(result, tmp_path, kind):
    result.plot(tmp_path / "plot.svg", kind=kind)
    assert (tmp_path / "plot.svg").read_text().rstrip().endswith("</svg>")


def test_what_cannot_be_drawn_is_told(result):
    with pytest.raises(UserError, match="expected one of"):
        result.plot(kind="party")
    unsure = fitter(name="line").scipy(until=co.evaluations(5))
    with pytest.raises(UserError, match="the errors are not known yet"):
        unsure.plot(kind="correlations")
