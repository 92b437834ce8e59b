"""The report: one well-formed page that needs nothing from outside, holds the numbers of the files, and works in a browser."""

import base64
import html.parser
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import write_run

import lrmkmc
from lrmkmc import svg, viewer
from lrmkmc.__main__ import main

VOID = {"meta", "link", "br", "input"}
SIZE_LIMIT = 10_000_000


@pytest.fixture(scope="session")
def report(program: Path, study_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small study, made as a user makes it."""
    output = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["report", str(study_dir), "-o", str(output), "--kmc", str(program)]) == 0
    return output


class Page(html.parser.HTMLParser):
    """Collects elements and checks that every one is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()


def parsed(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_page_is_well_formed_and_needs_nothing(report: Path) -> None:
    page = parsed(report)
    ids = [a["id"] for _, a in page.seen if "id" in a]
    assert len(ids) == len(set(ids))
    text = report.read_text(encoding="utf-8")
    assert "http:" not in text and "https:" not in text and "@import" not in text
    for tag, attributes in page.seen:
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:")), (tag, target[:40])
            if target.startswith("#") and len(target) > 1:
                assert target[1:] in ids
    assert report.stat().st_size < SIZE_LIMIT


def test_page_has_tables_figures_and_provenance(report: Path, study_dir: Path) -> None:
    page = parsed(report)
    tables = {a["id"] for tag, a in page.seen if tag == "table" and "id" in a}
    assert tables == {"overview", "differences", "records", "cycles-0", "cycles-1"}
    assert sum(tag == "svg" for tag, _ in page.seen) == 1 + 2 * 12
    text = report.read_text(encoding="utf-8")
    run = lrmkmc.load_study(study_dir).runs["o3"]
    fade = run.record("voltage_fade_mV_per_cycle")
    assert f'data-v="{fade.mean!r}"' in text
    for fact in ("parameter_hash", "version", "git_hash", "composition", "claims"):
        assert str(run.info[fact]) in text
    assert "protocol.upper_cutoff_V" in text or "upper_cutoff_V" in text  # resolved.toml
    assert "0.1 eV in a barrier is a factor 49" in text


def test_differences_are_those_of_the_program(report: Path, study_dir: Path, program: Path) -> None:
    told = lrmkmc.load_study(study_dir).compare(program).differences
    text = report.read_text(encoding="utf-8")
    table = text[text.index('id="differences"') :]
    for value in [*told["mean"], *told["p_holm"]]:
        assert f'data-v="{value!r}"' in table


def test_an_existing_file_stays(report: Path, study_dir: Path, capsys: Any) -> None:
    before = report.read_bytes()
    assert main(["report", str(study_dir), "-o", str(report)]) == 2
    assert "exists; --force overwrites it" in capsys.readouterr().err
    assert report.read_bytes() == before


def test_what_is_no_run_is_named(tmp_path: Path, capsys: Any) -> None:
    assert main(["report", str(tmp_path / "none"), "-o", str(tmp_path / "r.html")]) == 2
    assert "expected a run directory" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_words_from_files_cannot_become_markup(tmp_path: Path, monkeypatch: Any) -> None:
    """A description is text, in the page as in the JSON inside it."""
    monkeypatch.setattr("lrmkmc.figures.FIGURES", {})
    folder = write_run(tmp_path / "run")
    info = json.loads((folder / "run.json").read_text())
    info |= {"description": "<script>alert(1)</script>", "scenario": "</script><b>x"}
    (folder / "run.json").write_text(json.dumps(info))
    output = tmp_path / "r.html"
    assert main(["report", str(folder), "-o", str(output)]) == 0
    tags = [tag for tag, _ in parsed(output).seen]
    assert tags.count("script") == 2 and "b" not in tags


def test_svg_keeps_every_label_and_names_its_colours(run_dir: Path) -> None:
    """Coordinates are shortened, words and numbers are not."""
    figure = lrmkmc.load(run_dir).figure("mean_voltages")
    figure.axes[0].set_title("p = 0.00481")
    text = svg.inline(figure, "f1", "label")
    assert ">p = 0.00481<" in text and "#" not in re.sub(r"(url\(#|href=\"#)", "", text)
    assert all(i.startswith("f1-") for i in re.findall(r'\bid="([^"]+)"', text))
    assert "0072b2" in svg.used([text])


@pytest.mark.parametrize(
    ("light", "dark"), [("000000", "ededed"), ("ffffff", "1b1b1b"), ("56b4e9", "56b4e9")]
)
def test_dark_scheme(light: str, dark: str) -> None:
    assert svg.scheme([light], True) == f"--c-{light}:#{dark};"
    assert svg.scheme([light], False) == f"--c-{light}:#{light};"


def test_viewer_has_every_site_of_the_snapshot(run_dir: Path) -> None:
    """What the page draws is what ASE gets: kinds by number, positions to half a step."""
    run = lrmkmc.load(run_dir)
    data = viewer.payload(run, "run")
    assert data is not None and len(data["frames"]) == 4
    places = np.frombuffer(base64.b64decode(data["sites"]), "<u2").reshape(-1, 3)
    positions = places * data["step"] + np.array(data["origin"])
    classes = np.frombuffer(base64.b64decode(data["frames"][2]["classes"]), np.uint8)
    labels = np.array(["", *(c["label"] for c in data["classes"])])[classes]
    table = run.snapshot(6, "charge").table()
    for symbol in ("Mn", "Ni", "Co", "Li"):
        seen = np.isin(labels, [symbol, f"{symbol} in the Li layer"])
        mine = positions[seen]
        theirs = table.loc[table["symbol"] == symbol, ["x_A", "y_A", "z_A"]].to_numpy()
        assert len(mine) == len(theirs)
        order = [np.lexsort(p.round(1).T) for p in (mine, theirs)]
        assert mine[order[0]] == pytest.approx(theirs[order[1]], abs=0.006)
    moved = table["symbol"].isin(["Mn", "Ni", "Co"]) & (table["layer"] == "Li")
    assert sum("in the Li layer" in label for label in labels) == moved.sum() > 0


def test_large_boxes_are_cropped(tmp_path: Path) -> None:
    run = lrmkmc.load(write_run(tmp_path / "run", cycles=2, cells=60, replicas=1))
    data = viewer.payload(run, "run")
    assert data is not None and "around the middle of 60 × 60 cells × 6 planes" in data["note"]
    classes = np.frombuffer(base64.b64decode(data["frames"][0]["classes"]), np.uint8)
    assert 5_000 < (classes > 0).sum() < 1.2 * viewer.MAX_ATOMS


# ---- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("width", [1366, 390])
def test_page_works_in_chromium(report: Path, browser: Any, width: int) -> None:
    """No message, no request, no sideways scroll; tables sort, the viewer turns and zooms, colours switch."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme="light")
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelector('canvas').dataset.drawn > 0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    column = "#cycles-0 tbody td:nth-child(6)"
    page.click("#cycles-0 thead th:nth-child(6) button")
    up = [float(v) for v in page.eval_on_selector_all(column, "l => l.map(c => c.dataset.v)")]
    page.click("#cycles-0 thead th:nth-child(6) button")
    down = [float(v) for v in page.eval_on_selector_all(column, "l => l.map(c => c.dataset.v)")]
    assert up == sorted(up) and down == sorted(up, reverse=True) and len(set(up)) > 1

    def state(name: str) -> str:
        page.wait_for_timeout(120)
        return str(page.evaluate(f"document.querySelector('canvas').dataset.{name}"))

    page.locator("canvas").scroll_into_view_if_needed()
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    turn, zoom, drawn = state("turn"), state("zoom"), int(state("drawn"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=3)
    page.mouse.up()
    assert state("turn") != turn
    page.mouse.wheel(0, -300)
    assert float(state("zoom")) > float(zoom)
    page.locator(".species input").first.uncheck()
    assert int(state("drawn")) < drawn
    page.select_option(".snapshot", "0")
    assert "as made" in page.inner_text(".viewer .state")
    page.click("[data-view='110']")
    assert state("turn").startswith("-0.500 0.866 0.000")

    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click(".scheme")
    assert page.evaluate(paper) != light
    assert said == [] and asked == [report.as_uri()]
    page.close()
