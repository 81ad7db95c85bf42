"""Every page: how it looks, that it is accessible, and that nothing on it runs that should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.conftest import HOSTILE_FILES, HOSTILE_PLACE, HOSTILE_TEXT, LINKED

if TYPE_CHECKING:
    from acceptance.running import RunningServer
    from browser.watching import Watch, Watched


PAGES = {
    "start": "/",
    "jobs": "/console/jobs",
    "job": "/console/jobs/component",
    "job-hostile": "/console/jobs/hostile",
    "job-failed": "/console/jobs/broken",
    "compilations": "/console/compilations",
    "compilation": "/console/compilations/digits-compiled",
    "components": "/console/components",
    "component": "/console/components/com.example.Hostile/1.0.2",
    "workers": "/console/workers",
    "new-job": "/console/new-job?from=component",
    "new-compilation": "/console/new-compilation",
}


def test_each_page_is_accessible_and_quiet_in_light_dark_and_on_a_phone(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy)
    watched.goto("/")
    watched.picture("sign-in")
    watched.sign_in()
    for name, path in PAGES.items():
        watched.goto(path)
        expect(watched.page.locator("h1")).to_be_visible()
        _nothing_ran(watched)  # before axe, which marks what it looks at
        watched.picture(name)


def test_empty_pages_help(empty: RunningServer, watch: Watch) -> None:
    watched = watch(empty)
    watched.sign_in()
    watched.look_at("ap-south-1")  # no other test has a job there
    watched.picture("start-empty")
    steps = watched.page.locator(".steps")
    expect(steps).to_contain_text(f"--endpoint-url {empty.url} --region ap-south-1")
    expect(steps).to_contain_text(f"cp src/edgewright/demo/data/digits.tar.gz {empty.data_dir}/objects/models/")
    for name in ("jobs", "compilations", "components"):
        watched.goto(f"/console/{name}")
        expect(watched.page.get_by_role("heading", level=2)).to_contain_text("yet in ap-south-1")
        watched.check_accessibility(f"{name}, empty")


def test_names_that_would_like_to_be_scripts_are_shown_as_they_are(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy)
    watched.sign_in()
    watched.goto("/console/jobs/hostile")
    files = watched.page.locator("table.files tbody th")
    shown = set(files.all_text_contents())
    assert {name.replace("\u202e", "\\u202e") for name in HOSTILE_FILES} <= shown
    expect(watched.page.locator(".place")).to_contain_text(HOSTILE_PLACE)
    watched.goto("/console/jobs/broken")
    expect(watched.page.locator(".reason")).to_contain_text(LINKED)
    watched.goto("/console/components")
    expect(watched.page.get_by_text(HOSTILE_TEXT, exact=True)).to_be_visible()
    _nothing_ran(watched)


HOSTILE_ADDRESSES = (
    '/console/jobs?q="><script>window.hit=1</script>',
    '/console/jobs?status="><img src=x onerror=window.hit=1>',
    "/console/jobs/<script>window.hit=1</script>",
    "/console/jobs?after=<script>window.hit=1</script>",
    "/console/<script>window.hit=1</script>",
    '/console/new-job?name="><script>window.hit=1</script>&from=<script>',
    "/console/sign-in?next=javascript:window.hit=1",
)


def test_what_an_address_holds_does_not_run(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy, expected=(400, 404))
    watched.sign_in()
    for path in HOSTILE_ADDRESSES:
        watched.goto(path)
        expect(watched.page.locator("h1")).to_be_visible()
        _nothing_ran(watched)


def test_a_policy_that_allows_no_other_script_holds(busy: RunningServer, watch: Watch) -> None:
    """The second wall: even a script that got into a page would not run, nor reach another host."""
    watched = watch(busy)
    watched.sign_in()
    said: list[str] = []
    watched.page.on("console", lambda message: said.append(message.text))
    watched.page.evaluate(
        "const made = document.createElement('script'); made.textContent = 'window.hit = 1';"
        "document.body.append(made);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=window.hit=1>');"
    )
    watched.page.evaluate("fetch('https://example.com/').catch(() => {})")
    watched.page.wait_for_timeout(100)
    assert watched.page.evaluate("window.hit") is None
    assert len([text for text in said if "Content Security Policy" in text]) >= 3
    watched.faults.clear()  # they are the policy's own, and wanted


def _nothing_ran(watched: Watched) -> None:
    page = watched.page
    assert page.evaluate("window.hit") is None
    assert page.locator("script").count() == 1, "the page's own script, and none beside it"
    handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on')))"
    assert page.evaluate(f"{handlers}.length") == 0
    assert page.locator("[style], style").count() == 0
